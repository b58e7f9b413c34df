//! What profiles and permission sets give.

use super::*;

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
