//! The notes of a restore in the state of its org: what was sent, and what came of it.
//!
//! Invariant: rows that would be there twice are noted before they are sent, and
//! taken off the notes only together with what the org said of them.

use sha2::{Digest, Sha256};

use crate::{
    ledger::{InsertedRow, Restores, SentRows},
    model::{OrgId, Timestamp, hex},
    ops::{error::Error, notes, snapshot::SnapshotSetup},
    records::{IdMap, Replaced},
    store::{Repository, Signature},
};

/// The notes, as they stand in the repository.
pub(super) struct Journal<'a> {
    repo: &'a Repository,
    org: OrgId,
    committer: &'a (String, String),
    open: Restores,
}

impl<'a> Journal<'a> {
    /// Reads the notes of `org`.
    ///
    /// # Errors
    ///
    /// Notes that cannot be read: what they say must not be lost.
    pub(super) fn open(
        repo: &'a Repository,
        setup: &'a SnapshotSetup,
        org: OrgId,
    ) -> Result<Self, Error> {
        let open = notes::restores(repo, org)?;
        Ok(Self {
            repo,
            org,
            committer: &setup.committer,
            open,
        })
    }

    pub(super) fn org(&self) -> OrgId {
        self.org
    }

    pub(super) fn sent(&self) -> &[SentRows] {
        &self.open.sent
    }

    pub(super) fn pairs(&self) -> &[InsertedRow] {
        &self.open.pairs
    }

    /// New Ids that no commit tells yet.
    pub(super) fn ids(&self) -> IdMap {
        let mut ids = IdMap::default();
        for it in &self.open.pairs {
            let replaced = Replaced {
                object: it.object.clone(),
                by: it.new,
                at: it.at,
            };
            ids.insert(it.old, replaced);
        }
        ids
    }

    /// Changes the notes; they are in the repository when this returns.
    pub(super) async fn note(
        &mut self,
        at: Timestamp,
        change: impl FnOnce(&mut Restores),
    ) -> Result<(), Error> {
        let mut open = self.open.clone();
        change(&mut open);
        let lock = notes::lock(self.repo).await?;
        let who = Signature::new(&self.committer.0, &self.committer.1, at);
        let path = Restores::PATH.parse().expect("a literal path is valid");
        lock.remember(self.org, path, &open.render(), &who)?;
        self.open = open;
        Ok(())
    }
}

/// Digest of the cells of a row, in the order of the fields.
///
/// Spaces around a cell do not count: the platform takes them off.
pub(super) fn digest<'c>(cells: impl IntoIterator<Item = &'c str>) -> String {
    let mut sha = Sha256::new();
    for cell in cells {
        let cell = cell.trim();
        sha.update(u64::try_from(cell.len()).unwrap_or(u64::MAX).to_le_bytes());
        sha.update(cell.as_bytes());
    }
    hex(&sha.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_parts_the_cells() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_ne!(digest(["a", ""]), digest(["a"]));
        assert_eq!(digest([" a "]), digest(["a"]));
    }
}
