//! `orgkeep convert`, from the command line and on both formats of the same state.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use orgkeep::archive::{Archive, Level, Limits, Writer};

type Tree = BTreeMap<String, Vec<u8>>;

/// Runs `orgkeep convert` in a folder, with nothing of ours in the environment.
fn convert(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orgkeep"));
    command.arg("convert").args(arguments).current_dir(dir);
    command.env("HOME", dir).env("NO_COLOR", "1");
    command.output().unwrap()
}

/// Standard output, standard error, status.
fn told(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    )
}

fn read_tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                tree.insert(name.replace('\\', "/"), fs::read(&path).unwrap());
            }
        }
    }
    tree
}

fn write_tree(root: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn fixtures() -> Vec<PathBuf> {
    let mut cases: Vec<_> = fs::read_dir("fixtures/convert")
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.is_dir())
        .map(|it| fs::canonicalize(it).unwrap())
        .collect();
    cases.sort();
    cases
}

#[test]
fn package_becomes_the_official_source_and_comes_back() {
    let cases = fixtures();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let dir = crate::support::tempdir();
        let package = case.join("package");
        let output = convert(dir.path(), &["source", package.to_str().unwrap(), "out"]);
        let (_, stderr, status) = told(&output);
        assert_eq!(
            (stderr.as_str(), status),
            ("", Some(0)),
            "{}",
            case.display()
        );
        let source = read_tree(&case.join("source"));
        assert_eq!(
            read_tree(&dir.path().join("out")),
            source,
            "{}",
            case.display()
        );

        let output = convert(dir.path(), &["metadata", "out", "back"]);
        assert_eq!(told(&output).2, Some(0));
        let mut back = read_tree(&dir.path().join("back"));
        assert!(back.remove("package.xml").is_some());
        assert_eq!(back, read_tree(&package), "{}", case.display());
    }
}

#[test]
fn each_entry_that_was_not_converted_is_named() {
    let dir = crate::support::tempdir();
    let mut zip = Writer::new(Vec::new());
    for (name, content) in [
        ("unpackaged/package.xml", "<Package/>"),
        ("unpackaged/classes/A.cls-meta.xml", "<ApexClass/>"),
        ("unpackaged/objects/Bad__c.object", "<CustomObject>"),
        ("unpackaged/pages/P.page", "<apex:page/>"),
        ("unpackaged/pages/P.page-meta.xml", "<ApexPage/>"),
        ("unpackaged/lwc/../../up", "x"),
    ] {
        zip.add(name, content.as_bytes(), Level::FAST).unwrap();
    }
    fs::write(dir.path().join("in.zip"), zip.finish().unwrap()).unwrap();

    let output = convert(dir.path(), &["source", "in.zip", "out"]);
    let (stdout, stderr, status) = told(&output);
    assert_eq!(stdout, "1 components in 2 files\n");
    assert_eq!(
        stderr,
        "! classes/A.cls-meta.xml  its other half is not in the package\n\
         ! objects/Bad__c.object  cannot read `objects/Bad__c.object`: malformed XML at line 1: \
         `CustomObject` does not end\n\
         ! unpackaged/lwc/../../up  its name may not become a path: it would leave its folder\n"
    );
    assert_eq!(status, Some(3));
    let files: Vec<_> = read_tree(&dir.path().join("out")).into_keys().collect();
    assert_eq!(
        files,
        [
            "main/default/pages/P.page",
            "main/default/pages/P.page-meta.xml"
        ]
    );
}

#[test]
fn project_of_several_package_directories_becomes_one_archive() {
    let dir = crate::support::tempdir();
    let field = |name: &str| {
        format!(
            "<CustomField xmlns=\"http://soap.sforce.com/2006/04/metadata\"><fullName>{name}</fullName></CustomField>"
        )
    };
    write_tree(
        dir.path(),
        &[
            (
                "sfdx-project.json",
                "{\"packageDirectories\":[{\"path\":\"./core\",\"default\":true},{\"path\":\"apps/one\"}],\"sourceApiVersion\":\"61.0\"}",
            ),
            ("README.md", "not metadata"),
            (".forceignore", "**/jsconfig.json\n"),
            (
                "core/objects/A__c/fields/X__c.field-meta.xml",
                &field("X__c"),
            ),
            (
                "apps/one/main/default/objects/A__c/fields/b__c.field-meta.xml",
                &field("b__c"),
            ),
            ("apps/one/lwc/jsconfig.json", "{}"),
            (
                "elsewhere/objects/A__c/fields/Z__c.field-meta.xml",
                &field("Z__c"),
            ),
            ("unmapped/newThings/N.newThing", "<NewThing/>"),
        ],
    );
    let output = convert(
        dir.path(),
        &["metadata", ".", "out/deploy.zip", "--level", "canonical"],
    );
    assert_eq!(
        told(&output),
        (
            "2 components in 2 files\n".to_owned(),
            String::new(),
            Some(0)
        )
    );

    let bytes = fs::read(dir.path().join("out/deploy.zip")).unwrap();
    let archive = Archive::open(&bytes, &Limits::default()).unwrap();
    let text = |name: &str| {
        let n = archive
            .entries()
            .iter()
            .position(|it| it.name == name)
            .unwrap();
        String::from_utf8(archive.read(n).unwrap()).unwrap()
    };
    insta::assert_snapshot!(text("objects/A__c.object"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
        <fields>
            <fullName>b__c</fullName>
        </fields>
        <fields>
            <fullName>X__c</fullName>
        </fields>
    </CustomObject>
    "#);
    insta::assert_snapshot!(text("package.xml"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <Package xmlns="http://soap.sforce.com/2006/04/metadata">
        <types>
            <members>A__c.X__c</members>
            <members>A__c.b__c</members>
            <name>CustomField</name>
        </types>
        <version>61.0</version>
    </Package>
    "#);
    assert_eq!(text("newThings/N.newThing"), "<NewThing/>");
}

#[test]
fn report_is_one_json_object_where_asked_for() {
    let dir = crate::support::tempdir();
    write_tree(
        dir.path(),
        &[("in/tabs/T.tab", "<CustomTab/>"), ("in/stray.txt", "x")],
    );
    let output = convert(dir.path(), &["--json", "source", "in", "out"]);
    let (stdout, _, status) = told(&output);
    assert_eq!(status, Some(3));
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["schema"], "orgkeep/convert/1");
    assert_eq!(report["components"], 1);
    assert_eq!(
        report["not_converted"]["stray.txt"],
        "no type has such a file in this directory"
    );
}

#[test]
fn input_that_is_not_there_or_no_archive_fails() {
    let dir = crate::support::tempdir();
    fs::write(dir.path().join("bad.zip"), "<html>").unwrap();
    for input in ["nothing", "bad.zip"] {
        let (stdout, stderr, status) = told(&convert(dir.path(), &["source", input, "out"]));
        assert_eq!((stdout.as_str(), status), ("", Some(1)), "{input}");
        assert!(stderr.starts_with("error: "), "{stderr}");
    }
}
