//! The simulated org loads what others made, gives it back, and is quick about it.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use orgkeep::{
    archive::{Archive, Limits},
    simorg::{
        SimOrg,
        fault::NoScript,
        load,
        soap::{Request, answer},
        state::{Config, PackageFile, Recording, User},
    },
    xml,
};

use crate::shared::shared;

const TOKEN: &str = "00D5g000004acme!token";

fn org_of(project: load::Project) -> SimOrg {
    let now = "2026-03-01T09:00:00Z".parse().unwrap();
    let mut org = SimOrg::new(Config::sandbox(), now);
    org.config.checks_per_job = 0;
    let admin = User::administrator("admin@acme.example", "Ada", "Admin");
    let id = admin.id;
    org.add_user(admin);
    org.sessions.open(TOKEN, id, now, None);
    let stamp = org.stamp(id, now);
    org.load(project.components, &stamp, Recording::Silent);
    org
}

fn send(org: &mut SimOrg, call: &str) -> xml::Element {
    let body = format!(
        "<Envelope><Header><SessionHeader><sessionId>{TOKEN}</sessionId></SessionHeader></Header>\
         <Body>{call}</Body></Envelope>"
    );
    let request = Request::parse(body.as_bytes()).unwrap();
    let reply = answer(org, org.config.api_version, &request, &mut NoScript);
    assert_eq!(
        reply.status,
        200,
        "{}",
        String::from_utf8_lossy(&reply.body)
    );
    xml::parse(&reply.body).unwrap().root
}

/// Retrieves every component by its name; the files of the zip without `unpackaged/`.
fn retrieve_everything(org: &mut SimOrg) -> BTreeMap<String, Vec<u8>> {
    let mut types = String::new();
    for (key, _) in org.metadata().iter() {
        let type_name = match key.type_name.as_str() {
            "ReportFolder" => "Report",
            "DashboardFolder" => "Dashboard",
            "DocumentFolder" => "Document",
            "EmailFolder" | "EmailTemplateFolder" => "EmailTemplate",
            other => other,
        };
        let name = xml::escape(key.name.as_str());
        for part in [
            "<types><members>",
            &name,
            "</members><name>",
            type_name,
            "</name></types>",
        ] {
            types.push_str(part);
        }
    }
    let call = format!(
        "<retrieve><retrieveRequest><apiVersion>66.0</apiVersion><unpackaged>{types}</unpackaged>\
         </retrieveRequest></retrieve>"
    );
    let started = send(org, &call);
    let result = |root: &xml::Element| {
        let answer = root
            .child("Body")
            .unwrap()
            .elements()
            .next()
            .unwrap()
            .clone();
        answer.child("result").unwrap().clone()
    };
    let id = result(&started).child_text("id").unwrap().into_owned();
    let call =
        format!("<checkRetrieveStatus><asyncProcessId>{id}</asyncProcessId></checkRetrieveStatus>");
    let done = result(&send(org, &call));
    assert_eq!(
        done.child_text("status").unwrap(),
        "Succeeded",
        "{:?}",
        done.child_text("errorMessage")
    );
    assert!(
        done.child("messages").is_none(),
        "{:?}",
        done.child("messages")
    );
    let zip = STANDARD
        .decode(done.child_text("zipFile").unwrap().as_bytes())
        .unwrap();
    let archive = Archive::open(&zip, &Limits::default()).unwrap();
    let entries = archive.entries().iter().enumerate();
    entries
        .map(|(n, it)| {
            let path = it.name.strip_prefix("unpackaged/").unwrap().to_owned();
            (path, archive.read(n).unwrap())
        })
        .collect()
}

#[test]
fn corpora_come_back_byte_for_byte() {
    let Some(corpora) = shared("corpora in the simulated org") else {
        return;
    };
    for name in ["coral-cloud", "dreamhouse", "easy-spaces", "ebikes", "eda"] {
        let zip = corpora.join("corpora").join(name).join("mdapi.zip");
        let project = load::read(&zip).unwrap();
        assert_eq!(project.left_out, [], "{name}");
        let before = all_files(&zip);
        let mut org = org_of(project);
        let mut after = retrieve_everything(&mut org);
        after.remove("package.xml");
        let paths = |it: &BTreeMap<String, Vec<u8>>| it.keys().cloned().collect::<Vec<_>>();
        assert_eq!(paths(&after), paths(&before), "{name}");
        for (path, bytes) in &before {
            assert!(after[path] == *bytes, "{name}: {path}");
        }
    }
}

fn all_files(zip: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = std::fs::read(zip).unwrap();
    let archive = Archive::open(&bytes, &Limits::default()).unwrap();
    archive
        .entries()
        .iter()
        .enumerate()
        .filter(|(_, it)| !it.is_folder && !it.name.ends_with("package.xml"))
        .map(|(n, it)| {
            let path = it.name.strip_prefix("unpackaged/").unwrap().to_owned();
            (path, archive.read(n).unwrap())
        })
        .collect()
}

#[test]
fn large_org_is_listed_and_given_in_one_piece() {
    let files = (0..3_000)
        .flat_map(|n| {
            let class = format!("public class C{n} {{ public Integer n() {{ return {n}; }} }}\n");
            let meta = format!(
                "<ApexClass><apiVersion>{}.0</apiVersion></ApexClass>",
                31 + n % 36
            );
            [
                PackageFile::new(&format!("classes/C{n}.cls"), class.into_bytes()),
                PackageFile::new(&format!("classes/C{n}.cls-meta.xml"), meta.into_bytes()),
            ]
        })
        .collect();
    let mut org = org_of(load::from_files(files));
    let listed = send(
        &mut org,
        "<listMetadata><queries><type>ApexClass</type></queries></listMetadata>",
    );
    let answer = listed.child("Body").unwrap().elements().next().unwrap();
    assert_eq!(answer.elements_named("result").count(), 3_000);
    assert_eq!(retrieve_everything(&mut org).len(), 6_001);
}
