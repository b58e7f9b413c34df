//! What a file in a package does to what is there.
//!
//! | kind | types | rule |
//! |---|---|---|
//! | container | objects, workflows, sharing and other rules, labels | children in the file replace theirs, absent ones stay; own elements overwrite |
//! | entries | profiles, permission sets below API 40, translations | entries in the file overwrite theirs, absent ones stay |
//! | settings | settings | elements in the file overwrite theirs, absent ones stay |
//! | whole | all others, permission sets from API 40 on | the file is all there is |
//!
//! Source: Metadata API Developer Guide, `Profile`, `PermissionSet` ("as of API
//! 40.0, a deployed permission set replaces"), `CustomObject`.

use std::borrow::Cow;

use super::{keys, meaning, pool::Scope, schema};
use crate::{
    model::{ApiVersion, ComponentKey},
    simorg::{catalogue::child_types_of, state::insert_sorted},
    xml::{Element, Node},
};

/// First API version in which a permission set is replaced as a whole.
const WHOLE_PERMISSION_SETS: ApiVersion = ApiVersion::new(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Container,
    Entries,
    Settings,
    Whole,
}

fn kind_of(type_name: &str, version: ApiVersion) -> Kind {
    match type_name {
        "Bot" => Kind::Whole,
        "Profile" | "Translations" | "CustomObjectTranslation" => Kind::Entries,
        "PermissionSet" | "MutingPermissionSet" if version < WHOLE_PERMISSION_SETS => Kind::Entries,
        "Settings" => Kind::Settings,
        _ if child_types_of(type_name).next().is_some() => Kind::Container,
        _ => Kind::Whole,
    }
}

/// The document that `new` makes of `old`.
///
/// What means the same as before keeps its spelling.
pub(super) fn merged(
    key: &ComponentKey,
    old: Option<&Element>,
    new: &Element,
    scope: &Scope,
    version: ApiVersion,
) -> Element {
    let type_name = key.type_name.as_str();
    let kind = kind_of(type_name, version);
    let Some(old) = old else {
        return match (kind, scope) {
            (_, Scope::Children(_)) => {
                let mut empty = new.clone();
                empty.children.clear();
                container(key, &empty, new, scope)
            }
            _ => new.clone(),
        };
    };
    match kind {
        Kind::Container => container(key, old, new, scope),
        Kind::Entries => entries(type_name, old, new),
        Kind::Settings => settings(old, new),
        Kind::Whole if meaning::same(old, new) => old.clone(),
        Kind::Whole => new.clone(),
    }
}

fn container(key: &ComponentKey, old: &Element, new: &Element, scope: &Scope) -> Element {
    let mut root = old.clone();
    let child_elements: Vec<_> = child_types_of(key.type_name.as_str())
        .map(|it| it.element)
        .collect();
    for (child, element) in super::pool::children(key, new) {
        let is_named = match scope {
            Scope::Whole => true,
            Scope::Children(keys) => keys.contains(&child),
        };
        if is_named {
            overwrite(&mut root, element);
        }
    }
    if *scope == Scope::Whole {
        let own = new
            .elements()
            .filter(|it| !child_elements.contains(&it.local_name()));
        overwrite_all(key.type_name.as_str(), &mut root, own);
    }
    root
}

fn entries(type_name: &str, old: &Element, new: &Element) -> Element {
    let mut root = old.clone();
    overwrite_all(type_name, &mut root, new.elements());
    sort_assignments(&mut root);
    root
}

/// Puts the layout assignments of a profile in order, by layout and record type.
///
/// Source: retrieved profiles, whose entries stand in alphabetical order.
pub(super) fn sort_assignments(root: &mut Element) {
    let is_one =
        |it: &Node| matches!(it, Node::Element(it) if it.local_name() == "layoutAssignments");
    let key = |it: &Node| match it {
        Node::Element(it) => {
            ["layout", "recordType"].map(|name| it.child_text(name).map(Cow::into_owned))
        }
        _ => [None, None],
    };
    let mut sorted: Vec<Node> = root
        .children
        .iter()
        .filter(|it| is_one(it))
        .cloned()
        .collect();
    sorted.sort_by_key(key);
    let places = root.children.iter_mut().filter(|it| is_one(it));
    for (place, node) in places.zip(sorted) {
        *place = node;
    }
}

fn settings(old: &Element, new: &Element) -> Element {
    let mut root = old.clone();
    overwrite_all(new.local_name(), &mut root, new.elements());
    root
}

/// Entries with a key overwrite theirs; of the others the whole group is replaced.
fn overwrite_all<'a>(type_name: &str, root: &mut Element, new: impl Iterator<Item = &'a Element>) {
    let mut groups: Vec<(&str, Vec<&Element>)> = Vec::new();
    for element in new {
        let name = element.local_name();
        match groups.iter_mut().find(|(it, _)| *it == name) {
            Some((_, group)) => group.push(element),
            None => groups.push((name, vec![element])),
        }
    }
    for (name, group) in groups {
        let is_keyed = schema::repeats(type_name, name).unwrap_or(true)
            && group.iter().all(|it| keys::key_of(it).is_some());
        if is_keyed {
            for element in group {
                overwrite(root, element);
            }
        } else {
            replace_group(root, name, &group);
        }
    }
}

/// Puts one entry in the place of its like.
fn overwrite(root: &mut Element, new: &Element) {
    let key = keys::key_of(new);
    let name = new.local_name();
    let is_like = |it: &Element| it.local_name() == name && keys::key_of(it) == key;
    let is_old = |node: &Node| matches!(node, Node::Element(it) if is_like(it));
    let Some(at) = root.children.iter().position(is_old) else {
        if !has_no_row(new) {
            insert(root, new.clone());
        }
        return;
    };
    let lists_false = root.elements_named(name).any(takes_away);
    let Node::Element(old) = &mut root.children[at] else {
        return;
    };
    if meaning::same(old, new) {
        return;
    }
    if takes_away(new) && !takes_away(old) && !lists_false {
        root.children.remove(at);
    } else {
        *old = new.clone();
    }
}

/// Puts an element among its like by its key, else where its name belongs.
fn insert(root: &mut Element, new: Element) {
    let name = new.local_name();
    let key = keys::key_of(&new);
    let is_behind = |node: &Node| match node {
        Node::Element(it) if it.local_name() == name => key.is_some() && key < keys::key_of(it),
        _ => false,
    };
    let is_like = |node: &Node| matches!(node, Node::Element(it) if it.local_name() == name);
    let at = root
        .children
        .iter()
        .position(is_behind)
        .or_else(|| root.children.iter().rposition(is_like).map(|it| it + 1));
    match at {
        Some(at) => root.children.insert(at, Node::Element(new)),
        None => insert_sorted(root, new),
    }
}

fn replace_group(root: &mut Element, name: &str, group: &[&Element]) {
    let old: Vec<&Element> = root.elements_named(name).collect();
    let is_same = old.len() == group.len()
        && old
            .iter()
            .zip(group)
            .all(|(old, new)| meaning::same(old, new));
    if is_same {
        return;
    }
    root.children.retain(|node| match node {
        Node::Element(it) => it.local_name() != name,
        _ => true,
    });
    for element in group {
        insert(root, (*element).clone());
    }
}

/// Whether an entry that grants nothing is not even listed.
///
/// Source: retrieved profiles, which list disabled classes and pages and no
/// disabled object or user permissions.
fn has_no_row(entry: &Element) -> bool {
    matches!(entry.local_name(), "objectPermissions" | "userPermissions") && takes_away(entry)
}

/// Whether an entry of a profile grants nothing.
///
/// Such an entry takes the place of one that grants something only in a profile
/// that lists others of its kind; elsewhere both are gone. Own choice: the
/// platform keeps no row either way, and lists what it likes.
fn takes_away(entry: &Element) -> bool {
    let is_false = |name: &str| entry.child_text(name).is_none_or(|it| it.trim() != "true");
    match entry.local_name() {
        "fieldPermissions" => is_false("readable") && is_false("editable"),
        "objectPermissions" => entry
            .elements()
            .all(|it| it.local_name() == "object" || it.text().trim() != "true"),
        "userPermissions"
        | "classAccesses"
        | "pageAccesses"
        | "customPermissions"
        | "flowAccesses"
        | "customMetadataTypeAccesses"
        | "customSettingAccesses"
        | "externalDataSourceAccesses" => is_false("enabled"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn merge(key: &str, old: &str, new: &str, version: u16) -> String {
        let root = |it: &str| xml::parse(it.as_bytes()).unwrap().root;
        let merged = merged(
            &key.parse().unwrap(),
            Some(&root(old)),
            &root(new),
            &Scope::Whole,
            ApiVersion::new(version),
        );
        let text = xml::render_element(&merged);
        text.lines().map(str::trim).collect()
    }

    const ONE_FIELD: &str = "<P><fieldPermissions><editable>true</editable><field>A.B__c</field>\
        <readable>true</readable></fieldPermissions></P>";

    #[test]
    fn profile_keeps_what_the_file_leaves_out() {
        let new = "<P><fieldPermissions><editable>false</editable><field>A.C__c</field>\
            <readable>true</readable></fieldPermissions></P>";
        let both = merge("Profile:Admin", ONE_FIELD, new, 66);
        assert!(both.contains("A.B__c") && both.contains("A.C__c"), "{both}");
    }

    #[test]
    fn explicit_false_takes_an_entry_of_a_profile_away() {
        let new = "<P><fieldPermissions><editable>false</editable><field>A.B__c</field>\
            <readable>false</readable></fieldPermissions></P>";
        assert_eq!(merge("Profile:Admin", ONE_FIELD, new, 66), "<P></P>");
    }

    #[test]
    fn layout_of_an_object_and_record_type_is_assigned_once() {
        let old = "<P><layoutAssignments><layout>A-One</layout></layoutAssignments></P>";
        let new = "<P><layoutAssignments><layout>A-Two</layout></layoutAssignments></P>";
        assert_eq!(merge("Profile:Admin", old, new, 66), new);
    }

    #[test]
    fn layout_assignments_stand_in_order_whatever_came_when() {
        let of = |layout: &str, record_type: &str| {
            format!(
                "<layoutAssignments><layout>{layout}</layout><recordType>{record_type}</recordType></layoutAssignments>"
            )
        };
        let old = format!("<P>{}{}</P>", of("A-One", "A.X"), of("A-Two", "A.Y"));
        let new = format!("<P>{}</P>", of("A-Zoo", "A.X"));
        assert_eq!(
            merge("Profile:Admin", &old, &new, 66),
            format!("<P>{}{}</P>", of("A-Two", "A.Y"), of("A-Zoo", "A.X"))
        );
    }

    #[test]
    fn permission_set_is_replaced_from_api_40_on_and_merged_below() {
        let new = "<P><label>X</label></P>";
        assert_eq!(merge("PermissionSet:X", ONE_FIELD, new, 40), new);
        assert_eq!(merge("MutingPermissionSet:X", ONE_FIELD, new, 66), new);
        assert!(merge("PermissionSet:X", ONE_FIELD, new, 39).contains("A.B__c"));
    }

    #[test]
    fn partial_object_replaces_its_fields_and_keeps_the_others() {
        let old = "<O><fields><fullName>A__c</fullName><label>a</label></fields>\
            <fields><fullName>B__c</fullName></fields><label>O</label></O>";
        let new = "<O><fields><fullName>A__c</fullName><label>z</label></fields></O>";
        assert_eq!(
            merge("CustomObject:O__c", old, new, 66),
            "<O><fields><fullName>A__c</fullName><label>z</label></fields>\
             <fields><fullName>B__c</fullName></fields><label>O</label></O>"
        );
    }

    #[test]
    fn settings_overwrite_what_they_name() {
        assert_eq!(
            merge(
                "Settings:Account",
                "<AccountSettings><a>1</a><b>1</b></AccountSettings>",
                "<AccountSettings><b>2</b></AccountSettings>",
                66
            ),
            "<AccountSettings><a>1</a><b>2</b></AccountSettings>"
        );
    }
}
