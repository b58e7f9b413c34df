//! What in a component points at what else, and what becomes of it when that goes.
//!
//! The table has a line for each kind of reference: type, path of elements,
//! what the text names, and what the deletion of that does. `!` marks the
//! element that a `drop` takes away; `block` refuses the deletion; `ignore`
//! does neither.
//!
//! | names | what the text is |
//! |---|---|
//! | `Type` | the full name of a component of that type |
//! | `own:Type` | a child's own name, of the component's object |
//! | `field:own` | a field of the component's object |
//! | `field:full` | `Object.Field` |
//! | `field:record` | `Record.Field` of the page's object |
//! | `field:column` | a report's column: `Object.Field` or `Object$Field` |
//! | `field:sibling:E`, `field:root:E` | a field of the object named in E |
//! | `field:type` | a field of a record's custom metadata type |
//! | `field:related` | a field of a related list's object |
//! | `formula` | a formula over the component's object |
//! | `component` | a Lightning component: `c:name` or `name` |
//! | `if:E=V:…` | only where the sibling E says V |
//!
//! Source: Metadata API Developer Guide, the types' own pages, for what names
//! what; Salesforce Help, "Delete Fields" and "Delete Custom Objects", for what
//! a deletion takes along.

use std::{collections::HashMap, sync::LazyLock};

use super::{
    keys::object_of_layout,
    names::{Target, is_own_field, object_of},
};
use crate::{
    model::ComponentKey,
    xml::{Element, Node},
};

/// What the deletion of what is referred to does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnDelete {
    Drop,
    Block,
    Ignore,
}

/// One line of the table.
#[derive(Debug)]
pub(super) struct Rule {
    path: Vec<&'static str>,
    /// Number of the path's element that a drop takes away.
    dropped: Option<usize>,
    names: &'static str,
    pub on_delete: OnDelete,
}

static RULES: LazyLock<HashMap<&'static str, Vec<Rule>>> = LazyLock::new(|| {
    let mut all: HashMap<_, Vec<_>> = HashMap::new();
    for line in include_str!("refs.tsv").lines() {
        let columns: Vec<&'static str> = line.split('\t').collect();
        let [type_name, path, names, on_delete] = columns[..] else {
            continue;
        };
        let steps: Vec<&str> = path.split('/').collect();
        let dropped = steps.iter().position(|it| it.starts_with('!'));
        all.entry(type_name).or_default().push(Rule {
            path: steps.iter().map(|it| it.trim_start_matches('!')).collect(),
            dropped,
            names,
            on_delete: match on_delete {
                "drop" => OnDelete::Drop,
                "block" => OnDelete::Block,
                _ => OnDelete::Ignore,
            },
        });
    }
    all
});

/// One reference found.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub rule: &'static Rule,
    pub target: Target,
    /// The text as it stands.
    pub text: String,
    /// The element of the document in which it stands, for its child's sake.
    pub top: &'a Element,
}

impl Rule {
    /// Name of the element that holds the reference.
    pub(super) fn element(&self) -> &'static str {
        self.path.last().copied().unwrap_or_default()
    }

    pub(super) fn is_formula(&self) -> bool {
        self.names == "formula"
    }

    pub(super) fn is_on_page(&self) -> bool {
        self.names == "field:record"
    }
}

/// What of the whole component a reference is read by.
struct Context<'a> {
    key: &'a ComponentKey,
    /// Texts of the root's elements that rules name.
    root: Vec<(&'static str, String)>,
}

impl<'a> Context<'a> {
    fn new(key: &'a ComponentKey, root: &Element) -> Self {
        let names = ["sobjectType", "targetObject", "entityName"];
        let texts = names.into_iter().filter_map(|name| {
            let text = root.child_text(name)?;
            Some((name, text.trim().to_owned()))
        });
        Self {
            key,
            root: texts.collect(),
        }
    }

    fn of_root(&self, name: &str) -> Option<&str> {
        let found = self.root.iter().find(|(it, _)| *it == name);
        found.map(|(_, text)| text.as_str())
    }

    /// The object that the component is about.
    fn object(&self) -> &str {
        own_object(self.key)
    }
}

/// The object that a component is about, from its name.
pub(super) fn own_object(key: &ComponentKey) -> &str {
    let name = key.name.as_str();
    match key.type_name.as_str() {
        "Layout" | "CustomObjectTranslation" => object_of_layout(name),
        _ => object_of(name),
    }
}

/// All references in a document.
pub(super) fn find<'a>(key: &ComponentKey, root: &'a Element) -> Vec<Found<'a>> {
    let Some(rules) = RULES.get(key.type_name.as_str()) else {
        return Vec::new();
    };
    let context = Context::new(key, root);
    let mut found = Vec::new();
    for rule in rules {
        for top in root.elements_named(rule.path[0]) {
            walk(rule, &context, top, root, 1, top, &mut found);
        }
    }
    found
}

fn walk<'a>(
    rule: &'static Rule,
    context: &Context<'_>,
    element: &Element,
    parent: &Element,
    depth: usize,
    top: &'a Element,
    found: &mut Vec<Found<'a>>,
) {
    let Some(next) = rule.path.get(depth) else {
        let text = element.text();
        let text = text.trim();
        if !text.is_empty() {
            for target in targets(rule.names, text, parent, context) {
                found.push(Found {
                    rule,
                    target,
                    text: text.to_owned(),
                    top,
                });
            }
        }
        return;
    };
    for child in element.elements_named(next) {
        walk(rule, context, child, element, depth + 1, top, found);
    }
}

/// Takes away what refers to something that `is_gone`; says how many entries went.
pub(super) fn prune(
    key: &ComponentKey,
    root: &mut Element,
    is_gone: &dyn Fn(&Target) -> bool,
) -> usize {
    let Some(rules) = RULES.get(key.type_name.as_str()) else {
        return 0;
    };
    let context = Context::new(key, root);
    let mut n = 0;
    for rule in rules {
        if let (Some(at), OnDelete::Drop) = (rule.dropped, rule.on_delete) {
            n += prune_at(rule, &context, root, 0, at, is_gone);
        }
    }
    n
}

fn prune_at(
    rule: &Rule,
    context: &Context<'_>,
    element: &mut Element,
    depth: usize,
    at: usize,
    is_gone: &dyn Fn(&Target) -> bool,
) -> usize {
    let name = rule.path[depth];
    if depth < at {
        let inner = element.elements_mut().filter(|it| it.local_name() == name);
        return inner
            .map(|it| prune_at(rule, context, it, depth + 1, at, is_gone))
            .sum();
    }
    let doomed: Vec<bool> = element
        .children
        .iter()
        .map(|node| match node {
            Node::Element(it) if it.local_name() == name => {
                refers(rule, context, it, element, depth + 1, is_gone)
            }
            _ => false,
        })
        .collect();
    let n = doomed.iter().filter(|it| **it).count();
    let mut doomed = doomed.into_iter();
    element.children.retain(|_| !doomed.next().unwrap_or(false));
    if 0 < n && name == "filters" {
        // Its numbers would point at other filters now.
        element.children.retain(|it| match it {
            Node::Element(it) => it.local_name() != "booleanFilter",
            _ => true,
        });
    }
    n
}

fn refers(
    rule: &Rule,
    context: &Context<'_>,
    element: &Element,
    parent: &Element,
    depth: usize,
    is_gone: &dyn Fn(&Target) -> bool,
) -> bool {
    match rule.path.get(depth) {
        None => {
            let text = element.text();
            targets(rule.names, text.trim(), parent, context)
                .iter()
                .any(is_gone)
        }
        Some(next) => element
            .elements_named(next)
            .any(|it| refers(rule, context, it, element, depth + 1, is_gone)),
    }
}

/// What a text names by a rule.
fn targets(
    names: &'static str,
    text: &str,
    parent: &Element,
    context: &Context<'_>,
) -> Vec<Target> {
    if let Some(rest) = names.strip_prefix("if:") {
        let Some((condition, names)) = rest.split_once(':') else {
            return Vec::new();
        };
        let (name, wanted) = condition.split_once('=').unwrap_or((condition, ""));
        let is_met = parent
            .child_text(name)
            .is_some_and(|it| it.trim().eq_ignore_ascii_case(wanted));
        return if is_met {
            targets(names, text, parent, context)
        } else {
            Vec::new()
        };
    }
    if let Some(type_name) = names.strip_prefix("own:") {
        let name = if text.contains('.') {
            text.to_owned()
        } else {
            format!("{}.{text}", context.object())
        };
        return vec![Target::named(type_name, &name)];
    }
    let field = |object: &str, field: &str| vec![Target::field(object, field)];
    let full = |text: &str| match text.split_once('.') {
        Some((object, name)) if !object.starts_with('$') => field(object, name),
        _ => Vec::new(),
    };
    if let Some(name) = names.strip_prefix("field:sibling:") {
        let object = parent.child_text(name);
        let object = object.as_deref().map(str::trim).unwrap_or_default();
        return match object.contains('.') {
            true => Vec::new(),
            false => field(object, text),
        };
    }
    if let Some(name) = names.strip_prefix("field:root:") {
        let object = context.of_root(name);
        return object.map_or(Vec::new(), |it| field(it, text));
    }
    match names {
        "field:own" => match text.split_once('.') {
            Some((object, name)) if object == context.object() => field(object, name),
            Some((object, name)) if is_own_field(name) && !object.ends_with("__r") => {
                field(object, name)
            }
            Some(_) => Vec::new(),
            None => field(context.object(), text),
        },
        "field:full" => full(text),
        "field:record" => match (text.strip_prefix("Record."), context.of_root("sobjectType")) {
            (Some(name), Some(object)) => field(object, name),
            _ => Vec::new(),
        },
        "field:column" => column(text),
        "field:type" => field(&format!("{}__mdt", context.object()), text),
        "field:related" => {
            let list = parent.child_text("relatedList");
            match list
                .as_deref()
                .map(str::trim)
                .and_then(|it| it.split_once('.'))
            {
                Some((object, _)) if is_own_field(text) => field(object, text),
                _ => Vec::new(),
            }
        }
        "relatedlist" => match text.split_once('.') {
            Some((object, name)) if is_own_field(name) => field(object, name),
            _ => Vec::new(),
        },
        "reporttype" => report_type(text),
        "formula" => super::formula::fields(text, context.object()),
        "component" => component(text),
        type_name => vec![Target::named(type_name, text)],
    }
}

fn column(text: &str) -> Vec<Target> {
    let mut parts = text.split(['.', '$']);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(object), Some(name), None) if is_own_field(name) => {
            vec![Target::field(object, name)]
        }
        _ => Vec::new(),
    }
}

fn report_type(text: &str) -> Vec<Target> {
    if let Some((_, object)) = text.split_once('$') {
        let object = object.split(['@', '$', '.']).next().unwrap_or(object);
        return vec![Target::named("CustomObject", object)];
    }
    match text.strip_suffix("__c") {
        Some(name) if !name.contains("__") => vec![Target::named("ReportType", name)],
        _ => Vec::new(),
    }
}

fn component(text: &str) -> Vec<Target> {
    let name = match text.split_once(':') {
        Some(("c", name)) => name,
        Some(_) => return Vec::new(),
        None => text,
    };
    vec![Target::named(super::names::LIGHTNING, name)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn root(text: &str) -> Element {
        xml::parse(text.as_bytes()).unwrap().root
    }

    #[test]
    fn every_line_of_the_table_is_a_rule() {
        let n: usize = RULES.values().map(Vec::len).sum();
        assert_eq!(n, include_str!("refs.tsv").lines().count());
        for rules in RULES.values() {
            for rule in rules {
                let must_drop = rule.on_delete == OnDelete::Drop;
                assert!(!must_drop || rule.dropped.is_some(), "{rule:?}");
            }
        }
    }

    #[test]
    fn layout_item_is_found_and_pruned_by_its_field() {
        let key = "Layout:Account-Account Layout".parse().unwrap();
        let mut doc = root(
            "<Layout><layoutSections><layoutColumns>\
             <layoutItems><field>A__c</field></layoutItems>\
             <layoutItems><field>B__c</field></layoutItems>\
             </layoutColumns></layoutSections></Layout>",
        );
        let targets: Vec<_> = find(&key, &doc).into_iter().map(|it| it.target).collect();
        assert_eq!(
            targets,
            [
                Target::field("Account", "A__c"),
                Target::field("Account", "B__c")
            ]
        );
        let gone = Target::field("Account", "A__c");
        assert_eq!(prune(&key, &mut doc, &|it| *it == gone), 1);
        assert_eq!(find(&key, &doc).len(), 1);
    }

    #[test]
    fn condition_on_a_sibling_decides_what_a_name_means() {
        let key = "Workflow:Account".parse().unwrap();
        let doc = root(
            "<Workflow><rules><fullName>R</fullName><actions><name>U</name>\
             <type>FieldUpdate</type></actions></rules></Workflow>",
        );
        let targets: Vec<_> = find(&key, &doc).into_iter().map(|it| it.target).collect();
        assert_eq!(targets, [Target::named("WorkflowFieldUpdate", "Account.U")]);
    }

    #[test]
    fn report_columns_name_their_object_by_dot_or_dollar() {
        assert_eq!(column("Account.X__c"), [Target::field("Account", "X__c")]);
        assert_eq!(column("O__c$X__c"), [Target::field("O__c", "X__c")]);
        assert_eq!(column("AMOUNT"), []);
        assert_eq!(column("O__c.P__r$X__c"), []);
        assert_eq!(
            report_type("Accounts_with_Cases__c"),
            [Target::named("ReportType", "Accounts_with_Cases")]
        );
        assert_eq!(
            report_type("CustomEntity$O__c"),
            [Target::named("CustomObject", "O__c")]
        );
    }
}
