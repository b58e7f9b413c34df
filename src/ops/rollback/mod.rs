//! Makes a part of an org look like an earlier snapshot.
//!
//! [`plan`] refreshes what the plan may touch, compares it with the target and asks
//! the pure planner; [`apply()`] checks the plan in the org, looks again, deploys, takes
//! a snapshot and compares. A [`PlannedRollback`] is a value: what is shown is what is
//! applied.
//!
//! Invariant: nothing reaches the org before a check of it went well there and the
//! plan, made again, was the same.

mod apply;
mod facts;
mod failure;
mod package;
mod report;
mod residue;
mod send;
mod target;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use sha2::{Digest, Sha256};

pub use apply::{ApplyOptions, apply};
pub(super) use failure::failures_of;
pub use failure::{Failure, TestReport};
use package::beside;
pub use report::{ApplyReport, JobReport, Stage};
pub use residue::Residue;
pub use target::Target;

use super::{
    error::{During, Error, Refusal},
    history,
    jobs::DeployNews,
    snapshot::{self, Base, SnapshotOptions, SnapshotSetup},
};
use crate::{
    client::{Identity, Org},
    model::{ApiVersion, ComponentKey, OrgId, Timestamp, TypeName},
    plan::{
        deploy::{DeployPlan, TestLevel, plan_deploy, test_level},
        retrieve::{
            CostModel, Limits,
            incremental::{self, Trust},
            partial,
        },
        rollback::{
            self, Inputs, InvalidPlan, Options, PlanFile, RELEASE, RollbackPlan, SCHEMA, Step,
            Verdict, View,
        },
        select::{Catalogue, Selector},
    },
    progress::Monitor,
    registry::Registry,
    source::{self, redact},
    store::{ObjectId, Repository},
};

/// What a rollback is asked for.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// The commit to go back to, as typed.
    pub to: String,
    /// Components, as typed; all that differ where there is none.
    pub selectors: Vec<String>,
    /// Components to leave alone, as typed.
    pub except: Vec<String>,
    /// What the user allows.
    pub allowed: Options,
    /// Which tests a deploy runs.
    pub tests: TestLevel,
    /// The org that it is for, where that is known beforehand.
    pub org: Option<OrgId>,
}

/// A plan, and everything that applying it needs.
#[derive(Debug)]
pub struct PlannedRollback {
    /// What becomes of each component.
    pub plan: RollbackPlan,
    /// The deploys that carry it out.
    pub deploy: DeployPlan,
    /// The plan as a file.
    pub file: PlanFile,
    /// The commit to go back to.
    pub target: Target,
    /// The org and the user.
    pub identity: Identity,
    /// Commits that were made because the org had moved on, oldest first.
    pub news: Vec<snapshot::CommitReport>,
    /// What became of deploys that earlier runs began and did not see to their end.
    pub deploys: Vec<DeployNews>,
    options: RollbackOptions,
    then: Base,
    now: Base,
}

/// Plans a rollback of `org` to the commit that `options` name.
///
/// The org is read afresh, and committed, where it has moved on since the last snapshot.
///
/// # Errors
///
/// [`Error`]: a commit that is no snapshot of this org, a selector that matches nothing,
/// and whatever a snapshot fails with.
pub async fn plan(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    options: &RollbackOptions,
    monitor: &dyn Monitor,
) -> Result<PlannedRollback, Error> {
    let identity = org.identity().await.during("asking the org who it is")?;
    if let Some(plan) = options.org
        && plan != identity.org.id
    {
        return Err(Refusal::PlanOfOtherOrg {
            plan,
            found: identity.org.id,
        }
        .into());
    }
    let tip = history::tip(repo, &setup.branch, &setup.remote)?;
    let target = target::resolve(repo, &options.to, tip, identity.org.id)?;
    let mut news = Vec::new();
    let mut deploys = Vec::new();
    let mut refresh = |report: snapshot::SnapshotReport| {
        news.extend(report.commits);
        for deploy in report.deploys {
            // The later snapshot knows more of it.
            deploys.retain(|it: &DeployNews| it.job != deploy.job);
            deploys.push(deploy);
        }
    };
    let everything = SnapshotOptions::default();
    refresh(snapshot::snapshot(org, repo, setup, &everything, monitor).await?);

    let then = Base::at(repo, target.commit, &setup.package_dirs)?;
    let mut now = read_tip(repo, setup)?;
    let only = not_fresh(repo, &then, &now, options, setup.api_version)?;
    if !only.is_empty() {
        let options = SnapshotOptions {
            only,
            ..SnapshotOptions::default()
        };
        refresh(snapshot::snapshot(org, repo, setup, &options, monitor).await?);
        now = read_tip(repo, setup)?;
    }
    let at = org.now().unwrap_or(Timestamp::UNKNOWN);
    let plan = decide(repo, &then, &now, options, setup.api_version, at)?;
    let mut deploy = plan_deploy(
        &plan,
        &CostModel::default(),
        Limits::planned(),
        options.tests.clone(),
        facts::parent_of,
    );
    deploy.after.extend(activations(&plan, &then));
    deploy.tests = test_level(&options.tests, &deploy, identity.org.is_production())?;
    let today = view::TreeView::new(repo, &now);
    let beside = deploy.calls.iter().flat_map(|it| beside(it, &today));
    let file = PlanFile {
        schema: SCHEMA.to_owned(),
        release: RELEASE.to_owned(),
        org: identity.org.id,
        target: target.commit.to_string(),
        base: now.commit.map_or_else(String::new, |it| it.to_string()),
        selectors: options.selectors.clone(),
        except: options.except.clone(),
        options: options.allowed,
        tests: options.tests.clone(),
        entries: Vec::new(),
        beside: beside.collect(),
        digest: String::new(),
    }
    .with_entries(&plan, |key| now.remote(key), digest);
    Ok(PlannedRollback {
        plan,
        deploy,
        file,
        target,
        identity,
        news,
        deploys,
        options: options.clone(),
        then,
        now,
    })
}

/// Gives flows that are made again the definition that they had.
///
/// The first version of such a flow is the one that was active. Where the org kept a
/// definition of the flow as a component, it makes none by itself.
fn activations(plan: &RollbackPlan, then: &Base) -> Vec<Step> {
    let had_definition = |key: &ComponentKey| {
        let flow = then.flows.get(key.name.as_str());
        let definition = ComponentKey::new(TypeName::known("FlowDefinition"), key.name.clone());
        flow.is_some_and(|it| it.active.is_some()) && then.families.contains_key(&definition)
    };
    plan.applied()
        .filter(|it| it.verdict == Verdict::Recreate && it.key.type_name.as_str() == "Flow")
        .filter(|it| had_definition(&it.key))
        .map(|it| Step::ActivateFlow {
            key: it.key.clone(),
            version: 1,
        })
        .collect()
}

fn read_tip(repo: &Repository, setup: &SnapshotSetup) -> Result<Base, Error> {
    let tip = history::tip(repo, &setup.branch, &setup.remote)?;
    Base::at(repo, tip, &setup.package_dirs)
}

/// Reads a saved plan.
///
/// # Errors
///
/// [`InvalidPlan`] when it is none, or none of this release, or edited.
pub fn read_plan(bytes: &[u8]) -> Result<PlanFile, InvalidPlan> {
    PlanFile::parse(bytes, digest)
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The finest components whose files differ between two trees.
fn differing(repo: &Repository, then: &Base, now: &Base) -> Result<BTreeSet<ComponentKey>, Error> {
    let registry = Registry::official();
    let tree = |base: &Base| base.tree.unwrap_or(ObjectId::EMPTY_TREE);
    let mut keys = BTreeSet::new();
    for change in repo.diff_trees(tree(then), tree(now))? {
        if let Some(flow) = history::flow_of(&change.path) {
            keys.insert(flow);
        } else if let Some(owner) = source::owner(registry, &change.path) {
            keys.insert(owner.key);
        }
    }
    Ok(keys)
}

/// What the user selected, of both trees.
fn selected(
    views: (&view::TreeView<'_>, &view::TreeView<'_>),
    differing: &BTreeSet<ComponentKey>,
    options: &RollbackOptions,
) -> Result<BTreeSet<ComponentKey>, Error> {
    let is_any =
        |key: &ComponentKey| !views.0.blobs(key).is_empty() || !views.1.blobs(key).is_empty();
    let keys = views.0.keys().chain(views.1.keys()).cloned();
    let paths = views.0.paths().chain(views.1.paths());
    let paths: BTreeSet<_> = paths
        .map(|(path, key)| (path.to_owned(), key.clone()))
        .collect();
    // A parent may have no file of its own, and is a name all the same.
    let keys: BTreeSet<_> = keys
        .flat_map(|it| facts::parent_of(&it).into_iter().chain([it]))
        .collect();
    let catalogue = Catalogue::new(keys)
        .with_paths(paths)
        .with_parents(facts::parent_of);
    let parse = |texts: &[String]| {
        texts
            .iter()
            .map(|it| Selector::parse(it))
            .collect::<Vec<_>>()
    };
    let except = parse(&options.except);
    if options.selectors.is_empty() {
        let mut all: BTreeSet<_> = differing.iter().filter(|it| is_any(it)).cloned().collect();
        for key in catalogue.select_all(&except, &[])? {
            all.remove(&key);
        }
        return Ok(all);
    }
    let mut found = catalogue.select_all(&parse(&options.selectors), &except)?;
    found.retain(is_any);
    Ok(found)
}

/// What an ordinary snapshot may not have read freshly, of all that the plan may touch.
///
/// Selected components whose dates tell nothing; and what names a component that is
/// gone: the platform takes it out there without a date.
fn not_fresh(
    repo: &Repository,
    then: &Base,
    now: &Base,
    options: &RollbackOptions,
    version: ApiVersion,
) -> Result<Vec<Selector>, Error> {
    let views = (
        view::TreeView::new(repo, then),
        view::TreeView::new(repo, now),
    );
    let differing = differing(repo, then, now)?;
    let selected = selected((&views.0, &views.1), &differing, options)?;
    let listed = now.keys();
    let is_undated = |it: &ComponentKey| {
        let at = now
            .remote(it)
            .map_or(Timestamp::UNKNOWN, |it| it.modified.at);
        incremental::trust(&it.type_name, at) == Trust::Slice
    };
    let mut only: BTreeSet<&ComponentKey> = if options.selectors.is_empty() {
        listed.iter().filter(|it| is_undated(it)).collect()
    } else {
        let selected = listed.iter().filter(|it| selected.contains(it));
        selected.filter(|it| is_undated(it)).collect()
    };
    let gone: BTreeSet<_> = selected
        .into_iter()
        .filter(|it| views.0.state(it).is_some() && views.1.state(it).is_none())
        .collect();
    let names = facts::names_of(&gone);
    for (family, files) in &now.families {
        // What is given only in part is read by every snapshot.
        if gone.is_empty()
            || !listed.contains(family)
            || partial::is_partial(&family.type_name, version)
        {
            continue;
        }
        for file in files.iter().filter(|it| it.path.ends_with("-meta.xml")) {
            let text = String::from_utf8_lossy(&repo.blob(file.id)?).to_lowercase();
            if names.iter().any(|it| text.contains(it)) {
                only.insert(family);
                break;
            }
        }
    }
    let selectors = only.into_iter().map(|it| Selector::Component {
        of: it.type_name.to_string(),
        name: it.name.to_string(),
    });
    Ok(selectors.collect())
}

/// The verdicts, from the two trees.
fn decide(
    repo: &Repository,
    then: &Base,
    now: &Base,
    options: &RollbackOptions,
    version: ApiVersion,
    at: Timestamp,
) -> Result<RollbackPlan, Error> {
    let (target, today) = (
        view::TreeView::new(repo, then),
        view::TreeView::new(repo, now),
    );
    let differing = differing(repo, then, now)?;
    let selected = selected((&target, &today), &differing, options)?;
    let known = facts::Known::new(repo, (then, now), (&target, &today), version)?;
    let plan = rollback::plan(&Inputs {
        target: &target,
        now: &today,
        selected: &selected,
        differing: &differing,
        proves_absence: &|key| then.coverage.proves_absence(key),
        facts: &|key| known.of(key),
        is_redacted: &redact::has_placeholder,
        at,
        options: options.allowed,
    });
    target.check()?;
    today.check()?;
    Ok(plan)
}

impl PlannedRollback {
    /// What it does, in one line.
    #[must_use]
    pub fn title(&self) -> String {
        rollback::title(&self.plan, &self.target.commit.short())
    }

    /// Everything that it changes in the org.
    fn touched(&self) -> BTreeSet<ComponentKey> {
        let mut keys = BTreeSet::new();
        for item in self.plan.applied() {
            if item.key.type_name.as_str() == "Flow" {
                let definition = TypeName::known("FlowDefinition");
                keys.insert(ComponentKey::new(definition, item.key.name.clone()));
            }
            keys.insert(item.key.clone());
        }
        keys
    }

    /// How this plan differs from a saved one, in words; empty where it may be applied.
    #[must_use]
    pub fn differences(&self, saved: &PlanFile) -> Vec<String> {
        let differences = saved.differences(&self.file);
        differences.iter().map(ToString::to_string).collect()
    }

    /// Refuses a saved plan that is not this one.
    ///
    /// # Errors
    ///
    /// [`Refusal::PlanOutdated`] with each difference.
    pub fn must_equal(&self, saved: &PlanFile) -> Result<(), Error> {
        let differences = self.differences(saved);
        if differences.is_empty() {
            return Ok(());
        }
        Err(Refusal::PlanOutdated { differences }.into())
    }

    /// Components that a person has to see to, with the reason.
    pub fn left_to_people(&self) -> impl Iterator<Item = &rollback::Item> {
        use rollback::Verdict::{Impossible, Lossy, Manual};
        self.plan
            .items
            .iter()
            .filter(|it| !it.applies && matches!(it.verdict, Manual | Impossible | Lossy))
    }

    /// How many components have each verdict.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for item in &self.plan.items {
            *counts.entry(item.verdict.word()).or_default() += 1;
        }
        counts
    }
}
