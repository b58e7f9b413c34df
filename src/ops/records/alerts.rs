//! The tripwire: changes that are not normal.

use serde::Serialize;

use crate::{config::Alerts, model::ObjectName};

/// Changes of one object that a run is to shout about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// The object.
    pub object: ObjectName,
    /// `deleted` or `changed`.
    pub what: &'static str,
    /// How many rows.
    pub n_rows: u64,
    /// How many the object had.
    pub of: u64,
    /// The limit that is exceeded, as the settings have it.
    pub limit: String,
}

/// What exceeds the limits of one object that had `of` rows.
#[must_use]
pub fn alerts(
    limits: &Alerts,
    object: &ObjectName,
    changed: u64,
    deleted: u64,
    of: u64,
) -> Vec<Alert> {
    [
        ("deleted", limits.deleted, deleted),
        ("changed", limits.changed, changed),
    ]
    .into_iter()
    .filter_map(|(what, limit, n_rows)| {
        let limit = limit?;
        limit.is_exceeded(n_rows, of).then(|| Alert {
            object: object.clone(),
            what,
            n_rows,
            of,
            limit: limit.to_string(),
        })
    })
    .collect()
}

impl Alert {
    /// In words: `Contact: 120 of 2,000 rows deleted, more than 5 %`.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "{}: {} of {} rows {}, more than {}",
            self.object, self.n_rows, self.of, self.what, self.limit
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limit;

    #[test]
    fn more_than_the_limit_is_an_alert_and_the_limit_itself_is_none() {
        let limits = Alerts {
            deleted: Some(Limit::Percent(5)),
            changed: Some(Limit::Rows(10)),
        };
        let object: ObjectName = "Contact".parse().unwrap();
        assert_eq!(alerts(&limits, &object, 10, 5, 100), []);
        let words: Vec<_> = alerts(&limits, &object, 11, 6, 100)
            .iter()
            .map(Alert::in_words)
            .collect();
        assert_eq!(
            words,
            [
                "Contact: 6 of 100 rows deleted, more than 5 %",
                "Contact: 11 of 100 rows changed, more than 10 rows",
            ]
        );
    }
}
