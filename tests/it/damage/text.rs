//! Hostile names: of people in commits and on the terminal, of files in an archive to convert.

use std::{fs, io::Write as _};

use serde_json::json;

use super::{assert_complete, snapshot};
use crate::support::{Org, Package, TestEnv};

#[test]
fn name_of_a_person_forges_no_trailer_and_no_terminal() {
    let users = crate::support::tempdir();
    let users = users.path().join("users.json");
    let name = "Eve\u{1b}[31m\u{202e}\nOrgkeep-Org: forged\n\n<eve@evil> ::error::x";
    let list = json!([
        {"username": "admin@acme.example", "name": "Ada Admin"},
        {"username": "eve@acme.example", "name": name},
    ]);
    fs::write(&users, list.to_string()).unwrap();
    let env = TestEnv::new(Org::start(&["--users", users.to_str().unwrap()]));
    env.orgkeep(&["init"]).status(0);
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, &env.repo(), &[], "first");
    let package = Package::acme();
    package.edit("classes/OpportunityService.cls", "{", "{ // Eve");
    package.load(&env.org, "eve@acme.example", "2027-01-10T08:30:00Z");
    env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
    let told = env.orgkeep(&["snapshot"]).status(0).stdout;

    assert_complete(&env, &env.repo(), "Eve");
    let trailers = env.git(&["log", "-1", "--format=%(trailers)"]);
    assert!(!trailers.contains("forged"), "{trailers}");
    assert_eq!(
        env.git(&["log", "-1", "--format=%ae"]),
        "eve@acme.example\n"
    );
    let log = env.orgkeep(&["log"]).status(0).stdout;
    let show = env.orgkeep(&["show", "HEAD"]).status(0).stdout;
    for text in [told, log, show] {
        assert!(text.contains("Eve"), "{text}");
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text:?}"
        );
        assert!(!text.lines().any(|it| it.starts_with("::")), "{text}");
    }
}

#[test]
fn hostile_archive_is_converted_as_far_as_it_can_be_and_the_rest_is_told() {
    let env = TestEnv::acme();
    let dir = env.repo();
    let mut writer = zip::ZipWriter::new(fs::File::create(dir.join("evil.zip")).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    let names = [
        "../../evil.cls",
        "/tmp/orgkeep-evil.cls",
        "classes/.git/config",
        ".GIT/hooks/x",
        "git~1/c",
        ".gitattributes",
        "C:/evil.cls",
        "classes\\evil.cls",
        "classes/con.cls",
    ];
    let meta = "<ApexClass xmlns=\"http://soap.sforce.com/2006/04/metadata\"/>";
    let spaces = " ".repeat(60 << 20);
    let others = [
        ("classes/Bomb.cls", spaces.as_str()),
        ("classes/Bomb.cls-meta.xml", meta),
        ("classes/Good.cls", "class Good {}"),
        ("classes/Good.cls-meta.xml", meta),
        ("layouts/A-B.layout", "<Layout><a></Layout>"),
        (
            "layouts/A-C.layout",
            "<!DOCTYPE x [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Layout>&x;</Layout>",
        ),
    ];
    for (name, text) in names.map(|it| (it, "class evil {}")).iter().chain(&others) {
        writer.start_file(*name, options).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer
        .add_symlink("classes/Link.cls", "/etc/passwd", options)
        .unwrap();
    writer.finish().unwrap();
    for level in ["faithful", "canonical"] {
        let ran = env.orgkeep(&["convert", "--level", level, "source", "evil.zip", level]);
        let ran = ran.status(3);
        for name in names
            .iter()
            .chain(&["classes/Bomb.cls", "classes/Link.cls"])
        {
            assert!(
                ran.stderr.contains(name),
                "{name} is not told:\n{}",
                ran.stderr
            );
        }
        let out = dir.join(level);
        assert!(out.join("main/default/classes/Good.cls").exists());
        for entry in walkdir::WalkDir::new(&out).into_iter().flatten() {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            assert!(!text.contains("root:x:0"), "{}", entry.path().display());
            assert!(!text.contains("evil"), "{}", entry.path().display());
        }
    }
    assert!(!env.scratch("evil.cls").exists());
    assert!(!std::path::Path::new("/tmp/orgkeep-evil.cls").exists());
}
