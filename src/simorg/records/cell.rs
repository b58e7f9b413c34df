//! Values as the store holds them.
//!
//! A boolean is 0 or 1, a point in time its milliseconds since 1970; all other
//! values are what they seem. There is no empty text.

use serde_json::{Value, json};

use crate::{
    model::{RecordId, Timestamp},
    simorg::soql::Kind,
};

/// One value of one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Null,
    /// A whole number, a boolean, a point in time.
    Int(i64),
    /// Any other number.
    Real(f64),
    /// Text, an id, a date.
    Text(String),
}

impl Cell {
    /// An id.
    #[must_use]
    pub fn id(id: RecordId) -> Self {
        Self::Text(id.as_str().to_owned())
    }

    /// Text; nothing for an empty one.
    #[must_use]
    pub fn text(text: &str) -> Self {
        if text.is_empty() {
            return Self::Null;
        }
        Self::Text(text.to_owned())
    }

    /// A point in time, in whole seconds as the platform keeps them.
    #[must_use]
    pub fn time(at: Timestamp) -> Self {
        Self::Int(at.as_seconds() * 1_000)
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is a boolean that holds.
    #[must_use]
    pub fn is_true(&self) -> bool {
        matches!(self, Self::Int(1))
    }

    /// The text, where it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, where it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "amounts and counts are far below 2^52"
        )]
        match self {
            Self::Int(it) => Some(*it as f64),
            Self::Real(it) => Some(*it),
            _ => None,
        }
    }

    /// The id, where it is one.
    #[must_use]
    pub fn as_id(&self) -> Option<RecordId> {
        self.as_str()?.parse().ok()
    }

    /// The value as REST writes it.
    #[must_use]
    pub fn to_json(&self, kind: Kind) -> Value {
        match (self, kind) {
            (Self::Null, Kind::Boolean) => json!(false),
            (Self::Null, _) => Value::Null,
            (Self::Int(it), Kind::Boolean) => json!(*it != 0),
            (Self::Int(it), Kind::DateTime) => {
                Timestamp::from_millis(*it).map_or(Value::Null, |it| Value::from(it.to_rest()))
            }
            (Self::Int(it), Kind::Double | Kind::Currency | Kind::Percent) => {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "the platform's numbers are doubles"
                )]
                let number = *it as f64;
                json!(number)
            }
            (Self::Int(it), _) => json!(it),
            (Self::Real(it), Kind::Int) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the platform cuts what an int cannot hold"
                )]
                let number = *it as i64;
                json!(number)
            }
            (Self::Real(it), _) => json!(it),
            (Self::Text(it), _) => json!(it),
        }
    }

    /// A value as REST writes it, taken back: the rows of the setup come so.
    #[must_use]
    pub fn from_json(value: &Value, kind: Kind) -> Self {
        match value {
            Value::Bool(it) => Self::Int(i64::from(*it)),
            Value::Number(it) => match it.as_i64() {
                Some(it) => Self::Int(it),
                None => Self::Real(it.as_f64().unwrap_or(0.0)),
            },
            Value::String(it) if kind == Kind::DateTime => it
                .parse::<Timestamp>()
                .map_or(Self::Null, |it| Self::Int(it.as_millis())),
            Value::String(it) => Self::text(it),
            _ => Self::Null,
        }
    }
}
