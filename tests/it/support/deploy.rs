//! Deploys that people send to a simulated org, and what it answers to a retrieve.
//!
//! Neither goes through our client: what it sees is compared with this.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use orgkeep::{
    archive::{Archive, Level, Limits, Writer},
    registry::Registry,
};
use serde_json::Value;

use super::{
    Org,
    change::{ACME, finish},
};

type Members = BTreeMap<String, BTreeSet<String>>;

/// Files by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Children of objects and the element that holds each.
const PARTS: &[(&str, &str)] = &[
    ("CustomField", "fields"),
    ("ListView", "listViews"),
    ("RecordType", "recordTypes"),
    ("ValidationRule", "validationRules"),
];

/// A deploy in the making.
#[derive(Clone, Default)]
pub(crate) struct Deploy {
    files: Files,
    sent: Members,
    deleted: Members,
}

fn add(members: &mut Members, component: &str) {
    let (of, name) = component.split_once(':').unwrap();
    members
        .entry(of.to_owned())
        .or_default()
        .insert(name.to_owned());
}

impl Deploy {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sends a component with a file of this content.
    pub(crate) fn file(mut self, component: &str, path: &str, content: &str) -> Self {
        add(&mut self.sent, component);
        self.files
            .insert(path.to_owned(), content.as_bytes().to_vec());
        self
    }

    /// Sends a component with files as our company has them, `-meta.xml` beside them included.
    #[track_caller]
    pub(crate) fn company(mut self, component: &str, paths: &[&str]) -> Self {
        add(&mut self.sent, component);
        for path in paths {
            for path in [(*path).to_owned(), format!("{path}-meta.xml")] {
                if let Ok(bytes) = fs::read(Path::new(ACME).join(&path)) {
                    self.files.insert(path, bytes);
                }
            }
            assert!(
                self.files.contains_key(*path)
                    || self.files.contains_key(&format!("{path}-meta.xml")),
                "our company has no {path}"
            );
        }
        self
    }

    /// Sends one child of an object as our company has it.
    #[track_caller]
    pub(crate) fn part(mut self, component: &str) -> Self {
        let (of, name) = component.split_once(':').unwrap();
        let (object, own) = name.split_once('.').unwrap();
        let element = PARTS.iter().find(|(it, _)| *it == of).unwrap().1;
        let path = format!("objects/{object}.object");
        let text = fs::read_to_string(Path::new(ACME).join(&path)).unwrap();
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let part = text
            .split(&open)
            .skip(1)
            .map(|it| it.split(&close).next().unwrap())
            .find(|it| it.contains(&format!("<fullName>{own}</fullName>")))
            .unwrap_or_else(|| panic!("our company has no {component}"));
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CustomObject xmlns=\"http://soap.sforce.com/2006/04/metadata\">\n    {open}{part}{close}\n</CustomObject>\n"
        );
        add(&mut self.sent, component);
        self.files.insert(path, document.into_bytes());
        self
    }

    /// Replaces the first `from` in a file that is sent.
    #[track_caller]
    pub(crate) fn edit(mut self, path: &str, from: &str, to: &str) -> Self {
        let text = String::from_utf8(self.files[path].clone()).unwrap();
        assert!(text.contains(from), "no `{from}` in {path}:\n{text}");
        let text = text.replacen(from, to, 1);
        self.files.insert(path.to_owned(), text.into_bytes());
        self
    }

    /// Turns the first two neighbours of this name in a file that is sent.
    #[track_caller]
    pub(crate) fn turn(mut self, path: &str, element: &str) -> Self {
        let text = String::from_utf8(self.files[path].clone()).unwrap();
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let turned = text.match_indices(&open).find_map(|(at, _)| {
            let end = at + text[at..].find(&close)? + close.len();
            let blank = text[end..].len() - text[end..].trim_start().len();
            let next = end + blank;
            text[next..].starts_with(&open).then_some(())?;
            let last = next + text[next..].find(&close)? + close.len();
            let parts = [
                &text[..at],
                &text[next..last],
                &text[end..next],
                &text[at..end],
                &text[last..],
            ];
            Some(parts.concat())
        });
        let turned = turned.unwrap_or_else(|| panic!("no two {element} in {path}"));
        self.files.insert(path.to_owned(), turned.into_bytes());
        self
    }

    /// Sends entries of a profile, which leave the others as they are.
    pub(crate) fn profile(self, name: &str, entries: &str) -> Self {
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Profile xmlns=\"http://soap.sforce.com/2006/04/metadata\">{entries}</Profile>\n"
        );
        self.file(
            &format!("Profile:{name}"),
            &format!("profiles/{name}.profile"),
            &document,
        )
    }

    /// Deletes components before anything is put.
    pub(crate) fn delete(mut self, components: &[&str]) -> Self {
        for component in components {
            add(&mut self.deleted, component);
        }
        self
    }

    /// Sends a file of a component as that of another one.
    pub(crate) fn rename(mut self, from: &str, path: &str, to: &str, new_path: &str) -> Self {
        let (of, name) = from.split_once(':').unwrap();
        self.sent.get_mut(of).unwrap().remove(name);
        add(&mut self.sent, to);
        let bytes = self.files.remove(path).unwrap();
        self.files.insert(new_path.to_owned(), bytes);
        self
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.deleted.is_empty()
    }

    /// Deploys it with the token of `user`, and waits until it has succeeded.
    #[track_caller]
    pub(crate) fn by(&self, org: &Org, user: &str) {
        self.job_by(org, user);
    }

    /// The same; the id of the job.
    #[track_caller]
    pub(crate) fn job_by(&self, org: &Org, user: &str) -> String {
        let mut writer = Writer::new(Vec::new());
        let mut put = |name: &str, bytes: &[u8]| writer.add(name, bytes, Level::FAST).unwrap();
        put("package.xml", manifest(&self.sent, true).as_bytes());
        if !self.deleted.is_empty() {
            put(
                "destructiveChanges.xml",
                manifest(&self.deleted, false).as_bytes(),
            );
        }
        for (path, bytes) in &self.files {
            put(path, bytes);
        }
        let zip = STANDARD.encode(writer.finish().unwrap());
        let answer = finish(
            org,
            user,
            &format!(
                "<deploy><ZipFile>{zip}</ZipFile><DeployOptions><rollbackOnError>true</rollbackOnError>\
                 <singlePackage>true</singlePackage></DeployOptions></deploy>"
            ),
            ("checkDeployStatus", "includeDetails"),
        );
        assert!(answer.contains("<status>Succeeded</status>"), "{answer}");
        let warned = answer.contains("<problemType>Warning</problemType>");
        assert!(!warned, "{answer}");
        let (_, id) = answer.split_once("<id>0Af").unwrap();
        format!("0Af{}", id.split('<').next().unwrap())
    }
}

fn manifest(members: &Members, with_version: bool) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Package xmlns=\"http://soap.sforce.com/2006/04/metadata\">\n",
    );
    for (of, names) in members {
        text.push_str("<types>");
        for name in names {
            let name = name.replace('&', "&amp;");
            let _ = write!(text, "<members>{name}</members>");
        }
        let _ = writeln!(text, "<name>{of}</name></types>");
    }
    if with_version {
        text.push_str("<version>66.0</version>");
    }
    text.push_str("</Package>\n");
    text
}

/// What an org holds: its components with their last change, and their files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Who changed each component last, and when.
    pub(crate) changed: BTreeMap<String, (String, String)>,
    /// What a retrieve of all of it gives.
    pub(crate) files: Files,
}

impl Held {
    /// Asks the org.
    pub(crate) fn of(org: &Org) -> Self {
        let state = org.control("GET", "/simorg/state", &Value::Null);
        let mut changed = BTreeMap::new();
        let mut members = Members::new();
        for it in state["components"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (of, name) = (text(&it["type"]), text(&it["name"]));
            let last = &it["modified"];
            changed.insert(
                format!("{of}:{name}"),
                (text(&last["by"]), text(&last["at"])),
            );
            let registry = Registry::official();
            let is_child = registry
                .type_named(&of)
                .is_some_and(|it| registry.parent_of(it).is_some());
            if !is_child {
                members
                    .entry(content_type(&of).to_owned())
                    .or_default()
                    .insert(name);
            }
        }
        let unpackaged = manifest(&members, true);
        let unpackaged = unpackaged
            .split_once("metadata\">")
            .unwrap()
            .1
            .trim_end()
            .strip_suffix("</Package>")
            .unwrap();
        let answer = finish(
            org,
            "Ada",
            &format!(
                "<retrieve><retrieveRequest><apiVersion>66.0</apiVersion><singlePackage>true</singlePackage>\
                 <unpackaged>{unpackaged}</unpackaged></retrieveRequest></retrieve>"
            ),
            ("checkRetrieveStatus", "includeZip"),
        );
        let zip = answer
            .split_once("<zipFile>")
            .and_then(|(_, rest)| rest.split_once("</zipFile>"))
            .unwrap_or_else(|| panic!("no zip in {}", &answer[..answer.len().min(2000)]))
            .0;
        let zip = STANDARD.decode(zip.trim()).unwrap();
        let archive = Archive::open(zip, &Limits::default()).unwrap();
        let mut files = Files::new();
        for (n, entry) in archive.entries().iter().enumerate() {
            if !entry.is_folder && entry.name != "package.xml" {
                files.insert(entry.name.clone(), archive.read(n).unwrap());
            }
        }
        Self { changed, files }
    }

    /// Paths whose files differ between the two.
    pub(crate) fn differing(&self, other: &Self) -> BTreeSet<String> {
        let paths = self.files.keys().chain(other.files.keys());
        let differ = |it: &&String| self.files.get(*it) != other.files.get(*it);
        paths.filter(differ).cloned().collect()
    }
}

/// The type under which a manifest names folders.
fn content_type(of: &str) -> &str {
    match of {
        "ReportFolder" => "Report",
        "DashboardFolder" => "Dashboard",
        "DocumentFolder" => "Document",
        "EmailFolder" | "EmailTemplateFolder" => "EmailTemplate",
        other => other,
    }
}
