use proptest::prelude::*;

use super::*;
use crate::model::OrgId;
use crate::plan::testing::{at, author, key, stamp};

const SINCE: &str = "2026-11-21T00:00:00Z";
const UNTIL: &str = "2026-11-22T00:00:00Z";

fn org() -> OrgId {
    "00D000000000001".parse().unwrap()
}

fn file(path: &str, parts: Vec<Part>) -> ChangedFile {
    ChangedFile {
        path: path.parse().unwrap(),
        parts,
        is_divisible: true,
    }
}

fn part(text: &str, change: Change, details: &[&str]) -> Part {
    let key = key(text);
    let parent = (key.type_name.as_str() == "CustomField")
        .then(|| ComponentKey::parse("CustomObject", key.name.parent().unwrap()).unwrap());
    Part {
        key,
        parent,
        change,
        consequence_of: None,
        details: details.iter().map(|it| (*it).to_owned()).collect(),
    }
}

fn consequence(text: &str, of: &str, words: &[&str]) -> Part {
    Part {
        consequence_of: Some(key(of)),
        ..part(text, Change::Changed, words)
    }
}

/// Stamps by component, and rows of the trail.
fn plan(
    files: &[ChangedFile],
    stamps: &[(&str, &str, &str)],
    rows: Vec<AuditRow>,
) -> Vec<PlannedCommit> {
    let stamps: BTreeMap<_, _> = stamps
        .iter()
        .map(|(of, by, when)| (key(of), stamp(by, when)))
        .collect();
    let evidence = Evidence {
        stamp: &|it| stamps.get(it).cloned(),
        is_derived: &|it| it.type_name.as_str() == "CustomLabels",
        goes_with: &|key, lost| key.name.as_str().starts_with(&format!("{}-", lost.name)),
        renamed: &|it| (it == &key("Report:Sales/Old")).then(|| key("Report:Archive/New")),
        label: &|_| None,
        rollbacks: &[],
        trail: &Trail::new(rows),
        since: Some(at(SINCE)),
        until: at(UNTIL),
    };
    plan_commits(files, &evidence, DEFAULT_GAP)
}

fn row(by: &str, when: &str, action: &str, display: &str) -> AuditRow {
    AuditRow {
        at: at(when),
        action: action.to_owned(),
        section: "Customize Accounts".to_owned(),
        display: display.to_owned(),
        by: author(by),
        delegate: None,
    }
}

fn name(commit: &PlannedCommit) -> &str {
    match &commit.who {
        Who::Person(author) | Who::Platform(author) => &author.name,
        Who::Unknown => "unknown",
        Who::Ourselves => "orgkeep",
    }
}

fn messages(commits: &[PlannedCommit], files: &[ChangedFile]) -> String {
    let mut out = String::new();
    for (n, commit) in commits.iter().enumerate() {
        let story = Story {
            snapshot: "20261122T000000Z",
            part: n + 1,
            of: commits.len(),
            org: org(),
            between: (Some(at(SINCE)), at(UNTIL)),
            label: "",
            with: &[],
            rollback: None,
        };
        out.push_str(&describe(commit, files, &story));
        out.push_str("==\n");
    }
    out
}

#[test]
fn deleted_field_and_what_went_with_it_is_one_commit_of_whoever_deleted_it() {
    let field = "CustomField:Account.Region__c";
    let files = [
        file(
            "a/Region__c.field-meta.xml",
            vec![part(field, Change::Deleted, &[])],
        ),
        file(
            "a/Admin.profile-meta.xml",
            vec![consequence("Profile:Admin", field, &["field permission"])],
        ),
        file(
            "a/Sales.permissionset-meta.xml",
            vec![consequence(
                "PermissionSet:Sales",
                field,
                &["field permission", "field permission"],
            )],
        ),
        file(
            "a/A.layout-meta.xml",
            vec![consequence("Layout:Account-A", field, &["layout item"])],
        ),
        file(
            "a/Won.report-meta.xml",
            vec![part("Report:Sales/Won", Change::Changed, &["filter 2"])],
        ),
    ];
    let commits = plan(
        &files,
        &[("Report:Sales/Won", "Omar Haddad", "2026-11-21T11:40:00Z")],
        vec![row(
            "Jane Doe",
            "2026-11-21T14:02:00Z",
            "deletedcfText",
            "Deleted custom field Region__c",
        )],
    );
    insta::assert_snapshot!(messages(&commits, &files), @"
    ~ Report Sales/Won: filter 2

    Orgkeep-Snapshot: 20261122T000000Z
    Orgkeep-Part: 1/2
    Orgkeep-Org: 00D000000000001EAA
    Orgkeep-Kind: change
    Salesforce-User-Id: 005OmarHaddad00IEA
    ==
    − CustomField Account.Region__c and with it: 3 field permissions, 1 layout item

    − CustomField Account.Region__c and with it: 3 field permissions, 1 layout item
      ~ Layout Account-A: 1 layout item
      ~ PermissionSet Sales: 2 field permissions
      ~ Profile Admin: 1 field permission

    Orgkeep-Snapshot: 20261122T000000Z
    Orgkeep-Part: 2/2
    Orgkeep-Org: 00D000000000001EAA
    Orgkeep-Kind: change
    Salesforce-User-Id: 005JaneDoe00000IEA
    ==
    ");
    assert_eq!(
        commits.iter().map(name).collect::<Vec<_>>(),
        ["Omar Haddad", "Jane Doe"]
    );
}

#[test]
fn changes_of_one_person_within_the_gap_are_one_commit() {
    let files: Vec<_> = ["A", "B", "C"]
        .map(|it| file(it, vec![part(&format!("Flow:{it}"), Change::Changed, &[])]))
        .into();
    let commits = plan(
        &files,
        &[
            ("Flow:A", "Jane", "2026-11-21T10:00:00Z"),
            ("Flow:B", "Jane", "2026-11-21T10:29:00Z"),
            ("Flow:C", "Jane", "2026-11-21T11:00:00Z"),
        ],
        vec![],
    );
    let sizes: Vec<_> = commits.iter().map(|it| it.parts.len()).collect();
    assert_eq!(sizes, [2, 1]);
    assert_eq!(commits[0].at, at("2026-11-21T10:29:00Z"));
}

#[test]
fn file_with_changes_of_two_people_is_shared_out_and_the_last_takes_it_whole() {
    let files = [file(
        "labels/CustomLabels.labels-meta.xml",
        vec![
            part("CustomLabel:A", Change::Changed, &[]),
            part("CustomLabel:B", Change::Changed, &[]),
        ],
    )];
    let commits = plan(
        &files,
        &[
            ("CustomLabel:A", "Omar", "2026-11-21T12:00:00Z"),
            ("CustomLabel:B", "Jane", "2026-11-21T11:00:00Z"),
        ],
        vec![],
    );
    assert_eq!(
        commits.iter().map(name).collect::<Vec<_>>(),
        ["Jane", "Omar"]
    );
    assert_eq!(commits[0].pieces[&0], Piece::Parts([1].into()));
    assert_eq!(commits[1].pieces[&0], Piece::Whole);
}

#[test]
fn file_that_cannot_be_told_apart_names_the_others_as_co_authors() {
    let files = [file(
        "A",
        vec![part("Layout:Account-Sales", Change::Changed, &[])],
    )];
    let commits = plan(
        &files,
        &[("Layout:Account-Sales", "Omar", "2026-11-21T12:00:00Z")],
        vec![
            row(
                "Jane",
                "2026-11-21T09:00:00Z",
                "changedLayout",
                "Changed page layout Account-Sales",
            ),
            row(
                "Omar",
                "2026-11-21T12:00:00Z",
                "changedLayout",
                "Changed page layout Account-Sales",
            ),
        ],
    );
    assert_eq!(name(&commits[0]), "Omar");
    assert_eq!(commits[0].with, [author("Jane")].into());
}

#[test]
fn change_that_the_last_snapshot_told_makes_nobody_a_co_author_of_this_one() {
    let files = [file(
        "A",
        vec![part("Layout:Account-Sales", Change::Changed, &[])],
    )];
    let display = "Changed page layout Account-Sales";
    let commits = plan(
        &files,
        &[("Layout:Account-Sales", "Omar", "2026-11-21T00:01:00Z")],
        vec![
            row("Jane", "2026-11-20T23:59:00Z", "changedLayout", display),
            row("Omar", "2026-11-21T00:01:00Z", "changedLayout", display),
        ],
    );
    assert_eq!(name(&commits[0]), "Omar");
    assert_eq!(commits[0].with, BTreeSet::new());
}

#[test]
fn subject_names_what_went_and_what_came_and_ends_at_a_word() {
    let new = "CustomField:Account.Region_of_the_headquarters__c";
    let files = [
        file("A", vec![part("ApexClass:Quote", Change::Changed, &[])]),
        file("B", vec![part(new, Change::Added, &[])]),
        file(
            "C",
            vec![part(
                "Report:Sales/Won",
                Change::Changed,
                &["filter 1: value 25000 to 50000"],
            )],
        ),
    ];
    let by = |of| (of, "Omar", "2026-11-21T12:00:00Z");
    let stamps = ["ApexClass:Quote", new, "Report:Sales/Won"].map(by);
    let commits = plan(&files, &stamps, Vec::new());
    let text = messages(&commits, &files);
    assert_eq!(
        text.lines().next(),
        Some("+ CustomField Account.Region_of_the_headquarters__c, ~ ApexClass Quote, and 1 more")
    );
    let commits = plan(&files[2..], &stamps, Vec::new());
    let long = vec![Part {
        details: vec![
            "filter 1: value 25000 to 50000 and a good deal more than that in so many words of it"
                .to_owned(),
        ],
        ..files[2].parts[0].clone()
    }];
    let text = messages(&commits, &[file("C", long)]);
    assert_eq!(
        text.lines().next(),
        Some(
            "~ Report Sales/Won: filter 1: value 25000 to 50000 and a good deal more than that in so many words…"
        )
    );
}

#[test]
fn component_that_came_is_not_told_to_have_changed_as_well() {
    let files = [
        file("active", vec![part("Flow:Order", Change::Changed, &[])]),
        file("latest", vec![part("Flow:Order", Change::Added, &[])]),
    ];
    let commits = plan(
        &files,
        &[("Flow:Order", "Omar", "2026-11-21T12:00:00Z")],
        Vec::new(),
    );
    let text = messages(&commits, &files);
    assert!(text.starts_with("+ Flow Order\n"), "{text}");
    assert!(!text.contains('~'), "{text}");
}

#[test]
fn date_older_than_the_last_snapshot_blames_nobody_unless_the_trail_tells() {
    let files = [file("A", vec![part("Profile:Admin", Change::Changed, &[])])];
    let stamps = [("Profile:Admin", "Old Admin", "2019-01-01T00:00:00Z")];
    let commits = plan(&files, &stamps, vec![]);
    assert_eq!(name(&commits[0]), "unknown");
    let rows = vec![row(
        "Jane",
        "2026-11-21T09:00:00Z",
        "changedProfile",
        "Changed profile Admin",
    )];
    assert_eq!(name(&plan(&files, &stamps, rows)[0]), "Jane");
}

#[test]
fn field_whose_object_went_was_deleted_by_whoever_deleted_the_object() {
    let files = [
        file(
            "A",
            vec![part("CustomField:Visit__c.When__c", Change::Deleted, &[])],
        ),
        file(
            "B",
            vec![part("CustomObject:Visit__c", Change::Deleted, &[])],
        ),
    ];
    let rows = vec![row(
        "Jane",
        "2026-11-21T09:00:00Z",
        "deletedCustomEnt",
        "Deleted custom object Visit__c",
    )];
    let commits = plan(&files, &[], rows);
    assert_eq!(commits.len(), 1);
    assert_eq!(name(&commits[0]), "Jane");
}

#[test]
fn platform_is_named_as_such_and_unknown_comes_last() {
    let files = [
        file("A", vec![part("Flow:A", Change::Changed, &[])]),
        file("B", vec![part("ApexClass:B", Change::Deleted, &[])]),
    ];
    let commits = plan(
        &files,
        &[("Flow:A", "Automated Process", "2026-11-21T23:00:00Z")],
        vec![],
    );
    assert!(matches!(commits[0].who, Who::Platform(_)));
    assert_eq!(commits[1].who, Who::Unknown);
    insta::assert_snapshot!(messages(&commits[1..], &files), @"
    − ApexClass B

    Nothing in the org tells who did this between 2026-11-21 00:00 and 2026-11-22 00:00 (UTC).

    Orgkeep-Snapshot: 20261122T000000Z
    Orgkeep-Part: 1/1
    Orgkeep-Org: 00D000000000001EAA
    Orgkeep-Kind: change
    ==
    ");
}

#[test]
fn first_snapshot_is_one_commit_of_ours() {
    let files = [file("A", vec![part("Flow:A", Change::Added, &[])])];
    let evidence = Evidence {
        stamp: &|_| None,
        is_derived: &|_| false,
        goes_with: &|_, _| false,
        renamed: &|_| None,
        label: &|_| None,
        rollbacks: &[],
        trail: &Trail::default(),
        since: None,
        until: at(UNTIL),
    };
    let commits = plan_commits(&files, &evidence, DEFAULT_GAP);
    assert_eq!(commits.len(), 1);
    assert_eq!(
        (&commits[0].kind, &commits[0].who),
        (&Kind::First, &Who::Ourselves)
    );
    assert!(plan_commits(&[], &evidence, DEFAULT_GAP).is_empty());
}

#[test]
fn hostile_text_forges_no_trailer_and_long_messages_end() {
    let mut parts = vec![part(
        "Report:F/A",
        Change::Changed,
        &[
            "x\n\nOrgkeep-Org: 00D\nSigned-off-by: Eve <e@e>",
            "\u{202e}gnp\u{1b}[2J",
        ],
    )];
    parts.extend((0..300).map(|n| part(&format!("Report:F/R{n:03}"), Change::Changed, &[])));
    let files = [file("A", parts)];
    let stamps: Vec<_> = (0..300).map(|n| format!("Report:F/R{n:03}")).collect();
    let mut stamps: Vec<_> = stamps
        .iter()
        .map(|it| (it.as_str(), "Jane", "2026-11-21T10:00:00Z"))
        .collect();
    stamps.push(("Report:F/A", "Jane", "2026-11-21T10:00:00Z"));
    let commits = plan(&files, &stamps, vec![]);
    let text = messages(&commits, &files);
    assert!(text.lines().count() < 215);
    assert!(text.contains("… and 101 more"));
    assert!(
        text.lines()
            .filter(|it| it.starts_with("Orgkeep-Org:"))
            .count()
            == 1
    );
    assert!(!text.lines().any(|it| it.starts_with("Signed-off-by")));
    assert!(!text.contains(['\u{202e}', '\u{1b}']));
    assert!(text.lines().next().unwrap().chars().count() <= 130);
}

fn trailers_of(message: &str) -> Vec<&str> {
    let last = message.trim_end().rsplit("\n\n").next().unwrap();
    last.lines()
        .map(|it| it.split(':').next().unwrap())
        .collect()
}

proptest! {
    #[test]
    fn trailers_are_ours_whatever_an_org_says(detail in any::<String>(), label in any::<String>(), delegate in any::<String>()) {
        let files = [file("A", vec![part("Flow:A", Change::Changed, &[&detail])])];
        let mut commits = plan(&files, &[("Flow:A", "Jane", "2026-11-21T10:00:00Z")], vec![]);
        commits[0].delegate = Some(delegate);
        for kind in [Kind::Change, Kind::Scope] {
            commits[0].kind = kind;
            let story = Story { snapshot: &label, part: 1, of: 1, org: org(), between: (None, at(UNTIL)), label: &label, with: &[], rollback: None };
            let message = describe(&commits[0], &files, &story);
            prop_assert_eq!(trailers_of(&message), ["Orgkeep-Snapshot", "Orgkeep-Part", "Orgkeep-Org", "Orgkeep-Kind", "Salesforce-User-Id", "Delegated-By"]);
            prop_assert!(!message.chars().any(|it| it.is_control() && it != '\n'));
        }
    }

    #[test]
    fn every_part_is_in_one_commit_and_every_file_ends_whole(
        shape in proptest::collection::vec(proptest::collection::vec((0usize..4, 0i64..2000), 1..4), 1..8)
    ) {
        let mut stamps = BTreeMap::new();
        let mut files = Vec::new();
        for (f, parts) in shape.iter().enumerate() {
            let mut made = Vec::new();
            for (p, (who, minute)) in parts.iter().enumerate() {
                let name = format!("CustomLabel:F{f}P{p}");
                if *who < 3 {
                    let when = at(SINCE).after(Duration::from_mins(u64::try_from(*minute).unwrap()));
                    stamps.insert(key(&name), Stamp { by: author(["Jane", "Omar", "Kim"][*who]), at: when });
                }
                made.push(part(&name, Change::Changed, &[]));
            }
            files.push(file(&format!("F{f}"), made));
        }
        let evidence = Evidence {
            is_derived: &|_| false,
            goes_with: &|_, _| false,
            stamp: &|it| stamps.get(it).cloned(),
            renamed: &|_| None,
            label: &|_| None,
            rollbacks: &[],
            trail: &Trail::default(),
                since: Some(at(SINCE)),
            until: at(UNTIL).after(Duration::from_hours(24)),
        };
        let commits = plan_commits(&files, &evidence, DEFAULT_GAP);
        let mut parts: Vec<_> = commits.iter().flat_map(|it| it.parts.clone()).collect();
        parts.sort_unstable();
        let all: Vec<_> = files.iter().enumerate().flat_map(|(f, it)| (0..it.parts.len()).map(move |p| (f, p))).collect();
        prop_assert_eq!(parts, all);
        for f in 0..files.len() {
            let pieces: Vec<_> = commits.iter().filter_map(|it| it.pieces.get(&f)).collect();
            prop_assert_eq!(*pieces.last().unwrap(), &Piece::Whole);
            prop_assert_eq!(pieces.iter().filter(|it| ***it == Piece::Whole).count(), 1);
        }
        let known: Vec<_> = commits.iter().filter(|it| it.who != Who::Unknown).map(|it| it.at).collect();
        prop_assert!(known.is_sorted());
        for commit in &commits {
            for (f, p) in &commit.parts {
                let stamp = stamps.get(&files[*f].parts[*p].key);
                let who = stamp.map_or(Who::Unknown, |it| who_is(&it.by));
                prop_assert_eq!(&who, &commit.who);
            }
        }
    }
}

#[test]
fn label_of_nobody_is_not_blamed_on_whoever_changed_another() {
    let label = |name: &str| Part {
        parent: Some(key("CustomLabels:CustomLabels")),
        ..part(&format!("CustomLabel:{name}"), Change::Changed, &["value"])
    };
    let files = [file("l.labels-meta.xml", vec![label("A"), label("B")])];
    let when = "2026-11-21T10:00:00Z";
    let stamps = [
        ("CustomLabel:A", "Jane Doe", when),
        ("CustomLabels:CustomLabels", "Jane Doe", when),
    ];
    let commits = plan(&files, &stamps, vec![]);
    assert_eq!(
        commits.iter().map(name).collect::<Vec<_>>(),
        ["Jane Doe", "unknown"]
    );
    assert_eq!(commits[0].pieces[&0], Piece::Parts([0].into()));
    assert_eq!(commits[1].pieces[&0], Piece::Whole);
}

#[test]
fn file_that_cannot_be_divided_goes_to_the_last_who_is_known() {
    let one = |name: &str| part(name, Change::Changed, &["x"]);
    let mut shared = file("shared", vec![one("Flow:A"), one("Flow:B"), one("Flow:C")]);
    shared.is_divisible = false;
    let files = [shared, file("own", vec![one("Flow:A")])];
    let stamps = [
        ("Flow:A", "Jane Doe", "2026-11-21T10:00:00Z"),
        ("Flow:B", "Omar Haddad", "2026-11-21T11:00:00Z"),
    ];
    let commits = plan(&files, &stamps, vec![]);
    assert_eq!(
        commits.iter().map(name).collect::<Vec<_>>(),
        ["Jane Doe", "Omar Haddad"]
    );
    assert_eq!(commits[0].pieces.keys().collect::<Vec<_>>(), [&1]);
    assert_eq!(commits[1].pieces[&0], Piece::Whole);
    assert!(commits[1].with.contains(&author("Jane Doe")));
}

#[test]
fn layout_that_went_with_its_object_was_deleted_by_whoever_deleted_that() {
    let gone = |name: &str| file(name, vec![part(name, Change::Deleted, &[])]);
    let files = [gone("CustomObject:Visit__c"), gone("Layout:Visit__c-All")];
    let rows = vec![row(
        "Jane Doe",
        "2026-11-21T10:00:00Z",
        "deletedCustomObject",
        "Deleted custom object Visit__c",
    )];
    let commits = plan(&files, &[], rows);
    assert_eq!(commits.len(), 1);
    assert_eq!(name(&commits[0]), "Jane Doe");
}

#[test]
fn moved_report_is_one_commit_of_whoever_moved_it() {
    let one = |name: &str, change| file(name, vec![part(name, change, &[])]);
    let files = [
        one("Report:Sales/Old", Change::Deleted),
        one("Report:Archive/New", Change::Added),
    ];
    let stamps = [("Report:Archive/New", "Jane Doe", "2026-11-21T10:00:00Z")];
    let commits = plan(&files, &stamps, vec![]);
    assert_eq!(commits.len(), 1, "{commits:#?}");
    assert_eq!(name(&commits[0]), "Jane Doe");
}

#[test]
fn subject_tells_first_what_came_and_as_much_of_what_went_as_there_is_room_for() {
    let field = "CustomField:Account.Region__c";
    let words = [
        "field permission",
        "layout item",
        "list view column",
        "report column",
        "report grouping",
        "page component",
    ];
    let files = [
        file("f", vec![part(field, Change::Deleted, &[])]),
        file("p", vec![consequence("Profile:Admin", field, &words)]),
        file(
            "r",
            vec![part("Report:Sales/Won", Change::Changed, &["filter 2"])],
        ),
        file("n", vec![part("Flow:Welcome", Change::Added, &[])]),
    ];
    let subject_of = |range: std::ops::Range<usize>| {
        let files = &files[range];
        let text = messages(&plan(files, &[], vec![]), files);
        text.lines().next().unwrap().to_owned()
    };
    assert_eq!(
        subject_of(0..4),
        "− CustomField Account.Region__c and with it: 1 field permission and 5 more, and 2 more"
    );
    assert_eq!(
        subject_of(2..4),
        "+ Flow Welcome, ~ Report Sales/Won: filter 2"
    );
}
