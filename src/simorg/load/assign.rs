//! Files of a package → components.

use std::collections::{BTreeMap, BTreeSet};

use super::LeftOut;
use crate::{
    model::{ComponentKey, TreePath},
    simorg::{
        catalogue::{self, Shape, TypeEntry},
        state::{NewComponent, PackageFile},
    },
};

const META: &str = "-meta.xml";

/// Takes the files of a package, paths without its prefix, apart into components.
#[must_use]
pub fn assign(files: Vec<PackageFile>) -> (Vec<NewComponent>, Vec<LeftOut>) {
    let paths: BTreeSet<String> = files.iter().map(|it| it.path.clone()).collect();
    let unknown = unknown_directories(&paths);
    let mut found: BTreeMap<ComponentKey, NewComponent> = BTreeMap::new();
    let mut left_out = Vec::new();
    for file in files {
        if is_manifest(&file.path) {
            continue;
        }
        match owner(&file, &paths, &unknown) {
            Ok((key, entry)) => found
                .entry(key.clone())
                .or_insert_with(|| NewComponent {
                    entry: entry.cloned(),
                    ..NewComponent::new(key, Vec::new())
                })
                .files
                .push(file),
            Err(reason) => left_out.push(LeftOut {
                path: file.path,
                reason,
            }),
        }
    }
    let namespaces: BTreeSet<String> = found
        .keys()
        .filter(|it| it.type_name.as_str() == "InstalledPackage")
        .map(|it| it.name.to_string())
        .collect();
    let mut components: Vec<_> = found.into_values().collect();
    for component in &mut components {
        component.namespace = namespace_in(component.key.name.as_str(), &namespaces);
    }
    (components, left_out)
}

fn is_manifest(path: &str) -> bool {
    matches!(
        path,
        "package.xml"
            | "destructiveChanges.xml"
            | "destructiveChangesPre.xml"
            | "destructiveChangesPost.xml"
    )
}

/// The namespace that the last part of `name` begins with, if a package has it.
pub(in crate::simorg) fn namespace_in(name: &str, namespaces: &BTreeSet<String>) -> Option<String> {
    let own = name.rsplit(['.', '/', '-']).next().unwrap_or(name);
    let (first, rest) = own.split_once("__")?;
    (namespaces.contains(first) && !rest.is_empty()).then(|| first.to_owned())
}

/// A type of its own for each directory that no official type has.
fn unknown_directories(paths: &BTreeSet<String>) -> BTreeMap<String, TypeEntry> {
    let mut suffixes: BTreeMap<&str, Option<Option<&str>>> = BTreeMap::new();
    for path in paths {
        let Some((directory, rest)) = path.split_once('/') else {
            continue;
        };
        if !catalogue::types_in(directory).is_empty() {
            continue;
        }
        let base = rest.strip_suffix(META).unwrap_or(rest);
        let suffix = base.rsplit_once('.').map(|(_, it)| it);
        let suffix = if rest.contains('/') { None } else { suffix };
        suffixes
            .entry(directory)
            .and_modify(|it| {
                if *it != Some(suffix) && rest.contains('/') {
                    *it = Some(None);
                }
            })
            .or_insert(Some(suffix));
    }
    suffixes
        .into_iter()
        .map(|(directory, suffix)| {
            let entry = catalogue::fictitious(directory, suffix.flatten());
            (directory.to_owned(), entry)
        })
        .collect()
}

type Owner<'a> = (ComponentKey, Option<&'a TypeEntry>);

fn owner<'a>(
    file: &PackageFile,
    paths: &BTreeSet<String>,
    unknown: &'a BTreeMap<String, TypeEntry>,
) -> Result<Owner<'a>, String> {
    let path = file.path.as_str();
    path.parse::<TreePath>()
        .map_err(|err| err.reason().to_owned())?;
    let (directory, rest) = path
        .split_once('/')
        .ok_or("it lies in no directory of a type")?;
    let named = |type_name: &str, name: &str| {
        ComponentKey::parse(type_name, name).map_err(|err| err.to_string())
    };
    if let Some(entry) = unknown.get(directory) {
        let name = match entry.shape {
            Shape::Bundle => rest.split('/').next().unwrap_or(rest),
            _ => stem(rest, entry.suffix.as_deref()),
        };
        return Ok((named(&entry.name, name)?, Some(entry)));
    }
    let types = catalogue::types_in(directory);
    let (type_name, name) = match directory {
        "territory2Models" => territory(rest)?,
        "flows" => ("Flow", flow_name(stem(rest, Some("flow"))).to_owned()),
        _ => known(file, directory, rest, types, paths)?,
    };
    Ok((named(type_name, &name)?, None))
}

/// Type and name of a file in a directory of official types.
fn known(
    file: &PackageFile,
    directory: &str,
    rest: &str,
    types: &[&'static TypeEntry],
    paths: &BTreeSet<String>,
) -> Result<(&'static str, String), String> {
    let base = rest.strip_suffix(META).unwrap_or(rest);
    if let Some(in_folder) = types.iter().find(|it| it.in_folder) {
        return Ok(in_folders(file, in_folder, rest, base, paths));
    }
    let bundle = types
        .iter()
        .find(|it| it.shape == Shape::Bundle || (it.shape == Shape::Mixed && it.suffix.is_none()));
    if let Some(bundle) = bundle {
        let n_parts = if bundle.name == "DigitalExperienceBundle" {
            2
        } else {
            1
        };
        let parts: Vec<&str> = rest.splitn(n_parts + 1, '/').collect();
        let name = if n_parts < parts.len() {
            parts[..n_parts].join("/")
        } else {
            // A file beside the folders: the site of an experience, a stray.
            let last = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
            last.to_owned()
        };
        return Ok((&bundle.name, name));
    }
    let by_suffix = types.iter().find_map(|it| {
        let suffix = it.suffix.as_deref()?;
        let name = base.strip_suffix(suffix)?.strip_suffix('.')?;
        (!name.is_empty()).then(|| (it.name.as_str(), name.to_owned()))
    });
    match (by_suffix, types.first()) {
        (Some(found), _) => Ok(found),
        (None, Some(first)) => {
            let name = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
            Ok((&first.name, name.to_owned()))
        }
        (None, None) => Err(format!("no type has the directory `{directory}`")),
    }
}

/// Type and name of a file of a type in folders.
fn in_folders(
    file: &PackageFile,
    entry: &'static TypeEntry,
    rest: &str,
    base: &str,
    paths: &BTreeSet<String>,
) -> (&'static str, String) {
    let is_meta = rest.len() != base.len();
    let suffix = entry.suffix.as_deref().unwrap_or_default();
    let content = base
        .strip_suffix(suffix)
        .and_then(|it| it.strip_suffix('.'));
    if entry.name == "Document" {
        return if is_meta && !base.contains('/') {
            ("DocumentFolder", base.to_owned())
        } else {
            ("Document", base.to_owned())
        };
    }
    match content {
        Some(name) => (&entry.name, name.to_owned()),
        None if is_meta && !paths.contains(&format!("{}/{base}", entry.directory)) => {
            let is_lightning = entry.name == "EmailTemplate"
                && String::from_utf8_lossy(&file.content).contains("<EmailTemplateFolder");
            let name = base
                .strip_suffix("Folder")
                .and_then(|it| it.strip_suffix(suffix)?.strip_suffix('.'))
                .unwrap_or(base);
            let folder = if is_lightning {
                "EmailTemplateFolder"
            } else {
                entry.folder.as_deref().unwrap_or("ReportFolder")
            };
            (folder, name.to_owned())
        }
        None => {
            let name = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
            (&entry.name, name.to_owned())
        }
    }
}

fn territory(rest: &str) -> Result<(&'static str, String), String> {
    let parts: Vec<&str> = rest.split('/').collect();
    let own = |file: &str, suffix| stem(file, Some(suffix)).to_owned();
    match parts.as_slice() {
        [model, _] => Ok(("Territory2Model", (*model).to_owned())),
        [model, "territories", file] => {
            Ok(("Territory2", format!("{model}.{}", own(file, "territory2"))))
        }
        [model, "rules", file] => Ok((
            "Territory2Rule",
            format!("{model}.{}", own(file, "territory2Rule")),
        )),
        _ => Err("it is no part of a territory model".to_owned()),
    }
}

/// `X` of `X.suffix` and of `X.suffix-meta.xml`.
fn stem<'a>(name: &'a str, suffix: Option<&str>) -> &'a str {
    let base = name.strip_suffix(META).unwrap_or(name);
    suffix
        .and_then(|it| base.strip_suffix(it)?.strip_suffix('.'))
        .filter(|it| !it.is_empty())
        .unwrap_or(base)
}

/// The flow of a file that may be named with a version: `X` of `X-3`.
fn flow_name(stem: &str) -> &str {
    match stem.rsplit_once('-') {
        Some((name, n)) if !name.is_empty() && n.parse::<u32>().is_ok() => name,
        _ => stem,
    }
}
