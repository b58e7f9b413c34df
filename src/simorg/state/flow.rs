//! Versions of a flow.
//!
//! An org keeps every version of a flow; at most one is active. A deploy adds a
//! version or, where the latest is a draft, still adds one: versions are never
//! overwritten here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Content, made_id};
use crate::model::{RecordId, Stamp};

/// One version of a flow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlowVersion {
    /// Id, `301…`.
    pub id: RecordId,
    /// Its document; the `status` in it is the version's present one.
    pub content: Content,
    /// `Active`, `Draft`, `Obsolete`, …
    pub status: String,
    /// Who made it, and when.
    pub created: Stamp,
    /// Who changed it last, and when.
    pub modified: Stamp,
}

/// All versions of a flow, by number.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FlowVersions {
    /// The versions; never empty in a flow that exists.
    pub versions: BTreeMap<u32, FlowVersion>,
    /// Number of the active one.
    pub active: Option<u32>,
}

impl FlowVersions {
    /// The version with the highest number.
    #[must_use]
    pub fn latest(&self) -> Option<(u32, &FlowVersion)> {
        self.versions.last_key_value().map(|(n, it)| (*n, it))
    }

    /// Id of the flow's definition, `300…`.
    #[must_use]
    pub fn definition_id(name: &str) -> RecordId {
        made_id("300", name)
    }

    /// Adds a version behind the latest; makes it the active one where its status says so.
    pub(super) fn add(&mut self, name: &str, content: Content, stamp: &Stamp) -> u32 {
        let number = self.latest().map_or(1, |(n, _)| n + 1);
        self.set(name, number, content, stamp);
        number
    }

    /// Puts a version at `number`.
    pub(super) fn set(&mut self, name: &str, number: u32, content: Content, stamp: &Stamp) {
        let status = status_of(&content);
        let is_active = status == "Active";
        let version = FlowVersion {
            id: made_id("301", &format!("{name}-{number}")),
            content,
            status,
            created: stamp.clone(),
            modified: stamp.clone(),
        };
        self.versions.insert(number, version);
        if is_active {
            self.activate(Some(number), stamp);
        }
    }

    /// Makes `number` the active version, or none; says whether that was a change.
    pub(super) fn activate(&mut self, number: Option<u32>, stamp: &Stamp) -> bool {
        let is_change = self.active != number;
        self.active = number;
        for (n, version) in &mut self.versions {
            let wanted = match number {
                Some(active) if active == *n => "Active",
                _ if version.status == "Active" => "Obsolete",
                _ => continue,
            };
            if version.status != wanted {
                wanted.clone_into(&mut version.status);
                version.content = with_status(&version.content, wanted);
                version.modified = stamp.clone();
            }
        }
        is_change
    }
}

/// Start and end of the text of the root's `status` in a flow's document.
fn status_span(text: &str) -> Option<(usize, usize)> {
    // Elements of the same name deeper down are indented further or stand on
    // one line with others; the root's is the last one of a document.
    let start = text.rfind("<status>")? + "<status>".len();
    let end = start + text[start..].find("</status>")?;
    Some((start, end))
}

fn status_of(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    match status_span(&text) {
        Some((start, end)) => text[start..end].trim().to_owned(),
        None => "Draft".to_owned(),
    }
}

fn with_status(content: &Content, status: &str) -> Content {
    let Ok(text) = std::str::from_utf8(content) else {
        return content.clone();
    };
    match status_span(text) {
        Some((start, end)) => Content::text(&format!("{}{status}{}", &text[..start], &text[end..])),
        None => content.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Author, Timestamp};

    fn stamp() -> Stamp {
        Stamp {
            by: Author {
                id: None,
                name: "Jane".to_owned(),
            },
            at: Timestamp::UNKNOWN,
        }
    }

    #[test]
    fn one_version_is_active_and_the_former_becomes_obsolete() {
        let mut flow = FlowVersions::default();
        let content = Content::text("<Flow>\n    <status>Active</status>\n</Flow>\n");
        flow.add("F", content.clone(), &stamp());
        assert_eq!(flow.add("F", content, &stamp()), 2);
        assert_eq!(flow.active, Some(2));
        assert_eq!(flow.versions[&1].status, "Obsolete");
        assert!(
            flow.versions[&1]
                .content
                .ends_with(b"<status>Obsolete</status>\n</Flow>\n")
        );
        assert!(flow.activate(Some(1), &stamp()));
        assert_eq!(flow.versions[&2].status, "Obsolete");
        assert!(!flow.activate(Some(1), &stamp()));
    }
}
