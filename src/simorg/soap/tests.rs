use std::{collections::BTreeMap, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;
use crate::{
    archive::{Archive, Limits},
    model::{ComponentKey, Stamp},
    simorg::{
        fault::{NoScript, Strike},
        load,
        state::{Config, NewComponent, PackageFile, Recording, User},
    },
    xml::{self, Element},
};

const TOKEN: &str = "00D5g000004acme!jane";

fn jane() -> User {
    User::administrator("jane@acme.example", "Jane", "Doe")
}

/// An org with `components` and Jane, who is logged in.
fn org_of(components: Vec<NewComponent>) -> SimOrg {
    let now = "2026-03-01T09:00:00Z".parse().unwrap();
    let mut org = SimOrg::new(Config::sandbox(), now);
    org.config.checks_per_job = 0;
    let jane = jane();
    let stamp = Stamp {
        at: "2026-01-05T08:00:00Z".parse().unwrap(),
        ..{
            org.add_user(jane.clone());
            org.stamp(jane.id, now)
        }
    };
    org.sessions.open(TOKEN, jane.id, now, None);
    org.load(components, &stamp, Recording::Silent);
    org
}

fn acme() -> SimOrg {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/orgs/acme/package");
    let project = load::read(&path).unwrap();
    assert_eq!(project.left_out, []);
    org_of(project.components)
}

fn files(files: &[(&str, &str)]) -> SimOrg {
    let files = files
        .iter()
        .map(|(path, text)| PackageFile::new(path, text.as_bytes().to_vec()))
        .collect();
    org_of(load::from_files(files).components)
}

fn send_with(org: &mut SimOrg, call: &str, script: &mut dyn Script) -> (u16, String) {
    let body = format!(
        "<e:Envelope xmlns:e='x'><e:Header><m:SessionHeader xmlns:m='y'><m:sessionId>{TOKEN}</m:sessionId>\
         </m:SessionHeader></e:Header><e:Body>{call}</e:Body></e:Envelope>"
    );
    let request = Request::parse(body.as_bytes()).unwrap();
    let reply = answer(org, org.config.api_version, &request, script);
    (reply.status, String::from_utf8(reply.body).unwrap())
}

fn send(org: &mut SimOrg, call: &str) -> (u16, String) {
    send_with(org, call, &mut NoScript)
}

/// The `result` elements of a good answer.
fn results(org: &mut SimOrg, call: &str) -> Vec<Element> {
    let (status, body) = send(org, call);
    assert_eq!(status, 200, "{body}");
    let doc = xml::parse(body.as_bytes()).unwrap();
    let answer = doc
        .root
        .child("Body")
        .unwrap()
        .elements()
        .next()
        .unwrap()
        .clone();
    answer.elements_named("result").cloned().collect()
}

fn list(org: &mut SimOrg, type_name: &str, folder: &str) -> Vec<String> {
    let call = format!(
        "<listMetadata><queries><folder>{folder}</folder><type>{type_name}</type></queries>\
         <asOfVersion>66.0</asOfVersion></listMetadata>"
    );
    results(org, &call)
        .iter()
        .map(|it| it.child_text("fullName").unwrap().into_owned())
        .collect()
}

/// A retrieve by `Type:Member` lines: its final result and the files of the zip.
fn retrieve(org: &mut SimOrg, members: &[&str]) -> (Element, BTreeMap<String, String>) {
    let result = retrieve_with(org, members, "", &mut NoScript);
    let zip = result.child_text("zipFile").unwrap_or_default();
    let zip = STANDARD.decode(zip.as_bytes()).unwrap();
    let archive = Archive::open(&zip, &Limits::default()).unwrap();
    let files = archive
        .entries()
        .iter()
        .enumerate()
        .map(|(n, it)| {
            let text = String::from_utf8_lossy(&archive.read(n).unwrap()).into_owned();
            (it.name.clone(), text)
        })
        .collect();
    (result, files)
}

fn retrieve_with(
    org: &mut SimOrg,
    members: &[&str],
    more: &str,
    script: &mut dyn Script,
) -> Element {
    let mut types = String::new();
    for member in members {
        let (type_name, member) = member.split_once(':').unwrap();
        for part in ["<types><members>", member, "</members><name>", type_name] {
            types.push_str(part);
        }
        types.push_str("</name></types>");
    }
    let call = format!(
        "<retrieve><request><apiVersion>66.0</apiVersion>{more}<unpackaged>{types}\
         <version>66.0</version></unpackaged></request></retrieve>"
    );
    let (status, body) = send_with(org, &call, script);
    assert_eq!(status, 200, "{body}");
    let id = body
        .split("<id>")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap();
    let call = format!(
        "<checkRetrieveStatus><asyncProcessId>{id}</asyncProcessId><includeZip>true</includeZip>\
         </checkRetrieveStatus>"
    );
    results(org, &call).remove(0)
}

fn problems(result: &Element) -> Vec<String> {
    result
        .elements_named("messages")
        .map(|it| it.child_text("problem").unwrap().into_owned())
        .collect()
}

/// The manifest of everything that the org lists, and how much that is.
fn everything(org: &SimOrg) -> Vec<String> {
    org.metadata()
        .iter()
        .map(|(key, _)| match key.type_name.as_str() {
            "ReportFolder" => format!("Report:{}/", key.name),
            "DashboardFolder" => format!("Dashboard:{}/", key.name),
            "DocumentFolder" => format!("Document:{}/", key.name),
            "EmailFolder" | "EmailTemplateFolder" => format!("EmailTemplate:{}/", key.name),
            _ => key.to_string(),
        })
        .collect()
}

#[test]
fn listing_nests_folders_and_lists_a_folder_at_a_time() {
    let mut org = acme();
    let folders = list(&mut org, "ReportFolder", "");
    assert_eq!(
        folders,
        ["Fleet", "Sales", "Sales/Regional", "Sales/Regional/Archive"]
    );
    assert_eq!(list(&mut org, "Report", ""), [""; 0]);
    assert_eq!(
        list(&mut org, "Report", "Sales/Regional"),
        [
            "Sales/Regional/Big_Deals_This_Quarter",
            "Sales/Regional/Pipeline_by_Region"
        ]
    );
    assert_eq!(list(&mut org, "Report", "unfiled$public").len(), 2);
    assert_eq!(list(&mut org, "AcmeWidget", "").len(), 2);
    assert_eq!(list(&mut org, "StandardValueSet", ""), [""; 0]);
    assert!(list(&mut org, "CustomField", "").contains(&"Account.Region__c".to_owned()));
}

#[test]
fn standard_objects_have_no_id_and_the_date_of_the_epoch() {
    let mut org = acme();
    let call = "<listMetadata><queries><type>CustomObject</type></queries></listMetadata>";
    let found = results(&mut org, call);
    let named = |name: &str| {
        let is = |it: &&Element| it.child_text("fullName").unwrap() == name;
        found.iter().find(is).unwrap()
    };
    let account = named("Account");
    assert_eq!(account.child_text("id").unwrap(), "");
    assert_eq!(account.child_text("createdByName").unwrap(), "Jane Doe");
    assert_eq!(
        account.child_text("lastModifiedDate").unwrap(),
        "1970-01-01T00:00:00.000Z"
    );
    let equipment = named("Equipment__c");
    assert!(equipment.child_text("id").unwrap().starts_with("01I"));
    assert_eq!(
        equipment.child_text("lastModifiedDate").unwrap(),
        "2026-01-05T08:00:00.000Z"
    );
}

#[test]
fn wrong_queries_are_refused_in_the_platforms_words() {
    let mut org = acme();
    let query = "<queries><type>ApexClass</type></queries>";
    let (status, body) = send(
        &mut org,
        &format!("<listMetadata>{}</listMetadata>", query.repeat(4)),
    );
    assert_eq!(status, 500);
    assert!(
        body.contains("<faultcode>sf:EXCEEDED_ID_LIMIT</faultcode>"),
        "{body}"
    );
    let (_, body) = send(
        &mut org,
        "<listMetadata><queries><type>Nonsense</type></queries></listMetadata>",
    );
    assert!(
        body.contains(
            "<faultcode>sf:INVALID_TYPE</faultcode><faultstring>INVALID_TYPE: This type of \
             metadata is not available for this organization</faultstring>"
        ),
        "{body}"
    );
    let (_, body) = send(
        &mut org,
        "<listMetadata><queries><type>BotVersion</type></queries></listMetadata>",
    );
    assert!(
        body.contains("<soapenv:Body><listMetadataResponse/></soapenv:Body>"),
        "{body}"
    );
    let (status, body) = send(&mut org, "<fly/>");
    assert_eq!(status, 500);
    assert!(
        body.contains("<faultcode>soapenv:Client</faultcode>"),
        "{body}"
    );
}

#[test]
fn what_a_user_may_not_do_is_refused_and_what_she_may_not_see_is_silent() {
    let mut org = acme();
    let mut user = jane();
    user.hidden_types.insert("Role".to_owned());
    org.add_user(user.clone());
    assert_eq!(list(&mut org, "Role", ""), [""; 0]);
    let (result, _) = retrieve(&mut org, &["Role:*"]);
    assert_eq!(
        problems(&result),
        ["You do not have the proper permissions to access Role."]
    );
    org.add_user(
        user.clone()
            .without(Permission::ModifyMetadata)
            .without(Permission::ModifyAllData),
    );
    let (status, body) = send(&mut org, "<describeMetadata/>");
    assert_eq!(status, 500);
    assert!(
        body.contains("<faultcode>sf:INSUFFICIENT_ACCESS</faultcode>"),
        "{body}"
    );
    org.sessions.expire_all();
    let (status, body) = send(&mut org, "<describeMetadata/>");
    assert_eq!(status, 500);
    assert!(
        body.contains("<faultcode>sf:INVALID_SESSION_ID</faultcode>"),
        "{body}"
    );
}

#[test]
fn describe_names_every_type_of_the_org_once() {
    let mut org = acme();
    let result = results(
        &mut org,
        "<describeMetadata><asOfVersion>66.0</asOfVersion></describeMetadata>",
    )
    .remove(0);
    let names: Vec<String> = result
        .elements_named("metadataObjects")
        .map(|it| it.child_text("xmlName").unwrap().into_owned())
        .collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_ne!(names, sorted, "the platform does not sort");
    sorted.dedup();
    assert_eq!(sorted.len(), names.len());
    for name in [
        "AcmeWidget",
        "CustomObject",
        "Report",
        "Settings",
        "CustomMetadata",
    ] {
        assert!(names.iter().any(|it| it == name), "{name}");
    }
    assert!(
        !names
            .iter()
            .any(|it| it == "ReportFolder" || it == "CustomField")
    );
    let report = result
        .elements_named("metadataObjects")
        .find(|it| it.child_text("xmlName").unwrap() == "Report")
        .unwrap();
    assert_eq!(
        xml::render_element(report),
        "<metadataObjects>\n    <directoryName>reports</directoryName>\n    <inFolder>true</inFolder>\n    \
         <metaFile>false</metaFile>\n    <suffix>report</suffix>\n    <xmlName>Report</xmlName>\n</metadataObjects>"
    );
}

#[test]
fn retrieve_of_everything_loads_to_the_same_org() {
    let mut org = acme();
    let members = everything(&org);
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let (result, _) = retrieve(&mut org, &members);
    let missed = problems(&result);
    assert_eq!(missed, [""; 0]);

    // Profiles come back whole when everything is asked for beside them.
    let call_again = retrieve(&mut org, &members).1;
    let files = call_again
        .iter()
        .map(|(path, text)| PackageFile::new(path, text.as_bytes().to_vec()))
        .collect();
    let back = load::from_files(files);
    assert_eq!(back.left_out, []);
    assert_eq!(back.components.len(), org.metadata().len());
    let mut differ = Vec::new();
    for new in back.components {
        let old = org.metadata().get(&new.key).unwrap();
        let is_text = old
            .files
            .iter()
            .all(|it| std::str::from_utf8(&it.content).is_ok());
        if is_text && old.files != new.files {
            differ.push(new.key.to_string());
        }
    }
    assert_eq!(differ, [""; 0]);
}

#[test]
fn wildcards_mean_what_the_platform_means_by_them() {
    let mut org = acme();
    let (_, files) = retrieve(&mut org, &["CustomObject:*", "Report:*", "CustomField:*"]);
    assert!(files.contains_key("unpackaged/objects/Equipment__c.object"));
    assert!(!files.contains_key("unpackaged/objects/Account.object"));
    assert!(!files.keys().any(|it| it.contains("/reports/")));
    let manifest = &files["unpackaged/package.xml"];
    assert!(
        manifest.contains("<members>Setting__mdt</members>"),
        "{manifest}"
    );
    let (_, files) = retrieve(&mut org, &["CustomObject:*", "CustomObject:Account"]);
    assert!(files.contains_key("unpackaged/objects/Account.object"));
}

#[test]
fn child_asked_for_comes_in_a_file_of_its_own_kind_only() {
    let mut org = files(&[(
        "objects/Account.object",
        "<CustomObject xmlns=\"http://soap.sforce.com/2006/04/metadata\"><enableFeeds>true</enableFeeds>\
         <fields><fullName>A__c</fullName></fields><fields><fullName>B__c</fullName></fields></CustomObject>",
    )]);
    let (result, files) = retrieve(
        &mut org,
        &["CustomField:Account.B__c", "CustomField:Account.C__c"],
    );
    insta::assert_snapshot!(files["unpackaged/objects/Account.object"], @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
        <fields>
            <fullName>B__c</fullName>
        </fields>
    </CustomObject>
    "#);
    assert_eq!(
        problems(&result),
        ["Entity of type 'CustomField' named 'Account.C__c' cannot be found"]
    );
    let property = result.child("fileProperties").unwrap();
    assert_eq!(property.child_text("type").unwrap(), "CustomField");
    assert_eq!(
        property.child_text("fileName").unwrap(),
        "unpackaged/objects/Account.object"
    );
    assert!(files["unpackaged/package.xml"].contains("<members>Account.C__c</members>"));
}

#[test]
fn profile_is_given_with_what_was_asked_for_beside_it() {
    let mut org = acme();
    let (_, files) = retrieve(
        &mut org,
        &["Profile:Admin", "CustomField:Account.Region__c"],
    );
    let alone = &files["unpackaged/profiles/Admin.profile"];
    assert_eq!(alone.matches("<fieldPermissions>").count(), 1);
    assert!(alone.contains("<field>Account.Region__c</field>"));
    assert!(
        alone.contains("<userPermissions>"),
        "what is about nobody else is always there"
    );
    assert!(!alone.contains("<layoutAssignments>") && !alone.contains("<classAccesses>"));
    let (_, files) = retrieve(
        &mut org,
        &[
            "Profile:Admin",
            "CustomObject:Account",
            "Layout:*",
            "ApexClass:*",
        ],
    );
    let more = &files["unpackaged/profiles/Admin.profile"];
    assert!(more.contains("<layoutAssignments>") && more.contains("<classAccesses>"));
    assert!(more.contains("<object>Account</object>"));
    let (_, files) = retrieve(&mut org, &["PermissionSet:Region_Manager"]);
    let set = &files["unpackaged/permissionsets/Region_Manager.permissionset"];
    assert!(
        set.contains("Account.Region__c"),
        "a permission set is whole"
    );
}

#[test]
fn folders_and_names_are_found_in_each_spelling() {
    let mut org = acme();
    let members = [
        "Report:Sales/",
        "Report:Sales/Regional",
        "Report:Sales/Regional/Pipeline_by_Region",
        "EmailTemplate:Customer_Care/",
        "Layout:Account-Account (Sales) Layout",
        "Flow:Order_Follow_Up-1",
        "Flow:Order_Follow_Up",
        "Report:unfiled$public",
        "Nonsense:X",
    ];
    let (result, files) = retrieve(&mut org, &members);
    let names: Vec<&str> = files
        .keys()
        .map(|it| it.trim_start_matches("unpackaged/"))
        .collect();
    assert_eq!(
        names,
        [
            "email/Customer_Care-meta.xml",
            "flows/Order_Follow_Up-1.flow",
            "flows/Order_Follow_Up.flow",
            "layouts/Account-Account %28Sales%29 Layout.layout",
            "package.xml",
            "reports/Sales-meta.xml",
            "reports/Sales/Regional-meta.xml",
            "reports/Sales/Regional/Pipeline_by_Region.report",
        ]
    );
    assert_eq!(
        problems(&result),
        [
            "Entity of type 'Report' named 'unfiled$public' cannot be found",
            "Entity type 'Nonsense' is unknown"
        ]
    );
    assert!(files["unpackaged/flows/Order_Follow_Up-1.flow"].contains("<status>Obsolete</status>"));
    assert!(files["unpackaged/flows/Order_Follow_Up.flow"].contains("<status>Draft</status>"));
}

#[test]
fn job_goes_through_its_states_and_gives_the_zip_once() {
    let mut org = acme();
    org.config.checks_per_job = 2;
    let (_, body) = send(
        &mut org,
        "<retrieve><retrieveRequest><apiVersion>66.0</apiVersion><singlePackage>true</singlePackage><unpackaged>\
         <types><name>ApexClass</name><members>*</members></types></unpackaged></retrieveRequest></retrieve>",
    );
    assert!(
        body.contains("<retrieveResponse><result><done>false</done><id>09S"),
        "{body}"
    );
    let id = body
        .split("<id>")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap()
        .to_owned();
    let mut check = |with_zip: bool| {
        let call = format!(
            "<checkRetrieveStatus><asyncProcessId>{id}</asyncProcessId><includeZip>{with_zip}</includeZip>\
             </checkRetrieveStatus>"
        );
        send(&mut org, &call)
    };
    let status = |body: &str| {
        body.split("<status>")
            .nth(1)
            .map(|it| it.split('<').next().unwrap().to_owned())
    };
    assert_eq!(status(&check(false).1).as_deref(), Some("Pending"));
    let (_, body) = check(true);
    assert_eq!(status(&body).as_deref(), Some("InProgress"));
    assert!(body.contains("<zipFile xsi:nil=\"true\"/>"));
    let (_, body) = check(false);
    assert_eq!(status(&body).as_deref(), Some("Succeeded"));
    assert!(
        body.contains("<fileName>classes/"),
        "singlePackage has no prefix"
    );
    assert!(body.contains("<zipFile xsi:nil=\"true\"/>"));
    assert!(check(true).1.contains("<zipFile>UEsDB"));
    let (code, body) = check(true);
    assert_eq!(code, 500);
    assert!(
        body.contains("<faultcode>sf:INVALID_LOCATOR</faultcode>"),
        "{body}"
    );
    let call = "<checkRetrieveStatus><asyncProcessId>09S000000000001</asyncProcessId></checkRetrieveStatus>";
    assert!(
        send(&mut org, call)
            .1
            .contains("sf:INVALID_CROSS_REFERENCE_KEY")
    );
}

#[test]
fn limits_and_packages_that_are_not_there_make_the_job_fail() {
    let mut org = acme();
    org.config.limits.files = 5;
    let result = retrieve_with(&mut org, &["ApexClass:*"], "", &mut NoScript);
    assert_eq!(result.child_text("status").unwrap(), "Failed");
    assert_eq!(
        result.child_text("errorStatusCode").unwrap(),
        "LIMIT_EXCEEDED"
    );
    assert_eq!(
        result.child_text("errorMessage").unwrap(),
        "LIMIT_EXCEEDED: Too many files in retrieve call, limit is: 5"
    );
    org.config.limits.files = 10_000;
    org.config.limits.zip_bytes = 100;
    let result = retrieve_with(&mut org, &["ApexClass:*"], "", &mut NoScript);
    assert_eq!(
        result.child_text("errorStatusCode").unwrap(),
        "LIMIT_EXCEEDED"
    );
    let package = "<packageNames>Abacus</packageNames>";
    let result = retrieve_with(&mut org, &[], package, &mut NoScript);
    assert_eq!(
        result.child_text("errorMessage").unwrap(),
        "INVALID_CROSS_REFERENCE_KEY: No package named 'Abacus' found"
    );
}

#[test]
fn poisoned_component_fails_each_retrieve_that_holds_it() {
    struct Poison;
    impl Script for Poison {
        fn strike(&mut self, call: &str, of: &str) -> Option<Strike> {
            (call == "retrieve" && of == "ApexClass:OpportunityService").then_some(Strike::Fail)
        }
    }
    let mut org = acme();
    let result = retrieve_with(&mut org, &["ApexClass:*"], "", &mut Poison);
    assert_eq!(
        result.child_text("errorStatusCode").unwrap(),
        "UNKNOWN_EXCEPTION"
    );
    let result = retrieve_with(&mut org, &["Layout:*"], "", &mut Poison);
    assert_eq!(result.child_text("status").unwrap(), "Succeeded");
}

#[test]
fn noise_touches_at_least_ten_types_and_says_so() {
    let mut org = acme();
    org.config.noise = Some(1);
    let members = everything(&org);
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let (_, first) = retrieve(&mut org, &members);
    let (_, second) = retrieve(&mut org, &members);
    let mut kinds: Vec<&str> = first
        .iter()
        .filter(|(path, text)| second[*path] != **text)
        .map(|(path, _)| path.split('/').nth(1).unwrap())
        .collect();
    kinds.dedup();
    assert!(10 <= kinds.len(), "{kinds:?}");
    assert!(kinds.contains(&"profiles"));
    let rules: Vec<_> = org
        .calls
        .keys()
        .filter(|it| it.starts_with("noise:"))
        .collect();
    assert!(10 <= rules.len(), "{rules:?}");
}

#[test]
fn read_gives_values_and_nil_for_what_is_not_there() {
    let mut org = acme();
    let call = "<readMetadata><type>CustomField</type><fullNames>Account.Region__c</fullNames>\
                <fullNames>Account.No__c</fullNames></readMetadata>";
    let (_, body) = send(&mut org, call);
    assert!(
        body.contains("<records xsi:type=\"CustomField\"><fullName>Account.Region__c</fullName>"),
        "{body}"
    );
    assert!(
        body.contains("<records xsi:nil=\"true\"/></result>"),
        "{body}"
    );
    assert!(body.contains("xmlns:xsi="));
    let names = "<fullNames>x</fullNames>".repeat(11);
    let (_, body) = send(
        &mut org,
        &format!("<readMetadata><type>Layout</type>{names}</readMetadata>"),
    );
    assert!(body.contains("sf:EXCEEDED_ID_LIMIT"), "{body}");
}

#[test]
fn subjects_of_a_call_are_its_types_and_members() {
    let body = "<Envelope><Body><retrieve><request><unpackaged><types><members>A</members><members>*</members>\
                <name>ApexClass</name></types></unpackaged></request></retrieve></Body></Envelope>";
    let request = Request::parse(body.as_bytes()).unwrap();
    assert_eq!(
        request.subjects(),
        ["ApexClass:A", "ApexClass:*", "ApexClass"]
    );
    assert_eq!(request.token(), None);
}

#[test]
fn profile_change_is_not_dated_and_its_children_are_told_apart() {
    let mut org = acme();
    let key: ComponentKey = "Profile:Admin".parse().unwrap();
    let before = org.metadata().get(&key).unwrap().modified.clone();
    let later = org.stamp(jane().id, org.now());
    org.edit(&key, &later, |root| {
        root.push_text_element("description", "x");
    })
    .unwrap();
    assert_eq!(org.metadata().get(&key).unwrap().modified, before);
}
