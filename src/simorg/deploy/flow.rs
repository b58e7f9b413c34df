//! What a flow names.

use super::names::{LIGHTNING, Target, is_own_custom};
use crate::xml::Element;

/// A name in a flow, and what is said where it is missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub target: Target,
    pub problem: String,
}

/// The objects, fields, classes, flows and components that a flow names.
pub(super) fn named_in(root: &Element) -> Vec<Named> {
    let mut found = Vec::new();
    visit(root, &mut found, 0);
    found
}

fn visit(element: &Element, found: &mut Vec<Named>, depth: usize) {
    let text = |name: &str| {
        element
            .child_text(name)
            .map(|it| it.trim().to_owned())
            .filter(|it| !it.is_empty())
    };
    for name in ["object", "objectType"] {
        if let Some(object) = text(name)
            && is_own_custom(&object)
        {
            found.push(Named {
                problem: format!(
                    "field integrity exception: unknown (The object \"{object}\" doesn't exist.)"
                ),
                target: Target::named("CustomObject", &object),
            });
        }
    }
    if let Some(object) = text("object") {
        fields(element, &object, found);
    }
    let mut add = |type_name, name: Option<String>| {
        if let Some(name) = name {
            found.push(Named {
                problem: format!(
                    "In field: {} - no {type_name} named {name} found",
                    element.local_name()
                ),
                target: Target::named(type_name, &name),
            });
        }
    };
    match element.local_name() {
        "subflows" => add("Flow", text("flowName")),
        "apexPluginCalls" => add("ApexClass", text("apexClass")),
        "actionCalls" => match text("actionType").as_deref() {
            Some("apex") => add("ApexClass", text("actionName")),
            Some("flow") => add("Flow", text("actionName")),
            Some("emailAlert") => add("WorkflowAlert", text("actionName")),
            Some("quickAction") => add("QuickAction", text("actionName")),
            _ => (),
        },
        "fields" => {
            let own = text("extensionName").and_then(|it| it.strip_prefix("c:").map(str::to_owned));
            add(LIGHTNING, own);
        }
        _ => (),
    }
    if depth < 12 {
        for child in element.elements() {
            visit(child, found, depth + 1);
        }
    }
}

/// The fields of the object that an element works on.
fn fields(element: &Element, object: &str, found: &mut Vec<Named>) {
    let mut add = |field: &str| {
        if is_own_custom(field) {
            found.push(Named {
                problem: format!(
                    "field integrity exception: unknown (The field \"{field}\" for the object \
                     \"{object}\" doesn't exist.)"
                ),
                target: Target::field(object, field),
            });
        }
    };
    for name in ["filters", "inputAssignments", "outputAssignments"] {
        for inner in element.elements_named(name) {
            if let Some(field) = inner.child_text("field") {
                add(field.trim());
            }
        }
    }
    for inner in element.elements_named("queriedFields") {
        add(inner.text().trim());
    }
    if let Some(field) = element.child_text("sortField") {
        add(field.trim());
    }
}

/// Whether the text of a flow uses a field of an object.
///
/// Coarse: a flow that names the object and the field somewhere uses it.
pub(super) fn uses_field(text: &str, object: &str, field: &str) -> bool {
    super::code::has_word(text, field)
        && (text.contains(&format!(">{object}<")) || text.contains(&format!("{object}.{field}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    #[test]
    fn flow_names_objects_fields_actions_and_subflows() {
        let text = "<Flow><actionCalls><actionName>Desk</actionName><actionType>apex</actionType></actionCalls>\
            <recordLookups><filters><field>Size__c</field></filters><object>Item__c</object>\
            <queriedFields>Id</queriedFields></recordLookups>\
            <subflows><flowName>Other</flowName></subflows></Flow>";
        let root = xml::parse(text.as_bytes()).unwrap().root;
        let mut names: Vec<_> = named_in(&root)
            .into_iter()
            .map(|it| it.target.full_name())
            .collect();
        names.sort();
        assert_eq!(names, ["Desk", "Item__c", "Item__c.Size__c", "Other"]);
        assert!(uses_field(text, "Item__c", "Size__c"));
        assert!(!uses_field(text, "Item__c", "Size"));
    }
}
