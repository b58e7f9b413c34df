//! Queries and their pages.

use serde_json::{Map, Value, json};

use super::{
    Desk, Reply, Request,
    cursors::{Rows, locator},
    error,
    tables::document_as_json,
};
use crate::{
    model::ComponentKey,
    simorg::{
        SimOrg,
        records::Found,
        soql::{self, Answer, Catalog as _, Column, Condition, Item, Kind, Query, SoqlError},
    },
    xml,
};

/// Rows of a page where nothing else is asked for, and the least that can be asked for.
///
/// Source: REST API Developer Guide, "Query Options Header".
const BATCH: usize = 2_000;
const MIN_BATCH: usize = 200;

/// The object that a query is about, for faults on request.
pub(super) fn object_asked(request: &Request) -> Option<String> {
    soql::parse(request.parameter("q")?).ok().map(|it| it.from)
}

/// Answers `GET …/query?q=…`; with `all`, of records in the recycle bin too.
pub(super) fn query(desk: &mut Desk<'_>, request: &Request, tooling: bool, all: bool) -> Reply {
    let Some(text) = request.parameter("q") else {
        return error(400, "MALFORMED_QUERY", "A query string has to be specified");
    };
    let columns = request.parameter("columns") == Some("true");
    let batch = batch_size(request.header("sforce-query-options"));
    match answer(desk, text, (tooling, all), columns, batch) {
        Ok(body) => Reply::json(200, &body),
        Err(SoqlError { code, message }) => error(400, code, &message),
    }
}

/// The body of an answer: records, or what `columns` asks for.
fn answer(
    desk: &mut Desk<'_>,
    text: &str,
    (tooling, all): (bool, bool),
    columns: bool,
    batch: usize,
) -> Result<Value, SoqlError> {
    let query = soql::parse(text)?;
    restrict(&query)?;
    if !tooling && is_about_records(desk, &query) {
        let found = desk.bench().find(text, &query, all)?;
        if columns {
            let columns = columns_of(&found);
            return Ok(column_metadata(&found.object, &query, &columns));
        }
        let total = found.total();
        if found.is_count() {
            return Ok(json!({"totalSize": total, "done": true, "records": []}));
        }
        let page = page(desk, &found, 0, batch);
        let rows = Rows::Found(Box::new(found));
        return Ok(body(desk, None, (total, page), batch, rows));
    }
    let answer = ask(desk, text, &query, tooling)?;
    if columns {
        let object = desk.view(tooling).object(&query.from);
        let no_object = || soql::Object::new(&answer.object, "", Vec::new());
        let object = object.unwrap_or_else(|| no_object().into());
        return Ok(column_metadata(&object, &query, &answer.columns));
    }
    let page = answer.records.iter().take(batch).cloned().collect();
    let total = answer.total;
    let entity = tooling.then_some(answer.object.as_str());
    let rows = Rows::Made(answer.records);
    Ok(body(desk, entity, (total, page), batch, rows))
}

fn page(desk: &Desk<'_>, found: &Found, start: usize, batch: usize) -> Vec<Value> {
    let url = format!("{}/sobjects", desk.base(false));
    let page = desk.bench().page(found, start, batch, &url);
    page.unwrap_or_default()
}

/// The first page; the others wait behind a cursor. `entity` is the object of
/// a query of the Tooling API.
fn body(
    desk: &mut Desk<'_>,
    entity: Option<&str>,
    (total, page): (usize, Vec<Value>),
    batch: usize,
    rows: Rows,
) -> Value {
    let is_done = rows.total() <= batch;
    let mut body = Map::new();
    if entity.is_some() {
        body.insert("size".to_owned(), Value::from(page.len()));
    }
    body.insert("totalSize".to_owned(), Value::from(total));
    body.insert("done".to_owned(), Value::from(is_done));
    if let Some(entity) = entity {
        body.insert("queryLocator".to_owned(), Value::Null);
        body.insert("entityTypeName".to_owned(), Value::from(entity));
    }
    if !is_done {
        let now = desk.org.now();
        let id = desk.cursors.open(desk.user.id, batch, now, rows);
        let next = format!(
            "{}/query/{}",
            desk.base(entity.is_some()),
            locator(&id, batch)
        );
        body.insert("nextRecordsUrl".to_owned(), Value::from(next));
    }
    body.insert("records".to_owned(), Value::from(page));
    Value::Object(body)
}

/// Answers `GET …/query/<cursor>-<offset>`.
pub(super) fn more(desk: &Desk<'_>, given: &str, tooling: bool) -> Reply {
    let now = desk.org.now();
    let Some((cursor, start)) = desk.cursors.find(desk.user.id, now, given) else {
        return error(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    };
    let total = cursor.rows.total();
    let end = total.min(start + cursor.batch);
    let mut body = json!({"totalSize": total, "done": end == total});
    if end < total {
        let next = format!("{}/query/{}", desk.base(tooling), locator(&cursor.id, end));
        body["nextRecordsUrl"] = Value::from(next);
    }
    body["records"] = Value::from(match &cursor.rows {
        Rows::Made(rows) => rows[start..end].to_vec(),
        Rows::Found(found) => page(desk, found, start, end - start),
    });
    Reply::json(200, &body)
}

/// Whether a query needs the store: it asks for records, or for what only SQL gives.
fn is_about_records(desk: &Desk<'_>, query: &Query) -> bool {
    let view = desk.view(false);
    let is_record = |name: &str| !view.is_setup(name);
    if query.having.is_some() || query.alias.is_some() || is_record(&query.from) {
        return true;
    }
    let mut inner = Vec::new();
    if let Some(condition) = &query.condition {
        froms(condition, &mut inner);
    }
    inner.into_iter().any(is_record)
}

/// The objects of the queries inside a condition.
fn froms<'a>(condition: &'a Condition, found: &mut Vec<&'a str>) {
    match condition {
        Condition::And(terms) | Condition::Or(terms) => {
            for term in terms {
                froms(term, found);
            }
        }
        Condition::Not(term) => froms(term, found),
        Condition::InQuery { query, .. } => {
            found.push(&query.from);
            if let Some(condition) = &query.condition {
                froms(condition, found);
            }
        }
        _ => (),
    }
}

/// The columns of records as a tree: `Owner.Name` is `Name` joined to `Owner`.
fn columns_of(found: &Found) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for out in &found.columns {
        let mut level = &mut columns;
        let mut parts = out.name.split('.').peekable();
        while let Some(part) = parts.next() {
            let is_last = parts.peek().is_none();
            let known = level.iter().position(|it| it.name == part);
            let at = known.filter(|_| !is_last).unwrap_or_else(|| {
                level.push(Column {
                    name: part.to_owned(),
                    aggregate: out.aggregate && is_last,
                    joins: Vec::new(),
                });
                level.len() - 1
            });
            level = &mut level[at].joins;
        }
    }
    columns
}

fn batch_size(header: Option<&str>) -> usize {
    let asked = header.and_then(|it| {
        it.split(',').find_map(|it| {
            let (name, value) = it.trim().split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("batchSize")
                .then(|| value.trim().parse().ok())?
        })
    });
    asked.unwrap_or(BATCH).clamp(MIN_BATCH, BATCH)
}

/// The answer to a query over the setup.
fn ask(desk: &Desk<'_>, text: &str, query: &Query, tooling: bool) -> Result<Answer, SoqlError> {
    let view = desk.view(tooling);
    let url = format!("{}/sobjects", desk.base(tooling));
    let mut answer = soql::run(&view, text, query, &url, desk.org.now())?;
    if tooling && asks_for_document(query) {
        let has_document = view
            .object(&query.from)
            .is_some_and(|it| it.field("Metadata").is_some());
        if has_document && answer.total > 1 {
            return Err(refused(
                "MALFORMED_QUERY",
                "When retrieving results with Metadata or FullName fields, the query qualifications must specify \
                 no more than one row for retrieval.",
            ));
        }
        for record in &mut answer.records {
            fill_document(desk.org, &view, &answer.object, record);
        }
    }
    Ok(answer)
}

fn refused(code: &'static str, message: &str) -> SoqlError {
    SoqlError {
        code,
        message: message.to_owned(),
    }
}

/// Whether a query asks for `Metadata` or `FullName`.
fn asks_for_document(query: &Query) -> bool {
    let is_document = |it: &Item| match it {
        Item::Field(path) => path.parts.last().is_some_and(|it| {
            it.eq_ignore_ascii_case("Metadata") || it.eq_ignore_ascii_case("FullName")
        }),
        _ => false,
    };
    query.items.iter().any(is_document)
}

/// What some objects do not let one ask.
///
/// Source: Object Reference and Tooling API, pages of the objects.
fn restrict(query: &Query) -> Result<(), SoqlError> {
    let from = query.from.to_ascii_lowercase();
    if from == "setupaudittrail" {
        let aggregate = query.items.iter().find_map(|it| match it {
            Item::Aggregate { path, function, .. } => Some((path.text(), *function)),
            _ => None,
        });
        if let Some((field, function)) = aggregate {
            let message = format!(
                "\nfield {field} does not support aggregate operator {}",
                format!("{function:?}").to_ascii_uppercase()
            );
            return Err(refused("MALFORMED_QUERY", &message));
        }
    }
    if from == "fielddefinition" {
        let wanted = ["entitydefinition", "entitydefinitionid", "durableid"];
        let is_filtered = query
            .condition
            .as_ref()
            .is_some_and(|it| names(it, &wanted));
        if !is_filtered {
            return Err(refused(
                "MALFORMED_QUERY",
                "Where clauses should contain one of these fields: EntityDefinitionId, DurableId, EntityDefinition",
            ));
        }
    }
    Ok(())
}

/// Whether a condition is about a field that begins with one of `wanted`.
fn names(condition: &Condition, wanted: &[&str]) -> bool {
    let is_wanted = |path: &soql::Path| {
        let first = path.parts.first().map(|it| it.to_ascii_lowercase());
        first.is_some_and(|it| wanted.contains(&it.as_str()))
    };
    match condition {
        Condition::And(terms) | Condition::Or(terms) => terms.iter().any(|it| names(it, wanted)),
        Condition::Not(term) => names(term, wanted),
        Condition::Compare(path, ..)
        | Condition::In { path, .. }
        | Condition::InQuery { path, .. }
        | Condition::Includes { path, .. } => is_wanted(path),
    }
}

/// Puts the document of the one record asked for into its `Metadata`.
fn fill_document(org: &SimOrg, view: &super::View<'_>, object: &str, record: &mut Value) {
    if record.get("Metadata").is_none() {
        return;
    }
    let url = record["attributes"]["url"].as_str().unwrap_or("");
    let id = url.rsplit('/').next().unwrap_or("").to_owned();
    let Some(table) = view.table(object) else {
        return;
    };
    let name = table.by_id(&id).and_then(|row| {
        let (at, _) = table.object.field("FullName")?;
        row[at].as_str()
    });
    let Some(name) = name else { return };
    let element = match object {
        "Flow" => name.rsplit_once('-').and_then(|(flow, number)| {
            let key = ComponentKey::parse("Flow", flow).ok()?;
            let versions = org.metadata().get(&key)?.flow.as_ref()?;
            let version = versions.versions.get(&number.parse().ok()?)?;
            Some(xml::parse(&version.content).ok()?.root)
        }),
        _ => ComponentKey::parse(object, name)
            .ok()
            .and_then(|key| org.metadata().element(&key)),
    };
    let lists: &[&str] = if object == "StandardValueSet" {
        &["standardValue"]
    } else {
        &[]
    };
    if let Some(element) = element {
        record["Metadata"] = document_as_json(&element, lists);
    }
}

/// What `columns=true` asks for.
///
/// Source: `QueryResult` column metadata as `sf data query` reads it.
fn column_metadata(object: &soql::Object, query: &Query, columns: &[Column]) -> Value {
    let all: Vec<Value> = columns.iter().map(|it| column(it, Some(object))).collect();
    let id_selected = columns.iter().any(|it| it.name == "Id");
    json!({
        "columnMetadata": all,
        "entityName": object.name,
        "groupBy": !query.group_by.is_empty(),
        "idSelected": id_selected,
        "keyPrefix": object.prefix,
    })
}

fn column(column: &Column, object: Option<&soql::Object>) -> Value {
    let field = object.and_then(|it| it.field(&column.name)).map(|it| it.1);
    let kind = field.map(|it| it.kind);
    let joins: Vec<Value> = column
        .joins
        .iter()
        .map(|it| self::column(it, None))
        .collect();
    json!({
        // A column with others joined to it that is an aggregate as well is a query in the query.
        "aggregate": column.aggregate,
        "apexType": kind.map_or("String", apex_type),
        "booleanType": kind == Some(Kind::Boolean),
        "columnName": column.name,
        "custom": field.is_some_and(|it| it.custom),
        "displayName": column.name,
        "foreignKeyName": Value::Null,
        "insertable": field.is_some_and(|it| it.createable),
        "joinColumns": joins,
        "numberType": kind.is_some_and(Kind::is_number),
        "textType": kind.is_none_or(Kind::is_text),
        "updatable": field.is_some_and(|it| it.updateable),
    })
}

fn apex_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Id | Kind::Reference => "Id",
        Kind::Boolean => "Boolean",
        Kind::Int => "Integer",
        Kind::Double | Kind::Currency | Kind::Percent => "Double",
        Kind::Date => "Date",
        Kind::DateTime => "Datetime",
        Kind::Time => "Time",
        Kind::Complex => "complexvaluetype",
        _ => "String",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_is_as_long_as_asked_within_bounds() {
        assert_eq!(batch_size(None), 2_000);
        assert_eq!(batch_size(Some("batchSize=500")), 500);
        assert_eq!(batch_size(Some("BATCHSIZE = 1")), 200);
        assert_eq!(batch_size(Some("batchSize=99999")), 2_000);
        assert_eq!(batch_size(Some("nonsense")), 2_000);
    }
}
