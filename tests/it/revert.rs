//! Undoing what one commit did, while what others did since stays.

use std::fs;

use crate::support::{Deploy, Held, Org, TestEnv};

const CLASS: &str = "ApexClass:OpportunityService";
const CLASS_FILE: &str = "classes/OpportunityService.cls";
const SET: &str = "PermissionSet:Region_Manager";
const SET_FILE: &str = "permissionsets/Region_Manager.permissionset";
const FIELD: &str = "CustomField:Account.Tier__c";
const OBJECT_FILE: &str = "objects/Account.object";

/// The class with edits of one or both.
fn class(edits: &[(&str, &str)]) -> Deploy {
    edits.iter().fold(
        Deploy::new().company(CLASS, &[CLASS_FILE]),
        |it, (from, to)| it.edit(CLASS_FILE, from, to),
    )
}

/// A permission set that may use these classes too.
fn set(classes: &[&str]) -> Deploy {
    let more = classes.iter().map(|it| {
        format!("<classAccesses><apexClass>{it}</apexClass><enabled>true</enabled></classAccesses>")
    });
    let more: String = more.collect();
    Deploy::new().company(SET, &[SET_FILE]).edit(
        SET_FILE,
        "<customPermissions>",
        &format!("{more}<customPermissions>"),
    )
}

fn label(to: &str) -> Deploy {
    Deploy::new().part(FIELD).edit(
        OBJECT_FILE,
        "<label>Tier</label>",
        &format!("<label>{to}</label>"),
    )
}

const LIMIT: (&str, &str) = ("DEFAULT_LIMIT = 15", "DEFAULT_LIMIT = 99");
const WORDS: (&str, &str) = ("deals whose discount", "deals of which the discount");

/// A repository with a first snapshot, and a twin of its org that never sees Jane.
struct Pair {
    env: TestEnv,
    twin: Org,
}

impl Pair {
    fn new() -> Self {
        let pair = Self {
            env: TestEnv::initialised(),
            twin: Org::acme(),
        };
        pair.env.orgkeep(&["snapshot"]).status(0);
        pair
    }

    /// Jane does this, and a snapshot sees it; its commit.
    fn jane(&self, change: &Deploy) -> String {
        change.by(&self.env.org, "Jane");
        self.env.orgkeep(&["snapshot"]).status(0);
        self.env.head()
    }

    /// Omar does `with_hers` on top of what Jane did, which without her is `alone`.
    fn omar(&self, with_hers: &Deploy, alone: &Deploy) {
        with_hers.by(&self.env.org, "Omar");
        alone.by(&self.twin, "Omar");
        self.env.orgkeep(&["snapshot"]).status(0);
    }

    #[track_caller]
    fn is_as_without_jane(&self) {
        let (one, other) = (Held::of(&self.env.org), Held::of(&self.twin));
        let differing = one.differing(&other);
        assert!(differing.is_empty(), "the orgs differ in {differing:?}");
    }
}

#[test]
fn revert_takes_back_what_one_commit_did_and_leaves_what_others_did_in_the_same_files() {
    let pair = Pair::new();
    let env = &pair.env;
    let hers = pair.jane(&class(&[LIMIT]));
    let set_of_hers = pair.jane(&set(&["InboundRentalMail"]));
    pair.omar(&class(&[LIMIT, WORDS]), &class(&[WORDS]));
    pair.omar(
        &set(&["InboundRentalMail", "RentalDeskController"]),
        &set(&["RentalDeskController"]),
    );
    let held = Held::of(&env.org);
    env.orgkeep(&["revert", &hers, &set_of_hers, "--dry-run"])
        .status(0)
        .says("~ revert     ApexClass:OpportunityService")
        .says("-    public static final Decimal DEFAULT_LIMIT = 99;")
        .says("+    public static final Decimal DEFAULT_LIMIT = 15;")
        .says("-        <apexClass>InboundRentalMail</apexClass>");
    assert_eq!(Held::of(&env.org), held, "a dry run changes nothing");

    let file = env.scratch("plan.json");
    let file = file.to_str().unwrap();
    env.orgkeep(&["revert", &hers, &set_of_hers, "--plan", file])
        .status(0);
    env.orgkeep(&["apply", file, "--yes"])
        .status(0)
        .says("every component of the plan is as planned");
    pair.is_as_without_jane();
    let subject = format!(
        "Revert {} and 1 more: ApexClass OpportunityService and 1 more",
        &set_of_hers[..7]
    );
    env.orgkeep(&["log", "-n", "1"])
        .says(&subject)
        .says("Ada Admin");
    env.orgkeep(&["revert", &hers, "--yes"])
        .status(0)
        .says("nothing to do");

    // A revert is a commit, and can be reverted.
    env.orgkeep(&["revert", "HEAD", "--yes"]).status(0);
    assert_eq!(held.differing(&Held::of(&env.org)), [].into());
    env.assert_sound();
}

#[test]
fn deleted_field_comes_back_as_it_was_just_before_with_all_that_went() {
    const REGION: &str = "CustomField:Account.Region__c";
    let pair = Pair::new();
    let env = &pair.env;
    // What Omar did before her is in the state just before, and stays.
    let renamed = Deploy::new().part(REGION).edit(
        OBJECT_FILE,
        "<label>Region</label>",
        "<label>Area</label>",
    );
    pair.omar(&renamed, &renamed);
    let hers = pair.jane(&Deploy::new().delete(&[REGION]));
    env.orgkeep(&["revert", &hers, "--yes"])
        .status(0)
        .says("+ recreate   CustomField:Account.Region__c")
        .says("~ revert     ");
    pair.is_as_without_jane();
}

#[test]
fn same_element_changed_since_is_shown_in_three_states_and_left_until_somebody_chooses() {
    let pair = Pair::new();
    let env = &pair.env;
    let hers = pair.jane(&label("Class"));
    pair.omar(&label("Rank"), &label("Rank"));
    let edited = Held::of(&env.org);
    env.orgkeep(&["revert", &hers, "--yes"])
        .status(3)
        .says("! manual     CustomField:Account.Tier__c    somebody changed the same since")
        .says(&format!(
            "label: before {} \"Tier\", then \"Class\", now \"Rank\"",
            &hers[..7]
        ));
    env.orgkeep(&["revert", &hers, "--yes", "--ours"])
        .status(0)
        .says("nothing to do");
    assert_eq!(Held::of(&env.org).files, edited.files);

    let file = env.scratch("plan.json");
    let file = file.to_str().unwrap();
    env.orgkeep(&["revert", &hers, "--theirs", "--plan", file])
        .status(0);
    assert!(
        fs::read_to_string(file)
            .unwrap()
            .contains("\"all\": \"theirs\"")
    );
    env.orgkeep(&["apply", file, "--yes"]).status(0);
    let text = String::from_utf8(Held::of(&env.org).files[OBJECT_FILE].clone()).unwrap();
    assert!(text.contains("<label>Tier</label>"));
}

#[test]
fn range_is_undone_commit_by_commit_and_what_it_made_goes_only_with_a_word() {
    let pair = Pair::new();
    let env = &pair.env;
    let first = env.head();
    pair.jane(&class(&[LIMIT]));
    let made = Deploy::new()
        .file(
            "ApexClass:Fresh",
            "classes/Fresh.cls",
            "public class Fresh {}\n",
        )
        .file(
            "ApexClass:Fresh",
            "classes/Fresh.cls-meta.xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ApexClass xmlns=\"http://soap.sforce.com/2006/04/metadata\"><apiVersion>66.0</apiVersion><status>Active</status></ApexClass>\n",
        );
    pair.jane(&made);
    pair.jane(&label("Class"));
    let range = format!("{}..HEAD", &first[..7]);
    env.orgkeep(&["revert", &range, "--only", CLASS, "--dry-run"])
        .status(0)
        .says("Plan: 0 to recreate, 1 to revert, 0 to delete");
    env.orgkeep(&["revert", &range, "--dry-run"])
        .says("`--delete-new` deletes it");
    env.orgkeep(&["revert", &range, "--delete-new", "--yes"])
        .status(0)
        .says("− delete     ApexClass:Fresh");
    pair.is_as_without_jane();
}

#[test]
fn what_changed_nothing_in_the_org_cannot_be_undone() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    env.orgkeep(&["revert", "HEAD"])
        .status(1)
        .warns("changed nothing in the org: its kind is `first`");
    env.orgkeep(&["revert", "no-such-commit"]).status(1);
    assert_eq!(env.org.n_calls("deploy"), 0);
}
