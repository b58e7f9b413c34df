use proptest::prelude::*;

use super::*;
use crate::{
    registry::keys::KeyRules,
    source::canonical::sort,
    xml::{Element, parse},
};

fn keys() -> &'static KeyRules {
    KeyRules::official()
}

fn root(text: &str) -> Element {
    parse(text.as_bytes()).unwrap().root
}

fn lines(before: &str, after: &str) -> String {
    let (before, after) = (root(before), root(after));
    let changes = diff(&before, &after, keys());
    assert_eq!(apply(&before, &changes, keys()).unwrap(), sorted(&after));
    let lines = changes.iter().map(|it| describe(&before.name, it, keys()));
    lines.collect::<Vec<_>>().join("\n")
}

fn sorted(element: &Element) -> Element {
    let mut element = element.clone();
    sort(&mut element, keys());
    element
}

fn permission(field: &str, editable: bool) -> String {
    format!(
        "<fieldPermissions><editable>{editable}</editable><field>{field}</field></fieldPermissions>"
    )
}

fn item(field: &str) -> String {
    format!("<layoutItems><behavior>Edit</behavior><field>{field}</field></layoutItems>")
}

fn layout(columns: &[&[&str]]) -> String {
    let column = |it: &&[&str]| {
        let items: Vec<String> = it.iter().map(|it| item(it)).collect();
        ["<layoutColumns>", &items.concat(), "</layoutColumns>"].concat()
    };
    let columns = columns.iter().map(column).collect::<Vec<_>>().concat();
    format!("<Layout><layoutSections><label>Info</label>{columns}</layoutSections></Layout>")
}

#[test]
fn permissions_are_told_by_field_and_value() {
    let before = format!(
        "<Profile>{}{}</Profile>",
        permission("A.B", true),
        permission("A.C", true)
    );
    let after = format!(
        "<Profile>{}{}</Profile>",
        permission("A.D", true),
        permission("A.B", false)
    );
    insta::assert_snapshot!(lines(&before, &after), @r"
    field permission A.B: editable true → false
    field permission A.D added
    field permission A.C removed
    ");
}

#[test]
fn layout_items_are_told_by_their_neighbour() {
    let before = layout(&[&["Name", "Industry", "Region__c"], &["Phone"]]);
    let after = layout(&[&["Industry", "Name"], &["Phone", "Fax"]]);
    insta::assert_snapshot!(lines(&before, &after), @r"
    layout item Name moved after Industry
    layout item Region__c after Industry removed
    layout item Fax after Phone added
    ");
}

#[test]
fn items_that_nothing_names_are_told_by_number() {
    let item = |value: &str| {
        format!("<criteriaItems><column>C</column><value>{value}</value></criteriaItems>")
    };
    let report = |values: &[&str]| {
        let items: String = values.iter().map(|it| item(it)).collect();
        format!("<Report><filter>{items}</filter><name>P</name></Report>")
    };
    insta::assert_snapshot!(lines(&report(&["1", "2", "3"]), &report(&["1", "9", "3"])), @"filter 2: value 2 → 9");
    insta::assert_snapshot!(lines(&report(&["1", "2", "3"]), &report(&["1", "3", "4"])), @r"
    filter 2 removed
    filter 3 added
    ");
}

#[test]
fn long_values_are_only_said_to_differ() {
    let rule = |message: &str| {
        format!(
            "<ValidationRule><active>true</active><errorMessage>{message}</errorMessage></ValidationRule>"
        )
    };
    let (before, after) = (rule("no"), rule(&"long ".repeat(20)));
    insta::assert_snapshot!(lines(&before, &after), @"errorMessage");
    let changes = diff(&root(&before), &root(&after), keys());
    assert_eq!(short("ValidationRule", &changes[0], keys()), "errorMessage");
}

#[test]
fn change_of_an_item_is_named_by_the_item() {
    let before = format!("<Profile>{}</Profile>", permission("A.B", true));
    let after = format!("<Profile>{}</Profile>", permission("A.B", false));
    let changes = diff(&root(&before), &root(&after), keys());
    assert_eq!(
        short("Profile", &changes[0], keys()),
        "field permission A.B"
    );
}

#[test]
fn lost_item_goes_back_behind_its_neighbour_of_then() {
    let then = root(&layout(&[&["Name", "Industry", "Region__c", "Phone"]]));
    let lost = root(&layout(&[&["Name", "Industry", "Phone"]]));
    let today = root(&layout(&[&["Fax", "Industry", "Web", "Phone"]]));
    let merged = merge(&lost, &today, &then, keys());
    assert_eq!(merged.conflicts, []);
    let expected = root(&layout(&[&[
        "Fax",
        "Industry",
        "Region__c",
        "Web",
        "Phone",
    ]]));
    assert_eq!(merged.element, expected);

    let without = root(&layout(&[&["Fax", "Phone"]]));
    let merged = merge(&lost, &without, &then, keys());
    assert_eq!(
        merged.element,
        root(&layout(&[&["Fax", "Region__c", "Phone"]])),
        "its place is kept without it"
    );
}

#[test]
fn contradiction_is_a_conflict_and_ours_holds() {
    let profile = |editable: &str| root(&format!("<Profile>{editable}</Profile>"));
    let base = profile(&permission("A.B", true));
    let (ours, theirs) = (profile(&permission("A.B", false)), profile(""));
    let merged = merge(&base, &ours, &theirs, keys());
    assert_eq!(merged.element, ours);
    assert_eq!(merged.conflicts.len(), 1);
    assert_eq!(merged.conflicts[0].theirs.kind, ChangeKind::Removed);
    assert_eq!(merge(&base, &theirs, &ours, keys()).conflicts.len(), 1);

    let named = |text: &str| {
        root(&format!(
            "<Profile><description>{text}</description></Profile>"
        ))
    };
    let merged = merge(&profile(""), &named("a"), &named("b"), keys());
    assert_eq!((merged.element, merged.conflicts.len()), (named("a"), 1));
}

#[test]
fn change_that_does_not_fit_is_refused() {
    let changes = diff(&root("<A><x>1</x></A>"), &root("<A><x>2</x></A>"), keys());
    let err = apply(&root("<A/>"), &changes, keys()).unwrap_err();
    assert_eq!(err.to_string(), "the document has no `x` to change");
}

#[test]
fn profile_of_twenty_thousand_entries_takes_no_more_than_its_size() {
    let profile = |editable: bool| {
        let mut root = Element::new("Profile");
        for at in 0..20_000 {
            let mut it = Element::new("fieldPermissions");
            it.push_text_element(
                "editable",
                if editable && at % 2 == 0 {
                    "true"
                } else {
                    "false"
                },
            );
            it.push_text_element("field", &format!("A.F{at:05}__c"));
            root.push(it);
        }
        root
    };
    let (before, after) = (profile(true), profile(false));
    let changes = diff(&before, &after, keys());
    assert_eq!(changes.len(), 10_000);
    assert_eq!(apply(&before, &changes, keys()).unwrap(), after);
    assert_eq!(merge(&before, &after, &before, keys()).element, after);
}

/// Documents in which everything occurs: sets, lists, items that nothing names, comments, text beside elements.
fn document() -> impl Strategy<Value = Element> {
    let text = prop::sample::select(vec!["a", "b", "c", "&amp;"]);
    let leaf = |name: &'static str| {
        text.clone().prop_map(move |it| {
            let mut element = Element::new(name);
            element.children.push(Node::Text(it.to_owned()));
            element
        })
    };
    let with = |name: &'static str, children: Vec<Element>| {
        let mut element = Element::new(name);
        element.children = children.into_iter().map(Node::Element).collect();
        element
    };
    let permission = (leaf("editable"), leaf("field"))
        .prop_map(move |(one, other)| with("fieldPermissions", vec![one, other]));
    let item = (
        prop::option::of(leaf("field")),
        prop::option::of(leaf("behavior")),
    )
        .prop_map(move |(one, other)| {
            with("layoutItems", [one, other].into_iter().flatten().collect())
        });
    let column = prop::collection::vec(item, 0..5).prop_map(move |it| with("layoutColumns", it));
    let section =
        prop::collection::vec(column, 0..3).prop_map(move |it| with("layoutSections", it));
    let odd = prop_oneof![
        Just(Element::new("odd")),
        Just(Element::new("odd").with_attribute("x", "1").with_text("t")),
        Just(parse(b"<odd>t<u/></odd>").unwrap().root),
        Just(parse(b"<odd><!-- c --><name>n</name></odd>").unwrap().root),
        Just(parse(b"<odd y='1'><name>n</name><v/></odd>").unwrap().root),
    ];
    let child = prop_oneof![
        permission,
        section,
        odd,
        leaf("description"),
        leaf("customButtons")
    ];
    (
        prop::sample::select(vec!["Profile", "Layout", "Thing"]),
        prop::collection::vec((any::<u8>(), child), 0..8),
    )
        .prop_map(|(name, children)| {
            let mut root = Element::new(name);
            for (number, child) in children {
                if number < 20 {
                    root.children.push(Node::Comment(format!("{}", number % 2)));
                }
                root.push(child);
            }
            root
        })
}

/// Two or three versions of one document: the same root, children taken from all.
fn versions() -> impl Strategy<Value = [Element; 3]> {
    let mask = || prop::collection::vec(prop_oneof![4 => Just(true), 1 => Just(false)], 12);
    (
        document(),
        document(),
        [mask(), mask(), mask()],
        any::<[bool; 3]>(),
    )
        .prop_map(|(one, other, masks, turned)| {
            let all: Vec<Node> = one
                .children
                .iter()
                .chain(&other.children)
                .cloned()
                .collect();
            let version = |at: usize| {
                let mut root = Element::new(&one.name);
                let kept = all
                    .iter()
                    .zip(masks[at].iter().chain(std::iter::repeat(&true)));
                root.children = kept.filter(|it| *it.1).map(|it| it.0.clone()).collect();
                if turned[at] {
                    let n_front = root.children.len().min(1);
                    root.children.rotate_left(n_front);
                }
                root
            };
            [version(0), version(1), version(2)]
        })
}

proptest! {
    #[test]
    fn changes_turn_before_into_after(before in document(), after in document()) {
        let changes = diff(&before, &after, keys());
        prop_assert_eq!(apply(&before, &changes, keys()).unwrap(), sorted(&after));
        prop_assert_eq!(changes.is_empty(), sorted(&before) == sorted(&after));
    }

    #[test]
    fn changes_between_versions_turn_one_into_the_other([before, after, _] in versions()) {
        let changes = diff(&before, &after, keys());
        prop_assert_eq!(apply(&before, &changes, keys()).unwrap(), sorted(&after));
        let back = invert(&changes);
        prop_assert_eq!(apply(&after, &back, keys()).unwrap(), sorted(&before));
        prop_assert_eq!(invert(&back), changes);
    }

    #[test]
    fn theirs_chosen_everywhere_is_ours_with_the_sides_turned([base, ours, theirs] in versions()) {
        let chosen = merge_with(&base, &ours, &theirs, keys(), &mut |_| Side::Theirs);
        prop_assert_eq!(&chosen.conflicts, &[]);
        let turned = merge(&base, &theirs, &ours, keys());
        prop_assert_eq!(chosen.element, turned.element);
    }

    #[test]
    fn any_choice_can_be_carried_out([base, ours, theirs] in versions(), choices in any::<u64>()) {
        let mut n = 0;
        let mut choose = |_: &Conflict| {
            n += 1;
            if choices >> (n % 64) & 1 == 0 { Side::Ours } else { Side::Theirs }
        };
        let _ = merge_with(&base, &ours, &theirs, keys(), &mut choose);
    }

    #[test]
    fn merge_with_nothing_new_gives_ours([base, ours, _] in versions()) {
        let merged = merge(&base, &ours, &base, keys());
        prop_assert_eq!((merged.element, merged.conflicts.len()), (sorted(&ours), 0));
        let merged = merge(&base, &base, &ours, keys());
        prop_assert_eq!((merged.element, merged.conflicts.len()), (sorted(&ours), 0));
        let merged = merge(&base, &ours, &ours, keys());
        prop_assert_eq!((merged.element, merged.conflicts.len()), (sorted(&ours), 0));
    }

    #[test]
    fn merge_without_conflict_does_not_ask_whose_side_is_whose([base, ours, theirs] in versions()) {
        let one = merge(&base, &ours, &theirs, keys());
        let other = merge(&base, &theirs, &ours, keys());
        prop_assert_eq!(one.conflicts.is_empty(), other.conflicts.is_empty());
        if one.conflicts.is_empty() {
            prop_assert_eq!(one.element, other.element);
        }
    }

    #[test]
    fn every_change_has_a_line([before, after, _] in versions()) {
        for change in diff(&before, &after, keys()) {
            prop_assert!(!describe(&before.name, &change, keys()).is_empty());
            prop_assert!(!short(&before.name, &change, keys()).is_empty());
        }
    }
}
