//! Components that are elements of a file: a label, a workflow rule, a sharing rule.
//!
//! They have names and dates of their own and no file of their own, so a change of
//! the file is told, and attributed, by them.

use super::element::{ChangeKind, ElementChange, Id};
use crate::{
    model::ComponentKey,
    registry::{Registry, Type},
};

/// A component that is an element of a file, and what a change does to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildChange {
    /// The component.
    pub key: ComponentKey,
    /// Added, removed, or changed inside.
    pub kind: ChangeKind,
}

/// Whether elements of a component's file are components that have no file of their own.
#[must_use]
pub fn has_children_inside(registry: &Registry, of: &ComponentKey) -> bool {
    holder(registry, of).is_some()
}

fn holder<'a>(registry: &'a Registry, of: &ComponentKey) -> Option<&'a Type> {
    let ty = registry.type_named(of.type_name.as_str())?;
    let has_some = ty.children.iter().any(|it| it.name_element.is_some());
    (has_some && ty.parent.is_none() && !ty.is_decomposed()).then_some(ty)
}

/// The component inside the file of `of` that a change is about.
///
/// `None` where it is about the file's own component.
#[must_use]
pub fn child_of(
    registry: &Registry,
    of: &ComponentKey,
    change: &ElementChange,
) -> Option<ChildChange> {
    let step = change.path.first()?;
    let ty = holder(registry, of)?;
    let child = ty.child_of_element(&step.name)?;
    child.name_element.as_ref()?;
    let Id::Key { texts, nth: 0 } = &step.id else {
        return None;
    };
    let [own] = texts.as_slice() else { return None };
    let name = if child.ignore_parent_name {
        own.clone()
    } else {
        format!("{}.{own}", of.name)
    };
    let kind = match change.kind {
        ChangeKind::Added | ChangeKind::Removed if change.path.len() == 1 => change.kind,
        _ => ChangeKind::Changed,
    };
    Some(ChildChange {
        key: ComponentKey::new(child.name.clone(), name.parse().ok()?),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diff::element::diff, registry::keys::KeyRules, xml};

    fn children(of: &str, before: &str, after: &str) -> Vec<String> {
        let root = |text: &str| xml::parse(text.as_bytes()).unwrap().root;
        let of: ComponentKey = of.parse().unwrap();
        diff(&root(before), &root(after), KeyRules::official())
            .iter()
            .map(|it| match child_of(Registry::official(), &of, it) {
                Some(child) => format!("{:?} {}", child.kind, child.key),
                None => "own".to_owned(),
            })
            .collect()
    }

    #[test]
    fn elements_that_are_components_are_named_as_such() {
        let rule = |name: &str, active: bool| {
            format!("<rules><fullName>{name}</fullName><active>{active}</active></rules>")
        };
        let workflow = |rules: &[String]| format!("<Workflow>{}</Workflow>", rules.concat());
        assert_eq!(
            children(
                "Workflow:Account",
                &workflow(&[rule("A", true), rule("B", true)]),
                &workflow(&[rule("A", false), rule("C", true)]),
            ),
            [
                "Changed WorkflowRule:Account.A",
                "Added WorkflowRule:Account.C",
                "Removed WorkflowRule:Account.B",
            ]
        );
        let label = |value: &str| {
            format!(
                "<CustomLabels><labels><fullName>L</fullName><value>{value}</value></labels></CustomLabels>"
            )
        };
        assert_eq!(
            children("CustomLabels:CustomLabels", &label("a"), &label("b")),
            ["Changed CustomLabel:L"]
        );
    }

    #[test]
    fn elements_of_other_files_are_their_own() {
        let profile = |custom: &str| format!("<Profile><custom>{custom}</custom></Profile>");
        assert_eq!(
            children("Profile:Admin", &profile("true"), &profile("false")),
            ["own"]
        );
        let registry = Registry::official();
        let is_holder = |it: &str| has_children_inside(registry, &it.parse().unwrap());
        assert!(is_holder("SharingRules:Account"));
        assert!(!is_holder("CustomObject:Account"));
        assert!(!is_holder("CustomField:Account.A__c"));
    }
}
