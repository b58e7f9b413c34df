//! What a plan deploys, for whoever deploys it without us.

use std::collections::BTreeMap;

use super::{
    PlannedRollback,
    package::{Package, Packer, Secrets, activation},
    view::TreeView,
};
use crate::{
    client::Org,
    model::{ComponentKey, TreePath},
    ops::{
        error::{Error, Refusal},
        snapshot::SnapshotSetup,
    },
    store::Repository,
};

/// One deploy in metadata format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Its number and what it does, in the order of deploying: `2-deploy`.
    pub name: String,
    /// Its files, manifests included.
    pub entries: BTreeMap<TreePath, Vec<u8>>,
    /// What had to be left out, with the reason.
    pub refused: BTreeMap<ComponentKey, String>,
}

/// The deploys of a plan, in order. Asks the org for nothing.
///
/// # Errors
///
/// Objects that cannot be read, and a name that has no place in a folder.
pub async fn packages(
    planned: &PlannedRollback,
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
) -> Result<Vec<Parcel>, Error> {
    let target = TreeView::new(repo, &planned.then);
    let now = TreeView::new(repo, &planned.now);
    let packer = Packer {
        org,
        repo,
        setup,
        target: &target,
        now: &now,
        secrets: Secrets::Nowhere,
    };
    let deploy = &planned.deploy;
    let mut all: Vec<(&str, Package)> = Vec::new();
    if !deploy.before.is_empty() {
        all.push(("deactivate", activation(&deploy.before, setup.api_version)));
    }
    for call in &deploy.calls {
        all.push(("deploy", packer.pack(call).await?));
    }
    if !deploy.after.is_empty() {
        all.push(("activate", activation(&deploy.after, setup.api_version)));
    }
    all.retain(|(_, it)| !it.is_empty() || !it.refused.is_empty());
    let mut parcels = Vec::new();
    for (n, (what, package)) in all.into_iter().enumerate() {
        package.refuse_placeholders()?;
        let mut entries = BTreeMap::new();
        for (path, bytes) in package.entries {
            let path: TreePath = path.parse().map_err(|_| Refusal::BadFile {
                path: path.clone(),
                reason: "has no place in a folder".to_owned(),
            })?;
            entries.insert(path, bytes);
        }
        parcels.push(Parcel {
            name: format!("{}-{what}", n + 1),
            entries,
            refused: package.refused,
        });
    }
    Ok(parcels)
}
