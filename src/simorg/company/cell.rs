//! One value of a row.

use std::borrow::Cow;

use crate::model::{RecordId, Timestamp};

/// A value as the generator makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// Text: a name, a picklist value, a long text.
    Text(Cow<'static, str>),
    /// An id.
    Id(RecordId),
    /// A whole number.
    Int(i64),
    /// Hundredths: an amount, a number of hours.
    Cents(i64),
    /// True or false.
    Flag(bool),
    /// A point in time.
    Time(Timestamp),
    /// The day of a point in time.
    Day(Timestamp),
}

impl From<&'static str> for Cell {
    fn from(it: &'static str) -> Self {
        Self::Text(Cow::Borrowed(it))
    }
}

impl From<String> for Cell {
    fn from(it: String) -> Self {
        Self::Text(Cow::Owned(it))
    }
}

impl From<RecordId> for Cell {
    fn from(it: RecordId) -> Self {
        Self::Id(it)
    }
}

impl From<bool> for Cell {
    fn from(it: bool) -> Self {
        Self::Flag(it)
    }
}

impl From<Timestamp> for Cell {
    fn from(it: Timestamp) -> Self {
        Self::Time(it)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(it: Option<T>) -> Self {
        it.map_or(Self::Null, Into::into)
    }
}

/// A whole number.
pub(super) fn int(number: u64) -> Cell {
    Cell::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Hundredths.
pub(super) fn cents(number: u64) -> Cell {
    Cell::Cents(i64::try_from(number).unwrap_or(i64::MAX))
}
