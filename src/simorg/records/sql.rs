//! A query → SQL over the tables of the store.
//!
//! The platform compares text without regard to case, treats a missing value
//! as different from every other, and orders it first; SQL is made to do the
//! same. Values are parameters, in the order in which they stand in the text.
//!
//! Invariant: every name in the SQL is that of an object or field that the
//! user sees.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use super::{
    Bench, Cell, Schema,
    store::{collation, column_of, has_column, table_of},
};
use crate::{
    model::{RecordId, Timestamp},
    simorg::soql::{
        Call, Computed, Condition, DatePart, Field, Function, Item, Kind, Literal, Object,
        Operator, Path, Query, Reference, SoqlError, range,
    },
};

/// A column that was found.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// How to compute it.
    pub sql: String,
    /// The field.
    pub field: Field,
    /// Object of the field; empty for a field that several objects share.
    pub object: String,
    /// The relationships on the way: name, and how to compute the parent's id.
    pub steps: Vec<(String, String)>,
}

/// One object in one query, with the parents that were asked for.
pub(super) struct Scope<'a, 'b> {
    pub bench: &'a Bench<'b>,
    pub text: &'a str,
    pub object: Arc<Object>,
    pub alias: String,
    /// Another name of the object in the query.
    name: Option<String>,
    table: String,
    joins: String,
    /// Aliases of parents, by alias and name of the relationship.
    known: HashMap<String, (Arc<Object>, String)>,
    pub params: Vec<Cell>,
    depth: usize,
}

/// How to compute a field of `object` whose row is called `alias`; none for
/// one that has no value of its own.
pub(super) fn computed(
    schema: &Schema,
    object: &Object,
    field: &Field,
    alias: &str,
) -> Option<String> {
    match field.computed.as_ref()? {
        Computed::RollUp {
            function,
            detail,
            key,
            field: summed,
        } => {
            let detail = schema.object(detail)?;
            let (_, key) = detail.field(key)?;
            let what = match (function.as_str(), detail.field(summed)) {
                ("count", _) => "count(*)".to_owned(),
                (function @ ("sum" | "min" | "max"), Some((_, field))) => {
                    let inner = match computed(schema, &detail, field, "d") {
                        Some(sql) => sql,
                        None => format!("d.{}", column_of(field)),
                    };
                    match function {
                        "sum" => format!("coalesce(sum({inner}), 0)"),
                        other => format!("{other}({inner})"),
                    }
                }
                _ => return None,
            };
            Some(format!(
                "(SELECT {what} FROM {} d WHERE d.{} = {alias}.\"Id\" AND d.\"IsDeleted\" = 0)",
                table_of(&detail),
                column_of(key)
            ))
        }
        Computed::Formula(text) => super::formula::to_sql(schema, object, text, alias),
        Computed::Platform => None,
    }
}

/// The value of a field in the row `alias`.
fn value_of(bench: &Bench<'_>, object: &Object, field: &Field, alias: &str) -> String {
    let is_record = bench.schema.object(&object.name).is_some();
    if !is_record || field.name == "Id" || field.name == "IsDeleted" || has_column(field) {
        return format!("{alias}.{}", column_of(field));
    }
    if let Some(Computed::RollUp { detail, key, .. }) = &field.computed
        && let Some(detail) = bench.schema.object(detail)
        && let Some((_, key)) = detail.field(key)
    {
        // Without it a roll-up walks through all details.
        let _ = bench.store.index(&detail, key);
    }
    computed(&bench.schema, object, field, alias).unwrap_or_else(|| "NULL".to_owned())
}

/// A part of a date, `sql` being a day or a point in time.
fn date_part(part: DatePart, sql: &str, kind: Kind) -> String {
    let moment = match kind {
        Kind::DateTime => format!("{sql} / 1000, 'unixepoch'"),
        _ => sql.to_owned(),
    };
    let number = |format: &str| format!("CAST(strftime('{format}', {moment}) AS INTEGER)");
    match part {
        DatePart::Year => number("%Y"),
        DatePart::Month => number("%m"),
        DatePart::Quarter => format!("({} + 2) / 3", number("%m")),
        DatePart::Day => number("%d"),
        DatePart::WeekDay => format!("{} + 1", number("%w")),
        DatePart::Hour => number("%H"),
        DatePart::Only => format!("date({moment})"),
    }
}

fn aggregate(function: Function, sql: &str) -> String {
    match function {
        Function::Count => format!("count({sql})"),
        Function::CountDistinct => format!("count(DISTINCT {sql})"),
        Function::Min => format!("min({sql})"),
        Function::Max => format!("max({sql})"),
        Function::Sum => format!("sum({sql})"),
        Function::Avg => format!("avg({sql})"),
    }
}

impl<'a, 'b> Scope<'a, 'b> {
    /// The object that a query asks.
    pub(super) fn new(
        bench: &'a Bench<'b>,
        text: &'a str,
        query: &Query,
        depth: usize,
    ) -> Result<Self, SoqlError> {
        let no_object = || SoqlError::no_object(text, query.from_at, &query.from);
        let (object, table) = source(bench, &query.from).ok_or_else(no_object)?;
        Ok(Self::over(
            bench,
            text,
            object,
            table,
            query.alias.clone(),
            depth,
        ))
    }

    /// An object that was found already.
    pub(super) fn over(
        bench: &'a Bench<'b>,
        text: &'a str,
        object: Arc<Object>,
        table: String,
        name: Option<String>,
        depth: usize,
    ) -> Self {
        Self {
            bench,
            text,
            object,
            alias: format!("a{depth}"),
            name,
            table,
            joins: String::new(),
            known: HashMap::new(),
            params: Vec::new(),
            depth,
        }
    }

    /// `FROM …` with the parents that were asked for so far.
    pub(super) fn from(&self) -> String {
        format!("FROM {} {}{}", self.table, self.alias, self.joins)
    }

    /// Whether the object's rows can lie in the recycle bin.
    pub(super) fn has_bin(&self) -> bool {
        self.bench.schema.object(&self.object.name).is_some()
    }

    /// Finds the column that a path names.
    pub(super) fn column(&mut self, path: &Path) -> Result<Column, SoqlError> {
        let mut parts = path.parts.as_slice();
        if let [first, _, ..] = parts {
            let is_alias = self
                .name
                .as_ref()
                .is_some_and(|it| it.eq_ignore_ascii_case(first));
            let is_own = first.eq_ignore_ascii_case(&self.object.name)
                && self.object.relationship(first).is_none();
            if is_alias || is_own {
                parts = &parts[1..];
            }
        }
        let mut object = Arc::clone(&self.object);
        let mut alias = self.alias.clone();
        let mut steps = Vec::new();
        while let [relationship, rest @ ..] = parts {
            if rest.is_empty() {
                break;
            }
            let unknown = || SoqlError::no_relationship(self.text, path.at, relationship);
            let (at, reference) = object.relationship(relationship).ok_or_else(unknown)?;
            let field = &object.fields[at];
            let key = value_of(self.bench, &object, field, &alias);
            let name = reference.relationship.clone().unwrap_or_default();
            steps.push((name, key.clone()));
            if reference.targets.len() > 1 && rest.len() == 1 {
                return self.shared(path, reference, &key, &rest[0], steps);
            }
            let (parent, table) = reference
                .targets
                .iter()
                .filter_map(|it| source(self.bench, it))
                .find(|(it, _)| rest.len() == 1 || it.relationship(&rest[0]).is_some())
                .ok_or_else(unknown)?;
            let place = format!("{alias}.{}", relationship.to_lowercase());
            if let Some((known, its)) = self.known.get(&place) {
                (object, alias) = (Arc::clone(known), its.clone());
            } else {
                let its = format!("p{}_{}", self.depth, self.known.len());
                let _ = write!(
                    self.joins,
                    " LEFT JOIN {table} {its} ON {its}.\"Id\" = {key}"
                );
                self.known.insert(place, (Arc::clone(&parent), its.clone()));
                (object, alias) = (parent, its);
            }
            parts = rest;
        }
        let name = &parts[0];
        let Some((_, field)) = object.field(name) else {
            return Err(SoqlError::no_field(self.text, path.at, name, &object.name));
        };
        Ok(Column {
            sql: value_of(self.bench, &object, field, &alias),
            field: field.clone(),
            object: object.name.clone(),
            steps,
        })
    }

    /// A field of the parent that a polymorphic reference leads to.
    fn shared(
        &self,
        path: &Path,
        reference: &Reference,
        key: &str,
        name: &str,
        steps: Vec<(String, String)>,
    ) -> Result<Column, SoqlError> {
        if name.eq_ignore_ascii_case("Type") {
            let mut field = Field::new("Type", Kind::Text);
            field.nillable = false;
            return Ok(Column {
                sql: self.type_of(reference, key),
                field,
                object: String::new(),
                steps,
            });
        }
        let mut cases = String::new();
        let mut found: Option<Field> = None;
        for target in &reference.targets {
            let Some((object, table)) = source(self.bench, target) else {
                continue;
            };
            let own = if name.eq_ignore_ascii_case("Name") {
                object
                    .name_field()
                    .or_else(|| object.field(name).map(|it| it.1))
            } else {
                object.field(name).map(|it| it.1)
            };
            let Some(field) = own else {
                continue;
            };
            let value = value_of(self.bench, &object, field, "s");
            let _ = write!(
                cases,
                " WHEN '{}' THEN (SELECT {value} FROM {table} s WHERE s.\"Id\" = {key})",
                object.prefix
            );
            found.get_or_insert_with(|| field.clone());
        }
        let Some(mut field) = found else {
            return Err(SoqlError::no_field(self.text, path.at, name, "Name"));
        };
        if name.eq_ignore_ascii_case("Name") {
            "Name".clone_into(&mut field.name);
        }
        Ok(Column {
            sql: format!("(CASE substr({key}, 1, 3){cases} END)"),
            field,
            object: String::new(),
            steps,
        })
    }

    /// The name of the object that a reference leads to.
    pub(super) fn type_of(&self, reference: &Reference, key: &str) -> String {
        let mut cases = String::new();
        for target in &reference.targets {
            if let Some((object, _)) = source(self.bench, target) {
                let _ = write!(cases, " WHEN '{}' THEN '{}'", object.prefix, object.name);
            }
        }
        if cases.is_empty() {
            return "NULL".to_owned();
        }
        format!("(CASE substr({key}, 1, 3){cases} END)")
    }

    /// A column or what is computed from it.
    pub(super) fn value(&mut self, path: &Path) -> Result<(String, Column), SoqlError> {
        let mut column = self.column(path)?;
        let sql = match path.call {
            None => column.sql.clone(),
            Some(Call::Aggregate(function)) => {
                column.field.kind = kind_of(function, column.field.kind);
                aggregate(function, &column.sql)
            }
            Some(Call::Date(part)) => {
                if !matches!(column.field.kind, Kind::Date | Kind::DateTime) {
                    let reason =
                        format!("field {} does not support date function", column.field.name);
                    return Err(SoqlError::malformed(self.text, path.at, &reason));
                }
                let sql = date_part(part, &column.sql, column.field.kind);
                column.field.kind = if part == DatePart::Only {
                    Kind::Date
                } else {
                    Kind::Int
                };
                sql
            }
        };
        Ok((sql, column))
    }

    /// A condition as SQL; its values are added to the parameters.
    pub(super) fn condition(&mut self, condition: &Condition) -> Result<String, SoqlError> {
        let mut joined = |terms: &[Condition], word: &str| -> Result<String, SoqlError> {
            let all: Result<Vec<String>, SoqlError> =
                terms.iter().map(|it| self.condition(it)).collect();
            Ok(format!("({})", all?.join(word)))
        };
        match condition {
            Condition::And(terms) => joined(terms, " AND "),
            Condition::Or(terms) => joined(terms, " OR "),
            Condition::Not(term) => {
                let inner = self.condition(term)?;
                Ok(format!("NOT ifnull({inner}, 0)"))
            }
            Condition::Compare(path, operator, literal) => self.compare(path, *operator, literal),
            Condition::In {
                path,
                values,
                negated,
            } => self.among(path, values, *negated),
            Condition::InQuery {
                path,
                query,
                negated,
            } => self.among_rows(path, query, *negated),
            Condition::Includes {
                path,
                values,
                negated,
            } => self.includes(path, values, *negated),
        }
    }

    fn filterable(&mut self, path: &Path) -> Result<(String, Field), SoqlError> {
        let (sql, column) = self.value(path)?;
        if !column.field.kind.is_filterable() {
            let reason = format!(
                "field '{}' can not be filtered in a query call",
                column.field.name
            );
            return Err(SoqlError::at("INVALID_FIELD", self.text, path.at, &reason));
        }
        Ok((sql, column.field))
    }

    fn compare(
        &mut self,
        path: &Path,
        operator: Operator,
        literal: &Literal,
    ) -> Result<String, SoqlError> {
        let (sql, field) = self.filterable(path)?;
        if let Literal::Relative(word, count) = literal {
            return self.within(path, &sql, &field, operator, (word, *count));
        }
        let collate = collation(&field);
        if operator == Operator::Like {
            let is_text = field.kind.is_text() && !matches!(field.kind, Kind::Id | Kind::Reference);
            let (Literal::Text(pattern), true) = (literal, is_text) else {
                let reason = format!("invalid operator on {} field", field.kind.name());
                return Err(SoqlError::at("INVALID_FIELD", self.text, path.at, &reason));
            };
            self.params.push(Cell::Text(pattern.clone()));
            return Ok(format!("ifnull({sql} LIKE ? ESCAPE '\\', 0)"));
        }
        let value = self.literal(path, &field, literal)?;
        let sql = match field.kind {
            Kind::Boolean => format!("ifnull({sql}, 0)"),
            _ => sql,
        };
        let null = value.is_null();
        Ok(match operator {
            Operator::Equal if null => format!("{sql} IS NULL"),
            Operator::NotEqual if null => format!("{sql} IS NOT NULL"),
            Operator::NotEqual => {
                self.params.push(value);
                format!("{sql}{collate} IS NOT ?")
            }
            _ if null => "0".to_owned(),
            _ => {
                self.params.push(value);
                let sign = match operator {
                    Operator::Less => "<",
                    Operator::LessOrEqual => "<=",
                    Operator::Greater => ">",
                    Operator::GreaterOrEqual => ">=",
                    _ => "=",
                };
                format!("{sql}{collate} {sign} ?")
            }
        })
    }

    /// A comparison with a range of days.
    fn within(
        &mut self,
        path: &Path,
        sql: &str,
        field: &Field,
        operator: Operator,
        (word, count): (&str, i64),
    ) -> Result<String, SoqlError> {
        if !matches!(field.kind, Kind::Date | Kind::DateTime) {
            return Err(self.misfit(path, field));
        }
        let (start, end) = range(word, count, self.bench.now());
        let cell = |it: Timestamp| match field.kind {
            Kind::Date => Cell::Text(it.day()),
            _ => Cell::Int(it.as_millis()),
        };
        let (start, end) = (cell(start), cell(end));
        let (text, params) = match operator {
            Operator::Equal => (format!("({sql} >= ? AND {sql} < ?)"), vec![start, end]),
            Operator::NotEqual => (
                format!("({sql} IS NULL OR {sql} < ? OR {sql} >= ?)"),
                vec![start, end],
            ),
            Operator::Less => (format!("{sql} < ?"), vec![start]),
            Operator::LessOrEqual => (format!("{sql} < ?"), vec![end]),
            Operator::Greater => (format!("{sql} >= ?"), vec![end]),
            Operator::GreaterOrEqual => (format!("{sql} >= ?"), vec![start]),
            Operator::Like => return Err(self.misfit(path, field)),
        };
        self.params.extend(params);
        Ok(text)
    }

    fn among(
        &mut self,
        path: &Path,
        values: &[Literal],
        negated: bool,
    ) -> Result<String, SoqlError> {
        let (sql, field) = self.filterable(path)?;
        let mut cells = Vec::new();
        let mut has_null = false;
        for literal in values {
            match self.literal(path, &field, literal)? {
                Cell::Null => has_null = true,
                cell => cells.push(cell),
            }
        }
        let marks = vec!["?"; cells.len()].join(", ");
        self.params.extend(cells);
        let collate = collation(&field);
        Ok(match (negated, has_null) {
            (false, false) => format!("{sql}{collate} IN ({marks})"),
            (false, true) => format!("({sql} IS NULL OR {sql}{collate} IN ({marks}))"),
            (true, false) => format!("({sql} IS NULL OR {sql}{collate} NOT IN ({marks}))"),
            (true, true) => format!("({sql} IS NOT NULL AND {sql}{collate} NOT IN ({marks}))"),
        })
    }

    fn among_rows(
        &mut self,
        path: &Path,
        query: &Query,
        negated: bool,
    ) -> Result<String, SoqlError> {
        let (sql, _) = self.filterable(path)?;
        let [Item::Field(wanted)] = query.items.as_slice() else {
            let reason = "The inner select query must select exactly one field";
            return Err(SoqlError::malformed(self.text, query.from_at, reason));
        };
        let mut inner = Scope::new(self.bench, self.text, query, self.depth + 1)?;
        let column = inner.column(wanted)?;
        let mut conditions = vec![format!("{} IS NOT NULL", column.sql)];
        if inner.has_bin() {
            conditions.push(format!("{}.\"IsDeleted\" = 0", inner.alias));
        }
        if let Some(condition) = &query.condition {
            conditions.push(inner.condition(condition)?);
        }
        let mut select = format!(
            "SELECT {} {} WHERE {}",
            column.sql,
            inner.from(),
            conditions.join(" AND ")
        );
        if let Some(limit) = query.limit {
            let _ = write!(select, " LIMIT {limit}");
        }
        self.params.extend(inner.params);
        Ok(match negated {
            false => format!("{sql} IN ({select})"),
            true => format!("({sql} IS NULL OR {sql} NOT IN ({select}))"),
        })
    }

    fn includes(
        &mut self,
        path: &Path,
        values: &[String],
        negated: bool,
    ) -> Result<String, SoqlError> {
        let (sql, field) = self.filterable(path)?;
        if field.kind != Kind::MultiPicklist {
            let reason = format!("invalid operator on {} field", field.kind.name());
            return Err(SoqlError::at("INVALID_FIELD", self.text, path.at, &reason));
        }
        let mut any = Vec::new();
        for value in values {
            let mut all = Vec::new();
            for one in value.split(';') {
                let escaped = one
                    .replace('\\', "\\\\")
                    .replace('%', "\\%")
                    .replace('_', "\\_");
                self.params.push(Cell::Text(format!("%;{escaped};%")));
                all.push(format!("(';' || {sql} || ';') LIKE ? ESCAPE '\\'"));
            }
            any.push(format!("({})", all.join(" AND ")));
        }
        let found = format!("ifnull({}, 0)", any.join(" OR "));
        Ok(if negated {
            format!("NOT {found}")
        } else {
            found
        })
    }

    /// A literal as the field's values are stored.
    fn literal(&self, path: &Path, field: &Field, literal: &Literal) -> Result<Cell, SoqlError> {
        let kind = field.kind;
        Ok(match literal {
            Literal::Null => Cell::Null,
            Literal::Bool(it) if kind == Kind::Boolean => Cell::Int(i64::from(*it)),
            Literal::Number(it) if kind.is_number() => Cell::Real(*it),
            Literal::Date(it) if kind == Kind::Date => Cell::Text(it.clone()),
            Literal::DateTime(it) if kind == Kind::DateTime => {
                let at: Result<Timestamp, _> = it.replace("+0000", "Z").parse();
                at.map_or(Cell::Null, |it| Cell::Int(it.as_millis()))
            }
            Literal::Text(it) if matches!(kind, Kind::Id | Kind::Reference) => {
                if it.is_empty() {
                    return Ok(Cell::Null);
                }
                if let Ok(id) = it.parse::<RecordId>() {
                    Cell::id(id)
                } else {
                    let reason = format!("invalid ID field: {it}");
                    let code = "INVALID_QUERY_FILTER_OPERATOR";
                    return Err(SoqlError::at(code, self.text, path.at, &reason));
                }
            }
            Literal::Text(it) if kind.is_text() => Cell::text(it),
            _ => return Err(self.misfit(path, field)),
        })
    }

    fn misfit(&self, path: &Path, field: &Field) -> SoqlError {
        let quotes = if field.kind.is_text() {
            "should be enclosed in quotes"
        } else {
            "should not be enclosed in quotes"
        };
        let reason = format!(
            "value of filter criterion for field '{}' must be of type {} and {quotes}",
            field.name,
            field.kind.name()
        );
        SoqlError::at("INVALID_FIELD", self.text, path.at, &reason)
    }

    /// `ORDER BY …`; by age where the query does not say.
    pub(super) fn order(&mut self, query: &Query) -> Result<String, SoqlError> {
        let mut terms = Vec::new();
        for by in &query.order_by {
            let (sql, column) = self.value(&by.path)?;
            let field = &column.field;
            if matches!(field.kind, Kind::TextArea | Kind::Base64 | Kind::Encrypted)
                || field.kind.is_compound()
            {
                let reason = format!("field '{}' can not be sorted in a query call", field.name);
                return Err(SoqlError::malformed(self.text, by.path.at, &reason));
            }
            let direction = if by.descending { "DESC" } else { "ASC" };
            let nulls = if by.nulls_last { "LAST" } else { "FIRST" };
            terms.push(format!(
                "{sql}{} {direction} NULLS {nulls}",
                collation(field)
            ));
        }
        Ok(terms.join(", "))
    }
}

/// What an aggregate of a field of `kind` is.
pub(super) fn kind_of(function: Function, kind: Kind) -> Kind {
    match function {
        Function::Count | Function::CountDistinct => Kind::Int,
        Function::Avg => Kind::Double,
        Function::Min | Function::Max | Function::Sum => kind,
    }
}

/// An object by name with its table: of records, or copied from the setup.
pub(super) fn source(bench: &Bench<'_>, name: &str) -> Option<(Arc<Object>, String)> {
    if let Some(object) = bench.object(name) {
        let table = table_of(&object);
        return Some((object, table));
    }
    if bench.schema.object(name).is_some() {
        return None;
    }
    let table = bench.setup.table(name)?;
    let copied = bench.store.copy(&table).ok()?;
    Some((Arc::clone(&table.object), copied))
}
