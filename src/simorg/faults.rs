//! Faults on request: which call goes wrong, how, and how often.
//!
//! Invariant: without a rule nothing goes wrong, and a rule that was used up
//! is gone.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::fault::{Script, Strike};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fault {
    /// The session ends before the call; a login is refused as expired.
    Expired,
    /// This HTTP status with a page of HTML; the call is not carried out.
    Status(u16),
    /// The call is carried out, its answer is lost.
    Drop,
    /// The answer takes so much longer.
    Slow(Duration),
    /// The call is carried out, its answer ends in the middle.
    Truncate,
    /// The API's own error with this code; the call is not carried out.
    Error(String),
    /// The job fails; a call that starts none gives `UNKNOWN_EXCEPTION`.
    Fail,
    /// No answer; the call is not carried out.
    Hang,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// API name of the call: `retrieve`, `query`, `token`, …; `*` for every one.
    pub call: String,
    /// What the call must be about: a type, a component, an object; `*` for anything.
    #[serde(default = "anything")]
    pub of: String,
    /// What goes wrong.
    pub fault: Fault,
    /// Calls that pass before.
    #[serde(default)]
    pub after: u64,
    /// How often; 0 for ever.
    #[serde(default = "once")]
    pub times: u64,
}

fn anything() -> String {
    "*".to_owned()
}

fn once() -> u64 {
    1
}

/// Words that are no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not {wanted}", text.escape_debug())]
pub struct InvalidFault {
    text: String,
    wanted: &'static str,
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let fault = match text {
            "expired" => Self::Expired,
            "drop" => Self::Drop,
            "truncate" => Self::Truncate,
            "fail" => Self::Fail,
            "hang" => Self::Hang,
            _ => {
                if let Some(Ok(millis)) = text.strip_prefix("slow:").map(str::parse) {
                    return Ok(Self::Slow(Duration::from_millis(millis)));
                }
                if let Some(code) = text.strip_prefix("error:").filter(|it| is_code(it)) {
                    return Ok(Self::Error(code.to_owned()));
                }
                match text.parse() {
                    Ok(status @ 400..=599) => Self::Status(status),
                    _ => {
                        return Err(InvalidFault {
                            text: text.to_owned(),
                            wanted: "a fault: expired, 503 (or another status from 400), drop, \
                                     slow:MS, truncate, error:CODE, fail or hang",
                        });
                    }
                }
            }
        };
        Ok(fault)
    }
}

fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

impl TryFrom<String> for Fault {
    type Error = InvalidFault;

    fn try_from(text: String) -> Result<Self, InvalidFault> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(it: Fault) -> Self {
        match it {
            Fault::Expired => "expired".to_owned(),
            Fault::Status(status) => status.to_string(),
            Fault::Drop => "drop".to_owned(),
            Fault::Slow(span) => format!("slow:{}", span.as_millis()),
            Fault::Truncate => "truncate".to_owned(),
            Fault::Error(code) => format!("error:{code}"),
            Fault::Fail => "fail".to_owned(),
            Fault::Hang => "hang".to_owned(),
        }
    }
}

/// Reads `call[:of]=fault[*times]`.
impl FromStr for Rule {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let refuse = || InvalidFault {
            text: text.to_owned(),
            wanted: "a rule: call[:of]=fault[*times], such as retrieve:Profile=fail*2",
        };
        let (what, fault) = text.rsplit_once('=').ok_or_else(refuse)?;
        let (call, of) = what.split_once(':').unwrap_or((what, "*"));
        let (fault, times) = match fault.rsplit_once('*') {
            Some((fault, times)) => (fault, times.parse().map_err(|_| refuse())?),
            None => (fault, 1),
        };
        if call.is_empty() || of.is_empty() {
            return Err(refuse());
        }
        Ok(Self {
            call: call.to_owned(),
            of: of.to_owned(),
            fault: fault.parse()?,
            after: 0,
            times,
        })
    }
}

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<Rule>);

impl Faults {
    /// Adds a rule.
    pub fn add(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    /// Takes all rules away.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The rules in force, with what is left of them.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// The fault of a call about `subjects`: that of the first rule which fits.
    ///
    /// Each rule that fits and is not yet due comes one call nearer. A rule about
    /// something in a call that begins a job is left to [`Faults::script`] where
    /// it makes the job fail: what goes into a job shows only there.
    pub fn strike(&mut self, call: &str, subjects: &[String]) -> Option<Fault> {
        let is_job = matches!(call, "retrieve" | "deploy");
        let found = self.0.iter_mut().position(|rule| {
            let is_inside = is_job && rule.of != "*" && rule.is_inner();
            let fits = rule.is_of(call) && subjects.iter().any(|it| rule.is_about(it));
            !is_inside && (fits || (rule.is_of(call) && rule.of == "*")) && rule.is_due()
        })?;
        Some(self.use_up(found))
    }

    /// The rules for what goes into one call that begins a job.
    pub fn script(&mut self) -> FaultScript<'_> {
        FaultScript {
            faults: self,
            passed: Vec::new(),
        }
    }

    fn use_up(&mut self, at: usize) -> Fault {
        let rule = &mut self.0[at];
        let fault = rule.fault.clone();
        if rule.times == 1 {
            self.0.remove(at);
        } else {
            rule.times = rule.times.saturating_sub(1);
        }
        fault
    }
}

impl Rule {
    /// Whether it shows inside an answer, not in how the answer comes.
    fn is_inner(&self) -> bool {
        matches!(self.fault, Fault::Error(_) | Fault::Fail)
    }

    fn is_of(&self, call: &str) -> bool {
        self.call == "*" || self.call.eq_ignore_ascii_case(call)
    }

    /// Whether it is about `subject`: a type, an object, `Type:FullName`.
    fn is_about(&self, subject: &str) -> bool {
        let parts = subject.split_once(':');
        self.of == subject || parts.is_some_and(|(kind, name)| self.of == kind || self.of == name)
    }

    /// Whether its time has come; if not, it is one call nearer.
    fn is_due(&mut self) -> bool {
        let due = self.after == 0;
        self.after = self.after.saturating_sub(1);
        due
    }
}

/// The rules for one call that begins a job, as the org asks for them.
pub struct FaultScript<'a> {
    faults: &'a mut Faults,
    /// Rules that fitted something in this call and were not due.
    passed: Vec<Rule>,
}

impl Script for FaultScript<'_> {
    fn strike(&mut self, call: &str, of: &str) -> Option<Strike> {
        let passed = &mut self.passed;
        let found = self.faults.0.iter_mut().position(|rule| {
            let fits = rule.is_inner() && rule.of != "*" && rule.is_of(call) && rule.is_about(of);
            if !fits || passed.contains(rule) {
                return false;
            }
            let is_due = rule.is_due();
            if !is_due {
                passed.push(rule.clone());
            }
            is_due
        })?;
        match self.faults.use_up(found) {
            Fault::Error(code) => Some(Strike::Error(code)),
            _ => Some(Strike::Fail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_is_read_as_it_is_written() {
        let rule: Rule = "listMetadata:CustomObject=slow:250*3".parse().unwrap();
        assert_eq!(
            rule,
            Rule {
                call: "listMetadata".to_owned(),
                of: "CustomObject".to_owned(),
                fault: Fault::Slow(Duration::from_millis(250)),
                after: 0,
                times: 3,
            }
        );
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
        let short: Rule = serde_json::from_str(r#"{"call":"query","fault":"503"}"#).unwrap();
        assert_eq!((short.of.as_str(), short.after, short.times), ("*", 0, 1));
    }

    #[test]
    fn rule_that_is_none_is_refused() {
        for text in [
            "query",
            "=503",
            "query=",
            "query=boom",
            "query=200",
            "query=503*x",
            "q=error:",
        ] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }

    #[test]
    fn rule_strikes_after_and_times_calls() {
        let mut faults = Faults::default();
        let mut rule: Rule = "retrieve:Profile=503*2".parse().unwrap();
        rule.after = 1;
        faults.add(rule);
        let profile = ["Profile".to_owned()];
        assert_eq!(faults.strike("retrieve", &["Layout".to_owned()]), None);
        assert_eq!(faults.strike("retrieve", &profile), None);
        assert_eq!(faults.strike("deploy", &profile), None);
        let struck = Some(Fault::Status(503));
        assert_eq!(faults.strike("retrieve", &profile), struck);
        assert_eq!(faults.strike("retrieve", &profile), struck);
        assert_eq!(faults.strike("retrieve", &profile), None);
        assert!(faults.rules().is_empty());
    }

    #[test]
    fn rule_about_a_component_makes_the_job_fail_in_which_it_is() {
        let mut faults = Faults::default();
        let mut rule: Rule = "retrieve:Layout:Account-A=fail".parse().unwrap();
        rule.after = 1;
        faults.add(rule);
        assert_eq!(
            faults.strike("retrieve", &["Layout:Account-A".to_owned()]),
            None
        );
        for expected in [None, Some(Strike::Fail), None] {
            let mut script = faults.script();
            assert_eq!(script.strike("retrieve", "Layout:Account-B"), None);
            assert_eq!(script.strike("retrieve", "Layout:Account-A"), expected);
            assert_eq!(script.strike("retrieve", "Layout:Account-A"), None);
        }
    }

    #[test]
    fn rule_is_about_a_type_or_a_name() {
        for of in ["Profile", "Admin", "Profile:Admin"] {
            let mut faults = Faults::default();
            faults.add(format!("readMetadata:{of}=503").parse().unwrap());
            let subjects = ["Layout".to_owned(), "Profile:Admin".to_owned()];
            assert_eq!(
                faults.strike("readMetadata", &subjects),
                Some(Fault::Status(503))
            );
        }
    }

    #[test]
    fn rule_of_no_times_stays() {
        let mut faults = Faults::default();
        faults.add("*=503*0".parse().unwrap());
        for _ in 0..3 {
            assert_eq!(faults.strike("query", &[]), Some(Fault::Status(503)));
        }
        faults.clear();
        assert_eq!(faults.strike("query", &[]), None);
    }
}
