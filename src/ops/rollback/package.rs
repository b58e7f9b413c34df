//! The archive of one deploy.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Seek as _},
    path::Path,
};

use super::{
    facts::parent_of,
    failure::Places,
    view::{TreeView, top_of},
};
use crate::{
    archive::{self, Archive, FileSource, Writer},
    client::{Org, RetrieveOptions},
    model::{ApiVersion, ComponentKey, Manifest, TreePath, manifest::METADATA_NAMESPACE},
    ops::{
        error::{Cause, During, Error, Refusal},
        snapshot::SnapshotSetup,
    },
    plan::{
        deploy::DeployCall,
        rollback::{Content, Step, View as _},
    },
    registry::{Decomposition, Files, Registry},
    source::{self, Level, PackageFile, SourceFile, redact},
    store::Repository,
    xml::{Document, Element, render},
};

/// What one deploy sends.
#[derive(Clone, Debug, Default)]
pub(super) struct Package {
    /// Path and content of each entry, manifests included.
    pub(super) entries: BTreeMap<String, Vec<u8>>,
    /// Components that cannot be sent, with the reason.
    pub(super) refused: BTreeMap<ComponentKey, String>,
    /// Components that are sent or deleted.
    pub(super) n_components: u64,
    /// Where in the tree the entries come from.
    pub(super) places: Places,
}

/// Makes the archives of a plan.
pub(super) struct Packer<'a> {
    pub(super) org: &'a Org,
    pub(super) repo: &'a Repository,
    pub(super) setup: &'a SnapshotSetup,
    pub(super) target: &'a TreeView<'a>,
    pub(super) now: &'a TreeView<'a>,
    /// Where values come from that the snapshot does not hold.
    pub(super) secrets: Secrets,
}

/// Where the values of secrets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrets {
    /// From the org, as it has them now.
    Org,
    /// From nowhere: what has one is left out.
    Nowhere,
}

type Sources = BTreeMap<ComponentKey, BTreeMap<TreePath, SourceFile>>;

impl Packer<'_> {
    /// The archive of one call.
    pub(super) async fn pack(&self, call: &DeployCall) -> Result<Package, Error> {
        let mut package = Package::default();
        let mut sources = self.sources(call)?;
        self.reinstate(&mut sources, &mut package.refused).await?;
        let registry = Registry::official();
        let mut call = call.clone();
        for (family, files) in sources {
            if package.refused.contains_key(&family) {
                call.package.retain(|it| top_of(it) != family);
                continue;
            }
            let files: Vec<SourceFile> = files.into_values().collect();
            match source::join(registry, &family, &files) {
                Ok(joined) => {
                    self.place(&mut package.places, &call, &files, &joined);
                    let entries = joined.into_iter().map(|it| (it.path, it.bytes));
                    package.entries.extend(entries);
                }
                Err(err) => {
                    call.package.retain(|it| top_of(it) != family);
                    package.refused.insert(family, err.to_string());
                }
            }
        }
        let manifests = call.manifests(self.setup.api_version, named_as);
        package.n_components = manifests.package.len() as u64;
        let mut add = |name: &str, manifest: &Manifest| {
            package.entries.insert(name.to_owned(), manifest.render());
        };
        add("package.xml", &manifests.package);
        let mut n_deleted = 0;
        for (name, manifest) in [
            ("destructiveChangesPre.xml", &manifests.pre),
            ("destructiveChangesPost.xml", &manifests.post),
        ] {
            if let Some(manifest) = manifest {
                n_deleted += manifest.len() as u64;
                let mut manifest = manifest.clone();
                // The platform takes a version in `package.xml` only.
                manifest.version = None;
                add(name, &manifest);
            }
        }
        package.n_components += n_deleted;
        Ok(package)
    }

    /// Notes where the entries of a family come from.
    fn place(
        &self,
        places: &mut Places,
        call: &DeployCall,
        files: &[SourceFile],
        joined: &[PackageFile],
    ) {
        let in_tree = |file: &SourceFile| match file.path.as_str() {
            path if path.starts_with(source::UNMAPPED) => path.to_owned(),
            path => format!("{}/{path}", self.setup.package_dir),
        };
        for file in files {
            let path = in_tree(file);
            let is_main = path.ends_with("-meta.xml");
            let name = file.key.to_string();
            if is_main || !places.by_component.contains_key(&name) {
                places.by_component.insert(name, path);
            }
        }
        for entry in joined {
            if let Some(file) = files.iter().find(|it| it.bytes == entry.bytes) {
                let path = in_tree(file);
                let at = path.parse::<TreePath>().ok();
                let sent = at.and_then(|it| Some((call.files.get(&it)?, it)));
                let is_target = matches!(sent, Some(((key, Content::Target), at))
                    if self.target.is_committed(key, &at));
                places
                    .by_entry
                    .insert(entry.path.clone(), (path, is_target));
            }
        }
    }

    /// The files that are sent, by top-level component.
    fn sources(&self, call: &DeployCall) -> Result<Sources, Error> {
        let mut sources = Sources::new();
        for (path, (key, content)) in &call.files {
            let bytes = match content {
                Content::Merged(bytes) => bytes.to_vec(),
                Content::Target => {
                    let files = self.target.read(key);
                    self.target.check()?;
                    files
                        .into_iter()
                        .find(|it| it.path == *path)
                        .map(|it| it.bytes.to_vec())
                        .unwrap_or_default()
                }
            };
            self.put(&mut sources, path, key, bytes)?;
        }
        // A part of what is replaced whole takes the rest from the org as it is.
        for (key, family) in incomplete(call) {
            for member in members(&key, family, self.now) {
                for file in self.now.read(&member) {
                    if !call.files.contains_key(&file.path) {
                        self.put(&mut sources, &file.path, &member, file.bytes.to_vec())?;
                    }
                }
            }
            self.now.check()?;
        }
        Ok(sources)
    }

    fn put(
        &self,
        sources: &mut Sources,
        path: &TreePath,
        key: &ComponentKey,
        bytes: Vec<u8>,
    ) -> Result<(), Error> {
        let dirs = self.setup.package_dirs.iter();
        let mut insides = dirs.filter_map(|it| path.as_str().strip_prefix(it.as_str()));
        let inside = insides
            .find_map(|it| it.strip_prefix('/'))
            .unwrap_or(path.as_str());
        let inside: TreePath = inside.parse().map_err(|_| Refusal::BadFile {
            path: path.to_string(),
            reason: "has no place in a package".to_owned(),
        })?;
        let file = SourceFile {
            path: inside.clone(),
            key: key.clone(),
            bytes,
        };
        sources.entry(top_of(key)).or_default().insert(inside, file);
        Ok(())
    }

    /// Puts the org's present values where the snapshot has placeholders.
    async fn reinstate(
        &self,
        sources: &mut Sources,
        refused: &mut BTreeMap<ComponentKey, String>,
    ) -> Result<(), Error> {
        let redacted: Vec<ComponentKey> = sources
            .iter()
            .filter(|(_, files)| files.values().any(|it| redact::has_placeholder(&it.bytes)))
            .map(|(family, _)| family.clone())
            .collect();
        if redacted.is_empty() {
            return Ok(());
        }
        if self.secrets == Secrets::Nowhere {
            let reason = "the snapshot does not hold the secret in it: orgkeep itself deploys it";
            refused.extend(redacted.into_iter().map(|it| (it, reason.to_owned())));
            return Ok(());
        }
        let present = self.retrieve(&redacted).await?;
        for family in redacted {
            let Some(files) = sources.get_mut(&family) else {
                continue;
            };
            for (path, file) in files {
                let now = present.get(path).map_or(&[][..], Vec::as_slice);
                let of = family.type_name.as_str();
                match redact::reinstate(of, path.as_str(), &file.bytes, now) {
                    Ok(bytes) => file.bytes = bytes.into_owned(),
                    Err(err) => {
                        refused.insert(family.clone(), err.to_string());
                    }
                }
            }
        }
        Ok(())
    }

    /// Present source files of components, with their secrets.
    async fn retrieve(
        &self,
        families: &[ComponentKey],
    ) -> Result<BTreeMap<TreePath, Vec<u8>>, Error> {
        let registry = Registry::official();
        let mut manifest = Manifest::new(self.setup.api_version);
        for family in families {
            manifest.insert(&named_as(family));
        }
        let mut zip = private_file(self.repo, "secrets.zip")?;
        self.org
            .retrieve(&manifest, &RetrieveOptions::default(), &mut zip)
            .await
            .during("retrieving the present values of secrets")?;
        let archive = Archive::open(FileSource(zip), &archive::Limits::default())?;
        let mut files = BTreeMap::new();
        let (mut names, mut numbers) = (Vec::new(), Vec::new());
        for (n, entry) in archive.entries().iter().enumerate() {
            if entry.problem.is_none() && !entry.is_folder {
                let name = entry.name.as_str();
                names.push(name.strip_prefix("unpackaged/").unwrap_or(name));
                numbers.push(n);
            }
        }
        for component in source::assign(registry, &names).components {
            if !families.contains(&component.key) {
                continue;
            }
            let mut package = Vec::new();
            for entry in &component.entries {
                package.push(PackageFile {
                    path: names[*entry].to_owned(),
                    bytes: archive.read(numbers[*entry])?,
                });
            }
            // What cannot be taken apart has no values to give: the component is refused.
            if let Ok(split) = source::split(registry, Level::Canonical, &component.key, package) {
                files.extend(split.into_iter().map(|it| (it.path, it.bytes)));
            }
        }
        Ok(files)
    }
}

/// Components of which only some files are sent; whether the whole family is meant.
fn incomplete(call: &DeployCall) -> BTreeSet<(ComponentKey, bool)> {
    let registry = Registry::official();
    let mut found = BTreeSet::new();
    for (key, content) in call.files.values() {
        let top = top_of(key);
        let Some(ty) = registry.type_named(top.type_name.as_str()) else {
            continue;
        };
        match (ty.files, ty.decomposition) {
            (_, Some(Decomposition::BesideParent)) => {
                found.insert((top, true));
            }
            (Files::Decomposed, _) => (),
            _ if matches!(content, Content::Merged(_)) => {
                found.insert((key.clone(), false));
            }
            _ => (),
        }
    }
    found
}

/// The component itself, or all of its family that the org has.
fn members(key: &ComponentKey, family: bool, now: &TreeView<'_>) -> BTreeSet<ComponentKey> {
    match family {
        true => now.family(key).cloned().collect(),
        false => BTreeSet::from([key.clone()]),
    }
}

/// What one call sends along as the org has it, with its state.
pub(super) fn beside(call: &DeployCall, now: &TreeView<'_>) -> BTreeMap<ComponentKey, String> {
    let mut found = BTreeMap::new();
    for (key, family) in incomplete(call) {
        for member in members(&key, family, now) {
            let is_sent = |path: &str| call.files.keys().any(|it| it.as_str() == path);
            let is_along = now.blobs(&member).iter().any(|(path, _)| !is_sent(path));
            if let Some(state) = now.state(&member).filter(|_| is_along) {
                found.insert(member, state);
            }
        }
    }
    found
}

/// The name under which a manifest knows a component.
fn named_as(key: &ComponentKey) -> ComponentKey {
    let registry = Registry::official();
    let Some(ty) = registry.type_named(key.type_name.as_str()) else {
        return key.clone();
    };
    match parent_of(key) {
        Some(parent) if !ty.addressable => parent,
        _ => ComponentKey::new(ty.manifest_name().clone(), key.name.clone()),
    }
}

/// The archive that activates versions of flows.
pub(super) fn activation(steps: &[Step], version: ApiVersion) -> Package {
    let mut manifest = Manifest::new(version);
    let mut package = Package::default();
    for step in steps {
        let Step::ActivateFlow { key, version } = step;
        let name = &key.name;
        let mut root = Element::new("FlowDefinition").with_attribute("xmlns", METADATA_NAMESPACE);
        root.push_text_element("activeVersionNumber", &version.to_string());
        package.entries.insert(
            format!("flowDefinitions/{name}.flowDefinition"),
            render(&Document::new(root)),
        );
        let definition = crate::model::TypeName::known("FlowDefinition");
        manifest.insert(&ComponentKey::new(definition, name.clone()));
    }
    package.n_components = manifest.len() as u64;
    package
        .entries
        .insert("package.xml".to_owned(), manifest.render());
    package
}

impl Package {
    /// Whether it sends or deletes anything.
    pub(super) fn is_empty(&self) -> bool {
        self.n_components == 0
    }

    /// Refuses to send a placeholder in the place of a secret.
    pub(super) fn refuse_placeholders(&self) -> Result<(), Error> {
        let found = self
            .entries
            .iter()
            .find(|(_, it)| redact::has_placeholder(it));
        match found {
            Some((path, _)) => Err(Refusal::Placeholder { path: path.clone() }.into()),
            None => Ok(()),
        }
    }

    /// Writes it as a zip that only we can read and that is gone with its handle.
    pub(super) fn write(&self, repo: &Repository) -> Result<File, Error> {
        let file = private_file(repo, "deploy.zip")?;
        let write = || -> io::Result<File> {
            let mut writer = Writer::new(io::BufWriter::new(file));
            for (name, bytes) in &self.entries {
                writer.add(name, bytes, archive::Level::FAST)?;
            }
            let mut file = writer
                .finish()?
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)?;
            file.rewind()?;
            Ok(file)
        };
        write().map_err(|source| disk("write", Path::new("deploy.zip"), source))
    }
}

fn disk(act: &'static str, path: &Path, source: io::Error) -> Error {
    Cause::Disk {
        act,
        path: path.display().to_string(),
        source,
    }
    .into()
}

/// A file that only we can read, and that nobody finds by its name once it is open.
fn private_file(repo: &Repository, name: &str) -> Result<File, Error> {
    let path = repo.private_dir()?.join(name);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options
        .open(&path)
        .map_err(|source| disk("write", &path, source))?;
    // Where an open file cannot be removed the next run empties it.
    #[cfg(unix)]
    let _ = fs::remove_file(&path);
    Ok(file)
}
