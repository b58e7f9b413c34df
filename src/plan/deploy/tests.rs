use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::plan::rollback::{Item, Verdict};
use crate::plan::testing::key;

fn item(of: &str, sends: bool) -> Item {
    let bytes: Arc<[u8]> = Arc::from(&b"<x/>"[..]);
    let key = key(of);
    let path = format!("{}/{}", key.type_name, key.name).parse().unwrap();
    Item {
        verdict: if sends {
            Verdict::Revert
        } else {
            Verdict::Delete
        },
        applies: true,
        reason: String::new(),
        details: Vec::new(),
        page: None,
        because_of: None,
        files: if sends {
            vec![(path, Content::Merged(bytes))]
        } else {
            Vec::new()
        },
        deletes: if sends {
            Vec::new()
        } else {
            vec![key.name.to_string()]
        },
        deletes_inside: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
        redacted: false,
        states: (None, None),
        key,
    }
}

fn parent_of(key: &ComponentKey) -> Option<ComponentKey> {
    (key.type_name.as_str() == "CustomField")
        .then(|| ComponentKey::parse("CustomObject", key.name.parent()?).ok())?
}

fn deploy(sent: &[&str], deleted: &[&str], files: u64) -> DeployPlan {
    let items = sent.iter().map(|it| item(it, true));
    let plan = RollbackPlan {
        items: items
            .chain(deleted.iter().map(|it| item(it, false)))
            .collect(),
    };
    let limits = Limits {
        files,
        ..Limits::PLATFORM
    };
    plan_deploy(
        &plan,
        &CostModel::default(),
        limits,
        TestLevel::Default,
        parent_of,
    )
}

fn names(keys: &BTreeSet<ComponentKey>) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_goes_in_one_call_where_it_can() {
    let plan = deploy(
        &["Profile:P", "CustomField:A.B__c", "Layout:A-L"],
        &["ApexClass:X"],
        100,
    );
    assert_eq!(plan.calls.len(), 1);
    assert_eq!(plan.calls[0].package.len(), 3);
    assert_eq!(names(&plan.calls[0].post), ["ApexClass:X"]);
    assert!(plan.calls[0].has_apex());
}

#[test]
fn calls_above_the_limits_follow_the_order_of_dependency() {
    let plan = deploy(
        &[
            "Profile:P",
            "CustomField:A.B__c",
            "CustomField:A.C__c",
            "Layout:A-L",
            "ApexClass:X",
        ],
        &["Flow:F-1"],
        2,
    );
    let calls: Vec<_> = plan.calls.iter().map(|it| names(&it.package)).collect();
    assert_eq!(
        calls,
        [
            vec!["CustomField:A.B__c", "CustomField:A.C__c"],
            vec!["ApexClass:X", "Layout:A-L"],
            vec!["Profile:P"]
        ]
    );
    assert_eq!(names(&plan.calls[2].post), ["Flow:F-1"]);
    assert!(plan.calls[..2].iter().all(|it| it.post.is_empty()));
}

#[test]
fn value_set_goes_after_the_fields_that_use_it_and_children_with_their_object() {
    let plan = deploy(&[], &["GlobalValueSet:G", "CustomField:Account.A__c"], 100);
    let calls: Vec<_> = plan.calls.iter().map(|it| names(&it.post)).collect();
    assert_eq!(
        calls,
        [vec!["CustomField:Account.A__c"], vec!["GlobalValueSet:G"]]
    );
    let plan = deploy(&[], &["CustomObject:V__c", "CustomField:V__c.A__c"], 100);
    assert_eq!(plan.calls.len(), 1);
    assert_eq!(names(&plan.calls[0].post), ["CustomObject:V__c"]);
}

#[test]
fn other_case_of_a_name_is_sent_and_not_deleted() {
    let plan = deploy(&["ApexClass:Util"], &["ApexClass:UTIL"], 100);
    assert!(plan.calls[0].post.is_empty());
}

#[test]
fn name_with_a_star_is_never_deleted() {
    let plan = deploy(&[], &["Report:F/*"], 100);
    assert!(plan.is_empty());
}

#[test]
fn manifests_name_folders_under_their_content_and_are_there_even_when_empty() {
    let plan = deploy(&[], &["ReportFolder:Sales"], 100);
    let named_as =
        |it: &ComponentKey| ComponentKey::new(TypeName::known("Report"), it.name.clone());
    let manifests = plan.calls[0].manifests(ApiVersion::new(66), named_as);
    assert!(manifests.package.is_empty());
    assert!(manifests.pre.is_none());
    let post = manifests.post.unwrap();
    assert_eq!(
        post.types[&TypeName::known("Report")],
        ["Sales".to_owned()].into()
    );
}

proptest! {
    #[test]
    fn every_component_is_sent_once_within_the_limits(
        sent in proptest::collection::btree_set("(ApexClass|Layout|Profile|CustomField:A|CustomField:B|Report):[a-f]{1,2}", 0..25),
        files in 1u64..12,
    ) {
        let sent: Vec<String> = sent.iter().map(|it| it.replace("A:", "A.").replace("B:", "B.")).collect();
        let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
        let plan = deploy(&sent, &[], files);
        let all: Vec<_> = plan.calls.iter().flat_map(|it| names(&it.package)).collect();
        let once: BTreeSet<_> = all.iter().cloned().collect();
        prop_assert_eq!(all.len(), once.len());
        prop_assert_eq!(once, sent.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>());
        for call in &plan.calls {
            let heads: BTreeSet<_> = call.package.iter().map(|it| parent_of(it).unwrap_or_else(|| it.clone())).collect();
            prop_assert!(call.files.len() as u64 <= files || heads.len() == 1);
        }
        let ranks: Vec<_> = plan.calls.iter().map(|it| it.package.iter().map(|it| rank(&parent_of(it).unwrap_or_else(|| it.clone()).type_name)).max()).collect();
        prop_assert!(ranks.is_sorted());
    }
}
