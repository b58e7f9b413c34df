//! The one spelling of a value, whichever API brought it.
//!
//! | type | spelling |
//! |---|---|
//! | `double`, `currency`, `percent` | plain decimals with at least one behind the point: `1000.0`, never `1.0E3` |
//! | `datetime` | `2026-08-24T09:23:38.614Z` |
//! | `boolean` | `true`, `false` |
//! | all others | as the API writes them |
//!
//! Numbers are `xsd:double` in the API (partner WSDL 66.0), so no digit that the
//! org knows is lost here.

use std::borrow::Cow;

use serde_json::Value;

use super::FieldType;

/// The spelling of a cell that came as text, as Bulk writes it; empty is null.
#[must_use]
pub fn of_text(kind: FieldType, text: &[u8]) -> Cow<'_, [u8]> {
    match kind {
        FieldType::Double | FieldType::Currency | FieldType::Percent if !is_plain(text) => {
            match std::str::from_utf8(text)
                .ok()
                .and_then(|it| it.trim().parse().ok())
            {
                Some(number) => Cow::Owned(decimal(number).into_bytes()),
                None => Cow::Borrowed(text),
            }
        }
        FieldType::Datetime => match text.strip_suffix(b"+0000") {
            Some(start) => Cow::Owned([start, b"Z"].concat()),
            None => Cow::Borrowed(text),
        },
        _ => match std::str::from_utf8(text) {
            Ok(_) => Cow::Borrowed(text),
            // What is not UTF-8 could not be read back.
            Err(_) => Cow::Owned(String::from_utf8_lossy(text).into_owned().into_bytes()),
        },
    }
}

/// The spelling of a cell of Salesforce's own Data Export.
///
/// That writes `2026-08-24 09:23:38` in UTC for a point in time, and 0 or 1 for a boolean.
#[must_use]
pub fn of_data_export(kind: FieldType, text: &[u8]) -> Cow<'_, [u8]> {
    match (kind, text) {
        (FieldType::Boolean, b"0") => Cow::Borrowed(b"false"),
        (FieldType::Boolean, b"1") => Cow::Borrowed(b"true"),
        (FieldType::Datetime, [day @ .., b' ', _, _, b':', _, _, b':', _, _])
            if day.len() == 10 =>
        {
            Cow::Owned([day, b"T", &text[11..], b".000Z"].concat())
        }
        (
            FieldType::Date,
            [
                day @ ..,
                b' ',
                b'0',
                b'0',
                b':',
                b'0',
                b'0',
                b':',
                b'0',
                b'0',
            ],
        ) if day.len() == 10 => Cow::Borrowed(day),
        _ => of_text(kind, text),
    }
}

/// The spelling of a value that came as JSON; empty where it is null.
#[must_use]
pub fn of_json(kind: FieldType, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(it) => it.to_string(),
        Value::Number(it) if is_decimal(kind) => {
            it.as_f64().map_or_else(|| it.to_string(), decimal)
        }
        Value::Number(it) => match (it.as_i64(), it.as_f64()) {
            (None, Some(number)) if number.fract() == 0.0 => format!("{number}"),
            _ => it.to_string(),
        },
        Value::String(it) => {
            let text = of_text(kind, it.as_bytes());
            String::from_utf8_lossy(&text).into_owned()
        }
        Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// The value as REST takes it in a record; null where the cell is empty.
///
/// A boolean is a boolean and a number a number; all else is text.
#[must_use]
pub fn to_json(kind: FieldType, cell: &str) -> Value {
    if cell.is_empty() {
        return Value::Null;
    }
    let text = || Value::String(cell.to_owned());
    match kind {
        FieldType::Boolean => cell.parse().map_or_else(|_| text(), Value::Bool),
        FieldType::Int | FieldType::Long => {
            cell.parse::<i64>().map_or_else(|_| text(), Value::from)
        }
        _ if is_decimal(kind) => cell
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map_or_else(text, Value::Number),
        _ => text(),
    }
}

fn is_decimal(kind: FieldType) -> bool {
    matches!(
        kind,
        FieldType::Double | FieldType::Currency | FieldType::Percent
    )
}

/// Whether a number stands in its one spelling already, so that it need not be read.
fn is_plain(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let Some(point) = digits.iter().position(|it| *it == b'.') else {
        return digits.is_empty();
    };
    let (whole, behind) = (&digits[..point], &digits[point + 1..]);
    let are_digits = |it: &[u8]| !it.is_empty() && it.iter().all(u8::is_ascii_digit);
    are_digits(whole)
        && are_digits(behind)
        && (whole == b"0" || whole[0] != b'0')
        && (behind == b"0" || behind.last() != Some(&b'0'))
        && digits.len() <= 16
        && text != b"-0.0"
}

fn decimal(number: f64) -> String {
    // Negative zero is zero.
    let mut text = format!("{}", number + 0.0);
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(kind: FieldType, text: &str) -> String {
        String::from_utf8(of_text(kind, text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn bulk_and_rest_spell_one_value_alike() {
        let both = |kind, bulk: &str, rest: Value, wanted: &str| {
            assert_eq!(text(kind, bulk), wanted, "{bulk}");
            assert_eq!(of_json(kind, &rest), wanted, "{rest}");
        };
        both(FieldType::Currency, "1000.0", json!(1000.0), "1000.0");
        both(FieldType::Currency, "1000", json!(1000), "1000.0");
        both(FieldType::Double, "1.0E7", json!(1.0e7), "10000000.0");
        both(FieldType::Double, "0.10", json!(0.1), "0.1");
        both(FieldType::Double, "-0.0", json!(-0.0), "0.0");
        both(FieldType::Percent, "", json!(null), "");
        both(FieldType::Int, "42", json!(42), "42");
        both(FieldType::Boolean, "true", json!(true), "true");
        both(
            FieldType::Datetime,
            "2026-08-24T09:23:38.000Z",
            json!("2026-08-24T09:23:38.000+0000"),
            "2026-08-24T09:23:38.000Z",
        );
        both(
            FieldType::Date,
            "2026-08-24",
            json!("2026-08-24"),
            "2026-08-24",
        );
        both(FieldType::String, "0.10", json!("0.10"), "0.10");
    }

    #[test]
    fn data_export_is_spelled_as_the_apis_spell() {
        let of = |kind, text: &'static str| {
            String::from_utf8(of_data_export(kind, text.as_bytes()).into_owned()).unwrap()
        };
        assert_eq!(
            of(FieldType::Datetime, "2021-08-31 01:31:13"),
            "2021-08-31T01:31:13.000Z"
        );
        assert_eq!(
            of(FieldType::Datetime, "2021-08-31T01:31:13.000Z"),
            "2021-08-31T01:31:13.000Z"
        );
        assert_eq!(of(FieldType::Date, "2021-08-31 00:00:00"), "2021-08-31");
        assert_eq!(of(FieldType::Boolean, "1"), "true");
        assert_eq!(of(FieldType::String, "1"), "1");
    }

    #[test]
    fn cell_goes_back_as_the_api_takes_it() {
        assert_eq!(to_json(FieldType::Boolean, "true"), json!(true));
        assert_eq!(to_json(FieldType::Currency, "1000.5"), json!(1000.5));
        assert_eq!(to_json(FieldType::Int, "7"), json!(7));
        assert_eq!(to_json(FieldType::String, "7"), json!("7"));
        assert_eq!(to_json(FieldType::String, ""), json!(null));
    }

    proptest! {
        #[test]
        fn number_keeps_its_value_and_has_one_spelling(number in -1e15f64..1e15) {
            let spelt = decimal(number);
            prop_assert_eq!(spelt.parse::<f64>().unwrap().to_bits(), (number + 0.0).to_bits());
            prop_assert_eq!(text(FieldType::Double, &spelt), spelt.clone());
            prop_assert_eq!(text(FieldType::Double, &format!("{number:e}")), spelt);
        }
    }
}
