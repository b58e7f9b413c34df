//! Why a call to an org did not succeed.
//!
//! Invariant: no message holds a URL, a token or a session; a host is the most
//! that is said of where a call went.

use std::time::Duration;

use super::{BudgetSpent, HostError};
use crate::model::{ApiVersion, disk::disk_hint};

/// A cause below this floor, as the HTTP stack or a login gives it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A call to an org that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The org answered with a fault.
    #[error("{call} was refused by {host}: {code}: {message}")]
    Fault {
        /// API call, such as `retrieve`.
        call: &'static str,
        /// Host that answered; never a URL, which could carry a token.
        host: String,
        /// The API's own status code, such as `INVALID_SESSION_ID`.
        code: String,
        /// The API's own words.
        message: String,
    },

    /// Too many of the org's long calls run at once.
    #[error("{call} was refused by {host}, which has too many calls at once: {message}")]
    Busy {
        /// API call.
        call: &'static str,
        /// Host that answered.
        host: String,
        /// The API's own words, which name the limit.
        message: String,
    },

    /// Something answered, but not the API: a proxy or an edge, with a page.
    #[error("{call} got status {status} from {host} and no answer of the API")]
    NoApi {
        /// API call.
        call: &'static str,
        /// Host that answered.
        host: String,
        /// HTTP status.
        status: u16,
    },

    /// The org answered with another address, which no call with a token goes to.
    #[error("{call} was sent on by {host} to {to}, and not followed")]
    Redirected {
        /// API call.
        call: &'static str,
        /// Host that answered.
        host: String,
        /// Host it named.
        to: String,
    },

    /// No connection was made, so nothing was sent.
    #[error("cannot reach {host}")]
    Unreachable {
        /// Host that was asked.
        host: String,
        /// Cause, as the HTTP stack gives it.
        #[source]
        source: Cause,
    },

    /// The call was sent, and its answer did not come whole.
    #[error("the answer of {host} to {call} broke off")]
    BrokenOff {
        /// API call.
        call: &'static str,
        /// Host that was asked.
        host: String,
        /// Cause, as the HTTP stack gives it.
        #[source]
        source: Cause,
    },

    /// The answer took longer than we wait.
    #[error("{host} took longer than {}s to answer {call}", waited.as_secs_f32())]
    TooSlow {
        /// API call.
        call: &'static str,
        /// Host that was asked.
        host: String,
        /// Time waited.
        waited: Duration,
    },

    /// The answer is longer than any true one.
    #[error("the answer of {host} to {call} is longer than {max_bytes} bytes")]
    TooLarge {
        /// API call.
        call: &'static str,
        /// Host that answered.
        host: String,
        /// Longest answer that is read.
        max_bytes: u64,
    },

    /// The answer is not what the API answers.
    #[error("the answer of {host} to {call} cannot be read: {reason}")]
    Unreadable {
        /// API call.
        call: &'static str,
        /// Host that answered.
        host: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A call that may act twice got no answer: whether the org took it is not known.
    #[error("whether {host} took the {call} is not known, for no answer came")]
    Unconfirmed {
        /// API call.
        call: &'static str,
        /// Host that was asked.
        host: String,
        /// What came instead of the answer.
        #[source]
        source: Box<Error>,
    },

    /// A job was still running when the caller's patience ended.
    #[error("{call} job {job_id} is still running after {}s", waited.as_secs())]
    StillRunning {
        /// API call that started the job.
        call: &'static str,
        /// Id to resume with.
        job_id: String,
        /// Time spent waiting.
        waited: Duration,
    },

    /// A job ended, and badly.
    #[error("{call} job {job_id} failed in {host}: {code}: {message}")]
    JobFailed {
        /// API call that started the job.
        call: &'static str,
        /// Host of the org.
        host: String,
        /// The job.
        job_id: String,
        /// The API's own status code, such as `LIMIT_EXCEEDED`.
        code: String,
        /// The API's own words.
        message: String,
    },

    /// No session could be had, at first or when the one before had ended.
    #[error("cannot log in to {host}")]
    LoginEnded {
        /// Host of the org.
        host: String,
        /// What the user can do.
        remedy: Option<String>,
        /// Whether it may succeed later.
        transient: bool,
        /// Why.
        #[source]
        source: Cause,
    },

    /// The SOAP API does not take access tokens in JWT format.
    #[error("{call} was refused by {host}: its access token is in JWT format")]
    TokenFormat {
        /// API call.
        call: &'static str,
        /// Host of the org.
        host: String,
    },

    /// The renewed session is for another org.
    #[error("the renewed login to {host} is for another org than the one before")]
    OtherOrg {
        /// Host of the org.
        host: String,
    },

    /// The org does not have the API version asked for.
    #[error("{host} has no API version {wanted}: it has {oldest} to {newest}")]
    NoVersion {
        /// Host of the org.
        host: String,
        /// Version asked for.
        wanted: ApiVersion,
        /// Its oldest.
        oldest: ApiVersion,
        /// Its newest.
        newest: ApiVersion,
    },

    /// The call was not sent: nothing is left to pay for it.
    #[error(transparent)]
    Budget(#[from] BudgetSpent),

    /// The call was not sent: its host may not see a credential.
    #[error(transparent)]
    Host(#[from] HostError),

    /// What was to be sent, or what came, could not be read or written on this machine.
    #[error("cannot {act}")]
    Local {
        /// What was tried.
        act: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// What the user can do about it, in the imperative; `None` when we do not know.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Fault { code, call, .. } | Self::JobFailed { code, call, .. } => {
                fault_hint(code, call).to_owned()
            }
            Self::Busy { .. } => "wait until the org's other jobs are through".to_owned(),
            Self::NoApi { status: 503, .. } => {
                "look at https://status.salesforce.com: the org may be in maintenance".to_owned()
            }
            Self::NoApi { status: 407, .. } => "log in to the proxy".to_owned(),
            Self::Redirected { to, .. } => format!("log in again at https://{to}"),
            Self::Unreachable { host, .. } => {
                format!("check that https://{host}/ opens from this machine")
            }
            Self::Unconfirmed { call: "deploy", .. } => {
                "look at Setup > Deployment Status before you deploy again".to_owned()
            }
            Self::StillRunning {
                call: "deploy",
                job_id,
                ..
            } => format!("the org goes on: follow it with `orgkeep jobs wait {job_id}`"),
            Self::StillRunning { .. } => "wait longer, or narrow what is asked for".to_owned(),
            Self::LoginEnded { remedy, .. } => {
                return remedy
                    .clone()
                    .or_else(|| Some("run `orgkeep login` again".to_owned()));
            }
            Self::TokenFormat { .. } => "switch off JWT-based access tokens in the connected app, \
                or log in with `orgkeep login web`"
                .to_owned(),
            Self::OtherOrg { .. } => "run `orgkeep login` for the org you mean".to_owned(),
            Self::NoVersion { newest, .. } => format!("set the API version to {newest} or less"),
            Self::Budget(BudgetSpent::Run { .. }) => {
                "raise `--max-api-calls`, or run again: what is done is not asked for twice"
                    .to_owned()
            }
            Self::Budget(BudgetSpent::Org { .. }) => {
                "each call comes back 24 hours after it was made: run again then, and what is done is not asked for twice"
                    .to_owned()
            }
            Self::Host(err) => return err.hint(),
            Self::Local { source, .. } => return disk_hint(source),
            Self::BrokenOff { .. } | Self::TooSlow { .. } | Self::Unconfirmed { .. } => {
                "check the network, then run the command again".to_owned()
            }
            Self::Unreadable { .. } | Self::TooLarge { .. } => {
                "check what stands between this machine and the org, such as a proxy, then run \
                 the command again"
                    .to_owned()
            }
            Self::NoApi { .. } => "check the address of the org, and the proxy".to_owned(),
        })
    }

    /// Whether the same call may succeed if simply made again.
    ///
    /// The retry loop asks this and nothing else; it never reads messages. Whether
    /// the call may be made twice is another question, which the call answers.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Fault { code, .. } => matches!(
                code.as_str(),
                "SERVER_UNAVAILABLE"
                    | "UNABLE_TO_LOCK_ROW"
                    | "REQUEST_RUNNING_TOO_LONG"
                    | "QUERY_TIMEOUT"
            ),
            // A 400 without an answer of the API is the edge's "Bad Message 400".
            Self::NoApi { status, .. } => {
                matches!(status, 400 | 408 | 420 | 425 | 429 | 500 | 502..=504)
            }
            Self::Busy { .. }
            | Self::Unreachable { .. }
            | Self::BrokenOff { .. }
            | Self::TooSlow { .. } => true,
            Self::LoginEnded { transient, .. } => *transient,
            _ => false,
        }
    }

    /// Whether the org no longer takes the session, so that a new one may help.
    ///
    /// `Bad_OAuth_Token` is not among them: userinfo says it of a good token that
    /// lacks a scope as well, and another call tells.
    pub(crate) fn is_expired_session(&self) -> bool {
        matches!(self, Self::Fault { code, .. }
            if matches!(code.as_str(), "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER"))
    }

    /// The API's own code, where it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Fault { code, .. } | Self::JobFailed { code, .. } => Some(code),
            Self::Busy { .. } => Some("REQUEST_LIMIT_EXCEEDED"),
            _ => None,
        }
    }
}

fn fault_hint(code: &str, call: &str) -> &'static str {
    match code {
        "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER" | "Bad_OAuth_Token" => {
            "run `orgkeep login` again"
        }
        "REQUEST_LIMIT_EXCEEDED" => "wait for the API allowance (rolling 24 hours)",
        "INSUFFICIENT_ACCESS" => {
            "give the user `Modify Metadata Through Metadata API Functions` or `Modify All Data`"
        }
        "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" => {
            "give the user `API Enabled`, and check that the org's edition has the API"
        }
        "UNSUPPORTED_API_VERSION" => "ask for a newer API version",
        "INVALID_LOCATOR" if call == "checkRetrieveStatus" => {
            "retrieve again: the org gives each answer once"
        }
        _ => {
            "run the command again later; https://status.salesforce.com tells of incidents, and \
             Salesforce's support knows the code"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: &str) -> Error {
        Error::Fault {
            call: "listMetadata",
            host: "acme.my.salesforce.com".to_owned(),
            code: code.to_owned(),
            message: "m".to_owned(),
        }
    }

    #[test]
    fn error_names_the_act_the_host_and_the_code() {
        assert_eq!(
            fault("INVALID_TYPE").to_string(),
            "listMetadata was refused by acme.my.salesforce.com: INVALID_TYPE: m"
        );
    }

    #[test]
    fn retry_is_decided_by_code() {
        assert!(fault("SERVER_UNAVAILABLE").is_transient());
        assert!(!fault("REQUEST_LIMIT_EXCEEDED").is_transient());
        assert!(!fault("INVALID_TYPE").is_transient());
        let page = |status| Error::NoApi {
            call: "query",
            host: String::new(),
            status,
        };
        for status in [400, 420, 502, 503] {
            assert!(page(status).is_transient(), "{status}");
        }
        for status in [401, 403, 404, 407, 501] {
            assert!(!page(status).is_transient(), "{status}");
        }
    }
}
