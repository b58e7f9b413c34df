//! Repositories that hold a DX project with a layout of its own.

use std::fs;

use crate::support::{Org, TestEnv};

/// Moves files of the repository, each with the folder it needs.
fn moved(env: &TestEnv, moves: &[(&str, &str)]) {
    for (from, to) in moves {
        let to_path = env.repo().join(to);
        fs::create_dir_all(to_path.parent().unwrap()).unwrap();
        env.git(&["mv", from, to]);
    }
}

const PROJECT: &str = r#"{"packageDirectories": [{"path": "force-app", "default": true}, {"path": "apps/fleet"}],
  "sourceApiVersion": "66.0"}"#;

const MOVES: [(&str, &str); 5] = [
    (
        "force-app/main/default/components/LabelFrame.component",
        "apps/fleet/main/default/components/own/LabelFrame.component",
    ),
    (
        "force-app/main/default/components/LabelFrame.component-meta.xml",
        "apps/fleet/main/default/components/own/LabelFrame.component-meta.xml",
    ),
    (
        "force-app/main/default/objects/Equipment__c",
        "apps/fleet/objects/Equipment__c",
    ),
    (
        "force-app/main/default/layouts/Case-Case Layout.layout-meta.xml",
        "force-app/support/layouts/Case-Case Layout.layout-meta.xml",
    ),
    (
        "force-app/main/default/permissionsets/Fleet_Admin.permissionset-meta.xml",
        "apps/fleet/Fleet_Admin.permissionset-meta.xml",
    ),
];

/// A repository with a first snapshot, whose files then got places of their own.
fn with_own_layout() -> TestEnv {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    moved(&env, &MOVES);
    fs::write(env.repo().join("sfdx-project.json"), PROJECT).unwrap();
    env.git(&["add", "-A"]);
    env.git(&["commit", "-qm", "Part the fleet from the rest"]);
    env
}

#[test]
fn files_that_people_moved_stay_where_they_are() {
    let env = with_own_layout();
    let head = env.head();
    env.orgkeep(&["snapshot", "--full"]).status(0);
    assert_eq!(env.head(), head, "{}", env.git(&["show", "--stat", "HEAD"]));
}

#[test]
fn change_in_the_org_lands_in_the_place_that_the_component_has() {
    let env = with_own_layout();
    let package = crate::support::Package::acme();
    package.edit(
        "objects/Equipment__c.object",
        "<label>Equipment</label>",
        "<label>Gear</label>",
    );
    package.edit("components/LabelFrame.component", "First line", "Top line");
    package.load(&env.org, "jane@acme.example", "2026-11-21T10:00:00Z");
    env.orgkeep(&["snapshot"]).status(0);
    let changed = env.git(&[
        "diff",
        "--name-only",
        "HEAD~1",
        "HEAD",
        "--",
        "apps",
        "force-app",
    ]);
    assert_eq!(
        changed.lines().collect::<Vec<_>>(),
        [
            "apps/fleet/main/default/components/own/LabelFrame.component",
            "apps/fleet/objects/Equipment__c/Equipment__c.object-meta.xml",
        ]
    );
}

#[test]
fn first_snapshot_into_a_project_keeps_its_places() {
    let source = with_own_layout();
    let env = TestEnv::new(Org::acme());
    env.git(&["init", "-q", "-b", "main"]);
    fs::write(env.repo().join("sfdx-project.json"), PROJECT).unwrap();
    for (_, to) in MOVES {
        let (from, to) = (source.repo().join(to), env.repo().join(to));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let copied = env
            .command("cp", &env.repo())
            .arg("-r")
            .arg(&from)
            .arg(&to)
            .status();
        assert!(copied.unwrap().success());
    }
    env.git(&["add", "-A"]);
    env.git(&["commit", "-qm", "The project as it is"]);
    env.orgkeep(&["init"]).status(0);
    // The tags of secrets are those of one key.
    let key = ".config/orgkeep/redaction.key";
    fs::create_dir_all(env.scratch(".config/orgkeep")).unwrap();
    fs::copy(source.scratch(key), env.scratch(key)).unwrap();
    env.orgkeep(&["snapshot"]).status(0);
    let listed = |env: &TestEnv| {
        let files = env.git(&["ls-tree", "-r", "HEAD", "--", "apps", "force-app"]);
        files.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(listed(&env), listed(&source));
}
