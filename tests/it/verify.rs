//! What `verify` proves.

use std::fs;

use serde_json::Value;

use crate::support::{Org, TestEnv};

fn twice(env: &TestEnv, status: i32) -> Value {
    let ran = env
        .orgkeep(&["verify", "--twice", "--json", "--exit-code"])
        .status(status);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// An org whose answers come with noise, kept by a level.
fn noisy(level: &str) -> TestEnv {
    let env = TestEnv::new(Org::start(&["--noise"]));
    env.orgkeep(&["init"]).status(0);
    let path = env.repo().join("orgkeep.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("level = \"{level}\"\n{text}")).unwrap();
    env.git(&["commit", "-qam", "Set the level"]);
    env.orgkeep(&["snapshot"]).status(0);
    env
}

#[test]
fn two_retrieves_of_a_noisy_org_are_the_same_in_canonical_form() {
    let env = noisy("canonical");
    let (head, retrieves) = (env.head(), env.org.n_calls("retrieve"));
    let report = twice(&env, 0);
    assert_eq!(report["schema"], "orgkeep/verify-twice/1");
    assert_eq!(report["noise"], Value::Array(Vec::new()));
    assert!(report["n_files"].as_u64().unwrap() > 300, "{report:#}");
    assert_eq!(env.head(), head);
    assert!(env.org.n_calls("retrieve") >= retrieves + 2);
    env.assert_sound();
    env.orgkeep(&["verify", "--twice"])
        .status(0)
        .says("two retrieves gave the same ");
}

#[test]
fn noise_that_no_rule_holds_still_is_named_as_a_rule() {
    let env = noisy("faithful");
    let report = twice(&env, 4);
    let noise: Vec<String> = report["noise"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            format!(
                "{}: {}",
                it["type_name"].as_str().unwrap(),
                it["what"].as_str().unwrap()
            )
        })
        .collect();
    for wanted in [
        "Profile: the order of `fieldPermissions` in `Profile`; as a rule: `Profile : fieldPermissions set field`",
        "SiteDotCom: the bytes, which have no parts to tell apart",
    ] {
        assert!(noise.iter().any(|it| it == wanted), "{noise:#?}");
    }
}
