//! The ledger that a snapshot writes into the tree: what is there, and what is missing.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    SnapshotSetup,
    base::Base,
    decide::ReadPlan,
    listing,
    narrow::scope_of,
    outcome::PathChange,
    read::{Answers, tree_key},
    redaction,
    rewrite::{level_name, presets, switched},
    rule_versions,
};
use crate::{
    ledger::{
        Coverage, Gap, GapKind, Inventory, OrgFile, RedactedValues, org::LAYOUT, render_inventory,
    },
    model::{ComponentKey, ComponentName, OrgId, RemoteComponent, TreePath, TypeName},
    ops::error::Error,
    plan::retrieve::incremental::Pass,
    registry::Registry,
    source::redact::OnSuspect,
    store::{ObjectId, PackBuilder},
};

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
    org_id: OrgId,
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
        org_id,
        api_version: setup.api_version,
        level: level_name(setup.level).to_owned(),
        rules: rule_versions(setup),
        redaction_key: redaction::key_id(setup, base),
        presets: presets(&setup.registry),
        switched: switched(setup),
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
    if let Some(text) = redaction::forceignore(base, &redacted, pack.repository())? {
        put(&mut out.files, base, pack, redaction::FORCEIGNORE, &text)?;
    }
    let inventories = inventories(base, plan, answers, changes);
    for (type_name, inventory) in &inventories {
        // What is as it was need not be written to be the same.
        if inventory.differs_from(base.inventories.get(*type_name).map(|it| &**it)) {
            let bytes = render_inventory(inventory.lines.values().map(|it| &**it));
            put(
                &mut out.files,
                base,
                pack,
                &Inventory::path(type_name),
                &bytes,
            )?;
        }
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
    let mut coverage = Coverage {
        scope: scope_of(setup),
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
        let read_again: BTreeSet<&str> = answers
            .gathered
            .files
            .values()
            .flatten()
            .map(|it| it.path.as_str())
            .collect();
        for gap in &base.coverage.gaps {
            let key: Option<ComponentKey> = gap.what.parse().ok();
            let lasts = match gap.kind {
                GapKind::NotConverted
                | GapKind::NotDeployable
                | GapKind::Unreadable
                | GapKind::Missing
                | GapKind::Incomplete
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
                // It lasts until the file is read again, and not longer than the file.
                GapKind::Suspect => {
                    setup.on_suspect != OnSuspect::Ignore
                        && base.listing.get(&gap.what).is_some()
                        && !read_again.contains(gap.what.as_str())
                }
                GapKind::NotRetrievable => true,
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
    if base.redacted.0.is_empty() {
        return RedactedValues(answers.gathered.redacted.clone());
    }
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

/// The inventory of one type, on the way.
#[derive(Default)]
struct NewInventory<'a> {
    lines: BTreeMap<&'a ComponentName, Cow<'a, RemoteComponent>>,
}

impl<'a> NewInventory<'a> {
    fn insert(&mut self, component: Cow<'a, RemoteComponent>, name: &'a ComponentName) {
        self.lines.insert(name, component);
    }

    /// Whether a line came, went or moved: those that did not are `before`'s own.
    fn differs_from(&self, before: Option<&Inventory>) -> bool {
        before.is_none_or(|it| it.components.len() != self.lines.len())
            || self.lines.values().any(|it| matches!(it, Cow::Owned(_)))
    }
}

/// The inventories: a line moves only with the id or the content of its component.
fn inventories<'a>(
    base: &'a Base,
    plan: &'a ReadPlan,
    answers: &Answers,
    changes: &[PathChange],
) -> BTreeMap<&'a TypeName, NewInventory<'a>> {
    let registry = Registry::official();
    let moved: BTreeSet<&ComponentKey> = changes.iter().map(|it| &it.key).collect();
    let mut all: BTreeMap<&TypeName, NewInventory<'_>> = BTreeMap::new();
    let mut take = |key: &'a ComponentKey, component: Cow<'a, RemoteComponent>| {
        let inventory = all.entry(&key.type_name).or_default();
        inventory.insert(component, &key.name);
    };
    for listed in plan.in_scope.components.values() {
        let before = base.remote(&listed.key);
        let key = tree_key(registry, &listed.key, Some(listed));
        if listing::is_guessed(&listed.key) {
            let is_there = answers.gathered.unchanged.contains(&key)
                || answers
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
            Some(before) if !is_other => take(&listed.key, Cow::Borrowed(before)),
            _ => take(&listed.key, Cow::Owned(listing::dated(now))),
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
            take(&before.key, Cow::Borrowed(before));
        }
    }
    all
}
