//! The files that `init` writes, so that `sf` and Git work on the repository as it stands.

use serde_json::json;

use crate::model::{ApiVersion, TreePath};

/// A file of a new project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialFile {
    /// Where it goes.
    pub path: TreePath,
    /// What is in it.
    pub text: String,
}

const ATTRIBUTES: &str = "\
# Files hold the bytes that the org gave: no line end is converted.
* -text
";

const IGNORED_BY_GIT: &str = "\
# Local to one machine
.sf/
.sfdx/
.localdevserver/
node_modules/
.DS_Store
Thumbs.db

# What orgkeep is just writing
.orgkeep-*.tmp
";

const IGNORED_BY_SF: &str = "\
# What `sf` and orgkeep leave alone; patterns as in .gitignore.
package.xml

# Settings of editors and tests of Lightning components
**/jsconfig.json
**/tsconfig.json
**/.eslintrc.json
**/__tests__/**
";

/// The files of a new project named `name`, without orgkeep's own configuration.
#[must_use]
pub fn initial_files(name: &str, api_version: ApiVersion) -> Vec<InitialFile> {
    let project = json!({
        "packageDirectories": [{ "path": "force-app", "default": true }],
        "name": name,
        "namespace": "",
        "sfdcLoginUrl": "https://login.salesforce.com",
        "sourceApiVersion": api_version.to_string(),
    });
    [
        ("sfdx-project.json", format!("{project:#}\n")),
        (".forceignore", IGNORED_BY_SF.to_owned()),
        (".gitattributes", ATTRIBUTES.to_owned()),
        (".gitignore", IGNORED_BY_GIT.to_owned()),
    ]
    .into_iter()
    .map(|(path, text)| InitialFile {
        path: path.parse().expect("a literal path is valid"),
        text,
    })
    .collect()
}

/// Whether `attributes`, the text of a `.gitattributes`, keeps Git from converting
/// the line ends of files that it does not name.
///
/// In a repository that was there before, it is the user's to add `* -text`.
#[must_use]
pub fn obeys_bytes(attributes: &str) -> bool {
    attributes.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("*") && words.any(|it| matches!(it, "-text" | "binary"))
    })
}
