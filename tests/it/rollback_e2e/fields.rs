//! Custom fields.

use super::{case, come_back, differing};
use crate::support::{Deploy, Held, TestEnv};

#[test]
fn deleted_field_comes_back_with_its_permissions_places_and_translation() {
    come_back(&[case(
        Deploy::new().delete(&["CustomField:Account.Region__c"]),
        "CustomField:Account.Region__c",
        &["CustomField:Account.Region__c"],
    )
    .says("+ recreate   CustomField:Account.Region__c")
    .says("can be undeleted with its data in Setup")
    .meanwhile(
        Deploy::new()
            .profile(
                "Admin",
                "<fieldPermissions><editable>false</editable><field>Account.Tier__c</field><readable>true</readable></fieldPermissions>",
            )
            .part("CustomField:Account.Tier__c")
            .edit("objects/Account.object", "<label>Tier</label>", "<label>Tier now</label>"),
        &["Account/fields/Tier__c.field-meta.xml", "profiles/Admin.profile-meta.xml"],
    )]);
}

#[test]
fn changed_field_is_as_it_was() {
    come_back(&[
        case(
            Deploy::new()
                .part("CustomField:Account.Delivery_Notes__c")
                .edit(
                    "objects/Account.object",
                    "<label>Delivery Notes</label>",
                    "<label>Gate</label>",
                )
                .edit(
                    "objects/Account.object",
                    "Gate codes, opening hours",
                    "Codes, hours",
                ),
            "CustomField:Account.Delivery_Notes__c",
            &["CustomField:Account.Delivery_Notes__c"],
        )
        .says("~ revert     CustomField:Account.Delivery_Notes__c")
        .meanwhile(
            Deploy::new()
                .part("CustomField:Account.Credit_Limit__c")
                .edit("objects/Account.object", "Highest open amount", "Most"),
            &["Account/fields/Credit_Limit__c.field-meta.xml"],
        ),
        case(
            Deploy::new().part("CustomField:Rental__c.Total__c").edit(
                "objects/Rental__c.object",
                "ISBLANK(End_Date__c), 0",
                "ISBLANK(End_Date__c), 1",
            ),
            "CustomField:Rental__c.Total__c",
            &["CustomField:Rental__c.Total__c"],
        ),
    ]);
}

/// A deploy of the credit limit with other lines from its precision on.
fn credit_limit(lines: &str) -> Deploy {
    const PATH: &str = "objects/Account.object";
    Deploy::new()
        .part("CustomField:Account.Credit_Limit__c")
        .edit(PATH, "<precision>12</precision>", lines)
        .edit(PATH, "<scale>2</scale>", "")
        .edit(PATH, "<type>Currency</type>", "")
}

#[test]
fn field_of_another_type_goes_back_only_with_a_word() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    let before = Held::of(&env.org);
    credit_limit("<length>40</length><type>Text</type>").by(&env.org, "Jane");
    let changed = Held::of(&env.org);
    let rollback = [
        "rollback",
        "--to",
        &first,
        "CustomField:Account.Credit_Limit__c",
        "--yes",
    ];
    env.orgkeep(&rollback)
        .says("! lossy      CustomField:Account.Credit_Limit__c    the field had another type: changing it back can lose values; `--accept-lossy` does it");
    assert_eq!(Held::of(&env.org).files, changed.files);
    env.orgkeep(&[&rollback[..], &["--accept-lossy"]].concat())
        .status(0)
        .says("every component of the plan is as planned");
    assert_eq!(Held::of(&env.org).files, before.files);
    assert_eq!(differing(&env, &first, "HEAD"), [""; 0]);
}

#[test]
fn field_that_was_made_again_as_a_formula_is_left_to_a_person() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    Deploy::new()
        .delete(&["CustomField:Account.Parent_Dealer__c"])
        .by(&env.org, "Jane");
    Deploy::new()
        .file(
            "CustomField:Account.Parent_Dealer__c",
            "objects/Account.object",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CustomObject xmlns=\"http://soap.sforce.com/2006/04/metadata\"><fields>\
             <fullName>Parent_Dealer__c</fullName><formula>Name</formula><label>Parent Dealer</label><type>Text</type></fields></CustomObject>\n",
        )
        .by(&env.org, "Jane");
    let changed = Held::of(&env.org);
    env.orgkeep(&[
        "rollback",
        "--to",
        &first,
        "CustomField:Account.Parent_Dealer__c",
        "--yes",
        "--accept-lossy",
    ])
    .says("! manual     CustomField:Account.Parent_Dealer__c")
    .says("delete it, then roll back again")
    .says("/lightning/setup/ObjectManager/Account/FieldsAndRelationships/view");
    assert_eq!(Held::of(&env.org).files, changed.files);
}
