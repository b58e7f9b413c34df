//! A DX source project, turned into a package.

use std::collections::{BTreeMap, HashMap};

use super::LeftOut;
use crate::{
    model::{ComponentKey, TreePath},
    registry::Registry,
    simorg::state::{Content, PackageFile},
    source::{self, Ignored, Level, SourceFile},
};

/// File that makes a folder a DX project.
const PROJECT: &str = "sfdx-project.json";

/// The prefix of the project among `files`, if they hold one: empty or with a slash.
pub(super) fn root_of(files: &[PackageFile]) -> Option<String> {
    files
        .iter()
        .filter_map(|it| it.path.strip_suffix(PROJECT))
        .filter(|it| it.is_empty() || it.ends_with('/'))
        .min_by_key(|it| it.len())
        .map(ToOwned::to_owned)
}

/// The package files of the project whose files begin with `root`.
pub(super) fn to_package(files: Vec<PackageFile>, root: &str) -> (Vec<PackageFile>, Vec<LeftOut>) {
    let registry = Registry::official();
    let project = Project::of(&files, root);
    let mut groups: BTreeMap<ComponentKey, Vec<SourceFile>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for file in files {
        let Some(path) = file.path.strip_prefix(root) else {
            continue;
        };
        if !project.holds(path) || project.ignored.denies(path) {
            continue;
        }
        let tree_path = match path.parse::<TreePath>() {
            Ok(it) => it,
            Err(err) => {
                let reason = err.reason().to_owned();
                left_out.push(LeftOut {
                    path: path.to_owned(),
                    reason,
                });
                continue;
            }
        };
        match source::owner(registry, path) {
            Some(owner) => groups
                .entry(owner.top().clone())
                .or_default()
                .push(SourceFile {
                    path: tree_path,
                    key: owner.key,
                    bytes: file.content.to_vec(),
                }),
            None => left_out.push(LeftOut {
                path: path.to_owned(),
                reason: "it belongs to no component".to_owned(),
            }),
        }
    }
    let mut package: HashMap<String, PackageFile> = HashMap::new();
    for (key, group) in groups {
        match source::join_at(registry, Level::Faithful, &key, &group) {
            Ok(joined) => {
                for file in joined {
                    let content = Content::from(file.bytes);
                    let path = file.path;
                    package.insert(path.clone(), PackageFile { path, content });
                }
            }
            Err(err) => left_out.extend(group.iter().map(|it| LeftOut {
                path: it.path.to_string(),
                reason: err.to_string(),
            })),
        }
    }
    let mut package: Vec<_> = package.into_values().collect();
    package.sort_by(|a, b| a.path.cmp(&b.path));
    (package, left_out)
}

/// What `sfdx-project.json` and `.forceignore` say.
struct Project {
    /// Package directories, each with a slash at its end; empty for the root.
    directories: Vec<String>,
    ignored: Ignored,
}

impl Project {
    fn of(files: &[PackageFile], root: &str) -> Self {
        let text = |name: &str| {
            let path = format!("{root}{name}");
            let found = files.iter().find(|it| it.path == path)?;
            Some(String::from_utf8_lossy(&found.content).into_owned())
        };
        let json: serde_json::Value = text(PROJECT)
            .and_then(|it| serde_json::from_str(&it).ok())
            .unwrap_or_default();
        let directories = json["packageDirectories"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it["path"].as_str())
            .map(|it| {
                let it = it.replace('\\', "/");
                let it = it.trim_start_matches("./").trim_matches('/');
                if it.is_empty() || it == "." {
                    String::new()
                } else {
                    format!("{it}/")
                }
            })
            .collect();
        Self {
            directories,
            ignored: Ignored::parse(&text(".forceignore").unwrap_or_default()),
        }
    }

    /// Whether a path lies in a package directory, or among the types that no
    /// registry knows.
    fn holds(&self, path: &str) -> bool {
        let in_unmapped = path
            .strip_prefix(source::UNMAPPED)
            .is_some_and(|it| it.starts_with('/'));
        in_unmapped
            || self
                .directories
                .iter()
                .any(|it| path.starts_with(it.as_str()))
    }
}
