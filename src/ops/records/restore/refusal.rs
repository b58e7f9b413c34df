//! What a restore of records refuses.

use crate::{plan::records as planner, records};

/// Why a restore does not begin, or does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreRefusal {
    /// A word that is neither an Id nor an object of the snapshot.
    #[error("`{word}` is no object of the snapshot and no Id")]
    NoSuchRecords {
        /// The word.
        word: String,
    },
    /// A word that is no name of a field.
    #[error("`{word}` is not the API name of a field")]
    NoSuchField {
        /// The word.
        word: String,
    },
    /// No row was selected.
    #[error("nothing says which records to restore")]
    NothingSelected,
    /// Nothing says how things were.
    #[error("nothing says which state to go back to")]
    NoTarget,
    /// A user that the org does not have, or more than one.
    #[error("the org has no user `{name}`, or several of that name")]
    NoSuchUser {
        /// As it was typed.
        name: String,
    },
    /// Nothing was exported before the wrong change.
    #[error("no records were exported before {at}")]
    NothingBefore {
        /// The time.
        at: String,
    },
    /// An insert whose answer was lost, and that cannot be told from others.
    #[error(
        "an earlier restore sent {rows} rows of {object} at {at} and saw no answer, and which of the {found} rows that were made since are those is not clear"
    )]
    InsertUnclear {
        /// The object.
        object: String,
        /// Rows that were sent.
        rows: usize,
        /// Rows that this user made since.
        found: usize,
        /// When they were sent.
        at: String,
    },
    /// Results of a job that do not fit to what was sent.
    #[error("the results of job `{job}` are strange: {reason}")]
    StrangeResults {
        /// The job.
        job: String,
        /// What is strange.
        reason: String,
    },
    /// Something that nothing stops may send messages.
    #[error("the restore sets off automation that may send messages to people")]
    MayTellOthers,
    /// It would write more than it may.
    #[error(transparent)]
    TooMuch(#[from] planner::TooMuch),
    /// A condition that is not understood.
    #[error(transparent)]
    Condition(#[from] planner::BadCondition),
    /// A key that does not open what is encrypted.
    #[error("the key does not open the encrypted `{field}` of {object}")]
    WrongKey {
        /// The object.
        object: String,
        /// The field.
        field: String,
    },
    /// Ids of earlier restores that cannot be read.
    #[error(transparent)]
    Ids(#[from] records::IdMapError),
    /// Results of a job that cannot be read.
    #[error("the results of a job cannot be read")]
    Results(#[from] records::CsvError),
}

impl RestoreRefusal {
    /// What the user can do about it, in the imperative.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchRecords { .. } => {
                "name an object that the snapshot has, such as `Account`, or the Id of a row; `orgkeep records show` looks into it".to_owned()
            }
            Self::NoSuchField { .. } => "write the API name: `Phone`, `Region__c`".to_owned(),
            Self::NothingSelected => {
                "name objects or Ids, such as `orgkeep records restore --to yesterday Account`, or say `--all`"
                    .to_owned()
            }
            Self::NoTarget => {
                "say `--to COMMIT`, or `--changed-by USER --between FROM TO`, or `--bulk-job ID`".to_owned()
            }
            Self::NoSuchUser { .. } => "write the username: `omar@acme.com`".to_owned(),
            Self::NothingBefore { .. } => "name the state to go back to with `--to`".to_owned(),
            Self::InsertUnclear { object, .. } => format!(
                "look at the newest rows of {object} in the org; where none of them is of the restore, run it again with `--lost-not-taken`"
            ),
            Self::StrangeResults { .. } | Self::Results(_) => {
                "look at the job in Setup > Bulk Data Load Jobs, and report this as a bug of orgkeep".to_owned()
            }
            Self::MayTellOthers => {
                "look at the plan; say `--allow-email` where that is fine, or switch it off first".to_owned()
            }
            Self::WrongKey { .. } => {
                "give the key that the snapshot was made with as `ORGKEEP_RECORDS_KEY` or `ORGKEEP_RECORDS_KEY_FILE`".to_owned()
            }
            Self::TooMuch(err) => err.hint(),
            Self::Condition(_) => {
                "compare fields with values and join them by AND: `BillingCity = 'Berlin' AND Rating != null`"
                    .to_owned()
            }
            Self::Ids(_) => {
                "the file was edited by hand: go back to the commit before it".to_owned()
            }
        })
    }
}
