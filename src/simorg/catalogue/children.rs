//! Types that live in the file of another type and have names of their own.

use crate::xml::Element;

/// A child type: the fields of an object, the alerts of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildType {
    /// Type of the file it lives in.
    pub parent: &'static str,
    /// Its own type.
    pub name: &'static str,
    /// Name of its element in the parent's file.
    pub element: &'static str,
    /// Whether its full name begins with the parent's name and a dot.
    pub with_parent_name: bool,
}

const fn child(parent: &'static str, name: &'static str, element: &'static str) -> ChildType {
    ChildType {
        parent,
        name,
        element,
        with_parent_name: true,
    }
}

/// All child types.
///
/// Source: the official registry's children; element names from the Metadata
/// API 66.0 WSDL.
const CHILD_TYPES: &[ChildType] = &[
    child(
        "AIScoringModelDefinition",
        "AIScoringModelDefVersion",
        "aiScoringModelDefVersions",
    ),
    child("AssignmentRules", "AssignmentRule", "assignmentRule"),
    child("AutoResponseRules", "AutoResponseRule", "autoResponseRule"),
    child("Bot", "BotVersion", "botVersions"),
    ChildType {
        with_parent_name: false,
        ..child("CustomLabels", "CustomLabel", "labels")
    },
    child("CustomObject", "BusinessProcess", "businessProcesses"),
    child("CustomObject", "CompactLayout", "compactLayouts"),
    child("CustomObject", "CustomField", "fields"),
    child("CustomObject", "FieldSet", "fieldSets"),
    child("CustomObject", "Index", "indexes"),
    child("CustomObject", "ListView", "listViews"),
    child("CustomObject", "RecordType", "recordTypes"),
    child("CustomObject", "SharingReason", "sharingReasons"),
    child("CustomObject", "ValidationRule", "validationRules"),
    child("CustomObject", "WebLink", "webLinks"),
    child("EscalationRules", "EscalationRule", "escalationRule"),
    child(
        "ExtDataTranObjectTemplate",
        "ExtDataTranFieldTemplate",
        "extDataTranFieldTemplates",
    ),
    child("ManagedTopics", "ManagedTopic", "managedTopic"),
    child("MatchingRules", "MatchingRule", "matchingRules"),
    child("MktDataTranObject", "MktDataTranField", "mktDataTranFields"),
    child(
        "SharingRules",
        "SharingCriteriaRule",
        "sharingCriteriaRules",
    ),
    child("SharingRules", "SharingGuestRule", "sharingGuestRules"),
    child("SharingRules", "SharingOwnerRule", "sharingOwnerRules"),
    child(
        "SharingRules",
        "SharingTerritoryRule",
        "sharingTerritoryRules",
    ),
    child("Workflow", "WorkflowAlert", "alerts"),
    child("Workflow", "WorkflowFieldUpdate", "fieldUpdates"),
    child("Workflow", "WorkflowFlowAction", "flowActions"),
    child("Workflow", "WorkflowKnowledgePublish", "knowledgePublishes"),
    child("Workflow", "WorkflowOutboundMessage", "outboundMessages"),
    child("Workflow", "WorkflowRule", "rules"),
    child("Workflow", "WorkflowSend", "send"),
    child("Workflow", "WorkflowTask", "tasks"),
    child(
        "WorkSkillRouting",
        "WorkSkillRoutingAttribute",
        "workSkillRoutingAttributes",
    ),
];

/// The child types of `parent`; none for most types.
pub fn child_types_of(parent: &str) -> impl Iterator<Item = &'static ChildType> {
    CHILD_TYPES.iter().filter(move |it| it.parent == parent)
}

/// The child type `name`.
#[must_use]
pub fn child_type_named(name: &str) -> Option<&'static ChildType> {
    CHILD_TYPES.iter().find(|it| it.name == name)
}

impl ChildType {
    /// Full name of the child `element` in the file of `parent`.
    ///
    /// `None` for an element without a name.
    #[must_use]
    pub fn full_name(&self, parent: &str, element: &Element) -> Option<String> {
        let name = element_key(element)?;
        Some(if self.with_parent_name {
            format!("{parent}.{name}")
        } else {
            name
        })
    }

    /// Name of the parent's component, from the full name of a child.
    #[must_use]
    pub fn parent_name<'a>(&self, full_name: &'a str) -> Option<&'a str> {
        if self.with_parent_name {
            full_name.split_once('.').map(|(parent, _)| parent)
        } else {
            Some(self.parent)
        }
    }

    /// Name of the child within its parent, from its full name.
    #[must_use]
    pub fn own_name<'a>(&self, full_name: &'a str) -> &'a str {
        match full_name.split_once('.') {
            Some((_, own)) if self.with_parent_name => own,
            _ => full_name,
        }
    }
}

/// The name by which a child element is told from its siblings.
#[must_use]
pub fn element_key(element: &Element) -> Option<String> {
    let text = element.child_text("fullName")?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
