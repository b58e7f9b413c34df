//! Text → query.

use super::{
    SoqlError,
    ast::{
        Call, Condition, DatePart, Function, Group, Item, Literal, Operator, Order, Path, Query,
    },
    dates,
    lex::{Token, TokenKind, lex},
};

/// Longest query.
///
/// Source: SOQL and SOSL Reference, "SOQL SELECT Syntax", 100,000 characters.
const MAX_CHARS: usize = 100_000;

/// Deepest nesting of parentheses; own limit, against an attack on the stack.
const MAX_DEPTH: usize = 50;

/// The scope of what lies in folders that only their owners see.
///
/// Source: Salesforce Help, "SOQL query for reports and dashboards in private folders".
const ALL_PRIVATE: &str = "allPrivate";

/// Reads a query.
///
/// # Errors
///
/// `MALFORMED_QUERY` with the place.
pub fn parse(text: &str) -> Result<Query, SoqlError> {
    if text.len() > MAX_CHARS && text.chars().count() > MAX_CHARS {
        return Err(SoqlError::plain(
            "QUERY_TOO_COMPLICATED",
            "query is either selecting too many fields or the filter conditions are too complicated.",
        ));
    }
    if text.trim().is_empty() {
        return Err(SoqlError::plain(
            "MALFORMED_QUERY",
            "A query string has to be specified",
        ));
    }
    let mut parser = Parser {
        text,
        tokens: lex(text)?,
        next: 0,
        depth: 0,
    };
    let query = parser.query()?;
    match parser.peek().kind {
        TokenKind::End => Ok(query),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn query(&mut self) -> Result<Query, SoqlError> {
        self.keyword("SELECT")?;
        let mut items = vec![self.item()?];
        while self.sign(",") {
            items.push(self.item()?);
        }
        self.keyword("FROM")?;
        let from_at = self.peek().at;
        let mut from = self.word()?;
        // An alias: `FROM Account a`.
        let mut alias = None;
        if self.peek().kind == TokenKind::Word && !self.at_clause() && !self.is("HAVING") {
            alias = Some(self.word()?);
        }
        if self.is("USING") {
            self.next += 1;
            self.keyword("SCOPE")?;
            let scope = self.word()?;
            // What nobody else sees has tables of its own.
            if scope.eq_ignore_ascii_case(ALL_PRIVATE) {
                from = format!("{from}:{ALL_PRIVATE}");
            }
        }
        let condition = if self.accept("WHERE") {
            Some(self.condition()?)
        } else {
            None
        };
        if self.accept("WITH") {
            self.word()?;
        }
        let mut group_by = Vec::new();
        if self.accept("GROUP") {
            self.keyword("BY")?;
            group_by.push(self.value()?);
            while self.sign(",") {
                group_by.push(self.value()?);
            }
        }
        let having = if self.accept("HAVING") {
            Some(self.condition()?)
        } else {
            None
        };
        let order_by = self.order_by()?;
        let limit = self.count("LIMIT")?;
        let offset = self.count("OFFSET")?.unwrap_or(0);
        if self.accept("FOR") {
            self.word()?;
        }
        Ok(Query {
            items,
            from,
            from_at,
            alias,
            condition,
            group_by,
            having,
            order_by,
            limit,
            offset,
        })
    }

    fn item(&mut self) -> Result<Item, SoqlError> {
        let token = self.peek().clone();
        if self.sign("(") {
            return self.children();
        }
        if token.kind != TokenKind::Word {
            return Err(self.unexpected());
        }
        if self.is("TYPEOF") && self.tokens[self.next + 1].kind == TokenKind::Word {
            return self.type_of();
        }
        let next = &self.tokens[self.next + 1];
        if next.kind != TokenKind::Sign || next.text != "(" {
            let path = self.path()?;
            return Ok(match self.alias() {
                Some(alias) => Item::Aliased(path, alias),
                None => Item::Field(path),
            });
        }
        self.next += 2;
        let function = match token.text.to_ascii_uppercase().as_str() {
            "COUNT" if self.sign(")") => return Ok(Item::CountAll),
            "COUNT" => Function::Count,
            "COUNT_DISTINCT" => Function::CountDistinct,
            "MIN" => Function::Min,
            "MAX" => Function::Max,
            "SUM" => Function::Sum,
            "AVG" => Function::Avg,
            "FIELDS" => {
                let at = self.peek().at;
                let group = match self.word()?.to_ascii_uppercase().as_str() {
                    "ALL" => Group::All,
                    "STANDARD" => Group::Standard,
                    "CUSTOM" => Group::Custom,
                    _ => return Err(self.unexpected_at(self.next - 1)),
                };
                self.close()?;
                return Ok(Item::Fields(group, at));
            }
            "TOLABEL" | "FORMAT" => {
                let path = self.path()?;
                self.close()?;
                let alias = self.alias();
                return Ok(Item::Rendered(path, alias));
            }
            other if date_part(other).is_some() => {
                self.next -= 2;
                let path = self.value()?;
                let alias = self.alias();
                return Ok(Item::Rendered(path, alias));
            }
            _ => return Err(self.unexpected_at(self.next - 2)),
        };
        let path = self.path()?;
        self.close()?;
        let alias = self.alias();
        Ok(Item::Aggregate {
            function,
            path,
            alias,
        })
    }

    /// The query of children, behind its parenthesis.
    fn children(&mut self) -> Result<Item, SoqlError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.unexpected());
        }
        let query = Box::new(self.query()?);
        self.depth -= 1;
        self.close()?;
        Ok(Item::Children(query))
    }

    fn type_of(&mut self) -> Result<Item, SoqlError> {
        self.keyword("TYPEOF")?;
        let path = self.path()?;
        let mut whens = Vec::new();
        while self.accept("WHEN") {
            let object = self.word()?;
            self.keyword("THEN")?;
            whens.push((object, self.paths()?));
        }
        let mut otherwise = Vec::new();
        if self.accept("ELSE") {
            otherwise = self.paths()?;
        }
        self.keyword("END")?;
        Ok(Item::TypeOf {
            path,
            whens,
            otherwise,
        })
    }

    fn paths(&mut self) -> Result<Vec<Path>, SoqlError> {
        let mut all = vec![self.path()?];
        while self.sign(",") {
            all.push(self.path()?);
        }
        Ok(all)
    }

    /// A field, or what is computed from one.
    fn value(&mut self) -> Result<Path, SoqlError> {
        let token = self.peek().clone();
        let next = &self.tokens[(self.next + 1).min(self.tokens.len() - 1)];
        let is_call =
            token.kind == TokenKind::Word && next.kind == TokenKind::Sign && next.text == "(";
        if !is_call {
            return self.path();
        }
        let upper = token.text.to_ascii_uppercase();
        let call = match upper.as_str() {
            "COUNT" => Call::Aggregate(Function::Count),
            "COUNT_DISTINCT" => Call::Aggregate(Function::CountDistinct),
            "MIN" => Call::Aggregate(Function::Min),
            "MAX" => Call::Aggregate(Function::Max),
            "SUM" => Call::Aggregate(Function::Sum),
            "AVG" => Call::Aggregate(Function::Avg),
            other => match date_part(other) {
                Some(part) => Call::Date(part),
                None => return Err(self.unexpected()),
            },
        };
        self.next += 2;
        if upper == "COUNT" && self.sign(")") {
            return Ok(Path {
                call: Some(call),
                parts: vec!["Id".to_owned()],
                at: token.at,
            });
        }
        let path = self.path()?;
        self.close()?;
        Ok(Path {
            call: Some(call),
            ..path
        })
    }

    fn alias(&mut self) -> Option<String> {
        if self.peek().kind != TokenKind::Word || self.at_clause() {
            return None;
        }
        self.next += 1;
        Some(self.tokens[self.next - 1].text.clone())
    }

    fn condition(&mut self) -> Result<Condition, SoqlError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.unexpected());
        }
        let first = self.term()?;
        let condition = if self.is("AND") {
            let mut all = vec![first];
            while self.accept("AND") {
                all.push(self.term()?);
            }
            Condition::And(all)
        } else if self.is("OR") {
            let mut any = vec![first];
            while self.accept("OR") {
                any.push(self.term()?);
            }
            Condition::Or(any)
        } else {
            first
        };
        // AND and OR may not be mixed without parentheses.
        if self.is("AND") || self.is("OR") {
            return Err(self.unexpected());
        }
        self.depth -= 1;
        Ok(condition)
    }

    fn term(&mut self) -> Result<Condition, SoqlError> {
        if self.accept("NOT") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.unexpected());
            }
            let term = self.term()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(term)));
        }
        if self.sign("(") {
            let inner = self.condition()?;
            self.close()?;
            return Ok(inner);
        }
        let path = self.value()?;
        let negated = self.accept("NOT");
        if self.accept("IN") {
            return self.list(path, negated);
        }
        if negated {
            return Err(self.unexpected());
        }
        for (word, negated) in [("INCLUDES", false), ("EXCLUDES", true)] {
            if self.accept(word) {
                return self.includes(path, negated);
            }
        }
        let operator = self.operator()?;
        Ok(Condition::Compare(path, operator, self.literal()?))
    }

    fn list(&mut self, path: Path, negated: bool) -> Result<Condition, SoqlError> {
        if !self.sign("(") {
            return Err(self.unexpected());
        }
        if self.is("SELECT") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.unexpected());
            }
            let query = Box::new(self.query()?);
            self.depth -= 1;
            self.close()?;
            return Ok(Condition::InQuery {
                path,
                query,
                negated,
            });
        }
        let mut values = vec![self.literal()?];
        while self.sign(",") {
            values.push(self.literal()?);
        }
        self.close()?;
        Ok(Condition::In {
            path,
            values,
            negated,
        })
    }

    fn includes(&mut self, path: Path, negated: bool) -> Result<Condition, SoqlError> {
        if !self.sign("(") {
            return Err(self.unexpected());
        }
        let mut values = Vec::new();
        loop {
            match self.literal()? {
                Literal::Text(text) => values.push(text),
                _ => return Err(self.unexpected_at(self.next - 1)),
            }
            if !self.sign(",") {
                break;
            }
        }
        self.close()?;
        Ok(Condition::Includes {
            path,
            values,
            negated,
        })
    }

    fn operator(&mut self) -> Result<Operator, SoqlError> {
        let operator = match self.peek().text.to_ascii_uppercase().as_str() {
            "=" => Operator::Equal,
            "!=" | "<>" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            "LIKE" => Operator::Like,
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(operator)
    }

    fn literal(&mut self) -> Result<Literal, SoqlError> {
        let token = self.peek().clone();
        let upper = token.text.to_ascii_uppercase();
        let literal = match token.kind {
            TokenKind::Text => Literal::Text(token.text.clone()),
            TokenKind::Number => {
                dates::number(&token.text).ok_or_else(|| self.unexpected_at(self.next))?
            }
            TokenKind::Word if upper == "NULL" => Literal::Null,
            TokenKind::Word if upper == "TRUE" => Literal::Bool(true),
            TokenKind::Word if upper == "FALSE" => Literal::Bool(false),
            TokenKind::Word if dates::is_relative(&upper) => {
                let mut count = 1;
                if self.tokens[self.next + 1].text == ":" {
                    self.next += 2;
                    let number = self.peek().text.parse();
                    count = number.map_err(|_| self.unexpected())?;
                }
                Literal::Relative(upper, count)
            }
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(literal)
    }

    fn order_by(&mut self) -> Result<Vec<Order>, SoqlError> {
        let mut order = Vec::new();
        if !self.accept("ORDER") {
            return Ok(order);
        }
        self.keyword("BY")?;
        loop {
            let path = self.value()?;
            let descending = !self.accept("ASC") && self.accept("DESC");
            let mut nulls_last = descending;
            if self.accept("NULLS") {
                nulls_last = self.accept("LAST");
                if !nulls_last {
                    self.keyword("FIRST")?;
                }
            }
            order.push(Order {
                path,
                descending,
                nulls_last,
            });
            if !self.sign(",") {
                return Ok(order);
            }
        }
    }

    fn count(&mut self, word: &str) -> Result<Option<usize>, SoqlError> {
        if !self.accept(word) {
            return Ok(None);
        }
        let number = self.peek().text.parse().map_err(|_| self.unexpected())?;
        self.next += 1;
        Ok(Some(number))
    }

    fn path(&mut self) -> Result<Path, SoqlError> {
        let token = self.peek().clone();
        let is_reserved = self.at_clause() || self.is("SELECT");
        if token.kind != TokenKind::Word || is_reserved {
            return Err(self.unexpected());
        }
        self.next += 1;
        Ok(Path {
            call: None,
            parts: token.text.split('.').map(str::to_owned).collect(),
            at: token.at,
        })
    }

    fn word(&mut self) -> Result<String, SoqlError> {
        if self.peek().kind != TokenKind::Word {
            return Err(self.unexpected());
        }
        self.next += 1;
        Ok(self.tokens[self.next - 1].text.clone())
    }

    fn at_clause(&self) -> bool {
        [
            "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "USING", "FROM",
        ]
        .iter()
        .any(|it| self.is(it))
    }

    fn is(&self, word: &str) -> bool {
        let token = self.peek();
        token.kind == TokenKind::Word && token.text.eq_ignore_ascii_case(word)
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.next += usize::from(found);
        found
    }

    fn keyword(&mut self, word: &str) -> Result<(), SoqlError> {
        if self.accept(word) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn sign(&mut self, sign: &str) -> bool {
        let token = self.peek();
        let found = token.kind == TokenKind::Sign && token.text == sign;
        self.next += usize::from(found);
        found
    }

    fn close(&mut self) -> Result<(), SoqlError> {
        if self.sign(")") {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn peek(&self) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[self.next.min(last)]
    }

    fn unexpected(&self) -> SoqlError {
        self.unexpected_at(self.next)
    }

    fn unexpected_at(&self, token: usize) -> SoqlError {
        let token = &self.tokens[token.min(self.tokens.len() - 1)];
        let reason = format!("unexpected token: '{}'", token.text);
        SoqlError::malformed(self.text, token.at, &reason)
    }
}

/// The part of a date that a function gives, by its name in capitals.
///
/// A fiscal year is a calendar year here.
fn date_part(name: &str) -> Option<DatePart> {
    Some(match name {
        "CALENDAR_YEAR" | "FISCAL_YEAR" => DatePart::Year,
        "CALENDAR_QUARTER" | "FISCAL_QUARTER" => DatePart::Quarter,
        "CALENDAR_MONTH" | "FISCAL_MONTH" => DatePart::Month,
        "DAY_IN_MONTH" => DatePart::Day,
        "DAY_IN_WEEK" => DatePart::WeekDay,
        "HOUR_IN_DAY" => DatePart::Hour,
        "DAY_ONLY" => DatePart::Only,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn clauses_are_read_in_any_case() {
        let query = parse(
            "select Id, CreatedBy.Name FROM SetupAuditTrail where (CreatedDate >= 2026-08-24T09:23:38Z \
             AND NOT Action IN ('a', 'b\\'c')) order by CreatedDate DESC NULLS LAST limit 5 offset 2",
        )
        .unwrap();
        assert_eq!(query.from, "SetupAuditTrail");
        assert_eq!((query.limit, query.offset), (Some(5), 2));
        assert!(query.order_by[0].descending && query.order_by[0].nulls_last);
        let Some(Condition::And(terms)) = query.condition else {
            panic!("not an AND");
        };
        assert!(
            matches!(&terms[1], Condition::Not(it) if matches!(&**it, Condition::In { values, .. }
            if values[1] == Literal::Text("b'c".to_owned())))
        );
    }

    #[test]
    fn what_is_not_a_query_is_refused_with_its_place() {
        let err = parse("SELEKT Id FROM Account").unwrap_err();
        assert_eq!(
            err.message,
            "\nSELEKT Id FROM Account\n^\nERROR at Row:1:Column:1\nunexpected token: 'SELEKT'"
        );
        for text in [
            "",
            "SELECT",
            "SELECT Id",
            "SELECT Id FROM Account WHERE",
            "SELECT Id FROM Account WHERE a = 1 AND b = 2 OR c = 3",
            "SELECT Id FROM Account LIMIT x",
            "SELECT Id FROM Account; DROP",
            "SELECT Id FROM Account WHERE Name = 'x",
            "SELECT Id, FROM Account",
            "SELECT SHOUT(Id) FROM Account",
        ] {
            assert_eq!(parse(text).unwrap_err().code, "MALFORMED_QUERY", "{text}");
        }
    }

    #[test]
    fn parentheses_are_bounded() {
        let text = format!("SELECT Id FROM A WHERE {}", "(".repeat(90_000));
        assert_eq!(parse(&text).unwrap_err().code, "MALFORMED_QUERY");
        let text = format!("SELECT Id FROM A WHERE {}", "NOT ".repeat(20_000));
        assert_eq!(parse(&text).unwrap_err().code, "MALFORMED_QUERY");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(SELECT|FROM|WHERE|Id|[(),=<>'0-9TZ:.]|é|AND|IN| ){0,30}") {
            let _ = parse(&text);
        }
    }
}
