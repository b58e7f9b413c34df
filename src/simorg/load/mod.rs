//! Reads a project from disk: what `--load` and `POST /simorg/load` take.
//!
//! A DX project, or a metadata-format folder, with `package.xml` at its root or
//! in `unpackaged/` or without one; or a zip of either. Nothing in a project stops the load: what
//! is no component is left out and named, malformed files are kept and served
//! as they are.
//!
//! Invariant: every path of a component can stand in a tree (`TreePath`).

mod assign;
mod dx;
mod files;

use std::path::{Path, PathBuf};

pub use assign::assign;
pub(super) use assign::namespace_in;

use super::state::{NewComponent, PackageFile};

/// A project, taken apart into components.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Its components; folders come before what lies in them.
    pub components: Vec<NewComponent>,
    /// What became no component, and why.
    pub left_out: Vec<LeftOut>,
}

/// A file that became no part of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its path in the project.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A project that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk said no.
    #[error("cannot read {}", path.display())]
    Io {
        /// What was read.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The zip cannot be read.
    #[error("cannot read the archive {}", path.display())]
    Archive {
        /// What was read.
        path: PathBuf,
        /// Why not.
        source: crate::archive::Error,
    },
    /// There are more files than an org has.
    #[error("{} has more than {} files", path.display(), files::MAX_FILES)]
    TooMany {
        /// What was read.
        path: PathBuf,
    },
}

/// Reads the project at `path`: a folder or a zip.
///
/// # Errors
///
/// [`Error`] where the disk or the archive cannot be read.
pub fn read(path: &Path) -> Result<Project, Error> {
    let (files, left_out) = if path.is_dir() {
        files::of_folder(path)?
    } else {
        files::of_zip(path)?
    };
    let mut project = from_files(files);
    project.left_out.extend(left_out);
    Ok(project)
}

/// Takes files apart into components, wherever the package among them begins.
#[must_use]
pub fn from_files(files: Vec<PackageFile>) -> Project {
    if let Some(root) = dx::root_of(&files) {
        let (package, mut left_out) = dx::to_package(files, &root);
        let (components, stray) = assign(package);
        left_out.extend(stray);
        return Project {
            components,
            left_out,
        };
    }
    let root = files::root_of(&files);
    let mut project = Project::default();
    let mut package = Vec::new();
    for mut file in files {
        match file.path.strip_prefix(&root) {
            Some(rest) => {
                file.path = String::from(rest);
                package.push(file);
            }
            None => project.left_out.push(LeftOut {
                path: file.path,
                reason: "it lies outside the package".to_owned(),
            }),
        }
    }
    let (components, left_out) = assign(package);
    project.components = components;
    project.left_out.extend(left_out);
    project
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(paths: &[&str]) -> Project {
        from_files(
            paths
                .iter()
                .map(|it| PackageFile::new(it, b"<X/>".to_vec()))
                .collect(),
        )
    }

    fn keys(project: &Project) -> Vec<String> {
        project
            .components
            .iter()
            .map(|it| it.key.to_string())
            .collect()
    }

    #[test]
    fn files_become_the_components_they_belong_to() {
        let project = project(&[
            "unpackaged/package.xml",
            "unpackaged/classes/A.cls",
            "unpackaged/classes/A.cls-meta.xml",
            "unpackaged/lwc/card/card.js",
            "unpackaged/lwc/card/card.js-meta.xml",
            "unpackaged/reports/Sales-meta.xml",
            "unpackaged/reports/Sales/Sub-meta.xml",
            "unpackaged/reports/Sales/Sub/R.report",
            "unpackaged/reports/unfiled$public/P.report",
            "unpackaged/documents/Brand-meta.xml",
            "unpackaged/documents/Brand/letter.v2.txt",
            "unpackaged/documents/Brand/letter.v2.txt-meta.xml",
            "unpackaged/territory2Models/E/E.territory2Model",
            "unpackaged/territory2Models/E/territories/N.territory2",
            "unpackaged/digitalExperiences/site/S1/sfdc_cms__view/home/content.json",
            "unpackaged/experiences/S.site-meta.xml",
            "unpackaged/experiences/S/views/home.json",
            "unpackaged/flows/F-1.flow",
            "unpackaged/flows/F-2.flow",
            "unpackaged/customMetadata/T.R.md",
            "unpackaged/layouts/Account-A %28S%29.layout",
            "unpackaged/acmeWidgets/W.acmeWidget",
        ]);
        assert_eq!(project.left_out, []);
        assert_eq!(
            keys(&project),
            [
                "AcmeWidget:W",
                "ApexClass:A",
                "CustomMetadata:T.R",
                "DigitalExperienceBundle:site/S1",
                "Document:Brand/letter.v2.txt",
                "DocumentFolder:Brand",
                "ExperienceBundle:S",
                "Flow:F",
                "Layout:Account-A %28S%29",
                "LightningComponentBundle:card",
                "Report:Sales/Sub/R",
                "Report:unfiled$public/P",
                "ReportFolder:Sales",
                "ReportFolder:Sales/Sub",
                "Territory2:E.N",
                "Territory2Model:E",
            ]
        );
    }

    #[test]
    fn source_project_becomes_a_package() {
        let file = |path: &str, text: &str| PackageFile::new(path, text.as_bytes().to_vec());
        let project = from_files(vec![
            file(
                "p/sfdx-project.json",
                r#"{"packageDirectories":[{"path":"./force-app"}]}"#,
            ),
            file("p/.forceignore", "**/__tests__/**"),
            file("p/README.md", "x"),
            file(
                "p/force-app/main/default/objects/Account/fields/A__c.field-meta.xml",
                "<CustomField><fullName>A__c</fullName></CustomField>",
            ),
            file(
                "p/force-app/main/default/lwc/card/__tests__/card.test.js",
                "x",
            ),
            file("p/force-app/main/default/lwc/card/card.js", "x"),
            file("p/force-app/main/default/lwc/card/card.js-meta.xml", "<L/>"),
        ]);
        assert_eq!(project.left_out, []);
        assert_eq!(
            keys(&project),
            ["CustomObject:Account", "LightningComponentBundle:card"]
        );
        let object = String::from_utf8_lossy(&project.components[0].files[0].content).into_owned();
        assert!(
            object.contains("<fields>\n        <fullName>A__c</fullName>"),
            "{object}"
        );
    }

    #[test]
    fn what_is_no_component_is_named_and_the_rest_loaded() {
        let project = project(&["classes/A.cls", "README.md", "classes/../../x.cls"]);
        assert_eq!(keys(&project), ["ApexClass:A"]);
        let left: Vec<_> = project.left_out.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(left, ["README.md", "classes/../../x.cls"]);
    }
}
