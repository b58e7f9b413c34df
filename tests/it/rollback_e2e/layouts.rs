//! Page layouts with their assignments, and list views.

use super::{Pair, case, come_back};
use crate::support::Deploy;

const ACCOUNT: &str = "layouts/Account-Account Layout.layout";

fn assigned(layout: &str, record_type: &str) -> String {
    format!(
        "<layoutAssignments><layout>{layout}</layout><recordType>{record_type}</recordType></layoutAssignments>"
    )
}

#[test]
fn deleted_layout_comes_back_with_its_assignments() {
    come_back(&[case(
        Deploy::new().delete(&["Layout:Account-Account %28Sales%29 Layout"]),
        "Layout:Account-Account %28Sales%29 Layout",
        &["Layout:Account-Account %28Sales%29 Layout"],
    )
    .says("layout assignment")
    .meanwhile(
        Deploy::new().profile(
            "Sales User",
            "<userPermissions><enabled>true</enabled><name>ExportReport</name></userPermissions>",
        ),
        &["profiles/Sales User.profile-meta.xml"],
    )]);
}

#[test]
fn changed_layout_is_as_it_was() {
    const ITEM: &str = "<layoutItems>
                <behavior>Edit</behavior>
                <field>Region__c</field>
            </layoutItems>";
    come_back(&[
        // Moved to the front of the first column.
        case(
            Deploy::new()
                .company("Layout:Account-Account Layout", &[ACCOUNT])
                .edit(ACCOUNT, ITEM, "")
                .edit(
                    ACCOUNT,
                    "<layoutColumns>",
                    &format!("<layoutColumns>{ITEM}"),
                ),
            "Layout:Account-Account Layout",
            &["Layout:Account-Account Layout"],
        ),
        // Taken off.
        case(
            Deploy::new()
                .company("Layout:Account-Account Layout", &[ACCOUNT])
                .edit(ACCOUNT, ITEM, ""),
            "Layout:Account-Account Layout",
            &["Layout:Account-Account Layout"],
        ),
    ]);
}

#[test]
fn changed_assignment_of_a_layout_is_as_it_was() {
    come_back(&[case(
        Deploy::new().profile(
            "Sales User",
            &(assigned("Account-Account Layout", "Account.Retail")
                + &assigned("Account-Account %28Sales%29 Layout", "Account.Dealer")),
        ),
        "Profile:Sales User",
        &["Profile:Sales User"],
    )
    .seen_by_a_full_snapshot()]);
}

#[test]
fn layout_comes_back_to_the_profiles_that_had_it_by_default() {
    let by_default = Deploy::new().profile(
        "Standard",
        "<layoutAssignments><layout>Account-Account %28Sales%29 Layout</layout></layoutAssignments>",
    );
    let gone = || {
        case(
            Deploy::new().delete(&["Layout:Account-Account %28Sales%29 Layout"]),
            "Layout:Account-Account %28Sales%29 Layout",
            &["Layout:Account-Account %28Sales%29 Layout"],
        )
        .says("~ revert     Profile:Standard")
    };
    // Whether or not a snapshot has seen what took its place.
    Pair::with(&by_default).run_all(&[gone(), gone().seen_by_a_full_snapshot()]);
}

#[test]
fn deleted_list_view_comes_back() {
    come_back(&[case(
        Deploy::new().delete(&["ListView:Account.Northern_Accounts"]),
        "ListView:Account.Northern_Accounts",
        &["ListView:Account.Northern_Accounts"],
    )
    .meanwhile(
        Deploy::new().part("ListView:Rental__c.Overdue").edit(
            "objects/Rental__c.object",
            "TODAY",
            "YESTERDAY",
        ),
        &["listViews/Overdue.listView-meta.xml"],
    )]);
}

#[test]
fn changed_list_view_is_as_it_was() {
    come_back(&[case(
        Deploy::new()
            .part("ListView:Rental__c.Overdue")
            .edit(
                "objects/Rental__c.object",
                "<columns>Account__c</columns>",
                "",
            )
            .edit("objects/Rental__c.object", "TODAY", "LAST_WEEK"),
        "ListView:Rental__c.Overdue",
        &["ListView:Rental__c.Overdue"],
    )]);
}
