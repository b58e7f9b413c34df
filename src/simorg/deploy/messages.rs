//! The rows of a deploy's result.

use super::{DeployMessage, DeployOptions};
use crate::model::Timestamp;

/// Makes rows dated with the time of the deploy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub at: Timestamp,
}

impl Rows {
    /// A row of a success, nothing said about what happened.
    pub(super) fn success(
        &self,
        component_type: &str,
        full_name: &str,
        file_name: &str,
    ) -> DeployMessage {
        DeployMessage {
            changed: false,
            column_number: None,
            component_type: Some(component_type.to_owned()),
            created: false,
            created_date: self.at,
            deleted: false,
            file_name: file_name.to_owned(),
            full_name: full_name.to_owned(),
            id: None,
            line_number: None,
            problem: None,
            problem_type: None,
            success: true,
        }
    }

    pub(super) fn error(
        &self,
        component_type: &str,
        full_name: &str,
        file_name: &str,
        problem: &str,
    ) -> DeployMessage {
        DeployMessage {
            problem: Some(problem.to_owned()),
            problem_type: Some("Error".to_owned()),
            success: false,
            ..self.success(component_type, full_name, file_name)
        }
    }

    /// A warning: a success where warnings are ignored, else as bad as an error.
    ///
    /// Source: Metadata API Developer Guide, `deploy()`, `ignoreWarnings`.
    pub(super) fn warning(
        &self,
        component_type: &str,
        full_name: &str,
        file_name: &str,
        problem: &str,
        options: &DeployOptions,
    ) -> DeployMessage {
        DeployMessage {
            problem_type: Some("Warning".to_owned()),
            success: options.ignore_warnings,
            ..self.error(component_type, full_name, file_name, problem)
        }
    }

    /// `package.xml` is a success of no type; it always counts as changed.
    pub(super) fn manifest_success(&self, file_name: &str) -> DeployMessage {
        DeployMessage {
            changed: true,
            ..self.success("", base(file_name), file_name)
        }
    }

    pub(super) fn manifest_error(&self, file_name: &str, problem: &str) -> DeployMessage {
        self.error("", base(file_name), file_name, problem)
    }

    pub(super) fn file_error(&self, file_name: &str, problem: &str) -> DeployMessage {
        self.error("", file_name, file_name, problem)
    }
}

/// Whether a row is about a manifest and no component.
pub(super) fn is_manifest(row: &DeployMessage) -> bool {
    row.component_type.as_deref() == Some("")
        && matches!(
            row.full_name.as_str(),
            "package.xml"
                | "destructiveChanges.xml"
                | "destructiveChangesPre.xml"
                | "destructiveChangesPost.xml"
        )
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What the platform says of a class that jobs are scheduled to run.
///
/// Source: `api.md` §2.6, "Typical problem texts".
pub(super) const SCHEDULED: &str = "This schedulable class has jobs pending or in progress";
