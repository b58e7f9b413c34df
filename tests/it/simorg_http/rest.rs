//! Queries, describes, records, limits, deploys by REST.

use std::{fs, path::Path};

use orgkeep::simorg::{
    serve::{Options, parse_limits},
    state::Limits,
};
use serde_json::{Value, json};

use super::site::{Answer, Site};

const DATA: &str = "/services/data/v66.0";

fn code(answer: &Answer) -> String {
    let body = answer.json();
    format!(
        "{} {}",
        answer.status,
        body[0]["errorCode"].as_str().unwrap()
    )
}

fn names(records: &[Value], field: &str) -> Vec<String> {
    let text = |it: &Value| it[field].as_str().unwrap().to_owned();
    records.iter().map(text).collect()
}

#[test]
fn versions_need_no_session_and_old_ones_are_served_or_gone() {
    let site = Site::acme();
    let all = site.send(|it| it.get(site.url("/services/data")));
    assert_eq!(all.header("sforce-limit-info"), "");
    let all = all.json();
    assert_eq!(
        all[0],
        json!({"label": "Summer '14", "url": "/services/data/v31.0", "version": "31.0"})
    );
    assert_eq!(all[34]["label"], "Winter '26");
    for (version, status) in [
        ("v51.0", 200),
        ("v66.0", 200),
        ("v30.0", 410),
        ("v67.0", 404),
        ("nonsense", 404),
    ] {
        let answer = site.get(site.admin(), &format!("/services/data/{version}/limits"));
        assert_eq!(answer.status, status, "{version}");
    }
}

#[test]
fn what_is_filed_nowhere_lies_in_the_org_and_hidden_types_have_no_rows() {
    let dir = crate::support::tempdir();
    let users = dir.path().join("users.json");
    fs::write(
        &users,
        r#"[{"username": "all@x.example", "name": "Sees All"},
            {"username": "some@x.example", "name": "Sees Some", "hiddenTypes": ["Report"]}]"#,
    )
    .unwrap();
    let site = Site::start(&Options {
        users: Some(users),
        ..Options::default()
    });
    let org = site.ready().org_id;
    for (table, field) in [("Report", "OwnerId"), ("EmailTemplate", "FolderId")] {
        let soql = format!("SELECT Id FROM {table} WHERE {field} = '{org}'");
        assert!(!site.records(&soql).is_empty(), "{table}");
    }
    for (who, is_empty) in [("all@x.example", false), ("some@x.example", true)] {
        let answer = site.query(site.token(who), "SELECT Id FROM Report").json();
        assert_eq!(answer["totalSize"] == 0, is_empty, "{who}");
    }
}

#[test]
fn login_commands_find_what_they_ask_for() {
    let site = Site::acme();
    let info = site.get(site.admin(), "/services/oauth2/userinfo").json();
    let user = site.get(
        site.admin(),
        &format!(
            "/services/data/v51.0/sobjects/User/{}",
            info["user_id"].as_str().unwrap()
        ),
    );
    assert_eq!(user.json()["Username"], "admin@acme.example");
    let org = &site.records(
        "SELECT Name, InstanceName, IsSandbox, TrialExpirationDate, NamespacePrefix, OrganizationType FROM Organization",
    )[0];
    assert_eq!(
        (&org["IsSandbox"], &org["TrialExpirationDate"]),
        (&json!(true), &Value::Null)
    );
    let hub = site.query(site.admin(), "SELECT Id FROM ScratchOrgInfo limit 1");
    assert_eq!(code(&hub), "400 INVALID_TYPE");
    let tracking = site.get(
        site.admin(),
        &format!("{DATA}/tooling/sobjects/SourceMember/describe"),
    );
    assert_eq!(code(&tracking), "404 NOT_FOUND");
}

#[test]
fn production_org_says_so() {
    let site = Site::start(&Options {
        kind: orgkeep::simorg::state::OrgKind::Production,
        org_id: Some("00D000000000062".parse().unwrap()),
        ..Options::default()
    });
    let org = &site.records("SELECT Id, IsSandbox FROM Organization")[0];
    assert_eq!(
        (&org["IsSandbox"], &org["Id"]),
        (&json!(false), &json!("00D000000000062EAA"))
    );
}

#[test]
fn calls_of_the_day_are_counted_told_and_refused() {
    let site = Site::start(&Options {
        limits: parse_limits("daily_api_requests=3").unwrap(),
        ..Options::default()
    });
    let first = site.get(site.admin(), &format!("{DATA}/limits"));
    assert_eq!(first.header("sforce-limit-info"), "api-usage=1/3");
    assert_eq!(
        first.json()["DailyApiRequests"],
        json!({"Max": 3, "Remaining": 2})
    );
    assert_eq!(site.list("ApexClass").unwrap().status, 200);
    let third = site.query(site.admin(), "SELECT count() FROM Account");
    assert_eq!(third.header("sforce-limit-info"), "api-usage=3/3");
    let fourth = site.query(site.admin(), "SELECT count() FROM Account");
    assert_eq!(code(&fourth), "403 REQUEST_LIMIT_EXCEEDED");
    let fifth = site.list("ApexClass").unwrap();
    assert!(
        fifth
            .text
            .contains("<faultcode>sf:REQUEST_LIMIT_EXCEEDED</faultcode>")
    );
    site.control("POST", "/simorg/clock", &json!({"advance": "25h"}));
    assert_eq!(
        site.get(site.admin(), &format!("{DATA}/limits")).status,
        200
    );
}

#[test]
fn users_get_what_their_permissions_give() {
    let site = Site::acme();
    let trail = "SELECT Id FROM SetupAuditTrail";
    assert_eq!(site.query(site.token("Jane Doe"), trail).status, 200);
    assert_eq!(
        code(&site.query(site.token("Vera Viewless"), trail)),
        "400 INVALID_TYPE"
    );
    let noah = site.get(site.token("Noah Noapi"), &format!("{DATA}/limits"));
    assert_eq!(code(&noah), "403 API_DISABLED_FOR_ORG");
    let rita = site
        .soap(site.token("Rita Reader"), "<describeMetadata/>")
        .unwrap();
    assert!(
        rita.text
            .contains("<faultcode>sf:INSUFFICIENT_ACCESS</faultcode>"),
        "{}",
        rita.text
    );
    assert_eq!(
        site.query(site.token("Rita Reader"), "SELECT Id FROM Account")
            .status,
        200
    );
}

#[test]
fn long_answer_comes_in_pages() {
    let dir = crate::support::tempdir();
    fs::create_dir_all(dir.path().join("package/classes")).unwrap();
    fs::create_dir_all(dir.path().join("records")).unwrap();
    fs::write(dir.path().join("package/package.xml"), "<Package/>").unwrap();
    let rows: Vec<String> = (0..4_500).map(|it| format!("Row {it}")).collect();
    fs::write(
        dir.path().join("records/Account.csv"),
        format!("Name\n{}\n", rows.join("\n")),
    )
    .unwrap();
    let site = Site::start(&Options {
        load: vec![dir.path().to_owned()],
        ..Options::default()
    });
    let mut page = site
        .query(site.admin(), "SELECT Id, Name FROM Account")
        .json();
    let mut seen = std::collections::BTreeSet::new();
    let mut sizes = Vec::new();
    loop {
        let records = page["records"].as_array().unwrap();
        sizes.push(records.len());
        seen.extend(names(records, "Id"));
        assert_eq!(page["totalSize"], 4_500);
        let Some(next) = page["nextRecordsUrl"].as_str() else {
            break;
        };
        assert_eq!(page["done"], false);
        page = site.get(site.admin(), next).json();
    }
    assert_eq!(page["done"], true);
    assert_eq!((sizes, seen.len()), (vec![2_000, 2_000, 500], 4_500));

    let small = site.send(|it| {
        it.get(site.url(&format!("{DATA}/query")))
            .query(&[("q", "SELECT Id FROM Account")])
            .header("Sforce-Query-Options", "batchSize=200")
            .bearer_auth(site.admin())
    });
    let next = small.json()["nextRecordsUrl"].as_str().unwrap().to_owned();
    assert!(next.ends_with("-200"));
    assert_eq!(
        code(&site.get(site.token("Jane Doe"), &next)),
        "400 INVALID_QUERY_LOCATOR"
    );
    assert_eq!(
        code(&site.get(site.admin(), &format!("{DATA}/query/01gNOPE-2000"))),
        "400 INVALID_QUERY_LOCATOR"
    );
}

#[test]
fn columns_are_told_on_request() {
    let site = Site::acme();
    let url = site.url(&format!("{DATA}/query"));
    let soql = "SELECT Id, Name, Owner.Name FROM Account";
    let answer = site.send(|it| {
        it.get(url)
            .query(&[("q", soql), ("columns", "true")])
            .bearer_auth(site.admin())
    });
    let body = answer.json();
    assert_eq!(
        names(body["columnMetadata"].as_array().unwrap(), "columnName"),
        ["Id", "Name", "Owner"]
    );
    assert_eq!(
        body["columnMetadata"][2]["aggregate"], false,
        "`sf` takes it for a subquery otherwise, and shows nothing"
    );
    assert_eq!(
        body["columnMetadata"][2]["joinColumns"][0]["columnName"],
        "Name"
    );
    assert_eq!(body["entityName"], "Account");
}

#[test]
fn metadata_is_told_by_queries() {
    let site = Site::acme();
    let folders = site.records("SELECT Name, Parent.Name FROM Folder WHERE Type = 'Report' AND ParentId != null ORDER BY Name");
    assert_eq!(names(&folders, "Name"), ["Archive", "Regional"]);
    assert_eq!(folders[0]["Parent"]["Name"], "Regional");
    let reports = site
        .records("SELECT DeveloperName FROM Report WHERE FolderName = 'Unfiled Public Reports'");
    assert_eq!(
        names(&reports, "DeveloperName"),
        ["Contacts_without_Waiver", "Follow_Ups"]
    );
    let flows = site.tooling(
        "SELECT Definition.DeveloperName, VersionNumber, Status FROM Flow WHERE Definition.DeveloperName = 'Order_Follow_Up' ORDER BY VersionNumber",
    );
    let flows = flows.json()["records"].as_array().unwrap().clone();
    assert_eq!(names(&flows, "Status"), ["Obsolete", "Active", "Draft"]);
    let two = site.tooling("SELECT Id, Metadata FROM Flow");
    assert_eq!(code(&two), "400 MALFORMED_QUERY");
    assert!(two.text.contains("no more than one row for retrieval"));
    let one = site.tooling(
        "SELECT Id, MasterLabel, Metadata FROM StandardValueSet WHERE MasterLabel = 'Industry'",
    );
    let one = one.json();
    assert_eq!(one["size"], 1);
    assert!(one["records"][0]["Metadata"]["standardValue"].is_array());
    let class = site.tooling("SELECT Name, Body FROM ApexClass WHERE Name = 'InboundRentalMail'");
    assert!(
        class.json()["records"][0]["Body"]
            .as_str()
            .unwrap()
            .contains("\r\n")
    );
}

#[test]
fn permission_rows_follow_from_profiles_and_permission_sets() {
    let site = Site::acme();
    let rows = site.records(
        "SELECT Parent.Name, Parent.IsOwnedByProfile, Parent.Profile.Name FROM FieldPermissions \
         WHERE Field = 'Account.Region__c' ORDER BY Parent.Profile.Name NULLS LAST",
    );
    let owners: Vec<&Value> = rows
        .iter()
        .map(|it| &it["Parent"]["Profile"]["Name"])
        .collect();
    assert_eq!(
        owners,
        [
            &json!("Sales User"),
            &json!("System Administrator"),
            &Value::Null
        ]
    );
    assert_eq!(rows[2]["Parent"]["Name"], "Region_Manager");
    let access = site.records(
        "SELECT SetupEntityType, COUNT(Id) FROM SetupEntityAccess WHERE ParentId IN \
         (SELECT Id FROM PermissionSet WHERE Name = 'Region_Manager') GROUP BY SetupEntityType",
    );
    assert_eq!(access[0]["SetupEntityType"], "CustomPermission");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn stamp_of_a_permission_moves_only_where_it_was_changed() {
    let site = Site::acme();
    site.control(
        "POST",
        "/simorg/clock",
        &json!({"now": "2026-03-01T08:00:00Z"}),
    );
    let dir = crate::support::tempdir();
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/orgs/acme/package");
    copy(&package, dir.path());
    let same =
        json!({"path": dir.path(), "user": "jane@acme.example", "at": "2026-02-01T10:00:00Z"});
    let report = site.control("POST", "/simorg/load", &same).json();
    assert_eq!(
        (&report["created"], &report["changed"], &report["deleted"]),
        (&json!(0), &json!(0), &json!(0))
    );

    let profile = dir.path().join("profiles/Sales User.profile");
    let text = fs::read_to_string(&profile).unwrap();
    let at = text.find("<field>Account.Region__c</field>").unwrap();
    let start = text[..at].rfind("<editable>").unwrap();
    let changed = format!(
        "{}{}",
        &text[..start],
        text[start..].replacen("true", "false", 1)
    );
    assert_ne!(changed, text);
    fs::write(&profile, changed).unwrap();
    let report = site.control("POST", "/simorg/load", &same).json();
    assert_eq!(
        (&report["changed"], &report["left_out"]),
        (&json!(1), &json!([]))
    );

    let moved = site.records(
        "SELECT Field, PermissionsEdit, SystemModstamp, Parent.Profile.Name FROM FieldPermissions \
         WHERE SystemModstamp > 2026-01-31T00:00:00Z",
    );
    assert_eq!(names(&moved, "Field"), ["Account.Region__c"]);
    assert_eq!(moved[0]["PermissionsEdit"], false);
    assert_eq!(moved[0]["SystemModstamp"], "2026-02-01T10:00:00.000+0000");
    for table in [
        "ObjectPermissions",
        "SetupEntityAccess",
        "PermissionSetTabSetting",
        "PermissionSet",
    ] {
        let soql = format!("SELECT Id FROM {table} WHERE SystemModstamp > 2026-01-31T00:00:00Z");
        assert_eq!(site.records(&soql), Vec::<Value>::new(), "{table}");
    }
    let trail =
        site.records("SELECT Action, Display, CreatedBy.Name, CreatedDate FROM SetupAuditTrail");
    assert_eq!(trail.len(), 1);
    assert_eq!(trail[0]["CreatedBy"]["Name"], "Jane Doe");
    assert_eq!(trail[0]["CreatedDate"], "2026-02-01T10:00:00.000+0000");
}

#[test]
fn objects_are_described_with_their_custom_fields() {
    let site = Site::acme();
    let all = site.get(site.admin(), &format!("{DATA}/sobjects")).json();
    let all = names(all["sobjects"].as_array().unwrap(), "name");
    for name in [
        "Account",
        "User",
        "Equipment__c",
        "Setting__mdt",
        "FieldPermissions",
    ] {
        assert!(all.iter().any(|it| it == name), "{name}");
    }
    let account = site
        .get(site.admin(), &format!("{DATA}/sobjects/Account/describe"))
        .json();
    assert_eq!(account["keyPrefix"], "001");
    let fields = account["fields"].as_array().unwrap();
    let region = fields.iter().find(|it| it["name"] == "Region__c").unwrap();
    assert_eq!(
        (&region["type"], &region["custom"]),
        (&json!("picklist"), &json!(true))
    );
    assert!(fields.iter().all(|it| it.as_object().unwrap().len() == 57));
    let entity = site.records("SELECT QualifiedApiName, KeyPrefix FROM EntityDefinition WHERE QualifiedApiName = 'Account'");
    assert_eq!(entity[0]["KeyPrefix"], "001");
    assert_eq!(
        code(&site.query(site.admin(), "SELECT Id FROM FieldDefinition")),
        "400 MALFORMED_QUERY"
    );
}

#[test]
fn records_are_made_read_changed_and_deleted() {
    let site = Site::acme();
    let path = format!("{DATA}/sobjects/Account");
    let post = |body: &Value| {
        site.send(|it| {
            it.post(site.url(&path))
                .bearer_auth(site.token("Jane Doe"))
                .json(body)
        })
    };
    let made = post(&json!({"Name": "New", "Region__c": "North"}));
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert!(made.header("location").ends_with(&id));
    let record = site.get(site.admin(), &format!("{path}/{id}")).json();
    assert_eq!(
        (&record["Name"], &record["Region__c"]),
        (&json!("New"), &json!("North"))
    );
    assert_eq!(
        site.records(&format!(
            "SELECT CreatedBy.Name FROM Account WHERE Id = '{id}'"
        ))[0]["CreatedBy"]["Name"],
        "Jane Doe"
    );

    let change = |body: Value| {
        site.send(|it| {
            it.patch(site.url(&format!("{path}/{id}")))
                .bearer_auth(site.admin())
                .json(&body)
        })
    };
    let changed = change(json!({"Name": "Newer"}));
    assert_eq!((changed.status, changed.text.as_str()), (204, ""));
    assert_eq!(code(&change(json!({"Nope__c": 1}))), "400 INVALID_FIELD");
    assert_eq!(
        code(&change(json!({"CreatedDate": "2026-01-01T00:00:00Z"}))),
        "400 INVALID_FIELD_FOR_INSERT_UPDATE"
    );
    assert_eq!(
        code(&change(json!({"Name": "x".repeat(256)}))),
        "400 STRING_TOO_LONG"
    );
    let nameless = post(&json!({"Industry": "Retail"}));
    assert_eq!(code(&nameless), "400 REQUIRED_FIELD_MISSING");
    assert_eq!(nameless.json()[0]["fields"], json!(["Name"]));

    let delete = || {
        site.send(|it| {
            it.delete(site.url(&format!("{path}/{id}")))
                .bearer_auth(site.admin())
        })
    };
    assert_eq!(delete().status, 204);
    assert_eq!(code(&delete()), "404 ENTITY_IS_DELETED");
    assert_eq!(
        code(&site.get(site.admin(), &format!("{path}/{id}"))),
        "404 ENTITY_IS_DELETED"
    );
}

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    use std::io::Write as _;
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, text) in files {
        out.start_file(*path, zip::write::SimpleFileOptions::default())
            .unwrap();
        out.write_all(text.as_bytes()).unwrap();
    }
    out.finish().unwrap().into_inner()
}

#[test]
fn deploy_by_rest_takes_its_parts_in_any_order() {
    let site = Site::acme();
    let path = format!("{DATA}/metadata/deployRequest");
    let deploy = |name: &str, options_first: bool| {
        let package = format!(
            "<Package xmlns=\"http://soap.sforce.com/2006/04/metadata\"><types><members>{name}</members><name>ApexClass</name></types><version>66.0</version></Package>"
        );
        let body = format!("public class {name} {{ }}");
        let meta = "<ApexClass xmlns=\"http://soap.sforce.com/2006/04/metadata\"><apiVersion>66.0</apiVersion><status>Active</status></ApexClass>";
        let zip = zip(&[
            ("package.xml", &package),
            (&format!("classes/{name}.cls"), &body),
            (&format!("classes/{name}.cls-meta.xml"), meta),
        ]);
        let options = json!({"deployOptions": {"singlePackage": true, "rollbackOnError": true, "runTests": null, "testLevel": "NoTestRun"}});
        let part = |bytes: Vec<u8>, kind: &str, file: &str| {
            reqwest::multipart::Part::bytes(bytes)
                .file_name(file.to_owned())
                .mime_str(kind)
                .unwrap()
        };
        let options = part(
            options.to_string().into_bytes(),
            "application/json",
            "options.json",
        );
        let file = part(zip, "application/zip", "package.xml");
        let form = reqwest::multipart::Form::new();
        let form = if options_first {
            form.part("json", options).part("file", file)
        } else {
            form.part("file", file).part("entity_content", options)
        };
        site.send(|it| {
            it.post(site.url(&path))
                .bearer_auth(site.token("Omar Haddad"))
                .multipart(form)
        })
    };
    for (name, options_first) in [("FirstOne", true), ("SecondOne", false)] {
        let begun = deploy(name, options_first);
        assert_eq!(begun.status, 201, "{}", begun.text);
        let id = begun.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(begun.json()["deployOptions"]["singlePackage"], true);
        let mut result = Value::Null;
        for _ in 0..10 {
            let answer = site.get(
                site.token("Omar Haddad"),
                &format!("{path}/{id}?includeDetails=true"),
            );
            assert_eq!(answer.status, 200, "{}", answer.text);
            result = answer.json()["deployResult"].clone();
            if result["done"] == true {
                break;
            }
        }
        assert_eq!(result["status"], "Succeeded", "{result}");
        let successes = result["details"]["componentSuccesses"].as_array().unwrap();
        assert!(
            successes
                .iter()
                .any(|it| it["fullName"] == name && it["created"] == true)
        );
        assert!(result["completedDate"].as_str().unwrap().ends_with("+0000"));
        let class = site.records(&format!(
            "SELECT LastModifiedBy.Name FROM ApexClass WHERE Name = '{name}'"
        ));
        assert_eq!(class[0]["LastModifiedBy"]["Name"], "Omar Haddad");
    }
    let past = site
        .tooling("SELECT Status, CreatedBy.Name FROM DeployRequest")
        .json();
    assert_eq!(past["totalSize"], 2);
    let unknown = site.send(|it| {
        it.post(site.url(&path))
            .bearer_auth(site.admin())
            .json(&json!({"validatedDeployRequestId": "0Af000000000001AAA"}))
    });
    assert!((400..500).contains(&unknown.status), "{}", unknown.text);
    let empty = site.send(|it| {
        it.post(site.url(&path))
            .bearer_auth(site.admin())
            .json(&json!({}))
    });
    assert_eq!(empty.status, 400);
}

#[test]
fn what_is_not_there_is_not_found() {
    let site = Site::acme();
    for path in [
        "/sobjects/Nope/describe",
        "/nonsense",
        "/jobs/nothing",
        "/sobjects/Account/001000000000001AAA",
    ] {
        assert_eq!(
            code(&site.get(site.admin(), &format!("{DATA}{path}"))),
            "404 NOT_FOUND",
            "{path}"
        );
    }
    let put = site.send(|it| {
        it.put(site.url(&format!("{DATA}/limits")))
            .bearer_auth(site.admin())
    });
    assert_eq!(code(&put), "405 METHOD_NOT_ALLOWED");
    assert_eq!(Limits::default().list_queries, 3);
}
