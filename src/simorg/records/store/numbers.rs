//! Ids, numbers and prefixes that are given once.

use rusqlite::OptionalExtension as _;

use super::{Store, StoreError};
use crate::{
    model::RecordId,
    simorg::{soql::Object, state::numbered_id},
};

impl Store {
    /// A fresh id of an object; ids of one object ascend.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn next_id(&self, object: &Object) -> Result<RecordId, StoreError> {
        let number = self.next_number(&object.prefix)?;
        Ok(numbered_id(
            &object.prefix,
            u64::try_from(number).unwrap_or(0),
        ))
    }

    /// The next of a row of numbers that begins with 1.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn next_number(&self, name: &str) -> Result<i64, StoreError> {
        let known = self.counters.borrow().get(name).copied();
        let number = match known {
            Some(number) => number,
            None => self
                .db
                .prepare_cached("SELECT next FROM _counter WHERE name = ?1")?
                .query_row([name], |row| row.get(0))
                .optional()?
                .unwrap_or(1),
        };
        self.counters
            .borrow_mut()
            .insert(name.to_owned(), number + 1);
        if !self.moved.borrow().contains(name) {
            self.moved.borrow_mut().insert(name.to_owned());
        }
        Ok(number)
    }

    /// Whether this is asked for the first time of this org.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn is_first(&self, what: &str) -> Result<bool, StoreError> {
        let name = format!("first:{what}");
        let known = self.counters.borrow().contains_key(&name);
        Ok(!known && self.next_number(&name)? == 1)
    }

    /// Makes `next` the next number of a row of numbers.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn go_on_from(&self, name: &str, next: i64) -> Result<(), StoreError> {
        self.counters.borrow_mut().insert(name.to_owned(), next);
        self.moved.borrow_mut().insert(name.to_owned());
        self.note_numbers()
    }

    /// Writes down which numbers were given.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn note_numbers(&self) -> Result<(), StoreError> {
        let mut statement = self.db.prepare_cached(
            "INSERT INTO _counter (name, next) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET next = ?2",
        )?;
        let counters = self.counters.borrow();
        for name in self.moved.take() {
            statement.execute((&name, counters.get(&name).copied().unwrap_or(1)))?;
        }
        Ok(())
    }

    /// The key prefix of a custom object: the wished one, or the next that is free.
    pub(super) fn prefix(&self, object: &str, wished: &str) -> Result<String, StoreError> {
        let known = self
            .db
            .prepare_cached("SELECT prefix FROM _prefix WHERE object = ?1")?
            .query_row([object], |row| row.get::<_, String>(0))
            .optional()?;
        if let Some(prefix) = known {
            return Ok(prefix);
        }
        let mut prefix = wished.to_owned();
        let mut free = self
            .db
            .prepare_cached("SELECT count(*) FROM _prefix WHERE prefix = ?1")?;
        while free.query_row([&prefix], |row| row.get::<_, i64>(0))? > 0 {
            prefix = next_prefix(&prefix);
        }
        self.db.execute(
            "INSERT INTO _prefix (object, prefix) VALUES (?1, ?2)",
            [object, &prefix],
        )?;
        Ok(prefix)
    }
}

fn next_prefix(prefix: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = prefix.as_bytes().to_vec();
    for at in (1..bytes.len()).rev() {
        let digit = DIGITS.iter().position(|it| *it == bytes[at]).unwrap_or(0);
        bytes[at] = DIGITS[(digit + 1) % DIGITS.len()];
        if digit + 1 < DIGITS.len() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
