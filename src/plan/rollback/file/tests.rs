use super::*;
use crate::model::Author;
use crate::plan::rollback::Item;
use crate::plan::testing::{at, key};

fn digest(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(7_u64, |sum, it| {
        sum.wrapping_mul(31).wrapping_add(u64::from(*it))
    });
    format!("{sum:x}")
}

fn item(of: &str, verdict: Verdict) -> Item {
    let path = format!("{}.xml", of.replace(':', "/")).parse().unwrap();
    Item {
        key: key(of),
        verdict,
        applies: true,
        reason: "it was changed".to_owned(),
        details: Vec::new(),
        page: None,
        because_of: None,
        files: vec![(path, Content::Merged(b"<x/>"[..].into()))],
        deletes: Vec::new(),
        deletes_inside: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
        redacted: false,
        states: (Some("1".to_owned()), Some("2".to_owned())),
    }
}

fn remote(of: &str, by: &str, when: &str) -> RemoteComponent {
    let stamp = Stamp {
        by: Author {
            id: None,
            name: by.to_owned(),
        },
        at: at(when),
    };
    RemoteComponent {
        key: key(of),
        id: "00h000000000001".parse().ok(),
        file_name: String::new(),
        created: stamp.clone(),
        modified: stamp,
        namespace: None,
        manageable_state: None,
    }
}

const LAYOUT: &str = "Layout:Account-A";

fn saved(items: Vec<Item>, listed: &RemoteComponent) -> PlanFile {
    let file = PlanFile {
        schema: SCHEMA.to_owned(),
        release: RELEASE.to_owned(),
        org: "00D000000000001".parse().unwrap(),
        target: "5a90b3f".to_owned(),
        reverts: Vec::new(),
        choices: Choices::default(),
        pick: Pick::default(),
        base: "7c1e0d4".to_owned(),
        selectors: vec![LAYOUT.to_owned()],
        except: Vec::new(),
        options: Options::default(),
        tests: TestLevel::Default,
        entries: Vec::new(),
        beside: BTreeMap::from([(key("CustomLabel:Other"), "9".to_owned())]),
        digest: String::new(),
    };
    let listed = |it: &ComponentKey| (*it == listed.key).then_some(listed);
    file.with_entries(&RollbackPlan { items }, listed, digest)
}

fn plan() -> PlanFile {
    let items = vec![
        item(LAYOUT, Verdict::Revert),
        item("Report:Sales/Won", Verdict::Recreate),
    ];
    saved(items, &remote(LAYOUT, "Jane Doe", "2026-11-21T14:02:00Z"))
}

fn said(was: &PlanFile, is: &PlanFile) -> Vec<String> {
    let differences = was.differences(is);
    differences.iter().map(ToString::to_string).collect()
}

#[test]
fn saved_plan_is_read_again_and_holds() {
    let file = plan();
    let again = PlanFile::parse(&file.render(), digest).unwrap();
    assert_eq!(again, file);
    assert!(file.differences(&again).is_empty());
}

#[test]
fn component_that_moved_is_named_with_who_moved_it() {
    let items = vec![
        Item {
            states: (Some("1".to_owned()), Some("3".to_owned())),
            ..item(LAYOUT, Verdict::Revert)
        },
        item("Report:Sales/Won", Verdict::Recreate),
    ];
    let moved = saved(
        items,
        &remote(LAYOUT, "Omar Haddad", "2026-11-22T09:30:00Z"),
    );
    assert_eq!(
        said(&plan(), &moved),
        [
            "Layout:Account-A: changed since the plan was made, by Omar Haddad at 2026-11-22 09:30 UTC"
        ]
    );
}

#[test]
fn component_that_was_made_again_with_equal_content_has_moved() {
    let mut listed = remote(LAYOUT, "Jane Doe", "2026-11-21T14:02:00Z");
    listed.id = "00h000000000002".parse().ok();
    let items = plan_items();
    assert_eq!(
        said(&plan(), &saved(items, &listed)),
        ["Layout:Account-A: changed since the plan was made"]
    );
}

fn plan_items() -> Vec<Item> {
    vec![
        item(LAYOUT, Verdict::Revert),
        item("Report:Sales/Won", Verdict::Recreate),
    ]
}

#[test]
fn other_outcomes_and_what_is_sent_along_are_differences() {
    let file = plan();
    let mut other = file.clone();
    other.entries[1].verdict = Verdict::Delete;
    assert_eq!(
        said(&file, &other),
        ["Report:Sales/Won: the plan says recreate, now it is delete"]
    );
    other = file.clone();
    other.entries[1]
        .sends
        .values_mut()
        .for_each(|it| it.push('0'));
    assert_eq!(
        said(&file, &other),
        ["Report:Sales/Won: something else would be sent than planned"]
    );
    other = file.clone();
    other.beside.clear();
    assert_eq!(
        said(&file, &other),
        ["CustomLabel:Other: sent along, and changed since the plan was made"]
    );
    other = file.clone();
    other.entries.swap(0, 1);
    assert_eq!(said(&file, &other), ["the entries stand in another order"]);
    other = file.clone();
    other.org = "00D000000000002".parse().unwrap();
    assert_eq!(said(&file, &other).len(), 1);
    other = file.clone();
    other.entries.pop();
    assert_eq!(
        said(&file, &other),
        ["Report:Sales/Won: in the plan, and nothing to do any more"]
    );
    assert_eq!(said(&other, &file), ["Report:Sales/Won: not in the plan"]);
}

#[test]
fn every_edit_of_a_saved_plan_is_seen() {
    let text = String::from_utf8(plan().render()).unwrap();
    for (from, to) in [
        ("\"delete_new\": false", "\"delete_new\": true"),
        ("\"Layout:Account-A\"\n", "\"Layout:*\"\n"),
        ("\"target\": \"5a90b3f\"", "\"target\": \"HEAD\""),
        ("\"tests\": \"Default\"", "\"tests\": \"NoTestRun\""),
        ("\"applies\": true", "\"applies\": false"),
        ("\"base\": \"7c1e0d4\"", "\"base\": \"0000000\""),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "no {from} in\n{text}");
        let err = PlanFile::parse(edited.as_bytes(), digest).unwrap_err();
        assert!(matches!(err, InvalidPlan::Edited), "{from}: {err}");
    }
    // Blanks mean nothing.
    let packed = serde_json::to_vec(&serde_json::from_str::<PlanFile>(&text).unwrap()).unwrap();
    assert_eq!(PlanFile::parse(&packed, digest).unwrap(), plan());
}

#[test]
fn file_that_is_no_plan_of_this_release_is_refused() {
    let refused = |bytes: &[u8]| PlanFile::parse(bytes, digest).unwrap_err();
    let schema = refused(br#"{"schema":"orgkeep/plan/9"}"#);
    assert_eq!(schema.to_string(), "the plan has schema `orgkeep/plan/9`");
    let release = refused(br#"{"schema":"orgkeep/plan/1","release":"0.0.9\u001b[2J"}"#);
    assert_eq!(
        release.to_string(),
        format!("the plan was made by orgkeep 0.0.9\\u{{1b}}[2J, and this is {RELEASE}")
    );
    let whole = plan().render();
    let text = String::from_utf8(whole.clone()).unwrap();
    let more = text.replacen("\"org\"", "\"extra\": 1, \"org\"", 1);
    let twice = text.replacen("\"org\"", "\"org\": \"00D000000000009\", \"org\"", 1);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let star = text.replacen("\"Report:Sales/Won\"", "\"Report:../../x\"", 1);
    let texts = ["", "{", "null", "[]", "\u{0}", &more, &twice, &deep, &star];
    for text in texts {
        let err = refused(text.as_bytes());
        assert!(matches!(err, InvalidPlan::Json(_)), "{err}");
    }
    for end in [1, 100, whole.len() / 2, whole.len() - 3] {
        assert!(matches!(refused(&whole[..end]), InvalidPlan::Json(_)));
    }
    assert!(matches!(refused(b"\xff\xfe{}"), InvalidPlan::Json(_)));
}
