//! `docs/types.md`: what exercised each type. Written by this test, and kept current by it.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt::Write as _,
    fs,
    path::Path,
};

use orgkeep::{
    archive::{Archive, Limits},
    registry::{Files, Registry, Type},
    source::{Level, convert, owner},
    xml,
};

use super::{Specimens, Tree, official::read_tree, rules::UNSEEN};
use crate::shared::shared;

const PATH: &str = "docs/types.md";

/// What a type's name stands for in the cells.
const GENERATED: &str = "generated";

const HEAD: &str = "# Types, and what exercised them

Each metadata type of Salesforce's own registry, and below its parent each child type. Written by the
tests (`ORGKEEP_WRITE_DOCS=1 cargo test --test it every_type`), which also keep it current.

- **split, join**: samples whose conversion to source format and back is compared with what Salesforce's own
  converter makes of them: `golden …` its own snapshots, `corpus …` public projects, `fixture …` ours.
- **deploy, snapshot**: samples that the simulated org held, gave to a snapshot, and took back by a deploy that
  changed nothing. `acme` is our fixture company.
- `generated` is a component made from the registry, with odd names, line ends, comments and the like. It is
  compared with the official converter too, but no org wrote it.
";

/// Types by sample.
#[derive(Default)]
struct Samples(BTreeMap<String, BTreeSet<String>>);

impl Samples {
    fn see(&mut self, type_name: &str, sample: &str) {
        self.0
            .entry(type_name.to_owned())
            .or_default()
            .insert(sample.to_owned());
    }

    /// All that a package holds.
    fn package(&mut self, sample: &str, package: &Tree) {
        let registry = Registry::official();
        let entries: Vec<&str> = package.keys().map(String::as_str).collect();
        convert::to_source(
            registry,
            Level::Faithful,
            &entries,
            |n| Ok::<_, Infallible>(package[entries[n]].clone()),
            |file| {
                self.see(file.key.type_name.as_str(), sample);
                self.parts(sample, file.key.type_name.as_str(), &file.bytes);
                Ok::<_, Infallible>(())
            },
        )
        .unwrap();
    }

    /// All that a project holds.
    fn project(&mut self, sample: &str, project: &Tree) {
        for (path, bytes) in project {
            if let Some(owner) = owner(Registry::official(), path) {
                self.see(owner.key.type_name.as_str(), sample);
                self.parts(sample, owner.key.type_name.as_str(), bytes);
            }
        }
    }

    /// Child types that have no file of their own.
    fn parts(&mut self, sample: &str, type_name: &str, bytes: &[u8]) {
        let Some(ty) = Registry::official().type_named(type_name) else {
            return;
        };
        if ty.children.is_empty() || ty.is_decomposed() || ty.files == Files::DigitalExperience {
            return;
        }
        let Ok(doc) = xml::parse(bytes) else { return };
        for element in doc.root.elements() {
            if let Some(child) = ty.child_of_element(&element.name) {
                self.see(child.name.as_str(), sample);
            }
        }
    }

    fn of(&self, ty: &Type) -> Vec<&str> {
        let found = self.0.get(ty.name.as_str());
        found.into_iter().flatten().map(String::as_str).collect()
    }
}

/// What is in the repository.
fn own_samples() -> Samples {
    let mut samples = Samples::default();
    for case in fs::read_dir("fixtures/convert").unwrap() {
        let case = case.unwrap().path();
        if case.is_dir() {
            let name = case.file_name().unwrap().to_str().unwrap().to_owned();
            samples.package(
                &format!("fixture {name}"),
                &read_tree(&case.join("package")),
            );
        }
    }
    samples
}

/// What others wrote, where it is at hand.
fn other_samples(shared: &Path) -> Samples {
    let mut samples = Samples::default();
    for case in fs::read_dir(shared.join("golden/sdr-snapshots")).unwrap() {
        let case = case.unwrap().path();
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let name = format!("golden {name}");
        if case.join("originalMdapi").is_dir() {
            samples.package(&name, &read_tree(&case.join("originalMdapi")));
        } else {
            let mut project = read_tree(&case);
            project.retain(|path, _| !path.starts_with("__snapshots__"));
            samples.project(&name, &project);
        }
    }
    for corpus in fs::read_dir(shared.join("corpora")).unwrap() {
        let corpus = corpus.unwrap().path();
        let Ok(bytes) = fs::read(corpus.join("mdapi.zip")) else {
            continue;
        };
        let name = corpus.file_name().unwrap().to_str().unwrap();
        let archive = Archive::open(&bytes, &Limits::default()).unwrap();
        let files = archive.entries().iter().enumerate();
        let package = files
            .filter(|(_, it)| !it.is_folder)
            .map(|(n, it)| {
                let name = it.name.strip_prefix("unpackaged/").unwrap_or(&it.name);
                (name.to_owned(), archive.read(n).unwrap())
            })
            .collect();
        samples.package(&format!("corpus {name}"), &package);
    }
    samples
}

/// The cells of others' samples as the page has them, for where these are not at hand.
fn written_samples(page: &str) -> Samples {
    let mut samples = Samples::default();
    for line in page.lines().filter(|it| it.starts_with("| ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells[1].trim_start_matches("↳ ");
        for sample in cells.get(3).unwrap_or(&"").split(", ") {
            if sample.starts_with("golden ") || sample.starts_with("corpus ") {
                samples.see(name, sample);
            }
        }
    }
    samples
}

struct Row<'a> {
    ty: &'a Type,
    converted: Vec<&'a str>,
    in_org: Vec<&'a str>,
}

impl Row<'_> {
    fn is_unproven(&self) -> bool {
        self.converted.is_empty() || self.in_org.is_empty()
    }

    fn is_only_generated(&self) -> bool {
        self.converted == [GENERATED]
    }

    fn render(&self) -> String {
        let files = match self.ty.files {
            _ if self.ty.parent.is_some() => "part of its parent",
            Files::Single if self.ty.is_folder() => "folder",
            Files::Single => "one document",
            Files::Content => "content and document",
            Files::Bundle | Files::UiBundle => "bundle",
            Files::Mixed | Files::StaticResource => "content or folder, and document",
            Files::Decomposed
            | Files::OneLabelEach
            | Files::PermissionsByObject
            | Files::SchemaBeside => "taken apart",
            Files::Labels => "one document of all",
            Files::DigitalExperience => "folders of content",
        };
        let cell = |samples: &[&str]| match samples {
            [] => "**none**".to_owned(),
            // Three say enough; the rest is in the samples.
            [first, second, third, ..] => format!("{first}, {second}, {third}"),
            _ => samples.join(", "),
        };
        let name = match self.ty.parent {
            Some(_) => format!("↳ {}", self.ty.name),
            None => self.ty.name.to_string(),
        };
        let (converted, in_org) = (cell(&self.converted), cell(&self.in_org));
        format!("| {name} | {files} | {converted} | {in_org} | {in_org} |\n")
    }
}

#[test]
fn page_of_types_says_what_exercised_each() {
    let registry = Registry::official();
    let page = fs::read_to_string(PATH).unwrap_or_default();
    let own = own_samples();
    let others = match shared("the samples of others in docs/types.md") {
        Some(shared) => other_samples(&shared),
        None => written_samples(&page),
    };
    let mut acme = Samples::default();
    acme.package("acme", &read_tree(Path::new("fixtures/orgs/acme/package")));
    let generated = Specimens::of(registry).types;

    let all = registry
        .types()
        .flat_map(|ty| std::iter::once(ty).chain(&ty.children));
    let rows: Vec<Row<'_>> = all
        .map(|ty| {
            let made = generated.contains_key(ty.name.as_str());
            let mut converted = others.of(ty);
            converted.extend(own.of(ty));
            let mut in_org = acme.of(ty);
            if made {
                converted.push(GENERATED);
                in_org.push(GENERATED);
            }
            Row {
                ty,
                converted,
                in_org,
            }
        })
        .collect();

    let mut text = HEAD.to_owned();
    let n_children = rows.iter().filter(|it| it.ty.parent.is_some()).count();
    let unproven: Vec<&Row<'_>> = rows.iter().filter(|it| it.is_unproven()).collect();
    let n_generated = rows.iter().filter(|it| it.is_only_generated()).count();
    let _ = writeln!(
        text,
        "\n{} types and {n_children} child types. {} of them are in samples that others or we wrote by hand, \
         {n_generated} only in generated ones. Unproven: {}.",
        rows.len() - n_children,
        rows.len() - n_generated - unproven.len(),
        unproven.len(),
    );
    for row in &unproven {
        let reason = UNSEEN.iter().find(|it| it.0 == row.ty.name.as_str());
        let _ = writeln!(
            text,
            "- {}: {}",
            row.ty.name,
            reason.map_or("no sample", |it| it.1)
        );
    }
    text.push_str("\n| Type | Files | Split, join | Deploy | Snapshot |\n|---|---|---|---|---|\n");
    for row in &rows {
        text.push_str(&row.render());
    }

    assert!(unproven.len() < 60);
    if std::env::var_os("ORGKEEP_WRITE_DOCS").is_some() {
        fs::write(PATH, text).unwrap();
    } else {
        let first = page.lines().zip(text.lines()).find(|(a, b)| a != b);
        assert_eq!(first, None, "{PATH} is out of date");
        assert_eq!(page.len(), text.len(), "{PATH} is out of date");
    }
}
