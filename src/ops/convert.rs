//! `convert`: metadata format to source format and back, without an org or a repository.
//!
//! Reads and writes the disk itself: its input and output are folders or archives
//! that the user names, no working tree.

mod input;
mod output;

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use input::Input;
use output::Output;

use super::{Cause, Error, Refusal};
use crate::{
    model::{ApiVersion, Manifest},
    registry::{Presets, Registry},
    source::{Ignored, Level, convert},
    workdir,
};

/// Version of a manifest where no project says another.
pub const DEFAULT_API_VERSION: ApiVersion = ApiVersion::new(66);

/// Which format the output has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Source format, below `main/default/`.
    Source,
    /// Metadata format, with a `package.xml`.
    Metadata,
}

/// What became of the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConvertReport {
    /// Number of top-level components that were converted.
    pub n_components: usize,
    /// Number of files that were written.
    pub n_files: usize,
    /// Files of the input that were not converted, each with the reason.
    pub gaps: BTreeMap<String, String>,
}

/// The part of `sfdx-project.json` that a conversion needs.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Project {
    package_directories: Vec<PackageDirectory>,
    source_api_version: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PackageDirectory {
    path: String,
}

/// Converts a folder or an archive into a folder, or into an archive where `output`
/// ends in `.zip`.
///
/// Files that the output already has are overwritten, others are left. What the
/// nearest `.forceignore` above the input or the output denies is left out, as `sf`
/// does it.
///
/// # Errors
///
/// Where the input cannot be read at all or the output not written; what was
/// written stays. A single file that cannot be converted is a gap of the report.
pub fn convert(
    input: &Path,
    output: &Path,
    target: Target,
    level: Level,
) -> Result<ConvertReport, Error> {
    let mut input = Input::open(input, output)?;
    let mut out = Output::create(output)?;
    let report = match target {
        Target::Source => to_source(&mut input, &mut out, output, level),
        Target::Metadata => to_metadata(&mut input, &mut out, level),
    }?;
    out.finish()?;
    Ok(report)
}

fn to_source(
    input: &mut Input,
    out: &mut Output,
    output: &Path,
    level: Level,
) -> Result<ConvertReport, Error> {
    input.strip_package_root();
    let rules = IgnoreFile::above(output)?;
    let registry = Registry::with(&presets_above(output)?);
    let names: Vec<&str> = input.names().collect();
    let done = convert::to_source(
        &registry,
        level,
        &names,
        |n| input.read(n),
        |file| {
            let path = file.path.as_str();
            if rules.denies(&output.join(path)) {
                return Ok(());
            }
            out.write(path, &file.bytes)
        },
    )?;
    Ok(report(done, &input.gaps))
}

fn to_metadata(input: &mut Input, out: &mut Output, level: Level) -> Result<ConvertReport, Error> {
    let project = project(input)?;
    let mut version = DEFAULT_API_VERSION;
    if let Some(project) = &project {
        let folders: Vec<&str> = project
            .package_directories
            .iter()
            .map(|it| it.path.as_str())
            .collect();
        if !folders.is_empty() {
            let names: Vec<&str> = input.names().collect();
            let kept = convert::in_project(&folders, &names);
            let kept: Vec<String> = kept.into_iter().map(str::to_owned).collect();
            input.retain(&kept);
        }
        if let Some(text) = &project.source_api_version {
            version = text
                .parse()
                .map_err(|err| bad_project(&format!("has a wrong sourceApiVersion: {err}")))?;
        }
    }
    let registry = Registry::official();
    let mut manifest = Manifest::new(version);
    let names: Vec<&str> = input.names().collect();
    let done = convert::to_package(
        registry,
        level,
        &names,
        &Ignored::nothing(),
        &mut manifest,
        |n| input.read(n),
        |file| out.write(&file.path, &file.bytes),
    )?;
    out.write("package.xml", &manifest.render())?;
    Ok(report(done, &input.gaps))
}

fn report(done: convert::Converted, gaps: &BTreeMap<String, String>) -> ConvertReport {
    let mut report = ConvertReport {
        n_components: done.n_components,
        n_files: done.n_files,
        gaps: done.gaps,
    };
    report.gaps.extend(gaps.clone());
    report
}

/// The project that the input is; `None` where it is only a tree.
fn project(input: &Input) -> Result<Option<Project>, Error> {
    let Some(n) = input.names().position(|it| it == "sfdx-project.json") else {
        return Ok(None);
    };
    let bytes = input
        .read(n)
        .map_err(|reason| bad_project(&format!("cannot be read: {reason}")))?;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|err| bad_project(&format!("is no project file: {err}")))
}

/// The types that the nearest project above a folder has taken apart further than usual.
fn presets_above(start: &Path) -> Result<Presets, Error> {
    let start = std::path::absolute(start).map_err(disk("find", start))?;
    for folder in start.ancestors() {
        // A file where a folder was looked for: the output is an archive.
        if folder.is_dir()
            && let Some(project) = workdir::Project::read(folder)?
        {
            return Ok(project.presets);
        }
    }
    Ok(Presets::new())
}

fn bad_project(reason: &str) -> Error {
    Cause::Refused(Refusal::BadFile {
        path: "sfdx-project.json".to_owned(),
        reason: reason.to_owned(),
    })
    .into()
}

fn disk(act: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |source| Cause::Disk { act, path, source }.into()
}

/// The nearest `.forceignore`, and the folder that its patterns are relative to.
struct IgnoreFile {
    folder: std::path::PathBuf,
    rules: Ignored,
}

impl IgnoreFile {
    /// Looks in the folder and in those above it.
    fn above(start: &Path) -> Result<Self, Error> {
        let start = std::path::absolute(start).map_err(disk("find", start))?;
        for folder in start.ancestors() {
            let path = folder.join(".forceignore");
            match std::fs::read(&path) {
                Ok(bytes) => {
                    return Ok(Self {
                        folder: folder.to_owned(),
                        rules: Ignored::parse(&String::from_utf8_lossy(&bytes)),
                    });
                }
                Err(err) if err.kind() == std::io::ErrorKind::NotFound => (),
                // A file where a folder was looked for: the input is an archive.
                Err(err) if err.kind() == std::io::ErrorKind::NotADirectory => (),
                Err(err) => return Err(disk("read", &path)(err)),
            }
        }
        Ok(Self {
            folder: start,
            rules: Ignored::nothing(),
        })
    }

    fn denies(&self, path: &Path) -> bool {
        let Ok(path) = std::path::absolute(path) else {
            return false;
        };
        let Ok(path) = path.strip_prefix(&self.folder) else {
            return false;
        };
        let text = path.to_string_lossy().replace('\\', "/");
        self.rules.denies(&text)
    }
}
