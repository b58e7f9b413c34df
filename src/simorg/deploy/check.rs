//! Whether what a component names is there, in the platform's words.
//!
//! Source of the texts: failures recorded by peers (`knowledge` of deploy tips);
//! those of pages, flows and Apex as their builders word them.

use std::collections::BTreeSet;

use super::{
    code, flow,
    messages::SCHEDULED,
    names::{LIGHTNING, Names, Target, is_own_custom, object_of},
    pool::{Parsed, Scope, Unit, children},
    refs::{self, Found},
};
use crate::{
    model::{ComponentKey, component::percent_decoded},
    simorg::{
        SimOrg,
        state::{NewComponent, PackageFile},
    },
    xml::Element,
};

/// Why a component cannot be deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub key: ComponentKey,
    pub text: String,
    pub line: Option<usize>,
    pub column: Option<usize>,
}

/// What is wrong with the components of a deploy, each of them once.
///
/// What was wrong with a component before, in the same words, is taken for
/// granted: an org that was loaded from a part of another holds references that
/// lead out of it.
pub(super) fn new_problems<'a>(
    before: &SimOrg,
    after: &SimOrg,
    units: impl Iterator<Item = &'a Unit>,
) -> Vec<(&'a Unit, Problem)> {
    let checker = Checker::new(after);
    let former = Checker::new(before);
    let mut all = Vec::new();
    for unit in units {
        let mut problems = checker.problems(unit);
        problems.extend(wrong_turns(before, after, unit));
        problems.extend(locked(before, after, &unit.new.key));
        if problems.is_empty() {
            continue;
        }
        if let Some(old) = former.unit_of(&unit.new.key) {
            let known = former.problems(&old);
            problems.retain(|it| !known.iter().any(|k| k.key == it.key && k.text == it.text));
        }
        let mut seen = BTreeSet::new();
        problems.retain(|it| seen.insert(it.key.clone()));
        all.extend(problems.into_iter().map(|it| (unit, it)));
    }
    all
}

/// Looks components of a deploy up in the org as it would be.
pub(super) struct Checker<'a> {
    org: &'a SimOrg,
    names: Names<'a>,
    /// Classes that were deleted and are not there again.
    gone: Vec<String>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(org: &'a SimOrg) -> Self {
        Self {
            org,
            names: Names::new(org),
            gone: gone_classes(org),
        }
    }

    /// What is wrong with a component and its children.
    pub(super) fn problems(&self, unit: &Unit) -> Vec<Problem> {
        let mut found = Vec::new();
        let key = &unit.new.key;
        let plain = |text: String| Problem {
            key: key.clone(),
            text,
            line: None,
            column: None,
        };
        if let Some(text) = self.own_problem(unit) {
            found.push(plain(text));
        }
        if let Parsed::Root(root) = &unit.document {
            found.extend(self.missing(unit, root));
            found.extend(self.of_children(unit, root));
            if key.type_name.as_str() == "Flow" {
                for named in flow::named_in(root) {
                    if !self.names.has(&named.target) {
                        found.push(plain(named.problem));
                    }
                }
            }
        }
        found.extend(self.of_code(unit));
        found
    }

    /// A component of the org as one that is deployed.
    fn unit_of(&self, key: &ComponentKey) -> Option<Unit> {
        let component = self.org.metadata().get(key)?;
        let mut new = NewComponent::new(key.clone(), component.files.clone());
        new.namespace.clone_from(&component.namespace);
        Some(Unit::whole(new))
    }

    fn missing(&self, unit: &Unit, root: &Element) -> Vec<Problem> {
        let key = &unit.new.key;
        let tops: Vec<(ComponentKey, &Element)> = children(key, root);
        let mut problems = Vec::new();
        for found in refs::find(key, root) {
            if self.names.has(&found.target) {
                continue;
            }
            let child = tops
                .iter()
                .find(|(_, it)| std::ptr::eq(*it, found.top))
                .map(|(child, _)| child);
            let owner = match (&unit.scope, child) {
                (Scope::Whole, child) => child.unwrap_or(key),
                (Scope::Children(named), Some(child)) if named.contains(child) => child,
                (Scope::Children(_), _) => continue,
            };
            let (line, column) = place_of(&unit.new.files, &found.text);
            problems.push(Problem {
                key: owner.clone(),
                text: text_of(key, &found),
                line,
                column,
            });
        }
        problems
    }

    /// What is wrong with a component apart from the table of references.
    fn own_problem(&self, unit: &Unit) -> Option<String> {
        let key = &unit.new.key;
        let name = key.name.as_str();
        let no_object = |object: &str| {
            (!self.names.has_object(object))
                .then(|| format!("In field: field - no CustomObject named {object} found"))
        };
        match key.type_name.as_str() {
            "CustomObject" => self.no_label(unit),
            "Layout" | "CustomObjectTranslation" => no_object(refs::own_object(key)),
            "CustomMetadata" => no_object(&format!("{}__mdt", object_of(name))),
            "CustomTab" => match &unit.document {
                Parsed::Root(root)
                    if root
                        .child_text("customObject")
                        .is_some_and(|it| it.trim() == "true") =>
                {
                    no_object(name)
                }
                _ => None,
            },
            "Report" | "ReportFolder" => self.no_folder(name, &["ReportFolder"]),
            "Dashboard" | "DashboardFolder" => self.no_folder(name, &["DashboardFolder"]),
            "Document" => self.no_folder(name, &["DocumentFolder"]),
            "EmailTemplate" => self.no_folder(name, &["EmailFolder", "EmailTemplateFolder"]),
            "FlowDefinition" => self.no_version(unit),
            "Profile" | "PermissionSet" | "MutingPermissionSet" => self.wrong_permission(unit),
            _ => None,
        }
    }

    /// A custom object without a label, neither in the file nor from before.
    fn no_label(&self, unit: &Unit) -> Option<String> {
        let key = &unit.new.key;
        let has_label = |root: &Element| {
            root.child_text("label")
                .is_some_and(|it| !it.trim().is_empty())
        };
        let is_in_file = match (&unit.document, &unit.scope) {
            (Parsed::Root(root), Scope::Whole) => has_label(root),
            _ => false,
        };
        if is_in_file || !is_own_custom(key.name.as_str()) {
            return None;
        }
        let root = self.org.metadata().element(key)?;
        (!has_label(&root))
            .then(|| "Must specify a non-empty label for the CustomObject".to_owned())
    }

    fn no_folder(&self, name: &str, types: &[&str]) -> Option<String> {
        let (folder, _) = name.rsplit_once('/')?;
        let is_there = folder.starts_with("unfiled$public")
            || types.iter().any(|it| self.names.contains(it, folder));
        (!is_there).then(|| format!("Cannot find folder:{folder}"))
    }

    fn no_version(&self, unit: &Unit) -> Option<String> {
        let Parsed::Root(root) = &unit.document else {
            return None;
        };
        let number = root.child_text("activeVersionNumber")?;
        let number: u32 = number.trim().parse().ok()?;
        let name = unit.new.key.name.as_str();
        let key = ComponentKey::parse("Flow", name).ok()?;
        let Some(component) = self.org.metadata().get(&key) else {
            return Some(format!("In field: fullName - no Flow named {name} found"));
        };
        let is_there = number == 0
            || component
                .flow
                .as_ref()
                .is_none_or(|it| it.versions.contains_key(&number));
        (!is_there).then(|| {
            format!(
                "field integrity exception: unknown (The version {number} of the flow {name} \
                 doesn't exist.)"
            )
        })
    }

    fn wrong_permission(&self, unit: &Unit) -> Option<String> {
        let Parsed::Root(root) = &unit.document else {
            return None;
        };
        for permission in root.elements_named("userPermissions") {
            let name = permission.child_text("name")?;
            let name = name.trim();
            let is_plausible = name.starts_with(|it: char| it.is_ascii_uppercase())
                && name.chars().all(|it| it.is_ascii_alphanumeric());
            if !is_plausible {
                return Some(format!("Unknown user permission: {name}"));
            }
        }
        for permission in root.elements_named("fieldPermissions") {
            let field = permission.child_text("field")?;
            let field = field.trim();
            if self.is_required(field) {
                return Some(format!("You cannot deploy to a required field: {field}"));
            }
        }
        None
    }

    /// Whether a custom field has no field-level security: required ones and masters.
    fn is_required(&self, field: &str) -> bool {
        let Ok(key) = ComponentKey::parse("CustomField", field) else {
            return false;
        };
        if !is_own_custom(field) || self.org.metadata().child(&key).is_none() {
            return false;
        }
        let Some(element) = self.org.metadata().element(&key) else {
            return false;
        };
        let says = |name: &str, value: &str| {
            element
                .child_text(name)
                .is_some_and(|it| it.trim() == value)
        };
        says("required", "true") || says("type", "MasterDetail")
    }

    /// What is wrong with the children of an object apart from what they name.
    fn of_children(&self, unit: &Unit, root: &Element) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (child, element) in children(&unit.new.key, root) {
            if let Scope::Children(named) = &unit.scope
                && !named.contains(&child)
            {
                continue;
            }
            let text = match child.type_name.as_str() {
                "CustomField" => field_problem(&child, element),
                "RecordType" => self.picklist_problem(&unit.new.key, element),
                _ => None,
            };
            if let Some(text) = text {
                problems.push(Problem {
                    key: child,
                    text,
                    line: None,
                    column: None,
                });
            }
        }
        problems
    }

    /// A value that a record type offers and its picklist does not have.
    fn picklist_problem(&self, object: &ComponentKey, record_type: &Element) -> Option<String> {
        for offered in record_type.elements_named("picklistValues") {
            let picklist = offered.child_text("picklist")?;
            let picklist = picklist.trim();
            if !is_own_custom(picklist) {
                continue;
            }
            let key = ComponentKey::parse("CustomField", &format!("{}.{picklist}", object.name));
            let field = key.ok().and_then(|it| self.org.metadata().element(&it));
            let Some(known) = field.as_ref().and_then(local_values) else {
                continue;
            };
            for value in offered.elements_named("values") {
                let name = value.child_text("fullName").unwrap_or_default();
                let name = percent_decoded(name.trim()).into_owned();
                if !known.contains(&name) {
                    return Some(format!(
                        "Picklist value: {name} in picklist: {picklist} not found"
                    ));
                }
            }
        }
        None
    }

    fn of_code(&self, unit: &Unit) -> Vec<Problem> {
        let key = &unit.new.key;
        let problem = |text: String, line, column| Problem {
            key: key.clone(),
            text,
            line: Some(line),
            column: Some(column),
        };
        match key.type_name.as_str() {
            "ApexClass" | "ApexTrigger" => {
                let source = unit
                    .new
                    .files
                    .iter()
                    .find(|it| !it.path.ends_with("-meta.xml"));
                let Some(source) = source else {
                    let text = format!("Required field is missing: body of {}", key.name);
                    return vec![problem(text, 1, 1)];
                };
                let source = String::from_utf8_lossy(&source.content);
                code::apex_mistakes(&source, &self.names, &self.gone)
                    .into_iter()
                    .map(|it| problem(it.text, it.line, it.column))
                    .collect()
            }
            type_name => code::named_in(type_name, key.name.as_str(), &unit.new.files)
                .into_iter()
                .filter(|it| !self.names.has(&it.target))
                .map(|it| problem(it.problem, it.line, 1))
                .collect(),
        }
    }
}

/// A class that changes although jobs are scheduled to run it.
fn locked(before: &SimOrg, after: &SimOrg, key: &ComponentKey) -> Option<Problem> {
    let is_class = key.type_name.as_str() == "ApexClass";
    if !is_class || !before.is_scheduled(key.name.as_str()) {
        return None;
    }
    let files = |org: &SimOrg| org.metadata().get(key).map(|it| it.files.clone());
    (files(before) != files(after)).then(|| Problem {
        key: key.clone(),
        text: SCHEDULED.to_owned(),
        line: None,
        column: None,
    })
}

/// Fields that would turn into what they cannot become; one that was deleted is another one.
fn wrong_turns(before: &SimOrg, after: &SimOrg, unit: &Unit) -> Vec<Problem> {
    let Parsed::Root(root) = &unit.document else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for (child, element) in children(&unit.new.key, root) {
        let id = |org: &SimOrg| org.metadata().child(&child).map(|it| it.id);
        if child.type_name.as_str() != "CustomField" || id(before) != id(after) {
            continue;
        }
        let old = before.metadata().element(&child);
        if let Some(text) = old.and_then(|old| wrong_turn(&old, element)) {
            problems.push(Problem {
                key: child,
                text: text.to_owned(),
                line: None,
                column: None,
            });
        }
    }
    problems
}

/// Why a field cannot become another one, in the platform's words.
fn wrong_turn(old: &Element, new: &Element) -> Option<&'static str> {
    let is_summary = |it: &Element| {
        it.child_text("type")
            .is_some_and(|it| it.trim() == "Summary")
    };
    let is_formula = |it: &Element| it.child("formula").is_some() && !is_summary(it);
    match (is_formula(old), is_formula(new)) {
        (true, false) => Some("Cannot update a field from a Formula to something else"),
        (false, true) => Some("Cannot update a field to a Formula from something else"),
        _ if !is_summary(old) && is_summary(new) => {
            Some("Cannot update a field to a Summary from something else")
        }
        _ => None,
    }
}

fn field_problem(key: &ComponentKey, field: &Element) -> Option<String> {
    let name = key.name.as_str();
    let own = name.split_once('.').map_or(name, |(_, own)| own);
    if !is_own_custom(own) {
        return None;
    }
    let lacks = |name: &str| field.child_text(name).is_none_or(|it| it.trim().is_empty());
    ["type", "label"]
        .into_iter()
        .find(|it| lacks(it))
        .map(|it| format!("Required field is missing: {it}"))
}

/// The values of a picklist that holds them itself.
fn local_values(field: &Element) -> Option<BTreeSet<String>> {
    let definition = field.child("valueSet")?.child("valueSetDefinition")?;
    let values = definition.elements_named("value");
    Some(
        values
            .filter_map(|it| it.child_text("fullName"))
            .map(|it| percent_decoded(it.trim()).into_owned())
            .collect(),
    )
}

fn text_of(key: &ComponentKey, found: &Found<'_>) -> String {
    if found.rule.is_formula() {
        let name = found.target.full_name();
        let field = name.split_once('.').map_or(name.as_str(), |(_, it)| it);
        return format!("Field {field} does not exist. Check spelling.");
    }
    if found.rule.is_on_page() {
        return format!(
            "Something went wrong. We couldn't retrieve or load the information on the field: {}.",
            found.text
        );
    }
    let element = found.rule.element();
    match (&found.target, element) {
        (Target::Named { type_name, .. }, _)
            if *type_name == LIGHTNING && key.type_name.as_str() == "FlexiPage" =>
        {
            format!(
                "We couldn't retrieve the design time component information for component {}.",
                found.text
            )
        }
        (_, "valueSetName") => "The global picklist cannot be resolved".to_owned(),
        (_, "quickActionName" | "actionName") => format!(
            "In field: QuickAction - no QuickAction named {} found",
            found.text
        ),
        _ => format!(
            "In field: {element} - no {} named {} found",
            found.target.type_name(),
            found.target.full_name()
        ),
    }
}

/// Line and column of a text in the document of a component.
fn place_of(files: &[PackageFile], text: &str) -> (Option<usize>, Option<usize>) {
    let document = files
        .iter()
        .find(|it| it.path.ends_with("-meta.xml"))
        .or(files.first());
    let place = document.and_then(|it| {
        let content = std::str::from_utf8(&it.content).ok()?;
        let at = content.find(&format!(">{text}<"))? + 1;
        let before = &content[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rfind('\n').map_or(at + 1, |it| at - it);
        Some((line, column))
    });
    (place.map(|it| it.0), place.map(|it| it.1))
}

/// Classes that the audit trail saw go and that are not there again.
fn gone_classes(org: &SimOrg) -> Vec<String> {
    let mut gone: Vec<String> = org
        .audit
        .iter()
        .filter(|it| it.action.starts_with("deleted"))
        .filter_map(|it| it.key.as_ref())
        .filter(|it| it.type_name.as_str() == "ApexClass" && !org.metadata().contains(it))
        .map(|it| it.name.to_string())
        .collect();
    gone.sort();
    gone.dedup();
    gone
}
