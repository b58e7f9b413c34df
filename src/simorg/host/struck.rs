//! How a call goes wrong where it was asked to.

use super::{Host, State, soap_reply};
use crate::{
    model::RecordId,
    simorg::{
        fault::{Fault as ApiFault, NoScript, Script, Strike},
        faults::Fault,
        http::{Ending, Reply},
        login, rest, soap,
        state::{DeployStage, RetrieveOutcome},
    },
};

/// One call, told apart before it is answered.
pub(super) struct Called {
    pub(super) name: String,
    pub(super) subjects: Vec<String>,
    pub(super) protocol: Protocol,
}

/// How a call tells of errors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    OAuth,
    Rest,
    Soap,
}

/// Gives the failure that was decided on before, once.
struct Decided(Option<Strike>);

impl Script for Decided {
    fn strike(&mut self, _call: &str, _of: &str) -> Option<Strike> {
        self.0.take()
    }
}

impl Host {
    /// Has a call answered, with the fault that a rule asks for.
    pub(super) fn with_fault(
        &self,
        state: &mut State,
        called: &Called,
        token: Option<&str>,
        answer: impl FnOnce(&mut State, &mut dyn Script) -> Reply,
    ) -> Reply {
        let fault = state.faults.strike(&called.name, &called.subjects);
        if let Some(fault) = &fault {
            (self.log)(&format!(
                "fault {} at {}",
                String::from(fault.clone()),
                called.name
            ));
        }
        let counted = |state: &mut State| {
            if called.protocol != Protocol::OAuth && called.name != "versions" {
                state.count(&called.name, false);
            }
        };
        let mut reply = match fault {
            None => scripted(state, answer),
            Some(Fault::Expired) if called.protocol == Protocol::OAuth => {
                login::error(400, "invalid_grant", "expired access/refresh token")
            }
            Some(Fault::Expired) => {
                if let Some(token) = token {
                    state.kept.org.sessions.close(token);
                }
                answer(state, &mut NoScript)
            }
            Some(Fault::Status(status)) => {
                counted(state);
                page(status)
            }
            Some(Fault::Error(code)) => {
                counted(state);
                called.protocol.error(&code)
            }
            Some(Fault::Hang) => {
                counted(state);
                Reply {
                    ending: Ending::Never,
                    ..Reply::empty(200)
                }
            }
            Some(Fault::Fail) => {
                if job_fails(&called.name) {
                    answer(state, &mut Decided(Some(Strike::Fail)))
                } else if (called.name == "checkRetrieveStatus" && fail_retrieve(state, called))
                    || (called.name == "checkDeployStatus" && fail_deploy(state, called))
                {
                    answer(state, &mut NoScript)
                } else {
                    counted(state);
                    called.protocol.error("UNKNOWN_EXCEPTION")
                }
            }
            Some(Fault::Slow(delay)) => Reply {
                delay,
                ..answer(state, &mut NoScript)
            },
            Some(Fault::Drop) => Reply {
                ending: Ending::Dropped,
                ..answer(state, &mut NoScript)
            },
            Some(Fault::Truncate) => Reply {
                ending: Ending::Truncated,
                ..answer(state, &mut NoScript)
            },
        };
        reply.delay += self.late();
        reply
    }
}

impl Protocol {
    /// The API's own error with this code.
    fn error(self, code: &str) -> Reply {
        let message = match code {
            "UNKNOWN_EXCEPTION" => ApiFault::unknown_exception().message,
            "INVALID_SESSION_ID" => ApiFault::invalid_session().message,
            "INVALID_CROSS_REFERENCE_KEY" => ApiFault::invalid_cross_reference().message,
            "INVALID_TYPE" => {
                "This type of metadata is not available for this organization".to_owned()
            }
            "LIMIT_EXCEEDED" => "Too many files in retrieve call, limit is: 10000".to_owned(),
            "REQUEST_LIMIT_EXCEEDED" => "TotalRequests Limit exceeded.".to_owned(),
            "SERVER_UNAVAILABLE" => "The server is temporarily unavailable".to_owned(),
            "UNABLE_TO_LOCK_ROW" => "unable to obtain exclusive access to this record".to_owned(),
            _ => "an error on request".to_owned(),
        };
        match self {
            Self::OAuth => login::error(400, code, &message),
            Self::Rest => rest::fault(&ApiFault::new(code, message)),
            Self::Soap => soap_reply(soap::fault_reply(&ApiFault::new(code, message))),
        }
    }
}

/// Whether a call that is to fail makes a job fail by itself.
fn job_fails(call: &str) -> bool {
    matches!(
        call,
        "retrieve" | "deploy" | "bulkQuery" | "bulkQueryStatus" | "bulkIngest" | "bulkIngestStatus"
    )
}

/// Has a call answered under the rules about what goes into it.
fn scripted(state: &mut State, answer: impl FnOnce(&mut State, &mut dyn Script) -> Reply) -> Reply {
    let mut faults = std::mem::take(&mut state.faults);
    let reply = answer(state, &mut faults.script());
    state.faults = faults;
    reply
}

/// A page as the edge gives it when the org is not there.
fn page(status: u16) -> Reply {
    let body = format!(
        "<html><head><title>{status}</title></head><body>Service Unavailable</body></html>"
    );
    let reply = Reply::new(status, "text/html;charset=UTF-8", body.into_bytes());
    if matches!(status, 429 | 503) {
        return reply.with("Retry-After", "1");
    }
    reply
}

/// Makes the retrieve that a status call asks about fail.
fn fail_retrieve(state: &mut State, called: &Called) -> bool {
    let ids = called
        .subjects
        .iter()
        .filter_map(|it| it.parse::<RecordId>().ok());
    for id in ids {
        if let Some(job) = state.kept.org.jobs.retrieves.get_mut(&id) {
            job.checks_left = 0;
            job.outcome = RetrieveOutcome::Failed {
                code: "UNKNOWN_EXCEPTION".to_owned(),
                message: ApiFault::unknown_exception().to_string(),
            };
            return true;
        }
    }
    false
}

/// Makes the deploy that a status call asks about fail, unless it has ended.
fn fail_deploy(state: &mut State, called: &Called) -> bool {
    let ids = called
        .subjects
        .iter()
        .filter_map(|it| it.parse::<RecordId>().ok());
    for id in ids {
        let job = state.kept.org.jobs.deploys.get_mut(&id);
        if let Some(job) = job.filter(|it| it.stage != DeployStage::Ended) {
            job.is_doomed = true;
            job.checks_left = 0;
            return true;
        }
    }
    false
}
