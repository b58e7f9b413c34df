//! The org behind its socket: tells what is called, counts it, lets it go
//! wrong where it was asked to, and has it answered.
//!
//! Invariant: all state is behind one lock, which no request holds while it
//! waits. A call is counted once, whatever comes of it.

mod state;
mod struck;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use state::{Kept, State, real_now};
use struck::{Called, Protocol};

use super::{
    SimOrg,
    bulk::v1,
    control,
    fault::{Fault as ApiFault, Script},
    http::{Handler, Reply, Request},
    login, partner, rest, soap,
    state::{Permission, User},
};
use crate::model::{ApiVersion, Timestamp};

/// Largest SOAP message.
///
/// Source: Salesforce Developer Limits and Allocations Quick Reference,
/// "Metadata Limits": 52,428,800 bytes.
const MAX_SOAP_BYTES: usize = 52_428_800;

/// A line for the log.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The org behind its socket.
pub struct Host {
    state: Mutex<State>,
    url: String,
    latency: (Duration, Duration),
    log: Log,
}

impl Handler for Host {
    fn handle(&self, request: Request) -> Reply {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let reply = match path.as_slice() {
            ["simorg", rest @ ..] => self.control(&request, rest),
            ["services", "data", rest @ ..] => self.rest(&request, rest),
            ["services", "async", version, rest @ ..] => self.bulk_v1(&request, version, rest),
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
            reply.len()
        ));
        let now = self.state().kept.org.now();
        reply.with("Date", &http_date(now))
    }
}

/// A time as the header `Date` has it (RFC 9110, 5.6.7).
#[must_use]
pub fn http_date(at: Timestamp) -> String {
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

/// The time that a header such as `If-Modified-Since` gives.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    // `Sun, 22 Nov 2026 23:10:36 GMT`
    let mut words = text.split_whitespace().skip(1);
    let day = words.next()?;
    let month = MONTHS.find(words.next()?)? / 3 + 1;
    let (year, time) = (words.next()?, words.next()?);
    format!("{year}-{month:02}-{day:0>2}T{time}Z").parse().ok()
}

const BANNER: &str = "A simulated Salesforce org of orgkeep, on this machine only.\n";
const NO_PAGE: &str = "<html><body><h1>URL No Longer Exists</h1></body></html>";

impl Host {
    /// The org of `state`, reachable at `url`, each answer late by a time within `latency`.
    #[must_use]
    pub fn new(mut state: State, url: String, latency: (Duration, Duration), log: Log) -> Self {
        state.url.clone_from(&url);
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
        let job = call.subject.as_ref();
        let job = job.and_then(|it| state.kept.bulk.object_of(it));
        subjects.extend(job.map(str::to_owned));
        let called = Called {
            name: call.name.to_owned(),
            subjects,
            protocol: Protocol::Rest,
        };
        let token = request.bearer().map(str::to_owned);
        let reply = self.with_fault(&mut state, &called, token.as_deref(), |state, script| {
            answer_rest(state, script, &call, request, (version, path))
        });
        let usage = format!(
            "api-usage={}/{}",
            state.used(),
            state.kept.org.config.limits.daily_api_requests
        );
        reply.with("Sforce-Limit-Info", &usage)
    }

    /// A call of the Bulk API 1.0, whose session stands in a header of its own.
    fn bulk_v1(&self, request: &Request, version: &str, path: &[&str]) -> Reply {
        let mut state = self.state();
        state.tick();
        let version = version_of(&state.kept.org, Some(version));
        let (Ok(version), Some((name, job))) = (version, v1::call(&request.method, path)) else {
            return rest::not_found();
        };
        let called = Called {
            name: name.to_owned(),
            subjects: job.into_iter().collect(),
            protocol: Protocol::Rest,
        };
        let token = request.header("x-sfdc-session").or(request.bearer());
        let token = token.map(str::to_owned);
        self.with_fault(&mut state, &called, token.as_deref(), |state, script| {
            let user = user(&state.kept.org, token.as_deref());
            let max = state.kept.org.config.limits.daily_api_requests;
            let is_spent = max <= state.used();
            state.count(name, user.is_some() && !is_spent);
            let Some(user) = user else {
                return v1::no_session(request);
            };
            if is_spent || !user.may(Permission::ApiEnabled) {
                return v1::refused(request, is_spent);
            }
            state.is_dirty = true;
            let mut desk = desk(state, user, version, script);
            v1::answer(&mut desk, name, request, path)
        })
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
        // Parsed before the lock: a deploy carries its zip.
        let parsed = match soap::Request::parse(&request.body) {
            Ok(parsed) if matches!(kind, "u" | "c") => return self.partner(&parsed, path),
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

    /// A call of the partner API; its `login` is not for this org.
    fn partner(&self, parsed: &soap::Request, path: &[&str]) -> Reply {
        let refuse = |fault: &ApiFault| soap_reply(partner::refuse(fault));
        let mut state = self.state();
        state.tick();
        let version = version_of(&state.kept.org, path.first().copied());
        if parsed.call() == "login" {
            state.count("login", false);
            return soap_reply(soap::fault_reply(&partner_refusal(version.ok())));
        }
        let Ok(version) = version else {
            let message = "Invalid Api version specified on URL";
            return refuse(&ApiFault::new("UNSUPPORTED_API_VERSION", message));
        };
        let called = Called {
            name: parsed.call().to_owned(),
            subjects: Vec::new(),
            protocol: Protocol::Soap,
        };
        let token = parsed.token().map(str::to_owned);
        self.with_fault(&mut state, &called, token.as_deref(), |state, script| {
            let user = user(&state.kept.org, token.as_deref());
            let max = state.kept.org.config.limits.daily_api_requests;
            state.count(&called.name, user.is_some());
            let Some(user) = user else {
                return refuse(&ApiFault::invalid_session());
            };
            if max < state.used() {
                let message = "TotalRequests Limit exceeded.";
                return refuse(&ApiFault::new("REQUEST_LIMIT_EXCEEDED", message));
            }
            state.is_dirty = true;
            let mut desk = desk(state, user, version, script);
            soap_reply(partner::answer(&mut desk, parsed))
        })
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

/// Answers a call of the REST API: session, allowance and permission first.
fn answer_rest(
    state: &mut State,
    script: &mut dyn Script,
    call: &rest::Call,
    request: &Request,
    (version, path): (ApiVersion, &[&str]),
) -> Reply {
    let Some(user) = user(&state.kept.org, request.bearer()) else {
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
    let mut desk = desk(state, user, version, script);
    let reply = rest::answer(&mut desk, call, request, path);
    if changes(call.name) {
        state.touch();
    } else if call.name.starts_with("bulk") {
        state.is_dirty = true;
    }
    reply
}

/// What a call of `user` works with.
fn desk<'a>(
    state: &'a mut State,
    user: User,
    version: ApiVersion,
    script: &'a mut dyn Script,
) -> rest::Desk<'a> {
    let usage = (
        state.used(),
        state.kept.org.config.limits.daily_api_requests,
    );
    let user = state.acting(user);
    let kept = &mut state.kept;
    rest::Desk {
        url: &state.url,
        org: &mut kept.org,
        store: &kept.records,
        traps: &kept.traps,
        bulk: &mut kept.bulk,
        permissions: &kept.permissions,
        cache: &state.cache,
        cursors: &mut state.cursors,
        user,
        version,
        usage,
        script,
    }
}

fn soap_reply(reply: soap::Reply) -> Reply {
    Reply::xml(reply.status, reply.body)
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
