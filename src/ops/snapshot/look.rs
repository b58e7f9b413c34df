//! What a look at the live org begins with: the branch, what is remembered, the listing.

use super::{
    SnapshotOptions, SnapshotSetup,
    base::Base,
    check_org,
    decide::{self, ReadPlan},
    identify,
    memory::Memory,
    renew,
};
use crate::{
    client::{Identity, Org},
    model::Timestamp,
    ops::error::Error,
    progress::Monitor,
    store::{Branch, Repository},
};

/// The branch and the org, listed; nothing is retrieved yet.
pub(super) struct Look {
    /// The org, spoken to in the version that the tree is in.
    pub(super) org: Org,
    pub(super) identity: Identity,
    pub(super) branch: Branch,
    pub(super) base: Base,
    pub(super) memory: Memory,
    /// The settings that wrote the tree.
    pub(super) setup: SnapshotSetup,
    pub(super) plan: ReadPlan,
}

/// Lists the org and reads the tip of the branch.
///
/// # Errors
///
/// An org that does not answer or is another one, a branch without a snapshot.
pub(super) async fn look(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    options: &SnapshotOptions,
    monitor: &dyn Monitor,
) -> Result<Look, Error> {
    let branch = repo.branch(&setup.branch, &setup.remote)?;
    let identity = identify(org).await?;
    let base = Base::read(repo, &branch, &setup.package_dirs)?;
    let setup = renew::as_kept(base.kept_org(&branch.name)?, setup);
    check_org(&base, &branch, identity.org.id)?;
    // A version that the org has no more shows at least what it has.
    let org = org.at(setup.api_version).unwrap_or_else(|_| org.clone());
    let memory = Memory::read(repo, identity.org.id)?;
    let began = org.now().unwrap_or(Timestamp::UNKNOWN);
    let plan = decide::plan(
        &org,
        repo,
        &base,
        &memory,
        &setup,
        options,
        identity.org.id,
        began,
        monitor,
    )
    .await?;
    Ok(Look {
        org,
        identity,
        branch,
        base,
        memory,
        setup,
        plan,
    })
}
