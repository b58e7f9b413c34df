//! The ledger of a snapshot, what is remembered for the next, and the branch.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::Write,
};

use super::{
    SnapshotOptions, SnapshotSetup,
    base::{Base, snapshot_id},
    commit::Commits,
    decide::ReadPlan,
    folders,
    gather::StoredFile,
    listing,
    outcome::PathChange,
    permissions::Fingerprints,
    push::PushReport,
    read::{Answers, tree_key},
    redaction,
    rewrite::level_name,
    rule_versions,
};
use crate::{
    client::{Identity, Org},
    ledger::{
        Coverage, DeployRecord, Deploys, FlowVersions, Gap, GapKind, Inventory, OrgFile,
        RedactedValues, RunRecord, RunState,
        coverage::Scope,
        org::LAYOUT,
        state::{SeenComponent, SeenFolders, append_run, parse_folders, parse_seen, render_seen},
    },
    model::{ComponentKey, OrgId, RecordId, Timestamp, TreePath, TypeName},
    ops::error::Error,
    plan::{
        commits::Rollback,
        retrieve::{
            CostModel,
            incremental::{LastSeen, Pass},
        },
    },
    progress::Monitor,
    registry::Registry,
    store::{
        Branch, KeptPack, Message, ObjectId, PackBuilder, Publication, Published, RefUpdate,
        Repository, Signature, State, WriteLock, trailer,
    },
};

/// Path of the learned costs in the state.
const COSTS: &str = "costs.json";

/// What earlier runs left for this one.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) state: RunState,
    stored: State,
}

impl Memory {
    /// Reads what is remembered of `org`; a state that cannot be read is as good as none.
    pub(super) fn read(repo: &Repository, org: OrgId) -> Result<Self, Error> {
        let stored = repo.state(org)?;
        let state = stored
            .files
            .get(RunState::PATH)
            .and_then(|bytes| RunState::parse(bytes).ok())
            .unwrap_or_default();
        Ok(Self { state, stored })
    }

    /// Where the reference of the state is.
    pub(super) fn commit(&self) -> Option<ObjectId> {
        self.stored.commit
    }

    /// Whether the state was left by the snapshot that the branch holds.
    pub(super) fn belongs_to(&self, base: &Base) -> bool {
        let snapshot = base.last_snapshot.map(|it| it.to_string());
        snapshot.is_some() && self.state.commit == snapshot
    }

    /// Its files with `jobs` as the ones that run.
    pub(super) fn with_open_jobs(
        &self,
        jobs: &BTreeMap<String, RecordId>,
    ) -> BTreeMap<TreePath, Vec<u8>> {
        let mut files = self.stored.files.clone();
        let state = RunState {
            open_jobs: jobs.clone(),
            ..self.state.clone()
        };
        let path = RunState::PATH.parse().expect("a literal path is valid");
        files.insert(path, state.render());
        files
    }

    /// Date and id under which each component was last seen.
    pub(super) fn seen(&self) -> BTreeMap<ComponentKey, LastSeen> {
        let mut all = BTreeMap::new();
        for (path, bytes) in &self.stored.files {
            let Some(type_name) = path
                .as_str()
                .strip_prefix("seen/")
                .and_then(|it| it.strip_suffix(".json"))
                .and_then(|it| it.parse::<TypeName>().ok())
            else {
                continue;
            };
            for (name, it) in parse_seen(&type_name, bytes).unwrap_or_default() {
                let seen = LastSeen {
                    id: it.id,
                    at: it.modified,
                };
                all.insert(ComponentKey::new(type_name.clone(), name), seen);
            }
        }
        all
    }

    /// Folders that need not be listed while their rows stay the same, by the type of their content.
    pub(super) fn folders(&self) -> BTreeMap<TypeName, SeenFolders> {
        let read = |path: &TreePath, bytes: &[u8]| {
            let name = path.as_str().strip_prefix("folders/")?;
            let type_name: TypeName = name.strip_suffix(".json")?.parse().ok()?;
            let folders = parse_folders(&type_name, bytes).ok()?;
            Some((type_name, folders))
        };
        let files = self.stored.files.iter();
        files
            .filter_map(|(path, bytes)| read(path, bytes))
            .collect()
    }

    /// Whether the user has lost permissions that the one of the last run had.
    pub(super) fn sees_less(&self, identity: &Identity) -> bool {
        let now = identity.permissions.granted();
        self.state
            .permissions
            .iter()
            .any(|it| !now.contains(&it.as_str()))
    }

    /// Components whose content was not what the last listing promised.
    pub(super) fn unsettled(&self) -> BTreeSet<ComponentKey> {
        self.state
            .unsettled
            .iter()
            .filter_map(|it| it.parse().ok())
            .collect()
    }

    /// Fingerprints of the permission tables, as the last run saw them.
    pub(super) fn permissions(&self) -> Fingerprints {
        self.state
            .watermarks
            .iter()
            .filter_map(|(key, mark)| Some((key.parse().ok()?, mark.clone())))
            .collect()
    }

    /// What is noted of deploys.
    fn deploys(&self) -> Deploys {
        let file = self.stored.files.get(Deploys::PATH);
        file.and_then(|it| Deploys::parse(it).ok())
            .unwrap_or_default()
    }

    /// Rollbacks of ours that no snapshot has seen yet.
    pub(super) fn rollbacks(&self) -> Vec<Rollback> {
        let mut all: BTreeMap<String, Rollback> = BTreeMap::new();
        for deploy in self
            .deploys()
            .deploys
            .into_iter()
            .filter(DeployRecord::is_untold)
        {
            let until = deploy.end.as_ref().map_or(deploy.sent, |it| it.at);
            let of = all.entry(deploy.run).or_insert_with(|| Rollback {
                by: deploy.by,
                between: (deploy.sent, until),
                components: BTreeSet::new(),
                title: deploy.purpose,
                target: deploy.target,
                jobs: Vec::new(),
            });
            of.between.0 = of.between.0.min(deploy.sent);
            of.between.1 = of.between.1.max(until);
            of.components.extend(deploy.components);
            of.jobs.extend(deploy.job.map(|it| it.to_string()));
        }
        all.into_values().collect()
    }

    /// Learned costs.
    pub(super) fn costs(&self) -> CostModel {
        self.stored
            .files
            .get(COSTS)
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .unwrap_or_default()
    }
}

/// The files of `.orgkeep/` that a snapshot writes.
#[derive(Debug, Default)]
pub(super) struct LedgerFiles {
    pub(super) files: Vec<(TreePath, Option<ObjectId>)>,
    pub(super) coverage: Coverage,
    /// Whether a gap opened or closed.
    pub(super) gaps_moved: bool,
    /// What opened or closed, in a few words.
    pub(super) story: String,
    pub(super) opened: Vec<Gap>,
}

/// Writes the ledger into the pack.
#[expect(
    clippy::too_many_arguments,
    reason = "the ledger speaks of everything that was read"
)]
pub(super) fn ledger(
    base: &Base,
    identity: &Identity,
    plan: &ReadPlan,
    answers: &Answers,
    changes: &[PathChange],
    gaps: &BTreeSet<Gap>,
    setup: &SnapshotSetup,
    pack: &PackBuilder<'_>,
) -> Result<LedgerFiles, Error> {
    let mut out = LedgerFiles::default();
    let org = OrgFile {
        layout: LAYOUT,
        org_id: identity.org.id,
        api_version: setup.api_version,
        level: level_name(setup.level).to_owned(),
        rules: rule_versions(setup),
        redaction_key: redaction::key_id(setup, base),
    };
    put(&mut out.files, base, pack, OrgFile::PATH, &org.render())?;
    out.coverage = coverage(base, plan, answers, gaps, setup);
    put(
        &mut out.files,
        base,
        pack,
        Coverage::PATH,
        &out.coverage.render(),
    )?;
    let redacted = redacted(base, answers, changes);
    put(
        &mut out.files,
        base,
        pack,
        RedactedValues::PATH,
        &redacted.render(),
    )?;
    let inventories = inventories(base, plan, answers, changes);
    for inventory in inventories.values() {
        let path = Inventory::path(&inventory.type_name);
        put(&mut out.files, base, pack, &path, &inventory.render())?;
    }
    for type_name in base.inventories.keys() {
        if !inventories.contains_key(type_name)
            && let Ok(path) = Inventory::path(type_name).parse()
        {
            out.files.push((path, None));
        }
    }
    compare_gaps(base, &mut out);
    Ok(out)
}

fn put(
    files: &mut Vec<(TreePath, Option<ObjectId>)>,
    base: &Base,
    pack: &PackBuilder<'_>,
    path: &str,
    bytes: &[u8],
) -> Result<(), Error> {
    let is_there = base.listing.get(path);
    if bytes.is_empty() && is_there.is_none() {
        return Ok(());
    }
    let id = pack.blob(bytes)?;
    if is_there.map(|it| it.id) != Some(id)
        && let Ok(path) = path.parse::<TreePath>()
    {
        files.push((path, Some(id)));
    }
    Ok(())
}

/// The ledger of gaps and extents: what this pass saw, and of what it did not look at, what was known.
fn coverage(
    base: &Base,
    plan: &ReadPlan,
    answers: &Answers,
    gaps: &BTreeSet<Gap>,
    setup: &SnapshotSetup,
) -> Coverage {
    let texts = |rules: &[crate::plan::scope::Rule]| -> Vec<String> {
        rules.iter().map(|it| String::from(it.clone())).collect()
    };
    let mut coverage = Coverage {
        scope: Scope {
            include: texts(&setup.scope.include),
            exclude: texts(&setup.scope.exclude),
            forceignore: setup.ignored_digest.clone(),
        },
        types: plan.in_scope.extents.clone(),
        gaps: gaps.clone(),
        ..Coverage::default()
    };
    if plan.pass != Pass::Full || plan.is_selective {
        let registry = Registry::official();
        let fetched: BTreeSet<ComponentKey> = plan
            .fetched()
            .map(|it| tree_key(registry, it, plan.in_scope.components.get(it)))
            .collect();
        for gap in &base.coverage.gaps {
            let key: Option<ComponentKey> = gap.what.parse().ok();
            let lasts = match gap.kind {
                GapKind::NotConverted
                | GapKind::NotDeployable
                | GapKind::Unreadable
                | GapKind::Missing
                | GapKind::InMotion => match &key {
                    Some(key) => {
                        !fetched.contains(key)
                            && (plan.in_scope.components.contains_key(key)
                                || base.families.contains_key(key))
                            && !answers.deleted.contains(key)
                    }
                    // A path: it lasts as long as the file does. None of ours is in a folder.
                    None => gap.what.contains('/') && base.listing.get(&gap.what).is_some(),
                },
                GapKind::Unsupported | GapKind::Skipped | GapKind::Stale | GapKind::Unseen => false,
            };
            if lasts {
                coverage.gaps.insert(gap.clone());
            }
        }
    }
    coverage.keep_accepted(&base.coverage);
    coverage
}

/// Which gaps opened and closed. What is skipped by a rule is no gap to tell of.
fn compare_gaps(base: &Base, out: &mut LedgerFiles) {
    let told = |coverage: &Coverage| -> BTreeSet<(String, GapKind)> {
        coverage
            .gaps
            .iter()
            .filter(|it| !it.kind.is_expected())
            .map(|it| (it.what.clone(), it.kind))
            .collect()
    };
    let (before, now) = (told(&base.coverage), told(&out.coverage));
    let opened: Vec<_> = now.difference(&before).cloned().collect();
    let closed: Vec<_> = before.difference(&now).cloned().collect();
    out.opened = out
        .coverage
        .gaps
        .iter()
        .filter(|it| opened.contains(&(it.what.clone(), it.kind)))
        .cloned()
        .collect();
    out.gaps_moved = base.org.is_some() && !(opened.is_empty() && closed.is_empty());
    let name = |list: &[(String, GapKind)], word: &str| {
        list.first().map(|(what, kind)| {
            let more = match list.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            format!("{word}: {what} ({}){more}", kind.word())
        })
    };
    out.story = [name(&opened, "Gap opened"), name(&closed, "Gap closed")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ");
}

fn redacted(base: &Base, answers: &Answers, changes: &[PathChange]) -> RedactedValues {
    let rewritten: BTreeSet<&str> = answers
        .gathered
        .files
        .values()
        .flatten()
        .map(|it| it.path.as_str())
        .chain(changes.iter().map(|it| it.path.as_str()))
        .collect();
    let kept = base
        .redacted
        .0
        .iter()
        .filter(|it| !rewritten.contains(it.path.as_str()));
    RedactedValues(
        kept.cloned()
            .chain(answers.gathered.redacted.iter().cloned())
            .collect(),
    )
}

/// The inventories: a line moves only with the id or the content of its component.
fn inventories(
    base: &Base,
    plan: &ReadPlan,
    answers: &Answers,
    changes: &[PathChange],
) -> BTreeMap<TypeName, Inventory> {
    let registry = Registry::official();
    let moved: BTreeSet<&ComponentKey> = changes.iter().map(|it| &it.key).collect();
    let mut all: BTreeMap<TypeName, Inventory> = BTreeMap::new();
    let mut take = |component: crate::model::RemoteComponent| {
        all.entry(component.key.type_name.clone())
            .or_insert_with(|| Inventory::new(component.key.type_name.clone()))
            .insert(component);
    };
    for listed in plan.in_scope.components.values() {
        let before = base.remote(&listed.key);
        let key = tree_key(registry, &listed.key, Some(listed));
        if listing::is_guessed(&listed.key) {
            let is_there = answers
                .gathered
                .files
                .get(&key)
                .is_some_and(|it| !it.is_empty())
                || base.families.contains_key(&key);
            if !is_there {
                continue;
            }
        }
        let now = answers.answered.get(&listed.key).unwrap_or(listed);
        let is_other = match before {
            None => true,
            Some(before) => before.id != now.id || moved.contains(&key),
        };
        match before {
            Some(before) if !is_other => take(before.clone()),
            _ => take(listing::dated(now)),
        }
    }
    for before in base
        .inventories
        .values()
        .flat_map(|it| it.components.values())
    {
        // A line goes with its component and with the scope; what was not listed for any
        // other reason stays known, or its deletion would never be noticed.
        let is_kept = !plan.in_scope.components.contains_key(&before.key)
            && !answers.deleted.contains(&before.key)
            && !plan.left.contains(&before.key)
            && !listing::is_guessed(&before.key);
        if is_kept {
            take(before.clone());
        }
    }
    all
}

/// The files that hold versions of flows, as changes of the flows.
pub(super) fn flow_changes(
    base: &Base,
    plan: &ReadPlan,
    answers: &Answers,
    pack: &PackBuilder<'_>,
) -> Result<Vec<PathChange>, Error> {
    let mut files: BTreeMap<String, (ComponentKey, Option<ObjectId>)> = BTreeMap::new();
    for (flow, versions) in &plan.flows {
        let Ok(key) = ComponentKey::parse("Flow", flow) else {
            continue;
        };
        if !plan.in_scope.components.contains_key(&key) {
            continue;
        }
        let id = pack.blob(&versions.render())?;
        files.insert(FlowVersions::path(flow), (key.clone(), Some(id)));
        let active_path = FlowVersions::active_path(flow);
        let active = versions.active.filter(|it| *it != versions.latest);
        let stored = base.listing.get(&active_path).map(|it| it.id);
        let blob = active.and_then(|number| {
            let came = answers.gathered.flow_versions.get(&(flow.clone(), number));
            let is_same = base.flows.get(flow).and_then(|it| it.active) == Some(number);
            came.copied().or(stored.filter(|_| is_same))
        });
        if blob.is_some() || stored.is_some() {
            files.insert(active_path, (key, blob));
        }
    }
    for flow in base.flows.keys() {
        let Ok(key) = ComponentKey::parse("Flow", flow) else {
            continue;
        };
        if answers.deleted.contains(&key) {
            files.insert(FlowVersions::path(flow), (key.clone(), None));
            files.insert(FlowVersions::active_path(flow), (key, None));
        }
    }
    let mut changes = Vec::new();
    for (path, (key, after)) in files {
        let before = base.listing.get(&path).map(|it| it.id);
        if let Ok(path) = path.parse::<TreePath>()
            && before != after
        {
            changes.push(PathChange {
                path,
                family: key.clone(),
                key,
                before,
                after,
                by_scope: false,
            });
        }
    }
    Ok(changes)
}

/// What became of the branch.
pub(super) struct Outcome {
    pub(super) snapshot: String,
    pub(super) commits: Commits,
    pub(super) tag: Option<String>,
    pub(super) kept_files: Vec<String>,
    pub(super) refresh_problem: Option<String>,
    pub(super) pushed: Option<PushReport>,
}

/// A snapshot whose objects are in the repository, and that no reference shows yet.
pub(super) struct Closed {
    pub(super) kept: KeptPack,
    /// The commit that the branch goes to; `None` where there is none to go to.
    pub(super) new: Option<ObjectId>,
    pub(super) commits: Commits,
    pub(super) tag: Option<RefUpdate>,
    pub(super) state: Option<RefUpdate>,
    run: RunRecord,
}

/// Puts the tag and the state into the pack, and closes it.
#[expect(
    clippy::too_many_arguments,
    reason = "the end of the way, where everything meets"
)]
pub(super) fn close(
    pack: PackBuilder<'_>,
    base: &Base,
    memory: &Memory,
    identity: &Identity,
    plan: &ReadPlan,
    answers: &Answers,
    commits: Commits,
    setup: &SnapshotSetup,
    options: &SnapshotOptions,
    org: &Org,
) -> Result<Closed, Error> {
    let new = commits.made.last().map(|it| it.id).or(base.commit);
    let who = signature(setup, plan.began);
    let snapshot = snapshot_id(plan.began);
    let run = RunRecord {
        snapshot: snapshot.clone(),
        at: plan.began,
        kind: kind(plan).to_owned(),
        commit: new.map(|it| it.to_string()),
        changed: commits.changes.len() as u64,
        gaps: commits.ledger.coverage.open().count() as u64,
        calls: org.budget().total(),
    };
    let mut tag = None;
    if let (Some(name), Some(new)) = (&options.tag, new) {
        let message = options
            .message
            .clone()
            .unwrap_or_else(|| format!("Snapshot {snapshot}"));
        let message = Message::new(message).with_trailer(trailer::SNAPSHOT, snapshot.clone());
        tag = Some(pack.tag(name, new, &who, &message)?);
    }
    let has_moved = !commits.made.is_empty();
    let state = remember(
        &pack, memory, identity, plan, answers, new, has_moved, &run, &who,
    )?;
    Ok(Closed {
        kept: pack.finish()?,
        new,
        commits,
        tag,
        state,
        run,
    })
}

/// Moves the branch, the tag and the state.
pub(super) fn show(
    lock: &WriteLock<'_>,
    closed: Closed,
    branch: &Branch,
    options: &SnapshotOptions,
    monitor: &dyn Monitor,
) -> Result<Outcome, Error> {
    let repo = lock.repository();
    note_run(repo, &closed.run);
    let mut outcome = Outcome {
        snapshot: closed.run.snapshot,
        commits: closed.commits,
        tag: None,
        kept_files: Vec::new(),
        refresh_problem: None,
        pushed: None,
    };
    let Some(new) = closed.new else {
        return Ok(outcome);
    };
    let n = outcome.commits.changes.len();
    let publication = Publication {
        branch: branch.clone(),
        new,
        reason: format!("snapshot: {n} files changed"),
        also: closed.tag.into_iter().chain(closed.state).collect(),
    };
    let published: Published = lock.publish(closed.kept, &publication, monitor)?;
    outcome.tag.clone_from(&options.tag);
    outcome.note_refresh(published);
    if let Ok(dir) = repo.private_dir()
        && let Ok(spool) = crate::ops::fetch::Spool::open(&dir)
    {
        spool.clear();
    }
    Ok(outcome)
}

impl Outcome {
    /// Says what became of the working tree.
    pub(super) fn note_refresh(&mut self, published: Published) {
        match published.refreshed {
            Ok(refreshed) => {
                let kept = refreshed.kept.iter().map(|it| it.path.clone());
                self.kept_files = kept.collect();
            }
            Err(err) => self.refresh_problem = Some(err.to_string()),
        }
    }
}

/// Who writes what is ours.
pub(super) fn signature(setup: &SnapshotSetup, at: Timestamp) -> Signature {
    Signature::new(&setup.committer.0, &setup.committer.1, at)
}

/// The word for a pass.
pub(super) fn kind(plan: &ReadPlan) -> &'static str {
    match plan.pass {
        _ if plan.is_selective => "only",
        Pass::Full => "full",
        Pass::Incremental { .. } => "incremental",
    }
}

/// The state after this run. Without a change of anything it stays as it is.
#[expect(
    clippy::too_many_arguments,
    reason = "the state remembers something of everything"
)]
fn remember(
    pack: &PackBuilder<'_>,
    memory: &Memory,
    identity: &Identity,
    plan: &ReadPlan,
    answers: &Answers,
    new: Option<ObjectId>,
    has_moved: bool,
    run: &RunRecord,
    who: &Signature,
) -> Result<Option<RefUpdate>, Error> {
    let mut files = memory.stored.files.clone();
    let path = |text: &str| text.parse::<TreePath>().expect("a literal path is valid");
    if plan.is_selective {
        // Dates of what was not looked at stay unseen, so the next run looks.
        if !has_moved {
            return Ok(None);
        }
    } else {
        let is_seen = |it: &str| it.starts_with("seen/") || it.starts_with("folders/");
        files.retain(|path, _| !is_seen(path.as_str()));
        files.extend(seen(plan, answers));
        files.extend(folders::remembered(plan));
        let mut deploys = memory.deploys();
        if deploys.deploys.iter().any(|it| !it.told) {
            // All that had ended when the listing began.
            deploys.tell();
            files.insert(path(Deploys::PATH), deploys.render());
        }
    }
    let mut state = memory.state.clone();
    // Where something is kept because this user sees less, the next run has to know, too.
    if !plan.sees_less || answers.stale.is_empty() {
        state.permissions = identity
            .permissions
            .granted()
            .iter()
            .map(ToString::to_string)
            .collect();
    }
    // The answers of all jobs were taken.
    state.open_jobs.clear();
    state.unsettled = answers.unsettled.iter().map(ToString::to_string).collect();
    if has_moved || state.commit.is_none() {
        state.commit = new.map(|it| it.to_string());
    }
    if let Some(permissions) = plan.permissions.as_ref().filter(|_| !plan.is_selective) {
        state.watermarks = permissions
            .iter()
            .map(|(key, mark)| (key.to_string(), mark.clone()))
            .collect();
    }
    let was_full = plan.pass == Pass::Full && !plan.is_selective;
    let is_same = files == memory.stored.files
        && RunState {
            full_at: None,
            ..state.clone()
        } == RunState {
            full_at: None,
            ..memory.state.clone()
        };
    if is_same && !was_full {
        return Ok(None);
    }
    if was_full {
        state.full_at = Some(plan.began);
    }
    if !plan.is_selective {
        state.listed_at = Some(plan.began);
    }
    files.insert(path(RunState::PATH), state.render());
    files.insert(path(COSTS), render_costs(&answers.costs));
    let runs = files.get(RunState::RUNS).cloned().unwrap_or_default();
    files.insert(path(RunState::RUNS), append_run(&runs, run));
    Ok(pack.state(identity.org.id, memory.stored.commit, &files, who)?)
}

/// Costs with their keys in order, so that equal costs are equal bytes.
fn render_costs(costs: &CostModel) -> Vec<u8> {
    fn sorted(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(map) => {
                let mut pairs: Vec<_> = map.into_iter().collect();
                pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
                pairs
                    .into_iter()
                    .map(|(key, it)| (key, sorted(it)))
                    .collect()
            }
            other => other,
        }
    }
    let value = serde_json::to_value(costs).map(sorted);
    value
        .map(|it| it.to_string().into_bytes())
        .unwrap_or_default()
}

/// Date and id of everything that was listed: the earlier one of listing and answer.
fn seen(plan: &ReadPlan, answers: &Answers) -> BTreeMap<TreePath, Vec<u8>> {
    let mut by_type: BTreeMap<TypeName, BTreeMap<_, SeenComponent>> = BTreeMap::new();
    for listed in plan.in_scope.components.values() {
        if listing::is_guessed(&listed.key) || answers.unsettled.contains(&listed.key) {
            // What is not settled counts as never seen, so it is fetched again.
            if !listing::is_guessed(&listed.key) {
                continue;
            }
        }
        by_type
            .entry(listed.key.type_name.clone())
            .or_default()
            .insert(
                listed.key.name.clone(),
                SeenComponent {
                    modified: listing::dated(listed).modified.at,
                    id: listed.id,
                },
            );
    }
    by_type
        .into_iter()
        .filter_map(|(type_name, seen)| {
            let path = RunState::seen_path(&type_name).parse().ok()?;
            Some((path, render_seen(&seen)))
        })
        .collect()
}

/// Notes the run in the repository itself, where runs without a change are listed too.
fn note_run(repo: &Repository, run: &RunRecord) {
    let Ok(dir) = repo.private_dir() else { return };
    let Ok(line) = serde_json::to_string(run) else {
        return;
    };
    // A list of runs is a convenience: its loss is no failure.
    let _ = OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("runs.jsonl"))
        .and_then(|mut file| writeln!(file, "{line}"));
}

/// Files by family, for whoever wants to know what came.
pub(super) fn n_components(files: &BTreeMap<ComponentKey, Vec<StoredFile>>) -> usize {
    files.values().filter(|it| !it.is_empty()).count()
}
