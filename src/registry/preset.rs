//! Ways of taking types apart that a project may ask for.
//!
//! A project asks for them by `sourceBehaviorOptions` of `sfdx-project.json`. They say
//! how files are written; files that another project wrote by any of them are read
//! in every project.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::Deserialize;

use super::{Decomposition, Files, Type};
use crate::model::TypeName;

/// One way of taking a type apart, by Salesforce's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Preset {
    /// A file for each custom label, in a folder of their own.
    DecomposeCustomLabelsBeta,
    /// A file for each custom label, and none for all of them.
    DecomposeCustomLabelsBeta2,
    /// The schema of an external service beside it.
    DecomposeExternalServiceRegistrationBeta,
    /// A file for each permission.
    DecomposePermissionSetBeta,
    /// A file for the permissions of each object, and one for each other kind.
    DecomposePermissionSetBeta2,
    /// A file for each sharing rule.
    DecomposeSharingRulesBeta,
    /// A file for each rule and action of a workflow.
    DecomposeWorkflowBeta,
}

/// What a project asks for.
pub type Presets = BTreeSet<Preset>;

/// A word that is the name of no preset.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no way of taking types apart that is known", .0.escape_debug())]
pub struct UnknownPreset(pub String);

impl Preset {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::DecomposeCustomLabelsBeta,
        Self::DecomposeCustomLabelsBeta2,
        Self::DecomposeExternalServiceRegistrationBeta,
        Self::DecomposePermissionSetBeta,
        Self::DecomposePermissionSetBeta2,
        Self::DecomposeSharingRulesBeta,
        Self::DecomposeWorkflowBeta,
    ];

    /// Its name in `sourceBehaviorOptions`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DecomposeCustomLabelsBeta => "decomposeCustomLabelsBeta",
            Self::DecomposeCustomLabelsBeta2 => "decomposeCustomLabelsBeta2",
            Self::DecomposeExternalServiceRegistrationBeta => {
                "decomposeExternalServiceRegistrationBeta"
            }
            Self::DecomposePermissionSetBeta => "decomposePermissionSetBeta",
            Self::DecomposePermissionSetBeta2 => "decomposePermissionSetBeta2",
            Self::DecomposeSharingRulesBeta => "decomposeSharingRulesBeta",
            Self::DecomposeWorkflowBeta => "decomposeWorkflowBeta",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(text: &str) -> Result<Self, UnknownPreset> {
        Self::ALL
            .into_iter()
            .find(|it| it.name() == text)
            .ok_or_else(|| UnknownPreset(text.to_owned()))
    }
}

/// A type as a preset lays it out: a row of `presets.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    preset: Preset,
    #[serde(rename = "type")]
    type_name: TypeName,
    files: Files,
    decomposition: Option<Decomposition>,
    children: Vec<Type>,
}

impl Row {
    /// The rows of the table.
    ///
    /// Source: source-deploy-retrieve 13.2.0, `src/registry/presets`.
    pub(super) fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("presets.json"))
            .expect("the table is part of the program and tested")
    }

    /// Whether it is of `ty`.
    pub(super) fn is_of(&self, ty: &Type) -> bool {
        self.type_name == ty.name
    }

    /// `ty` as the preset lays it out.
    pub(super) fn variant_of(&self, ty: &Type) -> Type {
        let mut variant = ty.clone();
        variant.variants.clear();
        variant.files = self.files;
        variant.decomposition = self.decomposition;
        variant.children.clone_from(&self.children);
        for child in &mut variant.children {
            child.parent = Some(ty.name.clone());
        }
        variant.preset = Some(self.preset);
        variant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preset_is_known_by_the_name_that_projects_use() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse(), Ok(preset));
        }
        let unknown = "decomposeFlowsBeta".parse::<Preset>().unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "`decomposeFlowsBeta` is no way of taking types apart that is known"
        );
    }

    #[test]
    fn each_preset_has_a_row() {
        let rows = Row::all();
        for preset in Preset::ALL {
            assert!(rows.iter().any(|it| it.preset == preset), "{preset}");
        }
    }
}
