//! Simple formulas as SQL.
//!
//! What is not simple has no value here: such a field is `calculated`, and
//! empty. Simple are fields of the record itself, literals, arithmetic, `&`,
//! comparisons, and a handful of functions.

use super::{
    Schema,
    store::{column_of, has_column},
};
use crate::simorg::soql::{Kind, Object};

/// Deepest nesting; own limit, against an attack on the stack.
const MAX_DEPTH: usize = 30;

/// A formula of `object` over the row called `alias`; none where it is not simple.
pub(super) fn to_sql(_: &Schema, object: &Object, text: &str, alias: &str) -> Option<String> {
    let mut reader = Reader {
        object,
        alias,
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
    };
    let sql = reader.comparison()?.0;
    (reader.next == reader.tokens.len()).then_some(sql)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

/// Whether a value is text, for `&` and `+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Text,
    Other,
}

const SIGNS: [&str; 15] = [
    "<>", "!=", "<=", ">=", "==", "&&", "||", "&", "=", "<", ">", "+", "-", "*", "/",
];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '"' | '\'' => {
                let end = rest[1..].find(first)? + 1;
                tokens.push(Token::Text(rest[1..end].to_owned()));
                end + 1
            }
            '0'..='9' => {
                let end = rest
                    .find(|it: char| !it.is_ascii_digit() && it != '.')
                    .unwrap_or(rest.len());
                tokens.push(Token::Number(rest[..end].to_owned()));
                end
            }
            'a'..='z' | 'A'..='Z' => {
                let end = rest
                    .find(|it: char| !it.is_ascii_alphanumeric() && !matches!(it, '_' | '.'))
                    .unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
            '(' | ')' | ',' => {
                let sign = match first {
                    '(' => "(",
                    ')' => ")",
                    _ => ",",
                };
                tokens.push(Token::Sign(sign));
                1
            }
            _ => {
                let sign = SIGNS.iter().find(|it| rest.starts_with(**it))?;
                tokens.push(Token::Sign(sign));
                sign.len()
            }
        };
        rest = rest[taken..].trim_start();
    }
    Some(tokens)
}

struct Reader<'a> {
    object: &'a Object,
    alias: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Reader<'_> {
    fn sign(&mut self, all: &[&str]) -> Option<&'static str> {
        let Some(Token::Sign(sign)) = self.tokens.get(self.next) else {
            return None;
        };
        let sign = *sign;
        let found = all.contains(&sign);
        self.next += usize::from(found);
        found.then_some(sign)
    }

    fn comparison(&mut self) -> Option<(String, Sort)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mut left = self.sum()?;
        while let Some(sign) = self.sign(&["=", "==", "<>", "!=", "<", "<=", ">", ">=", "&&", "||"])
        {
            let right = self.sum()?;
            let sign = match sign {
                "==" => "=",
                "&&" => "AND",
                "||" => "OR",
                other => other,
            };
            left = (format!("({} {sign} {})", left.0, right.0), Sort::Other);
        }
        self.depth -= 1;
        Some(left)
    }

    fn sum(&mut self) -> Option<(String, Sort)> {
        let mut left = self.product()?;
        while let Some(sign) = self.sign(&["+", "-", "&"]) {
            let right = self.product()?;
            let is_text = sign == "&" || left.1 == Sort::Text || right.1 == Sort::Text;
            left = if is_text {
                let sql = format!("(ifnull({}, '') || ifnull({}, ''))", left.0, right.0);
                (sql, Sort::Text)
            } else {
                (format!("({} {sign} {})", left.0, right.0), Sort::Other)
            };
        }
        Some(left)
    }

    fn product(&mut self) -> Option<(String, Sort)> {
        let mut left = self.one()?;
        while let Some(sign) = self.sign(&["*", "/"]) {
            let right = self.one()?;
            // Whole numbers divide as others do.
            left = (
                format!("({} * 1.0 {sign} {})", left.0, right.0),
                Sort::Other,
            );
        }
        Some(left)
    }

    fn one(&mut self) -> Option<(String, Sort)> {
        if self.sign(&["("]).is_some() {
            let inner = self.comparison()?;
            self.sign(&[")"])?;
            return Some((format!("({})", inner.0), inner.1));
        }
        if self.sign(&["-"]).is_some() {
            let inner = self.one()?;
            return Some((format!("(-{})", inner.0), inner.1));
        }
        let token = self.tokens.get(self.next)?.clone();
        self.next += 1;
        match token {
            Token::Number(text) => Some((text, Sort::Other)),
            Token::Text(text) => Some((format!("'{}'", text.replace('\'', "''")), Sort::Text)),
            Token::Word(word) => {
                if self.sign(&["("]).is_some() {
                    return self.call(&word.to_ascii_uppercase());
                }
                match word.to_ascii_uppercase().as_str() {
                    "TRUE" => return Some(("1".to_owned(), Sort::Other)),
                    "FALSE" => return Some(("0".to_owned(), Sort::Other)),
                    "NULL" => return Some(("NULL".to_owned(), Sort::Other)),
                    _ => (),
                }
                let (_, field) = self.object.field(&word)?;
                if !has_column(field) && field.name != "Id" {
                    return None;
                }
                let sql = format!("{}.{}", self.alias, column_of(field));
                if field.kind.is_number() {
                    // An empty number counts as zero, as formulas do by default.
                    return Some((format!("ifnull({sql}, 0)"), Sort::Other));
                }
                let sort = if field.kind.is_text() {
                    Sort::Text
                } else {
                    Sort::Other
                };
                if matches!(field.kind, Kind::Date | Kind::DateTime | Kind::Time) {
                    // Days are not numbers to the database.
                    return None;
                }
                Some((sql, sort))
            }
            Token::Sign(_) => None,
        }
    }

    fn call(&mut self, name: &str) -> Option<(String, Sort)> {
        let mut arguments = Vec::new();
        if self.sign(&[")"]).is_none() {
            loop {
                arguments.push(self.comparison()?);
                if self.sign(&[","]).is_none() {
                    break;
                }
            }
            self.sign(&[")"])?;
        }
        let sql: Vec<&str> = arguments.iter().map(|it| it.0.as_str()).collect();
        let joined = |word: &str| format!("({})", sql.join(word));
        Some(match (name, sql.as_slice()) {
            ("IF", [test, yes, no]) => (
                format!("(CASE WHEN {test} THEN {yes} ELSE {no} END)"),
                arguments[1].1,
            ),
            ("AND", [_, ..]) => (joined(" AND "), Sort::Other),
            ("OR", [_, ..]) => (joined(" OR "), Sort::Other),
            ("NOT", [it]) => (format!("(NOT {it})"), Sort::Other),
            ("ISBLANK" | "ISNULL", [it]) => (format!("({it} IS NULL)"), Sort::Other),
            ("ISPICKVAL", [it, value]) => (format!("({it} IS {value})"), Sort::Other),
            ("TEXT", [it]) => (format!("CAST({it} AS TEXT)"), Sort::Text),
            ("UPPER", [it]) => (format!("upper({it})"), Sort::Text),
            ("LOWER", [it]) => (format!("lower({it})"), Sort::Text),
            ("LEN", [it]) => (format!("length({it})"), Sort::Other),
            ("ABS", [it]) => (format!("abs({it})"), Sort::Other),
            ("ROUND", [it, digits]) => (format!("round({it}, {digits})"), Sort::Other),
            ("MAX", [_, _, ..]) => (format!("max({})", sql.join(", ")), Sort::Other),
            ("MIN", [_, _, ..]) => (format!("min({})", sql.join(", ")), Sort::Other),
            ("BLANKVALUE" | "NULLVALUE", [it, other]) => {
                (format!("ifnull({it}, {other})"), arguments[0].1)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simorg::soql::Field;

    fn sql(text: &str) -> Option<String> {
        let object = Object::new(
            "X",
            "00x",
            vec![
                Field::new("Name", Kind::Text),
                Field::new("Amount", Kind::Currency),
                Field::new("Day", Kind::Date),
            ],
        );
        to_sql(&Schema::default(), &object, text, "a")
    }

    #[test]
    fn simple_formulas_become_expressions() {
        assert_eq!(
            sql("IF(Amount > 10, \"it's big\", Name & '!')").as_deref(),
            Some(
                "(CASE WHEN (ifnull(a.\"Amount\", 0) > 10) THEN 'it''s big' ELSE \
                 (ifnull(a.\"Name\", '') || ifnull('!', '')) END)"
            )
        );
        assert_eq!(sql("1 / 2").as_deref(), Some("(1 * 1.0 / 2)"));
    }

    #[test]
    fn other_formulas_have_no_value() {
        for text in [
            "Account.Name",
            "TODAY() - Day",
            "VLOOKUP(1)",
            "Nope + 1",
            "Name; DROP TABLE x",
            "(1",
            "\"open",
        ] {
            assert_eq!(sql(text), None, "{text}");
        }
    }
}
