//! What there is to say of a deploy.

use serde::Serialize;

use crate::{
    ledger::{DeployEnd, DeployRecord},
    model::{RecordId, Timestamp},
};

/// What is known of a deploy that an earlier run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeployNews {
    /// Its job; absent where the org never took it.
    pub job: Option<RecordId>,
    /// What it is for.
    pub purpose: String,
    /// Who sent it.
    pub by: String,
    /// When.
    pub sent: Timestamp,
    /// Whether it only checks.
    pub check_only: bool,
    /// How it ended, in the platform's word; absent while it runs.
    pub status: Option<String>,
    /// When it ended.
    pub at: Option<Timestamp>,
}

impl DeployNews {
    /// What is known, in one line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let act = if self.check_only { "check" } else { "deploy" };
        let job = self.job.map_or(String::new(), |it| format!(" {it}"));
        let of = format!(
            "{act}{job} of {} UTC ({})",
            self.sent.minute(),
            self.purpose
        );
        match (self.status.as_deref(), self.at) {
            (None, _) => format!("{of} is still running"),
            (Some(DeployEnd::NOT_TAKEN), _) => format!("{of} never reached the org"),
            (Some(DeployEnd::FORGOTTEN), _) => {
                format!("{of} is not known to the org any more")
            }
            (Some(DeployEnd::NOT_TOLD), _) => {
                format!("{of}: the org does not tell this user what became of it")
            }
            (Some(status), Some(at)) => format!("{of} ended as {status} at {} UTC", at.minute()),
            (Some(status), None) => format!("{of} ended as {status}"),
        }
    }
}

impl From<&DeployRecord> for DeployNews {
    fn from(it: &DeployRecord) -> Self {
        Self {
            job: it.job,
            purpose: it.purpose.clone(),
            by: it.by.name.clone(),
            sent: it.sent,
            check_only: it.check_only,
            status: it.end.as_ref().map(|it| it.status.clone()),
            at: it.end.as_ref().map(|it| it.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_org_said_is_said_of_a_deploy() {
        let mut news = DeployNews {
            job: "0Af000000000001".parse().ok(),
            purpose: "Roll back Layout A to 5a90b3f".to_owned(),
            by: "Ada Admin".to_owned(),
            sent: "2026-11-21T14:02:00Z".parse().unwrap(),
            check_only: false,
            status: None,
            at: None,
        };
        let of =
            "deploy 0Af000000000001CAA of 2026-11-21 14:02 UTC (Roll back Layout A to 5a90b3f)";
        assert_eq!(news.in_words(), format!("{of} is still running"));
        news.status = Some("Failed".to_owned());
        news.at = Some(news.sent);
        let ended = format!("{of} ended as Failed at 2026-11-21 14:02 UTC");
        assert_eq!(news.in_words(), ended);
        news.status = Some(DeployEnd::NOT_TOLD.to_owned());
        assert!(
            news.in_words()
                .ends_with("does not tell this user what became of it")
        );
        news.job = None;
        news.check_only = true;
        news.status = Some(DeployEnd::NOT_TAKEN.to_owned());
        assert!(news.in_words().starts_with("check of 2026"));
        assert!(news.in_words().ends_with("never reached the org"));
    }
}
