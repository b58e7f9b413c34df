//! How much a restore may touch before it asks again.

use std::collections::BTreeMap;

use super::RestorePlan;
use crate::model::ObjectName;

/// The most that a restore may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows in all.
    pub max_rows: usize,
    /// Share of the rows of one object, in percent; `None` for no limit.
    pub max_percent: Option<u8>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_rows: 10_000,
            max_percent: None,
        }
    }
}

/// A plan that would write more than it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// Too many rows.
    #[error("the plan writes {rows} rows, and {max} are allowed")]
    Rows {
        /// Rows that it writes.
        rows: usize,
        /// Rows that are allowed.
        max: usize,
    },
    /// Too large a part of an object.
    #[error("the plan writes {rows} of {of} rows of {object}, and {max} % are allowed")]
    Percent {
        /// The object.
        object: ObjectName,
        /// Rows that it writes.
        rows: usize,
        /// Rows of the object in the snapshot.
        of: u64,
        /// Percent that are allowed.
        max: u8,
    },
}

impl TooMuch {
    /// What the user can do about it, in the imperative.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Rows { rows, .. } => {
                format!("narrow the selection, or raise it with `--max-rows {rows}`")
            }
            Self::Percent { .. } => {
                "narrow the selection, or raise it with `--max-percent`".to_owned()
            }
        }
    }
}

impl Limits {
    /// Checks a plan; `of` has the number of rows of each object.
    ///
    /// # Errors
    ///
    /// [`TooMuch`]: nothing was written.
    pub fn check(self, plan: &RestorePlan, of: &BTreeMap<ObjectName, u64>) -> Result<(), TooMuch> {
        let rows = plan.written().count();
        if rows > self.max_rows {
            return Err(TooMuch::Rows {
                rows,
                max: self.max_rows,
            });
        }
        let Some(max) = self.max_percent else {
            return Ok(());
        };
        let mut written: BTreeMap<&ObjectName, usize> = BTreeMap::new();
        for item in plan.written() {
            *written.entry(&item.object).or_default() += 1;
        }
        for (object, rows) in written {
            let all = of.get(object).copied().unwrap_or(0);
            let share = u64::try_from(rows).unwrap_or(u64::MAX).saturating_mul(100);
            if share > all.saturating_mul(max.into()) {
                return Err(TooMuch::Percent {
                    object: object.clone(),
                    rows,
                    of: all,
                    max,
                });
            }
        }
        Ok(())
    }
}
