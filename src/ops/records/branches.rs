//! Where records are: the repository, the branches of the periods, the commits.

use crate::{
    config::{Config, Records},
    model::Timestamp,
    ops::error::{Error, Refusal},
    records::{Every, Period, branch_name, period_of_branch},
    store::{self, ObjectId, Repository},
};

/// Where the records of an org are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Start of the names of the branches: `records/main`.
    pub prefix: String,
    /// Name of the Git remote.
    pub remote: String,
    /// How often a new root begins.
    pub every: Every,
}

impl Place {
    /// Where the settings put them.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let records = config.records.clone().unwrap_or_default();
        Self {
            prefix: records
                .branch
                .unwrap_or_else(|| format!("records/{}", config.org.branch)),
            remote: config.push.remote.clone(),
            every: records.period,
        }
    }

    /// The branch of the period that `at` lies in.
    #[must_use]
    pub fn branch_at(&self, at: Timestamp) -> String {
        branch_name(&self.prefix, Period::of(at, self.every))
    }

    /// The branches that there are, the earliest first, with the commit of each.
    ///
    /// # Errors
    ///
    /// What reading the repository gives.
    pub fn branches(&self, repo: &Repository) -> Result<Vec<(Period, ObjectId)>, Error> {
        let mut found = Vec::new();
        for name in repo.branches_below(&self.prefix, &self.remote)? {
            if let Some(period) = period_of_branch(&self.prefix, &name)
                && let Some(tip) = repo.branch(&name, &self.remote)?.tip
            {
                found.push((period, tip));
            }
        }
        found.sort_by_key(|it| it.0);
        Ok(found)
    }

    /// The latest commit of all; `None` where nothing was exported yet.
    ///
    /// # Errors
    ///
    /// What reading the repository gives.
    pub fn tip(&self, repo: &Repository) -> Result<Option<ObjectId>, Error> {
        Ok(self.branches(repo)?.last().map(|it| it.1))
    }

    /// The latest commit before `at`, for rows of that time to go on top of.
    ///
    /// # Errors
    ///
    /// [`Refusal::LaterRecords`] where the branch of that period, or a later one, has
    /// rows of a later time already.
    pub fn tip_before(&self, repo: &Repository, at: Timestamp) -> Result<Option<ObjectId>, Error> {
        let tip = self.tip(repo)?;
        if let Some(tip) = tip {
            let last = repo.commit(tip)?.committer.time;
            if last > at {
                return Err(Refusal::LaterRecords {
                    prefix: self.prefix.clone(),
                    last: last.minute(),
                }
                .into());
            }
        }
        Ok(tip)
    }

    /// The latest commit of all, where there must be one.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoRecords`].
    pub fn require_tip(&self, repo: &Repository) -> Result<ObjectId, Error> {
        let tip = self.tip(repo)?;
        Ok(tip.ok_or_else(|| Refusal::NoRecords {
            prefix: self.prefix.clone(),
        })?)
    }

    /// The commit of records that `text` names: a commit, a tag, a snapshot, a day or a time.
    ///
    /// What names a commit of the metadata means the records that were exported
    /// beside it, or the last ones before. A time is looked for in all periods.
    ///
    /// # Errors
    ///
    /// [`store::Error::NoSuchRevision`] and its like, [`Refusal::NoRecords`].
    pub fn resolve(&self, repo: &Repository, text: &str) -> Result<ObjectId, Error> {
        let branches = self.branches(repo)?;
        let last = self.require_tip(repo)?;
        // A tag of a metadata snapshot whose records were tagged beside it.
        let beside = super::commit::tag_name(text);
        if repo
            .ref_target(&format!("refs/tags/{beside}"))
            .is_ok_and(|it| it.is_some())
        {
            return Ok(repo.resolve(&beside, None)?.commit);
        }
        let mut missing = None;
        for (_, tip) in branches.iter().rev() {
            match repo.resolve(text, Some(*tip)) {
                Ok(found) => {
                    return if Self::is_of_records(repo, found.commit)? {
                        Ok(found.commit)
                    } else {
                        self.beside(repo, &branches, found.commit)
                    };
                }
                Err(err @ store::Error::NoSuchRevision { .. }) => missing = Some(err),
                Err(err) => return Err(err.into()),
            }
        }
        match missing {
            Some(err) => Err(err.into()),
            None => Ok(last),
        }
    }

    fn is_of_records(repo: &Repository, commit: ObjectId) -> Result<bool, Error> {
        let tree = repo.commit(commit)?.tree;
        let ledger = repo.entry_at(tree, crate::ledger::RecordsLedger::PATH)?;
        Ok(ledger.is_some())
    }

    /// The last records that were exported when `metadata` was committed, or beside it.
    fn beside(
        &self,
        repo: &Repository,
        branches: &[(Period, ObjectId)],
        metadata: ObjectId,
    ) -> Result<ObjectId, Error> {
        let wanted = metadata.to_string();
        let at = repo.commit(metadata)?.committer.time;
        let mut before = None;
        for (_, tip) in branches.iter().rev() {
            for commit in repo.history(*tip) {
                let commit = commit?;
                if commit.message.trailer(store::trailer::METADATA) == Some(wanted.as_str()) {
                    return Ok(commit.id);
                }
                if before.is_none() && commit.committer.time <= at {
                    before = Some(commit.id);
                }
            }
        }
        Ok(before.ok_or_else(|| Refusal::NoRecords {
            prefix: self.prefix.clone(),
        })?)
    }
}

/// Opens the repository that holds the records, where it is another one.
///
/// A path is taken from the working tree of `repo`, or from a bare repository itself.
///
/// # Errors
///
/// What opening it gives.
pub fn other_repository(
    repo: &Repository,
    records: &Records,
    options: store::Options,
) -> Result<Option<Repository>, Error> {
    let Some(path) = &records.repository else {
        return Ok(None);
    };
    let base = repo.work_dir().unwrap_or(repo.git_dir());
    Ok(Some(Repository::open(&base.join(path), options)?))
}
