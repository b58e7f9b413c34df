//! Who did what: the changes of one snapshot as commits, one per person and burst.
//!
//! A change belongs to whoever the component's own stamp names, a child's before
//! its parent's; where the stamp is older than the last snapshot, and for
//! deletions, `SetupAuditTrail` is asked. What nobody tells is said to be unknown:
//! better no name than a wrong one.
//!
//! Invariant: every part of every changed file is in exactly one commit; a
//! file's last commit takes all of it; commits are ordered by time.

mod audit;
mod message;
mod rollback;
mod signature;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use audit::{AuditRow, Trail};
pub use message::{Story, counted, describe, neutral};
pub use rollback::Rollback;
pub use signature::Signature;

use crate::model::{Author, ComponentKey, Stamp, Timestamp, TreePath};

/// What happened to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It was not there before.
    Added,
    /// It is another now.
    Changed,
    /// It is not there any more.
    Deleted,
}

impl Change {
    /// Its sign in a listing.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Changed => '~',
            Self::Deleted => '−',
        }
    }
}

/// A file that differs between the last snapshot and this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Where it stands in the tree.
    pub path: TreePath,
    /// What can be told apart in it; one part where nothing can. Never empty.
    pub parts: Vec<Part>,
    /// Whether a state of it can be written that has some of the parts and not the others.
    pub is_divisible: bool,
}

/// A part of a changed file that has one author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The finest component it belongs to.
    pub key: ComponentKey,
    /// The component that this one is a child of.
    pub parent: Option<ComponentKey>,
    /// What happened to the component.
    pub change: Change,
    /// The deleted component with which this part went: nobody edited it.
    pub consequence_of: Option<ComponentKey>,
    /// What changed, in a few words each: `errorMessage`, or `field permission` for a consequence.
    pub details: Vec<String>,
}

/// A user of the org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Name as displayed.
    pub name: String,
    /// E-mail address, as the org has it.
    pub email: Option<String>,
}

/// What is known about who did it.
pub struct Evidence<'a> {
    /// Last change of a component as the org lists it now.
    pub stamp: &'a dyn Fn(&ComponentKey) -> Option<Stamp>,
    /// Whether that is only the last change of any of its children, and tells nothing of the others.
    pub is_derived: &'a dyn Fn(&ComponentKey) -> bool,
    /// Whether a component goes when another does, by their names: a layout with its object.
    pub goes_with: &'a dyn Fn(&ComponentKey, &ComponentKey) -> bool,
    /// The name that a component has now, where it was renamed or moved: the org knows it by its id.
    pub renamed: &'a dyn Fn(&ComponentKey) -> Option<ComponentKey>,
    /// Label of a component, under which the audit trail may speak of it.
    pub label: &'a dyn Fn(&ComponentKey) -> Option<String>,
    /// The audit trail since the last snapshot.
    pub trail: &'a Trail,
    /// Rollbacks of ours since the last snapshot.
    pub rollbacks: &'a [Rollback],
    /// When the last snapshot began, by the org's clock; `None` for the first one.
    pub since: Option<Timestamp>,
    /// When this one began.
    pub until: Timestamp,
}

/// Who a commit names as its author.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A user of the org.
    Person(Author),
    /// A part of the platform that has a name, such as `Automated Process`.
    Platform(Author),
    /// Nobody, since nothing tells.
    Unknown,
    /// We ourselves: a change of our rules, of the scope, of the API version.
    Ourselves,
}

/// What of a file a commit takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The file as it is in the org now.
    Whole,
    /// The last snapshot's file with these parts' changes, those of earlier commits included.
    Parts(BTreeSet<usize>),
}

/// What kind of commit it is, as the trailer `Orgkeep-Kind` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody changed the org.
    Change,
    /// Everything, for the first time.
    First,
    /// Components came into the scope or left it.
    Scope,
    /// Our rules of writing changed.
    Rules,
    /// The API version was raised.
    ApiVersion,
    /// A Salesforce release added something to every component of a type.
    Release,
    /// A gap opened or closed, and nothing else.
    Gap,
    /// What people committed without deploying was put back.
    PutBack,
    /// A rollback was applied.
    Rollback,
    /// Somebody accepted known gaps.
    Accepted,
}

impl Kind {
    /// The word in the trailer.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::First => "first",
            Self::Scope => "scope",
            Self::Rules => "rules",
            Self::ApiVersion => "api-version",
            Self::Release => "release",
            Self::Gap => "gap",
            Self::PutBack => "put-back",
            Self::Rollback => "rollback",
            Self::Accepted => "accepted",
        }
    }
}

/// A commit to make, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedCommit {
    /// What kind it is.
    pub kind: Kind,
    /// Who did it.
    pub who: Who,
    /// Who stood behind it: the user logged in as somebody else.
    pub delegate: Option<String>,
    /// Others who changed the same components and cannot be told apart.
    pub with: BTreeSet<Author>,
    /// When the last of its changes was made.
    pub at: Timestamp,
    /// What it takes, by index into the changed files.
    pub pieces: BTreeMap<usize, Piece>,
    /// Its parts, as indices of file and part, in order of time.
    pub parts: Vec<(usize, usize)>,
    /// For [`Kind::Rollback`] which of the rollbacks it tells.
    pub rollback: Option<usize>,
}

/// Time between two changes of one person above which they are two commits.
///
/// Own figure: longer than a walk to the coffee machine, shorter than lunch.
pub const DEFAULT_GAP: Duration = Duration::from_mins(30);

/// How much earlier than the last snapshot a change may be and still belong to this one.
///
/// Own figure: a snapshot reads for a while after it began, and clocks differ.
const OVERLAP: Duration = Duration::from_mins(10);

/// Names under which the platform itself changes things.
///
/// Source: Salesforce Help, "Automated Process user", "Platform Integration User";
/// names as found in listings.
const PLATFORM_NAMES: &[&str] = &[
    "Automated Process",
    "Automated Clean",
    "Cloud Integration User",
    "Data.com Clean",
    "Insights Integration User",
    "Integration User",
    "Platform Integration User",
    "SalesforceIQ Integration User",
    "Salesforce",
    "Security User",
    "salesforce.com",
];

/// Names a user of the org, or the platform, by what it is called.
#[must_use]
pub fn who_is(author: &Author) -> Who {
    let platform = PLATFORM_NAMES
        .iter()
        .any(|it| it.eq_ignore_ascii_case(author.name.trim()));
    if platform {
        Who::Platform(author.clone())
    } else {
        Who::Person(author.clone())
    }
}

/// Who changed a part, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attribution {
    who: Who,
    at: Option<Timestamp>,
    delegate: Option<String>,
}

const NOBODY: Attribution = Attribution {
    who: Who::Unknown,
    at: None,
    delegate: None,
};

/// Groups the changes of a snapshot into commits, oldest first.
///
/// The first snapshot of an org is one commit: who made what over the years is in
/// the inventory, and thousands of commits would be no history. Empty for no files.
#[must_use]
pub fn plan_commits(
    files: &[ChangedFile],
    evidence: &Evidence<'_>,
    gap: Duration,
) -> Vec<PlannedCommit> {
    if files.is_empty() {
        return Vec::new();
    }
    if evidence.since.is_none() {
        return vec![first_commit(files, evidence.until)];
    }
    let deleted = deleted_in(files);
    let mut events: Vec<(Attribution, usize, usize)> = Vec::new();
    let mut ours: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (at_file, file) in files.iter().enumerate() {
        for (at_part, part) in file.parts.iter().enumerate() {
            let cause = part
                .consequence_of
                .as_ref()
                .filter(|it| deleted.contains_key(*it));
            let attribution = match cause {
                Some(cause) => attribute_deletion(cause, deleted[cause], &deleted, evidence),
                None => attribute(part, &deleted, evidence),
            };
            match rollback::of_part(part, &attribution, evidence.rollbacks) {
                Some(n) => ours.entry(n).or_default().push((at_file, at_part)),
                None => events.push((attribution, at_file, at_part)),
            }
        }
    }
    let mut commits = bursts(events, evidence.until, gap);
    for commit in &mut commits {
        commit.with = co_authors(commit, files, evidence);
    }
    for (n, parts) in ours {
        commits.push(rollback::commit(n, &evidence.rollbacks[n], parts));
    }
    commits.sort_by_key(|it| (it.who == Who::Unknown, it.at));
    keep_together(&mut commits, files);
    share_files(&mut commits, files);
    commits
}

fn first_commit(files: &[ChangedFile], at: Timestamp) -> PlannedCommit {
    let parts = files
        .iter()
        .enumerate()
        .flat_map(|(file, it)| (0..it.parts.len()).map(move |part| (file, part)));
    PlannedCommit {
        kind: Kind::First,
        who: Who::Ourselves,
        delegate: None,
        with: BTreeSet::new(),
        at,
        pieces: (0..files.len()).map(|it| (it, Piece::Whole)).collect(),
        parts: parts.collect(),
        rollback: None,
    }
}

/// Components that are gone as such, with their parents.
fn deleted_in(files: &[ChangedFile]) -> BTreeMap<&ComponentKey, Option<&ComponentKey>> {
    let parts = files.iter().flat_map(|it| &it.parts);
    parts
        .filter(|it| it.change == Change::Deleted && it.consequence_of.is_none())
        .map(|it| (&it.key, it.parent.as_ref()))
        .collect()
}

fn attribute(
    part: &Part,
    deleted: &BTreeMap<&ComponentKey, Option<&ComponentKey>>,
    evidence: &Evidence<'_>,
) -> Attribution {
    if part.change == Change::Deleted {
        return attribute_deletion(&part.key, part.parent.as_ref(), deleted, evidence);
    }
    let earliest = evidence.since.map(|it| it.before(OVERLAP));
    let parent = part.parent.iter().filter(|it| !(evidence.is_derived)(it));
    for key in std::iter::once(&part.key).chain(parent) {
        let stamp = (evidence.stamp)(key);
        if let Some(stamp) = stamp.filter(|it| it.at.is_known() && earliest <= Some(it.at)) {
            return attribution_by(&stamp, evidence);
        }
    }
    // The date lies, as it does for profiles: the trail may know.
    let label = (evidence.label)(&part.key);
    evidence
        .trail
        .change_of(&part.key, label.as_deref())
        .map_or(NOBODY, attribution_of)
}

fn attribute_deletion(
    key: &ComponentKey,
    parent: Option<&ComponentKey>,
    deleted: &BTreeMap<&ComponentKey, Option<&ComponentKey>>,
    evidence: &Evidence<'_>,
) -> Attribution {
    let now = (evidence.renamed)(key).and_then(|it| (evidence.stamp)(&it));
    if let Some(stamp) = now.filter(|it| it.at.is_known()) {
        return attribution_by(&stamp, evidence);
    }
    let label = (evidence.label)(key);
    if let Some(row) = evidence.trail.deletion_of(key, label.as_deref()) {
        return attribution_of(row);
    }
    // What went with its parent was deleted by whoever deleted that.
    let with = parent.filter(|it| deleted.contains_key(*it)).into_iter();
    let mut with = with.chain(
        deleted
            .keys()
            .copied()
            .filter(|it| *it != key && (evidence.goes_with)(key, it)),
    );
    let row = with.find_map(|it| {
        let label = (evidence.label)(it);
        evidence.trail.deletion_of(it, label.as_deref())
    });
    row.map_or(NOBODY, attribution_of)
}

fn attribution_by(stamp: &Stamp, evidence: &Evidence<'_>) -> Attribution {
    Attribution {
        who: who_is(&stamp.by),
        at: Some(stamp.at),
        delegate: evidence.trail.delegate_of(stamp),
    }
}

fn attribution_of(row: &AuditRow) -> Attribution {
    Attribution {
        who: who_is(&row.by),
        at: Some(row.at),
        delegate: row.delegate.clone(),
    }
}

/// One commit per person and burst; what nobody is known for comes last.
fn bursts(
    mut events: Vec<(Attribution, usize, usize)>,
    until: Timestamp,
    gap: Duration,
) -> Vec<PlannedCommit> {
    events.sort_by(|(a, f, p), (b, g, q)| {
        (&a.who, &a.delegate, a.at, f, p).cmp(&(&b.who, &b.delegate, b.at, g, q))
    });
    let mut commits: Vec<PlannedCommit> = Vec::new();
    for (attribution, file, part) in events {
        let at = attribution.at.unwrap_or(until);
        let open = commits.last_mut().filter(|it| {
            it.who == attribution.who
                && it.delegate == attribution.delegate
                && at.since(it.at) <= gap
        });
        match open {
            Some(commit) => {
                commit.at = at;
                commit.parts.push((file, part));
            }
            None => commits.push(PlannedCommit {
                kind: Kind::Change,
                who: attribution.who,
                delegate: attribution.delegate,
                with: BTreeSet::new(),
                at,
                pieces: BTreeMap::new(),
                parts: vec![(file, part)],
                rollback: None,
            }),
        }
    }
    commits.sort_by(|a, b| {
        let order = |it: &PlannedCommit| (it.who == Who::Unknown, it.at);
        order(a).cmp(&order(b)).then_with(|| a.who.cmp(&b.who))
    });
    commits
}

/// Who else the trail names for components that this commit changes.
fn co_authors(
    commit: &PlannedCommit,
    files: &[ChangedFile],
    evidence: &Evidence<'_>,
) -> BTreeSet<Author> {
    let mut with = BTreeSet::new();
    for (file, part) in &commit.parts {
        let part = &files[*file].parts[*part];
        if part.change == Change::Deleted || part.consequence_of.is_some() {
            continue;
        }
        let label = (evidence.label)(&part.key);
        let rows = evidence.trail.changes_of(&part.key, label.as_deref());
        // What is older has its commit already.
        for row in rows.filter(|it| evidence.since <= Some(it.at)) {
            if let Who::Person(author) = who_is(&row.by) {
                with.insert(author);
            }
        }
    }
    if let Who::Person(author) | Who::Platform(author) = &commit.who {
        with.retain(|it| it.id.is_none() || it.id != author.id);
        with.retain(|it| it.name != author.name);
    }
    with
}

/// Gives a file of several people whose parts cannot be told apart to the last of them who is known.
fn keep_together(commits: &mut Vec<PlannedCommit>, files: &[ChangedFile]) {
    for file in (0..files.len()).filter(|it| !files[*it].is_divisible) {
        let has_it = |it: &PlannedCommit| it.parts.iter().any(|part| part.0 == file);
        let holders: Vec<usize> = (0..commits.len())
            .filter(|it| has_it(&commits[*it]))
            .collect();
        let known = holders
            .iter()
            .rev()
            .find(|it| commits[**it].who != Who::Unknown);
        let Some(&last) = known.or(holders.last()) else {
            continue;
        };
        for holder in holders.into_iter().filter(|it| *it != last) {
            let who = commits[holder].who.clone();
            let (taken, kept) = commits[holder].parts.drain(..).partition(|it| it.0 == file);
            commits[holder].parts = kept;
            let taken: Vec<(usize, usize)> = taken;
            commits[last].parts.extend(taken);
            if let Who::Person(author) = who {
                commits[last].with.insert(author);
            }
        }
    }
    commits.retain(|it| !it.parts.is_empty());
}

/// Says for each commit and file how much of it the commit takes.
fn share_files(commits: &mut [PlannedCommit], files: &[ChangedFile]) {
    let mut done: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for commit in commits {
        for (file, part) in &commit.parts {
            done.entry(*file).or_default().insert(*part);
        }
        let touched: BTreeSet<usize> = commit.parts.iter().map(|(file, _)| *file).collect();
        for file in touched {
            let parts = &done[&file];
            let piece = if parts.len() == files[file].parts.len() {
                Piece::Whole
            } else {
                Piece::Parts(parts.clone())
            };
            commit.pieces.insert(file, piece);
        }
    }
}

#[cfg(test)]
mod tests;
