//! What profiles and permission sets let a user see and change of records.

use std::fs;

use orgkeep::simorg::serve::Options;
use serde_json::{Value, json};

use super::library;
use super::site::Site;

const NS: &str = "xmlns=\"http://soap.sforce.com/2006/04/metadata\"";

fn object(name: &str, read: bool, edit: bool) -> String {
    format!(
        "<objectPermissions><allowCreate>{edit}</allowCreate><allowDelete>false</allowDelete><allowEdit>{edit}\
         </allowEdit><allowRead>{read}</allowRead><modifyAllRecords>false</modifyAllRecords><object>{name}</object>\
         <viewAllRecords>false</viewAllRecords></objectPermissions>"
    )
}

fn field(name: &str, edit: bool) -> String {
    format!(
        "<fieldPermissions><editable>{edit}</editable><field>{name}</field><readable>true</readable></fieldPermissions>"
    )
}

/// The library with a profile, two permission sets and a group of them that mutes one field.
fn guarded() -> Site {
    let dir = crate::support::tempdir();
    library::write(dir.path());
    let write = |path: &str, kind: &str, body: &str| {
        let path = dir.path().join("package").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("<{kind} {NS}>{body}</{kind}>")).unwrap();
    };
    let clerk = [
        object("Shelf__c", true, true),
        object("Account", true, false),
        field("Shelf__c.Kind__c", false),
        field("Shelf__c.Label__c", false),
        field("Account.BillingAddress", false),
    ];
    write("profiles/Clerk.profile", "Profile", &clerk.concat());
    let books = [
        object("Book__c", true, false),
        field("Shelf__c.Code__c", true),
    ];
    let label = "<label>Books</label>";
    write(
        "permissionsets/Books.permissionset",
        "PermissionSet",
        &format!("{}{label}", books.concat()),
    );
    write(
        "mutingpermissionsets/No_Code.mutingpermissionset",
        "MutingPermissionSet",
        &format!("{}{label}", field("Shelf__c.Code__c", false)),
    );
    write(
        "permissionsetgroups/Readers.permissionsetgroup",
        "PermissionSetGroup",
        "<label>Readers</label><mutingPermissionSets>No_Code</mutingPermissionSets>\
         <permissionSets>Books</permissionSets>",
    );
    let users = dir.path().join("users.json");
    let people = json!([
        {"username": "admin@acme.example", "name": "Ada Admin"},
        {"username": "carl@acme.example", "name": "Carl Clerk", "profile": "Clerk",
         "without": ["ModifyAllData", "ViewAllData"], "access": {"fieldSecurity": true}},
    ]);
    fs::write(&users, people.to_string()).unwrap();
    Site::start(&Options {
        load: vec![dir.path().to_owned()],
        users: Some(users),
        ..Options::default()
    })
}

/// Names of the fields that the clerk is told of.
fn fields(site: &Site, object: &str) -> Vec<String> {
    let path = format!("/sobjects/{object}/describe");
    let told = site.call_as(site.token("Carl Clerk"), "GET", &path, &Value::Null);
    let told = told.json();
    let fields = told["fields"].as_array().into_iter().flatten();
    fields
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect()
}

fn code_of(site: &Site, soql: &str) -> String {
    let answer = site.query(site.token("Carl Clerk"), soql);
    match answer.status {
        200 => "fine".to_owned(),
        _ => answer.json()[0]["errorCode"].as_str().unwrap().to_owned(),
    }
}

/// Gives the clerk a permission set, or a group of them.
fn assign(site: &Site, field: &str, object: &str, name: &str) {
    let id = |soql: String| site.rows(&soql).remove(0);
    let set = id(format!("SELECT Id FROM {object} WHERE {name}"));
    let carl = id("SELECT Id FROM User WHERE Name = 'Carl Clerk'".to_owned());
    site.make(
        "PermissionSetAssignment",
        &json!({field: set, "AssigneeId": carl}),
    );
}

#[test]
fn what_nothing_grants_is_in_no_describe_and_no_query() {
    let site = guarded();
    let told = fields(&site, "Shelf__c");
    for (name, is_there) in [
        ("Kind__c", true),
        ("Label__c", true),
        ("Id", true),
        ("Code__c", false),
        ("Keeper__c", false),
    ] {
        assert_eq!(told.iter().any(|it| it == name), is_there, "{name}");
    }
    assert_eq!(code_of(&site, "SELECT Kind__c FROM Shelf__c"), "fine");
    assert_eq!(
        code_of(&site, "SELECT Code__c FROM Shelf__c"),
        "INVALID_FIELD"
    );
    assert_eq!(
        code_of(&site, "SELECT Id FROM Shelf__c WHERE Code__c = 'A'"),
        "INVALID_FIELD"
    );
    assert_eq!(code_of(&site, "SELECT Id FROM Book__c"), "INVALID_TYPE");
    assert_eq!(code_of(&site, "SELECT Id FROM Lead"), "INVALID_TYPE");
    let parts = fields(&site, "Account");
    assert!(parts.iter().any(|it| it == "BillingCity") && !parts.iter().any(|it| it == "Phone"));
    let admin = site.query(site.admin(), "SELECT Code__c FROM Shelf__c");
    assert_eq!(
        admin.status, 200,
        "the others are not asked for their profile"
    );
}

#[test]
fn what_is_only_read_is_not_written() {
    let site = guarded();
    let carl = site.token("Carl Clerk");
    let post = |object: &str, body: &Value| {
        let answer = site.call_as(carl, "POST", &format!("/sobjects/{object}"), body);
        (
            answer.status,
            answer.json()[0]["errorCode"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    assert_eq!(post("Shelf__c", &json!({})).0, 201);
    let locked = post("Shelf__c", &json!({"Kind__c": "Open"}));
    assert_eq!(locked, (400, "INVALID_FIELD_FOR_INSERT_UPDATE".to_owned()));
    assert_ne!(post("Account", &json!({"Name": "A"})).0, 201);
    let id = site.rows("SELECT Id FROM Shelf__c").remove(0);
    let deleted = site.call_as(
        carl,
        "DELETE",
        &format!("/sobjects/Shelf__c/{id}"),
        &Value::Null,
    );
    assert_ne!(deleted.status, 204, "nothing grants deletion");
}

#[test]
fn permission_set_adds_to_the_profile_from_the_next_call_on() {
    let site = guarded();
    assign(&site, "PermissionSetId", "PermissionSet", "Name = 'Books'");
    assert_eq!(code_of(&site, "SELECT Code__c FROM Shelf__c"), "fine");
    assert_eq!(code_of(&site, "SELECT Id FROM Book__c"), "fine");
    assert_eq!(
        code_of(&site, "SELECT Price__c FROM Book__c"),
        "INVALID_FIELD"
    );
}

#[test]
fn group_gives_what_its_muting_set_leaves() {
    let site = guarded();
    assign(
        &site,
        "PermissionSetGroupId",
        "PermissionSetGroup",
        "DeveloperName = 'Readers'",
    );
    assert_eq!(code_of(&site, "SELECT Id FROM Book__c"), "fine");
    assert_eq!(
        code_of(&site, "SELECT Code__c FROM Shelf__c"),
        "INVALID_FIELD"
    );
}

#[test]
fn bulk_job_sees_no_more_than_its_user() {
    let site = guarded();
    let body = json!({"operation": "query", "query": "SELECT Code__c FROM Shelf__c"});
    let refused = site.call_as(site.token("Carl Clerk"), "POST", "/jobs/query", &body);
    assert_eq!(refused.json()[0]["errorCode"], "INVALID_FIELD");
}
