//! Listings that lie: what is not shown is kept, and said, until somebody accounts for it.

use serde_json::{Value, json};

use super::{assert_complete, copy, differing, metadata, snapshot, some};
use crate::support::{Meddler, Package, Ran, TestEnv};

/// Takes every other entry, or all, out of a listing of that type.
fn shrink(answer: Vec<u8>, of: &str, all: bool) -> Vec<u8> {
    let text = String::from_utf8(answer).unwrap();
    let kind = format!("<type>{of}</type>");
    let mut n = 0;
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("<result>") {
        let (entry, after) = after.split_once("</result>").unwrap();
        out += before;
        n += usize::from(entry.contains(&kind));
        if !entry.contains(&kind) || !(all || n % 2 == 0) {
            out.extend(["<result>", entry, "</result>"]);
        }
        rest = after;
    }
    (out + rest).into_bytes()
}

#[test]
fn listing_that_comes_back_empty_or_short_deletes_nothing() {
    let env = TestEnv::initialised();
    snapshot(&env, &env.repo(), &[], "first");
    let before = metadata(&env, &env.repo());
    let listings = [
        ("ApexClass", true),
        ("Report", true),
        ("CustomField", true),
        ("CustomField", false),
        ("CustomObject", true),
        ("Layout", true),
        ("Profile", true),
        ("Flow", true),
    ];
    let passes = [
        &["snapshot", "--json"][..],
        &["snapshot", "--json", "--full"],
    ];
    let cases = listings
        .iter()
        .flat_map(|listing| passes.iter().map(move |pass| (*listing, *pass)));
    for ((of, all), options) in some(cases, 3) {
        let what = format!("{of}, all: {all}, {options:?}");
        let dir = env.scratch(&format!("{of}{all}{}", options.len()));
        copy(&env.repo(), &dir);
        let meddler = Meddler::start(env.org.url(), move |_, request, answer| {
            if request.contains("listMetadata") {
                shrink(answer, of, all)
            } else {
                answer
            }
        });
        let output = env
            .command(env!("CARGO_BIN_EXE_orgkeep"), &dir)
            .env("SF_ORG_INSTANCE_URL", &meddler.url)
            .args(options)
            .output()
            .unwrap();
        let ran = Ran::of(&output);
        assert_eq!(ran.status, 3, "{what}: {}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stdout.contains(&format!("{of}:")),
            "{what}: {}",
            ran.stdout
        );
        assert_complete(&env, &dir, &what);
        let now = metadata(&env, &dir);
        assert_eq!(differing(&now, &before), [""; 0], "{what}");
        let report = snapshot(&env, &dir, &[], &what);
        assert_eq!(report["gaps"], json!([]), "{what}");
        let now = metadata(&env, &dir);
        assert_eq!(differing(&now, &before), [""; 0], "{what}");
        assert_complete(&env, &dir, &what);
    }
}

#[test]
fn whole_type_that_was_really_deleted_goes_once_it_is_accounted_for() {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, &env.repo(), &[], "first");
    let package = Package::acme();
    package.remove(&["cachePartitions/Prices.cachePartition"]);
    package.load(&env.org, "omar@acme.example", "2027-01-10T08:30:00Z");
    env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
    let ran = env.orgkeep(&["snapshot", "--json"]);
    assert!([0, 3].contains(&ran.status), "{}", ran.stderr);
    if ran.status == 3 {
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(report["gaps"].to_string().contains("Prices"), "{report}");
        assert!(metadata(&env, &env.repo()).contains("Prices.cachePartition"));
        snapshot(&env, &env.repo(), &["--accept-deletions"], "accepted");
    }
    assert!(!metadata(&env, &env.repo()).contains("Prices.cachePartition"));
    let report = snapshot(&env, &env.repo(), &[], "afterwards");
    assert_eq!(report["gaps"], json!([]));
    assert_complete(&env, &env.repo(), "afterwards");
}
