//! Another copy of the repository, reached by the user's `git`.
//!
//! A branch is only ever moved forward there. The state, which is one commit
//! without a parent, is replaced if it is still the one we saw.

use std::process::Output;

use super::{
    Error, Kind, ObjectId, Repository,
    git::{GitCommand, failure},
    refs::check_branch_name,
    state::state_ref,
};
use crate::model::OrgId;

/// What a remote has of a branch and of the state that belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemoteTips {
    /// Its commit of the branch; `None` where it has no such branch.
    pub branch: Option<ObjectId>,
    /// Its commit of the state.
    pub state: Option<ObjectId>,
}

/// What goes to a remote.
#[derive(Clone, Debug)]
pub struct PushPlan {
    /// Name of the branch.
    pub branch: String,
    /// Its commit, which follows the remote's.
    pub commit: ObjectId,
    /// The org's state with the remote's state that it replaces, where both are known.
    pub state: Option<StatePush>,
    /// Names of tags that go along, and the objects they are to point to.
    pub tags: Vec<(String, ObjectId)>,
}

/// A state that replaces another on a remote.
#[derive(Clone, Copy, Debug)]
pub struct StatePush {
    /// The org.
    pub org: OrgId,
    /// The new commit.
    pub new: ObjectId,
    /// What the remote must have; `None` where it must have none.
    pub old: Option<ObjectId>,
}

/// How a push ended that the remote answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// The remote has all of it.
    Done,
    /// The remote has the branch; somebody else had replaced the state meanwhile.
    WithoutState,
    /// The remote has the branch; it refuses the state, with its words.
    StateRefused(String),
    /// The branch has moved there meanwhile: fetch, and go on top of it.
    Moved,
    /// The remote refused, with its words: a protected branch, a hook, a right that is missing.
    Refused(String),
}

impl Repository {
    /// Whether a remote of that name is configured.
    ///
    /// # Errors
    ///
    /// Whatever opening the repository again gives.
    pub fn has_remote(&self, remote: &str) -> Result<bool, Error> {
        Ok(self.handle()?.find_remote(remote).is_ok())
    }

    /// Asks the remote where the branch and the state of `org` are, and fetches both.
    ///
    /// They go to references of our own, so that nobody's `origin/main` moves. In
    /// a shallow clone the new commits are fetched and no more.
    ///
    /// # Errors
    ///
    /// [`Error::GitFailed`], [`Error::NoGit`].
    pub fn fetch(&self, remote: &str, branch: &str, org: OrgId) -> Result<RemoteTips, Error> {
        check_branch_name(branch)?;
        let tips = self.remote_tips(remote, branch, org)?;
        let specs = [
            (tips.branch, format!("refs/heads/{branch}")),
            (tips.state, state_ref(org)),
        ];
        let mut git = self
            .remote_git("fetch")
            .args(["--quiet", "--no-tags", "--no-write-fetch-head"])
            .args(["--no-recurse-submodules", "--no-auto-maintenance"])
            .args(["--", remote]);
        let mut n_specs = 0;
        for (_, name) in specs.iter().filter(|(tip, _)| tip.is_some()) {
            let ours = name.trim_start_matches("refs/");
            git = git.arg(format!("+{name}:{}", private_ref(remote, ours)));
            n_specs += 1;
        }
        if 0 < n_specs {
            git.run(b"")?;
            self.renew_handles();
        }
        Ok(tips)
    }

    fn remote_tips(&self, remote: &str, branch: &str, org: OrgId) -> Result<RemoteTips, Error> {
        let (branch, state) = (format!("refs/heads/{branch}"), state_ref(org));
        let listed = self
            .remote_git("ls-remote")
            .args(["--quiet", "--", remote, &branch, &state])
            .run(b"")?;
        let listed = String::from_utf8_lossy(&listed);
        // A pattern of `ls-remote` matches the end of a name: only the whole one counts.
        let find = |wanted: &str| {
            listed.lines().find_map(|line| {
                let (id, name) = line.split_once('\t')?;
                (name == wanted).then(|| id.parse().ok())?
            })
        };
        Ok(RemoteTips {
            branch: find(&branch),
            state: find(&state),
        })
    }

    /// Sends the branch, the state and the tags to the remote, all or nothing
    /// where it knows how to do that, else the branch first.
    ///
    /// The commits must be in the repository; no local reference needs to point
    /// to them. Hooks run as for any push.
    ///
    /// # Errors
    ///
    /// [`Error::GitFailed`] where the remote could not be reached,
    /// [`Error::NoGit`]. What the remote answered is in [`Pushed`].
    pub fn push(&self, remote: &str, plan: &PushPlan) -> Result<Pushed, Error> {
        check_branch_name(&plan.branch)?;
        let all = self.push_once(remote, plan, Parts::Atomic)?;
        let verdict = match all {
            Answer::NotAtomic => {
                // Without that, what must not be lost goes first and alone.
                let branch = self.push_once(remote, plan, Parts::Branch)?.verdict()?;
                if branch != Pushed::Done || plan.state.is_none() {
                    return Ok(branch);
                }
                match self.push_once(remote, plan, Parts::State)?.verdict()? {
                    Pushed::Done => Pushed::Done,
                    Pushed::Refused(words) => Pushed::StateRefused(words),
                    _ => Pushed::WithoutState,
                }
            }
            // Perhaps it is only the state that it does not take.
            Answer::Refused(words) if plan.state.is_some() => {
                match self.push_once(remote, plan, Parts::Branch)?.verdict()? {
                    Pushed::Done => Pushed::StateRefused(words),
                    other => other,
                }
            }
            Answer::StateMoved => match self.push_once(remote, plan, Parts::Branch)?.verdict()? {
                Pushed::Done => Pushed::WithoutState,
                other => other,
            },
            answer => answer.verdict()?,
        };
        Ok(verdict)
    }

    /// Sends a state alone, such as one that tells of jobs which run.
    ///
    /// # Errors
    ///
    /// As for [`Repository::push`].
    pub fn push_state(&self, remote: &str, state: &StatePush) -> Result<Pushed, Error> {
        let output = self
            .remote_git("push")
            .args(["--porcelain", "--no-recurse-submodules"])
            .arg(lease(state))
            .args(["--", remote])
            .arg(format!("{}:{}", state.new, state_ref(state.org)))
            .output(b"")?;
        read_answer(&output, "").verdict()
    }

    fn push_once(&self, remote: &str, plan: &PushPlan, parts: Parts) -> Result<Answer, Error> {
        let mut git = self
            .remote_git("push")
            .args(["--porcelain", "--no-recurse-submodules"]);
        if parts == Parts::Atomic {
            git = git.arg("--atomic");
        }
        let state = plan.state.filter(|_| parts != Parts::Branch);
        if let Some(state) = &state {
            git = git.arg(lease(state));
        }
        git = git.args(["--", remote]);
        let branch = format!("refs/heads/{}", plan.branch);
        if parts != Parts::State {
            git = git.arg(format!("{}:{branch}", plan.commit));
            for (name, id) in &plan.tags {
                git = git.arg(format!("{id}:refs/tags/{name}"));
            }
        }
        if let Some(state) = &state {
            git = git.arg(format!("{}:{}", state.new, state_ref(state.org)));
        }
        let output = git.output(b"")?;
        Ok(read_answer(&output, &branch))
    }

    pub(super) fn remote_git(&self, command: &'static str) -> GitCommand<'_> {
        let git = GitCommand::new(&self.git, self.git_dir(), command);
        match self.work_dir() {
            Some(dir) => git.current_dir(dir),
            None => git.current_dir(self.git_dir()),
        }
    }
}

/// Has `git` replace the remote's state only where it is the one that we saw.
fn lease(state: &StatePush) -> String {
    let old = state.old.map(|it| it.to_string()).unwrap_or_default();
    format!("--force-with-lease={}:{old}", state_ref(state.org))
}

/// Where we keep what a remote has at `refs/<rest>`; the remote may be a URL.
fn private_ref(remote: &str, rest: &str) -> String {
    let name = format!("refs/orgkeep/remotes/{remote}/{rest}");
    if git2::Reference::is_valid_name(&name) {
        return name;
    }
    let id = Kind::Blob.id_of(remote.as_bytes());
    format!("refs/orgkeep/remotes/{id}/{rest}")
}

/// Which references one run of `git push` sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    Atomic,
    Branch,
    State,
}

/// How one run of `git push` ended.
#[derive(Debug)]
enum Answer {
    Done,
    NotAtomic,
    Moved,
    StateMoved,
    Refused(String),
    Failed(Error),
}

impl Answer {
    fn verdict(self) -> Result<Pushed, Error> {
        Ok(match self {
            Self::Done => Pushed::Done,
            Self::Moved => Pushed::Moved,
            Self::StateMoved => Pushed::WithoutState,
            Self::NotAtomic => Pushed::Refused("it does not know atomic pushes".to_owned()),
            Self::Refused(words) => Pushed::Refused(words),
            Self::Failed(err) => return Err(err),
        })
    }
}

/// Reads what `git push --porcelain` printed.
///
/// A line is `<flag> TAB <from>:<to> TAB <summary>`; source: git-push(1), "OUTPUT".
fn read_answer(output: &Output, branch: &str) -> Answer {
    if output.status.success() {
        return Answer::Done;
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    // Source: Git 2.47, send-pack.c.
    if stderr.contains("does not support --atomic") {
        return Answer::NotAtomic;
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let mut refused = None;
    let mut state_moved = false;
    let mut raced = false;
    for line in stdout.lines() {
        let mut fields = line.splitn(3, '\t');
        let (Some("!"), Some(names), Some(summary)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let to = names.rsplit(':').next().unwrap_or(names);
        // The reasons `git` itself gives for a branch that is not where we saw it,
        // and the remote's for one that moved in that very moment.
        let moved = [
            "fetch first",
            "non-fast-forward",
            "stale info",
            "cannot lock ref",
            "failed to update ref",
        ]
        .iter()
        .any(|it| summary.contains(it));
        if moved && to == branch {
            return Answer::Moved;
        }
        if moved && to.starts_with("refs/orgkeep/") {
            state_moved = true;
        } else if summary.contains("atomic transaction failed") {
            // The remote checked and agreed, and then a reference was elsewhere: it names none.
            raced = true;
        } else if !summary.contains("atomic push failed") {
            refused.get_or_insert_with(|| format!("{to}: {summary}"));
        }
    }
    match refused {
        Some(words) => Answer::Refused(words),
        None if state_moved => Answer::StateMoved,
        None if raced => Answer::Moved,
        None => Answer::Failed(failure("push", output)),
    }
}
