//! Custom objects with all that belongs to them.

use super::{Pair, case};
use crate::support::Deploy;

const OBJECT: &str = include_str!("inspection.object");

const TAB: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CustomTab xmlns="http://soap.sforce.com/2006/04/metadata">
    <customObject>true</customObject>
    <motif>Custom53: Bell</motif>
</CustomTab>
"#;

fn layout(items: &[&str]) -> String {
    let item = |it: &&str| {
        format!("<layoutItems><behavior>Edit</behavior><field>{it}</field></layoutItems>")
    };
    let items = items.iter().map(item).collect::<Vec<_>>().concat();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Layout xmlns="http://soap.sforce.com/2006/04/metadata">
<layoutSections><customLabel>false</customLabel><detailHeading>false</detailHeading><editHeading>true</editHeading><label>Information</label>
<layoutColumns><layoutItems><behavior>Required</behavior><field>Name</field></layoutItems>{items}</layoutColumns><style>OneColumn</style></layoutSections>
</Layout>
"#
    )
}

fn field(name: &str, editable: bool) -> String {
    format!(
        "<fieldPermissions><editable>{editable}</editable><field>{name}</field><readable>true</readable></fieldPermissions>"
    )
}

const RIGHTS: &str = "<objectPermissions><allowCreate>true</allowCreate><allowDelete>false</allowDelete><allowEdit>true</allowEdit><allowRead>true</allowRead><modifyAllRecords>false</modifyAllRecords><object>Inspection__c</object><viewAllFields>false</viewAllFields><viewAllRecords>false</viewAllRecords></objectPermissions>";

/// What a profile says of the object.
fn profile_lines(visibility: &str) -> String {
    [
        field("Account.Last_Inspection__c", false),
        field("Inspection__c.Grade__c", true),
        field("Inspection__c.Notes__c", false),
        "<layoutAssignments><layout>Inspection__c-Inspection Layout</layout></layoutAssignments>".to_owned(),
        "<layoutAssignments><layout>Inspection__c-Yearly Layout</layout><recordType>Inspection__c.Yearly</recordType></layoutAssignments>".to_owned(),
        RIGHTS.to_owned(),
        "<recordTypeVisibilities><default>true</default><recordType>Inspection__c.Yearly</recordType><visible>true</visible></recordTypeVisibilities>".to_owned(),
        format!("<tabVisibilities><tab>Inspection__c</tab><visibility>{visibility}</visibility></tabVisibilities>"),
    ]
    .concat()
}

const LOOKUP: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
    <fields>
        <fullName>Last_Inspection__c</fullName>
        <deleteConstraint>SetNull</deleteConstraint>
        <externalId>false</externalId>
        <label>Last Inspection</label>
        <referenceTo>Inspection__c</referenceTo>
        <relationshipLabel>Accounts</relationshipLabel>
        <relationshipName>Accounts</relationshipName>
        <required>false</required>
        <type>Lookup</type>
    </fields>
</CustomObject>
"#;

const APP: &str = "applications/Acme_Sales.app";

/// The object, its layouts and tab, a lookup to it, and who may see it.
fn inspections() -> Deploy {
    let set = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<PermissionSet xmlns="http://soap.sforce.com/2006/04/metadata">
{}<hasActivationRequired>false</hasActivationRequired><label>Inspector</label>{RIGHTS}
<recordTypeVisibilities><recordType>Inspection__c.Yearly</recordType><visible>true</visible></recordTypeVisibilities>
<tabSettings><tab>Inspection__c</tab><visibility>Visible</visibility></tabSettings>
</PermissionSet>
"#,
        field("Inspection__c.Grade__c", true)
    );
    Deploy::new()
        .file(
            "CustomObject:Inspection__c",
            "objects/Inspection__c.object",
            OBJECT,
        )
        .file(
            "Layout:Inspection__c-Inspection Layout",
            "layouts/Inspection__c-Inspection Layout.layout",
            &layout(&["Grade__c", "Notes__c"]),
        )
        .file(
            "Layout:Inspection__c-Yearly Layout",
            "layouts/Inspection__c-Yearly Layout.layout",
            &layout(&["Grade__c"]),
        )
        .file("CustomTab:Inspection__c", "tabs/Inspection__c.tab", TAB)
        .file(
            "CustomField:Account.Last_Inspection__c",
            "objects/Account.object",
            LOOKUP,
        )
        .file(
            "PermissionSet:Inspector",
            "permissionsets/Inspector.permissionset",
            &set,
        )
        .profile("Admin", &profile_lines("DefaultOn"))
        .profile("Sales User", &profile_lines("DefaultOff"))
        .company("CustomApplication:Acme_Sales", &[APP])
        .edit(
            APP,
            "<tabs>Rental__c</tabs>",
            "<tabs>Rental__c</tabs><tabs>Inspection__c</tabs>",
        )
}

#[test]
fn deleted_object_comes_back_with_fields_layouts_tab_views_and_every_right() {
    Pair::with(&inspections()).run_all(&[case(
        Deploy::new().delete(&["CustomField:Account.Last_Inspection__c", "CustomObject:Inspection__c"]),
        "CustomObject:Inspection__c",
        &["CustomObject:Inspection__c"],
    )
    .says("+ recreate   CustomObject:Inspection__c")
    .says("+ recreate   CustomTab:Inspection__c")
    .says("+ recreate   CustomField:Account.Last_Inspection__c")
    .meanwhile(
        Deploy::new().profile("Admin", "<userPermissions><enabled>true</enabled><name>ManageDashboards</name></userPermissions>"),
        &[],
    )]);
}

#[test]
fn changed_object_is_as_it_was_and_its_other_fields_stay() {
    const PATH: &str = "objects/Inspection__c.object";
    let whole = Deploy::new().file("CustomObject:Inspection__c", PATH, OBJECT);
    Pair::with(&inspections()).run_all(&[case(
        whole
            .edit(
                PATH,
                "<enableHistory>false</enableHistory>",
                "<enableHistory>true</enableHistory>",
            )
            .edit(
                PATH,
                "<pluralLabel>Inspections</pluralLabel>",
                "<pluralLabel>Checks</pluralLabel>",
            ),
        "CustomObject:Inspection__c",
        &["CustomObject:Inspection__c"],
    )]);
}
