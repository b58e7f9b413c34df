//! What the people of the fixture company deploy, and what must be left in the end.

use std::{fs::File, io::Seek};

use include_dir::{Dir, include_dir};

use super::super::CommandError;
use crate::archive::{Level, Writer};

static CHANGES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/orgs/acme-changes");

/// What Omar changed: all that may differ from the first snapshot after the rollback.
const OMARS: [&str; 5] = [
    "ApexClass:OpportunityService",
    "Flow:Order_Follow_Up",
    "FlowDefinition:Order_Follow_Up",
    "Report:Sales/Regional/Big_Deals_This_Quarter",
    "ValidationRule:Opportunity.Amount",
];

/// The change `name` as a zip to deploy.
pub(super) fn package(name: &str) -> Result<File, CommandError> {
    let folder = CHANGES
        .get_dir(name)
        .ok_or_else(|| CommandError::usage(format!("there is no change `{name}`"), None))?;
    let mut writer = Writer::new(tempfile::tempfile()?);
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            let path = file.path().strip_prefix(name).unwrap_or(file.path());
            let path = path.to_string_lossy().replace('\\', "/");
            writer.add(&path, file.contents(), Level::FAST)?;
        }
    }
    let mut zip = writer.finish()?;
    zip.rewind()?;
    Ok(zip)
}

/// Checks that the components in `names`, one a line, are Omar's and no other.
pub(super) fn check(names: &str) -> Result<(), CommandError> {
    let found: Vec<&str> = names.lines().filter(|it| it.contains(':')).collect();
    let strangers: Vec<&str> = found
        .iter()
        .copied()
        .filter(|it| !OMARS.contains(it))
        .collect();
    let missing: Vec<&str> = OMARS.into_iter().filter(|it| !found.contains(it)).collect();
    if strangers.is_empty() && missing.is_empty() {
        return Ok(());
    }
    Err(CommandError::refused(
        &format!(
            "the story did not end as it should: still different {strangers:?}, lost {missing:?}"
        ),
        "this is a bug of orgkeep: please report it",
    ))
}
