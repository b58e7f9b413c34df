//! Changes in words, one line each.
//!
//! Names and values come from an org: whoever shows them escapes them.

use super::{ChangeKind, ElementChange, Id, Step, align::COMMENT};
use crate::{
    registry::keys::{KeyRules, Order},
    xml::{Element, Node},
};

/// Longest value that is shown, in characters; a longer one is only said to differ.
const MAX_VALUE: usize = 40;

/// What an element is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noun {
    /// One of it, to be counted: `field permission`.
    pub one: &'static str,
    /// Several of it: `field permissions`.
    pub many: &'static str,
}

struct Word {
    /// The root it holds for; any where empty.
    root: &'static str,
    element: &'static str,
    /// In front of its key in a line; empty for the element's own name.
    label: &'static str,
    noun: Noun,
}

const fn word(
    root: &'static str,
    element: &'static str,
    label: &'static str,
    one: &'static str,
    many: &'static str,
) -> Word {
    Word {
        root,
        element,
        label,
        noun: Noun { one, many },
    }
}

/// Rows for one type stand before those for any.
const WORDS: &[Word] = &[
    word(
        "ListView",
        "columns",
        "column",
        "list view column",
        "list view columns",
    ),
    word(
        "ListView",
        "filters",
        "filter",
        "list view filter",
        "list view filters",
    ),
    word(
        "Report",
        "columns",
        "column",
        "report column",
        "report columns",
    ),
    word(
        "CompactLayout",
        "fields",
        "field",
        "compact layout field",
        "compact layout fields",
    ),
    word(
        "FieldSet",
        "displayedFields",
        "field",
        "field set field",
        "field set fields",
    ),
    word(
        "FieldSet",
        "availableFields",
        "available field",
        "field set field",
        "field set fields",
    ),
    word(
        "RecordType",
        "picklistValues",
        "picklist",
        "record type picklist",
        "record type picklists",
    ),
    word(
        "RecordType",
        "values",
        "value",
        "record type value",
        "record type values",
    ),
    word("Flow", "rules", "outcome", "outcome", "outcomes"),
    word(
        "Flow",
        "fields",
        "screen field",
        "screen field",
        "screen fields",
    ),
    word("Flow", "conditions", "condition", "condition", "conditions"),
    word("Flow", "filters", "filter", "filter", "filters"),
    word("Flow", "actionCalls", "action", "action", "actions"),
    word(
        "Workflow",
        "rules",
        "rule",
        "workflow rule",
        "workflow rules",
    ),
    word(
        "CustomMetadata",
        "values",
        "field",
        "field value",
        "field values",
    ),
    word(
        "ReportType",
        "columns",
        "column",
        "report type column",
        "report type columns",
    ),
    word(
        "",
        "fieldPermissions",
        "",
        "field permission",
        "field permissions",
    ),
    word(
        "",
        "objectPermissions",
        "",
        "object permission",
        "object permissions",
    ),
    word(
        "",
        "userPermissions",
        "",
        "user permission",
        "user permissions",
    ),
    word(
        "",
        "customPermissions",
        "",
        "custom permission",
        "custom permissions",
    ),
    word("", "classAccesses", "", "class access", "class accesses"),
    word("", "pageAccesses", "", "page access", "page accesses"),
    word("", "flowAccesses", "", "flow access", "flow accesses"),
    word(
        "",
        "customMetadataTypeAccesses",
        "",
        "metadata type access",
        "metadata type accesses",
    ),
    word(
        "",
        "customSettingAccesses",
        "",
        "custom setting access",
        "custom setting accesses",
    ),
    word(
        "",
        "applicationVisibilities",
        "",
        "app visibility",
        "app visibilities",
    ),
    word(
        "",
        "recordTypeVisibilities",
        "",
        "record type visibility",
        "record type visibilities",
    ),
    word("", "tabVisibilities", "", "tab setting", "tab settings"),
    word("", "tabSettings", "", "tab setting", "tab settings"),
    word(
        "",
        "layoutAssignments",
        "",
        "layout assignment",
        "layout assignments",
    ),
    word(
        "",
        "layoutSections",
        "section",
        "layout section",
        "layout sections",
    ),
    word(
        "",
        "layoutColumns",
        "layout column",
        "layout column",
        "layout columns",
    ),
    word(
        "",
        "layoutItems",
        "layout item",
        "layout item",
        "layout items",
    ),
    word(
        "",
        "quickActionLayoutItems",
        "layout item",
        "layout item",
        "layout items",
    ),
    word(
        "",
        "relatedLists",
        "related list",
        "related list",
        "related lists",
    ),
    word(
        "",
        "quickActionListItems",
        "action",
        "layout action",
        "layout actions",
    ),
    word(
        "",
        "platformActionListItems",
        "action",
        "layout action",
        "layout actions",
    ),
    word(
        "",
        "summaryLayoutItems",
        "highlight",
        "highlight",
        "highlights",
    ),
    word(
        "",
        "flexiPageRegions",
        "region",
        "page region",
        "page regions",
    ),
    word("", "itemInstances", "page item", "page item", "page items"),
    word(
        "",
        "componentInstanceProperties",
        "property",
        "component property",
        "component properties",
    ),
    word("", "criteriaItems", "filter", "filter", "filters"),
    word("", "filterItems", "filter", "filter", "filters"),
    word("", "groupingsDown", "grouping", "grouping", "groupings"),
    word(
        "",
        "groupingsAcross",
        "column grouping",
        "column grouping",
        "column groupings",
    ),
    word("", "buckets", "bucket", "bucket", "buckets"),
    word(
        "",
        "aggregates",
        "summary",
        "report summary",
        "report summaries",
    ),
    word(
        "",
        "dashboardGridComponents",
        "dashboard component",
        "dashboard component",
        "dashboard components",
    ),
    word(
        "",
        "dashboardFilters",
        "dashboard filter",
        "dashboard filter",
        "dashboard filters",
    ),
    word(
        "",
        "valueSettings",
        "dependent value",
        "dependent value",
        "dependent values",
    ),
    word("", "value", "value", "picklist value", "picklist values"),
    word(
        "",
        "customValue",
        "value",
        "picklist value",
        "picklist values",
    ),
    word(
        "",
        "standardValue",
        "value",
        "picklist value",
        "picklist values",
    ),
    word(
        "",
        "picklistValues",
        "value",
        "picklist value",
        "picklist values",
    ),
    word("", "labels", "label", "label", "labels"),
    word(
        "",
        "valueTranslation",
        "translation of value",
        "value translation",
        "value translations",
    ),
    word("", "ruleEntry", "rule entry", "rule entry", "rule entries"),
    word(
        "",
        "assignmentRule",
        "rule",
        "assignment rule",
        "assignment rules",
    ),
    word(
        "",
        "approvalStep",
        "step",
        "approval step",
        "approval steps",
    ),
    word(
        "",
        "sharingCriteriaRules",
        "rule",
        "sharing rule",
        "sharing rules",
    ),
    word(
        "",
        "sharingOwnerRules",
        "rule",
        "sharing rule",
        "sharing rules",
    ),
    word(
        "",
        "sharingGuestRules",
        "rule",
        "sharing rule",
        "sharing rules",
    ),
    word(
        "",
        "fieldUpdates",
        "field update",
        "field update",
        "field updates",
    ),
    word("", "alerts", "alert", "e-mail alert", "e-mail alerts"),
    word(
        "",
        "outboundMessages",
        "outbound message",
        "outbound message",
        "outbound messages",
    ),
    word(
        "",
        "actionOverrides",
        "action override",
        "action override",
        "action overrides",
    ),
    word("", "decisions", "decision", "decision", "decisions"),
    word("", "assignments", "assignment", "assignment", "assignments"),
    word(
        "",
        "assignmentItems",
        "assignment",
        "assignment",
        "assignments",
    ),
    word("", "screens", "screen", "screen", "screens"),
    word("", "variables", "variable", "variable", "variables"),
    word("", "formulas", "formula", "formula", "formulas"),
    word(
        "",
        "recordLookups",
        "Get Records",
        "Get Records element",
        "Get Records elements",
    ),
    word(
        "",
        "recordCreates",
        "Create Records",
        "Create Records element",
        "Create Records elements",
    ),
    word(
        "",
        "recordUpdates",
        "Update Records",
        "Update Records element",
        "Update Records elements",
    ),
    word(
        "",
        "recordDeletes",
        "Delete Records",
        "Delete Records element",
        "Delete Records elements",
    ),
    word("", "subflows", "subflow", "subflow", "subflows"),
    word("", "loops", "loop", "loop", "loops"),
    word("", COMMENT, "comment", "comment", "comments"),
];

/// Parts of a document that say nothing where something in them is named.
const FRAMES: [&str; 4] = [
    "layoutSections",
    "layoutColumns",
    "flexiPageRegions",
    "quickActionLayoutColumns",
];

fn word_for(root: &str, element: &str) -> Option<&'static Word> {
    WORDS
        .iter()
        .find(|it| it.element == element && (it.root.is_empty() || it.root == root))
}

/// What the element that a change is about is called, to count such changes.
///
/// That of the last item on its way: a changed `editable` is a field permission.
#[must_use]
pub fn noun(root: &str, change: &ElementChange) -> Option<Noun> {
    let known = |step: &Step| word_for(root, &step.name).map(|it| it.noun);
    change.path.iter().rev().find_map(known)
}

/// The change in one line with values: `fieldPermissions Account.Region__c: editable true → false`.
///
/// `root` is the name of the document's root element.
#[must_use]
pub fn describe(root: &str, change: &ElementChange, keys: &KeyRules) -> String {
    let (items, rest) = subject(root, change, keys);
    let mut line = items.join(", ");
    if !rest.is_empty() {
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&rest.join("."));
    }
    if line.is_empty() {
        line.push_str(root);
    }
    let neighbour = |place: &Option<super::Place>, step: Option<&Step>| {
        let is_list = is_list(root, &change.path, keys);
        let previous = place.as_ref()?.previous.as_ref()?;
        let same = step.is_some_and(|it| it.name == previous.name);
        let is_named = matches!(previous.id, Id::Key { .. });
        (is_list && same && is_named).then(|| format!(" after {}", id(previous)))
    };
    let after = |place| neighbour(place, change.path.last()).unwrap_or_default();
    match change.kind {
        ChangeKind::Added => match short_value(change.after.as_ref()) {
            Some(value) if items.is_empty() => format!("{line} {value} added"),
            _ => format!("{line}{} added", after(&change.to)),
        },
        ChangeKind::Removed => format!("{line}{} removed", after(&change.from)),
        ChangeKind::Moved => match neighbour(&change.to, change.path.last()) {
            Some(after) => format!("{line} moved{after}"),
            None => format!("{line} moved to the front"),
        },
        ChangeKind::Attributes => format!("{line}: attributes"),
        ChangeKind::Changed => {
            let values = (
                short_value(change.before.as_ref()),
                short_value(change.after.as_ref()),
            );
            match values {
                (Some(before), Some(after)) => format!("{line} {before} → {after}"),
                _ => line,
            }
        }
    }
}

/// The change in as few words as name it: `errorMessage`, `filter 2`.
#[must_use]
pub fn short(root: &str, change: &ElementChange, keys: &KeyRules) -> String {
    let (items, rest) = subject(root, change, keys);
    match (items.last(), rest.last()) {
        (Some(item), _) => item.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => root.to_owned(),
    }
}

/// The named items on the way to a change, and the elements behind the last.
fn subject(root: &str, change: &ElementChange, keys: &KeyRules) -> (Vec<String>, Vec<String>) {
    let mut scope = keys.root(root);
    let (mut items, mut rest) = (Vec::new(), Vec::new());
    let mut frames = Vec::new();
    for step in &change.path {
        let (rule, inside) = keys.look_up(scope, &step.name);
        scope = inside;
        let is_item = match &step.id {
            Id::Key { .. } => true,
            Id::Nth { .. } => matches!(rule.order, Order::List | Order::Set),
        };
        if !is_item {
            rest.push(step.name.clone());
            continue;
        }
        rest.clear();
        let label = match word_for(root, &step.name) {
            Some(word) if !word.label.is_empty() => word.label,
            _ => &step.name,
        };
        let item = format!("{label} {}", id(step));
        if FRAMES.contains(&step.name.as_str()) {
            frames.push(item);
        } else {
            items.push(item);
        }
    }
    if items.is_empty() {
        items = frames;
    }
    (items, rest)
}

fn is_list(root: &str, path: &[Step], keys: &KeyRules) -> bool {
    let mut scope = keys.root(root);
    let mut order = Order::Unknown;
    for step in path {
        let (rule, inside) = keys.look_up(scope, &step.name);
        (order, scope) = (rule.order, inside);
    }
    order == Order::List
}

fn id(step: &Step) -> String {
    match &step.id {
        Id::Key { texts, nth } => {
            let texts: Vec<_> = texts
                .iter()
                .map(String::as_str)
                .filter(|it| !it.is_empty())
                .collect();
            let text = texts.join(" ");
            if *nth == 0 {
                text
            } else {
                format!("{text} ({})", nth + 1)
            }
        }
        Id::Nth { before, after } => {
            let nth = after.or(*before).unwrap_or_default();
            (nth + 1).to_string()
        }
    }
}

/// The value of an element that holds a short text in one line.
fn short_value(node: Option<&Node>) -> Option<String> {
    let Node::Element(element) = node? else {
        return None;
    };
    if element.has_elements() {
        return None;
    }
    if element.is_nil() {
        return Some("(none)".to_owned());
    }
    let value = text(element);
    let fits = value.chars().count() <= MAX_VALUE && !value.contains('\n');
    fits.then(|| {
        if value.is_empty() {
            "(empty)".to_owned()
        } else {
            value
        }
    })
}

fn text(element: &Element) -> String {
    element.text().trim().to_owned()
}
