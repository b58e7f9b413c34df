//! What comes back together with a deleted component.

use super::*;

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
fn object_brings_all_of_its_own_also_where_its_fields_were_selected_with_it() {
    let target = Tree::of(&[
        ("CustomObject:Visit__c", "<CustomObject/>"),
        ("CustomField:Visit__c.When__c", "<CustomField/>"),
        ("Layout:Visit__c-Visit Layout", "<Layout/>"),
        ("CustomTab:Visit__c", "<CustomTab/>"),
    ]);
    let now = Tree::default();
    let plan =
        setup(&target, &now).plan(&["CustomField:Visit__c.When__c", "CustomObject:Visit__c"]);
    assert_eq!(plan.applied().count(), 4);
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
