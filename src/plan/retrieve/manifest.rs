//! The `package.xml` of one retrieve.

use super::RetrieveBatch;
use crate::model::{ApiVersion, ComponentKey, Manifest, TypeName};

/// What a manifest needs to know of types and flows.
pub struct ManifestHints<'a> {
    /// The type under which a manifest names a component: `Report` for `ReportFolder`.
    ///
    /// `None` for the type itself.
    pub named_under: &'a dyn Fn(&TypeName) -> Option<TypeName>,
    /// The active version of a flow where it is not the latest.
    pub active_version: &'a dyn Fn(&ComponentKey) -> Option<u32>,
}

/// The folder of content that lies in no folder.
///
/// It is never listed as a folder and a manifest cannot name it.
/// Source: Metadata API Developer Guide, `Report`.
pub const UNFILED: &str = "unfiled$public";

/// The type that a manifest names a folder under.
///
/// Source: Metadata API Developer Guide, `Folder`. Folders of Lightning e-mail
/// templates are a type of their own.
#[must_use]
pub fn named_under(type_name: &TypeName) -> Option<TypeName> {
    match type_name.as_str() {
        "ReportFolder" => Some(TypeName::known("Report")),
        "DashboardFolder" => Some(TypeName::known("Dashboard")),
        "DocumentFolder" => Some(TypeName::known("Document")),
        "EmailFolder" => Some(TypeName::known("EmailTemplate")),
        _ => None,
    }
}

/// The `package.xml` of `batch`: each component under the name it was listed with.
///
/// A flow is named for its latest version and, where another one is active, as
/// `Name-3` for that as well.
#[must_use]
pub fn manifest(batch: &RetrieveBatch, version: ApiVersion, hints: &ManifestHints<'_>) -> Manifest {
    let mut manifest = Manifest::new(version);
    let all = batch
        .components
        .iter()
        .chain(&batch.partial)
        .chain(&batch.companions);
    for key in all {
        let under = (hints.named_under)(&key.type_name);
        if under.is_some() && key.name.as_str() == UNFILED {
            continue;
        }
        let under = under.unwrap_or_else(|| key.type_name.clone());
        let members = manifest.types.entry(under).or_default();
        members.insert(key.name.as_str().to_owned());
        if key.type_name.as_str() == "Flow"
            && let Some(number) = (hints.active_version)(key)
        {
            members.insert(format!("{}-{number}", key.name));
        }
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::key;

    #[test]
    fn manifest_names_folders_flows_and_encoded_names_as_the_org_wants_them() {
        let batch = RetrieveBatch {
            components: [
                "Flow:Onboarding",
                "Layout:Account-Account %28Sales%29 Layout",
                "Report:Sales/EMEA/Won",
                "Report:unfiled$public/Old",
                "ReportFolder:Sales",
                "ReportFolder:Sales/EMEA",
                "ReportFolder:unfiled$public",
            ]
            .map(key)
            .to_vec(),
            partial: vec![key("Profile:Admin")],
            companions: vec![key("CustomObject:Account")],
        };
        let hints = ManifestHints {
            named_under: &named_under,
            active_version: &|_| Some(3),
        };
        let text = manifest(&batch, ApiVersion::new(66), &hints).render();
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <Package xmlns="http://soap.sforce.com/2006/04/metadata">
            <types>
                <members>Account</members>
                <name>CustomObject</name>
            </types>
            <types>
                <members>Onboarding</members>
                <members>Onboarding-3</members>
                <name>Flow</name>
            </types>
            <types>
                <members>Account-Account %28Sales%29 Layout</members>
                <name>Layout</name>
            </types>
            <types>
                <members>Admin</members>
                <name>Profile</name>
            </types>
            <types>
                <members>Sales</members>
                <members>Sales/EMEA</members>
                <members>Sales/EMEA/Won</members>
                <members>unfiled$public/Old</members>
                <name>Report</name>
            </types>
            <version>66.0</version>
        </Package>
        "#);
    }
}
