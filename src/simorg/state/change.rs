//! Every way to change a component.

use super::{
    Component, Content, PackageFile, Resting, SimOrg,
    audit::Happened,
    document::{self, insert_sorted},
    load::{NewComponent, Recording},
    settle::{Settled, standard},
};
use crate::{
    model::{ComponentKey, ComponentName, RecordId, Stamp},
    simorg::catalogue::child_type_named,
    xml::{self, Document, Element},
};

/// What a change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there before.
    Created,
    /// It was there and is different now.
    Changed,
    /// It is as it was.
    Unchanged,
}

/// A change that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such component.
    #[error("the org has no {0}")]
    Absent(ComponentKey),
    /// Its file is no XML that could be changed.
    #[error("cannot change the XML of {0}")]
    Document(ComponentKey),
    /// There is such a component already.
    #[error("the org has {0} already")]
    Present(ComponentKey),
    /// The flow has no such version.
    #[error("{0} has no version {1}")]
    Version(ComponentKey, u32),
}

/// Whether Setup knows what is in a component, and not the component.
fn is_only_a_file(key: &ComponentKey) -> bool {
    matches!(
        key.type_name.as_str(),
        "AssignmentRules"
            | "AutoResponseRules"
            | "CustomLabels"
            | "EscalationRules"
            | "MatchingRules"
            | "SharingRules"
            | "Workflow"
    )
}

impl SimOrg {
    /// Makes a component or replaces it as a whole.
    ///
    /// Children that are the same keep their dates. A flow gets a new version
    /// where the content differs from its latest.
    pub fn put(&mut self, new: NewComponent, stamp: &Stamp) -> Outcome {
        self.put_recorded(new, stamp, Recording::AuditTrail)
    }

    pub(super) fn put_recorded(
        &mut self,
        new: NewComponent,
        stamp: &Stamp,
        recording: Recording,
    ) -> Outcome {
        match new.key.type_name.as_str() {
            "Flow" => return self.put_flow(new, stamp, recording),
            "FlowDefinition" => return self.put_flow_definition(new, stamp, recording),
            _ => (),
        }
        let NewComponent {
            key,
            mut files,
            namespace,
            entry,
        } = new;
        if let Some(entry) = entry {
            let place = (entry.directory, entry.suffix);
            self.metadata
                .fictitious
                .insert(key.type_name.clone(), place);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let old = self.take(&key);
        let outcome = match &old {
            None => Outcome::Created,
            Some(old) if old.files == files => Outcome::Unchanged,
            Some(_) => Outcome::Changed,
        };
        let state = if namespace.is_some() {
            "installed"
        } else {
            "unmanaged"
        };
        let component = match old {
            Some(old) if outcome == Outcome::Unchanged => old,
            Some(old) => Component { files, ..old },
            None => {
                let id = self.fresh_id(&key);
                let stamp = if id.is_some() {
                    stamp.clone()
                } else {
                    standard()
                };
                Component {
                    id,
                    created: stamp.clone(),
                    modified: stamp,
                    namespace,
                    manageable_state: Some(state.to_owned()),
                    files,
                    children: [].into(),
                    flow: None,
                    own_digest: 0,
                }
            }
        };
        let settled = Settled { outcome, recording };
        self.settle(&key, component, stamp, settled);
        outcome
    }

    /// Changes the XML of a component in place.
    ///
    /// Dates and audit rows follow from what `change` did: of the children it
    /// touched each its own, of the component only what is its own.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] where it does not exist or is not XML; nothing happened then.
    pub fn edit(
        &mut self,
        key: &ComponentKey,
        stamp: &Stamp,
        change: impl FnOnce(&mut Element),
    ) -> Result<Outcome, ChangeError> {
        let component = self.metadata.get(key);
        let component = component.ok_or_else(|| ChangeError::Absent(key.clone()))?;
        let document = component.document();
        let file = document.ok_or_else(|| ChangeError::Document(key.clone()))?;
        let mut doc = xml::parse(&file.content).map_err(|_| ChangeError::Document(key.clone()))?;
        let before = doc.root.clone();
        change(&mut doc.root);
        if doc.root == before {
            return Ok(Outcome::Unchanged);
        }
        let path = file.path.clone();
        let content = Content::from(xml::render(&doc));
        if component.flow.is_some() {
            let new = NewComponent::new(key.clone(), vec![PackageFile { path, content }]);
            return Ok(self.put(new, stamp));
        }
        let mut component = self.take(key).expect("it was found above");
        for file in &mut component.files {
            if file.path == path {
                file.content = content;
                break;
            }
        }
        self.settle(key, component, stamp, Settled::CHANGED);
        Ok(Outcome::Changed)
    }

    /// Makes or replaces a child by its element, which names itself by `fullName`.
    ///
    /// The parent is made where it does not exist.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Document`] where `key` is no child or its parent is not XML.
    pub fn put_child(
        &mut self,
        key: &ComponentKey,
        element: Element,
        stamp: &Stamp,
    ) -> Result<Outcome, ChangeError> {
        let child = child_type_named(key.type_name.as_str())
            .ok_or_else(|| ChangeError::Document(key.clone()))?;
        let holder = match self.metadata.holder_of(key) {
            Some(holder) => holder,
            None => {
                super::Metadata::owner_of(key).ok_or_else(|| ChangeError::Document(key.clone()))?
            }
        };
        let existed = self.metadata.child(key).is_some();
        if self.metadata.get(&holder).is_none() {
            self.make_empty(&holder, stamp);
        }
        let own = child.own_name(key.name.as_str()).to_owned();
        let outcome = self.edit(&holder, stamp, |root| {
            let same = root.elements_mut().find(|it| {
                it.local_name() == child.element
                    && it
                        .child_text("fullName")
                        .is_some_and(|name| name.trim() == own)
            });
            match same {
                Some(old) => *old = element,
                None => insert_sorted(root, element),
            }
        })?;
        Ok(match outcome {
            Outcome::Changed if !existed => Outcome::Created,
            other => other,
        })
    }

    /// Takes a component or a child away; `false` where it was not there.
    ///
    /// A custom field or object rests for [`super::REST_OF_DELETED`].
    pub fn delete(&mut self, key: &ComponentKey, stamp: &Stamp) -> bool {
        if let Some(component) = self.take(key) {
            let is_custom = key.type_name.as_str() == "CustomObject" && component.id.is_some();
            if let (true, Some(file)) = (is_custom, component.document()) {
                let content = file.content.clone();
                self.lay_to_rest(key, component.id, content, stamp);
            }
            if component.flow.is_some() {
                self.drop_flow_definition(&key.name);
            }
            if is_only_a_file(key) {
                // The file of all rules of an object is nothing that Setup knows.
                for child in component.children.keys() {
                    self.audit_component(Happened::Deleted, child, stamp);
                }
            } else {
                self.audit_component(Happened::Deleted, key, stamp);
            }
            return true;
        }
        let Some(holder) = self.metadata.holder_of(key) else {
            return false;
        };
        let Some(child) = self.metadata.child(key) else {
            return false;
        };
        let id = child.id;
        if key.type_name.as_str() == "CustomField"
            && let Some(element) = self.metadata.element(key)
        {
            let content = Content::text(&xml::render_element(&element));
            self.lay_to_rest(key, id, content, stamp);
        }
        self.edit(&holder, stamp, |root| {
            root.children.retain(|node| match node {
                xml::Node::Element(it) => document::child_key(&holder, it).as_ref() != Some(key),
                _ => true,
            });
        })
        .is_ok()
    }

    /// Renames a component that has files of its own; its id stays.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] where it does not exist or the new name is taken.
    pub fn rename(
        &mut self,
        key: &ComponentKey,
        name: &ComponentName,
        stamp: &Stamp,
    ) -> Result<(), ChangeError> {
        let new_key = ComponentKey::new(key.type_name.clone(), name.clone());
        if self.metadata.get(&new_key).is_some() {
            return Err(ChangeError::Present(new_key));
        }
        let component = self.take(key);
        let mut component = component.ok_or_else(|| ChangeError::Absent(key.clone()))?;
        for file in &mut component.files {
            file.path = file.path.replacen(key.name.as_str(), name.as_str(), 1);
        }
        component.children.clear();
        component.own_digest = 0;
        self.settle(&new_key, component, stamp, Settled::CHANGED);
        Ok(())
    }

    fn lay_to_rest(
        &mut self,
        key: &ComponentKey,
        id: Option<RecordId>,
        content: Content,
        stamp: &Stamp,
    ) {
        self.resting.push(Resting {
            key: key.clone(),
            id,
            deleted: stamp.clone(),
            content,
        });
    }

    /// Makes a component with nothing in it, to hold a child.
    fn make_empty(&mut self, key: &ComponentKey, stamp: &Stamp) {
        let Some(entry) = self.metadata.type_entry(&key.type_name) else {
            return;
        };
        let root = Element::new(key.type_name.as_str())
            .with_attribute("xmlns", crate::model::manifest::METADATA_NAMESPACE);
        let suffix = entry.suffix.unwrap_or_default();
        let path = format!("{}/{}.{suffix}", entry.directory, key.name);
        let file = PackageFile::new(&path, xml::render(&Document::new(root)));
        let new = NewComponent::new(key.clone(), vec![file]);
        self.put_recorded(new, stamp, Recording::Silent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simorg::state::{Config, User};

    const OBJECT: &str = "<CustomObject><fields><fullName>A__c</fullName><label>A</label></fields>\
        <fields><fullName>B__c</fullName><label>B</label></fields><label>Account</label></CustomObject>";

    fn org() -> (SimOrg, Stamp) {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut org = SimOrg::new(Config::sandbox(), now);
        let jane = User::administrator("jane@acme.example", "Jane", "Doe");
        let id = jane.id;
        org.add_user(jane);
        let stamp = org.stamp(id, now);
        let file = PackageFile::new("objects/Account.object", OBJECT.as_bytes().to_vec());
        let new = NewComponent::new(key("CustomObject:Account"), vec![file]);
        assert_eq!(
            org.put_recorded(new, &stamp, Recording::Silent),
            Outcome::Created
        );
        (org, stamp)
    }

    fn key(text: &str) -> ComponentKey {
        text.parse().unwrap()
    }

    #[test]
    fn change_of_one_field_is_dated_and_written_down_for_it_alone() {
        let (mut org, first) = org();
        org.advance(std::time::Duration::from_mins(1));
        let later = Stamp {
            at: org.now(),
            ..first.clone()
        };
        let mut field = Element::new("fields");
        field.push_text_element("fullName", "A__c");
        field.push_text_element("label", "Alpha");
        let outcome = org
            .put_child(&key("CustomField:Account.A__c"), field, &later)
            .unwrap();
        assert_eq!(outcome, Outcome::Changed);
        let child = |name: &str| org.metadata().child(&key(name)).unwrap().modified.clone();
        assert_eq!(child("CustomField:Account.A__c"), later);
        assert_eq!(child("CustomField:Account.B__c"), first);
        let rows: Vec<_> = org.audit.iter().map(|it| it.display.as_str()).collect();
        assert_eq!(rows, ["Changed custom field A__c on Account"]);
    }

    #[test]
    fn deleted_field_rests_fifteen_days_and_comes_back_with_another_id() {
        let (mut org, stamp) = org();
        let a = key("CustomField:Account.A__c");
        let id = org.metadata().child(&a).unwrap().id;
        let element = org.metadata().element(&a).unwrap();
        assert!(org.delete(&a, &stamp));
        assert!(!org.metadata().contains(&a));
        assert_eq!(org.resting.len(), 1);
        org.put_child(&a, element, &stamp).unwrap();
        assert_ne!(org.metadata().child(&a).unwrap().id, id);
        org.advance(super::super::REST_OF_DELETED);
        assert!(org.resting.is_empty());
        assert_eq!(
            org.metadata().get(&key("CustomObject:Account")).unwrap().id,
            None
        );
    }

    #[test]
    fn state_survives_being_kept() {
        let (org, _) = org();
        let json = serde_json::to_string(&org).unwrap();
        let back: SimOrg = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), json);
    }
}
