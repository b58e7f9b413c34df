//! A plan for a second pair of eyes: a page, a comment, a package.

use std::fs;

use crate::support::{Deploy, Held, TestEnv, deploy};

const REGION: &str = "CustomField:Account.Region__c";
const CLASS: &str = "ApexClass:OpportunityService";
const CLASS_FILE: &str = "classes/OpportunityService.cls";

/// A repository whose org has lost a field and got another class since the first snapshot.
fn changed() -> (TestEnv, String, Held) {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let (first, before) = (env.head(), Held::of(&env.org));
    Deploy::new()
        .delete(&[REGION])
        .company(CLASS, &[CLASS_FILE])
        .edit(CLASS_FILE, "DEFAULT_LIMIT = 15", "DEFAULT_LIMIT = 99")
        .by(&env.org, "Jane");
    (env, first, before)
}

#[test]
fn plan_is_a_page_a_comment_and_a_package_that_deploys_as_it_is() {
    let (env, first, before) = changed();
    let (page, dir) = (env.scratch("plan.html"), env.scratch("package"));
    let (html, out) = (page.to_str().unwrap(), dir.to_str().unwrap());
    let rollback = ["rollback", "--to", &first, REGION, CLASS];
    let views = ["--html", html, "--format", "markdown", "--out", out];
    let markdown = env
        .orgkeep(&[&rollback[..], &views].concat())
        .status(0)
        .says("### Roll back ApexClass OpportunityService and")
        .says("**1** recreate")
        .says("- + **Account.Region\\_\\_c** CustomField")
        .warns("sf project deploy start --single-package --metadata-dir")
        .stdout;
    assert!(!markdown.contains("+ recreate   Custom"), "{markdown}");

    let text = fs::read_to_string(&page).unwrap();
    for part in [
        "<h2>To recreate <span class=\"n\">1</span></h2>",
        "and with it",
        "DEFAULT_LIMIT = 15",
        "Layout:Account-Account Layout",
        "default-src &#39;none&#39;",
    ] {
        assert!(text.contains(&part.replace("&#39;", "'")), "no {part}");
    }
    // The only addresses that lead anywhere are those of Setup, which a person follows.
    let links: Vec<&str> = text.split("href=\"").skip(1).collect();
    assert!(!links.is_empty());
    assert!(links.iter().all(|it| it.starts_with(env.org.url())));
    assert!(!text.contains(" src=\"") && !text.contains("@import"));

    assert_eq!(env.org.n_calls("deploy"), 1, "only Jane's");
    deploy(&env.org, "Ada", out);
    let after = Held::of(&env.org);
    assert_eq!(before.differing(&after), [].into());
}

#[test]
fn page_of_a_rollback_tells_what_became_of_it() {
    let (env, first, _) = changed();
    let page = env.scratch("done.html");
    let html = page.to_str().unwrap();
    env.orgkeep(&["rollback", "--to", &first, CLASS, "--yes", "--html", html])
        .status(0)
        .says("every component of the plan is as planned");
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("Carried out.") && text.contains("deploy 0Af"));

    let compared = env.scratch("diff.html");
    env.orgkeep(&["diff", &first, "--html", compared.to_str().unwrap()])
        .status(0)
        .says("− CustomField Account.Region__c");
    let text = fs::read_to_string(&compared).unwrap();
    assert!(text.contains("<h2>Deleted ") && text.contains("Account.Region__c"));
    env.orgkeep(&["diff", &first, "--format", "markdown"])
        .status(0)
        .says("#### Deleted (");
}

#[test]
fn package_is_written_into_no_folder_that_holds_something() {
    let (env, first, _) = changed();
    let dir = env.scratch("mine");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    env.orgkeep(&[
        "rollback",
        "--to",
        &first,
        CLASS,
        "--out",
        dir.to_str().unwrap(),
    ])
    .status(1)
    .warns("is not an empty folder");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
}
