//! Numbers, dates and relative dates of a query.
//!
//! The org's days are UTC days, its weeks begin on Sunday.

use super::ast::Literal;
use crate::model::Timestamp;

const DAY: i64 = 86_400_000;

/// Reads a word that begins like a number.
pub(super) fn number(text: &str) -> Option<Literal> {
    let is_day = |it: &str| {
        let bytes = it.as_bytes();
        bytes.len() == 10
            && bytes[4] == b'-'
            && bytes[7] == b'-'
            && format!("{it}T00:00:00Z").parse::<Timestamp>().is_ok()
    };
    if text.contains(['T', 't']) {
        let point: Timestamp = text.to_ascii_uppercase().parse().ok()?;
        return Some(Literal::DateTime(point.to_rest()));
    }
    if is_day(text) {
        return Some(Literal::Date(text.to_owned()));
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then_some(Literal::Number(number))
}

const RELATIVE: [&str; 31] = [
    "TODAY",
    "YESTERDAY",
    "TOMORROW",
    "THIS_WEEK",
    "LAST_WEEK",
    "NEXT_WEEK",
    "LAST_N_WEEKS",
    "NEXT_N_WEEKS",
    "N_WEEKS_AGO",
    "THIS_MONTH",
    "LAST_MONTH",
    "NEXT_MONTH",
    "LAST_N_MONTHS",
    "NEXT_N_MONTHS",
    "N_MONTHS_AGO",
    "THIS_QUARTER",
    "LAST_QUARTER",
    "NEXT_QUARTER",
    "LAST_N_QUARTERS",
    "NEXT_N_QUARTERS",
    "THIS_YEAR",
    "LAST_YEAR",
    "NEXT_YEAR",
    "LAST_N_YEARS",
    "NEXT_N_YEARS",
    "N_YEARS_AGO",
    "LAST_90_DAYS",
    "NEXT_90_DAYS",
    "LAST_N_DAYS",
    "NEXT_N_DAYS",
    "N_DAYS_AGO",
];

/// Whether the word, in capitals, names a range of days.
pub(super) fn is_relative(upper: &str) -> bool {
    RELATIVE.contains(&upper)
}

/// First point of a range of days and the first point behind it.
pub(in crate::simorg) fn range(word: &str, count: i64, now: Timestamp) -> (Timestamp, Timestamp) {
    let today = now.as_millis().div_euclid(DAY);
    let count = count.clamp(0, 100_000);
    // 1970-01-01 was a Thursday.
    let sunday = today - (today + 4).rem_euclid(7);
    let (year, month) = year_and_month(now);
    let month_before = |back: i64| {
        let months = year * 12 + month - 1 - back;
        first_day(months.div_euclid(12), months.rem_euclid(12) + 1)
    };
    let quarter_before = |back: i64| month_before((month - 1).rem_euclid(3) + 3 * back);
    let (start, end) = match word {
        "YESTERDAY" => (today - 1, today),
        "TOMORROW" => (today + 1, today + 2),
        "THIS_WEEK" => (sunday, sunday + 7),
        "LAST_WEEK" => (sunday - 7, sunday),
        "NEXT_WEEK" => (sunday + 7, sunday + 14),
        "LAST_N_WEEKS" => (sunday - 7 * count, sunday),
        "NEXT_N_WEEKS" => (sunday + 7, sunday + 7 + 7 * count),
        "N_WEEKS_AGO" => (sunday - 7 * count, sunday - 7 * (count - 1)),
        "NEXT_MONTH" => (month_before(-1), month_before(-2)),
        "LAST_N_MONTHS" => (month_before(count), month_before(0)),
        "NEXT_N_MONTHS" => (month_before(-1), month_before(-1 - count)),
        "N_MONTHS_AGO" => (month_before(count), month_before(count - 1)),
        "THIS_QUARTER" => (quarter_before(0), quarter_before(-1)),
        "LAST_QUARTER" => (quarter_before(1), quarter_before(0)),
        "NEXT_QUARTER" => (quarter_before(-1), quarter_before(-2)),
        "LAST_N_QUARTERS" => (quarter_before(count), quarter_before(0)),
        "NEXT_N_QUARTERS" => (quarter_before(-1), quarter_before(-1 - count)),
        "NEXT_YEAR" => (first_day(year + 1, 1), first_day(year + 2, 1)),
        "LAST_N_YEARS" => (first_day(year - count, 1), first_day(year, 1)),
        "NEXT_N_YEARS" => (first_day(year + 1, 1), first_day(year + 1 + count, 1)),
        "N_YEARS_AGO" => (first_day(year - count, 1), first_day(year - count + 1, 1)),
        "NEXT_90_DAYS" => (today + 1, today + 91),
        "THIS_MONTH" => (month_before(0), month_before(-1)),
        "LAST_MONTH" => (month_before(1), month_before(0)),
        "THIS_YEAR" => (first_day(year, 1), first_day(year + 1, 1)),
        "LAST_YEAR" => (first_day(year - 1, 1), first_day(year, 1)),
        "LAST_90_DAYS" => (today - 90, today + 1),
        "LAST_N_DAYS" => (today - count, today + 1),
        "NEXT_N_DAYS" => (today + 1, today + 1 + count),
        "N_DAYS_AGO" => (today - count, today - count + 1),
        _ => (today, today + 1),
    };
    let point = |day: i64| Timestamp::from_millis(day * DAY).unwrap_or(now);
    (point(start), point(end))
}

fn year_and_month(now: Timestamp) -> (i64, i64) {
    let day = now.day();
    let mut parts = day.rsplitn(3, '-').skip(1);
    let month = parts.next().and_then(|it| it.parse().ok()).unwrap_or(1);
    let year = parts.next().and_then(|it| it.parse().ok()).unwrap_or(1970);
    (year, month)
}

fn first_day(year: i64, month: i64) -> i64 {
    format!("{year:04}-{month:02}-01T00:00:00Z")
        .parse::<Timestamp>()
        .map_or(0, |it| it.as_millis().div_euclid(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_words_are_ranges_of_days() {
        // A Wednesday.
        let now: Timestamp = "2026-03-11T10:00:00Z".parse().unwrap();
        let days = |word, count| {
            let (start, end) = range(word, count, now);
            format!("{}..{}", start.day(), end.day())
        };
        assert_eq!(days("TODAY", 1), "2026-03-11..2026-03-12");
        assert_eq!(days("LAST_N_DAYS", 3), "2026-03-08..2026-03-12");
        assert_eq!(days("THIS_WEEK", 1), "2026-03-08..2026-03-15");
        assert_eq!(days("LAST_MONTH", 1), "2026-02-01..2026-03-01");
        assert_eq!(days("THIS_YEAR", 1), "2026-01-01..2027-01-01");
        let january: Timestamp = "2026-01-31T23:59:59Z".parse().unwrap();
        assert_eq!(range("LAST_MONTH", 1, january).0.day(), "2025-12-01");
    }

    #[test]
    fn numbers_dates_and_times_are_told_apart() {
        assert_eq!(number("-1.5"), Some(Literal::Number(-1.5)));
        assert_eq!(
            number("2026-03-11"),
            Some(Literal::Date("2026-03-11".to_owned()))
        );
        let time = Some(Literal::DateTime("2026-03-11T08:00:00.000+0000".to_owned()));
        assert_eq!(number("2026-03-11T10:00:00+02:00"), time);
        assert_eq!(number("2026-13-11"), None);
        assert_eq!(number("1-2"), None);
    }
}
