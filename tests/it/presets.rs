//! Projects that have types taken apart further than usual: `sourceBehaviorOptions`.

use std::{collections::BTreeMap, convert::Infallible, fs};

use orgkeep::{
    model::{ApiVersion, Manifest},
    registry::{Preset, Presets, Registry},
    source::{Ignored, Level, convert},
};

use crate::support::{Deploy, Held, TestEnv};

type Tree = BTreeMap<String, Vec<u8>>;

/// Asks for `options` in the project of a repository, and commits that.
fn ask_for(env: &TestEnv, options: &str) {
    let project = format!(
        r#"{{"packageDirectories": [{{"path": "force-app", "default": true}}],
  "sourceApiVersion": "66.0", "sourceBehaviorOptions": [{options}]}}"#
    );
    fs::write(env.repo().join("sfdx-project.json"), project).unwrap();
    env.git(&["commit", "-qam", "Take types apart"]);
}

fn subject(env: &TestEnv) -> String {
    env.git(&["log", "-1", "--format=%s"]).trim().to_owned()
}

#[test]
fn project_that_takes_types_apart_keeps_them_so_and_they_roll_back() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let usual = env.head();

    ask_for(
        &env,
        r#""decomposeCustomLabelsBeta2", "decomposePermissionSetBeta2", "decomposeWorkflowBeta", "decomposeSharingRulesBeta""#,
    );
    env.orgkeep(&["snapshot"]).status(0);
    assert!(
        subject(&env).ends_with("by other rules"),
        "{}",
        subject(&env)
    );
    let files = env.git(&["ls-files"]);
    for path in [
        "labels/None_Left.label-meta.xml",
        "permissionsets/Fleet_Admin/Fleet_Admin.permissionset-meta.xml",
        "permissionsets/Fleet_Admin/objectSettings/Equipment__c.objectSettings-meta.xml",
        "workflows/Account/workflowAlerts/New_Dealer_Alert.workflowAlert-meta.xml",
        "sharingRules/Account/Account.sharingRules-meta.xml",
    ] {
        let path = format!("force-app/main/default/{path}");
        assert!(files.lines().any(|it| it == path), "no {path}");
    }
    for path in [
        "labels/CustomLabels.labels",
        "permissionsets/Fleet_Admin.",
        "workflows/Account.",
        "sharingRules/Account.",
    ] {
        assert!(!files.contains(&format!("main/default/{path}")), "{path}");
    }
    let apart = env.head();
    env.orgkeep(&["snapshot", "--full"]).status(0);
    assert_eq!(env.head(), apart, "{}", env.git(&["show", "--stat"]));

    let before = Held::of(&env.org);
    Deploy::new()
        .company("CustomLabels:CustomLabels", &["labels/CustomLabels.labels"])
        .edit("labels/CustomLabels.labels", "Nothing left", "All gone")
        .company(
            "PermissionSet:Fleet_Admin",
            &["permissionsets/Fleet_Admin.permissionset"],
        )
        .edit(
            "permissionsets/Fleet_Admin.permissionset",
            "<allowDelete>true</allowDelete>",
            "<allowDelete>false</allowDelete>",
        )
        .by(&env.org, "Jane");
    env.orgkeep(&["snapshot"]).status(0);
    let changed = env.git(&["diff", "--name-only", &apart, "HEAD", "--", "force-app"]);
    let changed: Vec<&str> = changed
        .lines()
        .map(|it| it.rsplit('/').next().unwrap())
        .collect();
    assert!(changed.contains(&"None_Left.label-meta.xml"), "{changed:?}");
    assert!(
        changed
            .iter()
            .all(|it| it.ends_with(".label-meta.xml") || it.ends_with(".objectSettings-meta.xml")),
        "{changed:?}"
    );

    env.orgkeep(&["rollback", "--to", &apart, "--all", "--yes"])
        .status(0);
    let again = env.git(&["diff", "--stat", &apart, "HEAD", "--", "force-app"]);
    assert_eq!(again, "");
    assert_eq!(before.differing(&Held::of(&env.org)).len(), 0);

    ask_for(&env, "");
    env.orgkeep(&["snapshot"]).status(0);
    assert_eq!(env.git(&["diff", &usual, "HEAD", "--", "force-app"]), "");
    env.assert_sound();
}

#[test]
fn preset_that_is_not_known_is_refused_by_its_place() {
    let env = TestEnv::initialised();
    ask_for(&env, r#""decomposeWorkflowBeta", "decomposeEverything""#);
    env.orgkeep(&["snapshot"]).status(1).warns(
        "sfdx-project.json: `sourceBehaviorOptions[1]` is refused: `decomposeEverything` is no way of taking types apart that is known",
    );
}

fn to_source(registry: &Registry, level: Level, package: &Tree) -> Tree {
    let entries: Vec<&str> = package.keys().map(String::as_str).collect();
    let mut tree = Tree::new();
    let done = convert::to_source(
        registry,
        level,
        &entries,
        |n| Ok::<_, Infallible>(package[entries[n]].clone()),
        |file| {
            let earlier = tree.insert(file.path.to_string(), file.bytes);
            assert_eq!(earlier, None, "{} is written twice", file.path);
            Ok::<_, Infallible>(())
        },
    )
    .unwrap();
    assert_eq!(done.gaps, BTreeMap::new());
    tree
}

fn to_package(level: Level, source: &Tree) -> Tree {
    let paths: Vec<&str> = source.keys().map(String::as_str).collect();
    let mut tree = Tree::new();
    let done = convert::to_package(
        Registry::official(),
        level,
        &paths,
        &Ignored::nothing(),
        &mut Manifest::new(ApiVersion::new(66)),
        |n| Ok::<_, Infallible>(source[paths[n]].clone()),
        |file| {
            tree.insert(file.path, file.bytes);
            Ok::<_, Infallible>(())
        },
    )
    .unwrap();
    assert_eq!(done.gaps, BTreeMap::new());
    tree
}

/// Documents of the types that presets take apart, with what is odd in them.
fn package() -> Tree {
    let doc = |root: &str, body: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://soap.sforce.com/2006/04/metadata\">\n{body}</{root}>\n"
        )
        .into_bytes()
    };
    let label = |name: &str| {
        format!(
            "    <labels>\n        <fullName>{name}</fullName>\n        <value>a &amp; b</value>\n    </labels>\n"
        )
    };
    let service = "    <label>Bank</label>\n    <schema>openapi: 3.0.0\ninfo:\n  title: &quot;Bank&quot;</schema>\n    <schemaUploadFileExtension>yaml</schemaUploadFileExtension>\n";
    let set = "    <agentAccesses>\n        <agentName>A</agentName>\n        <enabled>true</enabled>\n    </agentAccesses>\n    <classAccesses>\n        <apexClass>B</apexClass>\n        <enabled>true</enabled>\n    </classAccesses>\n    <fieldPermissions>\n        <field>Account.X__c</field>\n        <readable>true</readable>\n    </fieldPermissions>\n    <fieldPermissions>\n        <field>no_object</field>\n        <readable>true</readable>\n    </fieldPermissions>\n    <label>P</label>\n    <tabSettings>\n        <tab>standard-Account</tab>\n        <visibility>Visible</visibility>\n    </tabSettings>\n";
    Tree::from([
        (
            "labels/CustomLabels.labels".to_owned(),
            doc("CustomLabels", &(label("A") + &label("b") + &label("C_1"))),
        ),
        (
            "externalServiceRegistrations/Bank.externalServiceRegistration".to_owned(),
            doc("ExternalServiceRegistration", service),
        ),
        (
            "permissionsets/P.permissionset".to_owned(),
            doc("PermissionSet", set),
        ),
        (
            "sharingRules/Case.sharingRules".to_owned(),
            doc(
                "SharingRules",
                "    <sharingOwnerRules>\n        <fullName>Z</fullName>\n    </sharingOwnerRules>\n",
            ),
        ),
        (
            "workflows/Case.workflow".to_owned(),
            doc(
                "Workflow",
                "    <alerts>\n        <fullName>One</fullName>\n    </alerts>\n    <rules>\n        <fullName>A rule / with a slash</fullName>\n    </rules>\n    <tasks>\n        <fullName>T</fullName>\n    </tasks>\n",
            ),
        ),
    ])
}

#[test]
fn what_a_preset_took_apart_comes_together_again_for_every_project() {
    let usual = to_source(Registry::official(), Level::Canonical, &package());
    for preset in Preset::ALL {
        let registry = Registry::with(&Presets::from([preset]));
        for level in [Level::Faithful, Level::Canonical] {
            let apart = to_source(&registry, level, &package());
            assert_ne!(apart.len(), usual.len(), "{preset}");
            // Read by a project that has asked for nothing.
            let joined = to_package(level, &apart);
            let again = to_source(&registry, level, &joined);
            assert_eq!(again, apart, "{preset} at {level:?}");
            let meant = to_source(Registry::official(), Level::Canonical, &joined);
            let text = |tree: &Tree| {
                let texts = tree.iter();
                let texts =
                    texts.map(|(path, it)| format!("{path}\n{}", String::from_utf8_lossy(it)));
                texts.collect::<Vec<_>>().concat()
            };
            let sorted = |tree: &Tree| {
                let mut lines: Vec<String> = text(tree).lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            assert_eq!(sorted(&meant), sorted(&usual), "{preset} at {level:?}");
        }
    }
}
