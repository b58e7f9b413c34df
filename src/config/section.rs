//! Reading one table of a TOML document, key by key.
//!
//! Invariant: a table is finished only when each of its keys was asked for.

use std::{ops::Range, str::FromStr, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Error;
use crate::plan::select::nearest;

/// A document that is TOML.
pub(super) struct Document<'t> {
    text: &'t str,
    root: DeTable<'t>,
}

/// One table, and what was asked of it.
pub(super) struct Section<'d> {
    text: &'d str,
    /// Its name with a dot behind it; empty for the root.
    prefix: String,
    table: &'d DeTable<'d>,
    known: Vec<&'static str>,
}

/// One value, with where it stands.
pub(super) struct Value<'d> {
    text: &'d str,
    key: String,
    found: &'d Spanned<DeValue<'d>>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, Error> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Self {
                text,
                root: root.into_inner(),
            }),
            Err(err) => Err(Error::Syntax {
                line: line_of(text, err.span().unwrap_or(0..0)),
                message: err.message().lines().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    pub(super) fn root(&self) -> Section<'_> {
        Section {
            text: self.text,
            prefix: String::new(),
            table: &self.root,
            known: Vec::new(),
        }
    }
}

impl<'d> Section<'d> {
    /// Reads the value of `key` into `into`, where there is one.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'d>) -> Result<T, Error>,
        into: &mut T,
    ) -> Result<(), Error> {
        if let Some(value) = self.value(key) {
            *into = read(&value)?;
        }
        Ok(())
    }

    /// Reads the table `key`, where there is one, and sees that nothing is left in it.
    pub(super) fn table(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'d>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(value) = self.value(key) else {
            return Ok(());
        };
        let DeValue::Table(table) = value.found.get_ref() else {
            return Err(value.refuse(format!("is a table: write `[{key}]`")));
        };
        let mut section = Section {
            text: self.text,
            prefix: format!("{}.", value.key),
            table,
            known: Vec::new(),
        };
        read(&mut section)?;
        section.finish()
    }

    /// The values of the table `key`, whose keys are names of the user's; none where there is no such table.
    pub(super) fn named(&mut self, key: &'static str) -> Result<Vec<(&'d str, Value<'d>)>, Error> {
        let Some(value) = self.value(key) else {
            return Ok(Vec::new());
        };
        let DeValue::Table(table) = value.found.get_ref() else {
            return Err(value.refuse(format!("is a table: write `[{}]`", value.key)));
        };
        let named = |(name, found): (&'d Spanned<std::borrow::Cow<'d, str>>, _)| {
            let name = name.get_ref().as_ref();
            let value = Value {
                text: self.text,
                key: format!("{}.{name}", value.key),
                found,
            };
            (name, value)
        };
        Ok(table.iter().map(named).collect())
    }

    /// Sees that nothing is left that was not asked for.
    pub(super) fn finish(self) -> Result<(), Error> {
        let unknown = self
            .table
            .keys()
            .filter(|key| !self.known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        let Some(unknown) = unknown else {
            return Ok(());
        };
        let name = unknown.get_ref();
        let nearest = nearest(name, self.known.iter().copied());
        Err(Error::UnknownKey {
            line: line_of(self.text, unknown.span()),
            key: format!("{}{name}", self.prefix),
            nearest: nearest
                .into_iter()
                .map(|it| format!("{}{it}", self.prefix))
                .collect(),
        })
    }

    fn value(&mut self, key: &'static str) -> Option<Value<'d>> {
        self.known.push(key);
        Some(Value {
            text: self.text,
            key: format!("{}{key}", self.prefix),
            found: self.table.get(key)?,
        })
    }
}

impl<'d> Value<'d> {
    /// A value of a type that is written as text.
    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(&self) -> Result<T, Error> {
        self.text()?
            .parse()
            .map_err(|err| self.refuse(format!("is refused: {err}")))
    }

    /// A list of such values.
    pub(super) fn list<T: FromStr<Err: std::fmt::Display>>(&self) -> Result<Vec<T>, Error> {
        let DeValue::Array(items) = self.found.get_ref() else {
            return Err(self.refuse("is a list: write `[\"…\"]`"));
        };
        items
            .iter()
            .map(|item| {
                let item = Value {
                    text: self.text,
                    key: self.key.clone(),
                    found: item,
                };
                item.parsed()
            })
            .collect()
    }

    /// One of the words given.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Error> {
        let text = self.text()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        let words: Vec<_> = words.iter().map(|it| format!("\"{}\"", it.0)).collect();
        Err(self.refuse(format!("is one of {}", words.join(", "))))
    }

    /// A name: one line with something in it.
    pub(super) fn name(&self) -> Result<String, Error> {
        let text = self.text()?;
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return Err(self.refuse("is a name: one line, not empty"));
        }
        Ok(text.to_owned())
    }

    /// The name of a stored login, never a host.
    pub(super) fn login(&self) -> Result<String, Error> {
        let name = self.name()?;
        if name.contains(['/', ' ']) {
            return Err(Error::Invalid {
                line: line_of(self.text, self.found.span()),
                key: self.key.clone(),
                reason: "is the name of a stored login or a username, never a host".to_owned(),
                hint: Some("list the stored logins with `orgkeep orgs`".to_owned()),
            });
        }
        Ok(name)
    }

    /// A number from zero.
    pub(super) fn count(&self) -> Result<u64, Error> {
        let DeValue::Integer(number) = self.found.get_ref() else {
            return Err(self.refuse("is a whole number"));
        };
        u64::from_str_radix(number.as_str(), number.radix())
            .map_err(|_| self.refuse("is a whole number from 0"))
    }

    pub(super) fn flag(&self) -> Result<bool, Error> {
        let flag = self.found.get_ref().as_bool();
        flag.ok_or_else(|| self.refuse("is true or false"))
    }

    /// A time such as `7d`, `12h` or `2w`; `never` is longer than any.
    pub(super) fn interval(&self) -> Result<Duration, Error> {
        let text = self.text()?;
        if text == "never" {
            return Ok(Duration::MAX);
        }
        let hours = |unit: char| match unit {
            'h' => Some(1),
            'd' => Some(24),
            'w' => Some(7 * 24),
            _ => None,
        };
        let parsed = || {
            let unit = text.chars().next_back()?;
            let number = text.strip_suffix(unit)?.parse::<u64>().ok()?;
            let number = number.checked_mul(hours(unit)?)?;
            Some(Duration::from_secs(number.checked_mul(3600)?))
        };
        parsed()
            .filter(|it| !it.is_zero())
            .ok_or_else(|| self.refuse("is a time such as \"12h\", \"7d\", \"4w\", or \"never\""))
    }

    /// A size such as `20MB`, in bytes; units of 1,024.
    pub(super) fn size(&self) -> Result<u64, Error> {
        let DeValue::String(text) = self.found.get_ref() else {
            return self.count();
        };
        let units = [("GB", 30), ("MB", 20), ("KB", 10)];
        let parsed = units.iter().find_map(|(unit, bits)| {
            let number = text.strip_suffix(unit)?.trim().parse::<u64>().ok()?;
            number.checked_mul(1 << bits)
        });
        parsed.ok_or_else(|| self.refuse("is a size such as \"500KB\", \"20MB\" or \"2GB\""))
    }

    fn text(&self) -> Result<&'d str, Error> {
        let text = self.found.get_ref().as_str();
        text.ok_or_else(|| self.refuse("is a text: write it in quotes"))
    }

    /// A limit: a number, or a share such as `"5%"`.
    pub(super) fn limit(&self) -> Result<super::Limit, Error> {
        let DeValue::String(text) = self.found.get_ref() else {
            return self.count().map(super::Limit::Rows);
        };
        let share = text.strip_suffix('%').and_then(|it| it.parse().ok());
        match share {
            Some(share @ 0..=100) => Ok(super::Limit::Percent(share)),
            _ => Err(self.refuse("is a number of rows, or a share such as \"5%\"")),
        }
    }

    pub(super) fn refuse(&self, reason: impl Into<String>) -> Error {
        Error::Invalid {
            line: line_of(self.text, self.found.span()),
            key: self.key.clone(),
            reason: reason.into(),
            hint: None,
        }
    }
}

/// The line that `span` begins in, counted from 1.
fn line_of(text: &str, span: Range<usize>) -> usize {
    let before = text.as_bytes().get(..span.start).unwrap_or_default();
    before.iter().filter(|&&it| it == b'\n').count() + 1
}
