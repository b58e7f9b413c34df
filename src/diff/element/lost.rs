//! What a document lost since an earlier state, and putting chosen parts back.
//!
//! A lost element is an addition among the changes from today's document to the
//! earlier one. What no key names is paired by likeness here, not by place: a filter
//! that was lost beside one that somebody edited has to be told from that one. Only
//! additions are made: everything that today's document has stays.
//!
//! Invariant: putting back adds elements and changes none; putting back nothing
//! gives today's document; a second time finds nothing left to put back.

use super::{ChangeKind, ElementChange, Id, align::Nameless, apply::apply, find::diff_by};
use crate::registry::keys::{KeyRules, Order};
use crate::xml::{Element, Node};

/// An element that the earlier state had and today's lacks.
#[derive(Clone, Copy, Debug)]
pub struct Lost<'a> {
    /// The element as it was.
    pub element: &'a Element,
    /// What names the one before it among its like, where their order has a meaning.
    pub after: Option<&'a str>,
}

/// Today's document with those lost elements that `wanted` asks for.
///
/// `wanted` is asked once for each lost element, outermost ones only: where a
/// whole section is lost, its items are not asked about on their own. Where
/// something comes back, the document is in canonical order.
///
/// # Panics
///
/// Never: an addition fits wherever its parent is, and it was found there.
pub fn put_back(
    before: &Element,
    now: &Element,
    keys: &KeyRules,
    wanted: &mut dyn FnMut(&Lost<'_>) -> bool,
) -> Element {
    let mut changes = diff_by(now, before, keys, Nameless::ByLikeness);
    changes.retain(|change| match &change.after {
        Some(Node::Element(element)) if change.kind == ChangeKind::Added => wanted(&Lost {
            element,
            after: neighbour(change, now.local_name(), keys),
        }),
        _ => false,
    });
    if changes.is_empty() {
        return now.clone();
    }
    apply(now, &changes, keys).expect("what is added has a parent in the document it was missed in")
}

/// What names the element before an added one, where both are items of one list.
fn neighbour<'a>(change: &'a ElementChange, root: &str, keys: &KeyRules) -> Option<&'a str> {
    let mut scope = keys.root(root);
    let mut order = Order::Unknown;
    for step in &change.path {
        let (rule, inside) = keys.look_up(scope, &step.name);
        (order, scope) = (rule.order, inside);
    }
    let previous = change.to.as_ref()?.previous.as_ref()?;
    if order == Order::Set || previous.name != change.path.last()?.name {
        return None;
    }
    match &previous.id {
        Id::Key { texts, .. } => texts.iter().map(String::as_str).find(|it| !it.is_empty()),
        Id::Nth { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::xml;

    fn parse(text: &str) -> Element {
        xml::parse(text.as_bytes()).unwrap().root
    }

    fn back(before: &str, now: &str, token: &str) -> String {
        let mut wanted = |it: &Lost<'_>| xml::render_element(it.element).contains(token);
        let merged = put_back(
            &parse(before),
            &parse(now),
            KeyRules::official(),
            &mut wanted,
        );
        xml::render_element(&merged)
            .replace('\n', "")
            .replace("    ", "")
    }

    #[test]
    fn layout_item_comes_back_at_its_place_and_later_edits_stay() {
        let item = |name: &str| {
            format!("<layoutItems><behavior>Edit</behavior><field>{name}</field></layoutItems>")
        };
        let layout = |items: &[&str], label: &str| {
            let items: String = items.iter().map(|it| item(it)).collect();
            format!(
                "<Layout><layoutSections><label>{label}</label><layoutColumns>{items}</layoutColumns><layoutColumns></layoutColumns></layoutSections></Layout>"
            )
        };
        assert_eq!(
            back(
                &layout(&["Name", "Industry", "Region__c", "Phone"], "Info"),
                &layout(&["Name", "Rating", "Industry", "Phone", "Fax"], "Info"),
                "Region__c"
            ),
            layout(
                &["Name", "Rating", "Industry", "Region__c", "Phone", "Fax"],
                "Info"
            )
        );
    }

    #[test]
    fn permission_comes_back_and_the_others_are_left_alone() {
        let field = |name: &str, on: bool| {
            format!(
                "<fieldPermissions><editable>{on}</editable><field>{name}</field></fieldPermissions>"
            )
        };
        let set = |inner: String| format!("<PermissionSet>{inner}<label>X</label></PermissionSet>");
        assert_eq!(
            back(
                &set(field("A.B__c", true) + &field("A.Region__c", true)),
                &set(field("A.B__c", false)),
                "Region__c"
            ),
            set(field("A.B__c", false) + &field("A.Region__c", true))
        );
        assert_eq!(
            back(
                &set(field("A.Region__c", true)),
                &set(String::new()),
                "Region__c"
            ),
            set(field("A.Region__c", true))
        );
    }

    #[test]
    fn column_and_filter_come_back_in_order_beside_one_that_was_edited() {
        let view = |columns: &[&str], filters: &[(&str, &str)]| {
            let columns = columns
                .iter()
                .map(|it| format!("<columns>{it}</columns>"))
                .collect::<Vec<_>>()
                .concat();
            let filters = filters.iter().map(|(field, value)| format!("<filters><field>{field}</field><operation>equals</operation><value>{value}</value></filters>")).collect::<Vec<_>>().concat();
            format!("<ListView>{columns}{filters}</ListView>")
        };
        assert_eq!(
            back(
                &view(
                    &["NAME", "Region__c", "PHONE"],
                    &[("Region__c", "North"), ("NAME", "x")]
                ),
                &view(&["NAME", "PHONE"], &[("NAME", "y")]),
                "Region__c"
            ),
            view(
                &["NAME", "Region__c", "PHONE"],
                &[("Region__c", "North"), ("NAME", "y")]
            )
        );
    }

    #[test]
    fn what_is_there_in_another_form_is_not_lost() {
        let before = "<Report><filter><criteriaItems><column>Region__c</column><value>a</value></criteriaItems></filter></Report>";
        let now = "<Report><filter><criteriaItems><column>Region__c</column><value>b</value></criteriaItems></filter></Report>";
        assert_eq!(back(before, now, "Region__c"), now);
    }

    fn document() -> impl Strategy<Value = Element> {
        let item = ("[a-c]", "[A-E]__c", any::<bool>()).prop_map(|(kind, name, on)| match kind.as_str() {
            "a" => format!("<fieldPermissions><editable>{on}</editable><field>X.{name}</field></fieldPermissions>"),
            "b" => format!("<columns>{name}</columns>"),
            _ => format!("<sections><label>{name}</label><items><field>{name}</field><on>{on}</on></items></sections>"),
        });
        proptest::collection::vec(item, 0..8)
            .prop_map(|it| parse(&format!("<PermissionSet>{}</PermissionSet>", it.concat())))
    }

    proptest! {
        #[test]
        fn wanting_nothing_changes_nothing(before in document(), now in document()) {
            let merged = put_back(&before, &now, KeyRules::official(), &mut |_| false);
            prop_assert_eq!(merged, now);
        }

        #[test]
        fn wanting_everything_leaves_nothing_lost_and_keeps_what_is_there(before in document(), now in document()) {
            let merged = put_back(&before, &now, KeyRules::official(), &mut |_| true);
            let mut n_lost = 0;
            let again = put_back(&before, &merged, KeyRules::official(), &mut |_| { n_lost += 1; true });
            prop_assert_eq!(n_lost, 0);
            prop_assert_eq!(&again, &merged);
            let mut added = 0;
            put_back(&before, &now, KeyRules::official(), &mut |_| { added += 1; true });
            let top = |it: &Element| it.elements().count();
            prop_assert!(top(&merged) >= top(&now));
            prop_assert!(added > 0 || merged == now);
        }
    }
}
