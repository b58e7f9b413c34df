//! A verb that failed: the cause, and the step it failed in.

use std::fmt;

use crate::{
    archive, client, config, ledger,
    model::{ApiVersion, ObjectName, OrgId, disk::disk_hint},
    plan, store, workdir,
};

/// A verb that failed.
#[derive(Debug)]
pub struct Error {
    /// What was being done, as the end of "while …"; empty where the cause says it all.
    pub step: String,
    /// Why it failed.
    pub cause: Box<Cause>,
}

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The org, or the way to it.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The repository.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A file of the ledger in the repository.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// `orgkeep.toml`.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A file of the project.
    #[error(transparent)]
    Workdir(#[from] workdir::Error),
    /// An archive.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// A selector.
    #[error(transparent)]
    Select(#[from] plan::select::NoMatch),
    /// A file of our own.
    #[error("cannot {act} `{path}`")]
    Disk {
        /// What was tried.
        act: &'static str,
        /// The file.
        path: String,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// Tests that a production org asks for.
    #[error(transparent)]
    Tests(#[from] plan::deploy::TestsNeeded),
    /// A deploy that goes on, and whose end was not seen.
    #[error("lost sight of deploy `{job}`")]
    DeployLost {
        /// The job.
        job: String,
        /// Why.
        #[source]
        source: client::Error,
    },
    /// A deploy that goes on, as the user wished.
    #[error("deploy `{job}` goes on in the org")]
    DeployLeft {
        /// The job.
        job: String,
    },
    /// The verb refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A restore of records refuses.
    #[error(transparent)]
    Restore(#[from] super::records::RestoreRefusal),
}

/// What a verb refuses to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The branch keeps another org.
    #[error("branch `{branch}` keeps org {kept}, and this login opens org {found}")]
    OtherOrg {
        /// The branch.
        branch: String,
        /// The org that it keeps.
        kept: OrgId,
        /// The org of the login.
        found: OrgId,
    },
    /// A newer release wrote the history.
    #[error("branch `{branch}` was written by a newer release of orgkeep")]
    NewerRelease {
        /// The branch.
        branch: String,
    },
    /// There is no snapshot yet.
    #[error("branch `{branch}` has no snapshot yet")]
    NoSnapshot {
        /// The branch.
        branch: String,
    },
    /// The user may not use the Metadata API.
    #[error("{user} may not read the metadata of {host}")]
    NoPermission {
        /// The user.
        user: String,
        /// The org's host.
        host: String,
    },
    /// A commit that is no snapshot where one is needed.
    #[error("commit {commit} is not a snapshot of this org")]
    NotASnapshot {
        /// The commit.
        commit: String,
    },
    /// A commit that tells of no change of the org.
    #[error("commit {commit} changed nothing in the org{}", kind_of(kind.as_deref()))]
    NoChange {
        /// The commit.
        commit: String,
        /// What kind of commit it is, where orgkeep wrote it.
        kind: Option<String>,
    },
    /// A commit that is not in the history of the branch.
    #[error("commit {commit} is not in the history of the branch")]
    NotInHistory {
        /// The commit.
        commit: String,
    },
    /// Something looks like a secret, and the settings say to stop then.
    #[error("nothing is committed: what looks like a secret stands in {first}{}", and_more(*n_more))]
    SuspectedSecret {
        /// The first file, with the places in it.
        first: String,
        /// Number of files besides it.
        n_more: usize,
    },
    /// A plan that no longer holds.
    #[error("the plan no longer holds: {}", first_of(differences))]
    PlanOutdated {
        /// What differs; never empty.
        differences: Vec<String>,
    },
    /// A plan that was made for another org.
    #[error("the plan is for org {plan}, and this login opens org {found}")]
    PlanOfOtherOrg {
        /// The org of the plan.
        plan: OrgId,
        /// The org of the login.
        found: OrgId,
    },
    /// An earlier deploy is still at work.
    #[error("deploy `{job}` is still running")]
    DeployRunning {
        /// The job.
        job: String,
    },
    /// A deploy that the org does not know, or not any more.
    #[error("the org knows no deploy `{job}`")]
    NoSuchDeploy {
        /// The job.
        job: String,
    },
    /// A deploy that changed nothing in the org.
    #[error("deploy `{job}` changed nothing in the org")]
    NoEffect {
        /// The job.
        job: String,
    },
    /// A deploy before which no snapshot was taken.
    #[error("there is no snapshot from before deploy `{job}`")]
    NoSnapshotBefore {
        /// The job.
        job: String,
    },
    /// A production org takes all of a deploy or nothing.
    #[error("a production org takes all of a deploy or nothing")]
    AllOrNothing,
    /// A placeholder stands where the org's own value should.
    #[error("`{path}` holds a placeholder in the place of a secret")]
    Placeholder {
        /// The file in the archive.
        path: String,
    },
    /// A retrieve that never gives an answer.
    #[error("the org answers no retrieve: {reason}")]
    NoAnswer {
        /// Its last words.
        reason: String,
    },
    /// Fewer calls are left than the next step takes.
    #[error("{step} takes {needed} API calls, and this run may make {left} more")]
    TooFewCalls {
        /// The step.
        step: &'static str,
        /// Calls that it takes.
        needed: u64,
        /// Calls that are left.
        left: u64,
    },
    /// An answer that did not come as the org sent it.
    #[error("an answer to a retrieve is damaged: {reason}")]
    DamagedAnswer {
        /// What is wrong with it.
        reason: String,
    },
    /// There is no remote to push to.
    #[error("the repository has no remote `{remote}`")]
    NoRemote {
        /// Its name.
        remote: String,
    },
    /// The local branch and the remote's hold different commits of people.
    #[error("branch `{branch}` and that of `{remote}` have diverged")]
    Diverged {
        /// The branch.
        branch: String,
        /// The remote.
        remote: String,
    },
    /// The remote refused a push.
    #[error("`{remote}` refused the push: {reason}")]
    PushRefused {
        /// The remote.
        remote: String,
        /// Its words.
        reason: String,
    },
    /// The remote's branch moved each time that we pushed.
    #[error("`{remote}` moved {tries} times while we pushed to it")]
    PushContended {
        /// The remote.
        remote: String,
        /// How often was tried.
        tries: u32,
    },
    /// A later snapshot stands where a tag was to go.
    #[error("snapshot {by} began later than ours and was pushed first, so ours gets no tag")]
    Overtaken {
        /// The later snapshot.
        by: String,
    },
    /// There is no gap to accept.
    #[error("branch `{branch}` has no gap that is open")]
    NoOpenGap {
        /// The branch.
        branch: String,
    },
    /// Nothing was selected.
    #[error("no component was selected")]
    NothingSelected,
    /// Nothing was exported yet.
    #[error("there are no records on `{prefix}/…` yet")]
    NoRecords {
        /// Start of the names of the branches.
        prefix: String,
    },
    /// An object that the org does not have, or does not show.
    #[error("the org has no object `{name}`")]
    NoSuchObject {
        /// As it was written.
        name: String,
        /// One that is spelled much like it.
        nearest: Option<String>,
    },
    /// No object was named.
    #[error("nothing says which records to export")]
    NoObjectNamed,
    /// Automation is off that an earlier run has left so.
    #[error("automation is off since {since}: {}", components.join(", "))]
    BypassOpen {
        /// Since when.
        since: String,
        /// What it is.
        components: Vec<String>,
    },
    /// The org does not give a component that is to be switched off.
    #[error("the org does not give `{component}`, or it has no switch")]
    NoSwitchFound {
        /// The component.
        component: String,
    },
    /// The org did not take a deploy that switches automation.
    #[error("automation could not be switched: {}", problems.join("; "))]
    SwitchRefused {
        /// The platform's words, by component.
        problems: Vec<String>,
    },
    /// A commit has a row, and not its file.
    #[error("commit {commit} has no file of the row {id}")]
    NoBody {
        /// The row.
        id: String,
        /// The commit.
        commit: String,
    },
    /// The settings leave files to a program that is not there.
    #[error("`lfs_above` of orgkeep.toml leaves files to Git LFS, and `git lfs` does not run here")]
    NoGitLfs,
    /// Rows that did not come as the org sent them.
    #[error("the rows of `{object}` came damaged: {reason}")]
    DamagedRows {
        /// The object.
        object: ObjectName,
        /// What is wrong with them.
        reason: String,
    },
    /// Fewer or more rows came than the org has counted.
    #[error("{came} rows came of `{job}`, and the org has counted {counted}")]
    RowsMissing {
        /// The job, or what else they came from.
        job: String,
        /// Rows by the org's count.
        counted: u64,
        /// Rows that came.
        came: u64,
    },
    /// Rows are missing that may not be gone.
    #[error("{lost} rows of `{object}` did not come, and that is doubtful: {reason}")]
    DoubtfulLoss {
        /// The object.
        object: ObjectName,
        /// How many rows.
        lost: u64,
        /// Why it is doubtful.
        reason: String,
    },
    /// Nobody has said that the remote may hold records.
    #[error("nobody has said that `{remote}` may hold the records of the org")]
    RecordsStayHere {
        /// The remote.
        remote: String,
    },
    /// A row that a commit does not have.
    #[error("commit {commit} has no row `{id}`")]
    NoSuchRow {
        /// The Id.
        id: String,
        /// The commit.
        commit: String,
    },
    /// Rows of an earlier time than those that are there.
    #[error("`{prefix}/…` has records of {last} already, and these are older")]
    LaterRecords {
        /// Start of the names of the branches.
        prefix: String,
        /// When the last ones were exported.
        last: String,
    },
    /// Values are to be hashed or encrypted, and there is no key.
    #[error("orgkeep.toml asks to hash or encrypt values, and there is no key")]
    NoRecordsKey,
    /// A version of the API below the one that the history is written in.
    #[error("API version {to} is below {from}, which the history is written in")]
    LowerVersion {
        /// The version now.
        from: ApiVersion,
        /// The one that was asked for.
        to: ApiVersion,
    },
    /// A repository without files to edit.
    #[error("the repository has no working tree")]
    NoWorkTree,
    /// A file that is not what it should be.
    #[error("`{path}` {reason}")]
    BadFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn and_more(n: usize) -> String {
    match n {
        0 => String::new(),
        n => format!(" and {n} more"),
    }
}

impl Refusal {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OtherOrg { .. } => {
                "choose the login with `--org`, or name another branch in orgkeep.toml".to_owned()
            }
            Self::NewerRelease { .. } => "install the newer release; this one may only read".to_owned(),
            Self::NoSnapshot { .. } => "run `orgkeep snapshot` first".to_owned(),
            Self::NoPermission { .. } => {
                "give the user \"Modify Metadata Through Metadata API Functions\" or \"Modify All Data\", and \"API Enabled\""
                    .to_owned()
            }
            Self::LowerVersion { .. } => {
                "what the lower version does not know would be lost; for a history in it, begin one on another branch"
                    .to_owned()
            }
            Self::NoWorkTree => "run it in a clone that has its files checked out".to_owned(),
            Self::NotASnapshot { .. } => "`orgkeep log` lists the snapshots".to_owned(),
            Self::NoChange { .. } => {
                "name a commit that `orgkeep log` shows with a change; `rollback --to` goes back to a snapshot".to_owned()
            }
            Self::NotInHistory { .. } => "`orgkeep log` lists the commits".to_owned(),
            Self::SuspectedSecret { .. } => {
                "take it out of the component, or exclude that in orgkeep.toml; where it is no secret, take one snapshot with suspected_secrets = \"report\" and say so with `orgkeep accept`"
                    .to_owned()
            }
            Self::PlanOutdated { .. } => "make the plan again with `orgkeep rollback`".to_owned(),
            Self::PlanOfOtherOrg { .. } => "choose the login with `--org`".to_owned(),
            Self::DeployRunning { job } => {
                format!("wait for it with `orgkeep jobs wait {job}`, or stop it with `orgkeep jobs cancel {job}`")
            }
            Self::NoSuchDeploy { .. } => {
                "`orgkeep jobs` lists those of this repository; Setup > Deployment Status lists all"
                    .to_owned()
            }
            Self::NoEffect { .. } => "name a deploy that succeeded and was no check".to_owned(),
            Self::NoSnapshotBefore { .. } => {
                "take one right before a deploy, with `orgkeep snapshot --only` or a whole one".to_owned()
            }
            Self::AllOrNothing => "leave `--ignore-errors` out".to_owned(),
            Self::Placeholder { .. } => {
                "nothing was sent; leave the component out with `--except`, and report this as a bug of orgkeep"
                    .to_owned()
            }
            Self::NothingSelected => {
                "name components, such as `CustomField:Account.Region__c`, or say `--all`".to_owned()
            }
            Self::NoRemote { remote } => {
                format!("run `git remote add {remote} URL`, or name another remote in orgkeep.toml")
            }
            Self::Diverged { branch, remote } => {
                format!("bring them together with `git pull --rebase {remote} {branch}`")
            }
            Self::PushRefused { .. } => {
                "the repository is as it was; the remote must let this user push to the branch, `refs/orgkeep/*` and tags"
                    .to_owned()
            }
            Self::PushContended { .. } | Self::Overtaken { .. } => {
                "the repository is as it was; run the command again".to_owned()
            }
            Self::NoOpenGap { .. } => "`orgkeep accept` lists the gaps and what was said of them".to_owned(),
            Self::TooFewCalls { .. } => {
                "each call comes back 24 hours after it was made: run again then, or raise `--max-api-calls`, or leave fewer to others by `api_floor` in orgkeep.toml"
                    .to_owned()
            }
            Self::DamagedAnswer { .. } => {
                "run the command again; the damaged answer is forgotten".to_owned()
            }
            Self::NoAnswer { .. } => {
                "run the command again later; https://status.salesforce.com tells of incidents"
                    .to_owned()
            }
            Self::NoRecords { .. } => "run `orgkeep records export` first".to_owned(),
            Self::NoSuchObject { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Self::NoSuchObject { .. } => {
                "custom objects end in `__c`; the user must be allowed to see the object".to_owned()
            }
            Self::NoObjectNamed => {
                "name objects, such as `orgkeep records export Account`, or list them as `objects` below `[records]` in orgkeep.toml"
                    .to_owned()
            }
            Self::DamagedRows { .. } | Self::RowsMissing { .. } => {
                "run the command again; the rows are asked for anew".to_owned()
            }
            Self::BypassOpen { .. } => {
                "switch it on again with `orgkeep bypass restore`".to_owned()
            }
            Self::NoSwitchFound { .. } => {
                "it may have been deleted since the last snapshot: take another, and look at the plan".to_owned()
            }
            Self::SwitchRefused { .. } => {
                "`orgkeep bypass` tells what is off; mend what the org complains of, and run the command again".to_owned()
            }
            Self::NoBody { .. } => {
                "files are exported with their rows: name ContentVersion, Attachment or Document below `[records]`, \
                 and see what the ledger of that commit says is missing"
                    .to_owned()
            }
            Self::NoGitLfs => {
                "install git-lfs, or take `lfs_above` out of `[records.files]` in orgkeep.toml"
                    .to_owned()
            }
            Self::DoubtfulLoss { .. } => {
                "the rows stay as they were; give the user its permissions back, or believe it with `--accept-deletions`"
                    .to_owned()
            }
            Self::RecordsStayHere { .. } => {
                "who can read the remote can read the rows: set `may_push = true` below `[records]` in orgkeep.toml if that is meant"
                    .to_owned()
            }
            Self::NoSuchRow { id, .. } => {
                format!("`orgkeep records log {id}` tells which commits have it")
            }
            Self::LaterRecords { .. } => {
                "give them branches of their own: set `branch` below `[records]` for the import, or say `--branch NAME`"
                    .to_owned()
            }
            Self::NoRecordsKey => {
                "set ORGKEEP_RECORDS_KEY to a secret of 16 characters or more, or ORGKEEP_RECORDS_KEY_FILE to a file with one; nothing was read"
                    .to_owned()
            }
            Self::BadFile { .. } => return None,
        })
    }
}

/// `: it is a gap commit`, as the end of a sentence.
fn kind_of(kind: Option<&str>) -> String {
    kind.map_or_else(String::new, |it| {
        format!(": its kind is `{}`", it.escape_debug())
    })
}

/// The first of several differences, and how many there are besides.
fn first_of(differences: &[String]) -> String {
    let first = differences.first().map_or("", String::as_str);
    match differences.len() {
        0 | 1 => first.to_owned(),
        n => format!("{first}; and {} more", n - 1),
    }
}

impl Error {
    /// What there is to say besides, one line each.
    #[must_use]
    pub fn details(&self) -> &[String] {
        match &*self.cause {
            Cause::Refused(Refusal::PlanOutdated { differences }) if differences.len() > 1 => {
                differences
            }
            _ => &[],
        }
    }

    /// What the user can do about it, in the imperative.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match &*self.cause {
            Cause::Client(err) => err.hint(),
            Cause::Store(err) => err.hint(),
            Cause::Config(err) => err.hint(),
            Cause::Workdir(err) => err.hint(),
            Cause::Select(err) => err.hint(),
            Cause::Refused(err) => err.hint(),
            Cause::Restore(err) => err.hint(),
            Cause::Tests(err) => Some(err.hint()),
            Cause::DeployLost { job, .. } | Cause::DeployLeft { job } => Some(format!(
                "see it to its end with `orgkeep jobs wait {job}`, here or in another clone"
            )),
            Cause::Ledger(_) => Some(
                "the commit was edited by hand or is damaged: `git fsck`, or go back to the snapshot before it"
                    .to_owned(),
            ),
            Cause::Disk { source, .. } | Cause::Archive(archive::Error::Io(source)) => {
                disk_hint(source)
            }
            Cause::Archive(_) => None,
        }
    }

    /// The same error, said to have happened while doing `step`.
    #[must_use]
    pub fn during(mut self, step: impl Into<String>) -> Self {
        if self.step.is_empty() {
            self.step = step.into();
        }
        self
    }
}

impl<E: Into<Cause>> From<E> for Error {
    fn from(cause: E) -> Self {
        Self {
            step: String::new(),
            cause: Box::new(cause.into()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        if self.step.is_empty() {
            return Ok(());
        }
        write!(f, " (while {})", self.step)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
}

/// Adds the step to a failure.
pub(super) trait During<T> {
    /// The same result; a failure is said to have happened while doing `step`.
    fn during(self, step: impl Into<String>) -> Result<T, Error>;
}

impl<T, E: Into<Error>> During<T> for Result<T, E> {
    fn during(self, step: impl Into<String>) -> Result<T, Error> {
        self.map_err(|err| err.into().during(step))
    }
}
