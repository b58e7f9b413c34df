//! Tasks, events, chatter: rows about rows of any object.

use std::time::Duration;

use super::{Cell, Draft, Kind, Writer, cell::int, words};
use crate::model::RecordId;

impl Draft<'_> {
    /// Whom and what an activity is about: a lead goes with nothing else.
    fn whom_and_what(&mut self) -> (Option<RecordId>, Option<RecordId>) {
        let company = self.company;
        if self.throw.chance(15) {
            let lead = company.known(Kind::Lead, &mut self.throw);
            self.after(Kind::Lead, lead);
            return (Some(company.id(Kind::Lead, lead)), None);
        }
        let what = self.throw.chance(80).then(|| self.about());
        if let Some((kind, row)) = what {
            self.after(kind, row);
        }
        let contact = match what {
            Some((Kind::Account, row)) => company.contact_of(row, &mut self.throw),
            _ => self
                .throw
                .chance(60)
                .then(|| company.known(Kind::Contact, &mut self.throw)),
        };
        if let Some(row) = contact {
            self.after(Kind::Contact, row);
        }
        (
            contact.map(|row| company.id(Kind::Contact, row)),
            what.map(|(kind, row)| company.id(kind, row)),
        )
    }
}

pub(super) const TASK: (&str, Writer) = (
    "Subject Status Priority ActivityDate WhoId WhatId Description OwnerId",
    |it| {
        let (who, what) = it.whom_and_what();
        let due = it
            .created
            .after(super::DAY * u32::try_from(it.throw.below(30)).unwrap_or(0));
        let throw = &mut it.throw;
        let mut cells = vec![
            throw
                .one_of(&[
                    "Call",
                    "Email",
                    "Send Letter",
                    "Other: \"check\", then call",
                ])
                .into(),
            throw
                .mostly(&["Completed", "Not Started", "In Progress"])
                .into(),
            throw.mostly(&["Normal", "High", "Low"]).into(),
            if throw.chance(85) {
                Cell::Day(due)
            } else {
                Cell::Null
            },
            who.into(),
            what.into(),
            throw.chance(40).then(|| words::text(throw)).into(),
        ];
        cells.push(it.owner().into());
        cells
    },
);

pub(super) const EVENT: (&str, Writer) = (
    "Subject StartDateTime ActivityDateTime ActivityDate EndDateTime EndDate DurationInMinutes IsAllDayEvent Location WhoId WhatId Description OwnerId",
    |it| {
        let (who, what) = it.whom_and_what();
        let start = it
            .created
            .after(super::DAY * u32::try_from(it.throw.below(40)).unwrap_or(0));
        let minutes = 15 * (1 + it.throw.below(12));
        let end = start.after(Duration::from_secs(minutes * 60));
        let throw = &mut it.throw;
        let mut cells = vec![
            throw
                .one_of(&["Meeting", "Visit", "Demo; bring samples"])
                .into(),
            start.into(),
            start.into(),
            Cell::Day(start),
            end.into(),
            Cell::Day(end),
            int(minutes),
            false.into(),
            Some(words::place(throw).0).into(),
            who.into(),
            what.into(),
            throw.chance(40).then(|| words::text(throw)).into(),
        ];
        cells.push(it.owner().into());
        cells
    },
);

pub(super) const POST: (&str, Writer) = ("ParentId Type Body", |it| {
    let kind = it
        .throw
        .one_of(&[Kind::Account, Kind::Opportunity, Kind::Case]);
    let row = it.company.known(kind, &mut it.throw);
    it.after(kind, row);
    vec![
        it.id(kind, row).into(),
        "TextPost".into(),
        words::text(&mut it.throw).into(),
    ]
});

pub(super) const REPLY: (&str, Writer) = ("FeedItemId CommentType CommentBody", |it| {
    let post = it.company.known(Kind::Post, &mut it.throw);
    it.after(Kind::Post, post);
    vec![
        it.id(Kind::Post, post).into(),
        "TextComment".into(),
        words::text(&mut it.throw).into(),
    ]
});
