//! Faults on request: which call goes wrong, how, and how often.
//!
//! Invariant: without a rule nothing goes wrong, and a rule that was used up
//! is gone.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

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

    /// Whether a rule asks what the calls named `call` are about.
    #[must_use]
    pub fn ask_about(&self, call: &str) -> bool {
        self.0
            .iter()
            .any(|it| it.of != "*" && (it.call == call || it.call == "*"))
    }

    /// The fault of a call about `subjects`: that of the first rule which fits.
    ///
    /// Each rule that fits and is not yet due comes one call nearer.
    pub fn strike(&mut self, call: &str, subjects: &[String]) -> Option<Fault> {
        let mut found = None;
        for (at, rule) in self.0.iter_mut().enumerate() {
            let is_call = rule.call == "*" || rule.call.eq_ignore_ascii_case(call);
            if !is_call || !(rule.of == "*" || subjects.contains(&rule.of)) {
                continue;
            }
            if rule.after > 0 {
                rule.after -= 1;
                continue;
            }
            found = Some(at);
            break;
        }
        let rule = &mut self.0[found?];
        let fault = rule.fault.clone();
        if rule.times == 1 {
            self.0.remove(found?);
        } else {
            rule.times = rule.times.saturating_sub(1);
        }
        Some(fault)
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
        let mut rule: Rule = "retrieve:Profile=fail*2".parse().unwrap();
        rule.after = 1;
        faults.add(rule);
        let profile = ["Profile".to_owned()];
        assert_eq!(faults.strike("retrieve", &["Layout".to_owned()]), None);
        assert_eq!(faults.strike("retrieve", &profile), None);
        assert_eq!(faults.strike("deploy", &profile), None);
        assert_eq!(faults.strike("retrieve", &profile), Some(Fault::Fail));
        assert_eq!(faults.strike("retrieve", &profile), Some(Fault::Fail));
        assert_eq!(faults.strike("retrieve", &profile), None);
        assert!(faults.rules().is_empty());
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
