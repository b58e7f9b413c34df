//! Asks the tables of what lies in folders which of them have to be listed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, pin_mut};
use serde_json::Value;

use super::{Answer, Discovery, PUBLIC_FOLDER, Query, queries};
use crate::{
    client::{self, Org, Row},
    model::{RecordId, RemoteComponent, Timestamp, TypeName},
    plan::folders::{ContentTable, FolderRows, FolderTable, KnownFolders, is_worth_asking},
    progress::{Event, Monitor},
    registry::Registry,
};

/// What the tables say, of each type of which they were asked.
#[derive(Debug, Default)]
pub(super) struct Tables(BTreeMap<TypeName, FolderTable>);

/// Asks the table of each type that has so many folders that this saves calls.
///
/// A table that cannot be read costs calls and nothing else: its folders are listed.
pub(super) async fn ask(org: &Org, queries: &[Query], monitor: &dyn Monitor) -> Tables {
    let mut n_folders: BTreeMap<&TypeName, u64> = BTreeMap::new();
    for query in queries {
        *n_folders.entry(&query.type_name).or_default() += 1;
    }
    let mut rows = BTreeMap::new();
    for (type_name, n) in n_folders {
        let Some(table) = ContentTable::of(type_name).filter(|_| is_worth_asking(n, 0)) else {
            continue;
        };
        match content(org, table, n).await {
            Ok(Some(it)) => {
                rows.insert(type_name.clone(), it);
            }
            Ok(None) => (),
            Err(err) => warn(monitor, type_name.as_str(), n, &err),
        }
    }
    if rows.is_empty() {
        return Tables::default();
    }
    let visible = match visible(org).await {
        Ok(visible) => visible,
        Err(err) => {
            warn(monitor, "Folder", queries.len() as u64, &err);
            return Tables::default();
        }
    };
    let tables = rows
        .into_iter()
        .map(|(name, it)| (name, FolderTable::new(it, visible.clone())));
    Tables(tables.collect())
}

fn warn(monitor: &dyn Monitor, table: &str, n_folders: u64, err: &client::Error) {
    monitor.event(Event::Warned(format!(
        "the table `{table}` cannot be read, so {n_folders} folders are listed one by one: {err}"
    )));
}

/// The rows of a table by folder; `None` where there are so many that listing is cheaper.
async fn content(
    org: &Org,
    table: ContentTable,
    n_folders: u64,
) -> Result<Option<BTreeMap<RecordId, FolderRows>>, client::Error> {
    let soql = table.soql();
    let pages = org.query_rows(&soql);
    pin_mut!(pages);
    let mut folders: BTreeMap<RecordId, FolderRows> = BTreeMap::new();
    let (mut n_rows, mut total) = (0, 0);
    while let Some(page) = pages.next().await {
        let page = page?;
        total = page.total;
        if !is_worth_asking(n_folders, total) {
            return Ok(None);
        }
        n_rows += page.rows.len() as u64;
        for row in &page.rows {
            // A row that cannot be read belongs to no folder, and so accounts for nothing.
            if let Some((folder, id, modified, text)) = read(row, table.folder_field) {
                folders.entry(folder).or_default().add(id, modified, text);
            }
        }
    }
    // With a page lost, no mark would be worth anything.
    Ok((total <= n_rows).then_some(folders))
}

fn read(row: &Row, folder_field: &str) -> Option<(RecordId, RecordId, Timestamp, String)> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let rest = [
        text("DeveloperName"),
        text("NamespacePrefix"),
        text("LastModifiedById"),
    ];
    Some((
        text(folder_field)?.parse().ok()?,
        text("Id")?.parse().ok()?,
        text("LastModifiedDate")?.parse().ok()?,
        rest.map(Option::unwrap_or_default).join("\t"),
    ))
}

/// The folders that the user sees.
async fn visible(org: &Org) -> Result<BTreeSet<RecordId>, client::Error> {
    let rows = org.query("SELECT Id FROM Folder").await?;
    Ok(rows
        .iter()
        .filter_map(|row| row.get("Id")?.as_str()?.parse().ok())
        .collect())
}

/// Folders by the type of their content and by name; `None` for the id of one of which
/// there are two.
pub(super) type FolderIds = BTreeMap<TypeName, BTreeMap<String, Option<RecordId>>>;

/// The ids of the folders that were listed.
pub(super) fn ids(registry: &Registry, found: &Discovery, queries: &[Query]) -> FolderIds {
    let types: BTreeSet<&TypeName> = queries.iter().map(|it| &it.type_name).collect();
    let mut ids = FolderIds::new();
    for type_name in types {
        let of_type = ids.entry(type_name.clone()).or_default();
        let listed = queries::folder_types(registry, type_name)
            .into_iter()
            .filter_map(|it| found.types.get(&it))
            .flat_map(|it| it.components.values());
        for folder in listed {
            of_type
                .entry(folder.key.name.to_string())
                .and_modify(|it| *it = None)
                .or_insert(folder.id);
        }
        // No folder, so it has no row to be seen by: it is listed each time.
        of_type.remove(PUBLIC_FOLDER);
    }
    ids
}

impl Tables {
    /// Takes the folders that are as they were, with all that was listed in them, into
    /// `found`; gives the questions that are left.
    pub(super) fn take_unchanged(
        &self,
        queries: Vec<Query>,
        ids: &FolderIds,
        known: &KnownFolders,
        found: &mut Discovery,
    ) -> Vec<Query> {
        let mut left = Vec::new();
        for query in queries {
            let unchanged = query.folder.as_ref().and_then(|folder| {
                let id = (*ids.get(&query.type_name)?.get(folder)?)?;
                let known = known.get(&query.type_name)?.get(folder)?;
                let is_unchanged = self.0.get(&query.type_name)?.is_unchanged(id, known);
                is_unchanged.then_some((folder, id, known))
            });
            let Some((folder, id, known)) = unchanged else {
                left.push(query);
                continue;
            };
            self.note(&query.type_name, folder, id, &known.components, found);
            let listed = found.types.entry(query.type_name).or_default();
            for component in &known.components {
                listed
                    .components
                    .insert(component.key.name.clone(), component.clone());
            }
        }
        left
    }

    /// Notes what there is to remember of the folder that was listed with `answer`.
    pub(super) fn note_answer(&self, answer: &Answer, ids: &FolderIds, found: &mut Discovery) {
        let type_name = &answer.query.type_name;
        if answer.problem.is_some() {
            return;
        }
        if let Some(folder) = &answer.query.folder
            && let Some(Some(id)) = ids.get(type_name).and_then(|it| it.get(folder))
        {
            self.note(type_name, folder, *id, &answer.components, found);
        }
    }

    fn note(
        &self,
        type_name: &TypeName,
        folder: &str,
        id: RecordId,
        listed: &[RemoteComponent],
        found: &mut Discovery,
    ) {
        let table = self.0.get(type_name);
        if let Some(seen) = table.and_then(|it| it.seen(id, folder, listed)) {
            found
                .folders
                .entry(type_name.clone())
                .or_default()
                .insert(folder.to_owned(), seen);
        }
    }
}
