//! A look at a part of the org: what it reaches is listed, the rest is as the tip has it.
//!
//! What is gone where the look reaches takes more along, and was named by others: that is
//! looked at as well, until nothing more is gone.
//!
//! Invariant: of what the look does not reach nothing is believed to have changed. The
//! ledger says of it what it said before.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    SnapshotSetup,
    base::Base,
    listing::{self, InScope},
    references, renew,
};
use crate::{
    client::Org,
    ledger::{Gap, GapKind, coverage},
    model::{ComponentKey, TypeName},
    ops::{
        discover::{self, Discovery, Query},
        error::Error,
    },
    plan::{folders::KnownFolders, reach::Reach, rollback::references::may_take_along},
    progress::Monitor,
    registry::Registry,
    store::Repository,
};

/// What a look at a part found.
pub(super) struct Part {
    /// How far it reached in the end.
    pub(super) reach: Reach,
    /// What the tip has there and the org does not list.
    pub(super) gone: BTreeSet<ComponentKey>,
    /// What named something of that and is there.
    pub(super) named: BTreeSet<ComponentKey>,
}

/// Whether a part can be looked at: the rest has to be as these settings want it.
pub(in crate::ops) fn is_possible(base: &Base, setup: &SnapshotSetup) -> bool {
    let Some(org) = &base.org else {
        return false;
    };
    renew::by_old_rules(org, setup).is_none() && base.coverage.scope == scope_of(setup)
}

/// The scope as the ledger spells it.
pub(super) fn scope_of(setup: &SnapshotSetup) -> coverage::Scope {
    let texts = |rules: &[crate::plan::scope::Rule]| -> Vec<String> {
        rules.iter().map(|it| String::from(it.clone())).collect()
    };
    coverage::Scope {
        include: texts(&setup.scope.include),
        exclude: texts(&setup.scope.exclude),
        forceignore: setup.ignored_digest.clone(),
    }
}

/// Lists what `wanted` reaches, and what goes with what is gone there.
///
/// # Errors
///
/// As for [`discover::discover`].
pub(super) async fn look(
    org: &Org,
    repo: &Repository,
    base: &Base,
    setup: &SnapshotSetup,
    wanted: &Reach,
    monitor: &dyn Monitor,
) -> Result<(Discovery, InScope, Part), Error> {
    let registry = Registry::official();
    let mut part = Part {
        reach: wanted.clone(),
        gone: BTreeSet::new(),
        named: BTreeSet::new(),
    };
    let mut listed = discover::describe(org).await?;
    let mut done = Reach::nothing(setup.api_version);
    loop {
        let is_new = |it: &Query| {
            let folder = it.folder.as_deref();
            part.reach.lists(&it.type_name, folder) && !done.lists(&it.type_name, folder)
        };
        let known = KnownFolders::new();
        discover::discover_more(org, &setup.scope, &is_new, &known, &mut listed, monitor).await?;
        done = part.reach.clone();
        let discovery = with_rest(&listed, base, &done);
        let mut in_scope = listing::in_scope(registry, &discovery, &setup.scope);
        keep_rest(&mut in_scope, base, &done);
        let gone = gone(base, &in_scope, &done);
        let new: BTreeSet<ComponentKey> = gone.difference(&part.gone).cloned().collect();
        part.gone = gone;
        if !new.is_empty() {
            part.named
                .extend(references::to_gone(repo, base, &new, &in_scope)?);
            let taken_along = beside(base, &new);
            for key in new.iter().chain(&part.named).chain(taken_along) {
                part.reach.take(registry, key);
            }
        }
        if part.reach == done {
            part.named.retain(|it| in_scope.components.contains_key(it));
            return Ok((discovery, in_scope, part));
        }
    }
}

/// What the tip has where the look reaches, and the org does not list.
fn gone(base: &Base, in_scope: &InScope, reach: &Reach) -> BTreeSet<ComponentKey> {
    let inventories = base.inventories.values();
    let touched = inventories.filter(|it| reach.touches(&it.type_name));
    let keys = touched
        .flat_map(|it| it.components.values())
        .map(|it| &it.key);
    keys.filter(|it| reach.holds(it) && !listing::is_guessed(it))
        .filter(|it| !in_scope.components.contains_key(it))
        .cloned()
        .collect()
}

/// The components whose names say that they belong to an object that is gone, or of which
/// a field is.
fn beside<'a>(
    base: &'a Base,
    gone: &BTreeSet<ComponentKey>,
) -> impl Iterator<Item = &'a ComponentKey> + use<'a> {
    let object = |key: &ComponentKey| {
        let name = key.name.decoded();
        let object = name.split(['.', '-']).next().unwrap_or_default();
        object.to_lowercase()
    };
    let taking = gone.iter().filter(|it| may_take_along(it));
    let objects: BTreeSet<String> = taking.map(object).collect();
    let families = base.families.keys();
    families.filter(move |it| !objects.is_empty() && objects.contains(&object(it)))
}

/// What was listed, and of what was not looked at what the tip has.
fn with_rest(listed: &Discovery, base: &Base, reach: &Reach) -> Discovery {
    let mut all = listed.clone();
    for (type_name, inventory) in &base.inventories {
        if reach.is_whole(type_name) {
            continue;
        }
        let rest = inventory.components.values();
        let mut rest = rest.filter(|it| !reach.holds(&it.key)).peekable();
        if rest.peek().is_some() {
            let of_type = all.types.entry(type_name.clone()).or_default();
            let rest = rest.map(|it| (it.key.name.clone(), it.clone()));
            of_type.components.extend(rest);
        }
    }
    all
}

/// Says of what was not looked at what the ledger of the tip says.
fn keep_rest(in_scope: &mut InScope, base: &Base, reach: &Reach) {
    let extents: BTreeMap<&TypeName, _> = base.coverage.types.iter().collect();
    for (type_name, extent) in extents {
        if !reach.is_whole(type_name) {
            in_scope.extents.insert(type_name.clone(), *extent);
        }
    }
    let is_kept = |gap: &&Gap| is_beyond(gap, reach);
    in_scope.gaps.retain(|it| !is_beyond(it, reach));
    in_scope
        .gaps
        .extend(base.coverage.gaps.iter().filter(is_kept).cloned());
}

/// Whether a look that reaches so far says nothing of a gap that listing opens.
///
/// Gaps of what was fetched last as long as the ledger of any snapshot has them last.
fn is_beyond(gap: &Gap, reach: &Reach) -> bool {
    let of_listing = match gap.kind {
        GapKind::Unsupported | GapKind::Skipped | GapKind::Stale | GapKind::Unseen => true,
        GapKind::Unreadable => gap.what.ends_with("/*") || !gap.what.contains([':', '/']),
        GapKind::Missing
        | GapKind::InMotion
        | GapKind::NotConverted
        | GapKind::NotDeployable
        | GapKind::Incomplete
        | GapKind::NotRetrievable
        | GapKind::Suspect => false,
    };
    if !of_listing {
        return false;
    }
    let is_whole = |it: &str| it.parse().is_ok_and(|it| reach.is_whole(&it));
    match gap.what.split_once(':') {
        None => !is_whole(&gap.what),
        Some((of, name)) => match name.strip_suffix("/*") {
            Some(folder) => !of.parse().is_ok_and(|it| reach.lists(&it, Some(folder))),
            None => !gap.what.parse().is_ok_and(|it| reach.holds(&it)),
        },
    }
}
