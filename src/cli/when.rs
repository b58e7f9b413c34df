//! Points in time, as people write them on the command line.

use std::time::{Duration, SystemTime};

use super::CommandError;
use crate::model::Timestamp;

const DAY: u64 = 24 * 60 * 60;

/// Reads a day (`2026-11-21`), a time (`2026-11-21T14:02:00Z`), or one before now:
/// `yesterday`, `3 days ago`.
pub(super) fn parse(text: &str) -> Result<Timestamp, CommandError> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.ok().and_then(|it| i64::try_from(it.as_millis()).ok());
    let now = now.and_then(Timestamp::from_millis);
    read(text, now.unwrap_or(Timestamp::UNKNOWN)).ok_or_else(|| {
        CommandError::usage(
            format!("`{text}` is not a day or a time"),
            Some(
                "write a day such as `2026-11-21`, a time such as `2026-11-21T14:02Z`, or `3 days ago`"
                    .to_owned(),
            ),
        )
    })
}

fn read(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let midnight = |at: Timestamp| format!("{}T00:00:00Z", at.day()).parse().ok();
    match text.to_lowercase().as_str() {
        "now" => return Some(now),
        "today" => return midnight(now),
        "yesterday" => return midnight(now.before(Duration::from_secs(DAY))),
        _ => (),
    }
    if let Some(span) = ago(text) {
        return Some(now.before(span));
    }
    let whole = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        // `2026-11-21T14:02`, with or without `Z`, with a blank or a `T`.
        16 | 17 => format!("{}:00Z", text.trim_end_matches('Z').replacen(' ', "T", 1)),
        19 => format!("{}Z", text.replacen(' ', "T", 1)),
        _ => text.to_owned(),
    };
    whole.parse().ok()
}

/// `3 days ago`, `2.weeks`, `1 month`: how long.
fn ago(text: &str) -> Option<Duration> {
    let text = text.to_lowercase().replace('.', " ");
    let mut words = text.split_whitespace();
    let n: u64 = match words.next()? {
        "a" | "an" | "one" => 1,
        number => number.parse().ok()?,
    };
    let unit = words.next()?;
    let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" | "min" => 60,
        "hour" => 60 * 60,
        "day" => DAY,
        "week" => 7 * DAY,
        "month" => 30 * DAY,
        "year" => 365 * DAY,
        _ => return None,
    };
    match (words.next(), words.next()) {
        (None | Some("ago"), None) => Some(Duration::from_secs(n.checked_mul(seconds)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since(text: &str) -> Option<String> {
        let now = "2026-11-21T14:02:03Z".parse().unwrap();
        read(text, now).map(Timestamp::to_soap)
    }

    #[test]
    fn days_times_and_spans_are_read() {
        for (text, meant) in [
            ("2026-11-01", "2026-11-01T00:00:00.000Z"),
            ("2026-11-01T10:30Z", "2026-11-01T10:30:00.000Z"),
            ("2026-11-01 10:30", "2026-11-01T10:30:00.000Z"),
            ("2026-11-01T10:30:15+01:00", "2026-11-01T09:30:15.000Z"),
            ("today", "2026-11-21T00:00:00.000Z"),
            ("Yesterday", "2026-11-20T00:00:00.000Z"),
            ("2 hours ago", "2026-11-21T12:02:03.000Z"),
            ("2.weeks.ago", "2026-11-07T14:02:03.000Z"),
            ("a day", "2026-11-20T14:02:03.000Z"),
        ] {
            assert_eq!(since(text).as_deref(), Some(meant), "{text}");
        }
        for text in ["", "soon", "3 moons ago", "2 days hence", "2026-13-01"] {
            assert_eq!(since(text), None, "{text}");
        }
    }
}
