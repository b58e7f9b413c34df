//! Plans as files.

use super::*;

fn saved(plan: &RollbackPlan) -> PlanFile {
    let file = PlanFile {
        schema: SCHEMA.to_owned(),
        org: "00D000000000001".parse().unwrap(),
        target: "5a90b3f".to_owned(),
        base: "7c1e0d4".to_owned(),
        selectors: vec![FIELD.to_owned()],
        except: Vec::new(),
        options: Options::default(),
        entries: Vec::new(),
    };
    file.with_entries(plan, |bytes| format!("{} bytes", bytes.len()))
}

#[test]
fn saved_plan_is_read_again_and_refused_when_one_entry_differs() {
    let (target, now) = (company(), after_deletion());
    let file = saved(&setup(&target, &now).plan(&[FIELD]));
    let again = PlanFile::parse(&file.render()).unwrap();
    assert_eq!(again, file);
    assert!(file.differences(&again).is_empty());
    let said = |other: &PlanFile| -> Vec<String> {
        file.differences(other)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let moved = now.clone().with(
        "ListView:Account.All",
        "<ListView><columns>X</columns></ListView>",
    );
    let moved = saved(&setup(&target, &moved).plan(&[FIELD]));
    assert_eq!(
        said(&moved),
        ["ListView:Account.All: changed since the plan was made"]
    );
    let back = now.clone().with(FIELD, &target.0[&key(FIELD)]);
    let back = saved(&setup(&target, &back).plan(&[FIELD]));
    assert!(said(&back).contains(&format!("{FIELD}: changed since the plan was made")));
    let mut edited = file.clone();
    edited.entries[0].verdict = Verdict::Delete;
    assert_eq!(
        said(&edited),
        [format!("{FIELD}: the plan says recreate, now it is delete")]
    );
    edited = file.clone();
    edited.entries[1]
        .sends
        .values_mut()
        .for_each(|it| it.push('0'));
    assert_eq!(said(&edited).len(), 1);
    edited = file.clone();
    edited.org = "00D000000000002".parse().unwrap();
    edited.entries.swap(0, 1);
    assert_eq!(said(&edited).len(), 1);
}

#[test]
fn file_that_is_no_plan_is_refused() {
    assert!(PlanFile::parse(b"{").is_err());
    let err = PlanFile::parse(br#"{"schema":"orgkeep/plan/9"}"#).unwrap_err();
    assert_eq!(err.to_string(), "the plan has schema `orgkeep/plan/9`");
    let (target, now) = (company(), after_deletion());
    let text = String::from_utf8(saved(&setup(&target, &now).plan(&[FIELD])).render()).unwrap();
    let more = text.replacen("\"org\"", "\"extra\": 1, \"org\"", 1);
    assert!(PlanFile::parse(more.as_bytes()).is_err());
}
