//! What a zip must hold, and what is done with it.

use super::*;

#[test]
fn zip_without_a_manifest_fails_with_one_row_and_no_component() {
    let mut lab = Lab::new(&[]);
    for files in [&[("classes/A.cls", "class A {}")][..], &[]] {
        let result = lab.run(files, options());
        assert_eq!(result.status, "Failed");
        assert_eq!(problems(&result), [":package.xml: No package.xml found"]);
        assert_eq!(result.number_component_errors, 0);
    }
    let junk = start(
        &mut lab.org,
        lab.user,
        Content::from(b"no zip".to_vec()),
        options(),
        &mut NoScript,
    );
    let result = lab.check(junk.unwrap().as_str());
    assert_eq!(problems(&result), [":package.xml: No package.xml found"]);
}

#[test]
fn several_packages_lie_in_top_directories() {
    let mut lab = Lab::new(&[]);
    let package = manifest(&["ApexClass:A"]);
    let files = [
        ("one/package.xml", package.as_str()),
        ("one/classes/A.cls", "class A {}"),
        ("one/classes/A.cls-meta.xml", CLASS_META),
    ];
    let several = DeployOptions {
        single_package: false,
        ..options()
    };
    let result = lab.run(&files, several);
    assert_eq!(problems(&result), [""; 0]);
    let names: Vec<_> = result
        .details
        .component_successes
        .iter()
        .map(|it| it.file_name.as_str())
        .collect();
    assert_eq!(names, ["one/package.xml", "one/classes/A.cls"]);
    let result = lab.run(&files, options());
    assert_eq!(problems(&result), [":package.xml: No package.xml found"]);
}

#[test]
fn folder_that_sf_sends_is_a_package_in_a_directory_called_zip() {
    let mut lab = Lab::new(&[]);
    let package = manifest(&["ApexClass:A"]);
    let files = [
        ("zip/package.xml", package.as_str()),
        ("zip/classes/A.cls", "class A {}"),
        ("zip/classes/A.cls-meta.xml", CLASS_META),
    ];
    let result = lab.run(&files, options());
    assert_eq!(successes(&result), ["ApexClass:A created"]);
    let rows = &result.details.component_successes;
    assert_eq!(rows[1].file_name, "zip/classes/A.cls");
}

#[test]
fn what_is_named_and_absent_is_an_error_and_what_is_there_and_not_named_a_warning() {
    let mut lab = Lab::new(&[]);
    let result = lab.deploy(
        &["ApexClass:Nope"],
        &[
            ("classes/A.cls", "class A {}"),
            ("classes/A.cls-meta.xml", CLASS_META),
        ],
    );
    assert_eq!(
        problems(&result),
        [
            ":A: classes/A.cls is in zip but not in package.xml",
            ":Nope: An object 'Nope' of type ApexClass was named in package.xml, but was not \
             found in zipped directory",
        ]
    );
    assert!(!lab.has("ApexClass:A"));
}

#[test]
fn warning_is_a_success_where_warnings_are_ignored() {
    let mut lab = Lab::new(&[]);
    let package = manifest(&[]);
    let doomed = manifest(&["CustomObject:Gone__c"]);
    let files = [
        ("package.xml", package.as_str()),
        ("destructiveChangesPost.xml", doomed.as_str()),
    ];
    let strict = lab.run(&files, options());
    assert_eq!(strict.status, "Failed");
    let lenient = DeployOptions {
        ignore_warnings: true,
        ..options()
    };
    let result = lab.run(&files, lenient);
    assert_eq!(result.status, "Succeeded");
    let row = &result.details.component_successes;
    let row = row.iter().find(|it| it.problem.is_some()).unwrap();
    assert_eq!(
        problem(row),
        "CustomObject:Gone__c: No CustomObject named: Gone__c found"
    );
    assert_eq!(row.problem_type.as_deref(), Some("Warning"));
    assert_eq!(row.file_name, "destructiveChangesPost.xml");
    assert!(!row.deleted && row.success);
}

#[test]
fn unknown_type_and_versions_that_the_org_does_not_speak_are_refused() {
    let mut lab = Lab::new(&[]);
    let result = lab.deploy(&["Nonsense:A"], &[]);
    assert_eq!(
        problems(&result),
        [":package.xml: Unknown type name 'Nonsense' specified in package.xml"]
    );
    let newer = manifest_of(&[], "99.0");
    let result = lab.run(&[("package.xml", newer.as_str())], options());
    assert_eq!(
        problems(&result),
        [":package.xml: Invalid version specified: 99.0"]
    );
    let result = lab.run(&[("package.xml", "<Package>")], options());
    assert!(problems(&result)[0].starts_with(":package.xml: Error parsing file: "));
}

#[test]
fn element_of_no_type_and_malformed_xml_are_named_with_the_line() {
    let mut lab = Lab::new(&[]);
    let result = lab.deploy(
        &["CustomTab:T", "CustomLabels:CustomLabels"],
        &[
            ("tabs/T.tab", "<CustomTab><foo>1</foo></CustomTab>"),
            ("labels/CustomLabels.labels", "<CustomLabels>\n<labels>"),
        ],
    );
    let problems = problems(&result);
    assert!(
        problems.contains(
            &"CustomTab:T: Error parsing file: Element \
              {http://soap.sforce.com/2006/04/metadata}foo invalid at this location in type \
              CustomTab"
                .to_owned()
        ),
        "{problems:?}"
    );
    let rows = &result.details.component_failures;
    let row = rows
        .iter()
        .find(|it| it.full_name == "CustomLabels")
        .unwrap();
    assert_eq!(row.line_number, Some(2));
}

#[test]
fn wildcard_names_all_that_is_there() {
    let mut lab = Lab::new(&[]);
    let package = "<Package><types><members>*</members><name>ApexClass</name></types>\
        <version>66.0</version></Package>";
    let files = [
        ("package.xml", package),
        ("classes/A.cls", "class A {}"),
        ("classes/A.cls-meta.xml", CLASS_META),
        ("classes/B.cls", "class B {}"),
        ("classes/B.cls-meta.xml", CLASS_META),
    ];
    let result = lab.run(&files, options());
    assert_eq!(
        successes(&result),
        ["ApexClass:A created", "ApexClass:B created"]
    );
    let doomed = [
        ("package.xml", "<Package><version>66.0</version></Package>"),
        ("destructiveChanges.xml", package),
    ];
    let result = lab.run(&doomed, options());
    assert_eq!(result.status, "Failed", "no wildcard deletes");
    assert!(lab.has("ApexClass:A"));
}

#[test]
fn named_child_alone_is_deployed_from_a_file_with_more() {
    let both = object("Item", &["A__c", "B__c"]);
    let mut lab = Lab::new(&[("objects/Item__c.object", &object("Item", &[]))]);
    let result = lab.deploy(
        &["CustomField:Item__c.A__c"],
        &[("objects/Item__c.object", both.as_str())],
    );
    assert_eq!(successes(&result), ["CustomField:Item__c.A__c created"]);
    assert!(lab.has("CustomField:Item__c.A__c") && !lab.has("CustomField:Item__c.B__c"));
    let result = lab.deploy(
        &["CustomObject:Item__c"],
        &[("objects/Item__c.object", both.as_str())],
    );
    assert_eq!(
        successes(&result),
        [
            "CustomField:Item__c.A__c same",
            "CustomField:Item__c.B__c created",
            "CustomObject:Item__c same",
        ]
    );
}

#[test]
fn folder_goes_under_the_type_that_it_holds() {
    let mut lab = Lab::new(&[]);
    let report = "<Report><format>Tabular</format><name>R</name><reportType>AccountList</reportType></Report>";
    let folder = "<ReportFolder><name>F</name></ReportFolder>";
    let alone = lab.deploy(&["Report:F/R"], &[("reports/F/R.report", report)]);
    assert_eq!(problems(&alone), ["Report:F/R: Cannot find folder:F"]);
    let result = lab.deploy(
        &["Report:F", "Report:F/R"],
        &[
            ("reports/F-meta.xml", folder),
            ("reports/F/R.report", report),
        ],
    );
    assert_eq!(
        successes(&result),
        ["Report:F/R created", "ReportFolder:F created"]
    );
    let filled = lab.delete(&["Report:F"]);
    assert_eq!(filled.status, "Failed");
    let result = lab.delete(&["Report:F", "Report:F/R"]);
    assert_eq!(problems(&result), [""; 0]);
    assert!(!lab.has("ReportFolder:F"));
}

#[test]
fn failed_deploy_keeps_nothing_and_still_lists_its_successes() {
    let mut lab = Lab::new(&[]);
    let files = [
        ("classes/Good.cls", "class Good {}"),
        ("classes/Good.cls-meta.xml", CLASS_META),
        ("classes/Bad.cls", "class Bad {\n"),
        ("classes/Bad.cls-meta.xml", CLASS_META),
    ];
    let result = lab.deploy(&["ApexClass:Good", "ApexClass:Bad"], &files);
    assert_eq!((result.status.as_str(), result.success), ("Failed", false));
    assert_eq!(successes(&result), ["ApexClass:Good created"]);
    assert_eq!(
        problems(&result),
        ["ApexClass:Bad: Unexpected token '<EOF>'."]
    );
    assert_eq!(
        (
            result.number_component_errors,
            result.number_components_total
        ),
        (1, 2)
    );
    assert!(!lab.has("ApexClass:Good"));
    assert!(lab.org.audit.is_empty());
}

#[test]
fn part_is_kept_where_it_need_not_be_all() {
    let mut lab = Lab::new(&[]);
    let package = manifest(&["CustomObject:Item__c", "Layout:Item__c-L", "ApexClass:Bad"]);
    let object = object("Item", &["A__c"]);
    let layout = "<Layout><layoutSections><layoutColumns><layoutItems><field>Nope__c</field>\
        </layoutItems></layoutColumns></layoutSections></Layout>";
    let files = [
        ("package.xml", package.as_str()),
        ("objects/Item__c.object", object.as_str()),
        ("layouts/Item__c-L.layout", layout),
        ("classes/Bad.cls", "class Bad {"),
        ("classes/Bad.cls-meta.xml", CLASS_META),
    ];
    let partly = DeployOptions {
        rollback_on_error: false,
        ..options()
    };
    let result = lab.run(&files, partly);
    assert_eq!(result.status, "SucceededPartial");
    assert_eq!(result.number_component_errors, 2);
    assert!(lab.has("CustomField:Item__c.A__c"));
    assert!(!lab.has("Layout:Item__c-L") && !lab.has("ApexClass:Bad"));
}

#[test]
fn what_needs_a_failed_component_fails_with_it() {
    let mut lab = Lab::new(&[]);
    let package = manifest(&["CustomObject:Item__c", "Layout:Item__c-L"]);
    let nameless = "<CustomObject><fields><fullName>A__c</fullName><label>A</label>\
        <type>Text</type></fields></CustomObject>";
    let layout = "<Layout><layoutSections><layoutColumns><layoutItems><field>A__c</field>\
        </layoutItems></layoutColumns></layoutSections></Layout>";
    let files = [
        ("package.xml", package.as_str()),
        ("objects/Item__c.object", nameless),
        ("layouts/Item__c-L.layout", layout),
    ];
    let partly = DeployOptions {
        rollback_on_error: false,
        ..options()
    };
    let result = lab.run(&files, partly);
    assert_eq!(result.status, "Failed");
    let problems = problems(&result);
    assert!(
        problems.contains(
            &"CustomObject:Item__c: Must specify a non-empty label for the CustomObject".to_owned()
        ),
        "{problems:?}"
    );
    assert!(!lab.has("CustomObject:Item__c") && !lab.has("Layout:Item__c-L"));
}

#[test]
fn limits_of_files_and_bytes_refuse_the_whole() {
    let mut lab = Lab::new(&[]);
    lab.org.config.limits.files = 1;
    let files = [
        ("package.xml", "<Package><version>66.0</version></Package>"),
        ("classes/A.cls", "class A {}"),
    ];
    let result = lab.run(&files, options());
    assert_eq!(result.error_status_code.as_deref(), Some("LIMIT_EXCEEDED"));
    assert_eq!(
        result.error_message.as_deref(),
        Some("LIMIT_EXCEEDED: Too many files in zip, limit is: 1")
    );
    lab.org.config.limits.zip_bytes = 10;
    let fault = start(
        &mut lab.org,
        lab.user,
        Content::from(zip(&files)),
        options(),
        &mut NoScript,
    );
    assert_eq!(fault.unwrap_err().code, "LIMIT_EXCEEDED");
}

#[test]
fn hostile_paths_fail_and_leave_nothing() {
    let mut lab = Lab::new(&[]);
    let package = manifest(&["ApexClass:A"]);
    for path in [
        "classes/../../A.cls",
        "/classes/A.cls",
        "classes/.git/A.cls",
    ] {
        let files = [("package.xml", package.as_str()), (path, "class A {}")];
        let result = lab.run(&files, options());
        assert_eq!(result.status, "Failed", "{path}");
        assert!(lab.org.metadata().is_empty(), "{path}");
    }
}

#[test]
fn version_of_a_flow_follows_its_status() {
    let flow = |label: &str, status: &str| {
        format!(
            "<Flow><label>{label}</label><processType>Flow</processType><status>{status}</status></Flow>"
        )
    };
    let mut lab = Lab::new(&[("flows/F.flow", &flow("One", "Active"))]);
    let deploy = |lab: &mut Lab, text: &str| lab.deploy(&["Flow:F"], &[("flows/F.flow", text)]);
    assert_eq!(
        successes(&deploy(&mut lab, &flow("One", "Active"))),
        ["Flow:F same"]
    );
    deploy(&mut lab, &flow("Two", "Draft"));
    let versions = |lab: &Lab| {
        let flow = lab.org.metadata().get(&"Flow:F".parse().unwrap()).unwrap();
        let flow = flow.flow.clone().unwrap();
        (flow.active, flow.versions.len())
    };
    assert_eq!(
        versions(&lab),
        (Some(1), 2),
        "a draft leaves the active one alone"
    );
    deploy(&mut lab, &flow("Two", "Active"));
    assert_eq!(versions(&lab), (Some(3), 3));
    let definition =
        "<FlowDefinition><activeVersionNumber>1</activeVersionNumber></FlowDefinition>";
    let back = [("flowDefinitions/F.flowDefinition", definition)];
    let result = lab.deploy(&["FlowDefinition:F"], &back);
    assert_eq!(problems(&result), [""; 0]);
    assert_eq!(
        versions(&lab),
        (Some(1), 3),
        "an old version is active again, none is new"
    );
    let none = "<FlowDefinition><activeVersionNumber>0</activeVersionNumber></FlowDefinition>";
    lab.deploy(
        &["FlowDefinition:F"],
        &[("flowDefinitions/F.flowDefinition", none)],
    );
    assert_eq!(versions(&lab).0, None);
    let missing = "<FlowDefinition><activeVersionNumber>9</activeVersionNumber></FlowDefinition>";
    let result = lab.deploy(
        &["FlowDefinition:F"],
        &[("flowDefinitions/F.flowDefinition", missing)],
    );
    assert_eq!(result.status, "Failed");
}

#[test]
fn production_takes_flows_as_drafts_unless_its_settings_say_otherwise() {
    let flow =
        "<Flow><label>F</label><processType>Flow</processType><status>Active</status></Flow>";
    let settings = "<FlowSettings><enableFlowDeployAsActiveEnabled>true</enableFlowDeployAsActiveEnabled></FlowSettings>";
    for (files, active) in [
        (&[][..], None),
        (&[("settings/Flow.settings", settings)], Some(1)),
    ] {
        let mut lab = Lab::new(files).production();
        lab.deploy(&["Flow:F"], &[("flows/F.flow", flow)]);
        let found = lab.org.metadata().get(&"Flow:F".parse().unwrap()).unwrap();
        assert_eq!(found.flow.as_ref().unwrap().active, active);
    }
}
