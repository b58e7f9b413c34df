//! The branches that records are on: one for each period, each with a root of its own.
//!
//! `records/main/2026` holds what was exported in 2026 of the org whose metadata
//! is on `main`. A period that is over is cut by deleting its branch; no other
//! commit changes its id.

use std::{fmt, str::FromStr};

use crate::model::Timestamp;

/// How often a new root begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Every {
    /// Each year.
    #[default]
    Year,
    /// Each quarter.
    Quarter,
    /// Each month.
    Month,
    /// Never: one history.
    Never,
}

/// One period; ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    year: u16,
    /// First and last month, 1 to 12; 0 and 0 for all time.
    months: (u8, u8),
}

impl Period {
    /// The period that `at` lies in, in UTC.
    #[must_use]
    pub fn of(at: Timestamp, every: Every) -> Self {
        let day = at.day();
        let mut parts = day.split('-');
        let mut number = || parts.next().and_then(|it| it.parse::<u16>().ok());
        let (year, month) = (number().unwrap_or(0), number().unwrap_or(1));
        let month = u8::try_from(month).unwrap_or(1);
        match every {
            Every::Year => Self {
                year,
                months: (1, 12),
            },
            Every::Quarter => {
                let first = (month - 1) / 3 * 3 + 1;
                Self {
                    year,
                    months: (first, first + 2),
                }
            }
            Every::Month => Self {
                year,
                months: (month, month),
            },
            Every::Never => Self {
                year: 0,
                months: (0, 0),
            },
        }
    }

    /// The first day behind it: `2027-01-01`; `None` for all time.
    #[must_use]
    pub fn end(self) -> Option<String> {
        match self.months {
            (_, 0) => None,
            (_, 12) => Some(format!("{:04}-01-01", self.year + 1)),
            (_, last) => Some(format!("{:04}-{:02}-01", self.year, last + 1)),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let year = self.year;
        match self.months {
            (0, _) => f.write_str("all"),
            (1, 12) => write!(f, "{year:04}"),
            (first, last) if first == last => write!(f, "{year:04}-{first:02}"),
            (first, _) => write!(f, "{year:04}-q{}", first / 3 + 1),
        }
    }
}

impl FromStr for Period {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "all" {
            return Ok(Self {
                year: 0,
                months: (0, 0),
            });
        }
        let rest = text.get(4..).ok_or(())?;
        let months = if rest.is_empty() {
            (1, 12)
        } else if let Some(quarter) = rest.strip_prefix("-q") {
            let quarter: u8 = quarter.parse().map_err(drop)?;
            let last = quarter.checked_mul(3).ok_or(())?;
            (last.checked_sub(2).ok_or(())?, last)
        } else {
            let month = rest.strip_prefix('-').ok_or(())?;
            let month = month.parse().map_err(drop)?;
            (month, month)
        };
        let period = Self {
            year: text[..4].parse().map_err(drop)?,
            months,
        };
        // Only what is written is read: no `2026-7`, no `+026`.
        let is_real = (1..=12).contains(&months.0) && months.1 <= 12;
        (is_real && period.to_string() == text)
            .then_some(period)
            .ok_or(())
    }
}

/// Name of the branch of a period: `records/main/2026`.
#[must_use]
pub fn branch_name(prefix: &str, period: Period) -> String {
    format!("{prefix}/{period}")
}

/// The period whose branch `branch` is; `None` where it is none of `prefix`.
#[must_use]
pub fn period_of_branch(prefix: &str, branch: &str) -> Option<Period> {
    branch.strip_prefix(prefix)?.strip_prefix('/')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_its_period() {
        let at = "2026-11-28T07:00:00Z".parse().unwrap();
        for (every, wanted, end) in [
            (Every::Year, "2026", Some("2027-01-01")),
            (Every::Quarter, "2026-q4", Some("2027-01-01")),
            (Every::Month, "2026-11", Some("2026-12-01")),
            (Every::Never, "all", None),
        ] {
            let period = Period::of(at, every);
            let branch = branch_name("records/main", period);
            assert_eq!(branch, format!("records/main/{wanted}"));
            assert_eq!(period_of_branch("records/main", &branch), Some(period));
            assert_eq!(period.end().as_deref(), end);
        }
        for other in [
            "records/main",
            "records/main/x",
            "records/main/2026-13",
            "records/main/2026-q5",
            "records/uat/2026",
            "records/main/2026-q0",
        ] {
            assert_eq!(period_of_branch("records/main", other), None, "{other}");
        }
    }

    #[test]
    fn periods_follow_each_other() {
        let period = |text: &str| text.parse::<Period>().unwrap();
        assert!(period("2026-q3") < period("2026-q4"));
        assert!(period("2026-12") < period("2027-01"));
    }
}
