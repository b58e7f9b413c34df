//! The notes of deploys in the state of an org.

use crate::{
    ledger::Deploys,
    model::{OrgId, Timestamp},
    ops::{error::Error, notes, snapshot::SnapshotSetup},
    store::{self, Repository, Signature, WriteLock, state_ref},
};

/// The notes of the deploys to one org.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct Journal<'a> {
    repo: &'a Repository,
    committer: &'a (String, String),
    org: OrgId,
}

impl<'a> Journal<'a> {
    pub(in crate::ops) fn new(repo: &'a Repository, setup: &'a SnapshotSetup, org: OrgId) -> Self {
        Self {
            repo,
            committer: &setup.committer,
            org,
        }
    }

    pub(in crate::ops) fn repository(&self) -> &'a Repository {
        self.repo
    }

    /// All that is noted; nothing where the notes cannot be read.
    pub(in crate::ops) fn read(&self) -> Result<Deploys, Error> {
        let Some(commit) = self.repo.ref_target(&state_ref(self.org))? else {
            return Ok(Deploys::default());
        };
        let read = || -> Result<Option<Vec<u8>>, store::Error> {
            let tree = self.repo.commit(commit)?.tree;
            let entry = self.repo.entry_at(tree, Deploys::PATH)?;
            entry.map(|it| self.repo.blob(it.id)).transpose()
        };
        // A state that cannot be read is as good as none.
        let bytes = read().unwrap_or_default();
        let deploys = bytes.and_then(|it| Deploys::parse(&it).ok());
        Ok(deploys.unwrap_or_default())
    }

    /// Changes the notes under a lock that is held.
    pub(in crate::ops) fn write(
        &self,
        lock: &WriteLock<'_>,
        at: Timestamp,
        change: impl FnOnce(&mut Deploys),
    ) -> Result<(), Error> {
        let before = self.read()?;
        let mut deploys = before.clone();
        change(&mut deploys);
        if deploys == before {
            return Ok(());
        }
        let who = Signature::new(&self.committer.0, &self.committer.1, at);
        let path = Deploys::PATH.parse().expect("a literal path is valid");
        lock.remember(self.org, path, &deploys.render(), &who)?;
        Ok(())
    }

    /// Changes the notes; waits a little for another writer.
    pub(in crate::ops) async fn note(
        &self,
        at: Timestamp,
        change: impl FnOnce(&mut Deploys),
    ) -> Result<(), Error> {
        let lock = notes::lock(self.repo).await?;
        self.write(&lock, at, change)
    }
}
