//! Answers that are read page by page, by REST or by the partner API.
//!
//! Invariant: a cursor is read by who opened it and by nobody else.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;

use crate::{
    model::{RecordId, Timestamp},
    simorg::{records::Found, state::made_id},
};

/// Open cursors that are kept of one user; older ones are forgotten.
///
/// Source: SOQL and SOSL Reference, "Query Cursors": 10 per user.
const MAX_CURSORS: usize = 10;

/// How long a cursor can be read.
///
/// Source: REST API Developer Guide, "Query", as of 66.0: two days.
const CURSOR_LIFE: Duration = Duration::from_hours(48);

/// Answers that are read page by page.
#[derive(Default)]
pub struct Cursors {
    open: VecDeque<Cursor>,
    next: u64,
}

/// One answer.
pub struct Cursor {
    /// Id, `01g…`.
    pub id: String,
    /// Rows of a page.
    pub batch: usize,
    /// What it reads.
    pub rows: Rows,
    user: RecordId,
    opened: Timestamp,
}

/// What a cursor reads.
pub enum Rows {
    /// Rows of the setup, as they were.
    Made(Vec<Value>),
    /// Records, which are read when they are asked for.
    Found(Box<Found>),
}

impl Rows {
    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        match self {
            Self::Made(rows) => rows.len(),
            Self::Found(found) => found.total(),
        }
    }
}

/// What a client shows to get the page that begins with row `at`.
#[must_use]
pub fn locator(id: &str, at: usize) -> String {
    format!("{id}-{at}")
}

impl Cursors {
    /// Keeps an answer of `user`; gives its id.
    pub fn open(&mut self, user: RecordId, batch: usize, opened: Timestamp, rows: Rows) -> String {
        self.next += 1;
        let id = made_id("01g", &format!("cursor#{}", self.next));
        let id = id.as_str().to_owned();
        self.open.push_back(Cursor {
            id: id.clone(),
            batch,
            rows,
            user,
            opened,
        });
        let of_user = self.open.iter().filter(|it| it.user == user).count();
        if of_user > MAX_CURSORS
            && let Some(at) = self.open.iter().position(|it| it.user == user)
        {
            self.open.remove(at);
        }
        id
    }

    /// The answer of a locator that `user` shows at `now`, and the row at which
    /// the page begins.
    #[must_use]
    pub fn find(&self, user: RecordId, now: Timestamp, locator: &str) -> Option<(&Cursor, usize)> {
        let (id, at) = locator.rsplit_once('-')?;
        let is_it =
            |it: &&Cursor| it.id == id && it.user == user && now.since(it.opened) < CURSOR_LIFE;
        let cursor = self.open.iter().find(is_it)?;
        let at = at.parse().ok().filter(|it| *it < cursor.rows.total())?;
        Some((cursor, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        Rows::Made(vec![Value::Null; 5])
    }

    #[test]
    fn cursor_is_for_its_user_and_for_two_days() {
        let (ada, omar) = (made_id("005", "ada"), made_id("005", "omar"));
        let opened: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
        let mut cursors = Cursors::default();
        let id = cursors.open(ada, 2, opened, rows());
        let found = |user, now, at| {
            let found = cursors.find(user, now, &locator(&id, at));
            found.map(|it| it.1)
        };
        assert_eq!(found(ada, opened, 4), Some(4));
        assert_eq!(found(ada, opened, 5), None);
        assert_eq!(found(omar, opened, 2), None);
        assert_eq!(found(ada, opened.after(CURSOR_LIFE), 2), None);
        assert!(cursors.find(ada, opened, "01gnone-x").is_none());
    }

    #[test]
    fn oldest_cursor_of_a_user_gives_way() {
        let ada = made_id("005", "ada");
        let mut cursors = Cursors::default();
        let ids: Vec<String> = (0..=MAX_CURSORS)
            .map(|_| cursors.open(ada, 2, Timestamp::UNKNOWN, rows()))
            .collect();
        let is_open = |id: &str| {
            let found = cursors.find(ada, Timestamp::UNKNOWN, &locator(id, 2));
            found.is_some()
        };
        assert!(!is_open(&ids[0]) && is_open(&ids[1]));
    }
}
