//! How the rows of a query are read.

use std::sync::Arc;

use super::{
    super::{
        Bench, Cell,
        sql::{Scope, source},
    },
    OutColumn, broken, finder, is_grouped,
};
use crate::simorg::soql::{Field, Group, Item, Object, Path, Query, SoqlError};

/// Most rows of a query with `FIELDS(ALL)` or `FIELDS(CUSTOM)`.
///
/// Source: SOQL and SOSL Reference, "`FIELDS()`".
const MAX_ROWS_OF_ALL_FIELDS: usize = 200;

/// How the rows of a query are read.
pub(super) struct Plan {
    /// Reads one row by its place.
    pub(super) sql: String,
    pub(super) outs: Vec<Out>,
}

/// One thing that is asked of a row; numbers are places in the row of [`Plan::sql`].
pub(super) enum Out {
    Field {
        at: usize,
        field: Field,
        /// Name of each relationship on the way, place of the parent's id.
        steps: Vec<(String, usize)>,
    },
    Compound {
        field: Field,
        object: Arc<Object>,
        /// Places of the parts, by place in the object.
        parts: Vec<(usize, usize)>,
        steps: Vec<(String, usize)>,
    },
    Children {
        name: String,
        plan: Box<ChildPlan>,
    },
    TypeOf {
        name: String,
        id: usize,
        /// Object, fields and their places.
        whens: Vec<(String, Vec<(Field, usize)>)>,
    },
}

pub(super) struct ChildPlan {
    pub(super) object: Arc<Object>,
    /// Finds the places of the children of one parent: its id is the first parameter.
    pub(super) find: String,
    pub(super) params: Vec<Cell>,
    pub(super) plan: Plan,
}

impl Bench<'_> {
    /// How the rows of a query are read.
    pub(super) fn plan(
        &self,
        scope: &mut Scope<'_, '_>,
        query: &Query,
    ) -> Result<(Plan, Vec<OutColumn>), SoqlError> {
        let mut selected = vec![format!("{}.\"Id\"", scope.alias)];
        let mut outs = Vec::new();
        let mut columns = Vec::new();
        for item in &query.items {
            match item {
                Item::Field(path) | Item::Rendered(path, _) => {
                    if path.call.is_some() {
                        let reason = "unexpected token: '('";
                        return Err(SoqlError::malformed(scope.text, path.at, reason));
                    }
                    let out = self.out(scope, path, &mut selected)?;
                    columns.push(column_of_out(&out));
                    outs.push(out);
                }
                Item::Fields(group, at) => {
                    let unbounded = query.limit.is_none_or(|it| it > MAX_ROWS_OF_ALL_FIELDS);
                    if *group != Group::Standard && unbounded {
                        let reason = "The SOQL FIELDS function must have a LIMIT of at most 200";
                        return Err(SoqlError::malformed(scope.text, *at, reason));
                    }
                    let object = Arc::clone(&scope.object);
                    for field in &object.fields {
                        let is_wanted = match group {
                            Group::All => true,
                            Group::Standard => !field.custom,
                            Group::Custom => field.custom,
                        };
                        if is_wanted {
                            let path = Path {
                                call: None,
                                parts: vec![field.name.clone()],
                                at: *at,
                            };
                            let out = self.out(scope, &path, &mut selected)?;
                            columns.push(column_of_out(&out));
                            outs.push(out);
                        }
                    }
                }
                Item::CountAll => {
                    if query.items.len() > 1 {
                        let reason = "unexpected token: '('";
                        return Err(SoqlError::malformed(scope.text, query.from_at, reason));
                    }
                }
                Item::Aliased(path, _) => {
                    let reason = "only aggregate expressions use field aliasing";
                    return Err(SoqlError::malformed(scope.text, path.at, reason));
                }
                Item::Aggregate { .. } => {
                    let reason = "unexpected token: '('";
                    return Err(SoqlError::malformed(scope.text, query.from_at, reason));
                }
                Item::Children(inner) => {
                    let (name, plan) = self.child_plan(scope, inner)?;
                    columns.push(OutColumn {
                        name: name.clone(),
                        field: None,
                        aggregate: false,
                    });
                    outs.push(Out::Children {
                        name,
                        plan: Box::new(plan),
                    });
                }
                Item::TypeOf {
                    path,
                    whens,
                    otherwise,
                } => {
                    let out = self.type_of(scope, path, whens, otherwise, &mut selected)?;
                    columns.push(column_of_out(&out));
                    outs.push(out);
                }
            }
        }
        let sql = format!(
            "SELECT {} {} WHERE {}.rowid = ?",
            selected.join(", "),
            scope.from(),
            scope.alias
        );
        Ok((Plan { sql, outs }, columns))
    }

    pub(super) fn out(
        &self,
        scope: &mut Scope<'_, '_>,
        path: &Path,
        selected: &mut Vec<String>,
    ) -> Result<Out, SoqlError> {
        let column = scope.column(path)?;
        let mut place = |sql: String| {
            if let Some(at) = selected.iter().position(|it| *it == sql) {
                return at;
            }
            selected.push(sql);
            selected.len() - 1
        };
        let steps: Vec<(String, usize)> = column
            .steps
            .into_iter()
            .map(|(name, key)| (name, place(key)))
            .collect();
        if !column.field.kind.is_compound() {
            return Ok(Out::Field {
                at: place(column.sql),
                field: column.field,
                steps,
            });
        }
        let object = source(self, &column.object).map(|it| it.0);
        let object = object.unwrap_or_else(|| Arc::clone(&scope.object));
        let mut parts = Vec::new();
        for (at, part) in object.fields.iter().enumerate() {
            if part.compound.as_deref() == Some(&column.field.name) {
                let mut names = path.parts.clone();
                if let Some(last) = names.last_mut() {
                    last.clone_from(&part.name);
                }
                let path = Path {
                    parts: names,
                    ..path.clone()
                };
                let sql = scope.column(&path)?.sql;
                if let Some(known) = selected.iter().position(|it| *it == sql) {
                    parts.push((at, known));
                } else {
                    selected.push(sql);
                    parts.push((at, selected.len() - 1));
                }
            }
        }
        Ok(Out::Compound {
            field: column.field,
            object,
            parts,
            steps,
        })
    }

    pub(super) fn child_plan(
        &self,
        scope: &Scope<'_, '_>,
        query: &Query,
    ) -> Result<(String, ChildPlan), SoqlError> {
        let parent = &scope.object.name;
        let links = self.links_to(parent);
        let link = links.into_iter().find(|it| {
            it.name()
                .is_some_and(|it| it.eq_ignore_ascii_case(&query.from))
        });
        let Some(link) = link else {
            return Err(SoqlError::no_relationship_down(
                scope.text,
                query.from_at,
                &query.from,
            ));
        };
        let name = link.name().unwrap_or_default().to_owned();
        let no_object = || SoqlError::no_object(scope.text, query.from_at, &query.from);
        let (object, table) = source(self, &link.child.name).ok_or_else(no_object)?;
        self.store
            .index(&link.child, link.field())
            .map_err(|err| broken(&err))?;
        let mut inner = Scope::over(self, scope.text, object, table, query.alias.clone(), 5);
        if is_grouped(query) {
            let reason = "Aggregate functions are not supported in sub-queries";
            return Err(SoqlError::malformed(scope.text, query.from_at, reason));
        }
        if query.items.iter().any(|it| matches!(it, Item::Children(_))) {
            let reason = "sub-queries of sub-queries are not supported in this version";
            return Err(SoqlError::malformed(scope.text, query.from_at, reason));
        }
        let (plan, _) = self.plan(&mut inner, query)?;
        let key = Path {
            call: None,
            parts: vec![link.field().name.clone()],
            at: query.from_at,
        };
        let key = inner.column(&key)?.sql;
        let (find, params) = finder(&mut inner, query, false, Some(&key))?;
        Ok((
            name,
            ChildPlan {
                object: Arc::clone(&inner.object),
                find,
                params,
                plan,
            },
        ))
    }

    pub(super) fn type_of(
        &self,
        scope: &mut Scope<'_, '_>,
        path: &Path,
        whens: &[(String, Vec<Path>)],
        otherwise: &[Path],
        selected: &mut Vec<String>,
    ) -> Result<Out, SoqlError> {
        let name = path.parts.last().map(String::as_str).unwrap_or_default();
        let object = Arc::clone(&scope.object);
        let Some((at, reference)) = object.relationship(name) else {
            return Err(SoqlError::no_relationship(scope.text, path.at, name));
        };
        let key = Path {
            call: None,
            parts: vec![object.fields[at].name.clone()],
            at: path.at,
        };
        let key = scope.column(&key)?.sql;
        selected.push(key.clone());
        let id = selected.len() - 1;
        let mut all = Vec::new();
        for target in &reference.targets {
            let fields = whens
                .iter()
                .find(|it| it.0.eq_ignore_ascii_case(target))
                .map_or(otherwise, |it| it.1.as_slice());
            let Some((parent, table)) = source(self, target) else {
                continue;
            };
            let mut outs = Vec::new();
            for field in fields {
                let inner_table = table.clone();
                let mut inner =
                    Scope::over(self, scope.text, Arc::clone(&parent), inner_table, None, 7);
                let found = match inner.column(field) {
                    Ok(found) => found,
                    // What is asked of all others need not be there for each.
                    Err(_) if std::ptr::eq(fields, otherwise) => continue,
                    Err(err) => return Err(err),
                };
                selected.push(format!(
                    "(SELECT {} {} WHERE {}.\"Id\" = {key})",
                    found.sql,
                    inner.from(),
                    inner.alias
                ));
                outs.push((found.field, selected.len() - 1));
            }
            all.push((parent.name.clone(), outs));
        }
        Ok(Out::TypeOf {
            name: reference.relationship.clone().unwrap_or_default(),
            id,
            whens: all,
        })
    }
}

fn column_of_out(out: &Out) -> OutColumn {
    let full = |steps: &[(String, usize)], name: &str| {
        let mut parts: Vec<&str> = steps.iter().map(|it| it.0.as_str()).collect();
        parts.push(name);
        parts.join(".")
    };
    let (name, field) = match out {
        Out::Field { field, steps, .. } | Out::Compound { field, steps, .. } => {
            (full(steps, &field.name), Some(field.clone()))
        }
        Out::Children { name, .. } | Out::TypeOf { name, .. } => (name.clone(), None),
    };
    OutColumn {
        name,
        field,
        aggregate: false,
    }
}
