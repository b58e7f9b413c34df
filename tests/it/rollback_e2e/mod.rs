//! Rolling back what another user deleted or changed, against the simulated org.

use std::{
    fs,
    io::Seek as _,
    path::{Path, PathBuf},
};

use orgkeep::{
    archive::{Level, Writer},
    client::{
        DeployOptions, FixedSession, HostPolicy, InstanceUrl, Options, Org as Client, Secret,
        Session,
    },
    model::Timestamp,
};

use crate::support::TestEnv;

const OMAR: &str = "omar@acme.example";

/// The time now, which is the org's as well.
fn now() -> String {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let now = Timestamp::from_millis(i64::try_from(since).unwrap()).unwrap();
    now.to_soap()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/orgs")
}

/// A repository with a first snapshot of our fixture company; its commit.
fn snapshotted() -> (TestEnv, String) {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    (env, first)
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Deploys a folder with the token of `who`.
fn deploy(env: &TestEnv, who: &str, dir: &Path) {
    let mut writer = Writer::new(tempfile::tempfile().unwrap());
    for file in files_below(dir) {
        let name = file.strip_prefix(dir).unwrap().to_str().unwrap();
        let name = name.replace('\\', "/");
        writer
            .add(&name, &fs::read(&file).unwrap(), Level::FAST)
            .unwrap();
    }
    let mut zip = writer.finish().unwrap();
    zip.rewind().unwrap();
    let session = FixedSession(Session {
        instance: InstanceUrl::parse(env.org.url(), &HostPolicy::default()).unwrap(),
        token: Secret::new(env.org.token(who)),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let result = runtime.block_on(async {
        let org = Client::connect(session, Options::default()).await.unwrap();
        let job = org
            .start_deploy(zip, &DeployOptions::default())
            .await
            .unwrap();
        org.finish_deploy(&job, org.options().poll, |_| ())
            .await
            .unwrap()
    });
    assert!(result.succeeded(), "{result:?}");
}

/// Metadata files that differ between two commits.
fn differing(env: &TestEnv, from: &str, to: &str) -> Vec<String> {
    let names = env.git(&[
        "diff",
        "--name-only",
        from,
        to,
        "--",
        "force-app",
        "unmapped",
    ]);
    names.lines().map(str::to_owned).collect()
}

#[test]
fn deleted_field_comes_back_with_all_that_used_it_and_later_edits_stay() {
    let (env, first) = snapshotted();
    deploy(&env, "jane", &fixtures().join("acme-changes/jane"));
    deploy(&env, "omar", &fixtures().join("acme-changes/omar"));
    env.orgkeep(&["snapshot"]).status(0);
    env.orgkeep(&["log"]).status(0).says("Jane Doe");

    let rollback = ["rollback", "--to", &first, "CustomField:Account.Region__c"];
    env.orgkeep(&rollback)
        .status(1)
        .says("+ recreate   CustomField:Account.Region__c")
        .says("layout item Region__c after Industry")
        .says("Plan: 2 to recreate, 7 to revert, 0 to delete, 0 need a person.")
        .warns("nothing was deployed");
    let planned_at = env.head();
    env.orgkeep(&[&rollback[..], &["--check"]].concat())
        .status(0)
        .says("nothing has changed");
    assert_eq!(env.head(), planned_at);

    env.orgkeep(&[&rollback[..], &["--yes"]].concat())
        .status(0)
        .says("every component of the plan is as planned");
    let omars = [
        "force-app/main/default/classes/OpportunityService.cls",
        "force-app/main/default/objects/Opportunity/validationRules/Amount.validationRule-meta.xml",
        "force-app/main/default/reports/Sales/Regional/Big_Deals_This_Quarter.report-meta.xml",
    ];
    assert_eq!(differing(&env, &first, "HEAD"), omars);
    env.assert_sound();

    let done = env.head();
    env.orgkeep(&[&rollback[..], &["--yes"]].concat())
        .status(0)
        .says("nothing to do");
    assert_eq!(env.head(), done);
}

#[test]
fn rollback_without_a_selector_shows_what_differs_and_stops() {
    let (env, first) = snapshotted();
    deploy(&env, "omar", &fixtures().join("acme-changes/omar"));
    env.orgkeep(&["rollback", "--to", &first, "--yes"])
        .status(2)
        .says("~ revert     ApexClass:OpportunityService")
        .says("Plan: 0 to recreate, 3 to revert")
        .warns("--all");
    env.orgkeep(&["rollback", "--to", &first, "--all", "--yes"])
        .status(0);
    assert_eq!(differing(&env, &first, "HEAD"), [""; 0]);
}

#[test]
fn saved_plan_is_refused_once_the_org_has_moved_on() {
    let (env, first) = snapshotted();
    deploy(&env, "omar", &fixtures().join("acme-changes/omar"));
    let file = env.scratch("plan.json");
    let file = file.to_str().unwrap();
    let what = "ApexClass:OpportunityService";
    env.orgkeep(&["rollback", "--to", &first, what, "--plan", file])
        .status(0);
    env.orgkeep(&["apply", file, "--yes"]).status(0);
    env.orgkeep(&["apply", file, "--yes"])
        .status(1)
        .warns("the plan no longer holds: ApexClass:OpportunityService");
}

#[test]
fn selector_that_matches_nothing_names_the_nearest() {
    let (env, first) = snapshotted();
    env.orgkeep(&["rollback", "--to", &first, "ApexClass:OpportunityServic"])
        .status(1)
        .warns("did you mean one of `ApexClass:OpportunityService`");
}

/// What somebody does to a copy of the fixture company.
enum Edit {
    Remove(&'static [&'static str]),
    Replace(&'static str, &'static str, &'static str),
    /// Takes the part of an object with that name out: file, element, name.
    TakeOut(&'static str, &'static str, &'static str),
}

fn edit(dir: &Path, edit: &Edit) {
    match edit {
        Edit::Remove(paths) => {
            for path in *paths {
                let path = dir.join(path);
                if path.is_dir() {
                    fs::remove_dir_all(path).unwrap();
                } else {
                    fs::remove_file(path).unwrap();
                }
            }
        }
        Edit::Replace(path, from, to) => {
            let text = fs::read_to_string(dir.join(path)).unwrap();
            assert!(text.contains(from), "{path} lacks {from}");
            fs::write(dir.join(path), text.replacen(from, to, 1)).unwrap();
        }
        Edit::TakeOut(path, element, name) => {
            let text = fs::read_to_string(dir.join(path)).unwrap();
            let (open, close) = (format!("<{element}>"), format!("</{element}>"));
            let part = text
                .split(&open)
                .skip(1)
                .map(|it| it.split(&close).next().unwrap())
                .find(|it| it.contains(&format!("<fullName>{name}</fullName>")))
                .unwrap();
            let whole = format!("{open}{part}{close}");
            fs::write(dir.join(path), text.replacen(&whole, "", 1)).unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for file in files_below(from) {
        let to = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(file, to).unwrap();
    }
}

/// One org for all: each case leaves it as it was.
fn comes_back(cases: &[(&[&str], Edit)]) {
    let (env, first) = snapshotted();
    for (n, (selectors, change)) in cases.iter().enumerate() {
        let dir = env.scratch(&format!("changed{n}"));
        copy(&fixtures().join("acme/package"), &dir);
        edit(&dir, change);
        env.org.load(&dir, OMAR, &now());
        env.orgkeep(&["snapshot"]).status(0);
        let changed = differing(&env, &first, "HEAD");
        assert_ne!(changed, [""; 0], "{selectors:?} was not changed");
        // The audit trail tells nothing of a deleted flow.
        if !selectors[0].starts_with("Flow:") {
            env.orgkeep(&["log", "-n", "1"]).says("Omar Haddad");
        }
        let rollback = [&["rollback", "--to", &first, "--yes"], *selectors].concat();
        env.orgkeep(&rollback).status(0);
        assert_eq!(differing(&env, &first, "HEAD"), [""; 0], "{selectors:?}");
        env.orgkeep(&rollback).status(0).says("nothing to do");
    }
    env.assert_sound();
}

#[test]
fn what_another_user_deleted_comes_back() {
    use Edit::{Remove, TakeOut};
    comes_back(&[
        (
            &["Report:Sales/Regional/Big_Deals_This_Quarter"],
            Remove(&["reports/Sales/Regional/Big_Deals_This_Quarter.report"]),
        ),
        (
            &["Report:Sales/Regional/Archive/Won_Last_Year"],
            Remove(&[
                "reports/Sales/Regional/Archive",
                "reports/Sales/Regional/Archive-meta.xml",
            ]),
        ),
        (
            &["Report:unfiled$public/Follow_Ups"],
            Remove(&["reports/unfiled$public/Follow_Ups.report"]),
        ),
        (
            &["Dashboard:Management/Depots/Fleet_Status"],
            Remove(&["dashboards/Management/Depots/Fleet_Status.dashboard"]),
        ),
        (
            &["ListView:Account.Northern_Accounts"],
            TakeOut("objects/Account.object", "listViews", "Northern_Accounts"),
        ),
        (
            &["ValidationRule:Opportunity.Amount"],
            TakeOut("objects/Opportunity.object", "validationRules", "Amount"),
        ),
    ]);
}

#[test]
fn deleted_flow_comes_back_active_with_its_definition() {
    comes_back(&[(
        &["Flow:Case_Safety_Stop"],
        Edit::Remove(&[
            "flows/Case_Safety_Stop.flow",
            "flowDefinitions/Case_Safety_Stop.flowDefinition",
        ]),
    )]);
}

#[test]
fn what_another_user_changed_is_changed_back() {
    use Edit::Replace;
    comes_back(&[
        (
            &["Report:Sales/Regional/Big_Deals_This_Quarter"],
            Replace(
                "reports/Sales/Regional/Big_Deals_This_Quarter.report",
                "25000",
                "9",
            ),
        ),
        (
            &["LightningComponentBundle:equipmentPicker"],
            Replace(
                "lwc/equipmentPicker/equipmentPicker.js",
                "import",
                "// x\nimport",
            ),
        ),
        (
            &["ValidationRule:Opportunity.Amount"],
            Replace(
                "objects/Opportunity.object",
                "Enter the amount",
                "Enter an amount",
            ),
        ),
    ]);
}
