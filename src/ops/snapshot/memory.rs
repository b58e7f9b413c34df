//! What a run remembers for the next: dates seen, costs learned, the list of runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    base::Base, decide::ReadPlan, folders, listing, permissions::Fingerprints, read::Answers,
};
use crate::{
    client::Identity,
    ledger::{
        DeployRecord, Deploys, RunRecord, RunState,
        state::{SeenComponent, SeenFolders, append_run, parse_folders, parse_seen, render_seen},
    },
    model::{ComponentKey, OrgId, RecordId, TreePath, TypeName},
    ops::error::Error,
    plan::{
        commits::Rollback,
        retrieve::{
            CostModel,
            incremental::{LastSeen, Pass},
        },
    },
    store::{ObjectId, PackBuilder, RefUpdate, Repository, Signature, State},
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

    /// Date and id under which each component of the types that are `wanted` was last seen.
    pub(super) fn seen(
        &self,
        wanted: &dyn Fn(&TypeName) -> bool,
    ) -> BTreeMap<ComponentKey, LastSeen> {
        let mut all = BTreeMap::new();
        for (path, bytes) in &self.stored.files {
            let Some(type_name) = path
                .as_str()
                .strip_prefix("seen/")
                .and_then(|it| it.strip_suffix(".json"))
                .and_then(|it| it.parse::<TypeName>().ok())
                .filter(|it| wanted(it))
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
/// The state after this run. Without a change of anything it stays as it is.
#[expect(
    clippy::too_many_arguments,
    reason = "the state remembers something of everything"
)]
pub(super) fn remember(
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
    if !plan.is_selective {
        state.had_gaps = 0 < run.gaps;
    }
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
