//! Our conversions against those of Salesforce's own converter.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use orgkeep::{
    archive::{Archive, Limits},
    model::{ApiVersion, Manifest},
    registry::Registry,
    source::{Ignored, Level, convert, owner, prefixes},
    workdir::Project,
};

use crate::shared::{left_out, shared};

type Tree = BTreeMap<String, Vec<u8>>;

/// What becomes of a case of the official snapshots.
enum Case {
    /// Its package becomes its source, and this its package again.
    BothWays,
    /// A project, all of whose files become the package of this snapshot.
    Project(&'static str),
    /// Checked by a test of its own.
    Apart,
    /// Not checked, for this reason.
    LeftOut(&'static str),
}

/// A table of types of a project's own, which `sf` reads and documents nowhere.
const OWN_TABLE: Case = Case::LeftOut("`registryCustomizations` are out of scope");

/// Every case there is.
const CASES: [(&str, Case); 32] = [
    ("UIBundleSnapshot", Case::BothWays),
    ("appTemplates", Case::BothWays),
    ("bots", Case::BothWays),
    (
        "customLabels-merged",
        Case::Project("verify-source-convert.expected/testOutput"),
    ),
    (
        "customLabels-multiple",
        Case::Project("verify-source-convert.expected/testOutput"),
    ),
    ("customLabels-simple", Case::BothWays),
    ("customObjects-and-children", Case::BothWays),
    ("customTranslationProject", Case::BothWays),
    (
        "destructiveCompSets",
        Case::LeftOut("about destructive manifests, no conversion"),
    ),
    ("digitalExperienceBundle", Case::BothWays),
    (
        "digitalExperienceMobilePages",
        Case::LeftOut("holds only what a merge wrote, not its input"),
    ),
    ("forceignore", Case::Apart),
    ("genAiFunctions", Case::BothWays),
    (
        "legacySuffixSupport",
        Case::Project("verify-md-files.expected"),
    ),
    (
        "mpdWithLabels",
        Case::Project("verify-md-files-after-recomposing.expected"),
    ),
    ("nestedFolders", Case::BothWays),
    ("preset-PermSet", Case::BothWays),
    ("preset-decomposeLabels", Case::BothWays),
    ("preset-decomposedESR", Case::BothWays),
    ("preset-decomposedPS2", Case::BothWays),
    ("preset-sharingRules", Case::BothWays),
    ("preset-workflow", Case::BothWays),
    (
        "preset-workflow-mpd",
        Case::Project("verify-md-files.expected"),
    ),
    ("sharingRules", Case::BothWays),
    (
        "singleCustomFieldRetrieve",
        Case::LeftOut("about merging into a project, which a snapshot does by trees"),
    ),
    ("staticResource", Case::BothWays),
    ("territory", Case::BothWays),
    ("variant-raw-PermSet", OWN_TABLE),
    ("variant-workflow", OWN_TABLE),
    ("waveTemplateBundle", Case::BothWays),
    ("workflow", Case::BothWays),
    ("xmlComments", Case::BothWays),
];

/// Files that were stored as text when the snapshots were taken: bytes that are no
/// UTF-8 were replaced, CR LF became LF. Running the official converter on the
/// package gives our bytes.
const DAMAGED: [&str; 2] = [
    "main/default/staticresources/leafletjs/",
    "main/default/waveTemplates/WaveXMD/external_files/Regional_Sales_Info.csv",
];

/// Files of a snapshot that the official converter wrote once, and writes no more.
const STALE: [&str; 2] = [
    "main/default/permissionsets/dreamhouse.permissionset-meta.xml",
    "main/default/sharingRules/account.sharingRules-meta.xml",
];

/// A service whose schema is in JSON: `docs/fidelity.md` says why it stays in one file.
const IN_JSON: &str = "OpenAPIChallengeJson.";

/// A file that the official converter writes and that its snapshot lacks.
const MISSING: &str = "main/default/staticresources/leafletjs.resource-meta.xml";

/// All files below a folder.
fn read_tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap();
                let name = name.to_str().unwrap().replace('\\', "/");
                tree.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    tree
}

fn to_source(level: Level, package: &Tree) -> (Tree, convert::Converted) {
    to_source_of(Registry::official(), level, package)
}

fn to_source_of(registry: &Registry, level: Level, package: &Tree) -> (Tree, convert::Converted) {
    let entries: Vec<&str> = package.keys().map(String::as_str).collect();
    let mut tree = Tree::new();
    let done = convert::to_source(
        registry,
        level,
        &entries,
        |n| Ok::<_, Infallible>(package[entries[n]].clone()),
        |file| {
            let earlier = tree.insert(file.path.to_string(), file.bytes);
            assert_eq!(earlier, None, "{} is written twice", file.path);
            Ok::<_, Infallible>(())
        },
    )
    .unwrap();
    (tree, done)
}

fn to_package(level: Level, source: &Tree) -> (Tree, convert::Converted, Manifest) {
    let paths: Vec<&str> = source.keys().map(String::as_str).collect();
    let mut tree = Tree::new();
    let mut manifest = Manifest::new(ApiVersion::new(62));
    let done = convert::to_package(
        Registry::official(),
        level,
        &paths,
        &Ignored::nothing(),
        &mut manifest,
        |n| Ok::<_, Infallible>(source[paths[n]].clone()),
        |file| {
            let earlier = tree.insert(file.path.clone(), file.bytes);
            assert_eq!(earlier, None, "{} is written twice", file.path);
            Ok::<_, Infallible>(())
        },
    )
    .unwrap();
    (tree, done, manifest)
}

/// What differs between two trees, one line a file.
fn differences(found: &Tree, wanted: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, bytes) in wanted {
        match found.get(path) {
            None => lines.push(format!("lacks {path}")),
            Some(ours) if ours != bytes => {
                let text = String::from_utf8_lossy(ours);
                let theirs = String::from_utf8_lossy(bytes);
                let line = text.lines().zip(theirs.lines()).position(|(a, b)| a != b);
                lines.push(format!("differs in {path} at line {line:?}"));
            }
            Some(_) => (),
        }
    }
    let stale = found.keys().filter(|it| !wanted.contains_key(*it));
    lines.extend(stale.map(|it| format!("has {it}")));
    lines
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Paths from `main/default/` on, content as it would have been before it was damaged.
fn wanted_source(tree: &Tree, found: &Tree) -> Tree {
    let as_text = |bytes: &[u8]| -> Vec<u8> {
        let kept = bytes
            .iter()
            .filter(|it| it.is_ascii() && !b"\r\n".contains(it));
        kept.copied().collect()
    };
    let mut wanted = Tree::new();
    for (path, bytes) in tree {
        let at = path.find("main/default/").unwrap_or_default();
        let path = path[at..].to_owned();
        let is_apart = tree
            .keys()
            .any(|it| it.contains("/dreamhouse/") || it.contains("/account/"));
        if is_apart && STALE.contains(&path.as_str()) {
            continue;
        }
        let is_damaged = DAMAGED.iter().any(|it| path.starts_with(it));
        let bytes = match found.get(&path) {
            Some(ours) if is_damaged && as_text(ours) == as_text(bytes) => ours,
            _ => bytes,
        };
        wanted.insert(path, bytes.clone());
    }
    if let Some(ours) = found.get(MISSING) {
        wanted.insert(MISSING.to_owned(), ours.clone());
    }
    wanted
}

#[test]
fn every_official_snapshot_is_reproduced() {
    let Some(shared) = shared("the official snapshots") else {
        return;
    };
    let root = shared.join("golden/sdr-snapshots");
    let mut names: Vec<_> = fs::read_dir(&root)
        .unwrap()
        .map(|it| name_of(&it.unwrap().path()))
        .collect();
    names.sort();
    assert_eq!(
        names,
        CASES.map(|(name, _)| name),
        "a case is not accounted for"
    );

    let mut wrong = Vec::new();
    for (name, case) in CASES {
        let folder = root.join(name);
        let lines = match case {
            Case::BothWays => both_ways(&folder),
            Case::Project(expected) => project(&folder, expected),
            Case::LeftOut(reason) => {
                left_out(name, reason);
                continue;
            }
            Case::Apart => continue,
        };
        wrong.extend(lines.into_iter().map(|it| format!("{name}: {it}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

fn both_ways(folder: &Path) -> Vec<String> {
    let package = read_tree(&folder.join("originalMdapi"));
    let project = Project::read(folder).unwrap().unwrap();
    let registry = Registry::with(&project.presets);
    let (found, done) = to_source_of(&registry, Level::Faithful, &package);
    let wanted = read_tree(&folder.join("__snapshots__/verify-source-files.expected"));
    assert!(!package.is_empty() && !wanted.is_empty());
    let mut wrong: Vec<_> = done.gaps.values().cloned().collect();
    wrong.extend(differences(&found, &wanted_source(&wanted, &found)));
    // Back from their source, so that one mistake is not counted twice.
    let mut source = wanted_source(&wanted, &Tree::new());
    source.retain(|path, _| !path.contains("/leafletjs/"));
    wrong.extend(project_files(
        &source,
        &folder.join("__snapshots__/verify-md-files.expected"),
    ));
    wrong.retain(|it| !it.contains(IN_JSON));
    wrong
}

fn project(folder: &Path, expected: &str) -> Vec<String> {
    let mut source = read_tree(folder);
    source.retain(|path, _| {
        !path.starts_with("__snapshots__") && path != "sfdx-project.json" && path != "README.md"
    });
    project_files(&source, &folder.join("__snapshots__").join(expected))
}

/// Compares what a tree becomes with a package, manifests by what they name.
fn project_files(source: &Tree, expected: &Path) -> Vec<String> {
    let (found, done, _) = to_package(Level::Faithful, source);
    let mut wanted = read_tree(expected);
    assert!(wanted.remove("package.xml").is_some());
    let mut wrong: Vec<_> = done.gaps.values().cloned().collect();
    wrong.extend(differences(&found, &wanted));
    wrong
}

#[test]
fn forceignore_leaves_out_what_the_official_converter_leaves_out() {
    let Some(shared) = shared("the official snapshot of .forceignore") else {
        return;
    };
    let case = shared.join("golden/sdr-snapshots/forceignore");
    let rules = Ignored::parse(&fs::read_to_string(case.join(".forceignore")).unwrap());
    let mut package = read_tree(&case.join("originalMdapi"));
    package.retain(|path, _| !rules.denies(&format!("originalMdapi/{path}")));
    let (found, _) = to_source(Level::Faithful, &package);
    let expected = "__snapshots__/ignores-source-format-path.expected/testOutput/source-format";
    let wanted = read_tree(&case.join(expected));
    assert_eq!(differences(&found, &wanted), Vec::<String>::new());
}

#[test]
fn manifest_of_a_project_names_what_the_official_one_names() {
    let Some(shared) = shared("the official manifests") else {
        return;
    };
    let root = shared.join("golden/sdr-snapshots");
    for name in [
        "customObjects-and-children",
        "bots",
        "territory",
        "digitalExperienceBundle",
    ] {
        let snapshots = root.join(name).join("__snapshots__");
        let source = read_tree(&snapshots.join("verify-source-files.expected"));
        let (_, _, manifest) = to_package(Level::Faithful, &source);
        let official = fs::read(snapshots.join("verify-md-files.expected/package.xml")).unwrap();
        let official = Manifest::parse(&official).unwrap();
        assert_eq!(manifest.types, official.types, "{name}");
    }
}

/// The expected source of a corpus.
fn expected_source(corpus: &Path) -> Tree {
    let folder = crate::support::tempdir();
    let status = Command::new("tar")
        .arg("-xzf")
        .arg(corpus.join("expected-source.tar.gz"))
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(status.success());
    read_tree(&folder.path().join("source"))
}

/// The package of a corpus, without `unpackaged/`.
fn package(corpus: &Path) -> Tree {
    let bytes = fs::read(corpus.join("mdapi.zip")).unwrap();
    let archive = Archive::open(&bytes, &Limits::default()).unwrap();
    let files = archive.entries().iter().enumerate();
    files
        .filter(|(_, it)| !it.is_folder)
        .map(|(n, it)| {
            let name = it.name.strip_prefix("unpackaged/").unwrap_or(&it.name);
            (name.to_owned(), archive.read(n).unwrap())
        })
        .collect()
}

fn corpora(shared: &Path) -> Vec<PathBuf> {
    let mut corpora: Vec<_> = fs::read_dir(shared.join("corpora"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.join("mdapi.zip").exists())
        .collect();
    corpora.sort();
    corpora
}

#[test]
fn every_corpus_becomes_the_official_source_byte_for_byte() {
    let Some(shared) = shared("the corpora") else {
        return;
    };
    let mut wrong = Vec::new();
    for corpus in corpora(&shared) {
        let name = name_of(&corpus);
        let (found, done) = to_source(Level::Faithful, &package(&corpus));
        for (path, reason) in &done.gaps {
            wrong.push(format!("{name}: {path}: {reason}"));
        }
        for line in differences(&found, &expected_source(&corpus)) {
            wrong.push(format!("{name}: {line}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What a tree means: documents that we take apart as the canonical level writes
/// them, everything else by its bytes, archives by their files.
fn meaning(package: &Tree) -> Tree {
    to_source(Level::Canonical, package).0
}

#[test]
fn joining_what_was_split_keeps_the_meaning() {
    let Some(shared) = shared("the round trip of the corpora") else {
        return;
    };
    for corpus in corpora(&shared) {
        let package = package(&corpus);
        for level in [Level::Faithful, Level::Canonical] {
            let (source, _) = to_source(level, &package);
            let (joined, done, _) = to_package(level, &source);
            assert_eq!(done.gaps, BTreeMap::new());
            let (again, _) = to_source(level, &joined);
            assert_eq!(
                differences(&again, &source),
                Vec::<String>::new(),
                "{level:?}"
            );
            if level == Level::Canonical {
                let wanted = meaning(&package);
                assert_eq!(
                    differences(&meaning(&joined), &wanted),
                    Vec::<String>::new()
                );
            }
        }
    }
}

#[test]
fn every_source_path_leads_to_its_component_and_back() {
    let Some(shared) = shared("the paths of the corpora") else {
        return;
    };
    let registry = Registry::official();
    for corpus in corpora(&shared) {
        let package = package(&corpus);
        let entries: Vec<&str> = package.keys().map(String::as_str).collect();
        convert::to_source(
            registry,
            Level::Faithful,
            &entries,
            |n| Ok::<_, Infallible>(package[entries[n]].clone()),
            |file| {
                let found = owner(registry, file.path.as_str()).unwrap();
                assert_eq!(found.key, file.key, "{}", file.path);
                let in_package = format!("force-app/{}", file.path);
                assert_eq!(owner(registry, &in_package).unwrap(), found);
                let path = file.path.as_str();
                let leads =
                    |it: &String| path == it || (it.ends_with(['/', '.']) && path.starts_with(it));
                assert!(prefixes(registry, &file.key).iter().any(leads), "{path}");
                Ok::<_, Infallible>(())
            },
        )
        .unwrap();
    }
}
