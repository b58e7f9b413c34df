//! Custom fields.

use super::{case, come_back};
use crate::support::Deploy;

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
