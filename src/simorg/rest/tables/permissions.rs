//! The permission tables: what profiles and permission sets grant, as rows.
//!
//! Each row has the time at which it was changed, which is why the documents
//! are compared whenever one changes: a profile's own date does not move.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Api, Definition, View,
    define::{AUDITED, audited, child, flag, id, object, time},
    org::{profile_id, profile_label},
};
use crate::{
    model::{ComponentKey, RecordId, Stamp, TypeName},
    simorg::{
        SimOrg,
        soql::{Field, Kind, Row},
        state::{Component, Content, made_id},
    },
    xml::{self, Element},
};

/// Types whose documents grant permissions.
const TYPES: [&str; 3] = ["Profile", "PermissionSet", "MutingPermissionSet"];

/// When which entry of which document was changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Permissions {
    /// Documents as they were seen last.
    seen: BTreeMap<ComponentKey, Content>,
    /// Entries that changed since the document was made.
    moved: BTreeMap<ComponentKey, BTreeMap<String, Stamp>>,
}

impl Permissions {
    /// Notes which entries differ from when this was called last.
    ///
    /// The author and time of a change are those of the newest row about the
    /// document in the Setup Audit Trail.
    pub fn refresh(&mut self, org: &SimOrg) {
        let mut present = BTreeSet::new();
        for type_name in TYPES {
            for (name, component) in org.metadata().of_type(&TypeName::known(type_name)) {
                let key = ComponentKey::new(TypeName::known(type_name), name.clone());
                if let Some(file) = component.document() {
                    self.compare(org, &key, component, &file.content);
                }
                present.insert(key);
            }
        }
        self.seen.retain(|key, _| present.contains(key));
        self.moved.retain(|key, _| present.contains(key));
    }

    fn compare(&mut self, org: &SimOrg, key: &ComponentKey, now: &Component, content: &Content) {
        let Some(old) = self.seen.get(key) else {
            self.seen.insert(key.clone(), content.clone());
            return;
        };
        if old.as_ptr() == content.as_ptr() || old == content {
            return;
        }
        let newest = org
            .audit
            .iter()
            .rev()
            .find(|it| it.key.as_ref() == Some(key));
        let stamp = newest.map_or(&now.modified, |it| &it.stamp).clone();
        let (before, after) = (entries(old), entries(content));
        let moved = self.moved.entry(key.clone()).or_default();
        for (name, text) in &after {
            if before.get(name) != Some(text) {
                moved.insert(name.clone(), stamp.clone());
            }
        }
        moved.retain(|name, _| after.contains_key(name));
        self.seen.insert(key.clone(), content.clone());
    }

    fn stamp<'a>(&'a self, key: &ComponentKey, entry: &str, made: &'a Stamp) -> &'a Stamp {
        let found = self.moved.get(key).and_then(|it| it.get(entry));
        found.unwrap_or(made)
    }
}

/// Entries of a document by `element:key`, with their text; what is no entry
/// of a table counts as `own`.
fn entries(content: &[u8]) -> BTreeMap<String, String> {
    let mut entries: BTreeMap<String, String> = BTreeMap::new();
    if let Ok(doc) = xml::parse(content) {
        for element in doc.root.elements() {
            let name = entry_name(element).unwrap_or_else(|| "own".to_owned());
            entries
                .entry(name)
                .or_default()
                .push_str(&xml::render_element(element));
        }
    }
    entries
}

fn entry_name(element: &Element) -> Option<String> {
    let key = match element.local_name() {
        "fieldPermissions" => "field",
        "objectPermissions" => "object",
        "tabSettings" | "tabVisibilities" => "tab",
        name => access(name)?.0,
    };
    let key = element.child_text(key)?;
    Some(format!("{}:{}", element.local_name(), key.trim()))
}

/// Of an element that grants access to something in the setup: the element
/// that names it, the element that says whether, `SetupEntityType`, the type.
fn access(element: &str) -> Option<(&'static str, &'static str, &'static str, &'static str)> {
    Some(match element {
        "classAccesses" => ("apexClass", "enabled", "ApexClass", "ApexClass"),
        "pageAccesses" => ("apexPage", "enabled", "ApexPage", "ApexPage"),
        "customPermissions" => ("name", "enabled", "CustomPermission", "CustomPermission"),
        "applicationVisibilities" => ("application", "visible", "TabSet", "CustomApplication"),
        "flowAccesses" => ("flow", "enabled", "FlowDefinition", "Flow"),
        "customMetadataTypeAccesses" | "customSettingAccesses" => {
            ("name", "enabled", "CustomEntityDefinition", "CustomObject")
        }
        "externalDataSourceAccesses" => (
            "externalDataSource",
            "enabled",
            "ExternalDataSource",
            "ExternalDataSource",
        ),
        _ => return None,
    })
}

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "PermissionSet",
        api: Api::Both,
        object: |view| {
            let own = "Id Name Label Description IsOwnedByProfile? ProfileId>Profile IsCustom? \
                       LicenseId NamespacePrefix Type| HasActivationRequired?";
            let mut object = object("PermissionSet", "0PS", &format!("{own}{AUDITED}"));
            for name in user_permissions(view) {
                object.fields.push(Field::new(&name, Kind::Boolean));
            }
            object
        },
        rows: permission_sets,
    },
    Definition {
        name: "PermissionSetGroup",
        api: Api::Both,
        object: |_| {
            let own = "Id DeveloperName Language| MasterLabel NamespacePrefix Description Status| HasActivationRequired?";
            object("PermissionSetGroup", "0PG", &format!("{own}{AUDITED}"))
        },
        rows: permission_set_groups,
    },
    Definition {
        name: "FieldPermissions",
        api: Api::Rest,
        object: |_| {
            object(
                "FieldPermissions",
                "01k",
                "Id ParentId>PermissionSet SobjectType| Field| PermissionsRead? PermissionsEdit? SystemModstamp@",
            )
        },
        rows: field_permissions,
    },
    Definition {
        name: "ObjectPermissions",
        api: Api::Rest,
        object: |_| {
            let own = "Id ParentId>PermissionSet SobjectType| PermissionsCreate? PermissionsRead? PermissionsEdit? \
                 PermissionsDelete? PermissionsViewAllRecords? PermissionsModifyAllRecords? PermissionsViewAllFields?";
            object("ObjectPermissions", "110", &format!("{own}{AUDITED}"))
        },
        rows: object_permissions,
    },
    Definition {
        name: "SetupEntityAccess",
        api: Api::Rest,
        object: |_| {
            object(
                "SetupEntityAccess",
                "0J0",
                "Id ParentId>PermissionSet SetupEntityId SetupEntityType| SystemModstamp@",
            )
        },
        rows: setup_entity_access,
    },
    Definition {
        name: "PermissionSetTabSetting",
        api: Api::Rest,
        object: |_| {
            object(
                "PermissionSetTabSetting",
                "01P",
                "Id ParentId>PermissionSet Name Visibility| SystemModstamp@",
            )
        },
        rows: tab_settings,
    },
];

/// Id of the permission set that stands for a profile.
#[must_use]
pub fn set_of_profile(org: &SimOrg, name: &str) -> RecordId {
    made_id("0PS", profile_id(org, name).as_str())
}

/// A document that grants, taken apart.
struct Grants<'a> {
    key: ComponentKey,
    component: &'a Component,
    /// Id of its `PermissionSet` row.
    set: RecordId,
    root: Element,
}

fn grants<'a>(view: &View<'a>) -> Vec<Grants<'a>> {
    let mut all = Vec::new();
    for type_name in TYPES {
        for (name, component) in view.org.metadata().of_type(&TypeName::known(type_name)) {
            let doc = component
                .document()
                .and_then(|it| xml::parse(&it.content).ok());
            let Some(doc) = doc else { continue };
            let set = match type_name {
                "Profile" => set_of_profile(view.org, name.as_str()),
                _ => component
                    .id
                    .unwrap_or_else(|| made_id("0PS", &format!("{type_name}:{name}"))),
            };
            all.push(Grants {
                key: ComponentKey::new(TypeName::known(type_name), name.clone()),
                component,
                set,
                root: doc.root,
            });
        }
    }
    all
}

impl Grants<'_> {
    fn stamp<'a>(&'a self, view: &'a View<'_>, element: &Element) -> &'a Stamp {
        let name = entry_name(element).unwrap_or_else(|| "own".to_owned());
        let made = &self.component.created;
        view.permissions.stamp(&self.key, &name, made)
    }

    /// Rows of the elements named `element`, each beginning with an id and the set.
    fn rows<'a>(
        &'a self,
        element: &'a str,
        prefix: &'a str,
        key: &'a str,
    ) -> impl Iterator<Item = (Row, &'a Element, String)> {
        self.root.elements_named(element).filter_map(move |it| {
            let name = it.child_text(key)?.trim().to_owned();
            let own = made_id(prefix, &format!("{}:{element}:{name}", self.set));
            let row = vec![Value::from(own.as_str()), Value::from(self.set.as_str())];
            Some((row, it, name))
        })
    }
}

/// `PermissionsApiEnabled`, …: one field for each user permission that some document names.
fn user_permissions(view: &View<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for grant in grants(view) {
        for element in grant.root.elements_named("userPermissions") {
            if let Some(name) = element.child_text("name") {
                names.insert(format!("Permissions{}", name.trim()));
            }
        }
    }
    let implied = view.org.implied.iter();
    names.extend(
        implied.filter_map(|it| Some(format!("Permissions{}", it.user_permission.as_ref()?))),
    );
    names
}

fn permission_sets(view: &View<'_>) -> Vec<Row> {
    let fields = user_permissions(view);
    grants(view)
        .iter()
        .map(|grant| {
            let name = grant.key.name.as_str();
            let is_profile = grant.key.type_name.as_str() == "Profile";
            let root = Some(&grant.root);
            let (own_name, label, profile) = if is_profile {
                let profile = profile_id(view.org, name);
                let own = format!("X{}", profile.short());
                (own, Value::from(profile_label(name)), id(Some(profile)))
            } else {
                (name.to_owned(), child(root, "label"), Value::Null)
            };
            let kind = match grant.key.type_name.as_str() {
                "Profile" => "Profile",
                "MutingPermissionSet" => "Muting",
                _ => "Regular",
            };
            let mut row = vec![
                Value::from(grant.set.as_str()),
                Value::from(own_name),
                label,
                child(root, "description"),
                Value::from(is_profile),
                profile,
                Value::from(!is_profile || flag(&grant.root, "custom")),
                Value::Null,
                json!(grant.component.namespace),
                Value::from(kind),
                Value::from(flag(&grant.root, "hasActivationRequired")),
            ];
            let made = &grant.component.created;
            audited(
                &mut row,
                made,
                view.permissions.stamp(&grant.key, "own", made),
            );
            let implied = view
                .org
                .implied
                .iter()
                .filter(|it| it.component == grant.key);
            let mut enabled: BTreeSet<String> = implied
                .filter_map(|it| Some(format!("Permissions{}", it.user_permission.as_ref()?)))
                .collect();
            let own = grant
                .root
                .elements_named("userPermissions")
                .filter(|it| flag(it, "enabled"))
                .filter_map(|it| Some(format!("Permissions{}", it.child_text("name")?.trim())));
            enabled.extend(own);
            row.extend(fields.iter().map(|it| Value::from(enabled.contains(it))));
            row
        })
        .collect()
}

fn permission_set_groups(view: &View<'_>) -> Vec<Row> {
    let type_name = TypeName::known("PermissionSetGroup");
    let all = view.org.metadata().of_type(&type_name);
    all.map(|(name, component)| {
        let doc = component
            .document()
            .and_then(|it| xml::parse(&it.content).ok());
        let root = doc.as_ref().map(|it| &it.root);
        let mut row = vec![
            id(component.id),
            Value::from(name.as_str()),
            Value::from("en_US"),
            child(root, "label"),
            json!(component.namespace),
            child(root, "description"),
            Value::from("Updated"),
            Value::from(root.is_some_and(|it| flag(it, "hasActivationRequired"))),
        ];
        audited(&mut row, &component.created, &component.modified);
        row
    })
    .collect()
}

fn field_permissions(view: &View<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for grant in &grants(view) {
        for (mut row, element, field) in grant.rows("fieldPermissions", "01k", "field") {
            let (read, edit) = (flag(element, "readable"), flag(element, "editable"));
            // What is not granted has no row.
            if !read && !edit {
                continue;
            }
            let object = field.split('.').next().unwrap_or("").to_owned();
            row.extend([
                Value::from(object),
                Value::from(field),
                Value::from(read),
                Value::from(edit),
                time(grant.stamp(view, element).at),
            ]);
            rows.push(row);
        }
        let implied = view
            .org
            .implied
            .iter()
            .filter(|it| it.component == grant.key);
        for field in implied.filter_map(|it| it.field.as_ref()) {
            rows.push(vec![
                Value::from(made_id("01k", &format!("{}:implied:{field}", grant.set)).as_str()),
                Value::from(grant.set.as_str()),
                Value::from(field.split('.').next().unwrap_or("")),
                Value::from(field.as_str()),
                Value::from(true),
                Value::from(false),
                time(grant.component.created.at),
            ]);
        }
    }
    rows
}

fn object_permissions(view: &View<'_>) -> Vec<Row> {
    let flags = [
        "allowCreate",
        "allowRead",
        "allowEdit",
        "allowDelete",
        "viewAllRecords",
        "modifyAllRecords",
        "viewAllFields",
    ];
    let mut rows = Vec::new();
    for grant in &grants(view) {
        for (mut row, element, object) in grant.rows("objectPermissions", "110", "object") {
            if !flags.iter().any(|it| flag(element, it)) {
                continue;
            }
            row.push(Value::from(object));
            row.extend(flags.iter().map(|it| Value::from(flag(element, it))));
            audited(
                &mut row,
                &grant.component.created,
                grant.stamp(view, element),
            );
            rows.push(row);
        }
    }
    rows
}

fn setup_entity_access(view: &View<'_>) -> Vec<Row> {
    let mut ids: HashMap<(&str, String), String> = HashMap::new();
    let mut rows = Vec::new();
    for grant in &grants(view) {
        for element in grant.root.elements() {
            let Some((key, enabled, kind, type_name)) = access(element.local_name()) else {
                continue;
            };
            let Some(name) = element.child_text(key).filter(|_| flag(element, enabled)) else {
                continue;
            };
            let name = name.trim().to_owned();
            let entity = ids
                .entry((type_name, name.clone()))
                .or_insert_with(|| entity_id(view, type_name, &name));
            let own = made_id("0J0", &format!("{}:{kind}:{name}", grant.set));
            rows.push(vec![
                Value::from(own.as_str()),
                Value::from(grant.set.as_str()),
                Value::from(entity.as_str()),
                Value::from(kind),
                time(grant.stamp(view, element).at),
            ]);
        }
    }
    rows
}

fn entity_id(view: &View<'_>, type_name: &str, name: &str) -> String {
    let found = ComponentKey::parse(type_name, name).ok();
    let found = found.and_then(|key| view.org.metadata().get(&key)?.id);
    let prefix = crate::simorg::catalogue::key_prefix(type_name);
    found
        .unwrap_or_else(|| made_id(&prefix, &format!("{type_name}:{name}")))
        .as_str()
        .to_owned()
}

fn tab_settings(view: &View<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for grant in &grants(view) {
        for (element_name, wanted) in [
            ("tabVisibilities", "visibility"),
            ("tabSettings", "visibility"),
        ] {
            for (mut row, element, tab) in grant.rows(element_name, "01P", "tab") {
                let visibility = element.child_text(wanted).unwrap_or_default();
                // Profiles and permission sets spell the same thing in two ways.
                let visibility = match visibility.trim() {
                    "DefaultOn" | "Visible" => "DefaultOn",
                    "DefaultOff" | "Available" => "DefaultOff",
                    _ => continue,
                };
                row.extend([
                    Value::from(tab),
                    Value::from(visibility),
                    time(grant.stamp(view, element).at),
                ]);
                rows.push(row);
            }
        }
    }
    rows
}
