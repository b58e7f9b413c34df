//! A value as it comes in → a value as its field takes it.
//!
//! Invariant: a cell that leaves here fits its field: type, length, picklist.

use serde_json::Value;

use super::{Cell, RowError};
use crate::{
    model::{RecordId, Timestamp},
    simorg::soql::{Field, Kind},
};

/// What comes of one value.
pub(super) enum Taken {
    /// A value to be stored.
    Cell(Cell),
    /// The contents of a file.
    Bytes(Vec<u8>),
}

/// Checks one value for one field: type, length, picklist.
pub(super) fn take(field: &Field, value: &Value) -> Result<Taken, RowError> {
    if value.is_null() || value.as_str().is_some_and(str::is_empty) {
        return Ok(Taken::Cell(match field.kind {
            Kind::Boolean => Cell::Int(0),
            _ => Cell::Null,
        }));
    }
    if field.kind == Kind::Base64 {
        return bytes(field, value).map(Taken::Bytes);
    }
    let cell = typed(field, value)?;
    fits(field, &cell)?;
    Ok(Taken::Cell(cell))
}

fn bytes(field: &Field, value: &Value) -> Result<Vec<u8>, RowError> {
    use base64::Engine as _;
    let text = value.as_str().unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    bytes.map_err(|_| misfit(field, value))
}

/// A value that its field's type does not take.
///
/// Source: recorded answers of JSON bodies with values of the wrong type.
fn misfit(field: &Field, value: &Value) -> RowError {
    let shown = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let kind = match field.kind {
        Kind::Boolean => "xsd:boolean",
        Kind::Int => "xsd:int",
        Kind::Date => "xsd:date",
        Kind::DateTime => "xsd:dateTime",
        Kind::Time => "xsd:time",
        kind if kind.is_number() => "xsd:double",
        _ => "xsd:string",
    };
    RowError::new(
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        format!(
            "{}: value not of required type: {shown}: '{shown}' is not a valid value for the type {kind}",
            field.label
        ),
    )
    .about([&field.name])
}

fn typed(field: &Field, value: &Value) -> Result<Cell, RowError> {
    let wrong = || misfit(field, value);
    let text = value.as_str().map(str::trim);
    Ok(match field.kind {
        Kind::Boolean => match (value, text.map(str::to_ascii_lowercase).as_deref()) {
            (Value::Bool(it), _) => Cell::Int(i64::from(*it)),
            (_, Some("true" | "1")) => Cell::Int(1),
            (_, Some("false" | "0")) => Cell::Int(0),
            (Value::Number(it), _) => Cell::Int(i64::from(it.as_f64() != Some(0.0))),
            _ => return Err(wrong()),
        },
        kind if kind.is_number() => {
            let number = match text {
                Some(text) => text.parse::<f64>().ok(),
                None => value.as_f64(),
            };
            let number = number.filter(|it| it.is_finite()).ok_or_else(wrong)?;
            number_cell(field, number)
        }
        Kind::Date => {
            let text = text.ok_or_else(wrong)?;
            // A point in time is cut to its day.
            let day = text.split(['T', ' ']).next().unwrap_or(text);
            let at: Timestamp = format!("{day}T00:00:00Z").parse().map_err(|_| wrong())?;
            Cell::Text(at.day())
        }
        Kind::DateTime => {
            let text = text.ok_or_else(wrong)?;
            Cell::time(point(text).ok_or_else(wrong)?)
        }
        Kind::Time => {
            let text = text.ok_or_else(wrong)?;
            let plain = text.trim_end_matches('Z');
            let at: Timestamp = format!("1970-01-01T{plain}Z")
                .parse()
                .map_err(|_| wrong())?;
            Cell::Text(at.to_soap().split('T').nth(1).unwrap_or(plain).to_owned())
        }
        Kind::Id | Kind::Reference => {
            let text = text.ok_or_else(wrong)?;
            let id: RecordId = text
                .parse()
                .map_err(|_| RowError::malformed_id(&field.label, text).about([&field.name]))?;
            Cell::id(id)
        }
        _ => match value {
            Value::String(text) => {
                let is_long = matches!(field.kind, Kind::TextArea);
                // The platform trims what is no long text.
                let text = if is_long { text.as_str() } else { text.trim() };
                Cell::text(text)
            }
            Value::Number(it) => Cell::Text(it.to_string()),
            Value::Bool(it) => Cell::Text(it.to_string()),
            _ => return Err(wrong()),
        },
    })
}

/// A point in time in the forms that the API takes.
fn point(text: &str) -> Option<Timestamp> {
    let text = text.replacen(' ', "T", 1);
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    // `+0000` is how REST writes the zone, and a day alone begins at midnight.
    let more = match text.rfind(['+', '-']).filter(|it| *it > 10) {
        Some(at) if text.len() == at + 5 => format!("{}:{}", &text[..at + 3], &text[at + 3..]),
        _ if text.len() == 10 => format!("{text}T00:00:00Z"),
        _ => format!("{text}Z"),
    };
    more.parse().ok()
}

fn number_cell(field: &Field, number: f64) -> Cell {
    let scale = match field.kind {
        Kind::Int => 0,
        _ => i32::from(field.digits.1),
    };
    let factor = 10_f64.powi(scale);
    let rounded = if number.abs() < 1e15 && scale < 10 {
        (number * factor).round() / factor
    } else {
        number
    };
    #[expect(clippy::cast_possible_truncation, reason = "only where nothing is cut")]
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        Cell::Int(rounded as i64)
    } else {
        Cell::Real(rounded)
    }
}

fn fits(field: &Field, cell: &Cell) -> Result<(), RowError> {
    if field.kind.is_number() {
        let (precision, scale) = match field.kind {
            Kind::Int => (9, 0),
            _ => field.digits,
        };
        let whole = i32::from(precision) - i32::from(scale);
        let number = cell.as_f64().unwrap_or(0.0);
        if precision > 0 && 10_f64.powi(whole) <= number.abs() {
            return Err(RowError::new(
                "NUMBER_OUTSIDE_VALID_RANGE",
                format!(
                    "{}: value outside of valid range on numeric field: {number}",
                    field.label
                ),
            )
            .about([&field.name]));
        }
        return Ok(());
    }
    let Some(text) = cell.as_str() else {
        return Ok(());
    };
    let length = usize::try_from(field.length).unwrap_or(usize::MAX);
    if length > 0 && length < text.len() && length < text.chars().count() {
        let start: String = text.chars().take(length).collect();
        return Err(RowError::new(
            "STRING_TOO_LONG",
            format!(
                "{}: data value too large: {start} (max length={length})",
                field.label
            ),
        )
        .about([&field.name]));
    }
    if field.kind == Kind::Email && !is_address(text) {
        return Err(RowError::new(
            "INVALID_EMAIL_ADDRESS",
            format!("{}: invalid email address: {text}", field.label),
        )
        .about([&field.name]));
    }
    if field.restricted {
        let values: Vec<&str> = match field.kind {
            Kind::MultiPicklist => text.split(';').collect(),
            _ => vec![text],
        };
        let is_known = |value: &&str| {
            let mut all = field.picklist.iter().filter(|it| it.is_active);
            all.any(|it| it.value.eq_ignore_ascii_case(value))
        };
        if let Some(bad) = values.iter().find(|it| !is_known(it)) {
            return Err(RowError::new(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                format!(
                    "{}: bad value for restricted picklist field: {bad}",
                    field.label
                ),
            )
            .about([&field.name]));
        }
    }
    Ok(())
}

fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !text.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cell(field: &Field, value: &Value) -> Result<Cell, RowError> {
        match take(field, value)? {
            Taken::Cell(cell) => Ok(cell),
            Taken::Bytes(_) => panic!("no file"),
        }
    }

    #[test]
    fn text_and_json_give_the_same_value() {
        let amount = Field::new("Amount", Kind::Currency);
        assert_eq!(cell(&amount, &json!("10.5")), cell(&amount, &json!(10.5)));
        assert_eq!(cell(&amount, &json!(3)), Ok(Cell::Int(3)));
        assert_eq!(cell(&amount, &json!(1.005)), Ok(Cell::Int(1)));
        let flag = Field::new("F", Kind::Boolean);
        assert_eq!(cell(&flag, &json!("TRUE")), Ok(Cell::Int(1)));
        assert_eq!(cell(&flag, &Value::Null), Ok(Cell::Int(0)));
        let at = Field::new("At", Kind::DateTime);
        let wanted = Ok(Cell::Int(1_774_000_800_000));
        for text in [
            "2026-03-20T10:00:00Z",
            "2026-03-20T10:00:00.000+0000",
            "2026-03-20T12:00:00+02:00",
            "2026-03-20 10:00:00",
            "2026-03-20T10:00:00.000Z",
        ] {
            assert_eq!(cell(&at, &json!(text)), wanted, "{text}");
        }
        let time = Field::new("T", Kind::Time);
        assert_eq!(
            cell(&time, &json!("10:30:00")),
            Ok(Cell::Text("10:30:00.000Z".to_owned()))
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let mut text = Field::new("Code__c", Kind::Text);
        text.length = 3;
        let err = cell(&text, &json!("abcd")).unwrap_err();
        assert_eq!(err.code, "STRING_TOO_LONG");
        assert_eq!(
            err.message,
            "Code: data value too large: abc (max length=3)"
        );
        let mut list = Field::new("Size__c", Kind::Picklist);
        list.picklist.push(crate::simorg::soql::Choice::new("S"));
        assert!(cell(&list, &json!("XL")).is_ok());
        list.restricted = true;
        let err = cell(&list, &json!("XL")).unwrap_err();
        assert_eq!(
            err.message,
            "Size: bad value for restricted picklist field: XL"
        );
        let mut number = Field::new("N__c", Kind::Double);
        number.digits = (4, 2);
        assert_eq!(
            cell(&number, &json!(100)).unwrap_err().code,
            "NUMBER_OUTSIDE_VALID_RANGE"
        );
        let email = Field::new("Email", Kind::Email);
        assert_eq!(
            cell(&email, &json!("nobody")).unwrap_err().code,
            "INVALID_EMAIL_ADDRESS"
        );
        let boss = Field::reference("BossId", "Boss", "User");
        assert_eq!(cell(&boss, &json!("x")).unwrap_err().code, "MALFORMED_ID");
    }
}
