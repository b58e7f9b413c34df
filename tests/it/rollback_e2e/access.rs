//! Permission sets and profiles: nobody has more, or less, than the target gave.

use super::{Pair, case, come_back};
use crate::support::{Deploy, Held};

const MANAGER: &str = "permissionsets/Region_Manager.permissionset";
const DESK: &str = "permissionsets/Rental_Desk.permissionset";

const CLASS: &str = "<classAccesses><apexClass>InboundRentalMail</apexClass><enabled>true</enabled></classAccesses>";
const MODIFY_ALL: &str =
    "<userPermissions><enabled>true</enabled><name>ModifyAllData</name></userPermissions>";

#[test]
fn deleted_permission_set_comes_back_whole() {
    come_back(&[case(
        Deploy::new().delete(&["PermissionSet:Region_Manager"]),
        "PermissionSet:Region_Manager",
        &["PermissionSet:Region_Manager"],
    )
    .meanwhile(
        Deploy::new()
            .company("PermissionSet:Rental_Desk", &[DESK])
            .edit(DESK, "<description>Books", "<description>Omar books"),
        &["Rental_Desk.permissionset-meta.xml"],
    )]);
}

#[test]
fn permission_set_loses_what_it_gained_and_gets_back_what_it_lost() {
    come_back(&[
        case(
            Deploy::new()
                .company("PermissionSet:Region_Manager", &[MANAGER])
                .edit(MANAGER, "<customPermissions>", &format!("{CLASS}<customPermissions>"))
                .edit(MANAGER, "<name>RunReports</name>", "<name>RunReports</name></userPermissions><userPermissions><enabled>true</enabled><name>ViewAllData</name>"),
            "PermissionSet:Region_Manager",
            &["PermissionSet:Region_Manager"],
        )
        .says("2 rights taken away"),
        case(
            Deploy::new()
                .company("PermissionSet:Region_Manager", &[MANAGER])
                .edit(MANAGER, "<allowCreate>true</allowCreate>", "<allowCreate>false</allowCreate>")
                .edit(MANAGER, "<recordTypeVisibilities>
        <recordType>Account.Dealer</recordType>
        <visible>true</visible>
    </recordTypeVisibilities>", ""),
            "PermissionSet:Region_Manager",
            &["PermissionSet:Region_Manager"],
        )
        .says("2 rights given back"),
        case(
            Deploy::new()
                .company("PermissionSet:Region_Manager", &[MANAGER])
                .edit(MANAGER, "<allowDelete>false</allowDelete>", "<allowDelete>true</allowDelete>")
                .edit(MANAGER, "<viewAllRecords>true</viewAllRecords>", "<viewAllRecords>false</viewAllRecords>"),
            "PermissionSet:Region_Manager",
            &["PermissionSet:Region_Manager"],
        ),
    ]);
}

#[test]
fn profile_loses_what_it_gained_and_gets_back_what_it_lost() {
    let field = |name: &str, editable: bool, readable: bool| {
        format!(
            "<fieldPermissions><editable>{editable}</editable><field>{name}</field><readable>{readable}</readable></fieldPermissions>"
        )
    };
    come_back(&[
        case(
            Deploy::new().profile("Sales User", &(CLASS.to_owned() + MODIFY_ALL)),
            "Profile:Sales User",
            &["Profile:Sales User"],
        )
        .says("2 rights taken away"),
        case(
            Deploy::new().profile(
                "Sales User",
                &(field("Account.Tier__c", false, false)
                    + &field("Account.External_Id__c", true, true)
                    + "<tabVisibilities><tab>Depot_Map</tab><visibility>Hidden</visibility></tabVisibilities>"),
            ),
            "Profile:Sales User",
            &["Profile:Sales User"],
        ),
    ]);
}

#[test]
fn entries_of_other_people_in_the_same_profile_stay_where_the_profile_was_not_selected() {
    let pair = Pair::new();
    let env = &pair.env;
    let first = env.head();
    Deploy::new()
        .delete(&["CustomField:Account.Region__c"])
        .by(&env.org, "Jane");
    Deploy::new()
        .profile("Sales User", CLASS)
        .by(&env.org, "Omar");
    env.orgkeep(&["snapshot"]).status(0);
    env.orgkeep(&[
        "rollback",
        "--to",
        &first,
        "CustomField:Account.Region__c",
        "--yes",
    ])
    .status(0);
    let held = Held::of(&env.org);
    let profile = String::from_utf8_lossy(&held.files["profiles/Sales User.profile"]).into_owned();
    assert!(profile.contains("InboundRentalMail") && profile.contains("Account.Region__c"));
}
