//! What is read afresh for a plan.
//!
//! The plan that would be made if the org were as the tip has it says what the plan may
//! touch. That is looked at, with whatever turns out to have gone with it; the rest is
//! taken from the tip. Where a selection may name anything, everything is looked at.
//!
//! Invariant: no item of a plan is about a component that was not looked at for it.

use std::collections::BTreeSet;

use super::{RollbackOptions, aim, ask::Asked, pick, read_tip, sides::Sides};
use crate::{
    model::{ComponentKey, OrgId, RemoteComponent, Timestamp},
    ops::{
        error::{Cause, Error},
        snapshot::{self, Base, SnapshotOptions, SnapshotReport, SnapshotSetup},
    },
    plan::{
        reach::Reach,
        retrieve::incremental::{Trust, trust},
        rollback::RollbackPlan,
        select::Selector,
    },
    registry::Registry,
    source,
    store::Repository,
};

/// Looks at a part, after which everything is looked at: an org that changes as fast as that
/// is better read as a whole. Own figure.
const MAX_PARTS: usize = 3;

/// What is looked at, for one plan.
#[derive(Debug)]
pub(super) enum Look {
    /// All that a snapshot looks at.
    Everything,
    /// Just what these name, after everything else.
    Only(Vec<Selector>),
    /// What a plan may touch.
    Part(Part),
}

/// A look at a part of an org.
#[derive(Debug)]
pub(super) struct Part {
    reach: Reach,
    /// What it reads, and what was read by the looks before it.
    fresh: BTreeSet<ComponentKey>,
    n_looks: usize,
}

impl Look {
    /// What to look at first.
    ///
    /// # Errors
    ///
    /// A repository that cannot be read. What is selected in neither tree is no error:
    /// it may be new in the org.
    pub(super) fn first(
        repo: &Repository,
        setup: &SnapshotSetup,
        options: &RollbackOptions,
        org: OrgId,
    ) -> Result<Self, Error> {
        let names_none = options.selectors.is_empty() && options.revert.is_none();
        // What a look at a part found new is not among what was seen last, so the snapshot
        // after its deletion would not know what held it.
        let deletes = options.allowed.delete_new;
        if names_none || deletes || !options.pick.is_empty() {
            return Ok(Self::Everything);
        }
        let now = read_tip(repo, setup)?;
        if !snapshot::narrow::is_possible(&now, setup) {
            return Ok(Self::Everything);
        }
        let Some(mut reach) = named(setup, options) else {
            return Ok(Self::Everything);
        };
        let mut aim = aim::resolve(repo, setup, options, &now, org)?;
        aim.picked = pick::pick(repo, &options.pick, None, &aim, &now)?;
        let sides = match Sides::new(repo, &aim, &now, options) {
            Err(err) if matches!(*err.cause, Cause::Select(_)) => return Ok(Self::Everything),
            sides => sides?,
        };
        let keys = extend(&mut reach, &sides, setup, options)?;
        Ok(Self::Part(Part {
            reach,
            fresh: undated(&keys, &now),
            n_looks: 1,
        }))
    }

    /// The snapshot that looks.
    pub(super) fn options(&self, push: bool) -> SnapshotOptions {
        let mut options = SnapshotOptions {
            push,
            ..SnapshotOptions::default()
        };
        match self {
            Self::Everything => (),
            Self::Only(only) => options.only.clone_from(only),
            Self::Part(part) => {
                options.reach = Some(part.reach.clone());
                options.fresh.clone_from(&part.fresh);
            }
        }
        options
    }

    /// Notes what a look read.
    pub(super) fn took(&mut self, report: &SnapshotReport) {
        if let Self::Part(part) = self {
            part.fresh.extend(report.read.iter().cloned());
        }
    }

    /// What else has to be looked at for the plan of `sides`; `None` where it holds.
    pub(super) fn next(
        &self,
        setup: &SnapshotSetup,
        options: &RollbackOptions,
        sides: &Sides<'_>,
        now: &Base,
    ) -> Result<Option<Self>, Error> {
        let part = match self {
            Self::Everything => {
                let only = sides.not_fresh(options, setup.api_version)?;
                return Ok((!only.is_empty()).then_some(Self::Only(only)));
            }
            Self::Only(_) => return Ok(None),
            Self::Part(part) => part,
        };
        let mut reach = part.reach.clone();
        let keys = extend(&mut reach, sides, setup, options)?;
        let mut fresh = undated(&keys, now);
        if reach == part.reach && fresh.is_subset(&part.fresh) {
            return Ok(None);
        }
        if part.n_looks == MAX_PARTS {
            return Ok(Some(Self::Everything));
        }
        fresh.extend(part.fresh.iter().cloned());
        Ok(Some(Self::Part(Part {
            reach,
            fresh,
            n_looks: part.n_looks + 1,
        })))
    }
}

/// What the selectors may name; `None` where that may be anything.
fn named(setup: &SnapshotSetup, options: &RollbackOptions) -> Option<Reach> {
    let registry = Registry::official();
    let mut reach = Reach::nothing(setup.api_version);
    for text in &options.selectors {
        let selector = Selector::parse(text);
        if reach.take_selector(registry, &selector) {
            continue;
        }
        // The path of one file is as good as a name.
        let Selector::Path(path) = &selector else {
            return None;
        };
        reach.take(registry, &source::owner(registry, path)?.key);
    }
    Some(reach)
}

/// Takes everything in that the plan of `sides` is about, and gives it.
fn extend(
    reach: &mut Reach,
    sides: &Sides<'_>,
    setup: &SnapshotSetup,
    options: &RollbackOptions,
) -> Result<BTreeSet<ComponentKey>, Error> {
    let plan = sides.plan(
        options,
        setup.api_version,
        Timestamp::UNKNOWN,
        &Asked::default(),
    )?;
    let keys = touched(&sides.selected, &plan);
    for key in &keys {
        reach.take(Registry::official(), key);
    }
    Ok(keys)
}

/// Everything that a plan is about.
fn touched(selected: &BTreeSet<ComponentKey>, plan: &RollbackPlan) -> BTreeSet<ComponentKey> {
    let mut keys = selected.clone();
    for item in &plan.items {
        keys.insert(item.key.clone());
        keys.extend(item.because_of.iter().cloned());
        keys.extend(item.deletes_inside.iter().cloned());
    }
    keys
}

/// Those of `keys` of which no date tells whether they changed.
fn undated(keys: &BTreeSet<ComponentKey>, now: &Base) -> BTreeSet<ComponentKey> {
    let is_undated =
        |it: &RemoteComponent| trust(&it.key.type_name, it.modified.at) == Trust::Slice;
    let keys = keys.iter();
    let undated = keys.filter(|it| now.remote(it).is_some_and(is_undated));
    undated.cloned().collect()
}
