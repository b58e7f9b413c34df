//! Which rows a query is about.

use std::{cmp::Ordering, collections::HashSet, sync::Arc};

use serde_json::Value;

use super::{
    Catalog, Field, Kind, Object, Row, SoqlError, Table,
    ast::{Condition, Literal, Operator, Path},
    dates,
};
use crate::model::{RecordId, Timestamp};

/// A column that was found: the references to follow, then the field.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Place of the reference in its row, name of the relationship, table it leads to.
    pub(super) steps: Vec<(usize, String, Arc<Table>)>,
    pub(super) leaf: usize,
    pub(super) field: Field,
}

impl Place {
    /// The value of this column for `row`.
    pub(super) fn value<'a>(&'a self, row: &'a Row) -> &'a Value {
        let mut row = row;
        for (reference, _, table) in &self.steps {
            match row[*reference].as_str().and_then(|id| table.by_id(id)) {
                Some(parent) => row = parent,
                None => return &Value::Null,
            }
        }
        &row[self.leaf]
    }
}

/// Finds a column.
pub(super) fn place(
    catalog: &dyn Catalog,
    text: &str,
    object: &Arc<Object>,
    path: &Path,
) -> Result<Place, SoqlError> {
    if path.call.is_some() {
        let reason = "unexpected token: '('";
        return Err(SoqlError::malformed(text, path.at, reason));
    }
    let mut object = Arc::clone(object);
    let mut parts = path.parts.as_slice();
    if parts.len() > 1
        && parts[0].eq_ignore_ascii_case(&object.name)
        && object.relationship(&parts[0]).is_none()
    {
        parts = &parts[1..];
    }
    let mut steps = Vec::new();
    while let [relationship, rest @ ..] = parts {
        if rest.is_empty() {
            break;
        }
        let found = object
            .relationship(relationship)
            .and_then(|(at, reference)| {
                let name = reference.relationship.clone()?;
                Some((at, name, catalog.table(reference.targets.first()?)?))
            });
        let Some((at, name, table)) = found else {
            return Err(SoqlError::no_relationship(text, path.at, relationship));
        };
        object = Arc::clone(&table.object);
        steps.push((at, name, table));
        parts = rest;
    }
    let name = &parts[0];
    match object.field(name) {
        Some((leaf, field)) => Ok(Place {
            steps,
            leaf,
            field: field.clone(),
        }),
        None => Err(SoqlError::no_field(text, path.at, name, &object.name)),
    }
}

/// A condition whose columns were found and whose values fit them.
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Compare(Place, Operator, Value),
    Range(Place, Operator, String, String),
    Like(Place, Vec<char>),
    In(Place, HashSet<String>, bool),
    Includes(Place, Vec<Vec<String>>, bool),
}

/// What a condition is checked against.
pub(super) struct Scope<'a> {
    pub(super) catalog: &'a dyn Catalog,
    pub(super) text: &'a str,
    pub(super) object: &'a Arc<Object>,
    pub(super) now: Timestamp,
}

impl Scope<'_> {
    fn place(&self, path: &Path) -> Result<Place, SoqlError> {
        let place = place(self.catalog, self.text, self.object, path)?;
        if !place.field.kind.is_filterable() {
            let reason = format!(
                "field '{}' can not be filtered in a query call",
                place.field.name
            );
            return Err(SoqlError::at("INVALID_FIELD", self.text, path.at, &reason));
        }
        Ok(place)
    }

    /// Checks a condition.
    pub(super) fn filter(&self, condition: &Condition) -> Result<Filter, SoqlError> {
        let all = |terms: &[Condition]| -> Result<Vec<Filter>, SoqlError> {
            terms.iter().map(|it| self.filter(it)).collect()
        };
        Ok(match condition {
            Condition::And(terms) => Filter::And(all(terms)?),
            Condition::Or(terms) => Filter::Or(all(terms)?),
            Condition::Not(term) => Filter::Not(Box::new(self.filter(term)?)),
            Condition::Compare(path, operator, literal) => {
                self.compare(path, *operator, literal)?
            }
            Condition::In {
                path,
                values,
                negated,
            } => {
                let place = self.place(path)?;
                let mut wanted = HashSet::new();
                for literal in values {
                    wanted.insert(key(&self.value(path, &place, literal)?));
                }
                Filter::In(place, wanted, *negated)
            }
            Condition::InQuery {
                path,
                query,
                negated,
            } => {
                let place = self.place(path)?;
                let wanted = super::eval::first_column(self.catalog, self.text, query, self.now)?;
                let wanted = wanted.iter().filter(|it| !it.is_null()).map(key).collect();
                Filter::In(place, wanted, *negated)
            }
            Condition::Includes {
                path,
                values,
                negated,
            } => {
                let place = self.place(path)?;
                let split = |it: &String| it.split(';').map(str::to_lowercase).collect();
                Filter::Includes(place, values.iter().map(split).collect(), *negated)
            }
        })
    }

    fn compare(
        &self,
        path: &Path,
        operator: Operator,
        literal: &Literal,
    ) -> Result<Filter, SoqlError> {
        let place = self.place(path)?;
        if let Literal::Relative(word, count) = literal {
            if !matches!(place.field.kind, Kind::Date | Kind::DateTime) {
                return Err(self.misfit(path, &place));
            }
            let (start, end) = dates::range(word, *count, self.now);
            let spell = |it: Timestamp| match place.field.kind {
                Kind::Date => it.day(),
                _ => it.to_rest(),
            };
            let (start, end) = (spell(start), spell(end));
            return Ok(Filter::Range(place, operator, start, end));
        }
        if operator == Operator::Like {
            return match literal {
                Literal::Text(pattern) if place.field.kind.is_text() => Ok(Filter::Like(
                    place,
                    pattern.to_lowercase().chars().collect(),
                )),
                _ => {
                    let reason = format!("invalid operator on {} field", place.field.kind.name());
                    Err(SoqlError::at("INVALID_FIELD", self.text, path.at, &reason))
                }
            };
        }
        let value = self.value(path, &place, literal)?;
        Ok(Filter::Compare(place, operator, value))
    }

    /// The literal as the field's values are spelled.
    fn value(&self, path: &Path, place: &Place, literal: &Literal) -> Result<Value, SoqlError> {
        let kind = place.field.kind;
        Ok(match literal {
            Literal::Null => Value::Null,
            Literal::Bool(it) if kind == Kind::Boolean => Value::Bool(*it),
            Literal::Number(it) if kind.is_number() => Value::from(*it),
            Literal::Date(it) if kind == Kind::Date => Value::from(it.clone()),
            Literal::DateTime(it) if kind == Kind::DateTime => Value::from(it.clone()),
            Literal::Text(it) if matches!(kind, Kind::Id | Kind::Reference) => {
                if it.is_empty() {
                    return Ok(Value::Null);
                }
                match it.parse::<RecordId>() {
                    Ok(id) => Value::from(id.as_str()),
                    Err(_) => {
                        return Err(SoqlError::at(
                            "INVALID_QUERY_FILTER_OPERATOR",
                            self.text,
                            path.at,
                            &format!("invalid ID field: {it}"),
                        ));
                    }
                }
            }
            Literal::Text(it) if kind.is_text() && it.is_empty() => Value::Null,
            Literal::Text(it) if kind.is_text() => Value::from(it.clone()),
            _ => return Err(self.misfit(path, place)),
        })
    }

    fn misfit(&self, path: &Path, place: &Place) -> SoqlError {
        let kind = place.field.kind;
        let quotes = if kind.is_text() {
            "should be enclosed in quotes"
        } else {
            "should not be enclosed in quotes"
        };
        let reason = format!(
            "value of filter criterion for field '{}' must be of type {} and {quotes}",
            place.field.name,
            kind.name()
        );
        SoqlError::at("INVALID_FIELD", self.text, path.at, &reason)
    }
}

impl Filter {
    /// Whether `row` is wanted.
    pub(super) fn accepts(&self, row: &Row) -> bool {
        match self {
            Self::And(terms) => terms.iter().all(|it| it.accepts(row)),
            Self::Or(terms) => terms.iter().any(|it| it.accepts(row)),
            Self::Not(term) => !term.accepts(row),
            Self::Compare(place, operator, wanted) => compares(place.value(row), *operator, wanted),
            Self::Range(place, operator, start, end) => {
                let Some(value) = place.value(row).as_str() else {
                    return *operator == Operator::NotEqual;
                };
                let within = start.as_str() <= value && value < end.as_str();
                match operator {
                    Operator::Equal => within,
                    Operator::NotEqual => !within,
                    Operator::Less => value < start.as_str(),
                    Operator::LessOrEqual => value < end.as_str(),
                    Operator::Greater => value >= end.as_str(),
                    Operator::GreaterOrEqual => value >= start.as_str(),
                    Operator::Like => false,
                }
            }
            Self::Like(place, pattern) => place.value(row).as_str().is_some_and(|it| {
                let text: Vec<char> = it.to_lowercase().chars().collect();
                like(&text, pattern)
            }),
            Self::In(place, wanted, negated) => wanted.contains(&key(place.value(row))) != *negated,
            Self::Includes(place, wanted, negated) => {
                let Some(value) = place.value(row).as_str() else {
                    return *negated;
                };
                let lower = value.to_lowercase();
                let have: HashSet<&str> = lower.split(';').collect();
                let found = wanted
                    .iter()
                    .any(|all| all.iter().all(|it| have.contains(it.as_str())));
                found != *negated
            }
        }
    }
}

fn compares(value: &Value, operator: Operator, wanted: &Value) -> bool {
    let equal = key(value) == key(wanted);
    match operator {
        Operator::Equal => equal,
        Operator::NotEqual => !equal,
        Operator::Like => false,
        _ if value.is_null() || wanted.is_null() => false,
        _ => {
            let order = order(value, wanted);
            match operator {
                Operator::Less => order.is_lt(),
                Operator::LessOrEqual => order.is_le(),
                Operator::Greater => order.is_gt(),
                _ => order.is_ge(),
            }
        }
    }
}

/// What two equal values have in common: text is compared without regard to
/// case, except ids, whose last three letters tell the case.
pub(super) fn key(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => format!("\"{}", text.to_lowercase()),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN).to_string(),
        other => other.to_string(),
    }
}

/// Order of two values of one column; nothing comes first.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            a.total_cmp(&b)
        }
        (Value::String(a), Value::String(b)) => a
            .to_lowercase()
            .cmp(&b.to_lowercase())
            .then_with(|| a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// Whether `text` is like `pattern`: `%` any characters, `_` one, `\` the next as it is.
fn like(text: &[char], pattern: &[char]) -> bool {
    let (mut t, mut p) = (0, 0);
    // Where to go on when the last `%` must take one character more.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let (wanted, width) = match pattern.get(p) {
            Some('\\') if p + 1 < pattern.len() => (Some(pattern[p + 1]), 2),
            Some('%') => {
                retry = Some((t, p + 1));
                p += 1;
                continue;
            }
            Some('_') => (text.get(t).copied(), 1),
            Some(it) => (Some(*it), 1),
            None if t == text.len() => return true,
            None => (None, 0),
        };
        if t < text.len() && wanted == Some(text[t]) {
            t += 1;
            p += width;
            continue;
        }
        match retry {
            Some((from, at)) if from < text.len() => {
                retry = Some((from + 1, at));
                t = from + 1;
                p = at;
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_knows_its_wildcards() {
        let is = |text: &str, pattern: &str| {
            let text: Vec<char> = text.chars().collect();
            let pattern: Vec<char> = pattern.chars().collect();
            like(&text, &pattern)
        };
        assert!(is("abc", "a%"));
        assert!(is("abc", "%c"));
        assert!(is("abcabc", "%b%c"));
        assert!(is("", "%"));
        assert!(is("a%c", "a\\%c"));
        assert!(is("abc", "a_c"));
        assert!(!is("abc", "a\\%c"));
        assert!(!is("ab", "a_c"));
        assert!(!is("abc", "ab"));
        assert!(!is("ab", "abc"));
    }
}
