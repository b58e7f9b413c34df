//! Our conversion of every type against that of Salesforce's own converter.
//!
//! Needs that converter (Node and npm); says so where it is left out.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use orgkeep::{
    archive::{Level as Compression, Writer},
    registry::Registry,
    source::Level,
};

use proptest::{
    prelude::*,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use super::{Specimens, Tree, differences, to_package, to_source};
use crate::shared::{left_out, shared};

/// Directories of types on which the official converter ends, with the reason.
const ABORTS: [(&str, &str); 1] = [(
    "accessControlPolicies/",
    "it takes the content for an `AppointmentAssignmentPolicy` by its suffix",
)];

/// The script that runs the official converter, where there is one.
fn converter(what: &str) -> Option<PathBuf> {
    let script = shared(what)?.join("tools/oracle/oracle.sh");
    if std::env::var_os("ORGKEEP_OFFICIAL").is_none() {
        left_out(what, "ORGKEEP_OFFICIAL is not set");
        return None;
    }
    Some(script)
}

fn run(script: &Path, direction: &str, input: &Path, output: &Path) {
    let done = Command::new("bash")
        .arg(script)
        .arg(direction)
        .arg(input)
        .arg(output)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

pub(crate) fn read_tree(root: &Path) -> Tree {
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

pub(crate) fn write_tree(root: &Path, tree: &Tree) {
    for (name, bytes) in tree {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// What the official converter makes of a package, and of that source again.
fn official(script: &Path, package: &Tree) -> (Tree, Tree) {
    let dir = crate::support::tempdir();
    let zip_path = dir.path().join("package.zip");
    let mut zip = Writer::new(Vec::new());
    zip.add("unpackaged/package.xml", b"<Package/>", Compression::FAST)
        .unwrap();
    for (name, bytes) in package {
        zip.add(&format!("unpackaged/{name}"), bytes, Compression::FAST)
            .unwrap();
    }
    fs::write(&zip_path, zip.finish().unwrap()).unwrap();
    let source = dir.path().join("source");
    run(script, "to-source", &zip_path, &source);
    let back = dir.path().join("back");
    run(script, "to-mdapi", &source, &back);
    let mut source = read_tree(&source);
    let mut back = read_tree(&back);
    source.remove("sfdx-project.json");
    back.remove("sfdx-project.json");
    back.remove("package.xml");
    if let Ok(kept) = std::env::var("ORGKEEP_OFFICIAL_OUT") {
        write_tree(&Path::new(&kept).join("source"), &source);
        write_tree(&Path::new(&kept).join("back"), &back);
    }
    (source, back)
}

/// Archives have times in them: only what they hold counts.
fn without_archives(mut package: Tree) -> Tree {
    package.retain(|path, _| !(path.contains("Zip_") && path.ends_with(".resource")));
    package
}

/// Directories of types that this version of the official converter does not know.
fn newer_directories() -> Vec<String> {
    let folder = std::env::var_os("ORACLE_DIR").map_or_else(
        || Path::new(&std::env::var_os("HOME").unwrap()).join(".cache/orgkeep-oracle"),
        PathBuf::from,
    );
    let package = folder.join("node_modules/@salesforce/source-deploy-retrieve");
    let table = fs::read(package.join("lib/src/registry/metadataRegistry.json")).unwrap();
    let table: serde_json::Value = serde_json::from_slice(&table).unwrap();
    let ours = Registry::official().types();
    let newer = ours.filter(|it| {
        table["types"]
            .get(it.name.as_str().to_lowercase())
            .is_none()
    });
    newer
        .map(|it| {
            left_out(it.name.as_str(), "this official converter does not know it");
            format!("{}/", it.directory)
        })
        .collect()
}

#[test]
fn every_type_is_converted_as_the_official_converter_does_it() {
    let Some(script) = converter("every type against the official converter") else {
        return;
    };
    let mut package = Specimens::of(Registry::official()).files;
    for directory in newer_directories() {
        package.retain(|path, _| !path.starts_with(&directory));
    }
    for (directory, reason) in ABORTS {
        left_out(directory, reason);
        package.retain(|path, _| !path.starts_with(directory));
    }
    let (their_source, their_back) = official(&script, &package);
    let (source, _) = to_source(Level::Faithful, &package);
    assert_eq!(differences(&source, &their_source), Vec::<String>::new());
    let (back, _, _) = to_package(Level::Faithful, &their_source);
    assert_eq!(
        differences(&without_archives(back), &without_archives(their_back)),
        Vec::<String>::new()
    );
}

/// Text, with what is spelled in more than one way.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "B c",
        " ",
        "\n",
        "\r\n",
        "\t",
        "&amp;",
        "&lt;",
        "&gt;",
        "&apos;",
        "&quot;",
        "&#160;",
        "&#xA0;",
        "&amp;#39;",
        "it's",
        "\"q\"",
        ">",
        "\u{e9}",
        "\u{65e5}\u{672c}",
        "\u{1f642}",
        "\u{a0}",
        "\u{200b}",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "0080",
        "1e3",
        "true",
        "--",
        "]]",
    ]);
    prop::collection::vec(piece, 0..5).prop_map(|it| it.concat())
}

/// Some nodes inside an element.
fn nodes() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["a", "b", "label", "values"]);
    let leaf = prop_oneof![
        4 => (name(), text()).prop_map(|(name, text)| format!("<{name}>{text}</{name}>")),
        1 => name().prop_map(|name| format!("<{name}/>")),
        1 => name().prop_map(|name| format!("<{name} xsi:nil=\"true\"/>")),
        1 => (name(), text()).prop_map(|(name, text)| {
            let value = text.replace(['"', '\n', '\r', '\t'], "");
            format!("<{name} xsi:type=\"{value}\">x</{name}>")
        }),
        1 => "[a-z <&]{0,6}".prop_map(|it| format!("<code><![CDATA[{it}]]></code>")),
        1 => "[a-z]{0,6}".prop_map(|it| format!("<!-- {it} -->")),
        1 => Just("<!--two\nlines-->".to_owned()),
        1 => Just("\n    ".to_owned()),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        (name(), prop::collection::vec(inner, 1..5))
            .prop_map(|(name, nodes)| format!("<{name}>{}</{name}>", nodes.concat()))
    })
}

/// A package of objects whose documents nobody would write.
fn random_package() -> Tree {
    let mut runner = TestRunner::deterministic();
    let mut draw = || {
        let strategy = prop::collection::vec(nodes(), 0..6);
        strategy.new_tree(&mut runner).unwrap().current().concat()
    };
    let children = [
        "fields",
        "listViews",
        "indexes",
        "webLinks",
        "recordTypes",
        "fieldSets",
        "validationRules",
    ];
    let mut package = Tree::new();
    let mut add = |path: String, root: &str, body: &str| {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://soap.sforce.com/2006/04/metadata\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">{body}</{root}>\n"
        );
        package.insert(path, text.into_bytes());
    };
    for n in 0..300 {
        let mut body = draw();
        for (m, child) in children.iter().enumerate().take(n % 8) {
            let inner = draw();
            let name = format!("<fullName>N{m}_{n}</fullName>");
            body.extend(["<", child, ">", &name, &inner, "</", child, ">"]);
            body.push_str(&draw());
        }
        add(format!("objects/O{n}__c.object"), "CustomObject", &body);
        let inner = draw();
        let body = format!(
            "{inner}<fields><name>F{n}</name>{}</fields>{}",
            draw(),
            draw()
        );
        let path = format!("objectTranslations/O{n}__c-de.objectTranslation");
        add(path, "CustomObjectTranslation", &body);
    }
    package
}

#[test]
fn random_documents_are_taken_apart_as_the_official_converter_does_it() {
    let Some(script) = converter("random documents against the official converter") else {
        return;
    };
    let package = random_package();
    let (their_source, their_back) = official(&script, &package);
    let (source, done) = to_source(Level::Faithful, &package);
    assert_eq!(done.gaps.len(), 0, "{:?}", done.gaps);
    assert_eq!(differences(&source, &their_source), Vec::<String>::new());
    let (back, _, _) = to_package(Level::Faithful, &their_source);
    assert_eq!(differences(&back, &their_back), Vec::<String>::new());
}
