//! Versions of a flow, and its definition.
//!
//! An org keeps every version of a flow; at most one is active. A deploy adds a
//! version: versions are never overwritten. The definition, which says which one
//! is active, is a component of its own (`FlowDefinition`): it is there where it
//! was loaded, and from the second version on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ChangeError, Component, Content, NewComponent, Outcome, PackageFile, Recording, SimOrg,
    audit::Happened, made_id, settle::Settled,
};
use crate::{
    model::{ComponentKey, ComponentName, RecordId, Stamp, TypeName, manifest::METADATA_NAMESPACE},
    xml::{self, Document, Element, Node},
};

/// One version of a flow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlowVersion {
    /// Id, `301…`.
    pub id: RecordId,
    /// Its document; the `status` in it is the version's present one.
    pub content: Content,
    /// `Active`, `Draft`, `Obsolete`, …
    pub status: String,
    /// Who made it, and when.
    pub created: Stamp,
    /// Who changed it last, and when.
    pub modified: Stamp,
}

/// All versions of a flow, by number.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FlowVersions {
    /// The versions; never empty in a flow that exists.
    pub versions: BTreeMap<u32, FlowVersion>,
    /// Number of the active one.
    pub active: Option<u32>,
}

impl FlowVersions {
    /// The version with the highest number.
    #[must_use]
    pub fn latest(&self) -> Option<(u32, &FlowVersion)> {
        self.versions.last_key_value().map(|(n, it)| (*n, it))
    }

    /// Id of the flow's definition, `300…`.
    #[must_use]
    pub fn definition_id(name: &str) -> RecordId {
        made_id("300", name)
    }

    fn next_number(&self) -> u32 {
        self.latest().map_or(1, |(n, _)| n + 1)
    }

    /// Puts a version at `number`; it becomes the active one where its status says so.
    fn set(&mut self, name: &str, number: u32, content: Content, stamp: &Stamp) {
        let status = status_of(&content);
        let is_active = status == "Active";
        let version = FlowVersion {
            id: made_id("301", &format!("{name}-{number}")),
            content,
            status,
            created: stamp.clone(),
            modified: stamp.clone(),
        };
        self.versions.insert(number, version);
        if is_active {
            self.activate(Some(number), stamp);
        }
    }

    /// Makes `number` the active version, or none.
    fn activate(&mut self, number: Option<u32>, stamp: &Stamp) {
        self.active = number;
        for (n, version) in &mut self.versions {
            let wanted = match number {
                Some(active) if active == *n => "Active",
                _ if version.status == "Active" => "Obsolete",
                _ => continue,
            };
            if version.status != wanted {
                wanted.clone_into(&mut version.status);
                version.content = with_status(&version.content, wanted);
                version.modified = stamp.clone();
            }
        }
    }

    /// Whether `number` holds `content`, whatever the status in it.
    fn holds(&self, number: u32, content: &Content) -> bool {
        self.versions
            .get(&number)
            .is_some_and(|it| it.content == with_status(content, &it.status))
    }
}

impl SimOrg {
    /// Adds a version to a flow, which is made where it does not exist.
    ///
    /// Returns the number of the version.
    pub fn put_flow_version(
        &mut self,
        name: &ComponentName,
        content: Content,
        stamp: &Stamp,
    ) -> u32 {
        let mut number = 1;
        self.change_flow(name, stamp, Recording::AuditTrail, |flow| {
            number = flow.next_number();
            flow.set(name.as_str(), number, content, stamp);
        });
        number
    }

    /// Makes a version of a flow the active one, or none.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] where there is no such flow or version.
    pub fn activate_flow(
        &mut self,
        name: &ComponentName,
        number: Option<u32>,
        stamp: &Stamp,
    ) -> Result<Outcome, ChangeError> {
        let key = flow_key(name);
        let flow = self.metadata.get(&key).and_then(|it| it.flow.as_ref());
        let flow = flow.ok_or_else(|| ChangeError::Absent(key.clone()))?;
        if let Some(number) = number
            && !flow.versions.contains_key(&number)
        {
            return Err(ChangeError::Version(key, number));
        }
        if flow.active == number {
            return Ok(Outcome::Unchanged);
        }
        self.change_flow(name, stamp, Recording::AuditTrail, |flow| {
            flow.activate(number, stamp);
        });
        Ok(Outcome::Changed)
    }

    /// Deletes one version of a flow that is not active; the flow goes with its last.
    ///
    /// Says whether there was such a version to delete.
    pub fn delete_flow_version(
        &mut self,
        name: &ComponentName,
        number: u32,
        stamp: &Stamp,
    ) -> bool {
        let key = flow_key(name);
        let Some(flow) = self.metadata.get(&key).and_then(|it| it.flow.as_ref()) else {
            return false;
        };
        if flow.active == Some(number) || !flow.versions.contains_key(&number) {
            return false;
        }
        if flow.versions.len() == 1 {
            return self.delete(&key, stamp);
        }
        self.change_flow(name, stamp, Recording::AuditTrail, |flow| {
            flow.versions.remove(&number);
        });
        true
    }

    /// Puts the files of a flow: numbered ones at their number, else as a new version.
    pub(super) fn put_flow(
        &mut self,
        new: NewComponent,
        stamp: &Stamp,
        recording: Recording,
    ) -> Outcome {
        let name = new.key.name;
        let old = self.metadata.get(&flow_key(&name));
        let outcome = if old.is_none() {
            Outcome::Created
        } else {
            Outcome::Changed
        };
        let old = old.and_then(|it| it.flow.clone()).unwrap_or_default();
        let mut changes = Vec::new();
        for file in new.files {
            let number = version_in(&file.path);
            let at = number.or(old.latest().map(|(n, _)| n)).unwrap_or(1);
            if !old.holds(at, &file.content) {
                changes.push((number, file.content));
            }
        }
        if changes.is_empty() {
            return Outcome::Unchanged;
        }
        // Numbered versions first, by number: the unnumbered one is the latest.
        changes.sort_by_key(|(number, _)| number.unwrap_or(u32::MAX));
        self.change_flow(&name, stamp, recording, |flow| {
            for (number, content) in changes {
                let number = number.unwrap_or_else(|| flow.next_number());
                flow.set(name.as_str(), number, content, stamp);
            }
        });
        outcome
    }

    /// Puts a definition: activates the version that it names.
    ///
    /// Of a flow that came without numbers, the active version takes the number
    /// that its definition names.
    pub(super) fn put_flow_definition(
        &mut self,
        new: NewComponent,
        stamp: &Stamp,
        recording: Recording,
    ) -> Outcome {
        let NewComponent { key, files, .. } = new;
        let Some(file) = files.into_iter().next() else {
            return Outcome::Unchanged;
        };
        let existed = self.metadata.get(&key);
        let outcome = match existed.and_then(Component::document) {
            None => Outcome::Created,
            Some(old) if old.content == file.content => Outcome::Unchanged,
            Some(_) => Outcome::Changed,
        };
        if outcome == Outcome::Unchanged {
            return outcome;
        }
        let number = active_in(&file.content);
        self.take(&key);
        let component = new_definition(&key, file, stamp);
        let settled = Settled {
            outcome: Outcome::Created,
            recording: Recording::Silent,
        };
        self.settle(&key, component, stamp, settled);
        let flow = self.metadata.get(&flow_key(&key.name));
        let Some(flow) = flow.and_then(|it| it.flow.as_ref()) else {
            return outcome;
        };
        let is_unnumbered = flow.versions.len() == 1 && flow.versions.contains_key(&1);
        let (is_there, is_active) = match number {
            Some(number) => (flow.versions.contains_key(&number), flow.active == Some(1)),
            None => (true, false),
        };
        if is_there {
            if flow.active != number {
                let activate = |flow: &mut FlowVersions| flow.activate(number, stamp);
                self.change_flow(&key.name, stamp, recording, activate);
            }
        } else if let (Some(number), true) = (number, is_unnumbered) {
            let name = key.name.clone();
            self.change_flow(&name, stamp, Recording::Silent, |flow| {
                let at = if is_active {
                    number
                } else {
                    number.saturating_add(1)
                };
                if let Some(mut only) = flow.versions.remove(&1) {
                    only.id = made_id("301", &format!("{name}-{at}"));
                    flow.versions.insert(at, only);
                    flow.active = is_active.then_some(at);
                }
            });
        }
        outcome
    }

    /// Takes the definition of a flow away together with it.
    pub(super) fn drop_flow_definition(&mut self, name: &ComponentName) {
        self.take(&definition_key(name));
    }

    fn change_flow(
        &mut self,
        name: &ComponentName,
        stamp: &Stamp,
        recording: Recording,
        change: impl FnOnce(&mut FlowVersions),
    ) {
        let key = flow_key(name);
        let old = self.take(&key);
        let outcome = if old.is_some() {
            Outcome::Changed
        } else {
            Outcome::Created
        };
        let mut component = old.unwrap_or_else(|| Component {
            id: Some(FlowVersions::definition_id(name.as_str())),
            created: stamp.clone(),
            modified: stamp.clone(),
            namespace: None,
            manageable_state: Some("unmanaged".to_owned()),
            files: Vec::new(),
            children: BTreeMap::new(),
            flow: None,
            own_digest: 0,
        });
        let mut flow = component.flow.take().unwrap_or_default();
        change(&mut flow);
        if let Some((_, latest)) = flow.latest() {
            let path = format!("flows/{name}.flow");
            component.files = vec![PackageFile::new(&path, latest.content.clone())];
        }
        let state = (flow.active, flow.versions.len());
        component.flow = Some(flow);
        self.settle(&key, component, stamp, Settled { outcome, recording });
        self.follow_definition(name, state, stamp, recording);
    }

    /// Brings the definition of a flow in line with its active version.
    fn follow_definition(
        &mut self,
        name: &ComponentName,
        (active, n_versions): (Option<u32>, usize),
        stamp: &Stamp,
        recording: Recording,
    ) {
        let key = definition_key(name);
        let old = self.take(&key);
        let settled = |outcome| Settled {
            outcome,
            recording: Recording::Silent,
        };
        match old {
            Some(mut old) => {
                let mut outcome = Outcome::Unchanged;
                for file in &mut old.files {
                    if active_in(&file.content) != active {
                        file.content = with_active(&file.content, active);
                        outcome = Outcome::Changed;
                    }
                }
                self.settle(&key, old, stamp, settled(outcome));
            }
            None if 1 < n_versions => {
                let root =
                    Element::new("FlowDefinition").with_attribute("xmlns", METADATA_NAMESPACE);
                let content = Content::from(xml::render(&Document::new(root)));
                let path = format!("flowDefinitions/{name}.flowDefinition");
                let file = PackageFile::new(&path, with_active(&content, active));
                let component = new_definition(&key, file, stamp);
                self.settle(&key, component, stamp, settled(Outcome::Created));
                if recording == Recording::AuditTrail {
                    self.audit_component(Happened::Created, &key, stamp);
                }
            }
            None => (),
        }
    }
}

fn new_definition(key: &ComponentKey, file: PackageFile, stamp: &Stamp) -> Component {
    Component {
        id: Some(FlowVersions::definition_id(key.name.as_str())),
        created: stamp.clone(),
        modified: stamp.clone(),
        namespace: None,
        manageable_state: Some("unmanaged".to_owned()),
        files: vec![file],
        children: BTreeMap::new(),
        flow: None,
        own_digest: 0,
    }
}

fn flow_key(name: &ComponentName) -> ComponentKey {
    ComponentKey::new(TypeName::known("Flow"), name.clone())
}

fn definition_key(name: &ComponentName) -> ComponentKey {
    ComponentKey::new(TypeName::known("FlowDefinition"), name.clone())
}

/// The number in `flows/X-3.flow`.
fn version_in(path: &str) -> Option<u32> {
    let stem = path.strip_suffix("-meta.xml").unwrap_or(path);
    let stem = stem.strip_suffix(".flow")?;
    stem.rsplit_once('-')?.1.parse().ok()
}

/// The version that a definition names; none where it names none or 0.
fn active_in(definition: &[u8]) -> Option<u32> {
    let doc = xml::parse(definition).ok()?;
    let number = doc.root.child_text("activeVersionNumber")?;
    number.trim().parse().ok().filter(|it| *it != 0)
}

fn with_active(definition: &Content, active: Option<u32>) -> Content {
    let Ok(mut doc) = xml::parse(definition) else {
        return definition.clone();
    };
    doc.root.children.retain(|node| match node {
        Node::Element(it) => it.local_name() != "activeVersionNumber",
        _ => true,
    });
    if let Some(active) = active {
        let mut number = Element::new("activeVersionNumber");
        number.children.push(Node::Text(active.to_string()));
        super::insert_sorted(&mut doc.root, number);
    }
    Content::from(xml::render(&doc))
}

/// Start and end of the text of the root's `status` in a flow's document.
fn status_span(text: &str) -> Option<(usize, usize)> {
    // Elements of a flow stand by name, and those that hold another `status`
    // stand before it: the root's is the last one.
    let start = text.rfind("<status>")? + "<status>".len();
    let end = start + text[start..].find("</status>")?;
    Some((start, end))
}

fn status_of(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    match status_span(&text) {
        Some((start, end)) => text[start..end].trim().to_owned(),
        None => "Draft".to_owned(),
    }
}

fn with_status(content: &Content, status: &str) -> Content {
    let Ok(text) = std::str::from_utf8(content) else {
        return content.clone();
    };
    match status_span(text) {
        Some((start, end)) if &text[start..end] != status => {
            Content::text(&format!("{}{status}{}", &text[..start], &text[end..]))
        }
        _ => content.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simorg::state::{Config, User};

    fn org() -> (SimOrg, Stamp) {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut org = SimOrg::new(Config::sandbox(), now);
        let jane = User::administrator("jane@acme.example", "Jane", "Doe");
        let id = jane.id;
        org.add_user(jane);
        let stamp = org.stamp(id, now);
        (org, stamp)
    }

    fn flow(status: &str) -> Content {
        Content::text(&format!("<Flow>\n    <status>{status}</status>\n</Flow>\n"))
    }

    #[test]
    fn one_version_is_active_and_the_former_becomes_obsolete() {
        let (mut org, stamp) = org();
        let name: ComponentName = "F".parse().unwrap();
        assert_eq!(org.put_flow_version(&name, flow("Active"), &stamp), 1);
        assert!(org.metadata().get(&definition_key(&name)).is_none());
        assert_eq!(org.put_flow_version(&name, flow("Active"), &stamp), 2);
        let definition = |org: &SimOrg| {
            let it = org.metadata().get(&definition_key(&name)).unwrap();
            active_in(&it.document().unwrap().content)
        };
        assert_eq!(definition(&org), Some(2));
        let versions = |org: &SimOrg| -> Vec<String> {
            let component = org.metadata().get(&flow_key(&name)).unwrap();
            let flow = component.flow.as_ref().unwrap();
            flow.versions.values().map(|it| it.status.clone()).collect()
        };
        assert_eq!(versions(&org), ["Obsolete", "Active"]);
        org.activate_flow(&name, Some(1), &stamp).unwrap();
        assert_eq!(versions(&org), ["Active", "Obsolete"]);
        assert_eq!(definition(&org), Some(1));
        assert!(!org.delete_flow_version(&name, 1, &stamp), "it is active");
        assert!(org.delete_flow_version(&name, 2, &stamp));
        assert!(org.activate_flow(&name, Some(2), &stamp).is_err());
    }

    #[test]
    fn numbered_files_are_versions_and_the_definition_says_which_is_active() {
        let (mut org, stamp) = org();
        let files = [("3", "Draft"), ("1", "Obsolete"), ("2", "Active")]
            .map(|(n, status)| PackageFile::new(&format!("flows/F-{n}.flow"), flow(status)));
        let new = NewComponent::new("Flow:F".parse().unwrap(), files.to_vec());
        let definition = Content::text(
            "<FlowDefinition><activeVersionNumber>2</activeVersionNumber></FlowDefinition>",
        );
        let file = PackageFile::new("flowDefinitions/F.flowDefinition", definition);
        let definition = NewComponent::new("FlowDefinition:F".parse().unwrap(), vec![file]);
        let project = vec![new, definition];
        org.load(project.clone(), &stamp, Recording::Silent);
        let found = org.metadata().get(&"Flow:F".parse().unwrap()).unwrap();
        let found = found.flow.as_ref().unwrap();
        assert_eq!((found.active, found.versions.len()), (Some(2), 3));
        let again = org.load(project, &stamp, Recording::AuditTrail);
        assert_eq!((again.unchanged, again.changed), (2, 0));
        assert!(org.audit.is_empty());
    }

    #[test]
    fn version_without_a_number_takes_the_one_its_definition_names() {
        let (mut org, stamp) = org();
        let file = PackageFile::new("flows/F.flow", flow("Active"));
        org.put(
            NewComponent::new("Flow:F".parse().unwrap(), vec![file]),
            &stamp,
        );
        let definition = Content::text(
            "<FlowDefinition><activeVersionNumber>7</activeVersionNumber></FlowDefinition>",
        );
        let file = PackageFile::new("flowDefinitions/F.flowDefinition", definition);
        org.put(
            NewComponent::new("FlowDefinition:F".parse().unwrap(), vec![file]),
            &stamp,
        );
        let found = org.metadata().get(&"Flow:F".parse().unwrap()).unwrap();
        let found = found.flow.as_ref().unwrap();
        assert_eq!((found.active, found.latest().unwrap().0), (Some(7), 7));
    }
}
