//! The zip of a deploy, read: packages, manifests, and what is named in them.
//!
//! Source: Metadata API Developer Guide, "Deploying and Retrieving Metadata
//! with the Zip File"; recorded deploys for the shape of the rows.

use std::collections::BTreeMap;

use super::{
    DeployMessage, DeployOptions,
    messages::Rows,
    pool::{DIGITAL, Pool, Unit},
};
use crate::{
    archive::{self, Archive, Limits},
    model::{
        ApiVersion, ComponentKey, ComponentName, TypeName,
        manifest::{Manifest, ManifestError},
    },
    simorg::{SimOrg, catalogue::child_type_named, load, state::PackageFile},
};

/// When the components of a destructive manifest go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before anything is added.
    Before,
    /// After all was added.
    After,
}

/// The three destructive manifests, in the order in which they take effect.
const DESTRUCTIVE: [(&str, Phase); 3] = [
    ("destructiveChangesPre.xml", Phase::Before),
    ("destructiveChanges.xml", Phase::Before),
    ("destructiveChangesPost.xml", Phase::After),
];

/// What one zip holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub packages: Vec<Package>,
    /// Rows that stand whatever becomes of the components.
    pub rows: Vec<DeployMessage>,
    pub n_files: usize,
}

/// One package of a zip.
#[derive(Debug)]
pub(super) struct Package {
    pub version: ApiVersion,
    pub units: Vec<Unit>,
    pub destructive: Vec<Destructive>,
}

/// What a destructive manifest names.
#[derive(Debug)]
pub(super) struct Destructive {
    pub phase: Phase,
    /// Its path in the zip.
    pub file_name: String,
    pub keys: Vec<ComponentKey>,
}

/// A zip that is refused as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: &'static str,
    pub message: String,
}

/// Reads the zip of a deploy.
pub(super) fn read(
    org: &SimOrg,
    zip: &[u8],
    options: &DeployOptions,
    rows: &Rows,
) -> Result<Contents, Refusal> {
    let mut contents = Contents::default();
    let files = unpack(org, zip, &mut contents, rows)?;
    for (prefix, files) in packages(files, options) {
        read_package(org, &prefix, files, &mut contents, rows, options);
    }
    Ok(contents)
}

/// The files of the zip by path.
fn unpack(
    org: &SimOrg,
    zip: &[u8],
    contents: &mut Contents,
    rows: &Rows,
) -> Result<BTreeMap<String, Vec<u8>>, Refusal> {
    let limits = &org.config.limits;
    let refuse = |message: String| Refusal {
        code: "LIMIT_EXCEEDED",
        message: format!("LIMIT_EXCEEDED: {message}"),
    };
    let too_large = || refuse("Maximum size of uncompressed zip reached".to_owned());
    let caps = Limits {
        // Folders have entries too, and hold at least one file.
        n_entries: limits.files.saturating_mul(12),
        bytes: limits.content_bytes,
        entry_bytes: limits.content_bytes,
        ..Limits::default()
    };
    let mut files = BTreeMap::new();
    let archive = match Archive::open(zip, &caps) {
        Ok(archive) => archive,
        Err(archive::Error::TooLarge { .. }) => return Err(too_large()),
        Err(_) => return Ok(files),
    };
    let count = archive.entries().iter().filter(|it| !it.is_folder).count();
    if limits.files < count {
        let limit = limits.files;
        return Err(refuse(format!("Too many files in zip, limit is: {limit}")));
    }
    contents.n_files = count;
    for (n, entry) in archive.entries().iter().enumerate() {
        if entry.is_folder {
            continue;
        }
        match archive.read(n) {
            Ok(bytes) => {
                files.insert(entry.name.clone(), bytes);
            }
            Err(archive::Error::TooLarge { .. }) => return Err(too_large()),
            Err(err) => {
                let name = entry.name.clone();
                contents.rows.push(rows.file_error(&name, &err.to_string()));
            }
        }
    }
    Ok(files)
}

type Files = BTreeMap<String, Vec<u8>>;

/// The packages of a zip: one at its root, or one in each top directory.
fn packages(files: Files, options: &DeployOptions) -> Vec<(String, Files)> {
    if options.single_package && !is_wrapped(&files) {
        return vec![(String::new(), files)];
    }
    let mut found: BTreeMap<String, Files> = BTreeMap::new();
    for (path, bytes) in files {
        if let Some((top, rest)) = path.split_once('/') {
            let package = found.entry(format!("{top}/")).or_default();
            package.insert(rest.to_owned(), bytes);
        }
    }
    if found.is_empty() {
        return vec![(String::new(), Files::new())];
    }
    found.into_iter().collect()
}

/// Whether all of a package lies in a directory `zip`, as `sf` sends folders.
///
/// Source: `sf project deploy start --metadata-dir`, which does so for single
/// packages too. Any other directory around a single package hides it.
fn is_wrapped(files: &Files) -> bool {
    files.contains_key("zip/package.xml") && files.keys().all(|it| it.starts_with("zip/"))
}

fn read_package(
    org: &SimOrg,
    prefix: &str,
    mut files: Files,
    contents: &mut Contents,
    rows: &Rows,
    options: &DeployOptions,
) {
    let own = format!("{prefix}package.xml");
    let Some(bytes) = files.remove("package.xml") else {
        let row = rows.manifest_error(&own, "No package.xml found");
        contents.rows.push(row);
        return;
    };
    let manifest = match parse_manifest(org, &bytes) {
        Ok(manifest) => manifest,
        Err(problem) => {
            contents.rows.push(rows.manifest_error(&own, &problem));
            return;
        }
    };
    let version = match manifest.version {
        Some(version) if version <= org.config.api_version => version,
        Some(version) => {
            let problem = format!("Invalid version specified: {version}");
            contents.rows.push(rows.manifest_error(&own, &problem));
            return;
        }
        None => {
            let problem = "Required field is missing: version";
            contents.rows.push(rows.manifest_error(&own, problem));
            return;
        }
    };
    let mut destructive = Vec::new();
    for (file, phase) in DESTRUCTIVE {
        let Some(bytes) = files.remove(file) else {
            continue;
        };
        let file_name = format!("{prefix}{file}");
        match read_destructive(org, &bytes) {
            Ok(keys) => destructive.push(Destructive {
                phase,
                file_name,
                keys,
            }),
            Err(problem) => {
                contents
                    .rows
                    .push(rows.manifest_error(&file_name, &problem));
            }
        }
    }
    contents.rows.push(rows.manifest_success(&own));
    let units = Reader {
        prefix,
        rows,
        options,
        contents,
    }
    .units(org, &manifest, files);
    contents.packages.push(Package {
        version,
        units,
        destructive,
    });
}

fn parse_manifest(org: &SimOrg, bytes: &[u8]) -> Result<Manifest, String> {
    let manifest = Manifest::parse(bytes).map_err(|err| match err {
        ManifestError::Xml(err) => format!("Error parsing file: {err}"),
        ManifestError::Shape(text) => format!("Error parsing file: the file {text}"),
    })?;
    for type_name in manifest.types.keys() {
        if !is_known(org, type_name) {
            return Err(format!(
                "Unknown type name '{type_name}' specified in package.xml"
            ));
        }
    }
    Ok(manifest)
}

fn is_known(org: &SimOrg, type_name: &TypeName) -> bool {
    type_name.as_str() == DIGITAL
        || child_type_named(type_name.as_str()).is_some()
        || org.metadata().type_entry(type_name).is_some()
}

fn read_destructive(org: &SimOrg, bytes: &[u8]) -> Result<Vec<ComponentKey>, String> {
    let manifest = parse_manifest(org, bytes)?;
    let mut keys = Vec::new();
    for (type_name, members) in &manifest.types {
        for member in members {
            if member == "*" {
                return Err("Wildcards are not supported in destructive changes".to_owned());
            }
            let name = member.trim_end_matches('/');
            let name: ComponentName = name.parse().map_err(|_| {
                format!("Invalid fullName '{member}' specified for type {type_name}")
            })?;
            keys.push(ComponentKey::new(type_name.clone(), name));
        }
    }
    Ok(keys)
}

struct Reader<'a> {
    prefix: &'a str,
    rows: &'a Rows,
    options: &'a DeployOptions,
    contents: &'a mut Contents,
}

impl Reader<'_> {
    /// The components of the package that its manifest names.
    fn units(mut self, org: &SimOrg, manifest: &Manifest, files: Files) -> Vec<Unit> {
        let files = files
            .into_iter()
            .map(|(path, bytes)| PackageFile::new(&path, bytes))
            .collect();
        let (components, left_out) = load::assign(files);
        for stray in left_out {
            self.warn_of(&stray.path, &stray.path);
        }
        let mut pool = Pool::new(components);
        for (type_name, members) in &manifest.types {
            for member in members {
                if !pool.take(type_name, member) {
                    self.missing(type_name, member);
                }
            }
        }
        let mut units = Vec::new();
        for entry in pool.entries.into_values() {
            let file_name = format!("{}{}", self.prefix, entry.file());
            match entry.scope {
                Some(scope) if is_known(org, &entry.new.key.type_name) => units.push(Unit {
                    new: entry.new,
                    file_name,
                    scope,
                    document: entry.document,
                }),
                _ => self.warn_of(&file_name, entry.new.key.name.as_str()),
            }
        }
        units
    }

    fn warn_of(&mut self, file_name: &str, full_name: &str) {
        let problem = format!("{file_name} is in zip but not in package.xml");
        let row = self
            .rows
            .warning("", full_name, file_name, &problem, self.options);
        self.contents.rows.push(row);
    }

    fn missing(&mut self, type_name: &TypeName, member: &str) {
        let problem = format!(
            "An object '{member}' of type {type_name} was named in package.xml, \
             but was not found in zipped directory"
        );
        let file = format!("{}package.xml", self.prefix);
        let row = if self.options.allow_missing_files {
            let lenient = DeployOptions {
                ignore_warnings: true,
                ..DeployOptions::default()
            };
            self.rows.warning("", member, &file, &problem, &lenient)
        } else {
            self.rows.error("", member, &file, &problem)
        };
        self.contents.rows.push(row);
    }
}
