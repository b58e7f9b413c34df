//! Puts in order what has no order of its own.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap};

use crate::{
    registry::keys::{Key, KeyRules, Order, Scope},
    xml::{Element, Node, render_element},
};

/// Sorts each set in `root` by its key, and the groups that come in no fixed order.
///
/// Equal keys are sorted by content, so that the result is a function of the
/// set; nothing is dropped. A comment goes with the element behind it.
pub fn sort(root: &mut Element, keys: &KeyRules) {
    let scope = keys.root(root.local_name());
    sort_in(root, scope, keys);
}

/// `root` as [`sort`] leaves it; borrowed where it is so already.
#[must_use]
pub fn sorted<'a>(root: &'a Element, keys: &KeyRules) -> Cow<'a, Element> {
    if is_sorted_in(root, keys.root(root.local_name()), keys) {
        return Cow::Borrowed(root);
    }
    let mut root = root.clone();
    sort(&mut root, keys);
    Cow::Owned(root)
}

/// Whether `element` and all in it are in order.
fn is_sorted_in(element: &Element, scope: Scope, keys: &KeyRules) -> bool {
    let mut sets: HashMap<String, &Key> = HashMap::new();
    for child in element.elements() {
        let (rule, inside) = keys.look_up(scope, child.local_name());
        if rule.order == Order::Set && !sets.contains_key(&child.name) {
            sets.insert(child.name.clone(), &rule.sort);
        }
        if !is_sorted_in(child, inside, keys) {
            return false;
        }
    }
    let by_name = keys.groups_by_name(scope);
    (sets.is_empty() && !by_name)
        || element.children.iter().any(has_text)
        || is_sorted(element, &sets, by_name)
}

fn has_text(node: &Node) -> bool {
    matches!(node, Node::Text(_) | Node::CData(_))
}

fn sort_in(element: &mut Element, scope: Scope, keys: &KeyRules) {
    let mut sets: HashMap<String, &Key> = HashMap::new();
    let mut n_elements = 0_usize;
    for child in element.elements_mut() {
        n_elements += 1;
        let (rule, inside) = keys.look_up(scope, child.local_name());
        if rule.order == Order::Set && !sets.contains_key(&child.name) {
            sets.insert(child.name.clone(), &rule.sort);
        }
        sort_in(child, inside, keys);
    }
    let by_name = keys.groups_by_name(scope);
    if n_elements < 2 || (sets.is_empty() && !by_name) || element.children.iter().any(has_text) {
        return;
    }
    sort_children(element, &sets, by_name);
}

/// An element with the comments in front of it.
struct Unit {
    element: Element,
    comments: Vec<Node>,
}

fn sort_children(element: &mut Element, sets: &HashMap<String, &Key>, by_name: bool) {
    if is_sorted(element, sets, by_name) {
        return;
    }
    let mut units: Vec<Option<Unit>> = Vec::new();
    let mut comments = Vec::new();
    for node in std::mem::take(&mut element.children) {
        match node {
            Node::Element(element) => units.push(Some(Unit {
                element,
                comments: std::mem::take(&mut comments),
            })),
            other => comments.push(other),
        }
    }
    if by_name {
        let name = |it: &Option<Unit>| it.as_ref().map(|it| it.element.name.clone());
        units.sort_by_cached_key(name);
    }
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, unit) in units.iter().enumerate() {
        let name = unit.as_ref().map(|it| it.element.name.as_str());
        if let Some(name) = name.filter(|it| sets.contains_key(*it)) {
            match places.get_mut(name) {
                Some(places) => places.push(at),
                None => drop(places.insert(name.to_owned(), vec![at])),
            }
        }
    }
    for (name, places) in places {
        let key = sets[&name];
        let mut group: Vec<Unit> = places.iter().filter_map(|at| units[*at].take()).collect();
        group.sort_by(|one, other| compare(key, &one.element, &other.element));
        for (at, unit) in places.into_iter().zip(group) {
            units[at] = Some(unit);
        }
    }
    for unit in units.into_iter().flatten() {
        element.children.extend(unit.comments);
        element.children.push(Node::Element(unit.element));
    }
    element.children.append(&mut comments);
}

fn compare(key: &Key, one: &Element, other: &Element) -> Ordering {
    key.compare(one, other)
        .then_with(|| render_element(one).cmp(&render_element(other)))
}

fn is_sorted(element: &Element, sets: &HashMap<String, &Key>, by_name: bool) -> bool {
    let mut last: HashMap<&str, &Element> = HashMap::new();
    let mut before: Option<&str> = None;
    for child in element.elements() {
        if by_name && before.is_some_and(|it| it > child.name.as_str()) {
            return false;
        }
        before = Some(&child.name);
        if let Some(key) = sets.get(&child.name)
            && let Some(before) = last.insert(&child.name, child)
            && compare(key, before, child).is_gt()
        {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    fn in_order(text: &str) -> String {
        let mut root = parse(text.as_bytes()).unwrap().root;
        sort(&mut root, KeyRules::official());
        render_element(&root)
    }

    #[test]
    fn set_is_sorted_by_its_key_and_a_list_is_not() {
        let text = in_order(
            "<CustomField><valueSet><valueSetDefinition>\
             <value><fullName>B</fullName></value><value><fullName>A</fullName></value>\
             </valueSetDefinition>\
             <valueSettings><controllingFieldValue>y</controllingFieldValue>\
             <controllingFieldValue>x</controllingFieldValue><valueName>B</valueName></valueSettings>\
             <valueSettings><valueName>A</valueName></valueSettings></valueSet></CustomField>",
        );
        insta::assert_snapshot!(text, @r"
        <CustomField>
            <valueSet>
                <valueSetDefinition>
                    <value>
                        <fullName>B</fullName>
                    </value>
                    <value>
                        <fullName>A</fullName>
                    </value>
                </valueSetDefinition>
                <valueSettings>
                    <valueName>A</valueName>
                </valueSettings>
                <valueSettings>
                    <controllingFieldValue>x</controllingFieldValue>
                    <controllingFieldValue>y</controllingFieldValue>
                    <valueName>B</valueName>
                </valueSettings>
            </valueSet>
        </CustomField>
        ");
    }

    #[test]
    fn what_is_in_order_is_borrowed() {
        let keys = KeyRules::official();
        let root = |text: &str| parse(text.as_bytes()).unwrap().root;
        let before = root(
            "<CustomLabels><labels><fullName>B</fullName></labels><labels><fullName>A</fullName></labels></CustomLabels>",
        );
        let after = sorted(&before, keys);
        assert!(matches!(after, Cow::Owned(_)));
        assert!(matches!(sorted(&after, keys), Cow::Borrowed(_)));
    }

    #[test]
    fn equal_keys_are_sorted_by_content_and_none_is_lost() {
        let one = in_order(
            "<CustomObject><actionOverrides><actionName>A</actionName><type>x</type></actionOverrides>\
             <actionOverrides><actionName>A</actionName><type>b</type></actionOverrides>\
             <actionOverrides><actionName>A</actionName><type>x</type></actionOverrides></CustomObject>",
        );
        assert_eq!(one.matches("<type>").count(), 3);
        assert!(one.find(">b<") < one.find(">x<"));
    }

    #[test]
    fn groups_of_a_translation_go_by_name_and_comments_go_along() {
        let text = in_order(
            "<CustomFieldTranslation><!-- n --><name>A__c</name><label><!-- x --></label>\
             <help>h</help></CustomFieldTranslation>",
        );
        insta::assert_snapshot!(text, @r"
        <CustomFieldTranslation>
            <help>h</help>
            <label><!-- x --></label>
            <!-- n -->
            <name>A__c</name>
        </CustomFieldTranslation>
        ");
    }
}
