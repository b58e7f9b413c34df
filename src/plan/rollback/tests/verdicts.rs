//! What becomes of single components.

use super::*;

#[test]
fn changed_component_is_sent_as_it_was() {
    let (target, now) = (company(), company().with("Report:Sales/Won", "<Report/>"));
    let plan = setup(&target, &now).plan(&["Report:Sales/Won", "Report:Sales/Lost"]);
    let item = plan.item(&key("Report:Sales/Won")).unwrap();
    assert_eq!((item.verdict, item.applies), (Verdict::Revert, true));
    assert_eq!(item.files[0].1, Content::Target);
    assert_eq!(
        plan.item(&key("Report:Sales/Lost")).unwrap().verdict,
        Verdict::Unchanged
    );
    assert_eq!(plan.applied().count(), 1);
}

#[test]
fn new_component_is_deleted_only_when_asked_and_only_when_it_was_surely_absent() {
    let (target, now) = (company(), company().with("ApexClass:New", "x"));
    let base = setup(&target, &now);
    let item = |it: &Setup<'_>| it.plan(&["ApexClass:New"]).items.remove(0);
    assert_eq!(item(&base).verdict, Verdict::Unchanged);
    let allowed = Setup {
        options: ALLOW_ALL,
        ..setup(&target, &now)
    };
    assert_eq!(
        (item(&allowed).verdict, item(&allowed).applies),
        (Verdict::Delete, true)
    );
    let unsure = Setup {
        options: ALLOW_ALL,
        proves_absence: false,
        ..setup(&target, &now)
    };
    assert_eq!(item(&unsure).verdict, Verdict::Unchanged);
    assert_eq!(
        item(&unsure).reason,
        "it may have been there: the target did not list it in full"
    );
}

#[test]
fn record_type_and_standard_things_are_not_deleted_by_us() {
    let target = Tree::default();
    let now = Tree::of(&[
        ("RecordType:Account.Partner", "<RecordType/>"),
        ("CustomObject:Account", "<CustomObject/>"),
    ]);
    let made = Setup {
        options: ALLOW_ALL,
        ..setup(&target, &now)
    };
    let plan = made.plan(&["RecordType:Account.Partner", "CustomObject:Account"]);
    let record_type = plan.item(&key("RecordType:Account.Partner")).unwrap();
    assert_eq!(
        (record_type.verdict, record_type.applies),
        (Verdict::Manual, false)
    );
    assert_eq!(
        record_type.page.as_deref(),
        Some("/lightning/setup/ObjectManager/Account/RecordTypes/view")
    );
    assert_eq!(
        plan.item(&key("CustomObject:Account")).unwrap().verdict,
        Verdict::Impossible
    );
}

#[test]
fn field_of_another_type_is_lossy_and_needs_a_word() {
    let target = company();
    let now = company().with(FIELD, "<CustomField><type>Date</type></CustomField>");
    let item = |it: Setup<'_>| it.plan(&[FIELD]).items.remove(0);
    let held = item(setup(&target, &now));
    assert_eq!(
        (held.verdict, held.applies, held.files.len()),
        (Verdict::Lossy, false, 0)
    );
    assert_eq!(held.details, ["`--accept-lossy` does it"]);
    let allowed = item(Setup {
        options: ALLOW_ALL,
        ..setup(&target, &now)
    });
    assert_eq!(
        (allowed.verdict, allowed.applies, allowed.files.len()),
        (Verdict::Lossy, true, 1)
    );
    let formula = company().with(
        FIELD,
        "<CustomField><formula>1</formula><type>Text</type></CustomField>",
    );
    let formula = item(Setup {
        options: ALLOW_ALL,
        ..setup(&target, &formula)
    });
    assert_eq!((formula.verdict, formula.applies), (Verdict::Manual, false));
}

#[test]
fn component_that_was_renamed_or_made_again_says_so() {
    let (target, now) = (
        company(),
        company()
            .with("CustomField:Account.Area__c", "x")
            .without(FIELD),
    );
    let area = key("CustomField:Account.Area__c");
    let renamed = |it: &ComponentKey| Facts {
        renamed: match it.to_string().as_str() {
            FIELD => Some(area.clone()),
            "CustomField:Account.Area__c" => Some(key(FIELD)),
            _ => None,
        },
        ..facts_of(it)
    };
    let made = Setup {
        facts: &renamed,
        options: ALLOW_ALL,
        ..setup(&target, &now)
    };
    let plan = made.plan(&[FIELD, "CustomField:Account.Area__c"]);
    for item in &plan.items {
        assert_eq!(
            (item.verdict, item.applies),
            (Verdict::Manual, false),
            "{}",
            item.key
        );
        assert!(
            item.reason
                .contains("the same component as CustomField:Account.")
        );
    }
    let made_again = |it: &ComponentKey| Facts {
        is_made_again: true,
        ..facts_of(it)
    };
    let made = Setup {
        facts: &made_again,
        ..setup(&target, &target)
    };
    let item = made.plan(&[FIELD]).items.remove(0);
    assert_eq!(item.verdict, Verdict::Unchanged);
    assert!(item.details[0].contains("its data of then is lost"));
}

#[test]
fn what_refers_to_something_gone_says_so() {
    let (target, now) = (company(), after_deletion());
    let plan = setup(&target, &now).plan(&["Report:Sales/Won"]);
    assert_eq!(
        plan.items[0].details,
        [format!("refers to {FIELD}, which is gone: select it too")]
    );
}

#[test]
fn secret_is_never_sent_as_its_placeholder_unknown() {
    let target = Tree::of(&[(
        "NamedCredential:X",
        "<NamedCredential><password>REDACTED</password></NamedCredential>",
    )]);
    let changed = Tree::of(&[("NamedCredential:X", "<NamedCredential/>")]);
    let revert = setup(&target, &changed)
        .plan(&["NamedCredential:X"])
        .items
        .remove(0);
    assert_eq!((revert.verdict, revert.redacted), (Verdict::Revert, true));
    let gone = Tree::default();
    let recreate = setup(&target, &gone)
        .plan(&["NamedCredential:X"])
        .items
        .remove(0);
    assert_eq!(
        (recreate.verdict, recreate.applies, recreate.redacted),
        (Verdict::Lossy, false, true)
    );
}

#[test]
fn component_that_could_not_be_read_freshly_is_refused() {
    let (target, now) = (company(), after_deletion());
    let facts = |it: &ComponentKey| Facts {
        unread: Some("INSUFFICIENT_ACCESS".to_owned()),
        ..facts_of(it)
    };
    let made = Setup {
        facts: &facts,
        ..setup(&target, &now)
    };
    let plan = made.plan(&["Report:Sales/Won"]);
    assert_eq!(
        (plan.items[0].verdict, plan.items[0].applies),
        (Verdict::Manual, false)
    );
}
