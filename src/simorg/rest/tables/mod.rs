//! The objects of the setup that can be asked by SOQL, and their rows.
//!
//! Rows are made from the org's state when they are asked for and kept until
//! the state changes. What a user may not see is not there for that user.

mod define;
mod jobs;
mod metadata;
mod org;
mod permissions;
mod tooling;

use std::{cell::RefCell, collections::HashMap, sync::Arc};

pub(super) use define::document_as_json;
pub use permissions::{Permissions, set_of_profile};

use crate::simorg::{
    SimOrg,
    records::Store,
    soql::{Catalog, Object, Row, Table},
    state::{Permission, User},
};

/// Which API an object belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    Rest,
    Tooling,
    Both,
}

/// One object: how its fields and its rows come about.
struct Definition {
    name: &'static str,
    api: Api,
    object: fn(&View<'_>) -> Object,
    rows: fn(&View<'_>) -> Vec<Row>,
}

/// Tables made since the state changed last, by whether they are the Tooling
/// API's and by name in lower case.
pub type Cache = RefCell<HashMap<(bool, String), Arc<Table>>>;

/// An org as one user sees it through one API.
pub struct View<'a> {
    /// The org.
    pub org: &'a SimOrg,
    /// Its records, of which only the objects are asked here.
    pub store: &'a Store,
    /// When which permission was changed.
    pub permissions: &'a Permissions,
    /// Who asks.
    pub viewer: &'a User,
    /// Whether the Tooling API is asked.
    pub tooling: bool,
    /// Tables already made.
    pub cache: &'a Cache,
}

impl View<'_> {
    fn definition(&self, name: &str) -> Option<&'static Definition> {
        let all = [
            jobs::DEFINITIONS,
            org::DEFINITIONS,
            permissions::DEFINITIONS,
            metadata::DEFINITIONS,
            tooling::DEFINITIONS,
        ];
        let mut all = all.into_iter().flatten();
        let found = all.find(|it| self.gives(it) && it.name.eq_ignore_ascii_case(name))?;
        let is_hidden = found.name == "SetupAuditTrail" && !self.viewer.may(Permission::ViewSetup);
        (!is_hidden).then_some(found)
    }

    /// Whether `name` is an object of the setup.
    #[must_use]
    pub fn is_setup(&self, name: &str) -> bool {
        self.definition(name).is_some()
    }

    fn gives(&self, definition: &Definition) -> bool {
        match definition.api {
            Api::Rest => !self.tooling,
            Api::Tooling => self.tooling,
            Api::Both => true,
        }
    }

    /// Names of all objects, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = [
            jobs::DEFINITIONS,
            org::DEFINITIONS,
            permissions::DEFINITIONS,
            metadata::DEFINITIONS,
            tooling::DEFINITIONS,
        ]
        .into_iter()
        .flatten()
        .filter(|it| self.definition(it.name).is_some())
        // What only a scope of SOQL reaches is no object.
        .filter(|it| !it.name.contains(':'))
        .map(|it| it.name.to_owned())
        .collect();
        if !self.tooling {
            let schema = self.store.schema(self.org);
            let hidden = &self.viewer.access;
            let seen = schema.objects().filter(|it| !hidden.hides_object(&it.name));
            names.extend(seen.map(|it| it.name.clone()));
        }
        names.sort();
        names.dedup();
        names
    }

    fn make(&self, name: &str) -> Option<Table> {
        if let Some(definition) = self.definition(name) {
            let object = Arc::new((definition.object)(self));
            return Some(Table::new(object, (definition.rows)(self)));
        }
        None
    }
}

impl Catalog for View<'_> {
    fn object(&self, name: &str) -> Option<Arc<Object>> {
        if let Some(definition) = self.definition(name) {
            return Some(Arc::new((definition.object)(self)));
        }
        if self.tooling {
            return None;
        }
        let schema = self.store.schema(self.org);
        let object = schema.object(name)?;
        (!self.viewer.access.hides_object(&object.name)).then_some(object)
    }

    fn table(&self, name: &str) -> Option<Arc<Table>> {
        if name.eq_ignore_ascii_case("SetupAuditTrail") && self.definition(name).is_none() {
            return None;
        }
        // What a user does not see is not shared with those who do.
        if let Some(definition) = self.definition(name)
            && !self.viewer.sees(definition.name)
        {
            let object = Arc::new((definition.object)(self));
            return Some(Arc::new(Table::new(object, Vec::new())));
        }
        let key = (self.tooling, name.to_lowercase());
        if let Some(table) = self.cache.borrow().get(&key) {
            return Some(Arc::clone(table));
        }
        let table = Arc::new(self.make(name)?);
        self.cache.borrow_mut().insert(key, Arc::clone(&table));
        Some(table)
    }
}
