//! What is named must be there.

use super::*;

/// The problems of deploying one component into an org of one object and class.
fn found(member: &str, path: &str, text: &str) -> Vec<String> {
    let mut lab = Lab::new(&[
        ("objects/Account.object", &object("", &["Known__c"])),
        ("classes/Known.cls", "class Known {}"),
        ("classes/Known.cls-meta.xml", CLASS_META),
    ]);
    let result = lab.deploy(&[member], &[(path, text)]);
    problems(&result)
}

#[test]
fn field_that_is_not_there_is_named_where_it_is_named() {
    let layout = |field: &str| {
        format!(
            "<Layout><layoutSections><layoutColumns><layoutItems><field>{field}</field>\
             </layoutItems></layoutColumns></layoutSections></Layout>"
        )
    };
    let at = |field: &str| {
        found(
            "Layout:Account-L",
            "layouts/Account-L.layout",
            &layout(field),
        )
    };
    assert_eq!(at("Known__c"), [""; 0]);
    assert_eq!(at("Industry"), [""; 0], "standard fields are there");
    assert_eq!(at("pkg__Far__c"), [""; 0], "so is what packages have");
    assert_eq!(
        at("Nope__c"),
        ["Layout:Account-L: In field: field - no CustomField named Account.Nope__c found"]
    );
}

#[test]
fn permissions_name_what_is_there() {
    let set = |entry: &str| format!("<PermissionSet>{entry}<label>S</label></PermissionSet>");
    let at = |entry: &str| {
        let problems = found(
            "PermissionSet:S",
            "permissionsets/S.permissionset",
            &set(entry),
        );
        problems.join("\n").replace("PermissionSet:S: ", "")
    };
    assert_eq!(
        at("<classAccesses><apexClass>Known</apexClass><enabled>true</enabled></classAccesses>"),
        ""
    );
    for (entry, problem) in [
        (
            "<classAccesses><apexClass>Nope</apexClass><enabled>true</enabled></classAccesses>",
            "In field: apexClass - no ApexClass named Nope found",
        ),
        (
            "<fieldPermissions><editable>true</editable><field>Account.Nope__c</field></fieldPermissions>",
            "In field: field - no CustomField named Account.Nope__c found",
        ),
        (
            "<objectPermissions><object>Nope__c</object></objectPermissions>",
            "In field: object - no CustomObject named Nope__c found",
        ),
        (
            "<recordTypeVisibilities><recordType>Account.Nope</recordType><visible>true</visible></recordTypeVisibilities>",
            "In field: recordType - no RecordType named Account.Nope found",
        ),
        (
            "<applicationVisibilities><application>Nope</application><visible>true</visible></applicationVisibilities>",
            "In field: application - no CustomApplication named Nope found",
        ),
        (
            "<userPermissions><enabled>true</enabled><name>manage things</name></userPermissions>",
            "Unknown user permission: manage things",
        ),
    ] {
        assert_eq!(at(entry), problem);
    }
}

#[test]
fn required_field_takes_no_permission() {
    let object = "<CustomObject><fields><fullName>Must__c</fullName><label>M</label>\
        <required>true</required><type>Text</type></fields></CustomObject>";
    let mut lab = Lab::new(&[("objects/Account.object", object)]);
    let set = "<PermissionSet><fieldPermissions><editable>true</editable>\
        <field>Account.Must__c</field><readable>true</readable></fieldPermissions><label>S</label></PermissionSet>";
    let result = lab.deploy(
        &["PermissionSet:S"],
        &[("permissionsets/S.permissionset", set)],
    );
    assert_eq!(
        problems(&result),
        ["PermissionSet:S: You cannot deploy to a required field: Account.Must__c"]
    );
}

#[test]
fn field_cannot_turn_into_a_formula_or_a_roll_up_nor_back() {
    let field = |inner: &str| {
        format!(
            "<CustomObject><fields><fullName>F__c</fullName>{inner}<label>F</label></fields></CustomObject>"
        )
    };
    let text = field("<type>Text</type>");
    let formula = field("<formula>Name</formula><type>Text</type>");
    let roll_up = field("<summaryOperation>count</summaryOperation><type>Summary</type>");
    for (from, to, problem) in [
        (&formula, &text, "from a Formula to something else"),
        (&text, &formula, "to a Formula from something else"),
        (&text, &roll_up, "to a Summary from something else"),
    ] {
        let mut lab = Lab::new(&[("objects/Account.object", from)]);
        let result = lab.deploy(
            &["CustomField:Account.F__c"],
            &[("objects/Account.object", to)],
        );
        let problem = format!("CustomField:Account.F__c: Cannot update a field {problem}");
        assert_eq!(problems(&result), [problem]);
    }
}

#[test]
fn formula_names_fields_that_are_there() {
    let rule = |formula: &str| {
        format!(
            "<CustomObject><validationRules><fullName>R</fullName><active>true</active>\
             <errorConditionFormula>{formula}</errorConditionFormula><errorMessage>m</errorMessage>\
             </validationRules></CustomObject>"
        )
    };
    let at = |formula: &str| {
        found(
            "ValidationRule:Account.R",
            "objects/Account.object",
            &rule(formula),
        )
    };
    assert_eq!(at("ISBLANK(Known__c)"), [""; 0]);
    assert_eq!(
        at("ISBLANK(Nope__c)"),
        ["ValidationRule:Account.R: Field Nope__c does not exist. Check spelling."]
    );
}

#[test]
fn dashboard_report_lookup_and_picklist_point_at_what_is_there() {
    let dashboard = "<Dashboard><dashboardGridLayout><dashboardGridComponents><dashboardComponent>\
        <report>F/Nope</report></dashboardComponent></dashboardGridComponents></dashboardGridLayout>\
        <runningUser>nobody@acme.example</runningUser></Dashboard>";
    let folder = "<DashboardFolder><name>F</name></DashboardFolder>";
    let mut lab = Lab::new(&[("dashboards/F-meta.xml", folder)]);
    let result = lab.deploy(
        &["Dashboard:F/D"],
        &[("dashboards/F/D.dashboard", dashboard)],
    );
    assert_eq!(
        problems(&result),
        ["Dashboard:F/D: In field: report - no Report named F/Nope found"]
    );
    let field = |inner: &str| {
        format!(
            "<CustomObject><fields><fullName>X__c</fullName><label>X</label>{inner}</fields></CustomObject>"
        )
    };
    for (inner, problem) in [
        (
            "<referenceTo>Nope__c</referenceTo><type>Lookup</type>",
            "In field: referenceTo - no CustomObject named Nope__c found",
        ),
        (
            "<type>Picklist</type><valueSet><valueSetName>Nope</valueSetName></valueSet>",
            "The global picklist cannot be resolved",
        ),
        ("", "Required field is missing: type"),
    ] {
        let text = field(inner);
        assert_eq!(
            found("CustomField:Account.X__c", "objects/Account.object", &text),
            [format!("CustomField:Account.X__c: {problem}")]
        );
    }
}

#[test]
fn code_names_what_is_there() {
    let class = |body: &str| found_class(body);
    assert_eq!(
        class("class A { Account x = new Account(Known__c = 'Nope__c'); }"),
        [""; 0]
    );
    assert_eq!(
        class("class A {\n  Object x = new Nope__c();\n}"),
        ["ApexClass:A: Invalid type: Nope__c"]
    );
    let page = "<apex:page controller=\"Nope\"></apex:page>";
    let meta = "<ApexPage><apiVersion>66.0</apiVersion><label>P</label></ApexPage>";
    let mut lab = Lab::new(&[]);
    let result = lab.deploy(
        &["ApexPage:P"],
        &[("pages/P.page", page), ("pages/P.page-meta.xml", meta)],
    );
    assert_eq!(
        problems(&result),
        ["ApexPage:P: Apex class 'Nope' does not exist"]
    );
    let js = "import go from '@salesforce/apex/Nope.go';";
    let meta = "<LightningComponentBundle><apiVersion>66.0</apiVersion></LightningComponentBundle>";
    let result = lab.deploy(
        &["LightningComponentBundle:card"],
        &[
            ("lwc/card/card.js", js),
            ("lwc/card/card.js-meta.xml", meta),
        ],
    );
    assert_eq!(
        problems(&result),
        [
            "LightningComponentBundle:markup://c:card: Unable to find Apex action class referenced as 'Nope'."
        ]
    );
}

fn found_class(body: &str) -> Vec<String> {
    let mut lab = Lab::new(&[("objects/Account.object", &object("", &["Known__c"]))]);
    let files = [
        ("classes/A.cls", body),
        ("classes/A.cls-meta.xml", CLASS_META),
    ];
    problems(&lab.deploy(&["ApexClass:A"], &files))
}

#[test]
fn class_that_was_deleted_is_an_invalid_type() {
    let mut lab = Lab::new(&[
        ("classes/Old.cls", "class Old {}"),
        ("classes/Old.cls-meta.xml", CLASS_META),
    ]);
    let user = [
        ("classes/User1.cls", "class User1 {\n  Old it;\n}"),
        ("classes/User1.cls-meta.xml", CLASS_META),
    ];
    lab.delete(&["ApexClass:Old"]);
    let result = lab.deploy(&["ApexClass:User1"], &user);
    assert_eq!(problems(&result), ["ApexClass:User1: Invalid type: Old"]);
    assert_eq!(result.details.component_failures[0].line_number, Some(2));
}

#[test]
fn flow_names_objects_fields_and_subflows_that_are_there() {
    let flow = "<Flow><label>F</label><recordLookups><name>L</name><label>L</label>\
        <locationX>0</locationX><locationY>0</locationY><filters><field>Nope__c</field>\
        <operator>EqualTo</operator></filters><object>Account</object></recordLookups></Flow>";
    assert_eq!(
        found("Flow:F", "flows/F.flow", flow),
        [
            "Flow:F: field integrity exception: unknown (The field \"Nope__c\" for the object \
          \"Account\" doesn't exist.)"
        ]
    );
}

#[test]
fn reference_that_the_org_holds_already_is_taken_for_granted() {
    let layout = "<Layout><layoutSections><layoutColumns><layoutItems><field>Far__c</field>\
        </layoutItems></layoutColumns></layoutSections></Layout>";
    let mut lab = Lab::new(&[
        ("layouts/Account-L.layout", layout),
        ("objects/Account.object", &object("", &["Gone__c"])),
    ]);
    let result = lab.deploy(
        &["Layout:Account-L"],
        &[("layouts/Account-L.layout", layout)],
    );
    assert_eq!(problems(&result), [""; 0]);
}

#[test]
fn what_is_deleted_in_the_same_deploy_is_not_there() {
    let layout = "<Layout><layoutSections><layoutColumns><layoutItems><field>A__c</field>\
        </layoutItems></layoutColumns></layoutSections></Layout>";
    let mut lab = Lab::new(&[
        ("layouts/Account-L.layout", layout),
        ("objects/Account.object", &object("", &["A__c"])),
    ]);
    let package = manifest(&["Layout:Account-L"]);
    let doomed = manifest(&["CustomField:Account.A__c"]);
    let mut files = [
        ("package.xml", package.as_str()),
        ("layouts/Account-L.layout", layout),
        ("destructiveChangesPre.xml", doomed.as_str()),
    ];
    let result = lab.run(&files, options());
    assert_eq!(
        problems(&result),
        ["Layout:Account-L: In field: field - no CustomField named Account.A__c found"]
    );
    files[2].0 = "destructiveChangesPost.xml";
    let result = lab.run(&files, options());
    assert_eq!(problems(&result), [""; 0]);
    assert!(!lab.text("Layout:Account-L").contains("A__c"));
}
