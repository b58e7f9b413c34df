//! The org's clock.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{Reply, State, error};
use crate::model::Timestamp;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Clock {
    Now(Timestamp),
    Advance(String),
}

/// Sets the clock, or moves it on.
pub(super) fn set(state: &mut State, clock: &Clock) -> Reply {
    let now = match clock {
        Clock::Now(now) => *now,
        Clock::Advance(text) => match span(text) {
            Some(span) => state.kept.org.now().after(span),
            None => return error(400, "`advance` is a span such as 90s, 15m, 2h or 15d"),
        },
    };
    state.set_clock(now);
    tell(state)
}

/// What time it is in the org.
pub(super) fn tell(state: &State) -> Reply {
    Reply::json(200, &json!({"now": state.kept.org.now()}))
}

/// Reads `15d`, `2h`, `15m`, `90s`, `250ms`.
fn span(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let millis: u64 = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        assert_eq!(span("15d"), Some(Duration::from_hours(15 * 24)));
        assert_eq!(span("250ms"), Some(Duration::from_millis(250)));
        for text in ["", "d", "15", "-1d", "1.5h", "99999999999999999999d"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
