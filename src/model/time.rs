//! Points in time, as Salesforce writes them.
//!
//! Hides `jiff`. SOAP writes `2026-08-24T09:23:38.614Z`, REST
//! `2026-08-24T09:23:38.614+0000`; both are read, RFC 3339 is written.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// A point in time, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(jiff::Timestamp);

/// A string refused as a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a date and time such as `2026-08-24T09:23:38Z`", text.escape_debug())]
pub struct InvalidTime {
    text: String,
}

impl Timestamp {
    /// 1970-01-01, which Salesforce writes where it knows no date.
    pub const UNKNOWN: Self = Self(jiff::Timestamp::UNIX_EPOCH);

    /// The point `milliseconds` after 1970.
    ///
    /// `None` outside the years −9999 to 9999.
    #[must_use]
    pub fn from_millis(milliseconds: i64) -> Option<Self> {
        jiff::Timestamp::from_millisecond(milliseconds)
            .ok()
            .map(Self)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Seconds since 1970, as Git counts.
    #[must_use]
    pub fn as_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Whether this is a date that somebody set, and not the platform's 1970.
    #[must_use]
    pub fn is_known(self) -> bool {
        self > Self::UNKNOWN
    }

    /// This point, so much later; the last representable one where that is too late.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.checked_add(span).unwrap_or(jiff::Timestamp::MAX))
    }

    /// This point, so much earlier; the first representable one where that is too early.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.checked_sub(span).unwrap_or(jiff::Timestamp::MIN))
    }

    /// Time from `earlier` to this; zero where `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let millis = self.as_millis().saturating_sub(earlier.as_millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    /// As SOAP writes it: always milliseconds, `Z`.
    #[must_use]
    pub fn to_soap(self) -> String {
        format!("{:.3}", self.0)
    }

    /// As REST writes it: always milliseconds, `+0000`.
    #[must_use]
    pub fn to_rest(self) -> String {
        self.to_soap().replace('Z', "+0000")
    }

    /// With an offset and whole seconds, as addresses of REST take it: `2026-08-24T09:23:38+00:00`.
    #[must_use]
    pub fn to_iso(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
    }

    /// The day in UTC: `2026-08-24`.
    #[must_use]
    pub fn day(self) -> String {
        self.0.strftime("%Y-%m-%d").to_string()
    }

    /// Day and minute in UTC: `2026-08-24 09:23`.
    #[must_use]
    pub fn minute(self) -> String {
        self.0.strftime("%Y-%m-%d %H:%M").to_string()
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let refuse = || InvalidTime {
            text: text.to_owned(),
        };
        let parsed: jiff::Timestamp = match text.strip_suffix("+0000") {
            Some(start) => format!("{start}Z").parse(),
            None => text.parse(),
        }
        .map_err(|_| refuse())?;
        Self::from_millis(parsed.as_millisecond()).ok_or_else(refuse)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, InvalidTime> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(it: Timestamp) -> String {
        it.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soap_and_rest_spellings_are_one_time() {
        let soap: Timestamp = "2026-08-24T09:23:38.614Z".parse().unwrap();
        let rest: Timestamp = "2026-08-24T09:23:38.614+0000".parse().unwrap();
        assert_eq!(soap, rest);
        assert_eq!(soap.to_soap(), "2026-08-24T09:23:38.614Z");
        assert_eq!(soap.to_rest(), "2026-08-24T09:23:38.614+0000");
    }

    #[test]
    fn time_of_the_epoch_is_unknown() {
        let epoch: Timestamp = "1970-01-01T00:00:00.000Z".parse().unwrap();
        assert!(!epoch.is_known());
    }
}
