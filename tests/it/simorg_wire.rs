//! The simulated org writes what the platform writes.
//!
//! `fixtures/wire/<call>/` holds a request and the reply that the platform's
//! documents and recordings ask for, in words of our own; the recordings
//! themselves are compared in shape, where they are to be had.

use std::{fs, path::Path};

use orgkeep::{
    simorg::{
        SimOrg,
        fault::NoScript,
        load,
        soap::{Request, answer, fault_reply},
        state::{Config, PackageFile, Recording, User},
    },
    xml::{self, Element},
};

use crate::shared::shared;

/// A small org: a class, a custom field on a standard object, a report in a folder.
fn org() -> SimOrg {
    let now = "2026-03-01T09:00:00Z".parse().unwrap();
    let mut org = SimOrg::new(Config::sandbox(), now);
    org.config.checks_per_job = 1;
    let jane = User::administrator("jane@acme.example", "Jane", "Doe");
    let id = jane.id;
    org.add_user(jane);
    org.sessions.open("00D5g000004acme!jane", id, now, None);
    let stamp = org.stamp(id, "2026-01-05T08:00:00Z".parse().unwrap());
    let files = [
        ("classes/Depot.cls", "public class Depot {}\n"),
        ("classes/Depot.cls-meta.xml", "<ApexClass/>"),
        (
            "objects/Account.object",
            "<CustomObject><fields><fullName>Region__c</fullName></fields></CustomObject>",
        ),
        ("reports/Sales-meta.xml", "<ReportFolder/>"),
        ("reports/Sales/Pipeline.report", "<Report/>"),
    ];
    let files = files.map(|(path, text)| PackageFile::new(path, text.as_bytes().to_vec()));
    let project = load::from_files(files.to_vec());
    org.load(project.components, &stamp, Recording::Silent);
    org
}

fn send(org: &mut SimOrg, request: &str) -> String {
    let reply = match Request::parse(request.as_bytes()) {
        Ok(request) => answer(org, org.config.api_version, &request, &mut NoScript),
        Err(fault) => fault_reply(&fault),
    };
    String::from_utf8(reply.body).unwrap()
}

/// What deflate makes of a file is another one's business: the zip is left out.
fn without_zip(reply: &str) -> String {
    match reply.split_once("<zipFile>UEsDB") {
        Some((before, rest)) => {
            let after = rest.split_once('<').unwrap().1;
            format!("{before}<zipFile>…<{after}")
        }
        None => reply.to_owned(),
    }
}

#[test]
fn requests_get_the_replies_beside_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire");
    let mut cases: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.join("request.xml").exists())
        .collect();
    cases.sort();
    assert!(8 <= cases.len(), "{cases:?}");
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let request = fs::read_to_string(case.join("request.xml")).unwrap();
        let mut org = org();
        // Requests of one job stand in one file, divided by lines of dashes.
        let replies: Vec<String> = request
            .split("\n---\n")
            .map(|it| without_zip(&send(&mut org, it.trim())))
            .collect();
        let reply = format!("{}\n", replies.join("\n---\n"));
        assert_eq!(
            fs::read_to_string(case.join("reply.xml")).unwrap(),
            reply,
            "{name}"
        );
        assert!(case.join("SOURCE").exists(), "{name} has no SOURCE");
    }
}

/// Names of the elements, nested; of equal neighbours one.
fn shape(element: &Element) -> String {
    let mut parts: Vec<String> = element.elements().map(shape).collect();
    parts.dedup();
    let name = element.local_name();
    if parts.is_empty() {
        name.to_owned()
    } else {
        format!("{name}({})", parts.join(" "))
    }
}

fn shape_of(text: &str) -> String {
    shape(&xml::parse(text.trim().as_bytes()).unwrap().root)
}

#[test]
fn replies_have_the_shape_of_the_recordings() {
    let Some(shared) = shared("recorded replies against the simulated org's") else {
        return;
    };
    let recorded =
        |name: &str| fs::read_to_string(shared.join("recorded/soap").join(name)).unwrap();
    let fixture = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire");
        let text = fs::read_to_string(folder.join(name).join("reply.xml")).unwrap();
        text.rsplit("\n---\n").next().unwrap().to_owned()
    };
    for (ours, theirs) in [
        (
            "retrieve",
            "jetstream_callout-adapter__SOAP_RETRIEVE_RESPONSE.xml",
        ),
        ("checkRetrieveStatus", "rust_checkRetrieveStatus_2026.xml"),
        (
            "checkRetrieveStatus_missing",
            "cumulusci_test_Deploy__str1.xml",
        ),
        (
            "checkRetrieveStatus_failed",
            "cumulusci_test_UninstallPackaged__str1.xml",
        ),
        (
            "listMetadata_empty",
            "jetstream_callout-adapter__SOAP_EMPTY_LIST_METADATA.xml",
        ),
        (
            "fault_session",
            "jetstream_callout-adapter__SOAP_ERROR_INVALID_SESSION.xml",
        ),
        ("fault_type", "salto_client_test__fault1.xml"),
    ] {
        assert_eq!(
            shape_of(&fixture(ours)),
            shape_of(&recorded(theirs)),
            "{ours}"
        );
    }
    let theirs = shape_of(&recorded(
        "jetstream_callout-adapter__SOAP_LIST_METADATA_WITH_RESULTS.xml",
    ));
    let theirs = theirs
        .split(" result(")
        .last()
        .unwrap()
        .trim_end_matches(')')
        .to_owned();
    assert!(shape_of(&fixture("listMetadata")).contains(&theirs));
    let empty = recorded("jetstream_callout-adapter__SOAP_EMPTY_LIST_METADATA.xml");
    assert_eq!(
        fixture("listMetadata_empty").trim(),
        empty.trim(),
        "to the byte"
    );
}
