//! What is metadata and record at once: documents with their contents, and the
//! records of custom metadata types.
//!
//! Invariant: they stand among the records as the metadata has them; what is
//! written to such a row through the data API does not reach the metadata.

use std::collections::HashSet;

use super::{
    Bench, Cell, Draft, RowError,
    check::{Taken, take},
};
use crate::{
    model::{ComponentKey, ComponentName, RecordId, TypeName},
    simorg::state::Component,
    xml::{self, Element},
};

impl Bench<'_> {
    /// Brings what the metadata has among the records, after it changed.
    pub(super) fn sync_documents(&self) -> Result<(), RowError> {
        if !self.store.take_stale() {
            return Ok(());
        }
        let mut gone = HashSet::new();
        self.store
            .select("SELECT id FROM _document", &[], &mut |cells| {
                gone.extend(cells.first().and_then(Cell::as_id));
                true
            })?;
        let type_name = TypeName::known("Document");
        for (name, component) in self.org.metadata().of_type(&type_name) {
            if let Some(id) = component.id {
                gone.remove(&id);
                self.sync_document(id, name, component)?;
            }
        }
        let Some(object) = self.schema.object("Document") else {
            return Ok(());
        };
        self.sync_custom_metadata()?;
        for id in gone {
            self.store.remove(&object, id)?;
            self.store
                .execute("DELETE FROM _document WHERE id = ?1", &[Cell::id(id)])?;
        }
        Ok(())
    }

    /// Makes the rows of custom metadata types anew; there are few.
    fn sync_custom_metadata(&self) -> Result<(), RowError> {
        for object in self
            .schema
            .objects()
            .filter(|it| it.name.ends_with("__mdt"))
        {
            let table = super::store::table_of(object);
            self.store.execute(&format!("DELETE FROM {table}"), &[])?;
        }
        let type_name = TypeName::known("CustomMetadata");
        for (name, component) in self.org.metadata().of_type(&type_name) {
            let Some((kind, own)) = name.as_str().split_once('.') else {
                continue;
            };
            let object = self.schema.object(&format!("{kind}__mdt"));
            let (Some(object), Some(id)) = (object, component.id) else {
                continue;
            };
            let root = component
                .document()
                .and_then(|it| xml::parse(&it.content).ok())
                .map(|it| it.root);
            let label = root.as_ref().and_then(|it| it.child_text("label"));
            let label = Cell::text(label.as_deref().unwrap_or(own).trim());
            let mut draft = Draft::new(&object, None);
            for (name, cell) in [
                ("DeveloperName", Cell::text(own)),
                ("QualifiedApiName", Cell::text(own)),
                ("MasterLabel", label.clone()),
                ("Label", label),
                ("Language", Cell::text("en_US")),
                ("SystemModstamp", Cell::time(component.modified.at)),
            ] {
                draft.set(name, cell);
            }
            for value in root.iter().flat_map(|it| it.elements_named("values")) {
                let field = value.child_text("field").unwrap_or_default();
                let Some((at, field)) = object.field(field.trim()) else {
                    continue;
                };
                let text = value.child_text("value").unwrap_or_default();
                let text = serde_json::Value::from(text.trim());
                if let Ok(Taken::Cell(cell)) = take(field, &text) {
                    draft.cells[at] = cell;
                }
            }
            self.store.insert(&object, id, &draft.cells)?;
        }
        Ok(())
    }

    fn sync_document(
        &self,
        id: RecordId,
        name: &ComponentName,
        component: &Component,
    ) -> Result<(), RowError> {
        let Some(object) = self.schema.object("Document") else {
            return Ok(());
        };
        let known = self.store.row(&object, id)?;
        let modified = Cell::time(component.modified.at);
        let stamp = object.field("SystemModstamp").map(|it| it.0);
        if let (Some(row), Some(at)) = (&known, stamp)
            && row.cells[at] == modified
        {
            return Ok(());
        }
        let mut draft = Draft::new(&object, known.as_ref());
        self.fill_document(&mut draft, name, component);
        draft.set("SystemModstamp", modified);
        match &known {
            Some(row) => self.store.update(&object, row.rowid, &draft.changes())?,
            None => {
                self.store.insert(&object, id, &draft.cells)?;
            }
        }
        let body = component
            .files
            .iter()
            .find(|it| !it.path.ends_with("-meta.xml"));
        if let Some(body) = body {
            self.store.put_blob(id, "Body", &body.content)?;
        }
        self.store.execute(
            "INSERT OR IGNORE INTO _document (id) VALUES (?1)",
            &[Cell::id(id)],
        )?;
        Ok(())
    }

    fn fill_document(&self, draft: &mut Draft<'_>, name: &ComponentName, component: &Component) {
        let meta: Option<Element> = component
            .document()
            .and_then(|it| xml::parse(&it.content).ok())
            .map(|it| it.root);
        let text = |name: &str| {
            let found = meta.as_ref().and_then(|it| it.child_text(name));
            found.map_or(Cell::Null, |it| Cell::text(it.trim()))
        };
        let flag = |name: &str| Cell::Int(i64::from(text(name).as_str() == Some("true")));
        let folder = name.folder().unwrap_or_default();
        let key = ComponentKey::parse("DocumentFolder", folder).ok();
        let folder = key.and_then(|it| self.org.metadata().get(&it)?.id);
        let file = name.as_str().rsplit('/').next().unwrap_or_default();
        let (stem, extension) = file.rsplit_once('.').unwrap_or((file, ""));
        let body = component
            .files
            .iter()
            .find(|it| !it.path.ends_with("-meta.xml"));
        let length = body.and_then(|it| i64::try_from(it.content.len()).ok());
        let by = |id: Option<RecordId>| id.map_or(Cell::Null, Cell::id);
        for (name, cell) in [
            ("FolderId", by(folder)),
            ("Name", text("name")),
            ("DeveloperName", Cell::text(stem)),
            ("Type", Cell::text(extension)),
            (
                "NamespacePrefix",
                component
                    .namespace
                    .as_deref()
                    .map_or(Cell::Null, Cell::text),
            ),
            ("Description", text("description")),
            ("Keywords", text("keywords")),
            ("IsPublic", flag("public")),
            ("IsInternalUseOnly", flag("internalUseOnly")),
            ("BodyLength", length.map_or(Cell::Null, Cell::Int)),
            ("AuthorId", by(component.created.by.id)),
            ("CreatedById", by(component.created.by.id)),
            ("CreatedDate", Cell::time(component.created.at)),
            ("LastModifiedById", by(component.modified.by.id)),
            ("LastModifiedDate", Cell::time(component.modified.at)),
        ] {
            draft.set(name, cell);
        }
    }
}
