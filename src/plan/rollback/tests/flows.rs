//! Flows and their versions.

use super::*;

#[test]
fn definition_of_a_flow_is_decided_by_the_flow() {
    const DEFINITION: &str = "FlowDefinition:A";
    let both = |flow: &str, number: &str| Tree::of(&[("Flow:A", flow), (DEFINITION, number)]);
    let plan = |now: &Tree, selected: &[&str], versions: FlowVersions| {
        let facts = |it: &ComponentKey| Facts {
            flow: Some(versions.clone()),
            ..facts_of(it)
        };
        let target = both("one", "2");
        let made = Setup {
            facts: &facts,
            ..setup(&target, now)
        };
        let plan = made.plan(selected);
        plan.item(&key(DEFINITION)).unwrap().clone()
    };
    let versions = |then, now| FlowVersions {
        active_then: then,
        latest_then: then,
        active_now: now,
        in_org: [1, 2].into(),
        ..FlowVersions::default()
    };
    // Made again, the flow has another number and is the same.
    let same = plan(&both("one", "1"), &[DEFINITION], versions(Some(1), Some(1)));
    assert_eq!((same.verdict, same.applies), (Verdict::Unchanged, false));
    let moved = plan(&both("two", "1"), &[DEFINITION], versions(Some(2), Some(1)));
    assert_eq!(moved.verdict, Verdict::Activate);
    assert_eq!(
        moved.after,
        [Step::ActivateFlow {
            key: key("Flow:A"),
            version: 2
        }]
    );
    let with_flow = plan(
        &both("two", "1"),
        &[DEFINITION, "Flow:A"],
        versions(Some(2), Some(1)),
    );
    assert_eq!(
        (with_flow.verdict, with_flow.applies),
        (Verdict::Unchanged, false)
    );
    let gone = plan(&Tree::default(), &[DEFINITION], versions(Some(3), None));
    assert_eq!((gone.verdict, gone.applies), (Verdict::Manual, false));
}

#[test]
fn flow_goes_back_to_a_version_that_is_still_there_without_a_deploy() {
    let (target, now) = (
        Tree::of(&[("Flow:A", "one")]),
        Tree::of(&[("Flow:A", "two")]),
    );
    let with = |active_then, active_now, in_org: &[u32]| {
        let flow = FlowVersions {
            active_then,
            latest_then: Some(1),
            active_now,
            in_org: in_org.iter().copied().collect(),
            ..FlowVersions::default()
        };
        let facts = move |_: &ComponentKey| Facts {
            flow: Some(flow.clone()),
            ..Facts::default()
        };
        let made = Setup {
            facts: &facts,
            ..setup(&target, &now)
        };
        made.plan(&["Flow:A"]).items.remove(0)
    };
    let step = |version| {
        [Step::ActivateFlow {
            key: key("Flow:A"),
            version,
        }]
    };
    let still_there = with(Some(1), Some(2), &[1, 2]);
    assert_eq!(
        (still_there.verdict, still_there.files.len()),
        (Verdict::Activate, 0)
    );
    assert_eq!(still_there.after, step(1));
    assert_eq!(with(None, Some(2), &[1, 2]).after, step(0));
    let gone = with(Some(1), Some(2), &[2]);
    assert_eq!((gone.verdict, gone.files.len()), (Verdict::Revert, 1));
    let lost = with(Some(7), Some(2), &[2]);
    assert_eq!((lost.verdict, lost.applies), (Verdict::Manual, false));
    let draft = with(Some(1), Some(1), &[1, 2]);
    assert_eq!(draft.verdict, Verdict::Revert);
}

#[test]
fn new_flow_is_deactivated_and_deleted_version_by_version() {
    let (target, now) = (Tree::default(), Tree::of(&[("Flow:A", "two")]));
    let facts = |_: &ComponentKey| Facts {
        flow: Some(FlowVersions {
            active_now: Some(2),
            in_org: [1, 2].into(),
            ..FlowVersions::default()
        }),
        ..Facts::default()
    };
    let made = Setup {
        facts: &facts,
        options: ALLOW_ALL,
        ..setup(&target, &now)
    };
    let plan = made.plan(&["Flow:A"]);
    assert_eq!(plan.items[0].deletes, ["A-2", "A-1"]);
    let deploy = plan_deploy(
        &plan,
        &CostModel::default(),
        Limits::planned(),
        TestLevel::Default,
        parent_of,
    );
    assert_eq!(
        deploy.before,
        [Step::ActivateFlow {
            key: key("Flow:A"),
            version: 0
        }]
    );
    assert_eq!(
        deploy.calls[0].post,
        [key("Flow:A-1"), key("Flow:A-2")].into()
    );
}
