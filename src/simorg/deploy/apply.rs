//! Puts the components of a package in their places.

use super::{
    DeployMessage,
    check::Problem,
    meaning, merge,
    messages::Rows,
    pool::{Parsed, Scope, Unit, children},
    schema,
};
use crate::{
    model::{ApiVersion, ComponentKey, Stamp},
    simorg::{
        SimOrg,
        catalogue::{Shape, type_named},
        state::{Component, Content, NewComponent, OrgKind, Outcome, PackageFile},
    },
    xml::{self, Document, Element, Node},
};

/// A component that is in its place, and its row.
#[derive(Debug)]
pub(super) struct Done {
    pub key: ComponentKey,
    pub row: DeployMessage,
}

/// Puts one component in its place; gives rows for it and each child of it.
///
/// # Errors
///
/// [`Problem`] where its file cannot be read; nothing happened then.
pub(super) fn apply(
    org: &mut SimOrg,
    unit: &Unit,
    version: ApiVersion,
    stamp: &Stamp,
    rows: &Rows,
) -> Result<Vec<Done>, Problem> {
    let problem = |text: String, line| Problem {
        key: unit.new.key.clone(),
        text,
        line,
        column: line.map(|_| 1),
    };
    match &unit.document {
        Parsed::Malformed { line, reason } => {
            return Err(problem(
                format!("Error parsing file: {reason}"),
                Some(*line),
            ));
        }
        Parsed::Root(root) => {
            let type_name = unit.new.key.type_name.as_str();
            if let Some(text) = schema::problem(type_name, root, version) {
                return Err(problem(text, None));
            }
        }
        Parsed::Opaque => (),
    }
    if unit.new.key.type_name.as_str() == "Flow" {
        return Ok(flow(org, unit, stamp, rows));
    }
    let key = place_of(org, &unit.new.key);
    let old = org.metadata().get(&key);
    if let Some(old) = old
        && old.files == unit.new.files
    {
        let children = same_children(&key, unit);
        return Ok(done(org, &key, unit, Outcome::Unchanged, children, rows));
    }
    let old_root = match (&unit.document, old) {
        (Parsed::Root(_), Some(old)) => document_of(old),
        _ => None,
    };
    let merged = match &unit.document {
        Parsed::Root(root) => Some(merge::merged(
            &key,
            old_root.as_ref(),
            root,
            &unit.scope,
            version,
        )),
        _ => None,
    };
    let files = files_of(&key, unit, old, old_root.as_ref(), merged.as_ref());
    let is_new = old.is_none();
    let mut outcome = if is_new {
        Outcome::Created
    } else {
        Outcome::Unchanged
    };
    let own_changed = own_changed(&key, old, old_root.as_ref(), merged.as_ref(), &files);
    let changes_children: Vec<(ComponentKey, Outcome)> = match &unit.document {
        Parsed::Root(root) => child_outcomes(&key, &unit.scope, old_root.as_ref(), root),
        _ => Vec::new(),
    };
    if !is_new
        && (own_changed
            || changes_children
                .iter()
                .any(|(_, it)| *it != Outcome::Unchanged))
    {
        outcome = Outcome::Changed;
    }
    if outcome != Outcome::Unchanged {
        let new = NewComponent {
            key: key.clone(),
            files,
            namespace: unit.new.namespace.clone(),
            entry: unit.new.entry.clone(),
        };
        org.put(new, stamp);
    }
    let own = if outcome == Outcome::Changed && !own_changed {
        Outcome::Unchanged
    } else {
        outcome
    };
    Ok(done(org, &key, unit, own, changes_children, rows))
}

/// The key under which the org holds a component, whatever its spelling in the package.
fn place_of(org: &SimOrg, key: &ComponentKey) -> ComponentKey {
    if org.metadata().get(key).is_some() {
        return key.clone();
    }
    let wanted = key.name.decoded().to_lowercase();
    let mut of_type = org.metadata().of_type(&key.type_name);
    match of_type.find(|(name, _)| name.decoded().to_lowercase() == wanted) {
        Some((name, _)) => ComponentKey::new(key.type_name.clone(), name.clone()),
        None => key.clone(),
    }
}

fn document_of(component: &Component) -> Option<Element> {
    let file = component.document()?;
    Some(xml::parse(&file.content).ok()?.root)
}

/// The files of the component as they will be.
fn files_of(
    key: &ComponentKey,
    unit: &Unit,
    old: Option<&Component>,
    old_root: Option<&Element>,
    merged: Option<&Element>,
) -> Vec<PackageFile> {
    let is_meta = |it: &PackageFile| it.path.ends_with("-meta.xml");
    let has_meta = unit.new.files.iter().any(is_meta);
    let mut files = Vec::with_capacity(unit.new.files.len());
    for file in &unit.new.files {
        let is_document = is_meta(file) || !has_meta;
        let Some(merged) = merged.filter(|_| is_document) else {
            files.push(file.clone());
            continue;
        };
        let kept = old
            .and_then(Component::document)
            .filter(|_| old_root.is_some_and(|it| meaning::same(it, merged)));
        let path = match old.and_then(Component::document) {
            Some(old) => old.path.clone(),
            None => file.path.clone(),
        };
        let content = match kept {
            Some(kept) => kept.content.clone(),
            // The files of a bundle are sources, which the platform keeps as they are.
            None if is_bundle(key) => file.content.clone(),
            None => written(key, merged),
        };
        files.push(PackageFile { path, content });
    }
    // A part of an experience is deployed beside the others.
    if key.type_name.as_str() == "DigitalExperienceBundle" {
        for file in old.iter().flat_map(|it| &it.files) {
            if !files.iter().any(|it| it.path == file.path) {
                files.push(file.clone());
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn is_bundle(key: &ComponentKey) -> bool {
    type_named(key.type_name.as_str()).is_some_and(|it| it.shape == Shape::Bundle)
}

/// A document as the server writes it: its own order, no comments.
fn written(key: &ComponentKey, root: &Element) -> Content {
    let mut root = root.clone();
    strip_comments(&mut root);
    schema::arrange(key.type_name.as_str(), &mut root);
    Content::from(xml::render(&Document::new(root)))
}

fn strip_comments(element: &mut Element) {
    element
        .children
        .retain(|it| !matches!(it, Node::Comment(_)));
    for child in element.elements_mut() {
        strip_comments(child);
    }
}

/// Whether something of the component itself, not of a child, is different.
fn own_changed(
    key: &ComponentKey,
    old: Option<&Component>,
    old_root: Option<&Element>,
    merged: Option<&Element>,
    files: &[PackageFile],
) -> bool {
    let Some(old) = old else {
        return true;
    };
    let document = old.document().map(|it| it.path.as_str());
    // Files of a component come in no particular order.
    let others = |files: &[PackageFile], document: Option<&str>| {
        let others = files.iter().filter(|it| Some(it.path.as_str()) != document);
        let mut others: Vec<PackageFile> = others.cloned().collect();
        others.sort_by(|a, b| a.path.cmp(&b.path));
        others
    };
    let (Some(old_root), Some(merged)) = (old_root, merged) else {
        return others(&old.files, None) != others(files, None);
    };
    others(&old.files, document) != others(files, document) || {
        let own = |root: &Element| {
            let mut own = root.clone();
            let names: Vec<String> = children(key, root)
                .into_iter()
                .map(|(_, it)| it.name.clone())
                .collect();
            own.children.retain(|it| match it {
                Node::Element(it) => !names.contains(&it.name),
                _ => false,
            });
            own
        };
        !meaning::same(&own(old_root), &own(merged))
    }
}

/// The children of a component that is as it was.
fn same_children(key: &ComponentKey, unit: &Unit) -> Vec<(ComponentKey, Outcome)> {
    match &unit.document {
        Parsed::Root(root) => child_outcomes(key, &unit.scope, Some(root), root),
        _ => Vec::new(),
    }
}

fn child_outcomes(
    key: &ComponentKey,
    scope: &Scope,
    old: Option<&Element>,
    new: &Element,
) -> Vec<(ComponentKey, Outcome)> {
    let before: std::collections::BTreeMap<_, _> = old
        .map(|it| children(key, it).into_iter().collect())
        .unwrap_or_default();
    let mut found = Vec::new();
    for (child, element) in children(key, new) {
        if let Scope::Children(named) = scope
            && !named.contains(&child)
        {
            continue;
        }
        let outcome = match before.get(&child) {
            None => Outcome::Created,
            Some(old) if meaning::same(old, element) => Outcome::Unchanged,
            Some(_) => Outcome::Changed,
        };
        found.push((child, outcome));
    }
    found
}

fn done(
    org: &SimOrg,
    key: &ComponentKey,
    unit: &Unit,
    own: Outcome,
    children: Vec<(ComponentKey, Outcome)>,
    rows: &Rows,
) -> Vec<Done> {
    let row = |key: &ComponentKey, outcome: Outcome| {
        let id = org
            .metadata()
            .get(key)
            .and_then(|it| it.id)
            .or_else(|| org.metadata().child(key).and_then(|it| it.id));
        DeployMessage {
            changed: outcome != Outcome::Unchanged,
            created: outcome == Outcome::Created,
            id: id.map(|it| it.to_string()),
            ..rows.success(&type_in_rows(key, unit), key.name.as_str(), &unit.file_name)
        }
    };
    let mut done = Vec::with_capacity(children.len() + 1);
    if unit.scope == Scope::Whole {
        done.push(Done {
            key: key.clone(),
            row: row(key, own),
        });
    }
    for (child, outcome) in children {
        done.push(Done {
            row: row(&child, outcome),
            key: child,
        });
    }
    done
}

/// The type as rows name it: of settings their own, such as `AccountSettings`.
pub(super) fn type_in_rows(key: &ComponentKey, unit: &Unit) -> String {
    match &unit.document {
        Parsed::Root(root) if key.type_name.as_str() == "Settings" => root.local_name().to_owned(),
        _ => key.type_name.to_string(),
    }
}

/// Puts the versions of a flow: each that differs becomes a new one.
fn flow(org: &mut SimOrg, unit: &Unit, stamp: &Stamp, rows: &Rows) -> Vec<Done> {
    let key = place_of(org, &unit.new.key);
    let is_new = org.metadata().get(&key).is_none();
    let mut changed = is_new;
    let mut files: Vec<(Option<u32>, &PackageFile)> = unit
        .new
        .files
        .iter()
        .map(|it| (number_in(&it.path), it))
        .collect();
    files.sort_by_key(|(number, _)| number.unwrap_or(u32::MAX));
    for (number, file) in files {
        let Ok(doc) = xml::parse(&file.content) else {
            continue;
        };
        let mut root = doc.root;
        if org.config.kind == OrgKind::Production && !deploys_active(org) {
            deactivate(&mut root);
        }
        if has_version(org, &key, number, &root) {
            continue;
        }
        let content = written(&key, &root);
        match number {
            // A numbered version of a flow that lacks it stands at its number.
            Some(number) if !is_taken(org, &key, number) => {
                let path = format!("flows/{}-{number}.flow", key.name);
                let file = PackageFile { path, content };
                org.put(NewComponent::new(key.clone(), vec![file]), stamp);
            }
            _ => {
                org.put_flow_version(&key.name, content, stamp);
            }
        }
        changed = true;
    }
    let outcome = match (is_new, changed) {
        (true, _) => Outcome::Created,
        (false, true) => Outcome::Changed,
        (false, false) => Outcome::Unchanged,
    };
    done(org, &key, unit, outcome, Vec::new(), rows)
}

/// Number of the version that a file's name ends with.
fn number_in(path: &str) -> Option<u32> {
    let stem = path.strip_suffix(".flow").unwrap_or(path);
    stem.rsplit_once('-')?.1.parse().ok()
}

fn is_taken(org: &SimOrg, key: &ComponentKey, number: u32) -> bool {
    let flow = org.metadata().get(key).and_then(|it| it.flow.as_ref());
    flow.is_some_and(|it| it.versions.contains_key(&number))
}

/// Whether the version `number`, else the latest, is what `root` says, its status included.
fn has_version(org: &SimOrg, key: &ComponentKey, number: Option<u32>, root: &Element) -> bool {
    let Some(flow) = org.metadata().get(key).and_then(|it| it.flow.as_ref()) else {
        return false;
    };
    let version = match number {
        Some(number) => flow.versions.get(&number),
        None => flow.latest().map(|(_, it)| it),
    };
    version
        .is_some_and(|it| xml::parse(&it.content).is_ok_and(|doc| meaning::same(&doc.root, root)))
}

/// Whether a production org takes flows as active.
///
/// Source: Metadata API Developer Guide, `FlowSettings`, `enableFlowDeployAsActiveEnabled`.
fn deploys_active(org: &SimOrg) -> bool {
    let settings = ComponentKey::parse("Settings", "Flow").ok();
    let root = settings.and_then(|it| org.metadata().element(&it));
    root.and_then(|it| {
        let text = it.child_text("enableFlowDeployAsActiveEnabled")?;
        Some(text.trim() == "true")
    })
    .unwrap_or(false)
}

fn deactivate(root: &mut Element) {
    let status = root.elements_mut().find(|it| it.local_name() == "status");
    if let Some(status) = status
        && status.text().trim() == "Active"
    {
        status.children = vec![Node::Text("Draft".to_owned())];
    }
}
