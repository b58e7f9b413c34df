//! The Setup Audit Trail.

use serde::{Deserialize, Serialize};

use super::SimOrg;
use crate::model::{ComponentKey, RecordId, Stamp};

/// One row of the Setup Audit Trail.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditRow {
    /// Id, `0Ym…`.
    pub id: RecordId,
    /// Code of what was done, such as `deletedCFText`.
    pub action: String,
    /// Part of Setup, such as `Customize Accounts`.
    pub section: String,
    /// What was done, in words.
    pub display: String,
    /// Who did it, and when.
    pub stamp: Stamp,
    /// The component it is about, where it is about one; not given out.
    pub key: Option<ComponentKey>,
    /// The user who was logged in as the author.
    pub delegate_user: Option<String>,
}

/// What happened to a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Created,
    Changed,
    Deleted,
}

impl SimOrg {
    /// Writes a row of the Setup Audit Trail.
    pub fn audit(&mut self, action: &str, section: &str, display: String, stamp: &Stamp) {
        self.write_row(action.to_owned(), section.to_owned(), display, stamp, None);
    }

    pub(super) fn audit_component(
        &mut self,
        happened: Happened,
        key: &ComponentKey,
        stamp: &Stamp,
    ) {
        let verb = match happened {
            Happened::Created => "Created",
            Happened::Changed => "Changed",
            Happened::Deleted => "Deleted",
        };
        let type_name = key.type_name.as_str();
        let name = key.name.as_str();
        let object = key.name.parent().unwrap_or(name);
        let own = name.split_once('.').map_or(name, |(_, own)| own);
        let (code, section, display) = match type_name {
            "CustomField" => (
                "CF".to_owned(),
                format!("Customize {object}"),
                format!("{verb} custom field {own} on {object}"),
            ),
            "ValidationRule" => (
                "ValidationRule".to_owned(),
                format!("Customize {object}"),
                format!("{verb} {object} validation rule \"{own}\""),
            ),
            "CustomObject" => (
                "CustomObject".to_owned(),
                "Custom Objects".to_owned(),
                format!("{verb} custom object: {name}"),
            ),
            "ApexClass" => (
                "ApexClass".to_owned(),
                "Apex Class".to_owned(),
                format!("{verb} {name} Apex Class code"),
            ),
            "ApexTrigger" => (
                "ApexTrigger".to_owned(),
                "Apex Trigger".to_owned(),
                format!("{verb} {name} Apex Trigger code"),
            ),
            "Layout" => (
                "Layout".to_owned(),
                "Page Layouts".to_owned(),
                format!("{verb} page layout {}", key.name.decoded()),
            ),
            "Profile" => (
                "Profile".to_owned(),
                "Manage Users".to_owned(),
                format!("{verb} profile {}", key.name.decoded()),
            ),
            "PermissionSet" => (
                "PermSet".to_owned(),
                "Manage Users".to_owned(),
                format!("{verb} permission set {name}"),
            ),
            _ => (
                type_name.to_owned(),
                spaced(type_name),
                format!("{verb} {} {}", spaced(type_name), key.name.decoded()),
            ),
        };
        let action = format!("{}{code}", verb.to_ascii_lowercase());
        self.write_row(action, section, display, stamp, Some(key.clone()));
    }

    fn write_row(
        &mut self,
        action: String,
        section: String,
        display: String,
        stamp: &Stamp,
        key: Option<ComponentKey>,
    ) {
        let id = self.next_id("0Ym");
        self.audit.push(AuditRow {
            id,
            action,
            section,
            display,
            stamp: stamp.clone(),
            key,
            delegate_user: None,
        });
    }
}

/// `CustomTab` as `Custom Tab`.
fn spaced(type_name: &str) -> String {
    let mut out = String::new();
    let mut after_lower = false;
    for it in type_name.chars() {
        if it.is_ascii_uppercase() && after_lower {
            out.push(' ');
        }
        after_lower = it.is_ascii_lowercase();
        out.push(it);
    }
    out
}
