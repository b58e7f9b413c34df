use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::ApiVersion;
use crate::plan::deploy::{TestLevel, plan_deploy};
use crate::plan::retrieve::{CostModel, Limits};
use crate::plan::testing::{at, key};

/// A tree with one file for each component.
#[derive(Clone, Debug, Default)]
struct Tree(BTreeMap<ComponentKey, String>);

impl Tree {
    fn of(entries: &[(&str, &str)]) -> Self {
        let entries = entries
            .iter()
            .map(|(it, text)| (key(it), (*text).to_owned()));
        Self(entries.collect())
    }

    fn with(mut self, of: &str, text: &str) -> Self {
        self.0.insert(key(of), text.to_owned());
        self
    }

    fn without(mut self, of: &str) -> Self {
        self.0.remove(&key(of));
        self
    }
}

impl View for Tree {
    fn state(&self, key: &ComponentKey) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn read(&self, key: &ComponentKey) -> Vec<ViewFile> {
        let file = |text: &String| ViewFile {
            path: format!("{}/{}-meta.xml", key.type_name, key.name)
                .parse()
                .unwrap(),
            bytes: text.as_bytes().into(),
        };
        self.0.get(key).map(file).into_iter().collect()
    }
}

fn parent_of(key: &ComponentKey) -> Option<ComponentKey> {
    let is_child = matches!(
        key.type_name.as_str(),
        "CustomField" | "ListView" | "RecordType"
    );
    is_child.then(|| ComponentKey::parse("CustomObject", key.name.parent()?).ok())?
}

fn facts_of(key: &ComponentKey) -> Facts {
    let folder = (key.type_name.as_str() == "Report")
        .then(|| ComponentKey::parse("ReportFolder", key.name.folder()?).ok());
    Facts {
        parent: parent_of(key),
        folder: folder.flatten(),
        ..Facts::default()
    }
}

fn differing(a: &Tree, b: &Tree) -> BTreeSet<ComponentKey> {
    let all: BTreeSet<_> = a.0.keys().chain(b.0.keys()).cloned().collect();
    all.into_iter()
        .filter(|it| a.0.get(it) != b.0.get(it))
        .collect()
}

struct Setup<'a> {
    target: &'a Tree,
    now: &'a Tree,
    facts: &'a dyn Fn(&ComponentKey) -> Facts,
    proves_absence: bool,
    options: Options,
}

const ALLOW_ALL: Options = Options {
    delete_new: true,
    accept_lossy: true,
};

impl Setup<'_> {
    fn plan(&self, selected: &[&str]) -> RollbackPlan {
        let selected: BTreeSet<_> = selected.iter().map(|it| key(it)).collect();
        plan(&Inputs {
            target: self.target,
            now: self.now,
            selected: &selected,
            differing: &differing(self.target, self.now),
            proves_absence: &|_| self.proves_absence,
            facts: self.facts,
            is_redacted: &|bytes| String::from_utf8_lossy(bytes).contains("REDACTED"),
            at: at("2026-11-22T08:00:00Z"),
            options: self.options,
        })
    }
}

fn setup<'a>(target: &'a Tree, now: &'a Tree) -> Setup<'a> {
    Setup {
        target,
        now,
        facts: &facts_of,
        proves_absence: true,
        options: Options::default(),
    }
}

fn text_of(item: &Item) -> String {
    match &item.files[0].1 {
        Content::Merged(bytes) => {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let (_, body) = text.split_once("?>\n").unwrap();
            body.replace("    ", "").replace('\n', "")
        }
        Content::Target => "target".to_owned(),
    }
}

const FIELD: &str = "CustomField:Account.Region__c";

fn layout(items: &[&str], label: &str) -> String {
    let items = items
        .iter()
        .map(|it| {
            format!("<layoutItems><behavior>Edit</behavior><field>{it}</field></layoutItems>")
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<Layout><layoutSections><label>{label}</label><layoutColumns>{items}</layoutColumns></layoutSections></Layout>"
    )
}

fn permissions(root: &str, fields: &[&str]) -> String {
    let fields = fields.iter().map(|it| format!("<fieldPermissions><editable>true</editable><field>{it}</field><readable>true</readable></fieldPermissions>")).collect::<Vec<_>>().concat();
    format!("<{root}>{fields}</{root}>")
}

fn company() -> Tree {
    Tree::of(&[
        ("CustomObject:Account", "<CustomObject/>"),
        (
            FIELD,
            "<CustomField><fullName>Region__c</fullName><type>Text</type></CustomField>",
        ),
        (
            "Layout:Account-Sales",
            &layout(&["Name", "Region__c", "Phone"], "Info"),
        ),
        (
            "Profile:Admin",
            &permissions("Profile", &["Account.Other__c", "Account.Region__c"]),
        ),
        (
            "PermissionSet:Sales",
            &permissions("PermissionSet", &["Account.Other__c", "Account.Region__c"]),
        ),
        (
            "ListView:Account.All",
            "<ListView><columns>NAME</columns><columns>Region__c</columns></ListView>",
        ),
        (
            "Report:Sales/Won",
            "<Report><columns><field>Account$Region__c</field></columns></Report>",
        ),
        (
            "Report:Sales/Lost",
            "<Report><columns><field>Account$Other__c</field></columns></Report>",
        ),
    ])
}

/// Jane deleted the field; Omar edited the layout and a report that never named it.
fn after_deletion() -> Tree {
    company()
        .without(FIELD)
        .with(
            "Layout:Account-Sales",
            &layout(&["Name", "Rating", "Phone"], "Info"),
        )
        .with(
            "Profile:Admin",
            &permissions("Profile", &["Account.New__c", "Account.Other__c"]),
        )
        .with(
            "PermissionSet:Sales",
            &permissions("PermissionSet", &["Account.New__c", "Account.Other__c"]),
        )
        .with(
            "ListView:Account.All",
            "<ListView><columns>NAME</columns></ListView>",
        )
        .with("Report:Sales/Won", "<Report></Report>")
        .with(
            "Report:Sales/Lost",
            "<Report><columns><field>Account$Another__c</field></columns></Report>",
        )
}

#[test]
fn deleted_field_comes_back_with_all_that_was_lost_with_it_and_later_edits_stay() {
    let (target, now) = (company(), after_deletion());
    let deleted = |it: &ComponentKey| Facts {
        deleted_at: Some(at("2026-11-21T14:02:00Z")),
        ..facts_of(it)
    };
    let made = Setup {
        facts: &deleted,
        ..setup(&target, &now)
    };
    let plan = made.plan(&[FIELD]);
    let heading = Heading {
        org: "ACME",
        kind: "production",
        user: "jane@acme.com",
        url: "https://acme.my.salesforce.com/",
    };
    insta::assert_snapshot!(render(&plan, &heading), @"
    + recreate   CustomField:Account.Region__c    deleted 17 h ago; recreated without its data; can be undeleted with its data in Setup until 2026-12-06: https://acme.my.salesforce.com/lightning/setup/ObjectManager/Account/FieldsAndRelationships/view
    ~ revert     Layout:Account-Sales             layout item Region__c after Name; later edits stay
    ~ revert     ListView:Account.All             list view column Region__c after NAME
    ~ revert     PermissionSet:Sales              field permission Account.Region__c; later edits stay
    ~ revert     Profile:Admin                    field permission Account.Region__c; later edits stay
    ~ revert     Report:Sales/Won                 report column Account$Region__c
    Plan: 1 to recreate, 5 to revert, 0 to delete, 0 need a person. Org ACME (production), as jane@acme.com.
    ");
    let text = |it: &str| text_of(plan.item(&key(it)).unwrap());
    assert_eq!(
        text("Layout:Account-Sales"),
        layout(&["Name", "Region__c", "Rating", "Phone"], "Info")
    );
    assert_eq!(
        text("Profile:Admin"),
        permissions("Profile", &["Account.Region__c"])
    );
    assert_eq!(
        text("PermissionSet:Sales"),
        permissions(
            "PermissionSet",
            &["Account.New__c", "Account.Other__c", "Account.Region__c"]
        )
    );
    assert_eq!(text(FIELD), "target");
    assert!(plan.item(&key("Report:Sales/Lost")).is_none());
}

#[test]
fn what_went_with_a_deletion_is_told_from_what_somebody_edited() {
    let (before, after) = (company(), after_deletion());
    let of = |it: &str| {
        let root = |tree: &Tree| crate::xml::parse(tree.0[&key(it)].as_bytes()).unwrap().root;
        went_with(&key(it), &root(&before), &root(&after), &[key(FIELD)])
    };
    let view = of("ListView:Account.All");
    assert_eq!(view.lost, [(key(FIELD), "list view column".to_owned())]);
    assert!(view.is_all);
    let layout = of("Layout:Account-Sales");
    assert_eq!(layout.lost, [(key(FIELD), "layout item".to_owned())]);
    assert!(!layout.is_all);
    assert!(of("Report:Sales/Lost").lost.is_empty());
}

#[test]
fn changed_component_is_sent_as_it_was() {
    let (target, now) = (company(), company().with("Report:Sales/Won", "<Report/>"));
    let plan = setup(&target, &now).plan(&["Report:Sales/Won", "Report:Sales/Lost"]);
    let item = plan.item(&key("Report:Sales/Won")).unwrap();
    assert_eq!((item.verdict, item.applies), (Verdict::Revert, true));
    assert_eq!(item.files[0].1, Content::Target);
    assert_eq!(
        plan.item(&key("Report:Sales/Lost")).unwrap().verdict,
        Verdict::Unchanged
    );
    assert_eq!(plan.applied().count(), 1);
}

#[test]
fn report_whose_folder_is_gone_brings_the_folder() {
    let target = company().with("ReportFolder:Sales", "<ReportFolder/>");
    let now = company()
        .without("Report:Sales/Won")
        .without("Report:Sales/Lost");
    let plan = setup(&target, &now).plan(&["Report:Sales/Won"]);
    let folder = plan.item(&key("ReportFolder:Sales")).unwrap();
    assert_eq!(folder.verdict, Verdict::Recreate);
    assert_eq!(folder.because_of, Some(key("Report:Sales/Won")));
    assert!(plan.item(&key("Report:Sales/Lost")).is_none());
}

#[test]
fn object_comes_back_with_its_fields_and_layouts_and_a_field_with_its_object_alone() {
    let object = [
        ("CustomObject:Visit__c", "<CustomObject/>"),
        ("CustomField:Visit__c.When__c", "<CustomField/>"),
        ("CustomField:Visit__c.Who__c", "<CustomField/>"),
        ("Layout:Visit__c-Visit Layout", "<Layout/>"),
        (
            "CustomField:Account.Visit__c",
            "<CustomField><referenceTo>Visit__c</referenceTo></CustomField>",
        ),
        (
            "Profile:Admin",
            &permissions("Profile", &["Visit__c.When__c", "Visit__c.Who__c"]),
        ),
    ];
    let (target, now) = (
        Tree::of(&object),
        Tree::of(&[("Profile:Admin", "<Profile></Profile>")]),
    );
    let whole = setup(&target, &now).plan(&["CustomObject:Visit__c"]);
    assert_eq!(whole.applied().count(), 6);
    assert_eq!(
        text_of(whole.item(&key("Profile:Admin")).unwrap()),
        permissions("Profile", &["Visit__c.When__c", "Visit__c.Who__c"])
    );
    let field = setup(&target, &now).plan(&["CustomField:Visit__c.When__c"]);
    let names: Vec<_> = field.items.iter().map(|it| it.key.to_string()).collect();
    assert_eq!(
        names,
        [
            "CustomField:Visit__c.When__c",
            "CustomObject:Visit__c",
            "Profile:Admin"
        ]
    );
    assert_eq!(
        text_of(field.item(&key("Profile:Admin")).unwrap()),
        permissions("Profile", &["Visit__c.When__c"])
    );
}

#[test]
fn new_component_is_deleted_only_when_asked_and_only_when_it_was_surely_absent() {
    let (target, now) = (company(), company().with("ApexClass:New", "x"));
    let base = setup(&target, &now);
    let item = |it: &Setup<'_>| it.plan(&["ApexClass:New"]).items.remove(0);
    assert_eq!(item(&base).verdict, Verdict::Unchanged);
    let allowed = Setup {
        options: ALLOW_ALL,
        ..setup(&target, &now)
    };
    assert_eq!(
        (item(&allowed).verdict, item(&allowed).applies),
        (Verdict::Delete, true)
    );
    let unsure = Setup {
        options: ALLOW_ALL,
        proves_absence: false,
        ..setup(&target, &now)
    };
    assert_eq!(item(&unsure).verdict, Verdict::Unchanged);
    assert_eq!(
        item(&unsure).reason,
        "it may have been there: the target did not list it in full"
    );
}

#[test]
fn record_type_and_standard_things_are_not_deleted_by_us() {
    let target = Tree::default();
    let now = Tree::of(&[
        ("RecordType:Account.Partner", "<RecordType/>"),
        ("CustomObject:Account", "<CustomObject/>"),
    ]);
    let made = Setup {
        options: ALLOW_ALL,
        ..setup(&target, &now)
    };
    let plan = made.plan(&["RecordType:Account.Partner", "CustomObject:Account"]);
    let record_type = plan.item(&key("RecordType:Account.Partner")).unwrap();
    assert_eq!(
        (record_type.verdict, record_type.applies),
        (Verdict::Manual, false)
    );
    assert_eq!(
        record_type.page.as_deref(),
        Some("/lightning/setup/ObjectManager/Account/RecordTypes/view")
    );
    assert_eq!(
        plan.item(&key("CustomObject:Account")).unwrap().verdict,
        Verdict::Impossible
    );
}

#[test]
fn field_of_another_type_is_lossy_and_needs_a_word() {
    let target = company();
    let now = company().with(FIELD, "<CustomField><type>Number</type></CustomField>");
    let item = |it: Setup<'_>| it.plan(&[FIELD]).items.remove(0);
    let held = item(setup(&target, &now));
    assert_eq!(
        (held.verdict, held.applies, held.files.len()),
        (Verdict::Lossy, false, 0)
    );
    let allowed = item(Setup {
        options: ALLOW_ALL,
        ..setup(&target, &now)
    });
    assert_eq!(
        (allowed.verdict, allowed.applies, allowed.files.len()),
        (Verdict::Lossy, true, 1)
    );
    let formula = company().with(
        FIELD,
        "<CustomField><formula>1</formula><type>Text</type></CustomField>",
    );
    assert_eq!(item(setup(&target, &formula)).verdict, Verdict::Impossible);
}

#[test]
fn flow_goes_back_to_a_version_that_is_still_there_without_a_deploy() {
    let (target, now) = (
        Tree::of(&[("Flow:A", "one")]),
        Tree::of(&[("Flow:A", "two")]),
    );
    let with = |active_then, active_now, in_org: &[u32]| {
        let flow = FlowVersions {
            active_then,
            latest_then: Some(1),
            active_now,
            in_org: in_org.iter().copied().collect(),
        };
        let facts = move |_: &ComponentKey| Facts {
            flow: Some(flow.clone()),
            ..Facts::default()
        };
        let made = Setup {
            facts: &facts,
            ..setup(&target, &now)
        };
        made.plan(&["Flow:A"]).items.remove(0)
    };
    let step = |version| {
        [Step::ActivateFlow {
            key: key("Flow:A"),
            version,
        }]
    };
    let still_there = with(Some(1), Some(2), &[1, 2]);
    assert_eq!(
        (still_there.verdict, still_there.files.len()),
        (Verdict::Activate, 0)
    );
    assert_eq!(still_there.after, step(1));
    assert_eq!(with(None, Some(2), &[1, 2]).after, step(0));
    let gone = with(Some(1), Some(2), &[2]);
    assert_eq!((gone.verdict, gone.files.len()), (Verdict::Revert, 1));
    let lost = with(Some(7), Some(2), &[2]);
    assert_eq!((lost.verdict, lost.applies), (Verdict::Manual, false));
    let draft = with(Some(1), Some(1), &[1, 2]);
    assert_eq!(draft.verdict, Verdict::Revert);
}

#[test]
fn new_flow_is_deactivated_and_deleted_version_by_version() {
    let (target, now) = (Tree::default(), Tree::of(&[("Flow:A", "two")]));
    let facts = |_: &ComponentKey| Facts {
        flow: Some(FlowVersions {
            active_now: Some(2),
            in_org: [1, 2].into(),
            ..FlowVersions::default()
        }),
        ..Facts::default()
    };
    let made = Setup {
        facts: &facts,
        options: ALLOW_ALL,
        ..setup(&target, &now)
    };
    let plan = made.plan(&["Flow:A"]);
    assert_eq!(plan.items[0].deletes, ["A-2", "A-1"]);
    let deploy = plan_deploy(
        &plan,
        &CostModel::default(),
        Limits::planned(),
        TestLevel::Default,
        parent_of,
    );
    assert_eq!(
        deploy.before,
        [Step::ActivateFlow {
            key: key("Flow:A"),
            version: 0
        }]
    );
    assert_eq!(
        deploy.calls[0].post,
        [key("Flow:A-1"), key("Flow:A-2")].into()
    );
}

#[test]
fn permissions_gained_since_are_taken_away() {
    let (target, now) = (
        company(),
        after_deletion().with(FIELD, &company().0[&key(FIELD)]),
    );
    let plan = setup(&target, &now).plan(&["Profile:Admin", "PermissionSet:Sales"]);
    let profile = text_of(plan.item(&key("Profile:Admin")).unwrap());
    assert!(profile.contains("<editable>false</editable><field>Account.New__c</field>"));
    assert!(!profile.contains("Account.Other__c"));
    assert_eq!(
        text_of(plan.item(&key("PermissionSet:Sales")).unwrap()),
        permissions("PermissionSet", &["Account.Other__c", "Account.Region__c"])
    );
}

#[test]
fn permission_for_a_field_that_stays_gone_is_left_out_and_said() {
    let (target, now) = (company(), after_deletion());
    let plan = setup(&target, &now).plan(&["PermissionSet:Sales"]);
    assert_eq!(
        text_of(&plan.items[0]),
        permissions("PermissionSet", &["Account.Other__c"])
    );
    assert!(
        plan.items[0]
            .details
            .contains(&format!("without {FIELD}, which is gone"))
    );
}

#[test]
fn what_refers_to_something_gone_says_so() {
    let (target, now) = (company(), after_deletion());
    let plan = setup(&target, &now).plan(&["Report:Sales/Won"]);
    assert_eq!(
        plan.items[0].details,
        [format!("refers to {FIELD}, which is gone: select it too")]
    );
}

#[test]
fn secret_is_never_sent_as_its_placeholder_unknown() {
    let target = Tree::of(&[(
        "NamedCredential:X",
        "<NamedCredential><password>REDACTED</password></NamedCredential>",
    )]);
    let changed = Tree::of(&[("NamedCredential:X", "<NamedCredential/>")]);
    let revert = setup(&target, &changed)
        .plan(&["NamedCredential:X"])
        .items
        .remove(0);
    assert_eq!((revert.verdict, revert.redacted), (Verdict::Revert, true));
    let gone = Tree::default();
    let recreate = setup(&target, &gone)
        .plan(&["NamedCredential:X"])
        .items
        .remove(0);
    assert_eq!(
        (recreate.verdict, recreate.applies, recreate.redacted),
        (Verdict::Lossy, false, true)
    );
}

#[test]
fn component_that_could_not_be_read_freshly_is_refused() {
    let (target, now) = (company(), after_deletion());
    let facts = |it: &ComponentKey| Facts {
        unread: Some("INSUFFICIENT_ACCESS".to_owned()),
        ..facts_of(it)
    };
    let made = Setup {
        facts: &facts,
        ..setup(&target, &now)
    };
    let plan = made.plan(&["Report:Sales/Won"]);
    assert_eq!(
        (plan.items[0].verdict, plan.items[0].applies),
        (Verdict::Manual, false)
    );
}

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

/// A random state of a small org.
fn tree() -> impl Strategy<Value = Tree> {
    let entry = prop_oneof![
        ("[A-C]", "[a-d]").prop_map(|(object, field)| (
            format!("CustomField:{object}__c.{field}__c"),
            "<CustomField><type>Text</type></CustomField>".to_owned()
        )),
        "[A-C]".prop_map(|it| (
            format!("CustomObject:{it}__c"),
            "<CustomObject/>".to_owned()
        )),
        ("[A-C]", proptest::collection::btree_set("[a-d]", 0..4)).prop_map(|(object, fields)| {
            let fields: Vec<String> = fields.iter().map(|it| format!("{it}__c")).collect();
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            (format!("Layout:{object}__c-L"), layout(&fields, "Info"))
        }),
        (
            "[PQ]",
            proptest::collection::btree_set(("[A-C]", "[a-d]"), 0..6)
        )
            .prop_map(|(name, fields)| {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(o, f)| format!("{o}__c.{f}__c"))
                    .collect();
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                (
                    format!("PermissionSet:{name}"),
                    permissions("PermissionSet", &fields),
                )
            }),
        ("[A-C]", "[x-z]").prop_map(|(name, text)| (format!("ApexClass:{name}"), text)),
    ];
    proptest::collection::vec(entry, 0..14)
        .prop_map(|it| Tree(it.into_iter().map(|(of, text)| (key(&of), text)).collect()))
}

proptest! {
    #[test]
    fn each_selected_component_gets_one_verdict_and_nothing_unasked_is_deleted(
        target in tree(), now in tree(), share in 0usize..4, delete_new in any::<bool>(), sure in any::<bool>(),
    ) {
        let all: BTreeSet<String> = target.0.keys().chain(now.0.keys()).map(ToString::to_string).collect();
        let selected: Vec<&str> = all.iter().enumerate().filter(|(n, _)| n % 4 >= share).map(|(_, it)| it.as_str()).collect();
        let made = Setup { options: Options { delete_new, accept_lossy: true }, proves_absence: sure, ..setup(&target, &now) };
        let plan = made.plan(&selected);
        let keys: BTreeSet<_> = plan.items.iter().map(|it| it.key.clone()).collect();
        prop_assert_eq!(keys.len(), plan.items.len());
        for it in &selected {
            prop_assert!(keys.contains(&key(it)));
        }
        for item in &plan.items {
            let is_selected = selected.contains(&item.key.to_string().as_str());
            prop_assert_eq!(item.because_of.is_none(), is_selected, "{}", item.key);
            if item.verdict == Verdict::Delete {
                prop_assert!(is_selected && delete_new && sure);
                prop_assert!(!target.0.contains_key(&item.key));
            }
            prop_assert_eq!(item.applies, !item.files.is_empty() || !item.deletes.is_empty());
        }
        let deploy = plan_deploy(&plan, &CostModel::default(), Limits::planned(), TestLevel::Default, parent_of);
        for call in &deploy.calls {
            prop_assert!(call.package.is_disjoint(&call.post));
            let manifests = call.manifests(ApiVersion::new(66), ComponentKey::clone);
            let destructive = manifests.post.iter().chain(&manifests.pre).flat_map(|it| it.types.values().flatten());
            for member in destructive {
                prop_assert!(!member.contains('*'));
            }
        }
        let sent: Vec<_> = deploy.calls.iter().flat_map(|it| it.package.iter()).collect();
        let applied = plan.applied().filter(|it| !it.files.is_empty()).count();
        prop_assert_eq!(sent.len(), applied);
    }

    #[test]
    fn rolling_everything_back_leaves_the_org_as_it_was(target in tree(), now in tree()) {
        let all: BTreeSet<String> = target.0.keys().chain(now.0.keys()).map(ToString::to_string).collect();
        let selected: Vec<&str> = all.iter().map(String::as_str).collect();
        // Fields of objects that the tree lacks cannot be told from fields that never were.
        let made = Setup { options: ALLOW_ALL, ..setup(&target, &now) };
        let plan = made.plan(&selected);
        let mut org = now.clone();
        for item in plan.applied() {
            if !item.deletes.is_empty() {
                org.0.remove(&item.key);
            }
            for (_, content) in &item.files {
                let text = match content {
                    Content::Target => target.0[&item.key].clone(),
                    Content::Merged(_) => text_of(item),
                };
                org.0.insert(item.key.clone(), text);
            }
        }
        for (key, text) in &target.0 {
            prop_assert_eq!(org.0.get(key), Some(text), "{}", key);
        }
        for key in org.0.keys().filter(|it| !target.0.contains_key(it)) {
            prop_assert!(matches!(plan.item(key).unwrap().verdict, Verdict::Impossible | Verdict::Manual), "{}", key);
        }
    }
}

#[test]
fn five_thousand_deleted_fields_come_back_with_their_places() {
    let fields: Vec<String> = (0..5_000)
        .map(|n| format!("CustomField:O{}__c.F{n}__c", n % 500))
        .collect();
    let mut target = Tree::default();
    let mut now = Tree::default();
    for field in &fields {
        target = target.with(field, "<CustomField><type>Text</type></CustomField>");
    }
    for object in 0..500 {
        let own: Vec<String> = (0..5_000)
            .filter(|n| n % 500 == object)
            .map(|n| format!("F{n}__c"))
            .collect();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let name = format!("Layout:O{object}__c-L");
        target = target.with(&name, &layout(&own, "Info"));
        now = now.with(&name, &layout(&["Name"], "Info"));
    }
    let selected: Vec<&str> = fields.iter().map(String::as_str).collect();
    let plan = setup(&target, &now).plan(&selected);
    assert_eq!(plan.applied().count(), 5_500);
    assert_eq!(
        plan.item(&key("Layout:O7__c-L")).unwrap().reason,
        "10 layout items"
    );
}
