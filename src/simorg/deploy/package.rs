//! The zip of a deploy, read: packages, manifests, and what is named in them.
//!
//! Source: Metadata API Developer Guide, "Deploying and Retrieving Metadata
//! with the Zip File"; recorded deploys for the shape of the rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{DeployMessage, DeployOptions, messages::Rows};
use crate::{
    archive::{self, Archive, Limits},
    model::{
        ApiVersion, ComponentKey, ComponentName, TypeName,
        manifest::{Manifest, ManifestError},
    },
    simorg::{
        SimOrg,
        catalogue::{Shape, child_type_named, child_types_of, type_named},
        load,
        state::{NewComponent, PackageFile},
    },
    xml::{self, Element},
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

/// The type of what lies in a `DigitalExperienceBundle`, named `bundle.kind/name`.
const DIGITAL: &str = "DigitalExperience";

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

/// A component of the zip that the manifest names, itself or by its children.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub new: NewComponent,
    /// Its file in the zip, for the rows.
    pub file_name: String,
    pub scope: Scope,
    pub document: Parsed,
}

impl Unit {
    /// All of a component.
    pub(super) fn whole(new: NewComponent) -> Self {
        Self {
            document: parse(&new),
            file_name: String::new(),
            scope: Scope::Whole,
            new,
        }
    }
}

/// How much of a component is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Whole,
    Children(BTreeSet<ComponentKey>),
}

/// The XML of a component.
#[derive(Clone, Debug)]
pub(super) enum Parsed {
    /// It has none, or one that is no metadata.
    Opaque,
    Root(Element),
    Malformed {
        line: usize,
        reason: String,
    },
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

/// The components of a package, some of them named.
struct Pool {
    entries: BTreeMap<ComponentKey, Entry>,
    /// Decoded names without regard to case, and documents without their extension.
    aliases: HashMap<(TypeName, String), ComponentKey>,
    /// Parent and key of each child.
    child_index: HashMap<(TypeName, String), (ComponentKey, ComponentKey)>,
}

struct Entry {
    new: NewComponent,
    document: Parsed,
    scope: Option<Scope>,
}

impl Entry {
    /// The file that stands for the component in the rows.
    fn file(&self) -> &str {
        let files = &self.new.files;
        let content = files.iter().find(|it| !it.path.ends_with("-meta.xml"));
        content.or(files.first()).map_or("", |it| it.path.as_str())
    }
}

impl Pool {
    fn new(components: Vec<NewComponent>) -> Self {
        let mut entries = BTreeMap::new();
        let mut aliases = HashMap::new();
        let mut child_index = HashMap::new();
        for new in components {
            let key = new.key.clone();
            let mut names = vec![key.name.decoded().to_lowercase()];
            if key.type_name.as_str() == "Document"
                && let Some((stem, _)) = key.name.as_str().rsplit_once('.')
            {
                names.push(stem.to_lowercase());
            }
            for name in names {
                aliases
                    .entry((key.type_name.clone(), name))
                    .or_insert_with(|| key.clone());
            }
            let document = parse(&new);
            if let Parsed::Root(root) = &document {
                for (child, _) in children(&key, root) {
                    let alias = (child.type_name.clone(), child.name.as_str().to_lowercase());
                    child_index.insert(alias, (key.clone(), child));
                }
            }
            let entry = Entry {
                new,
                document,
                scope: None,
            };
            entries.insert(key, entry);
        }
        Self {
            entries,
            aliases,
            child_index,
        }
    }

    /// Marks what a member of the manifest names; `false` where that is nothing.
    fn take(&mut self, type_name: &TypeName, member: &str) -> bool {
        if child_type_named(type_name.as_str()).is_some() {
            return self.take_children(type_name, member);
        }
        if type_name.as_str() == DIGITAL {
            let bundle = TypeName::known("DigitalExperienceBundle");
            let (member, _) = member.split_once('.').unwrap_or((member, ""));
            return self.take(&bundle, member);
        }
        if member == "*" {
            for (key, entry) in &mut self.entries {
                if is_of(&key.type_name, type_name) {
                    entry.scope = Some(Scope::Whole);
                }
            }
            return true;
        }
        let Some(key) = self.find(type_name, member.trim_end_matches('/')) else {
            return false;
        };
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.scope = Some(Scope::Whole);
        }
        true
    }

    fn find(&self, type_name: &TypeName, member: &str) -> Option<ComponentKey> {
        let alias = |type_name: &TypeName, name: &str| {
            let name = crate::model::component::percent_decoded(name).to_lowercase();
            self.aliases.get(&(type_name.clone(), name)).cloned()
        };
        if let Some(found) = alias(type_name, member) {
            return Some(found);
        }
        // A flow with the number of a version, a folder under the type it holds.
        if type_name.as_str() == "Flow"
            && let Some((name, number)) = member.rsplit_once('-')
            && number.bytes().all(|it| it.is_ascii_digit())
        {
            return alias(type_name, name);
        }
        folder_types(type_name)
            .into_iter()
            .find_map(|it| alias(&it, member))
    }

    fn take_children(&mut self, type_name: &TypeName, member: &str) -> bool {
        let found: Vec<(ComponentKey, ComponentKey)> = if member == "*" {
            let of_type = self.child_index.iter().filter(|(it, _)| it.0 == *type_name);
            of_type.map(|(_, it)| it.clone()).collect()
        } else {
            let alias = (type_name.clone(), member.to_lowercase());
            self.child_index.get(&alias).cloned().into_iter().collect()
        };
        for (parent, child) in &found {
            let Some(entry) = self.entries.get_mut(parent) else {
                continue;
            };
            match &mut entry.scope {
                Some(Scope::Whole) => (),
                Some(Scope::Children(keys)) => {
                    keys.insert(child.clone());
                }
                scope @ None => *scope = Some(Scope::Children([child.clone()].into())),
            }
        }
        member == "*" || !found.is_empty()
    }
}

/// Whether a component of type `own` is meant by a manifest's `named` type.
fn is_of(own: &TypeName, named: &TypeName) -> bool {
    own == named || folder_types(named).contains(own)
}

/// The types of the folders of a type.
pub(super) fn folder_types(type_name: &TypeName) -> Vec<TypeName> {
    let Some(entry) = type_named(type_name.as_str()).filter(|it| it.in_folder) else {
        return Vec::new();
    };
    let mut found: Vec<TypeName> = entry
        .folder
        .iter()
        .filter_map(|it| it.parse().ok())
        .collect();
    if type_name.as_str() == "EmailTemplate" {
        found.push(TypeName::known("EmailTemplateFolder"));
    }
    found
}

/// The children in the document of `parent`, in order.
pub(super) fn children<'a>(
    parent: &ComponentKey,
    root: &'a Element,
) -> Vec<(ComponentKey, &'a Element)> {
    let types: Vec<_> = child_types_of(parent.type_name.as_str()).collect();
    if types.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for element in root.elements() {
        let Some(child) = types.iter().find(|it| it.element == element.local_name()) else {
            continue;
        };
        let name = child.full_name(parent.name.as_str(), element);
        if let Some(Ok(name)) = name.map(|it| it.parse::<ComponentName>()) {
            let key = ComponentKey::new(TypeName::known(child.name), name);
            found.push((key, element));
        }
    }
    found
}

/// Parses the document of a component, where it has one of the Metadata API's.
fn parse(new: &NewComponent) -> Parsed {
    let meta = new.files.iter().find(|it| it.path.ends_with("-meta.xml"));
    let is_document =
        type_named(new.key.type_name.as_str()).is_none_or(|it| matches!(it.shape, Shape::Document));
    let file = meta.or(match new.files.as_slice() {
        [first, ..] if is_document => Some(first),
        _ => None,
    });
    let Some(file) = file else {
        return Parsed::Opaque;
    };
    if meta.is_none() && !looks_like_xml(&file.content) {
        return Parsed::Opaque;
    }
    match xml::parse(&file.content) {
        Ok(doc) => Parsed::Root(doc.root),
        Err(err) => Parsed::Malformed {
            line: line_of(&err),
            reason: err.to_string(),
        },
    }
}

fn looks_like_xml(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().first() == Some(&b'<')
}

fn line_of(err: &xml::Error) -> usize {
    match err {
        xml::Error::Malformed { line, .. }
        | xml::Error::Refused { line, .. }
        | xml::Error::TooDeep { line } => *line,
    }
}
