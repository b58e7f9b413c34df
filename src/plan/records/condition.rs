//! Conditions on rows of a snapshot: `BillingCity = 'Berlin' AND Rating != null`.
//!
//! Rows that are gone cannot be asked for by SOQL, so the condition is held
//! against the row as it was. Comparisons are joined by `AND`; texts compare
//! without regard to case, as in SOQL.

use crate::records::Row;

/// Comparisons that all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition(Vec<Comparison>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparison {
    field: String,
    how: How,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Equal,
    Unequal,
    Less,
    Greater,
    AtMost,
    AtLeast,
    Like,
    In,
}

/// A condition that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the condition is not understood at `{}`", near.escape_debug())]
pub struct BadCondition {
    near: String,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    ///
    /// [`BadCondition`] with the word that does not fit.
    pub fn parse(text: &str) -> Result<Self, BadCondition> {
        let words = words(text)?;
        let mut words = words.into_iter().peekable();
        let mut all = Vec::new();
        let ended = || BadCondition {
            near: "the end".to_owned(),
        };
        loop {
            let field = word(words.next().ok_or_else(ended)?)?;
            let how = match words.next().ok_or_else(ended)? {
                Word::Sign(sign) => sign,
                Word::Name(name) if name.eq_ignore_ascii_case("like") => How::Like,
                Word::Name(name) if name.eq_ignore_ascii_case("in") => How::In,
                other => return Err(other.refuse()),
            };
            let mut values = Vec::new();
            if how == How::In {
                expect(words.next(), '(')?;
                loop {
                    values.push(value(words.next().ok_or_else(ended)?)?);
                    match words.next().ok_or_else(ended)? {
                        Word::Mark(',') => (),
                        Word::Mark(')') => break,
                        other => return Err(other.refuse()),
                    }
                }
            } else {
                values.push(value(words.next().ok_or_else(ended)?)?);
            }
            all.push(Comparison { field, how, values });
            match words.next() {
                None => return Ok(Self(all)),
                Some(Word::Name(name)) if name.eq_ignore_ascii_case("and") => (),
                Some(other) => return Err(other.refuse()),
            }
        }
    }

    /// Whether `row` meets it; a field that the row does not have meets nothing.
    #[must_use]
    pub fn holds(&self, row: &Row) -> bool {
        self.0.iter().all(|it| {
            let cell = row.get(&it.field);
            cell.is_some_and(|cell| it.holds(cell))
        })
    }

    /// The fields that it names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|it| it.field.as_str())
    }
}

impl Comparison {
    fn holds(&self, cell: &str) -> bool {
        let value = self.values.first().map_or("", String::as_str);
        match self.how {
            How::Equal => is_same(cell, value),
            How::Unequal => !is_same(cell, value),
            How::In => self.values.iter().any(|it| is_same(cell, it)),
            How::Like => is_like(&cell.to_lowercase(), &value.to_lowercase()),
            How::Less => !cell.is_empty() && order(cell, value).is_lt(),
            How::Greater => !cell.is_empty() && order(cell, value).is_gt(),
            How::AtMost => !cell.is_empty() && order(cell, value).is_le(),
            How::AtLeast => !cell.is_empty() && order(cell, value).is_ge(),
        }
    }
}

fn is_same(cell: &str, value: &str) -> bool {
    match (cell.parse::<f64>(), value.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() < f64::EPSILON,
        _ => cell.to_lowercase() == value.to_lowercase(),
    }
}

fn order(cell: &str, value: &str) -> std::cmp::Ordering {
    match (cell.parse::<f64>(), value.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => cell.cmp(value),
    }
}

/// `%` stands for any text, `_` for one character.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = pattern_chars.as_str();
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| is_like(&text[at..], rest))
        }
        Some(it) => {
            let mut chars = text.chars();
            chars.next().is_some_and(|first| it == '_' || it == first)
                && is_like(chars.as_str(), pattern_chars.as_str())
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Name(String),
    Text(String),
    Sign(How),
    Mark(char),
}

impl Word {
    fn refuse(&self) -> BadCondition {
        let near = match self {
            Self::Name(text) | Self::Text(text) => text.clone(),
            Self::Sign(_) => "a comparison".to_owned(),
            Self::Mark(it) => it.to_string(),
        };
        BadCondition { near }
    }
}

fn word(from: Word) -> Result<String, BadCondition> {
    match from {
        Word::Name(name) => Ok(name),
        other => Err(other.refuse()),
    }
}

fn value(from: Word) -> Result<String, BadCondition> {
    match from {
        Word::Text(text) => Ok(text),
        Word::Name(name) if name.eq_ignore_ascii_case("null") => Ok(String::new()),
        Word::Name(name) => Ok(name),
        other => Err(other.refuse()),
    }
}

fn expect(found: Option<Word>, wanted: char) -> Result<(), BadCondition> {
    match found {
        Some(Word::Mark(it)) if it == wanted => Ok(()),
        Some(other) => Err(other.refuse()),
        None => Err(BadCondition {
            near: "the end".to_owned(),
        }),
    }
}

fn words(text: &str) -> Result<Vec<Word>, BadCondition> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&it) = chars.peek() {
        if it.is_whitespace() {
            chars.next();
        } else if it == '\'' {
            chars.next();
            words.push(Word::Text(quoted(&mut chars)?));
        } else if matches!(it, '(' | ')' | ',') {
            chars.next();
            words.push(Word::Mark(it));
        } else if matches!(it, '=' | '!' | '<' | '>') {
            chars.next();
            let is_double = chars.next_if(|next| *next == '=' || (it == '<' && *next == '>'));
            words.push(Word::Sign(match (it, is_double) {
                ('=', None) => How::Equal,
                ('!', Some('=')) | ('<', Some('>')) => How::Unequal,
                ('<', None) => How::Less,
                ('>', None) => How::Greater,
                ('<', Some(_)) => How::AtMost,
                ('>', Some(_)) => How::AtLeast,
                _ => {
                    return Err(BadCondition {
                        near: it.to_string(),
                    });
                }
            }));
        } else {
            let mut name = String::new();
            while let Some(it) = chars
                .next_if(|it| it.is_alphanumeric() || matches!(it, '_' | '.' | '-' | '+' | ':'))
            {
                name.push(it);
            }
            if name.is_empty() {
                return Err(BadCondition {
                    near: it.to_string(),
                });
            }
            words.push(Word::Name(name));
        }
    }
    Ok(words)
}

fn quoted(chars: &mut impl Iterator<Item = char>) -> Result<String, BadCondition> {
    let mut text = String::new();
    while let Some(it) = chars.next() {
        match it {
            '\'' => return Ok(text),
            '\\' => text.extend(chars.next()),
            it => text.push(it),
        }
    }
    Err(BadCondition { near: text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Columns;

    fn holds(text: &str) -> bool {
        let columns = Columns::new(["City", "Amount", "Note"].map(|it| it.parse().unwrap()));
        let id = "001000000000001".parse().unwrap();
        let row = Row::new(id, &columns, ["1000.0", "São Paulo", ""]);
        Condition::parse(text).unwrap().holds(&row)
    }

    #[test]
    fn condition_is_held_against_the_row() {
        for text in [
            "City = 'são paulo'",
            "City LIKE 'são%' AND Amount >= 1000",
            "City like '%p_ulo'",
            "City IN ('Berlin', 'São Paulo')",
            "Note = null",
            "Amount <> 5 AND City != 'x'",
            "Amount < 1000.5",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in [
            "City = 'O\\'Hara'",
            "Note != null",
            "Amount > 1000",
            "Nobody = null",
            "Note < 5",
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_place() {
        for text in [
            "",
            "City",
            "City =",
            "City = 'x' OR Amount = 1",
            "= 1",
            "City = 'x",
            "City IN 'x'",
            "City ! 1",
            "City = ; 1",
        ] {
            assert!(Condition::parse(text).is_err(), "{text}");
        }
    }
}
