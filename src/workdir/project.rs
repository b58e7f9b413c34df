//! `sfdx-project.json`.

use std::path::Path;

use serde_json::Value;

use super::{Error, read_text};
use crate::{
    model::{ApiVersion, TreePath},
    registry::Presets,
};

/// What a Salesforce DX project says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Folders that hold its source; never empty.
    pub package_directories: Vec<PackageDirectory>,
    /// Version of the API that its files are in, where it says so.
    pub source_api_version: Option<ApiVersion>,
    /// Types that its files have taken apart further than usual: `sourceBehaviorOptions`.
    pub presets: Presets,
}

/// One folder that holds source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageDirectory {
    /// Where it is.
    pub path: TreePath,
    /// Whether what is new goes here.
    pub is_default: bool,
}

impl Default for Project {
    fn default() -> Self {
        Self {
            package_directories: vec![PackageDirectory {
                path: "force-app".parse().expect("a literal path is valid"),
                is_default: true,
            }],
            source_api_version: None,
            presets: Presets::new(),
        }
    }
}

impl Project {
    /// Reads `sfdx-project.json` in the folder `root`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`]; else as for [`Project::parse`].
    pub fn read(root: &Path) -> Result<Option<Self>, Error> {
        let path = "sfdx-project.json".parse();
        let path: TreePath = path.expect("a literal path is valid");
        read_text(root, &path)?
            .map(|it| Self::parse(&it))
            .transpose()
    }

    /// Reads the text of `sfdx-project.json`, which may be a commit's.
    ///
    /// # Errors
    ///
    /// [`Error::NotJson`], [`Error::InvalidProject`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let project: Value = serde_json::from_str(text).map_err(|source| Error::NotJson {
            line: source.line(),
            source,
        })?;
        let source_api_version = match &project["sourceApiVersion"] {
            Value::Null => None,
            version => Some(parse_version(version)?),
        };
        let Some(listed) = project["packageDirectories"].as_array() else {
            return Err(invalid("packageDirectories", "is not a list"));
        };
        let package_directories: Vec<_> = listed
            .iter()
            .enumerate()
            .map(|(at, it)| parse_directory(at, it))
            .collect::<Result<_, _>>()?;
        if package_directories.is_empty() {
            return Err(invalid("packageDirectories", "is empty"));
        }
        Ok(Self {
            package_directories,
            source_api_version,
            presets: parse_presets(&project)?,
        })
    }

    /// The text of `sfdx-project.json` with `sourceApiVersion` set to `version`, all else as
    /// it is; `None` where it names no version, or names it in a way that cannot be found.
    #[must_use]
    pub fn with_version(text: &str, version: ApiVersion) -> Option<String> {
        const KEY: &str = "\"sourceApiVersion\"";
        let without = |text: &str| {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            let mut project: Value = serde_json::from_str(text).ok()?;
            let at_top = project.as_object_mut()?.remove("sourceApiVersion")?;
            Some((at_top, project))
        };
        let (_, rest) = without(text)?;
        text.match_indices(KEY).find_map(|(at, _)| {
            let behind = &text[at + KEY.len()..];
            let value = behind.trim_start().strip_prefix(':')?.trim_start();
            let value = value.strip_prefix('"')?;
            let from = text.len() - value.len();
            let to = from + value.find('"')?;
            let new = [&text[..from], &version.to_string(), &text[to..]].concat();
            let is_it = without(&new)? == (Value::String(version.to_string()), rest.clone());
            is_it.then_some(new)
        })
    }

    /// The folder that new components go to: the one that is marked, else the first.
    #[must_use]
    pub fn default_directory(&self) -> &TreePath {
        let marked = self.package_directories.iter().find(|it| it.is_default);
        let found = marked.or_else(|| self.package_directories.first());
        &found.expect("a project has a package directory").path
    }
}

fn parse_version(version: &Value) -> Result<ApiVersion, Error> {
    let refuse = || invalid("sourceApiVersion", "is not a version such as \"66.0\"");
    let text = version.as_str().ok_or_else(refuse)?;
    text.parse().map_err(|_| refuse())
}

/// What it asks for, by today's word and by the one of before.
fn parse_presets(project: &Value) -> Result<Presets, Error> {
    let mut presets = Presets::new();
    for key in ["registryPresets", "sourceBehaviorOptions"] {
        let listed = match &project[key] {
            Value::Null => continue,
            Value::Array(listed) => listed,
            _ => return Err(invalid(key, "is not a list")),
        };
        for (at, it) in listed.iter().enumerate() {
            let key = format!("{key}[{at}]");
            let Some(name) = it.as_str() else {
                return Err(invalid(&key, "is not a word"));
            };
            let preset = name
                .parse()
                .map_err(|err| invalid(&key, &format!("is refused: {err}")))?;
            presets.insert(preset);
        }
    }
    Ok(presets)
}

fn parse_directory(at: usize, directory: &Value) -> Result<PackageDirectory, Error> {
    let key = format!("packageDirectories[{at}].path");
    let Some(text) = directory["path"].as_str() else {
        return Err(invalid(&key, "is missing"));
    };
    // Windows users write `.\force-app\`, and `sf` takes it.
    let text = text.replace('\\', "/");
    let mut clean = text.trim_end_matches('/');
    while let Some(rest) = clean.strip_prefix("./") {
        clean = rest;
    }
    let path = clean
        .parse()
        .map_err(|err| invalid(&key, &format!("is refused: {err}")))?;
    Ok(PackageDirectory {
        path,
        is_default: directory["default"].as_bool().unwrap_or(false),
    })
}

fn invalid(key: &str, reason: &str) -> Error {
    Error::InvalidProject {
        key: key.to_owned(),
        reason: reason.to_owned(),
    }
}
