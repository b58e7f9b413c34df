//! Whether a failed call is made again, and when. Hides `rand`.
//!
//! Invariant: a call that may act twice is made again only when the org surely
//! did not take it.

use std::time::Duration;

use super::Error;
use crate::model::Timestamp;

/// A call by name, and whether making it twice does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Name, as the API has it: `listMetadata`.
    pub name: &'static str,
    /// Whether it may be made again when no answer came.
    pub repeatable: bool,
}

impl Call {
    /// A call that only reads, or whose second job does no harm.
    #[must_use]
    pub const fn read(name: &'static str) -> Self {
        Self {
            name,
            repeatable: true,
        }
    }

    /// A call that acts: where its answer is lost, the org is asked for the job.
    #[must_use]
    pub const fn act(name: &'static str) -> Self {
        Self {
            name,
            repeatable: false,
        }
    }
}

/// How often to repeat a call that failed, and how long to wait before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Most tries of one call, the first included.
    pub tries: u32,
    /// Wait before the second try; doubles from then on.
    pub first: Duration,
    /// Longest wait of our own choice.
    pub longest: Duration,
    /// Longest wait that the org may ask for by `Retry-After`.
    pub longest_asked: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 5,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(20),
            longest_asked: Duration::from_mins(5),
        }
    }
}

/// A try that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// Wait that the answer asked for.
    pub(crate) retry_after: Option<Duration>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

/// What to do about a try that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Get a new session and try again at once.
    Renew,
    /// Wait, then try again.
    Wait(Duration),
    /// Tell the caller.
    GiveUp,
}

/// Decides about the failure of the `n_tries`th try; `jitter` lies in 0..1.
///
/// Waits double, and half of each is left to chance, so that clients that failed
/// together do not come back together.
pub(crate) fn decide(
    policy: &RetryPolicy,
    call: Call,
    failed: &Failed,
    n_tries: u32,
    was_renewed: bool,
    jitter: f64,
) -> Next {
    // A refused session was refused before the call did anything.
    if failed.error.is_expired_session() {
        return if was_renewed {
            Next::GiveUp
        } else {
            Next::Renew
        };
    }
    let was_not_sent = matches!(failed.error, Error::Unreachable { .. });
    if !failed.error.is_transient() || n_tries >= policy.tries || !(call.repeatable || was_not_sent)
    {
        return Next::GiveUp;
    }
    match failed.retry_after {
        Some(wait) if wait > policy.longest_asked => Next::GiveUp,
        Some(wait) => Next::Wait(wait),
        None => {
            let doubled = policy
                .first
                .saturating_mul(1 << n_tries.saturating_sub(1).min(20));
            Next::Wait(doubled.min(policy.longest).mul_f64(0.5 + jitter / 2.0))
        }
    }
}

/// A number in 0..1 by chance.
pub(crate) fn jitter() -> f64 {
    rand::random_range(0.0..1.0)
}

/// Bytes that nobody can guess.
pub(crate) fn random_bytes(n_bytes: usize) -> Vec<u8> {
    let mut bytes = vec![0; n_bytes];
    rand::fill(&mut bytes[..]);
    bytes
}

/// Reads `Retry-After`: seconds, or a date that counts from the answer's own `Date`.
pub(crate) fn retry_after(header: &str, answered: Option<Timestamp>) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(http_date(header)?.since(answered?))
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Source: RFC 9110, 5.6.7; the two obsolete forms are not read.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.trim().split_once(", ")?;
    let mut parts = rest.split(' ');
    let (day, month, year, time, zone) = (
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
    );
    let month = 1 + MONTHS.iter().position(|it| *it == month)?;
    (zone == "GMT").then_some(())?;
    format!("{year}-{month:02}-{day:0>2}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        tries: 4,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(3),
        longest_asked: Duration::from_mins(1),
    };
    const LIST: Call = Call::read("listMetadata");
    const DEPLOY: Call = Call::act("deploy");

    fn page(status: u16) -> Failed {
        Error::NoApi {
            call: "listMetadata",
            host: String::new(),
            status,
        }
        .into()
    }

    fn expired() -> Failed {
        Error::Fault {
            call: "deploy",
            host: String::new(),
            code: "INVALID_SESSION_ID".to_owned(),
            message: String::new(),
        }
        .into()
    }

    #[test]
    fn waits_double_up_to_the_longest_and_then_end() {
        let waits: Vec<_> = (1..=4)
            .map(|n| decide(&POLICY, LIST, &page(503), n, false, 1.0))
            .collect();
        let seconds = |n| Next::Wait(Duration::from_secs(n));
        assert_eq!(waits, [seconds(1), seconds(2), seconds(3), Next::GiveUp]);
        assert_eq!(
            decide(&POLICY, LIST, &page(503), 1, false, 0.0),
            Next::Wait(Duration::from_millis(500))
        );
    }

    #[test]
    fn call_that_acts_is_repeated_only_when_it_was_not_sent() {
        assert_eq!(
            decide(&POLICY, DEPLOY, &page(503), 1, false, 0.0),
            Next::GiveUp
        );
        let unsent: Failed = Error::Unreachable {
            host: String::new(),
            source: "refused".into(),
        }
        .into();
        assert!(matches!(
            decide(&POLICY, DEPLOY, &unsent, 1, false, 0.0),
            Next::Wait(_)
        ));
    }

    #[test]
    fn session_is_renewed_once_even_for_a_call_that_acts() {
        assert_eq!(
            decide(&POLICY, DEPLOY, &expired(), 1, false, 0.0),
            Next::Renew
        );
        assert_eq!(
            decide(&POLICY, DEPLOY, &expired(), 2, true, 0.0),
            Next::GiveUp
        );
    }

    #[test]
    fn wait_that_the_org_asks_for_is_honoured_within_reason() {
        let asked = |seconds| Failed {
            retry_after: Some(Duration::from_secs(seconds)),
            ..page(503)
        };
        assert_eq!(
            decide(&POLICY, LIST, &asked(60), 1, false, 0.3),
            Next::Wait(Duration::from_mins(1))
        );
        assert_eq!(
            decide(&POLICY, LIST, &asked(61), 1, false, 0.3),
            Next::GiveUp
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("7", None), Some(Duration::from_secs(7)));
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(now.unwrap().to_soap(), "1994-11-06T08:49:37.000Z");
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now),
            Some(Duration::from_secs(30))
        );
        assert_eq!(retry_after("soon", now), None);
    }
}
