//! What several components, or several parts of one, have to do with each other.

use super::*;

fn workflow(rules: &[&str]) -> String {
    let rules = rules
        .iter()
        .map(|it| format!("<rules><fullName>{it}</fullName><active>true</active></rules>"));
    format!("<Workflow>{}</Workflow>", rules.collect::<String>())
}

const WORKFLOW: &str = "Workflow:Account";

#[test]
fn what_is_new_inside_a_file_goes_only_with_a_word() {
    let target = Tree::of(&[(WORKFLOW, &workflow(&["Old"]))]);
    let now = Tree::of(&[(WORKFLOW, &workflow(&["New", "Old"]))]);
    let plan = setup(&target, &now).plan(&[WORKFLOW]);
    let item = &plan.items[0];
    assert_eq!(item.deletes_inside, []);
    assert!(
        item.details[0].contains("`--delete-new` deletes it"),
        "{:?}",
        item.details
    );
    let plan = Setup {
        options: ALLOW_ALL,
        ..setup(&target, &now)
    }
    .plan(&[WORKFLOW]);
    assert_eq!(
        plan.items[0].deletes_inside,
        [key("WorkflowRule:Account.New")]
    );
    let deploy = plan_deploy(
        &plan,
        &CostModel::default(),
        Limits::planned(),
        TestLevel::Default,
        parent_of,
    );
    assert_eq!(
        deploy.calls[0].post,
        [key("WorkflowRule:Account.New")].into()
    );
    assert_eq!(deploy.calls[0].package, [key(WORKFLOW)].into());
}

#[test]
fn what_refers_to_a_new_component_and_stays_is_named() {
    const CLASS: &str = "CustomField:Account.New__c";
    const FLOW: &str = "ValidationRule:Account.Check";
    let formula = |it: &str| {
        format!(
            "<ValidationRule><errorConditionFormula>{it}</errorConditionFormula></ValidationRule>"
        )
    };
    let target = Tree::of(&[
        ("CustomObject:Account", "<CustomObject/>"),
        (FLOW, &formula("true")),
    ]);
    let now = target
        .clone()
        .with(
            CLASS,
            "<CustomField><fullName>New__c</fullName><type>Text</type></CustomField>",
        )
        .with(FLOW, &formula("ISBLANK(New__c)"));
    let allowed = Setup {
        options: ALLOW_ALL,
        ..setup(&target, &now)
    };
    let alone = allowed.plan(&[CLASS]);
    let said = alone.items[0].details.join(" ");
    assert!(
        said.contains("ValidationRule:Account.Check refers to it and stays"),
        "{said}"
    );
    let both = allowed.plan(&[CLASS, FLOW]);
    let item = both.item(&key(CLASS)).unwrap();
    assert!(item.details.is_empty(), "{:?}", item.details);
}

fn rule(order: u32) -> String {
    format!("<DuplicateRule><sortOrder>{order}</sortOrder></DuplicateRule>")
}

#[test]
fn duplicate_rules_go_back_only_where_their_numbers_have_no_gap() {
    let names = ["DuplicateRule:Account.A", "DuplicateRule:Account.B"];
    let target = Tree::of(&[(names[0], &rule(1)), (names[1], &rule(2))]);
    let now = Tree::of(&[(names[0], &rule(2)), (names[1], &rule(1))]);
    let plan = setup(&target, &now).plan(&[names[0]]);
    assert_eq!(plan.items[0].verdict, Verdict::Manual);
    assert!(
        plan.items[0]
            .reason
            .contains("select `DuplicateRule:Account.*`")
    );
    assert!(plan.is_empty());
    let plan = setup(&target, &now).plan(&names);
    assert!(
        plan.items
            .iter()
            .all(|it| it.verdict == Verdict::Revert && it.applies)
    );
}

#[test]
fn queue_goes_back_without_a_user_whom_the_org_does_not_have() {
    const QUEUE: &str = "Queue:Q";
    let queue = |users: &str| {
        format!("<Queue><name>Q</name><queueMembers><users>{users}</users></queueMembers></Queue>")
    };
    let both = queue("<user>jane@a.b</user><user>omar@a.b</user>");
    let target = Tree::of(&[(QUEUE, &both)]);
    let now = Tree::of(&[(QUEUE, &queue("<user>omar@a.b</user>"))]);
    let with = Setup {
        missing_users: &["jane@a.b"],
        ..setup(&target, &now)
    };
    let plan = with.plan(&[QUEUE]);
    assert_eq!(text_of(&plan.items[0]), queue("<user>omar@a.b</user>"));
    assert!(
        plan.items[0]
            .details
            .iter()
            .any(|it| it == "without user jane@a.b, whom the org does not have")
    );
}
