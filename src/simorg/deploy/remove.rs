//! Deletions: what is refused, what goes, and what goes with it.
//!
//! | deleted | goes with it |
//! |---|---|
//! | custom field | its permissions, layout items, columns, filters, groupings, translations and other entries that [`super::refs`] marks |
//! | custom object | its children, tab, layouts, quick actions, rules, translations, record types of custom metadata, reports of its own type |
//! | layout | its assignments fall back to another layout of the object |
//! | other | the entries that [`super::refs`] marks |
//!
//! What loses an entry keeps its date, except that a layout is dated with the
//! deletion. Own choice: real orgs do not date lists, reports and permissions
//! anew, and layouts are seen to be touched.

use std::collections::BTreeSet;

use super::{
    DeployMessage, DeployOptions,
    keys::object_of_layout,
    merge,
    messages::{Rows, SCHEDULED},
    names::{is_own_custom, object_of},
    package::Destructive,
    pool::folder_types,
    refs,
    usage::{self, Gone, Use, spaced},
};
use crate::{
    model::{ComponentKey, Stamp, TypeName, component::percent_decoded},
    simorg::{
        SimOrg,
        state::{OrgKind, Outcome},
    },
    xml::{self, Element, Node},
};

/// One thing to delete.
#[derive(Clone, Debug)]
struct Doomed {
    key: ComponentKey,
    /// Number of a flow's version, where one is meant.
    version: Option<u32>,
    /// The name as the manifest has it.
    asked: ComponentKey,
    file_name: String,
}

/// Deletes what destructive manifests of one phase name; gives a row for each member.
pub(super) fn delete_all(
    org: &mut SimOrg,
    manifests: &[&Destructive],
    stamp: &Stamp,
    rows: &Rows,
    options: &DeployOptions,
) -> Vec<DeployMessage> {
    let mut out = Vec::new();
    let mut doomed = Vec::new();
    for manifest in manifests {
        for asked in &manifest.keys {
            if let Some(found) = find(org, asked, &manifest.file_name) {
                doomed.push(found);
                continue;
            }
            let problem = format!("No {} named: {} found", asked.type_name, asked.name);
            out.push(rows.warning(
                asked.type_name.as_str(),
                asked.name.as_str(),
                &manifest.file_name,
                &problem,
                options,
            ));
        }
    }
    let doomed = without_refused(org, doomed, rows, &mut out);
    // Contents before their folders, children before their parents.
    let mut order: Vec<&Doomed> = doomed.iter().collect();
    order.sort_by_key(|it| {
        let is_folder = it.key.type_name.as_str().ends_with("Folder");
        let depth = it.key.name.as_str().matches('/').count();
        (
            is_folder,
            it.key.type_name.as_str() == "CustomObject",
            std::cmp::Reverse(depth),
        )
    });
    for it in order {
        out.push(delete(org, it, stamp, rows));
    }
    let gone = expanded(org, &doomed);
    if !doomed.is_empty() {
        take_along(org, &gone, &doomed, stamp);
    }
    if options.purge_on_delete && org.config.kind == OrgKind::Sandbox {
        org.resting.retain(|it| !gone.has(&it.key));
    }
    out
}

/// The component that a member of a destructive manifest means.
fn find(org: &SimOrg, asked: &ComponentKey, file_name: &str) -> Option<Doomed> {
    let found = |key: ComponentKey, version| Doomed {
        key,
        version,
        asked: asked.clone(),
        file_name: file_name.to_owned(),
    };
    if org.metadata().contains(asked) {
        return Some(found(asked.clone(), None));
    }
    let types = std::iter::once(asked.type_name.clone()).chain(folder_types(&asked.type_name));
    let wanted = asked.name.decoded().to_lowercase();
    for type_name in types {
        let key = ComponentKey::new(type_name.clone(), asked.name.clone());
        if org.metadata().contains(&key) {
            return Some(found(key, None));
        }
        let same = org.metadata().of_type(&type_name).find(|(name, _)| {
            let name = name.decoded().to_lowercase();
            let is_document = type_name.as_str() == "Document"
                && name.rsplit_once('.').is_some_and(|(it, _)| it == wanted);
            name == wanted || is_document
        });
        if let Some((name, _)) = same {
            return Some(found(ComponentKey::new(type_name, name.clone()), None));
        }
    }
    if asked.type_name.as_str() == "Flow"
        && let Some((name, number)) = asked.name.as_str().rsplit_once('-')
        && let Ok(number) = number.parse()
        && let Ok(key) = ComponentKey::parse("Flow", name)
    {
        let flow = org.metadata().get(&key).and_then(|it| it.flow.as_ref())?;
        return flow
            .versions
            .contains_key(&number)
            .then(|| found(key, Some(number)));
    }
    let mut children = org.metadata().children_of_type(&asked.type_name);
    let child = children.find(|(_, it, _)| it.name.as_str().eq_ignore_ascii_case(&wanted));
    child.map(|(_, key, _)| found(key.clone(), None))
}

/// The deletions that nothing forbids; rows for the others.
fn without_refused(
    org: &SimOrg,
    mut doomed: Vec<Doomed>,
    rows: &Rows,
    out: &mut Vec<DeployMessage>,
) -> Vec<Doomed> {
    let mut refuse = |it: &Doomed, problem: &str| {
        out.push(rows.error(
            it.key.type_name.as_str(),
            it.asked.name.as_str(),
            &it.file_name,
            problem,
        ));
    };
    let all: BTreeSet<ComponentKey> = doomed.iter().map(|it| it.key.clone()).collect();
    doomed.retain(|it| match forbidden(org, it, &all) {
        Some(problem) => {
            refuse(it, &problem);
            false
        }
        None => true,
    });
    // What stays because it is used may use something else in turn.
    loop {
        let uses = usage::uses(org, &expanded(org, &doomed));
        let n = doomed.len();
        doomed.retain(|it| {
            let is_whole = it.version.is_none();
            let by = uses.iter().find(|u| is_whole && is_part(&u.used, &it.key));
            if let Some(by) = by {
                refuse(it, &used_elsewhere(&it.key, by));
            }
            by.is_none()
        });
        if doomed.len() == n {
            return doomed;
        }
    }
}

/// Whether `used` is `key` or goes with it.
fn is_part(used: &ComponentKey, key: &ComponentKey) -> bool {
    used == key
        || (key.type_name.as_str() == "CustomObject" && refs::own_object(used) == key.name.as_str())
}

fn used_elsewhere(key: &ComponentKey, by: &Use) -> String {
    let by = &by.by;
    match key.type_name.as_str() {
        "CustomField" => {
            format!("This custom field is referenced elsewhere in salesforce.com. : {by}")
        }
        other => {
            let kind = spaced(other).to_lowercase();
            format!(
                "This {kind} is referenced elsewhere in salesforce.com. Remove the usage and try \
                 again. : {by}"
            )
        }
    }
}

/// Why a component can never go, or not as the others in the manifest stand.
fn forbidden(org: &SimOrg, doomed: &Doomed, all: &BTreeSet<ComponentKey>) -> Option<String> {
    let key = &doomed.key;
    let name = key.name.as_str();
    let say = |text: &str| Some(text.to_owned());
    if let Some(component) = org.metadata().get(key)
        && component.namespace.is_some()
    {
        return say("Cannot delete managed component");
    }
    match key.type_name.as_str() {
        "RecordType" => say("Cannot delete record type through API"),
        "ApexClass" if org.is_scheduled(name) => say(SCHEDULED),
        "Workflow" => say(
            "Cannot delete a workflow object; Workflow Rules and Actions must be deleted \
             individually",
        ),
        "StandardValueSet" | "Settings" => {
            Some(format!("Not available for deletion: {}", key.type_name))
        }
        "CustomObject" if !is_own_custom(name) => say("Cannot delete standard object"),
        "CustomField" => {
            let own = name.split_once('.').map_or(name, |(_, own)| own);
            (!is_own_custom(own)).then(|| "Cannot delete standard field".to_owned())
        }
        "Flow" => match doomed.version {
            // The platform takes versions only.
            None => say("insufficient access rights on cross-reference id"),
            Some(number) => {
                let flow = org.metadata().get(key).and_then(|it| it.flow.as_ref())?;
                (flow.active == Some(number))
                    .then(|| "You can't delete an active flow version.".to_owned())
            }
        },
        "Profile" => {
            let root = org.metadata().element(key)?;
            let is_custom = root.child_text("custom")?;
            (is_custom.trim() != "true").then(|| "Cannot delete standard profile".to_owned())
        }
        "Layout" => {
            let object = object_of_layout(name);
            let object_goes =
                ComponentKey::parse("CustomObject", object).is_ok_and(|it| all.contains(&it));
            let mut layouts = org.metadata().of_type(&key.type_name);
            let stays = layouts.any(|(it, _)| {
                let key = ComponentKey::new(key.type_name.clone(), it.clone());
                object_of_layout(it.as_str()) == object && !all.contains(&key)
            });
            (!stays && !object_goes)
                .then(|| format!("Cannot delete the only page layout of {object}"))
        }
        other if other.ends_with("Folder") => {
            let prefix = format!("{name}/");
            let is_filled = org
                .metadata()
                .iter()
                .any(|(it, _)| is_in(&it, key, &prefix) && !all.contains(&it));
            is_filled.then(|| "Folder must be empty before it can be deleted".to_owned())
        }
        _ => None,
    }
}

fn is_in(key: &ComponentKey, folder: &ComponentKey, prefix: &str) -> bool {
    let holds = folder_types(&key.type_name).contains(&folder.type_name)
        || key.type_name == folder.type_name;
    holds && key.name.as_str().starts_with(prefix)
}

/// What goes, with all that goes along with objects.
fn expanded(org: &SimOrg, doomed: &[Doomed]) -> Gone {
    let mut keys: Vec<ComponentKey> = doomed
        .iter()
        .filter(|it| it.version.is_none())
        .map(|it| it.key.clone())
        .collect();
    let objects: Vec<ComponentKey> = keys
        .iter()
        .filter(|it| it.type_name.as_str() == "CustomObject")
        .cloned()
        .collect();
    for object in objects {
        keys.extend(belongings(org, &object));
    }
    Gone::new(keys)
}

/// The components that are part of an object or about it alone.
fn belongings(org: &SimOrg, object: &ComponentKey) -> Vec<ComponentKey> {
    let name = object.name.as_str();
    let mut found = Vec::new();
    if let Some(component) = org.metadata().get(object) {
        found.extend(component.children.keys().cloned());
    }
    for (key, component) in org.metadata().iter() {
        let own = key.name.as_str();
        let belongs = match key.type_name.as_str() {
            "CustomTab" | "Workflow" | "SharingRules" | "MatchingRules" | "TopicsForObjects"
            | "AssignmentRules" => own == name,
            "Layout" | "CustomObjectTranslation" => object_of_layout(own) == name,
            "QuickAction" | "ApprovalProcess" | "DuplicateRule" => {
                own.contains('.') && object_of(own) == name
            }
            "CustomMetadata" => name.strip_suffix("__mdt") == Some(object_of(own)),
            "ReportType" => says(component, "baseObject", name),
            "Report" => says(component, "reportType", &format!("CustomEntity${name}")),
            _ => false,
        };
        if belongs {
            found.push(key);
            found.extend(component.children.keys().cloned());
        }
    }
    found
}

fn says(component: &crate::simorg::state::Component, element: &str, value: &str) -> bool {
    let Some(document) = component.document() else {
        return false;
    };
    let text = String::from_utf8_lossy(&document.content);
    text.contains(&format!("<{element}>{value}</{element}>"))
}

fn delete(org: &mut SimOrg, doomed: &Doomed, stamp: &Stamp, rows: &Rows) -> DeployMessage {
    let key = &doomed.key;
    let id = org
        .metadata()
        .get(key)
        .and_then(|it| it.id)
        .or_else(|| org.metadata().child(key).and_then(|it| it.id));
    let is_gone = match doomed.version {
        Some(number) => org.delete_flow_version(&key.name, number, stamp),
        None => org.delete(key, stamp),
    };
    DeployMessage {
        changed: is_gone,
        deleted: is_gone,
        id: id.map(|it| it.to_string()),
        ..rows.success(
            key.type_name.as_str(),
            doomed.asked.name.as_str(),
            &doomed.file_name,
        )
    }
}

/// Takes away what goes along with what was deleted; the audit trail is silent about it.
fn take_along(org: &mut SimOrg, gone: &Gone, doomed: &[Doomed], stamp: &Stamp) {
    let n_rows = org.audit.len();
    let asked: BTreeSet<&ComponentKey> = doomed.iter().map(|it| &it.key).collect();
    let mut along: Vec<ComponentKey> = gone
        .keys()
        .filter(|it| !asked.contains(it) && org.metadata().get(it).is_some())
        .cloned()
        .collect();
    along.sort();
    for key in along {
        org.delete(&key, stamp);
    }
    let words = usage::words_of(gone);
    let touched: Vec<ComponentKey> = org
        .metadata()
        .iter()
        .filter(|(key, it)| {
            it.flow.is_none()
                && key.type_name.as_str() != "ApexClass"
                && usage::may_mention(it, &words)
        })
        .map(|(key, _)| key)
        .collect();
    for key in touched {
        strip(org, &key, gone, stamp);
    }
    org.audit.truncate(n_rows);
}

/// Takes the entries that refer to what is gone out of one component.
fn strip(org: &mut SimOrg, key: &ComponentKey, gone: &Gone, stamp: &Stamp) {
    let Some(before) = org.metadata().element(key) else {
        return;
    };
    let mut after = before.clone();
    if key.type_name.as_str() == "Profile" {
        fall_back(org, &mut after, gone);
    }
    refs::prune(key, &mut after, &|it| gone.covers(it));
    if after == before {
        return;
    }
    let Some(component) = org.metadata().get(key) else {
        return;
    };
    let own_stamp = if key.type_name.as_str() == "Layout" {
        stamp.clone()
    } else {
        component.modified.clone()
    };
    let children: Vec<(ComponentKey, Stamp)> = component
        .children
        .iter()
        .map(|(key, it)| (key.clone(), it.modified.clone()))
        .collect();
    // Each child by itself, so that it keeps its own date.
    let parts = super::pool::children(key, &after);
    for (child, stamp) in children {
        let new = parts.iter().find(|(it, _)| *it == child);
        let Some((_, new)) = new else {
            continue;
        };
        replace_child(org, key, &child, new, &stamp);
    }
    let outcome = org.edit(key, &own_stamp, |root| *root = after.clone());
    debug_assert!(
        matches!(outcome, Ok(Outcome::Changed | Outcome::Unchanged)),
        "it was read as XML above"
    );
}

fn replace_child(
    org: &mut SimOrg,
    key: &ComponentKey,
    child: &ComponentKey,
    new: &Element,
    stamp: &Stamp,
) {
    let Some(old) = org.metadata().element(child) else {
        return;
    };
    if old == *new {
        return;
    }
    let changed = org.edit(key, stamp, |root| {
        if let Some(it) = root.elements_mut().find(|it| **it == old) {
            *it = new.clone();
        }
    });
    debug_assert!(changed.is_ok(), "it was read as XML above");
}

/// Gives objects whose assigned layout goes another one: the first by name.
fn fall_back(org: &SimOrg, profile: &mut Element, gone: &Gone) {
    let layouts = TypeName::known("Layout");
    for node in &mut profile.children {
        let Node::Element(entry) = node else {
            continue;
        };
        if entry.local_name() != "layoutAssignments" || entry.child("recordType").is_some() {
            continue;
        }
        let Some(assigned) = entry.child_text("layout").map(|it| it.trim().to_owned()) else {
            continue;
        };
        let goes = ComponentKey::parse("Layout", &assigned).is_ok_and(|it| gone.has(&it));
        if !goes {
            continue;
        }
        let object = object_of_layout(&assigned).to_owned();
        let other = org.metadata().of_type(&layouts).find(|(name, _)| {
            let decoded = percent_decoded(name.as_str());
            object_of_layout(&decoded) == object
        });
        if let Some((name, _)) = other {
            let layout = entry.elements_mut().find(|it| it.local_name() == "layout");
            if let Some(layout) = layout {
                layout.children = vec![Node::Text(xml::escape(name.as_str()).into_owned())];
            }
        }
    }
    merge::sort_assignments(profile);
}
