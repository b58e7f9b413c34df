//! Makes a part of an org look like an earlier snapshot.
//!
//! [`plan`] refreshes what the plan may touch, compares it with the target and asks
//! the pure planner; [`apply()`] checks the plan in the org, looks again, deploys, takes
//! a snapshot and compares. A [`PlannedRollback`] is a value: what is shown is what is
//! applied.
//!
//! Invariant: nothing reaches the org before a check of it went well there and the
//! plan, made again, was the same.

mod aim;
mod apply;
mod ask;
mod facts;
mod failure;
mod look;
mod package;
mod parcel;
mod pick;
mod preview;
mod proof;
mod report;
mod residue;
mod send;
mod sides;
mod target;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use sha2::{Digest, Sha256};

use aim::Aim;
pub use aim::Revert;
pub use apply::{ApplyOptions, apply};
use ask::Asked;
pub(super) use failure::failures_of;
pub use failure::{Failure, TestReport};
use look::Look;
use package::beside;
pub use parcel::{Parcel, packages};
pub use preview::{Preview, preview};
pub use proof::{ProofOptions, ProofReport, prove};
pub use report::{ApplyReport, JobReport, Stage};
pub use residue::Residue;
use sides::Sides;
pub use target::Target;

use super::{
    error::{During, Error, Refusal},
    history,
    jobs::DeployNews,
    snapshot::{self, Base, SnapshotSetup},
};
use crate::{
    client::{Identity, Org},
    model::{ComponentKey, OrgId, Timestamp, TypeName},
    plan::{
        deploy::{DeployPlan, TestLevel, plan_deploy, test_level},
        retrieve::{CostModel, Limits},
        rollback::{
            self, Choices, InvalidPlan, Options, Pick, PlanFile, RELEASE, RollbackPlan, SCHEMA,
            Step, Verdict, undo::Clash,
        },
        select::Selector,
    },
    progress::Monitor,
    store::{ObjectId, Repository},
};

/// What a rollback is asked for.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// The commit to go back to, as typed.
    pub to: String,
    /// Commits to undo; then nothing is gone back to.
    pub revert: Option<Revert>,
    /// Components, as typed; all that differ where there is none.
    pub selectors: Vec<String>,
    /// Components to leave alone, as typed.
    pub except: Vec<String>,
    /// By what else components are selected.
    pub pick: Pick,
    /// Whether snapshots go to the remote.
    pub push: bool,
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
    /// When everything that the plan does not touch was looked at last; absent where it was
    /// looked at for the plan.
    pub rest_as_of: Option<Timestamp>,
    /// What became of deploys that earlier runs began and did not see to their end.
    pub deploys: Vec<DeployNews>,
    /// Commits that it undoes, newest first.
    pub reverts: Vec<ObjectId>,
    /// What these commits changed and somebody changed again since, where nobody has said
    /// which is to hold.
    pub clashes: Vec<Clash>,
    options: RollbackOptions,
    then: Base,
    now: Base,
}

/// Plans a rollback of `org` to the commit that `options` name.
///
/// What the plan may touch is read afresh, and committed, where it has moved on since the
/// last snapshot; the rest is taken from there. Without a selector everything is read.
///
/// # Errors
///
/// [`Error`]: a commit that is no snapshot of this org, a selector that matches nothing,
/// and whatever a snapshot fails with.
#[expect(
    clippy::too_many_lines,
    reason = "one step after the other, each with what the one before it gave"
)]
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
    let deployed = match &options.pick.deploy {
        None => None,
        Some(job) => Some(pick::deployed(org, repo, tip, job).await?),
    };
    let options = &match &deployed {
        Some(deployed) if options.to.is_empty() => RollbackOptions {
            to: deployed.before.to_string(),
            ..options.clone()
        },
        _ => options.clone(),
    };
    // What cannot be meant is refused before the org is asked for anything.
    aim::check(repo, options, tip, identity.org.id)?;
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
    let mut look = Look::first(repo, setup, options, identity.org.id)?;
    let (plan, aim, now, rest_as_of) = loop {
        let asked = look.options(options.push);
        let report = snapshot::snapshot(org, repo, setup, &asked, monitor).await?;
        look.took(&report);
        let rest_as_of = report.rest_as_of;
        refresh(report);
        let now = read_tip(repo, setup)?;
        let mut aim = aim::resolve(repo, setup, options, &now, identity.org.id)?;
        aim.picked = pick::pick(repo, &options.pick, deployed.as_ref(), &aim, &now)?;
        let sides = Sides::new(repo, &aim, &now, options)?;
        if let Some(next) = look.next(setup, options, &sides, &now)? {
            look = next;
            continue;
        }
        let asked = ask::ask(org, &sides).await?;
        let at = org.now().unwrap_or(Timestamp::UNKNOWN);
        let plan = sides.plan(options, setup.api_version, at, &asked)?;
        drop(sides);
        break (plan, aim, now, rest_as_of);
    };
    let Aim {
        target,
        then,
        revert,
        ..
    } = aim;
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
        reverts: revert
            .iter()
            .flat_map(|it| &it.commits)
            .map(ToString::to_string)
            .collect(),
        choices: options
            .revert
            .as_ref()
            .map_or_else(Choices::default, |it| Choices {
                all: it.all,
                each: it.each.clone(),
            }),
        base: now.commit.map_or_else(String::new, |it| it.to_string()),
        selectors: options.selectors.clone(),
        except: options.except.clone(),
        pick: options.pick.clone(),
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
        rest_as_of,
        deploys,
        clashes: revert
            .iter()
            .flat_map(|it| it.clashes.values().flatten())
            .cloned()
            .collect(),
        reverts: revert.map_or_else(Vec::new, |it| it.commits),
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

/// A plan that was made from the branch alone.
#[derive(Debug)]
pub struct Outline {
    /// What becomes of each component, if the org is as the branch has it.
    pub plan: RollbackPlan,
    /// The deploys that would carry it out.
    pub deploy: DeployPlan,
    /// What [`plan`] would have read again first.
    pub stale: Vec<Selector>,
}

/// Plans a rollback from the branch as it is, and asks no org whether that is how it is now.
///
/// # Errors
///
/// As for [`plan`], but for those of an org.
pub fn outline(
    repo: &Repository,
    setup: &SnapshotSetup,
    options: &RollbackOptions,
    at: Timestamp,
) -> Result<Outline, Error> {
    let now = read_tip(repo, setup)?;
    let org = now.kept_org(&setup.branch)?.org_id;
    let mut aim = aim::resolve(repo, setup, options, &now, org)?;
    aim.picked = pick::pick(repo, &options.pick, None, &aim, &now)?;
    let sides = Sides::new(repo, &aim, &now, options)?;
    let stale = sides.not_fresh(options, setup.api_version)?;
    let plan = sides.plan(options, setup.api_version, at, &Asked::default())?;
    let deploy = plan_deploy(
        &plan,
        &CostModel::default(),
        Limits::planned(),
        options.tests.clone(),
        facts::parent_of,
    );
    Ok(Outline {
        plan,
        deploy,
        stale,
    })
}

impl PlannedRollback {
    /// What it does, in one line.
    #[must_use]
    pub fn title(&self) -> String {
        if self.reverts.is_empty() {
            return rollback::title(&self.plan, &self.target.commit.short());
        }
        let commits: Vec<_> = self.reverts.iter().map(|it| it.short()).collect();
        rollback::title_of_revert(&self.plan, &commits)
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
