//! What the history tells of a rollback, and what does not come back by itself.

use std::fs;

use super::{CLASS, CLASS_FILE, Case, REPORT};

const APP: &str = "AuthProvider:Acme_Identity";
const APP_FILE: &str = "authproviders/Acme_Identity.authprovider";

#[test]
fn rollback_is_a_story_of_its_own_and_can_be_rolled_back() {
    let case = Case::of_omar(&[]);
    let changed = case.env.head();
    case.rollback(&[CLASS, REPORT, "--yes"]).status(0);
    let short = &case.first[..7];
    let subject = format!("Roll back ApexClass OpportunityService and 1 more to {short}");
    case.env
        .orgkeep(&["log", "-n", "1"])
        .status(0)
        .says("Ada Admin")
        .says(&subject);
    let message = case.env.git(&["log", "-1", "--format=%an%n%B"]);
    for line in [
        "Ada Admin",
        "~ ApexClass OpportunityService",
        "~ Report Sales/Regional/Big_Deals_This_Quarter",
        "Orgkeep-Kind: rollback",
        &format!("Orgkeep-Target: {}", case.first),
        "Orgkeep-Deploy: 0Af",
        "Orgkeep-Part: 1/1",
    ] {
        assert!(message.contains(line), "no {line} in:\n{message}");
    }
    let log = case.env.orgkeep(&["log", "-n", "1", "--json"]).stdout;
    assert!(log.contains("\"kind\": \"rollback\"") || log.contains("\"kind\":\"rollback\""));

    // What a person changes afterwards is theirs, also what the rollback touched.
    case.change(|it| it.edit(CLASS_FILE, "DEFAULT_LIMIT = 99", "DEFAULT_LIMIT = 7"));
    case.env.orgkeep(&["snapshot"]).status(0);
    case.env
        .orgkeep(&["log", "-n", "1"])
        .says("Omar Haddad")
        .says("ApexClass OpportunityService");

    // The rollback of the rollback.
    let back = ["rollback", "--to", &changed, CLASS, REPORT, "--yes"];
    case.env.orgkeep(&back).status(0);
    let left = case
        .env
        .git(&["diff", "--name-only", &changed, "HEAD", "--", "force-app"]);
    assert_eq!(left, "");
    case.env
        .orgkeep(&["log", "-n", "1"])
        .says(&format!("to {}", &changed[..7]));
    case.env.assert_sound();
}

#[test]
fn changes_of_others_beside_a_rollback_keep_their_authors() {
    let case = Case::of_omar(&[]);
    case.fault("checkDeployStatus", "slow:700", 0, 0);
    let mut begun = case.begin(&[CLASS, "--yes"]);
    begun.next_job();
    begun.next_job();
    // Omar's copy has the class as he changed it: the org takes the rollback after him.
    case.change(|it| {
        it.edit(
            "pages/EquipmentLabel.page",
            "<apex:page",
            "<apex:page cache=\"false\"",
        );
    });
    begun.end().status(0);
    let log = case.env.git(&["log", "-2", "--format=%an %s"]);
    assert!(log.contains("Omar Haddad ~ ApexPage"), "{log}");
    assert!(log.contains("Ada Admin Roll back ApexClass"), "{log}");
}

#[test]
fn no_placeholder_reaches_the_org_and_its_own_secret_stays() {
    let case = Case::new(&[], |it| {
        it.edit(APP_FILE, "Acme Identity", "Acme Login");
    });
    let path = "force-app/main/default/authproviders/Acme_Identity.authprovider-meta.xml";
    let kept = case.env.git(&["show", &format!("{}:{path}", case.first)]);
    assert!(!kept.contains("TESTDATA-c0nsumer"), "{kept}");
    case.rollback(&[APP, "--yes"]).status(0);
    assert_eq!(case.differing(), [""; 0]);
    // The org itself, read without redaction.
    let plain = case.env.scratch("plain");
    fs::create_dir_all(&plain).unwrap();
    let dir = plain.to_str().unwrap();
    case.env.orgkeep(&["-C", dir, "init"]).status(0);
    let settings = plain.join("orgkeep.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(
        &settings,
        text.replace("#redact = \"on\"", "redact = \"off\""),
    )
    .unwrap();
    case.env
        .orgkeep(&["-C", dir, "snapshot", "--only", APP])
        .status(0);
    let text = fs::read_to_string(plain.join(path)).unwrap();
    assert!(text.contains("TESTDATA-c0nsumer-5ecret"), "{text}");
    assert!(text.contains("acme-crm-web-TESTDATA-4711"), "{text}");
    assert!(text.contains("Acme Identity"), "{text}");
}

#[test]
fn what_cannot_come_back_whole_needs_a_word_or_a_person() {
    let case = Case::new(&[], |it| {
        it.remove(&[APP_FILE]);
        it.edit(CLASS_FILE, "DEFAULT_LIMIT = 15", "DEFAULT_LIMIT = 99");
    });
    case.rollback(&[APP, CLASS, "--yes"])
        .status(3)
        .says("! lossy      AuthProvider:Acme_Identity")
        .says("/lightning/setup/")
        .says("1 lossy, 1 needs a person");
    // With the word it is tried, and the secret that nobody has keeps it out.
    case.rollback(&[APP, "--yes", "--accept-lossy"])
        .status(3)
        .says("! AuthProvider:Acme_Identity  not sent:");
}
