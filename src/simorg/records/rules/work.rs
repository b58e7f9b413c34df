//! Cases, tasks and events.

use super::{
    super::{Bench, Cell, RowError},
    Draft,
};
use crate::model::{RecordId, Timestamp};

impl Bench<'_> {
    pub(super) fn case(&self, draft: &mut Draft<'_>) {
        let is_closed = self.schema.is_closed("Case", draft.text("Status"));
        draft.set("IsClosed", Cell::Int(i64::from(is_closed)));
        let at = match (is_closed, draft.get("ClosedDate").is_null()) {
            (true, false) => draft.get("ClosedDate").clone(),
            (true, true) => Cell::time(self.now()),
            (false, _) => Cell::Null,
        };
        draft.set("ClosedDate", at);
    }

    /// Tasks and events: what they are about gives the account.
    pub(super) fn activity(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        let mut account = Cell::Null;
        if let Some(about) = self.led_to(draft, "WhatId")? {
            account = match about.object.name.as_str() {
                "Account" => Cell::id(about.row.id),
                _ => about.get("AccountId").clone(),
            };
        }
        if account.is_null()
            && let Some(who) = self.led_to(draft, "WhoId")?
        {
            account = who.get("AccountId").clone();
        }
        draft.set("AccountId", account);
        if draft.object.name == "Task" {
            let is_closed = self.schema.is_closed("Task", draft.text("Status"));
            draft.set("IsClosed", Cell::Int(i64::from(is_closed)));
            let is_high = draft.text("Priority") == "High";
            draft.set("IsHighPriority", Cell::Int(i64::from(is_high)));
            let done = match (is_closed, draft.get("CompletedDateTime").is_null()) {
                (true, true) => Cell::time(self.now()),
                (true, false) => draft.get("CompletedDateTime").clone(),
                (false, _) => Cell::Null,
            };
            draft.set("CompletedDateTime", done);
            return Ok(());
        }
        event_times(draft)
    }

    /// The occurrences of something that recurs, at most this many.
    pub(super) fn recur(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        const MOST: usize = 100;
        let is_task = draft.object.name == "Task";
        let start = match is_task {
            true => draft.text("RecurrenceStartDateOnly").to_owned(),
            false => match draft.get("RecurrenceStartDateTime") {
                Cell::Int(at) => {
                    Timestamp::from_millis(*at).map_or_else(String::new, Timestamp::day)
                }
                _ => String::new(),
            },
        };
        let end = draft.text("RecurrenceEndDateOnly").to_owned();
        let step: u64 = match draft.text("RecurrenceType") {
            "RecursWeekly" => 7,
            "RecursMonthly" | "RecursMonthlyNth" => 30,
            "RecursYearly" | "RecursYearlyNth" => 365,
            _ => 1,
        };
        let every = draft
            .get("RecurrenceInterval")
            .as_f64()
            .unwrap_or(1.0)
            .max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an interval is a small whole number"
        )]
        let step = std::time::Duration::from_hours(24 * step * every as u64);
        let Ok(mut at) = format!("{start}T00:00:00Z").parse::<Timestamp>() else {
            return Ok(());
        };
        let shown = [
            "Subject",
            "WhoId",
            "WhatId",
            "OwnerId",
            "Description",
            "AccountId",
            "Priority",
            "Status",
        ];
        for _ in 0..MOST {
            if at.day() > end {
                break;
            }
            let mut values: Vec<(&str, Cell)> = shown
                .iter()
                .map(|it| (*it, draft.get(it).clone()))
                .collect();
            values.push(("RecurrenceActivityId", Cell::id(id)));
            values.push(("ActivityDate", Cell::Text(at.day())));
            if !is_task {
                values.push(("StartDateTime", Cell::time(at)));
                values.push(("ActivityDateTime", Cell::time(at)));
                values.push(("DurationInMinutes", draft.get("DurationInMinutes").clone()));
            }
            self.platform_row(&draft.object.name, &values)?;
            at = at.after(step);
        }
        Ok(())
    }
}

/// When an event begins and ends.
fn event_times(draft: &mut Draft<'_>) -> Result<(), RowError> {
    let start = [draft.get("StartDateTime"), draft.get("ActivityDateTime")]
        .into_iter()
        .find_map(|it| match it {
            Cell::Int(at) => Some(*at),
            _ => None,
        });
    let Some(start) = start else {
        if !draft.get("ActivityDate").is_null() {
            return Ok(());
        }
        let message = "Required fields are missing: [ActivityDateTime, DurationInMinutes]";
        return Err(RowError::new("REQUIRED_FIELD_MISSING", message)
            .about(["ActivityDateTime", "DurationInMinutes"]));
    };
    let end = match (
        draft.get("EndDateTime"),
        draft.get("DurationInMinutes").as_f64(),
    ) {
        (Cell::Int(end), None) => *end,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "minutes are a small whole number"
        )]
        (_, Some(minutes)) => start + minutes as i64 * 60_000,
        _ => start,
    };
    if end < start {
        return Err(RowError::new(
            "FIELD_INTEGRITY_EXCEPTION",
            "Event duration cannot be negative",
        )
        .about(["DurationInMinutes"]));
    }
    let day = |at: i64| Timestamp::from_millis(at).map_or(Cell::Null, |it| Cell::Text(it.day()));
    for (name, cell) in [
        ("StartDateTime", Cell::Int(start)),
        ("ActivityDateTime", Cell::Int(start)),
        ("ActivityDate", day(start)),
        ("EndDateTime", Cell::Int(end)),
        ("EndDate", day(end)),
        ("DurationInMinutes", Cell::Int((end - start) / 60_000)),
    ] {
        draft.set(name, cell);
    }
    Ok(())
}
