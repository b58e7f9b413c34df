//! Answers that were damaged, or made to do damage, on their way from the org.

use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use orgkeep::archive::{Level, Writer};
use serde_json::Value;

use super::{assert_complete, assert_sound, copy, differing, lost, metadata, snapshot, some, tree};
use crate::support::{Meddler, Ran, TestEnv};

const CLASS: &str = "unpackaged/classes/OpportunityService.cls";
const LAYOUT: &str = "unpackaged/layouts/Account-Account Layout.layout";

type Files = Vec<(String, Vec<u8>)>;

/// The zip of a retrieve: its files.
fn unzipped(zip: &[u8]) -> Files {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    (0..archive.len())
        .map(|n| {
            let mut entry = archive.by_index(n).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

fn zipped(files: &Files) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (name, bytes) in files {
        writer.add(name, bytes, Level::FAST).unwrap();
    }
    writer.finish().unwrap()
}

/// Alters the zip in an answer, where there is one.
fn in_zip(answer: Vec<u8>, alter: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(answer).unwrap();
    let parts = text
        .split_once("<zipFile>")
        .and_then(|(before, rest)| Some((before, rest.split_once("</zipFile>")?)));
    let Some((before, (zip, rest))) = parts else {
        return text.into_bytes();
    };
    let zip = alter(STANDARD.decode(zip).unwrap());
    let zip = STANDARD.encode(zip);
    format!("{before}<zipFile>{zip}</zipFile>{rest}").into_bytes()
}

fn with_files(answer: Vec<u8>, alter: impl FnOnce(&mut Files)) -> Vec<u8> {
    in_zip(answer, |zip| {
        let mut files = unzipped(&zip);
        alter(&mut files);
        zipped(&files)
    })
}

fn without(answer: Vec<u8>, is_gone: impl Fn(&str) -> bool) -> Vec<u8> {
    with_files(answer, |files| files.retain(|(name, _)| !is_gone(name)))
}

fn content(answer: Vec<u8>, of: &str, bytes: &[u8]) -> Vec<u8> {
    with_files(answer, |files| {
        for file in files.iter_mut().filter(|it| it.0 == of) {
            file.1 = bytes.to_vec();
        }
    })
}

fn patched(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    for at in 0..=bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
}

/// The class stands in the archive as a link to a file of the machine.
fn with_link(zip: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in unzipped(zip) {
        if name == CLASS {
            writer.add_symlink(name, "/etc/passwd", options).unwrap();
        } else {
            writer.start_file(name, options).unwrap();
            std::io::Write::write_all(&mut writer, &bytes).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// A repository with a snapshot, of which each case has a copy.
struct Stage {
    env: TestEnv,
    before: String,
    tree: String,
}

impl Stage {
    fn new() -> Self {
        let env = TestEnv::initialised();
        env.orgkeep(&["snapshot"]).status(0);
        Self {
            before: metadata(&env, &env.repo()),
            tree: tree(&env, &env.repo()),
            env,
        }
    }

    fn copy(&self, name: &str) -> PathBuf {
        let dir = self.env.scratch(&name.replace([' ', '/'], "-"));
        copy(&self.env.repo(), &dir);
        dir
    }

    /// A full pass whose answers are altered so.
    fn run(
        &self,
        dir: &Path,
        meddle: impl FnMut(&str, &str, Vec<u8>) -> Vec<u8> + Send + 'static,
    ) -> Ran {
        let meddler = Meddler::start(self.env.org.url(), meddle);
        let output = self
            .env
            .command(env!("CARGO_BIN_EXE_orgkeep"), dir)
            .env("SF_ORG_INSTANCE_URL", &meddler.url)
            .args(["snapshot", "--full"])
            .output()
            .unwrap();
        Ran::of(&output)
    }

    /// Asserts that nothing was lost by `ran`, that it told, and that the next run is as if nothing had been.
    #[track_caller]
    fn assert_survives(&self, dir: &Path, ran: &Ran, what: &str) {
        assert!(
            [1, 3].contains(&ran.status),
            "{what}: status {}\n{}{}",
            ran.status,
            ran.stdout,
            ran.stderr
        );
        assert_sound(&self.env, dir, what);
        assert_eq!(
            self.env.git_in(dir, &["status", "--porcelain"]),
            "",
            "{what}"
        );
        let now = metadata(&self.env, dir);
        let gone = lost(&self.before, &now);
        assert_eq!(gone, [""; 0], "{what}: lost\n{}{}", ran.stdout, ran.stderr);
        let report = snapshot(&self.env, dir, &[], what);
        assert_eq!(report["gaps"], Value::Array(vec![]), "{what}");
        assert_complete(&self.env, dir, what);
        let now = metadata(&self.env, dir);
        assert_eq!(differing(&now, &self.before), [""; 0], "{what}");
        assert_eq!(tree(&self.env, dir), self.tree, "{what}");
    }
}

fn is_status(request: &str) -> bool {
    request.contains("checkRetrieveStatus")
}

#[test]
fn damaged_archive_is_told_and_deletes_nothing() {
    type Damage = fn(Vec<u8>) -> Vec<u8>;
    let cases: [(&str, Damage); 12] = [
        ("archive cut short", |it| {
            in_zip(it, |zip| zip[..zip.len() / 2].to_vec())
        }),
        ("no archive", |it| in_zip(it, |_| b"hello".to_vec())),
        ("nothing", |it| in_zip(it, |_| Vec::new())),
        ("wrong checksum", |it| {
            in_zip(it, |mut zip| {
                let files = unzipped(&zip);
                if let Some((_, bytes)) = files.iter().find(|it| it.0 == CLASS) {
                    let mut crc = flate2::Crc::new();
                    crc.update(bytes);
                    patched(&mut zip, &crc.sum().to_le_bytes(), &[1, 2, 3, 4]);
                }
                zip
            })
        }),
        ("class without its code", |it| {
            without(it, |name| name == CLASS)
        }),
        ("class without its meta file", |it| {
            without(it, |name| name == format!("{CLASS}-meta.xml"))
        }),
        ("class left out", |it| {
            without(it, |name| {
                name.starts_with("unpackaged/classes/OpportunityService.cls")
            })
        }),
        ("all classes left out", |it| {
            without(it, |name| name.contains("/classes/"))
        }),
        ("object left out", |it| {
            without(it, |name| name == "unpackaged/objects/Account.object")
        }),
        ("files of bundles left out", |it| {
            without(it, |name| {
                name.ends_with("equipmentPicker.css") || name.ends_with("RentalDeskHeader.design")
            })
        }),
        ("static resource without its meta file", |it| {
            without(it, |name| name.ends_with("/PriceTable.resource-meta.xml"))
        }),
        ("empty archive", |it| {
            without(it, |name| !name.ends_with("package.xml"))
        }),
    ];
    let stage = Stage::new();
    for (what, damage) in cases {
        let dir = stage.copy(what);
        let ran = stage.run(&dir, move |_, request, answer| {
            if is_status(request) {
                damage(answer)
            } else {
                answer
            }
        });
        stage.assert_survives(&dir, &ran, what);
    }
}

/// Takes the listed components whose block `is_gone` out of an answer.
fn without_blocks(answer: Vec<u8>, block: &str, is_gone: impl Fn(&str) -> bool) -> Vec<u8> {
    let text = String::from_utf8(answer).unwrap();
    let (start, end) = (format!("<{block}>"), format!("</{block}>"));
    let mut kept = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(&start) {
        let (before, from) = rest.split_at(at);
        let (one, after) = from.split_at(from.find(&end).unwrap() + end.len());
        kept.push_str(before);
        if !is_gone(one) {
            kept.push_str(one);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept.into_bytes()
}

#[test]
fn short_listing_is_told_and_deletes_nothing() {
    type IsGone = fn(&str) -> bool;
    let cases: [(&str, &str, &str, IsGone); 4] = [
        ("two classes", "listMetadata", "result", |it| {
            it.contains("<type>ApexClass</type>") && it.contains("<fullName>OpportunityService")
        }),
        ("a report in a folder", "listMetadata", "result", |it| {
            it.contains("<type>Report</type>") && it.contains("Pipeline")
        }),
        ("a field", "listMetadata", "result", |it| {
            it.contains("<fullName>Account.Region__c</fullName>")
        }),
        ("a type", "describeMetadata", "metadataObjects", |it| {
            it.contains("<xmlName>CustomPermission</xmlName>")
        }),
    ];
    let stage = Stage::new();
    for (what, call, block, is_gone) in cases {
        let dir = stage.copy(what);
        let ran = stage.run(&dir, move |_, request, answer| {
            if request.contains(&format!("<{call}")) || request.contains(&format!(":{call}")) {
                without_blocks(answer, block, is_gone)
            } else {
                answer
            }
        });
        assert_eq!(ran.status, 3, "{what}: {}{}", ran.stdout, ran.stderr);
        stage.assert_survives(&dir, &ran, what);
    }
}

#[test]
fn answer_of_another_job_is_told_and_deletes_nothing() {
    let stage = Stage::new();
    let dir = stage.copy("twice");
    let mut first = None;
    let ran = stage.run(&dir, move |_, request, answer| {
        if !is_status(request) {
            return answer;
        }
        in_zip(answer, |zip| first.get_or_insert(zip).clone())
    });
    if ran.status != 0 {
        stage.assert_survives(&dir, &ran, "twice");
    }
}

#[test]
fn hostile_entries_of_an_archive_write_nothing_outside_the_tree() {
    let added = [
        "../../evil.cls",
        "/tmp/evil.cls",
        "unpackaged/classes/../../../evil.cls",
        "unpackaged/classes/.git/config",
        "unpackaged/.GIT/hooks/post-checkout",
        "unpackaged/git~1/config",
        "unpackaged/.g\u{200c}it/config",
        "unpackaged/.gitattributes",
        "unpackaged/.forceignore",
        "unpackaged/sfdx-project.json",
        "unpackaged/classes/con.cls",
        "unpackaged/classes/a:b.cls",
        "unpackaged/classes/opportunityservice.cls",
        "C:/evil.cls",
        "unpackaged\\classes\\evil.cls",
    ];
    let stage = Stage::new();
    let dir = stage.copy("hostile");
    let ran = stage.run(&dir, move |_, request, answer| {
        if !is_status(request) {
            return answer;
        }
        with_files(answer, |files| {
            let evil = |name: &&str| ((*name).to_owned(), b"class evil {}".to_vec());
            files.extend(added.iter().map(evil));
        })
    });
    assert!(!Path::new("/tmp/evil.cls").exists());
    assert!(!dir.join(".git/hooks/post-checkout").exists());
    let home = stage.env.scratch("");
    for entry in walkdir::WalkDir::new(home).into_iter().flatten() {
        assert_ne!(entry.file_name(), "evil.cls", "{}", entry.path().display());
    }
    for name in ["../../evil.cls", "git~1", ".gitattributes", "C:/evil.cls"] {
        assert!(
            ran.stdout.contains(name),
            "{name} is not told:\n{}",
            ran.stdout
        );
    }
    stage.assert_survives(&dir, &ran, "hostile");
}

#[test]
fn hostile_content_of_an_archive_is_told_and_loses_nothing() {
    type Damage = fn(Vec<u8>) -> Vec<u8>;
    let cases: [(&str, Damage); 7] = [
        ("link", |it| in_zip(it, |zip| with_link(&zip))),
        ("bomb", |it| content(it, CLASS, &vec![b' '; 64 << 20])),
        ("name twice", |it| {
            with_files(it, |files| {
                if files.iter().any(|it| it.0 == CLASS) {
                    files.push((CLASS.to_owned(), b"class Other {}".to_vec()));
                }
            })
        }),
        ("malformed", |it| {
            content(it, LAYOUT, b"<Layout><a></Layout>")
        }),
        ("cut short", |it| {
            with_files(it, |files| {
                for file in files.iter_mut().filter(|it| it.0 == LAYOUT) {
                    file.1.truncate(file.1.len() / 2);
                }
            })
        }),
        ("deep", |it| {
            let deep = format!(
                "<Layout>{}{}</Layout>",
                "<a>".repeat(50_000),
                "</a>".repeat(50_000)
            );
            content(it, LAYOUT, deep.as_bytes())
        }),
        ("entities", |it| {
            content(
                it,
                LAYOUT,
                b"<?xml version=\"1.0\"?><!DOCTYPE Layout [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">\
                  <!ENTITY x SYSTEM \"file:///etc/passwd\">]><Layout><b>&b;&x;</b></Layout>",
            )
        }),
    ];
    let stage = Stage::new();
    for (what, damage) in cases {
        let dir = stage.copy(what);
        let ran = stage.run(&dir, move |_, request, answer| {
            if is_status(request) {
                damage(answer)
            } else {
                answer
            }
        });
        if what == "name twice" && ran.status == 0 {
            continue;
        }
        let texts = stage.env.git_in(&dir, &["log", "-p", "--all", "-3"]);
        assert!(
            !texts.contains("root:x:0"),
            "{what}: a file of the machine was read"
        );
        stage.assert_survives(&dir, &ran, what);
    }
}

#[test]
fn damaged_envelopes_end_the_run_with_words_and_delete_nothing() {
    type Damage = fn(Vec<u8>) -> Vec<u8>;
    let damages: [(&str, Damage); 5] = [
        ("cut short", |it| it[..it.len() / 2].to_vec()),
        ("empty", |_| Vec::new()),
        ("page", |_| {
            b"<html><body>Maintenance</body></html>".to_vec()
        }),
        ("deep", |_| "<a>".repeat(200_000).into_bytes()),
        ("entities", |it| {
            let text = String::from_utf8(it).unwrap();
            let start = text.find("<soapenv").unwrap_or(0);
            format!(
                "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>{}",
                &text[start..]
            )
            .into_bytes()
        }),
    ];
    let stage = Stage::new();
    let calls = [
        "describeMetadata",
        "listMetadata",
        "retrieve>",
        "checkRetrieveStatus",
    ];
    let pairs = calls
        .iter()
        .flat_map(|call| damages.iter().map(move |damage| (*call, *damage)));
    for (call, (damage_name, damage)) in some(pairs, 3) {
        let what = format!("{call} {damage_name}").replace('>', "");
        let dir = stage.copy(&what);
        let ran = stage.run(&dir, move |_, request, answer| {
            if request.contains(&format!("<{call}")) || request.contains(&format!(":{call}")) {
                damage(answer)
            } else {
                answer
            }
        });
        stage.assert_survives(&dir, &ran, &what);
    }
}
