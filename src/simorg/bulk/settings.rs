//! What goes otherwise than usual in jobs, on request.

use serde::{Deserialize, Serialize};

use super::JobState;

/// What `POST /simorg/bulk` asks for. Nothing of it by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Status checks that say that a job has not begun, for each job made from now on.
    pub checks: u32,
    /// Rows that an ingest job does between two status checks.
    pub rows_per_check: Option<u64>,
    /// Most rows of a page of results.
    pub page_rows: Option<u64>,
    /// Rows of a chunk of a query.
    pub chunk_rows: Option<u64>,
    /// Whether stray NUL bytes stand in results, as they do on the platform now and then.
    pub nul_bytes: bool,
    /// Whether the results of an ingest job come in another order than its rows, however
    /// few they are.
    pub rows_in_disorder: bool,
    /// Whether results can be fetched in parallel.
    pub no_result_pages: bool,
    /// Ends the next ingest job in the middle.
    pub stop: Option<Stop>,
}

/// Where an ingest job ends, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Rows done before.
    pub after: u64,
    /// `Failed` or `Aborted`.
    pub state: JobState,
}

impl Settings {
    /// What cannot be asked for.
    #[must_use]
    pub fn refusal(&self) -> Option<&'static str> {
        let numbers = [self.rows_per_check, self.page_rows, self.chunk_rows];
        if numbers.contains(&Some(0)) {
            return Some("`rows_per_check`, `page_rows` and `chunk_rows` begin with 1");
        }
        let stop = self.stop.map(|it| it.state);
        let can_stop = matches!(stop, None | Some(JobState::Failed | JobState::Aborted));
        (!can_stop).then_some("a job stops as `Failed` or as `Aborted`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let read = |text| serde_json::from_str::<Settings>(text).unwrap();
        assert_eq!(read("{}"), Settings::default());
        assert_eq!(
            read(r#"{"stop": {"after": 0, "state": "Aborted"}}"#).refusal(),
            None
        );
        assert!(read(r#"{"page_rows": 0}"#).refusal().is_some());
        assert!(
            read(r#"{"stop": {"after": 0, "state": "Open"}}"#)
                .refusal()
                .is_some()
        );
        assert!(serde_json::from_str::<Settings>(r#"{"fish": 1}"#).is_err());
    }
}
