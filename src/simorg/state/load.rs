//! The whole state made equal to a project.

use std::collections::BTreeSet;

use super::{Outcome, PackageFile, SimOrg};
use crate::{
    model::{ComponentKey, Stamp, TypeName},
    simorg::catalogue::TypeEntry,
};

/// A component that comes from outside.
#[derive(Clone, Debug)]
pub struct NewComponent {
    /// Type and full name; a folder under its folder type.
    pub key: ComponentKey,
    /// Its files in metadata format.
    pub files: Vec<PackageFile>,
    /// Namespace of the managed package it belongs to.
    pub namespace: Option<String>,
    /// What describeMetadata is to tell of a type that is not official.
    pub entry: Option<TypeEntry>,
}

impl NewComponent {
    /// A component of an official type and no namespace.
    #[must_use]
    pub fn new(key: ComponentKey, files: Vec<PackageFile>) -> Self {
        Self {
            key,
            files,
            namespace: None,
            entry: None,
        }
    }
}

/// Whether changes leave rows in the Setup Audit Trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// They do.
    AuditTrail,
    /// They do not: the state an org begins with.
    Silent,
}

/// What a load changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Components that were not there before.
    pub created: usize,
    /// Components that are different now.
    pub changed: usize,
    /// Components that are no longer there.
    pub deleted: usize,
    /// Components that are as they were.
    pub unchanged: usize,
}

/// Whether `key` is the definition of a flow that is wanted: it goes with the flow.
fn follows(key: &ComponentKey, wanted: &BTreeSet<ComponentKey>) -> bool {
    key.type_name.as_str() == "FlowDefinition"
        && wanted.contains(&ComponentKey::new(
            TypeName::known("Flow"),
            key.name.clone(),
        ))
}

impl SimOrg {
    /// Makes the components of the org exactly `project`.
    ///
    /// What is the same keeps its dates; what differs becomes a change of
    /// `stamp`; what the project does not have is deleted.
    pub fn load(
        &mut self,
        project: Vec<NewComponent>,
        stamp: &Stamp,
        recording: Recording,
    ) -> LoadReport {
        let wanted: BTreeSet<ComponentKey> = project.iter().map(|it| it.key.clone()).collect();
        let gone: Vec<_> = self
            .metadata()
            .iter()
            .map(|(key, _)| key)
            .filter(|it| !wanted.contains(it) && !follows(it, &wanted))
            .collect();
        let mut report = LoadReport::default();
        for key in gone {
            if self.delete(&key, stamp) {
                report.deleted += 1;
            }
        }
        for new in project {
            match self.put_recorded(new, stamp, recording) {
                Outcome::Created => report.created += 1,
                Outcome::Changed => report.changed += 1,
                Outcome::Unchanged => report.unchanged += 1,
            }
        }
        report
    }

    /// Adds the components of `project` to those of the org.
    pub fn add_all(
        &mut self,
        project: Vec<NewComponent>,
        stamp: &Stamp,
        recording: Recording,
    ) -> LoadReport {
        let mut report = LoadReport::default();
        for new in project {
            match self.put_recorded(new, stamp, recording) {
                Outcome::Created => report.created += 1,
                Outcome::Changed => report.changed += 1,
                Outcome::Unchanged => report.unchanged += 1,
            }
        }
        report
    }
}
