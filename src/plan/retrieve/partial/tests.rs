use proptest::prelude::*;

use super::*;
use crate::plan::retrieve::{CostModel, Limits, RetrieveRequest, plan_retrieve};
use crate::plan::testing::key;
use crate::xml;

fn profile() -> TypeName {
    TypeName::known("Profile")
}

fn parse(inner: &str) -> Element {
    let text =
        format!("<Profile xmlns=\"http://soap.sforce.com/2006/04/metadata\">{inner}</Profile>");
    xml::parse(text.as_bytes()).unwrap().root
}

fn coverage(keys: &[&str]) -> Coverage {
    keys.iter()
        .map(|it| key(it))
        .collect::<Vec<_>>()
        .iter()
        .collect()
}

fn nothing_gone(_: &ComponentKey) -> bool {
    false
}

fn field(name: &str, editable: bool) -> String {
    format!(
        "<fieldPermissions><editable>{editable}</editable><field>{name}</field></fieldPermissions>"
    )
}

#[test]
fn entry_absent_inside_the_coverage_is_gone_and_outside_it_stays() {
    let stored = parse(&format!(
        "{}{}",
        field("Account.A__c", true),
        field("Contact.B__c", true)
    ));
    let answer = parse("<custom>false</custom>");
    let merged = merge(
        &profile(),
        Some(&stored),
        &answer,
        &coverage(&["CustomObject:Account"]),
        &nothing_gone,
    );
    assert_eq!(
        merged,
        parse(&format!(
            "<custom>false</custom>{}",
            field("Contact.B__c", true)
        ))
    );
}

#[test]
fn entry_goes_when_its_thing_has_gone() {
    let stored = parse(&format!(
        "{}{}",
        field("Account.A__c", true),
        field("Contact.B__c", true)
    ));
    let gone = |it: &ComponentKey| *it == key("CustomField:Contact.B__c");
    let merged = merge(
        &profile(),
        Some(&stored),
        &parse(""),
        &Coverage::default(),
        &gone,
    );
    assert_eq!(merged, parse(&field("Account.A__c", true)));
}

#[test]
fn new_layout_assignment_takes_the_place_of_the_old_one() {
    let of =
        |layout: &str| format!("<layoutAssignments><layout>{layout}</layout></layoutAssignments>");
    let typed = "<layoutAssignments><layout>Account-Old</layout><recordType>Account.P</recordType></layoutAssignments>";
    let stored = parse(&format!("{}{typed}", of("Account-Old")));
    let answer = parse(&of("Account-New"));
    let merged = merge(
        &profile(),
        Some(&stored),
        &answer,
        &coverage(&["Layout:Account-New"]),
        &nothing_gone,
    );
    assert_eq!(merged, parse(&format!("{}{typed}", of("Account-New"))));
}

#[test]
fn only_one_application_stays_the_default() {
    let of = |app: &str, default: bool| {
        format!(
            "<applicationVisibilities><application>{app}</application><default>{default}</default></applicationVisibilities>"
        )
    };
    let stored = parse(&format!("{}{}", of("A", true), of("B", false)));
    let merged = merge(
        &profile(),
        Some(&stored),
        &parse(&of("B", true)),
        &coverage(&["CustomApplication:B"]),
        &nothing_gone,
    );
    assert_eq!(
        merged,
        parse(&format!("{}{}", of("A", false), of("B", true)))
    );
}

#[test]
fn what_needs_no_companion_comes_from_the_answer() {
    let permission =
        "<userPermissions><enabled>true</enabled><name>ApiEnabled</name></userPermissions>";
    let merged = merge(
        &profile(),
        Some(&parse(permission)),
        &parse(""),
        &Coverage::default(),
        &nothing_gone,
    );
    assert_eq!(merged, parse(""));
}

#[test]
fn encoded_layout_is_covered_by_its_plain_name() {
    let stored = parse("<layoutAssignments><layout>Account-A %28S%29</layout></layoutAssignments>");
    let covered = coverage(&["Layout:Account-A (S)"]);
    let merged = merge(
        &profile(),
        Some(&stored),
        &parse(""),
        &covered,
        &nothing_gone,
    );
    assert_eq!(merged, parse(""));
}

#[test]
fn permission_sets_are_partial_before_version_40_only() {
    let set = TypeName::known("PermissionSet");
    assert!(is_partial(&set, ApiVersion::new(39)));
    assert!(!is_partial(&set, ApiVersion::new(66)));
    assert!(is_partial(&profile(), ApiVersion::new(66)));
}

#[test]
fn slices_of_all_passes_are_everything_once() {
    let all: Vec<_> = (0..200).map(|n| key(&format!("ApexClass:C{n}"))).collect();
    let slices: Vec<_> = (0..7).map(|pass| slice(&all, pass, 7)).collect();
    assert_eq!(slices.iter().map(BTreeSet::len).sum::<usize>(), all.len());
    assert!(slices.iter().all(|it| !it.is_empty()));
    let layout = [key("CustomObject:A"), key("Layout:A-x")];
    assert!((0..7).all(|pass| [0, 2].contains(&slice(&layout, pass, 7).len())));
}

/// A thing of a small org, and the entry a profile has for it.
#[derive(Clone, Debug)]
struct Thing {
    key: ComponentKey,
    entry: String,
}

fn thing() -> impl Strategy<Value = Thing> {
    let make = |of: String, entry: String| Thing {
        key: key(&of),
        entry,
    };
    prop_oneof![
        ("[A-C]", "[a-d]", any::<bool>()).prop_map(move |(o, f, on)| make(
            format!("CustomObject:{o}"),
            field(&format!("{o}.{f}"), on)
        )),
        ("[A-F]", any::<bool>()).prop_map(move |(c, on)| make(
            format!("ApexClass:{c}"),
            format!("<classAccesses><apexClass>{c}</apexClass><enabled>{on}</enabled></classAccesses>")
        )),
        ("[A-C]", "[x-z]").prop_map(move |(o, l)| make(
            format!("Layout:{o}-{l}"),
            format!("<layoutAssignments><layout>{o}-{l}</layout></layoutAssignments>")
        )),
        ("[A-C]", "[v-z]", any::<bool>()).prop_map(move |(o, r, on)| make(
            format!("CustomObject:{o}"),
            format!("<recordTypeVisibilities><default>false</default><recordType>{o}.{r}</recordType><visible>{on}</visible></recordTypeVisibilities>")
        )),
    ]
}

/// What entry a thing has, by what it may have only once: a set of such is an org.
fn org(things: Vec<Thing>) -> BTreeMap<String, Thing> {
    things
        .into_iter()
        .map(|it| {
            let element = parse(&it.entry);
            let described = describe(PERMISSIONS, element.elements().next().unwrap()).unwrap();
            (format!("{:?}", described.slot), it)
        })
        .collect()
}

/// As the platform answers: entries of what was named, in no helpful order.
fn answer(org: &BTreeMap<String, Thing>, asked: &BTreeSet<ComponentKey>) -> Element {
    let entries = org.values().rev().filter(|it| asked.contains(&it.key));
    let entries: String = entries.map(|it| it.entry.as_str()).collect();
    parse(&format!("<custom>true</custom>{entries}"))
}

use std::collections::BTreeMap;

fn keys_of(org: &BTreeMap<String, Thing>) -> BTreeSet<ComponentKey> {
    org.values().map(|it| it.key.clone()).collect()
}

proptest! {
    #[test]
    fn any_split_gives_the_answer_of_one_retrieve_of_everything(
        things in proptest::collection::vec(thing(), 0..25),
        files in 1u64..120,
    ) {
        let org = org(things);
        let all = keys_of(&org);
        let mut everything = all.clone();
        everything.extend(all.iter().filter_map(|it| anchor(it, true)));
        let whole = merge(&profile(), None, &answer(&org, &everything), &everything.iter().collect(), &nothing_gone);
        let request = RetrieveRequest { components: all, partial: [key("Profile:P")].into(), ..RetrieveRequest::default() };
        let limits = Limits { files, ..Limits::PLATFORM };
        let mut stored: Option<Element> = None;
        for batch in plan_retrieve(&request, &CostModel::default(), limits).iter().rev() {
            if batch.partial.is_empty() { continue }
            let asked: BTreeSet<_> = batch.asked().cloned().collect();
            stored = Some(merge(&profile(), stored.as_ref(), &answer(&org, &asked), &asked.iter().collect(), &nothing_gone));
        }
        prop_assert_eq!(stored.unwrap(), whole);
    }

    #[test]
    fn asking_about_what_changed_gives_the_new_state(
        before in proptest::collection::vec(thing(), 0..20),
        after in proptest::collection::vec(thing(), 0..20),
    ) {
        let (before, after) = (org(before), org(after));
        let (old, new) = (keys_of(&before), keys_of(&after));
        let stored = merge(&profile(), None, &answer(&before, &old), &old.iter().collect(), &nothing_gone);
        let changed: BTreeSet<_> = new
            .iter()
            .filter(|it| answer(&before, &BTreeSet::from([(*it).clone()])) != answer(&after, &BTreeSet::from([(*it).clone()])))
            .cloned()
            .collect();
        let deleted = |it: &ComponentKey| old.contains(it) && !new.contains(it);
        let merged = merge(&profile(), Some(&stored), &answer(&after, &changed), &changed.iter().collect(), &deleted);
        let whole = merge(&profile(), None, &answer(&after, &new), &new.iter().collect(), &nothing_gone);
        prop_assert_eq!(merged, whole);
    }
}

#[test]
fn tab_of_a_custom_object_stays_where_only_the_object_was_asked_for() {
    let tab = |name: &str| {
        format!(
            "<tabVisibilities><tab>{name}</tab><visibility>DefaultOn</visibility></tabVisibilities>"
        )
    };
    let stored = parse(&format!("{}{}", tab("X__c"), tab("standard-Account")));
    let merged = merge(
        &profile(),
        Some(&stored),
        &parse(""),
        &coverage(&["CustomObject:X__c", "CustomObject:Account"]),
        &nothing_gone,
    );
    assert_eq!(merged, parse(&tab("X__c")));
}
