//! What profile and permission sets let a user see and change of records.
//!
//! Source: Salesforce Help, "Field-Level Security" and "Object Permissions":
//! what any of them grants is granted, what none grants is not; seeing or
//! changing all data is about records, never about fields. A muting
//! permission set takes from what its group grants and from nothing else.

use std::collections::HashMap;

use super::{Cell, Schema, Store, StoreError};
use crate::{
    model::{ComponentKey, RecordId, TypeName},
    simorg::{
        SimOrg,
        soql::{Field, Object},
        state::{Access, Permission, User},
    },
    xml::{self, Element},
};

/// Standard objects that profiles and permission sets grant by name.
///
/// Source: Metadata API Developer Guide, "Profile", `objectPermissions`.
const GOVERNED: [&str; 14] = [
    "Account",
    "Asset",
    "Campaign",
    "Case",
    "Contact",
    "Contract",
    "Document",
    "Idea",
    "Individual",
    "Lead",
    "Opportunity",
    "Order",
    "Pricebook2",
    "Product2",
];

/// Objects that one sees where one sees another.
const FOLLOWERS: [(&str, &str); 7] = [
    ("AccountContactRelation", "Account"),
    ("CampaignMember", "Campaign"),
    ("CaseComment", "Case"),
    ("OpportunityContactRole", "Opportunity"),
    ("OpportunityLineItem", "Opportunity"),
    ("OrderItem", "Order"),
    ("PricebookEntry", "Pricebook2"),
];

/// What is granted of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each of them is granted by itself"
)]
struct ObjectGrant {
    read: bool,
    create: bool,
    edit: bool,
    delete: bool,
    all_fields: bool,
}

/// What is granted of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FieldGrant {
    read: bool,
    edit: bool,
}

/// What documents grant together; names in lower case.
#[derive(Clone, Debug, Default)]
struct Grants {
    objects: HashMap<String, ObjectGrant>,
    fields: HashMap<String, FieldGrant>,
}

/// The permission sets, and groups of them, that a user was given.
///
/// # Errors
///
/// [`StoreError`].
pub fn assigned(
    store: &Store,
    schema: &Schema,
    user: RecordId,
) -> Result<Vec<RecordId>, StoreError> {
    let Some(object) = schema.object("PermissionSetAssignment") else {
        return Ok(Vec::new());
    };
    let place = |name: &str| object.field(name).map(|it| it.0);
    let Some(assignee) = place("AssigneeId") else {
        return Ok(Vec::new());
    };
    store.fit(&object)?;
    let rows = store.rows_with(&object, assignee, &Cell::id(user))?;
    let given = [place("PermissionSetId"), place("PermissionSetGroupId")];
    let ids = rows.iter().flat_map(|row| {
        let ids = given.iter().flatten();
        ids.filter_map(|at| row.cells[*at].as_id())
    });
    Ok(ids.collect())
}

/// What is kept from `user`, whose permission sets and groups of them are
/// `assigned`: what is kept from the user anyhow, and what nothing grants.
#[must_use]
pub fn granted(org: &SimOrg, schema: &Schema, user: &User, assigned: &[RecordId]) -> Access {
    let grants = Grants::of(org, user, assigned);
    let mut access = user.access.clone();
    for object in schema.objects() {
        let own = grants.object(object, user);
        let Some(own) = own else { continue };
        keep_object(&mut access, schema, &object.name, own);
        for field in object.fields.iter().filter(|it| it.permissionable) {
            let given = grants.field(object, field);
            let full = format!("{}.{}", object.name, field.name);
            if !given.read && !given.edit && !own.all_fields {
                access.hidden_fields.insert(&full);
            } else if !given.edit {
                access.read_only_fields.insert(&full);
            }
        }
    }
    access
}

/// Keeps from a user what is not granted of an object, and of those that go with it.
fn keep_object(access: &mut Access, schema: &Schema, name: &str, given: ObjectGrant) {
    let followers = FOLLOWERS
        .iter()
        .filter(|it| it.1 == name)
        .map(|it| (it.0.to_owned(), true));
    // Shares, histories and the like are seen with what they are about.
    let attached = schema.links_to(name).iter().filter_map(|it| {
        let is_attached = matches!(it.name(), Some("Shares" | "Histories"));
        is_attached.then(|| (it.child.name.clone(), false))
    });
    let all: Vec<(String, bool)> = std::iter::once((name.to_owned(), true))
        .chain(followers)
        .chain(attached)
        .collect();
    for (name, is_written) in all {
        if !given.read {
            access.hidden_objects.insert(&name);
            continue;
        }
        if !is_written {
            continue;
        }
        if !given.create {
            access.uncreatable.insert(&name);
        }
        if !given.edit {
            access.unchangeable.insert(&name);
        }
        if !given.delete {
            access.undeletable.insert(&name);
        }
    }
}

impl Grants {
    fn of(org: &SimOrg, user: &User, assigned: &[RecordId]) -> Self {
        let mut all = Self::default();
        if let Some(root) = document(org, "Profile", &user.profile) {
            all.add(&root);
        }
        let is_assigned = |id: Option<RecordId>| id.is_some_and(|it| assigned.contains(&it));
        let (sets, groups) = (
            TypeName::known("PermissionSet"),
            TypeName::known("PermissionSetGroup"),
        );
        for (name, component) in org.metadata().of_type(&sets) {
            if is_assigned(component.id)
                && let Some(root) = document(org, "PermissionSet", name.as_str())
            {
                all.add(&root);
            }
        }
        for (name, component) in org.metadata().of_type(&groups) {
            if is_assigned(component.id)
                && let Some(root) = document(org, "PermissionSetGroup", name.as_str())
            {
                all.join(&Self::of_group(org, &root));
            }
        }
        all
    }

    fn of_group(org: &SimOrg, group: &Element) -> Self {
        let mut all = Self::default();
        let documents = |element: &'static str, type_name: &'static str| {
            let names = group.elements_named(element);
            names.filter_map(move |it| document(org, type_name, it.text().trim()))
        };
        for root in documents("permissionSets", "PermissionSet") {
            all.add(&root);
        }
        for root in documents("mutingPermissionSets", "MutingPermissionSet") {
            all.mute(&root);
        }
        all
    }

    fn add(&mut self, document: &Element) {
        self.join(&Self::read(document));
    }

    fn join(&mut self, other: &Self) {
        for (name, more) in &other.objects {
            let own = self.objects.entry(name.clone()).or_default();
            own.read |= more.read;
            own.create |= more.create;
            own.edit |= more.edit;
            own.delete |= more.delete;
            own.all_fields |= more.all_fields;
        }
        for (name, more) in &other.fields {
            let own = self.fields.entry(name.clone()).or_default();
            own.read |= more.read;
            own.edit |= more.edit;
        }
    }

    /// Takes away what a muting permission set names.
    fn mute(&mut self, document: &Element) {
        let muted = Self::read(document);
        for (name, less) in &muted.objects {
            let own = self.objects.entry(name.clone()).or_default();
            own.read &= !less.read;
            own.create &= !less.create;
            own.edit &= !less.edit;
            own.delete &= !less.delete;
            own.all_fields &= !less.all_fields;
        }
        for (name, less) in &muted.fields {
            let own = self.fields.entry(name.clone()).or_default();
            own.read &= !less.read;
            own.edit &= !less.edit && own.read;
        }
    }

    /// What one document says.
    fn read(document: &Element) -> Self {
        let name_of = |element: &Element, name: &str| {
            let text = element.child_text(name)?;
            Some(text.trim().to_lowercase())
        };
        let is = |element: &Element, name: &str| {
            let text = element.child_text(name);
            text.is_some_and(|it| it.trim() == "true")
        };
        let mut grants = Self::default();
        for element in document.elements_named("objectPermissions") {
            let Some(name) = name_of(element, "object") else {
                continue;
            };
            let all = is(element, "modifyAllRecords");
            let grant = ObjectGrant {
                read: all || is(element, "allowRead") || is(element, "viewAllRecords"),
                create: is(element, "allowCreate"),
                edit: all || is(element, "allowEdit"),
                delete: all || is(element, "allowDelete"),
                all_fields: is(element, "viewAllFields"),
            };
            grants.objects.insert(name, grant);
        }
        for element in document.elements_named("fieldPermissions") {
            let Some(name) = name_of(element, "field") else {
                continue;
            };
            let edit = is(element, "editable");
            let read = edit || is(element, "readable");
            grants.fields.insert(name, FieldGrant { read, edit });
        }
        grants
    }

    /// What is granted of an object; none where nothing of the kind decides.
    fn object(&self, object: &Object, user: &User) -> Option<ObjectGrant> {
        let name = object.name.as_str();
        if matches!(name, "Task" | "Event") {
            // Who may use the API may use activities; fields are granted one by one.
            return Some(ObjectGrant {
                read: true,
                create: true,
                edit: true,
                delete: true,
                all_fields: false,
            });
        }
        let is_made = ["__c", "__x", "__b", "__kav"]
            .iter()
            .any(|it| name.ends_with(it));
        let is_governed = GOVERNED.contains(&name) || (is_made && object.custom_setting.is_none());
        if !is_governed {
            return None;
        }
        let mut grant = self
            .objects
            .get(&name.to_lowercase())
            .copied()
            .unwrap_or_default();
        let changes_all = user.may(Permission::ModifyAllData);
        grant.read |= changes_all || user.may(Permission::ViewAllData);
        grant.create |= changes_all;
        grant.edit |= changes_all;
        grant.delete |= changes_all;
        Some(grant)
    }

    /// What is granted of a field; the parts of one go with the whole.
    fn field(&self, object: &Object, field: &Field) -> FieldGrant {
        let own = field.compound.as_deref().unwrap_or(&field.name);
        let (owner, name) = match (object.name.as_str(), own.strip_suffix("__pc")) {
            // Fields of contacts that person accounts have too.
            ("Account", Some(stem)) => ("Contact", format!("{stem}__c")),
            ("Task" | "Event", _) if field.custom => ("Activity", own.to_owned()),
            (owner, _) => (owner, own.to_owned()),
        };
        let full = format!("{owner}.{name}").to_lowercase();
        self.fields.get(&full).copied().unwrap_or_default()
    }
}

fn document(org: &SimOrg, type_name: &str, name: &str) -> Option<Element> {
    let key = ComponentKey::parse(type_name, name).ok()?;
    let file = org.metadata().get(&key)?.document()?;
    Some(xml::parse(&file.content).ok()?.root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(text: &str) -> Grants {
        Grants::read(&xml::parse(text.as_bytes()).unwrap().root)
    }

    fn field(name: &str, read: bool, edit: bool) -> String {
        format!(
            "<fieldPermissions><editable>{edit}</editable><field>{name}</field><readable>{read}</readable>\
             </fieldPermissions>"
        )
    }

    #[test]
    fn what_any_document_grants_is_granted() {
        let mut all = grants(&format!(
            "<Profile>{}</Profile>",
            field("A.X__c", true, false)
        ));
        let set = format!(
            "<PermissionSet>{}</PermissionSet>",
            field("A.X__c", false, true)
        );
        all.join(&grants(&set));
        let expected = FieldGrant {
            read: true,
            edit: true,
        };
        assert_eq!(all.fields["a.x__c"], expected);
    }

    #[test]
    fn muting_takes_away_and_who_does_not_see_does_not_edit() {
        let mut all = grants(&format!("<P>{}</P>", field("A.X__c", true, true)));
        let muting = format!("<P>{}</P>", field("A.X__c", true, false));
        all.mute(&xml::parse(muting.as_bytes()).unwrap().root);
        assert_eq!(all.fields["a.x__c"], FieldGrant::default());
    }
}
