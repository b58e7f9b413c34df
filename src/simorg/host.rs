//! The org behind its socket: tells what is called, counts it, lets it go
//! wrong where it was asked to, and has it answered.
//!
//! Invariant: all state is behind one lock, which no request holds while it
//! waits. A call is counted once, whatever comes of it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{
    SimOrg, control,
    fault::{Fault as ApiFault, NoScript, Script, Strike},
    faults::{Fault, Faults},
    http::{Ending, Handler, Reply, Request},
    login::{self, Logins},
    rest::{self, Cache, Cursors, Permissions, Records},
    soap,
    state::{Permission, RetrieveOutcome, User},
};
use crate::model::{ApiVersion, RecordId, Timestamp};

/// Largest SOAP message.
///
/// Source: Salesforce Developer Limits and Allocations Quick Reference,
/// "Metadata Limits": 52,428,800 bytes.
const MAX_SOAP_BYTES: usize = 52_428_800;

/// What is kept between runs.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    /// The org.
    pub org: SimOrg,
    /// Its records.
    pub records: Records,
    /// When which permission was changed.
    pub permissions: Permissions,
    /// Tokens, codes, the app.
    pub logins: Logins,
    /// How far the org's clock is ahead, in milliseconds.
    pub clock_ahead: i64,
}

/// All that the lock guards.
pub struct State {
    /// What is kept between runs.
    pub kept: Kept,
    /// Faults on request.
    pub faults: Faults,
    /// Whether something was changed that is not saved yet.
    pub is_dirty: bool,
    cache: Cache,
    cursors: Cursors,
    /// What each job is about, for faults of its status calls.
    job_subjects: HashMap<String, Vec<String>>,
    /// API calls by hour since 1970.
    usage: BTreeMap<i64, u64>,
}

/// A line for the log.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The org behind its socket.
pub struct Host {
    state: Mutex<State>,
    url: String,
    latency: (Duration, Duration),
    log: Log,
}

/// One call, told apart before it is answered.
struct Called {
    name: String,
    subjects: Vec<String>,
    protocol: Protocol,
}

/// How a call tells of errors.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
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

impl State {
    /// The state that begins with `kept`.
    #[must_use]
    pub fn new(kept: Kept, faults: Faults) -> Self {
        Self {
            kept,
            faults,
            is_dirty: true,
            cache: RefCell::default(),
            cursors: Cursors::default(),
            job_subjects: HashMap::new(),
            usage: BTreeMap::new(),
        }
    }

    /// Notes that something was changed: rows are made anew, the state is saved.
    pub fn touch(&mut self) {
        self.kept.permissions.refresh(&self.kept.org);
        self.cache.get_mut().clear();
        self.is_dirty = true;
    }

    /// Brings the org's clock to the present.
    pub fn tick(&mut self) {
        let ahead = self.kept.clock_ahead;
        let now = Timestamp::from_millis(real_millis().saturating_add(ahead));
        if let Some(now) = now {
            self.kept.org.set_now(now);
        }
    }

    /// Sets the org's clock; it goes on from there.
    pub fn set_clock(&mut self, now: Timestamp) {
        self.kept.clock_ahead = now.as_millis().saturating_sub(real_millis());
        self.tick();
        self.touch();
    }

    /// API calls of the last 24 hours.
    #[must_use]
    pub fn used(&self) -> u64 {
        let hour = self.hour();
        self.usage.range(hour - 23..=hour).map(|it| it.1).sum()
    }

    fn hour(&self) -> i64 {
        self.kept.org.now().as_seconds().div_euclid(3_600)
    }

    fn count(&mut self, name: &str, is_api: bool) {
        self.kept.org.count_call(name);
        self.use_one(is_api);
    }

    /// Takes one call off the day's allowance.
    fn use_one(&mut self, is_api: bool) {
        if is_api {
            let hour = self.hour();
            *self.usage.entry(hour).or_default() += 1;
            self.usage.retain(|it, _| hour - 24 < *it);
        }
    }
}

/// The real time in milliseconds since 1970.
fn real_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX))
}

/// The real time.
#[must_use]
pub fn real_now() -> Timestamp {
    Timestamp::from_millis(real_millis()).unwrap_or(Timestamp::UNKNOWN)
}

impl Handler for Host {
    fn handle(&self, request: Request) -> Reply {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let reply = match path.as_slice() {
            ["simorg", rest @ ..] => self.control(&request, rest),
            ["services", "data", rest @ ..] => self.rest(&request, rest),
            ["services", "Soap", kind, rest @ ..] => self.soap(&request, kind, rest),
            [] => Reply::new(200, "text/plain;charset=UTF-8", BANNER.as_bytes().to_vec()),
            path => match login::call(path) {
                Some(call) => self.login(&request, call),
                None => Reply::new(404, "text/html;charset=UTF-8", NO_PAGE.as_bytes().to_vec()),
            },
        };
        (self.log)(&format!(
            "{} {} {} {}",
            request.method,
            request.path_text(),
            reply.status,
            reply.body.len()
        ));
        let now = self.state().kept.org.now();
        reply.with("Date", &http_date(now))
    }
}

/// A time as the header `Date` has it (RFC 9110, 5.6.7).
fn http_date(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let day = at.as_seconds().div_euclid(86_400).rem_euclid(7);
    let day = usize::try_from(day).unwrap_or(0);
    // `2026-11-22T23:10:36.023Z`
    let text = at.to_soap();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month: usize = part(5, 7).parse().unwrap_or(1);
    format!(
        "{}, {} {} {} {} GMT",
        DAYS[day],
        part(8, 10),
        MONTHS[month.saturating_sub(1) % 12],
        part(0, 4),
        part(11, 19)
    )
}

const BANNER: &str = "A simulated Salesforce org of orgkeep, on this machine only.\n";
const NO_PAGE: &str = "<html><body><h1>URL No Longer Exists</h1></body></html>";

impl Host {
    /// The org of `state`, reachable at `url`, each answer late by a time within `latency`.
    #[must_use]
    pub fn new(state: State, url: String, latency: (Duration, Duration), log: Log) -> Self {
        Self {
            state: Mutex::new(state),
            url,
            latency,
            log,
        }
    }

    /// The state, for as long as the guard is held.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // A request that panicked has changed at most its own part.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn control(&self, request: &Request, path: &[&str]) -> Reply {
        let host = request.header("host").unwrap_or("");
        let name = host.rsplit_once(':').map_or(host, |it| it.0);
        let is_here = matches!(name, "127.0.0.1" | "localhost" | "[::1]");
        if !is_here || request.header("origin").is_some() {
            // A web page in a browser on this machine must not get in.
            return control::error(403, "control calls are for programs on this machine");
        }
        let mut state = self.state();
        state.tick();
        control::answer(&mut state, request, path)
    }

    fn login(&self, request: &Request, call: &'static str) -> Reply {
        let grant = super::http::form(std::str::from_utf8(&request.body).unwrap_or(""));
        let grant = grant.into_iter().find(|it| it.0 == "grant_type");
        let called = Called {
            name: call.to_owned(),
            subjects: grant.into_iter().map(|it| it.1).collect(),
            protocol: Protocol::OAuth,
        };
        let mut state = self.state();
        state.tick();
        state.count(call, false);
        let token = request.bearer().map(str::to_owned);
        self.with_fault(&mut state, &called, token.as_deref(), |state, _| {
            let kept = &mut state.kept;
            let mut desk = login::Desk {
                org: &mut kept.org,
                logins: &mut kept.logins,
                url: &self.url,
                clock: real_now(),
            };
            let reply = login::answer(&mut desk, call, request);
            state.is_dirty = true;
            reply
        })
    }

    fn rest(&self, request: &Request, path: &[&str]) -> Reply {
        let mut state = self.state();
        state.tick();
        let [version, path @ ..] = path else {
            state.count("versions", false);
            let called = Called {
                name: "versions".to_owned(),
                subjects: Vec::new(),
                protocol: Protocol::Rest,
            };
            return self.with_fault(&mut state, &called, None, |state, _| {
                rest::versions(&state.kept.org)
            });
        };
        let version = match version_of(&state.kept.org, version.strip_prefix('v')) {
            Ok(version) => version,
            Err(is_retired) if is_retired => {
                return rest::error(410, "UNSUPPORTED_API_VERSION", "API version is retired");
            }
            Err(_) => return rest::not_found(),
        };
        let Some(call) = rest::call(request, path) else {
            return match user(&state.kept.org, request.bearer()) {
                Some(_) => rest::not_found(),
                None => no_session(),
            };
        };
        let mut subjects: Vec<String> = call.subject.iter().cloned().collect();
        if let Some(more) = call
            .subject
            .as_ref()
            .and_then(|it| state.job_subjects.get(it))
        {
            subjects.extend(more.iter().cloned());
        }
        let called = Called {
            name: call.name.to_owned(),
            subjects,
            protocol: Protocol::Rest,
        };
        let token = request.bearer().map(str::to_owned);
        let reply = self.with_fault(&mut state, &called, token.as_deref(), |state, script| {
            let Some(user) = user(&state.kept.org, token.as_deref()) else {
                state.count(call.name, false);
                return no_session();
            };
            let max = state.kept.org.config.limits.daily_api_requests;
            if max <= state.used() {
                state.count(call.name, false);
                return rest::error(
                    403,
                    "REQUEST_LIMIT_EXCEEDED",
                    "TotalRequests Limit exceeded.",
                );
            }
            state.count(call.name, true);
            if !user.may(Permission::ApiEnabled) {
                return rest::error(
                    403,
                    "API_DISABLED_FOR_ORG",
                    "The REST API is not enabled for this Organization.",
                );
            }
            let usage = (state.used(), max);
            let kept = &mut state.kept;
            let mut desk = rest::Desk {
                org: &mut kept.org,
                records: &mut kept.records,
                permissions: &kept.permissions,
                cache: &state.cache,
                cursors: &mut state.cursors,
                user,
                version,
                usage,
                script,
            };
            let reply = rest::answer(&mut desk, &call, request, path);
            if changes(call.name) {
                state.touch();
            }
            reply
        });
        let usage = format!(
            "api-usage={}/{}",
            state.used(),
            state.kept.org.config.limits.daily_api_requests
        );
        reply.with("Sforce-Limit-Info", &usage)
    }

    fn soap(&self, request: &Request, kind: &str, path: &[&str]) -> Reply {
        if request.method != "POST" {
            return Reply::new(405, "text/html;charset=UTF-8", Vec::new()).with("Allow", "POST");
        }
        let refuse = |fault: &ApiFault| soap_reply(soap::fault_reply(fault));
        if request.body.len() > MAX_SOAP_BYTES {
            let message =
                "Maximum size of request reached. Maximum size of request is 52428800 bytes.";
            return refuse(&ApiFault::new("LIMIT_EXCEEDED", message));
        }
        if request.header("soapaction").is_none() {
            return refuse(&ApiFault::new(
                "soapenv:Client",
                "SOAPAction HTTP header missing",
            ));
        }
        if matches!(kind, "u" | "c") {
            let mut state = self.state();
            state.tick();
            state.count("login", false);
            let version = version_of(&state.kept.org, path.first().copied());
            return refuse(&partner_refusal(version.ok()));
        }
        // Parsed before the lock: a deploy carries its zip.
        let parsed = match soap::Request::parse(&request.body) {
            Ok(parsed) if kind == "m" => parsed,
            Ok(_) => {
                return Reply::new(404, "text/html;charset=UTF-8", NO_PAGE.as_bytes().to_vec());
            }
            Err(fault) => return refuse(&fault),
        };
        let mut state = self.state();
        state.tick();
        let Ok(version) = version_of(&state.kept.org, path.first().copied()) else {
            let message = "Invalid Api version specified on URL";
            return refuse(&ApiFault::new("UNSUPPORTED_API_VERSION", message));
        };
        let name = parsed.call().to_owned();
        let job = job_asked(&request.body);
        let mut subjects = parsed.subjects();
        let of_job = job.and_then(|it| state.job_subjects.get(it)).cloned();
        subjects.extend(of_job.into_iter().flatten());
        subjects.extend(job.map(str::to_owned));
        let called = Called {
            name,
            subjects,
            protocol: Protocol::Soap,
        };
        let token = parsed.token().map(str::to_owned);
        self.with_fault(&mut state, &called, token.as_deref(), |state, script| {
            let user = user(&state.kept.org, token.as_deref());
            let max = state.kept.org.config.limits.daily_api_requests;
            if user.is_some() && max <= state.used() {
                state.count(&called.name, false);
                let message = "TotalRequests Limit exceeded.";
                return refuse(&ApiFault::new("REQUEST_LIMIT_EXCEEDED", message));
            }
            state.use_one(user.is_some());
            let reply = soap::answer(&mut state.kept.org, version, &parsed, script);
            if let (true, Some(id)) = (begins_job(&called.name), id_given(&reply.body)) {
                let id = id.to_owned();
                state.job_subjects.insert(id, called.subjects.clone());
            }
            if changes(&called.name) {
                state.touch();
            }
            soap_reply(reply)
        })
    }

    /// Has a call answered, with the fault that a rule asks for.
    fn with_fault(
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
                let is_job = begins_job(&called.name);
                if is_job {
                    answer(state, &mut Decided(Some(Strike::Fail)))
                } else if called.name == "checkRetrieveStatus" && fail_retrieve(state, called) {
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

    /// A time within the latency asked for.
    fn late(&self) -> Duration {
        let (least, most) = self.latency;
        let spread = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(0);
        if spread == 0 {
            return least;
        }
        least + Duration::from_millis(rand::random_range(0..=spread))
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

fn soap_reply(reply: soap::Reply) -> Reply {
    Reply::xml(reply.status, reply.body)
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

fn no_session() -> Reply {
    rest::error(401, "INVALID_SESSION_ID", "Session expired or invalid")
}

fn user(org: &SimOrg, token: Option<&str>) -> Option<User> {
    org.user_of(token?).cloned()
}

/// The version of a path; the error says whether it is retired.
fn version_of(org: &SimOrg, text: Option<&str>) -> Result<ApiVersion, bool> {
    let version: ApiVersion = text.and_then(|it| it.parse().ok()).ok_or(false)?;
    if version < org.config.api_floor {
        return Err(true);
    }
    if org.config.api_version < version {
        return Err(false);
    }
    Ok(version)
}

/// Why the partner API, which logs in by password, is not for this org.
///
/// Source: Salesforce Help 005132110: `login()` is not there from API 65.0 on,
/// and is off in new orgs below.
fn partner_refusal(version: Option<ApiVersion>) -> ApiFault {
    if version.is_some_and(|it| it.major() < 65) {
        return ApiFault::new(
            "INVALID_OPERATION",
            "SOAP API login() is disabled by default in this org.",
        );
    }
    ApiFault::new(
        "UNSUPPORTED_API_VERSION",
        "SOAP API login() is not available in API version 65.0 and later. Use OAuth.",
    )
}

fn begins_job(call: &str) -> bool {
    matches!(call, "retrieve" | "deploy" | "deployRecentValidation")
}

/// Whether a call may change what others read.
fn changes(call: &str) -> bool {
    matches!(
        call,
        "deploy"
            | "checkDeployStatus"
            | "cancelDeploy"
            | "deployRecentValidation"
            | "createMetadata"
            | "updateMetadata"
            | "upsertMetadata"
            | "deleteMetadata"
            | "renameMetadata"
            | "create"
            | "update"
            | "delete"
    )
}

/// Id of the job that a status call asks about.
fn job_asked(body: &[u8]) -> Option<&str> {
    between(&body[..body.len().min(4_096)], "asyncProcessId>")
}

/// Id of the job in the answer of a call that began one.
fn id_given(body: &[u8]) -> Option<&str> {
    between(&body[..body.len().min(4_096)], "<id>")
}

fn between<'a>(body: &'a [u8], start: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(body).ok()?;
    let rest = &text[text.find(start)? + start.len()..];
    let id = rest[..rest.find('<')?].trim();
    (!id.is_empty()).then_some(id)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_is_found_in_the_envelope() {
        let body = b"<e><m:checkRetrieveStatus><m:asyncProcessId>09S1</m:asyncProcessId></m:checkRetrieveStatus></e>";
        assert_eq!(job_asked(body), Some("09S1"));
        assert_eq!(job_asked(b"<retrieve/>"), None);
    }
}
