//! The deploys that carry a plan out: what is sent, what is deleted, in which calls.
//!
//! Everything that is changed or made goes in one call where the platform's limits
//! let it, since the server orders it by itself; above them it is cut in the order
//! of dependency. What is deleted goes last, what others may still refer to in a
//! call of its own after that.
//!
//! Invariant: a component is never both sent and deleted, and no destructive
//! manifest names a `*`.

mod check;
mod level;
mod problems;

use std::collections::{BTreeMap, BTreeSet};

pub use check::{Act, Check, Checks, checks};
pub use level::{TestLevel, TestsNeeded, test_level};
pub use problems::hint;

use super::retrieve::{Cost, CostModel, Limits};
use super::rollback::{Content, RollbackPlan, Step};
use crate::model::component::percent_decoded;
use crate::model::{ApiVersion, ComponentKey, ComponentName, Manifest, TreePath, TypeName};

/// One `deploy()` call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployCall {
    /// What is sent.
    pub package: BTreeSet<ComponentKey>,
    /// What of `package` the org does not have yet.
    pub made: BTreeSet<ComponentKey>,
    /// Files of `package`, by component and path.
    pub files: BTreeMap<TreePath, (ComponentKey, Content)>,
    /// What is deleted before, since it stands in the way.
    pub pre: BTreeSet<ComponentKey>,
    /// What is deleted after.
    pub post: BTreeSet<ComponentKey>,
}

/// Everything that is done in the org.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployPlan {
    /// Steps before the first call.
    pub before: Vec<Step>,
    /// The calls, in order.
    pub calls: Vec<DeployCall>,
    /// Steps after the last call.
    pub after: Vec<Step>,
    /// Which tests run.
    pub tests: TestLevel,
}

/// The manifests of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifests {
    /// `package.xml`; there even where nothing is sent.
    pub package: Manifest,
    /// `destructiveChangesPre.xml`, where something is in it.
    pub pre: Option<Manifest>,
    /// `destructiveChangesPost.xml`, where something is in it.
    pub post: Option<Manifest>,
}

/// Types in the order in which they are made; what is not here comes in the middle.
///
/// Deletions go the other way. Source: `field.md` §4.3; the order in which public
/// projects deploy step by step.
const ORDER: &[&[&str]] = &[
    &[
        "InstalledPackage",
        "Settings",
        "Role",
        "Group",
        "Queue",
        "GlobalValueSet",
        "StandardValueSet",
        "CustomLabels",
        "CustomLabel",
    ],
    &[
        "ReportFolder",
        "DashboardFolder",
        "DocumentFolder",
        "EmailFolder",
        "EmailTemplateFolder",
    ],
    &["CustomObject"],
    &[
        "CustomField",
        "BusinessProcess",
        "RecordType",
        "CompactLayout",
        "FieldSet",
        "Index",
        "SharingReason",
        "CustomMetadata",
    ],
    &[
        "CustomPermission",
        "StaticResource",
        "Document",
        "ContentAsset",
        "EmailTemplate",
        "Letterhead",
        "RemoteSiteSetting",
        "NamedCredential",
        "ExternalCredential",
    ],
    &["ApexClass"],
    &[
        "ApexTrigger",
        "ApexComponent",
        "ApexPage",
        "AuraDefinitionBundle",
        "LightningComponentBundle",
        "ValidationRule",
        "ListView",
        "WebLink",
    ],
    // Everything that is not named.
    &[],
    &[
        "QuickAction",
        "Workflow",
        "Flow",
        "FlowDefinition",
        "ApprovalProcess",
        "AssignmentRules",
        "SharingRules",
        "DuplicateRule",
    ],
    &[
        "Layout",
        "FlexiPage",
        "CustomTab",
        "CustomApplication",
        "HomePageLayout",
    ],
    &["ReportType", "Report"],
    &["Dashboard"],
    &[
        "CustomObjectTranslation",
        "CustomFieldTranslation",
        "Translations",
    ],
    &[
        "PermissionSet",
        "MutingPermissionSet",
        "Profile",
        "PermissionSetGroup",
    ],
];

/// Types that go in a call of their own after everything that may refer to them.
///
/// Source: `field.md` §4.2: a value set can be deleted after its fields only.
const LAST_TO_GO: &[&str] = &["GlobalValueSet", "CustomObject"];

/// Where a type stands in the order of making.
#[must_use]
pub fn rank(type_name: &TypeName) -> usize {
    let of = type_name.as_str();
    let named = ORDER.iter().position(|types| types.contains(&of));
    named.unwrap_or_else(|| {
        ORDER
            .iter()
            .position(|types| types.is_empty())
            .unwrap_or_default()
    })
}

/// Plans the calls that carry out what `plan` applies.
///
/// `limits` is what one call may carry; `parent_of` tells the parent of a child,
/// whose files go in one call with it and whose deletion is theirs. Nothing has
/// been sent.
pub fn plan_deploy(
    plan: &RollbackPlan,
    costs: &CostModel,
    limits: Limits,
    tests: TestLevel,
    parent_of: impl Fn(&ComponentKey) -> Option<ComponentKey>,
) -> DeployPlan {
    let mut result = DeployPlan {
        tests,
        ..DeployPlan::default()
    };
    let mut sent: Vec<(ComponentKey, Vec<(TreePath, Content)>)> = Vec::new();
    let mut made = BTreeSet::new();
    let mut deleted = BTreeSet::new();
    for item in plan.applied() {
        result.before.extend(item.before.iter().cloned());
        result.after.extend(item.after.iter().cloned());
        if !item.files.is_empty() {
            sent.push((item.key.clone(), item.files.clone()));
            made.extend(item.states.1.is_none().then(|| item.key.clone()));
        }
        for name in &item.deletes {
            let name = name.parse::<ComponentName>().ok();
            // A name with a star would read as a wildcard.
            let name = name.filter(|it| !it.as_str().contains('*'));
            deleted.extend(name.map(|it| ComponentKey::new(item.key.type_name.clone(), it)));
        }
        deleted.extend(item.deletes_inside.iter().cloned());
    }
    let kept: BTreeSet<_> = sent.iter().map(|(key, _)| folded(key)).collect();
    deleted.retain(|it| !kept.contains(&folded(it)));
    // A child goes with its parent.
    let with_parent = |key: &ComponentKey, all: &BTreeSet<ComponentKey>| {
        parent_of(key).is_some_and(|it| all.contains(&it))
    };
    let (_, deleted): (BTreeSet<_>, BTreeSet<_>) = deleted
        .iter()
        .cloned()
        .partition(|it| with_parent(it, &deleted));
    result.calls = send_calls(sent, costs, limits, &parent_of);
    for call in &mut result.calls {
        call.made = call.package.intersection(&made).cloned().collect();
    }
    push_deletions(&mut result.calls, deleted);
    result
}

fn folded(key: &ComponentKey) -> (TypeName, String) {
    let name = percent_decoded(key.name.as_str()).to_lowercase();
    (key.type_name.clone(), name)
}

/// One call, or several in the order of dependency.
fn send_calls(
    sent: Vec<(ComponentKey, Vec<(TreePath, Content)>)>,
    costs: &CostModel,
    limits: Limits,
    parent_of: &impl Fn(&ComponentKey) -> Option<ComponentKey>,
) -> Vec<DeployCall> {
    // Children are sent in their parent's file, so they stay together.
    type Family = Vec<(ComponentKey, Vec<(TreePath, Content)>)>;
    let mut families: BTreeMap<(usize, ComponentKey), Family> = BTreeMap::new();
    for (key, files) in sent {
        let mut head = key.clone();
        while let Some(parent) = parent_of(&head) {
            head = parent;
        }
        let at = (rank(&head.type_name), head);
        families.entry(at).or_default().push((key, files));
    }
    let mut calls: Vec<DeployCall> = Vec::new();
    let mut filled = Cost::default();
    for family in families.into_values() {
        let cost = family.iter().fold(Cost::default(), |sum, (key, files)| {
            sum.and(cost_of(key, files, costs))
        });
        if calls.is_empty() || !limits.hold(filled.and(cost)) {
            calls.push(DeployCall::default());
            filled = Cost::default();
        }
        filled = filled.and(cost);
        let call = calls.last_mut().expect("a call was just made sure of");
        for (key, files) in family {
            let files = files
                .into_iter()
                .map(|(path, it)| (path, (key.clone(), it)));
            call.files.extend(files);
            call.package.insert(key);
        }
    }
    calls
}

fn cost_of(key: &ComponentKey, files: &[(TreePath, Content)], costs: &CostModel) -> Cost {
    let estimate = costs.estimate(key);
    let known: u64 = files
        .iter()
        .filter_map(|(_, it)| match it {
            Content::Merged(bytes) => u64::try_from(bytes.len()).ok(),
            Content::Target => None,
        })
        .sum();
    Cost {
        files: u64::try_from(files.len()).unwrap_or(u64::MAX),
        zip_bytes: estimate.zip_bytes.max(known / 8),
        bytes: estimate.bytes.max(known),
    }
}

/// Deletes at the end of the last call, and what goes last in one more.
fn push_deletions(calls: &mut Vec<DeployCall>, deleted: BTreeSet<ComponentKey>) {
    if deleted.is_empty() {
        return;
    }
    let (last, first): (BTreeSet<_>, BTreeSet<_>) = deleted
        .into_iter()
        .partition(|it| LAST_TO_GO.contains(&it.type_name.as_str()));
    let needs_two = !first.is_empty() && !last.is_empty();
    if calls.is_empty() {
        calls.push(DeployCall::default());
    }
    let call = calls.last_mut().expect("a call was just made sure of");
    call.post = if first.is_empty() {
        last.clone()
    } else {
        first
    };
    if needs_two {
        calls.push(DeployCall {
            post: last,
            ..DeployCall::default()
        });
    }
}

impl DeployCall {
    /// The manifests of this call.
    ///
    /// `named_as` gives the name under which a manifest knows a component: a folder
    /// under the type of its content, a translated field under its translation.
    #[must_use]
    pub fn manifests(
        &self,
        version: ApiVersion,
        named_as: impl Fn(&ComponentKey) -> ComponentKey,
    ) -> Manifests {
        let of = |keys: &BTreeSet<ComponentKey>| {
            let mut manifest = Manifest::new(version);
            for key in keys {
                manifest.insert(&named_as(key));
            }
            manifest
        };
        Manifests {
            package: of(&self.package),
            pre: (!self.pre.is_empty()).then(|| of(&self.pre)),
            post: (!self.post.is_empty()).then(|| of(&self.post)),
        }
    }

    /// Whether it sends or deletes Apex, so that production runs tests.
    #[must_use]
    pub fn has_apex(&self) -> bool {
        self.package
            .iter()
            .chain(&self.pre)
            .chain(&self.post)
            .any(|it| matches!(it.type_name.as_str(), "ApexClass" | "ApexTrigger"))
    }
}

impl DeployPlan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.before.is_empty() && self.after.is_empty()
    }
}

#[cfg(test)]
mod tests;
