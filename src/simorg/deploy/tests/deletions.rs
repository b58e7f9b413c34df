//! What blocks a deletion, and what goes with it.

use super::*;

/// Whether deleting `Account.A__c` is blocked in an org with `file`, and by whom.
fn blocked_by(path: &str, text: &str) -> Vec<String> {
    let account = object("", &["A__c"]);
    let mut files = vec![("objects/Account.object", account.as_str()), (path, text)];
    files.sort_unstable();
    files.dedup_by_key(|it| it.0);
    if path == "objects/Account.object" {
        files = vec![(path, text)];
    }
    let meta = ["classes", "triggers"]
        .iter()
        .any(|it| path.starts_with(it))
        .then(|| format!("{path}-meta.xml"));
    if let Some(meta) = &meta {
        files.push((meta, CLASS_META));
    }
    let mut lab = Lab::new(&files);
    let result = lab.delete(&["CustomField:Account.A__c"]);
    assert_eq!(
        lab.has("CustomField:Account.A__c"),
        result.status == "Failed"
    );
    problems(&result)
}

fn says(by: &str) -> Vec<String> {
    vec![format!(
        "CustomField:Account.A__c: This custom field is referenced elsewhere in salesforce.com. : {by}"
    )]
}

#[test]
fn field_in_code_cannot_go() {
    assert_eq!(
        blocked_by(
            "classes/C.cls",
            "class C { void m(Account a) { a.A__c = 'x'; } }"
        ),
        says("Apex Class - C")
    );
    assert_eq!(
        blocked_by(
            "classes/C.cls",
            "class C { /* Account.A__c */ String s = 'A__c'; }"
        ),
        [""; 0],
        "comments and strings do not count"
    );
    assert_eq!(
        blocked_by(
            "triggers/T.trigger",
            "trigger T on Account (before insert) { Trigger.new[0].A__c = null; }"
        ),
        says("Apex Trigger - T")
    );
}

#[test]
fn field_in_a_formula_a_rule_or_a_workflow_cannot_go() {
    let with = |inner: &str| {
        format!(
            "<CustomObject><fields><fullName>A__c</fullName>{TEXT_FIELD}</fields>{inner}</CustomObject>"
        )
    };
    let formula = with(
        "<fields><fullName>F__c</fullName><formula>A__c &amp; &quot;x&quot;</formula><label>F</label><type>Text</type></fields>",
    );
    assert_eq!(
        blocked_by("objects/Account.object", &formula),
        says("Custom Field - Account.F__c")
    );
    let rule = with(
        "<validationRules><fullName>R</fullName><errorConditionFormula>ISBLANK(A__c)</errorConditionFormula></validationRules>",
    );
    assert_eq!(
        blocked_by("objects/Account.object", &rule),
        says("Validation Rule - R")
    );
    let workflow = "<Workflow><fieldUpdates><fullName>U</fullName><field>A__c</field></fieldUpdates></Workflow>";
    assert_eq!(
        blocked_by("workflows/Account.workflow", workflow),
        says("Field Update - U")
    );
    let sharing = "<SharingRules><sharingCriteriaRules><fullName>S</fullName><criteriaItems>\
        <field>A__c</field></criteriaItems></sharingCriteriaRules></SharingRules>";
    assert_eq!(
        blocked_by("sharingRules/Account.sharingRules", sharing),
        says("Sharing Rule - S")
    );
}

#[test]
fn field_in_any_version_of_a_flow_cannot_go() {
    let uses = "<Flow><recordLookups><filters><field>A__c</field></filters><object>Account</object>\
        </recordLookups><status>Obsolete</status></Flow>";
    let account = object("", &["A__c"]);
    let mut lab = Lab::new(&[
        ("objects/Account.object", account.as_str()),
        ("flows/F-1.flow", uses),
        ("flows/F-2.flow", "<Flow><status>Active</status></Flow>"),
    ]);
    let result = lab.delete(&["CustomField:Account.A__c"]);
    let problem = problems(&result).concat();
    assert!(
        problem.contains("salesforce.com. : Flow Version - 301"),
        "{problem}"
    );
    lab.delete(&["Flow:F-1"]);
    let result = lab.delete(&["CustomField:Account.A__c"]);
    assert_eq!(problems(&result), [""; 0]);
}

#[test]
fn what_uses_it_may_go_with_it() {
    let text = "<CustomObject><fields><fullName>A__c</fullName><label>A</label><type>Text</type></fields>\
        <validationRules><fullName>R</fullName><errorConditionFormula>ISBLANK(A__c)</errorConditionFormula>\
        </validationRules></CustomObject>";
    let mut lab = Lab::new(&[("objects/Account.object", text)]);
    let result = lab.delete(&["CustomField:Account.A__c", "ValidationRule:Account.R"]);
    assert_eq!(problems(&result), [""; 0]);
    assert!(!lab.has("ValidationRule:Account.R"));
}

#[test]
fn what_stays_keeps_what_it_uses() {
    let mut lab = Lab::new(&[
        ("classes/A.cls", "class A {}"),
        ("classes/A.cls-meta.xml", CLASS_META),
        ("classes/B.cls", "class B { A a; }"),
        ("classes/B.cls-meta.xml", CLASS_META),
        ("classes/C.cls", "class C { B b; }"),
        ("classes/C.cls-meta.xml", CLASS_META),
    ]);
    let result = lab.delete(&["ApexClass:A", "ApexClass:B"]);
    assert_eq!(
        problems(&result),
        [
            "ApexClass:A: This apex class is referenced elsewhere in salesforce.com. Remove the \
             usage and try again. : Apex Class - B",
            "ApexClass:B: This apex class is referenced elsewhere in salesforce.com. Remove the \
             usage and try again. : Apex Class - C",
        ]
    );
    let result = lab.delete(&["ApexClass:A", "ApexClass:B", "ApexClass:C"]);
    assert_eq!(problems(&result), [""; 0]);
}

#[test]
fn report_on_a_dashboard_and_class_of_a_component_cannot_go() {
    let dashboard = "<Dashboard><leftSection><components><report>F/R</report></components></leftSection></Dashboard>";
    let js = "import go from '@salesforce/apex/Desk.go';";
    let mut lab = Lab::new(&[
        (
            "reports/F-meta.xml",
            "<ReportFolder><name>F</name></ReportFolder>",
        ),
        ("reports/F/R.report", "<Report><name>R</name></Report>"),
        (
            "dashboards/F-meta.xml",
            "<DashboardFolder><name>F</name></DashboardFolder>",
        ),
        ("dashboards/F/D.dashboard", dashboard),
        ("classes/Desk.cls", "class Desk {}"),
        ("classes/Desk.cls-meta.xml", CLASS_META),
        ("lwc/card/card.js", js),
        ("lwc/card/card.js-meta.xml", "<LightningComponentBundle/>"),
    ]);
    let problem = problems(&lab.delete(&["Report:F/R"])).concat();
    assert!(
        problem.ends_with("try again. : Dashboard - F/D"),
        "{problem}"
    );
    let problem = problems(&lab.delete(&["ApexClass:Desk"])).concat();
    assert!(
        problem.contains(" : Lightning component - 0Rb"),
        "{problem}"
    );
}

#[test]
fn what_the_platform_never_deletes_stays() {
    let object = "<CustomObject><fields><fullName>Name</fullName></fields>\
        <recordTypes><fullName>R</fullName><label>R</label></recordTypes></CustomObject>";
    let mut lab = Lab::new(&[
        ("objects/Account.object", object),
        ("layouts/Account-L.layout", "<Layout/>"),
        (
            "profiles/Admin.profile",
            "<Profile><custom>false</custom></Profile>",
        ),
        ("workflows/Account.workflow", "<Workflow/>"),
        ("flows/F-1.flow", "<Flow><status>Active</status></Flow>"),
    ]);
    for (member, problem) in [
        (
            "RecordType:Account.R",
            "Cannot delete record type through API",
        ),
        (
            "Layout:Account-L",
            "Cannot delete the only page layout of Account",
        ),
        ("Profile:Admin", "Cannot delete standard profile"),
        ("CustomObject:Account", "Cannot delete standard object"),
        ("CustomField:Account.Name", "Cannot delete standard field"),
        ("Flow:F-1", "You can't delete an active flow version."),
        ("Flow:F", "insufficient access rights on cross-reference id"),
        (
            "Workflow:Account",
            "Cannot delete a workflow object; Workflow Rules and Actions must be deleted individually",
        ),
    ] {
        let problems = problems(&lab.delete(&[member])).concat();
        assert!(problems.ends_with(problem), "{member}: {problems}");
    }
}

#[test]
fn deleted_object_takes_along_what_is_its_own() {
    let item = object("Item", &["A__c"]);
    let mut lab = Lab::new(&[
        ("objects/Item__c.object", item.as_str()),
        ("layouts/Item__c-L.layout", "<Layout/>"),
        (
            "tabs/Item__c.tab",
            "<CustomTab><customObject>true</customObject></CustomTab>",
        ),
        (
            "applications/App.app",
            "<CustomApplication><label>App</label><tabs>Item__c</tabs><tabs>standard-Account</tabs></CustomApplication>",
        ),
        (
            "permissionsets/P.permissionset",
            "<PermissionSet><fieldPermissions><field>Item__c.A__c</field></fieldPermissions>\
             <label>P</label><objectPermissions><object>Item__c</object></objectPermissions>\
             <tabSettings><tab>Item__c</tab></tabSettings></PermissionSet>",
        ),
    ]);
    let result = lab.delete(&["CustomObject:Item__c"]);
    assert_eq!(problems(&result), [""; 0]);
    assert_eq!(successes(&result), ["CustomObject:Item__c deleted"]);
    assert!(!lab.has("Layout:Item__c-L") && !lab.has("CustomTab:Item__c"));
    assert!(!lab.text("CustomApplication:App").contains("Item__c"));
    assert!(!lab.text("PermissionSet:P").contains("Item__c"));
    assert_eq!(lab.org.resting.len(), 1);
    let rows: Vec<_> = lab.org.audit.iter().map(|it| it.display.as_str()).collect();
    assert_eq!(rows, ["Deleted custom object: Item__c"]);
}

#[test]
fn object_with_details_cannot_go_without_them() {
    let detail = "<CustomObject><fields><fullName>Item__c</fullName><label>I</label>\
        <referenceTo>Item__c</referenceTo><type>MasterDetail</type></fields><label>D</label></CustomObject>";
    let item = object("Item", &[]);
    let mut lab = Lab::new(&[
        ("objects/Item__c.object", item.as_str()),
        ("objects/Detail__c.object", detail),
    ]);
    let problem = problems(&lab.delete(&["CustomObject:Item__c"])).concat();
    assert!(
        problem.ends_with(" : Custom Field - Detail__c.Item__c"),
        "{problem}"
    );
    let both = lab.delete(&["CustomObject:Item__c", "CustomObject:Detail__c"]);
    assert_eq!(problems(&both), [""; 0]);
}

#[test]
fn assignment_of_a_deleted_layout_falls_back_to_another() {
    let profile = "<Profile><custom>true</custom>\
        <layoutAssignments><layout>Account-B</layout></layoutAssignments>\
        <layoutAssignments><layout>Account-B</layout><recordType>Account.R</recordType></layoutAssignments></Profile>";
    let mut lab = Lab::new(&[
        ("layouts/Account-A.layout", "<Layout/>"),
        ("layouts/Account-B.layout", "<Layout/>"),
        ("profiles/P.profile", profile),
    ]);
    assert_eq!(problems(&lab.delete(&["Layout:Account-B"])), [""; 0]);
    let text = lab.text("Profile:P");
    assert_eq!(text.matches("layoutAssignments>").count(), 2, "{text}");
    assert!(text.contains("<layout>Account-A</layout>"), "{text}");
}

#[test]
fn class_page_and_tab_leave_profiles_and_apps() {
    let profile = "<Profile><classAccesses><apexClass>A</apexClass><enabled>true</enabled></classAccesses>\
        <custom>true</custom><pageAccesses><apexPage>P</apexPage><enabled>true</enabled></pageAccesses></Profile>";
    let mut lab = Lab::new(&[
        ("classes/A.cls", "class A {}"),
        ("classes/A.cls-meta.xml", CLASS_META),
        ("pages/P.page", "<apex:page/>"),
        ("pages/P.page-meta.xml", "<ApexPage/>"),
        ("profiles/P.profile", profile),
    ]);
    assert_eq!(
        problems(&lab.delete(&["ApexClass:A", "ApexPage:P"])),
        [""; 0]
    );
    assert!(!lab.text("Profile:P").contains("Access"));
}

#[test]
fn field_on_an_active_page_cannot_go() {
    let page = "<FlexiPage><flexiPageRegions><itemInstances><fieldInstance><fieldItem>Record.A__c</fieldItem>\
        </fieldInstance></itemInstances></flexiPageRegions><sobjectType>Account</sobjectType></FlexiPage>";
    assert_eq!(blocked_by("flexipages/Page1.flexipage", page), [""; 0]);
    let object = "<CustomObject><actionOverrides><actionName>View</actionName><content>Page1</content>\
        <type>Flexipage</type></actionOverrides><fields><fullName>A__c</fullName><label>A</label><type>Text</type></fields></CustomObject>";
    let mut lab = Lab::new(&[
        ("objects/Account.object", object),
        ("flexipages/Page1.flexipage", page),
    ]);
    let result = lab.delete(&["CustomField:Account.A__c"]);
    assert_eq!(problems(&result), says("Lightning Page - Page1"));
}

#[test]
fn purged_field_does_not_rest_but_in_production_all_do() {
    let account = object("", &["A__c", "B__c"]);
    let package = manifest(&[]);
    let purge = DeployOptions {
        purge_on_delete: true,
        ..options()
    };
    for (is_production, resting) in [(false, 0), (true, 1)] {
        let mut lab = Lab::new(&[("objects/Account.object", account.as_str())]);
        if is_production {
            lab = lab.production();
        }
        let doomed = manifest(&["CustomField:Account.A__c"]);
        let files = [
            ("package.xml", package.as_str()),
            ("destructiveChanges.xml", doomed.as_str()),
        ];
        let result = lab.run(&files, purge.clone());
        assert_eq!(problems(&result), [""; 0]);
        assert_eq!(lab.org.resting.len(), resting);
    }
}
