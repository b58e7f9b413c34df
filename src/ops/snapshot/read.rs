//! Fetches what was decided on, again what moved meanwhile, and confirms deletions.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{
    SnapshotOptions, SnapshotSetup,
    base::Base,
    confirm::confirm_deletions,
    damage,
    decide::ReadPlan,
    gather::{Before, Conversion, Gathered},
    listing,
    marks::Marks,
    merge::merge_partial,
    people, redaction,
    short::Short,
};
use crate::{
    client::{Org, RetrieveMessage},
    ledger::{Gap, GapKind},
    model::{ComponentKey, Manifest, RemoteComponent, Timestamp, TypeName, hex},
    ops::{
        error::Error,
        fetch::{self, Keeping, Notes, Quality, Spool},
    },
    plan::{
        commits::Trail,
        retrieve::{
            Cost, CostModel, Limits, ManifestHints, RetrieveBatch, RetrieveRequest, manifest,
            motion, partial, plan_retrieve, recover::Queue,
        },
    },
    progress::{Event, Monitor, Phase},
    registry::Registry,
    source::{
        self,
        redact::{OnSuspect, Tags},
    },
    store::{PackBuilder, Repository},
};

/// How far the audit trail is read where the last run left gaps.
///
/// Own figure: a gap that lasts longer than a month is no accident.
const LOOK_BACK: Duration = Duration::from_hours(30 * 24);

/// What was read.
#[derive(Clone)]
pub(super) struct Answers {
    pub(super) gathered: Gathered,
    /// What the answers say of each component; fresher than the listing.
    pub(super) answered: BTreeMap<ComponentKey, RemoteComponent>,
    pub(super) deleted: BTreeSet<ComponentKey>,
    /// Components that are not listed and kept as they were.
    pub(super) stale: BTreeSet<ComponentKey>,
    /// Components whose content is not what the listing promised.
    pub(super) unsettled: BTreeSet<ComponentKey>,
    pub(super) trail: Trail,
    pub(super) gaps: BTreeSet<Gap>,
    pub(super) costs: CostModel,
}

impl Answers {
    /// None yet to what `plan` asks.
    pub(super) fn to(plan: &ReadPlan) -> Self {
        Self {
            gathered: Gathered::default(),
            answered: BTreeMap::new(),
            deleted: BTreeSet::new(),
            stale: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            trail: Trail::default(),
            gaps: plan.in_scope.gaps.clone(),
            costs: plan.costs.clone(),
        }
    }
}

/// Fetches what was planned, and again what moved meanwhile; confirms deletions.
#[expect(
    clippy::too_many_lines,
    reason = "rounds of one reading, told in order"
)]
#[expect(
    clippy::too_many_arguments,
    reason = "each is one of the edges that meet here"
)]
pub(super) async fn read(
    org: &Org,
    repo: &Repository,
    base: &Base,
    plan: &ReadPlan,
    setup: &SnapshotSetup,
    pack: &PackBuilder<'_>,
    options: &SnapshotOptions,
    marks: &Marks,
    notes: &dyn Notes,
    monitor: &dyn Monitor,
) -> Result<Answers, Error> {
    let registry = Registry::official();
    let tags = redaction::tags(setup, base, plan.org_id);
    let conversion = conversion(base, setup, tags.as_ref());
    let spool = Spool::open(&repo.private_dir()?)?;
    let keeping = Keeping {
        spool: &spool,
        notes,
    };
    let mut short = Short::default();
    let mut answers = Answers::to(plan);
    let before = Before {
        marks,
        families: &base.families,
    };
    if let Some(reason) = &plan.flows_problem {
        answers.gaps.insert(Gap {
            what: "FlowDefinition".to_owned(),
            kind: GapKind::Unreadable,
            reason: format!("versions of flows cannot be read: {reason}"),
            since: None,
        });
    }
    if let Some(reason) = &plan.permissions_problem {
        monitor.event(Event::Warned(format!(
            "the permission tables cannot be read, so changed permissions are found by their dates and in turn: {reason}"
        )));
    }
    let n_components = plan.fetched().count();
    monitor.event(Event::Started(Phase::Retrieve, Some(n_components as u64)));
    let mut batches = plan.batches.clone();
    for round in 1..=motion::MAX_ROUNDS {
        let (fetched, messages) = fetch_round(
            org,
            keeping,
            base,
            &batches,
            plan,
            setup,
            &conversion,
            before,
            pack,
            &mut short,
            &mut answers,
            monitor,
        )
        .await?;
        let mut again = settle(
            registry,
            plan,
            &batches,
            &fetched,
            &messages,
            round,
            &mut answers,
        );
        if round < motion::MAX_ROUNDS {
            let damaged = &answers.gathered.damaged;
            again.extend(damage::again(registry, base, plan, &batches, damaged));
            again.extend(short.again(registry, plan, &batches));
        }
        if again.is_empty() {
            break;
        }
        let request = RetrieveRequest {
            components: again,
            ..RetrieveRequest::default()
        };
        batches = plan_retrieve(&request, &answers.costs, Limits::planned());
    }
    monitor.event(Event::Finished(Phase::Retrieve));
    // A deletion that could not be seen may be older than the last listing.
    let since = plan.since.map(|it| {
        if plan.had_gaps {
            it.before(LOOK_BACK)
        } else {
            it
        }
    });
    match people::trail(org, since).await {
        Ok(trail) => answers.trail = trail,
        Err(reason) => monitor.event(Event::Warned(format!(
            "the audit trail cannot be read, so deletions have no author: {reason}"
        ))),
    }
    confirm_deletions(
        org,
        keeping,
        base,
        plan,
        setup,
        options,
        &mut answers,
        monitor,
    )
    .await?;
    short.conclude(base, plan, options.accept_deletions, &mut answers);
    merge_partial(repo, base, plan, &conversion, pack, &mut answers)?;
    damage::conclude(registry, base, plan, &mut answers);
    answers.gaps.append(&mut answers.gathered.gaps);
    let n_secrets = answers.gathered.redacted.len() + base.redacted.0.len();
    if let Some(gap) = redaction::gap(tags.as_ref(), n_secrets) {
        monitor.event(Event::Warned(format!(
            "{}, so a change of a secret cannot be seen",
            gap.reason
        )));
        answers.gaps.insert(gap);
    }
    Ok(answers)
}

/// How this setup turns package files into files of the tree.
pub(super) fn conversion<'a>(
    base: &Base,
    setup: &'a SnapshotSetup,
    tags: Option<&'a Tags>,
) -> Conversion<'a> {
    Conversion {
        registry: &setup.registry,
        level: setup.level,
        rules: &setup.rules,
        tags,
        scope: &setup.scope,
        ignored: &setup.ignored,
        layout: base.layout(&setup.registry, &setup.package_dir),
        version: setup.api_version,
        looks_for_secrets: setup.on_suspect != OnSuspect::Ignore,
    }
}

type Properties = BTreeMap<ComponentKey, RemoteComponent>;

#[expect(
    clippy::too_many_arguments,
    reason = "one round of the reading above, apart for its length"
)]
async fn fetch_round(
    org: &Org,
    keeping: Keeping<'_>,
    base: &Base,
    batches: &[RetrieveBatch],
    plan: &ReadPlan,
    setup: &SnapshotSetup,
    conversion: &Conversion<'_>,
    before: Before<'_>,
    pack: &PackBuilder<'_>,
    short: &mut Short,
    answers: &mut Answers,
    monitor: &dyn Monitor,
) -> Result<(Properties, Vec<RetrieveMessage>), Error> {
    let mut queue = Queue::new(batches.to_vec(), answers.costs.clone());
    let manifest_of = |batch: &RetrieveBatch| manifest_of(batch, plan, setup);
    let digest_of = |manifest: &Manifest| digest(manifest, plan);
    let fetched = RefCell::new((Properties::new(), Vec::new()));
    let result = fetch::fetch_all(
        org,
        &mut queue,
        keeping,
        &manifest_of,
        &digest_of,
        &mut |it| {
            let coverage = Arc::new(coverage(&it.batch, &it.messages));
            let zip_bytes = it.zip.metadata().map_or(0, |it| it.len());
            learn(&mut answers.costs, &it.components, &it.batch, zip_bytes);
            let gathered = &mut answers.gathered;
            let n_damaged = gathered.damaged.len();
            tokio::task::block_in_place(|| {
                conversion.gather(
                    it.zip,
                    &it.batch,
                    &it.components,
                    &coverage,
                    before,
                    pack,
                    gathered,
                )
            })
            .map_err(damage::of_answer)?;
            let is_short = short.note(base, plan, conversion, &it.batch, gathered);
            let quality = match is_short || gathered.damaged.len() > n_damaged {
                true => Quality::Damaged,
                false => Quality::Good,
            };
            for unnamed in it.unnamed {
                answers.gaps.insert(Gap {
                    what: unnamed,
                    kind: GapKind::Unsupported,
                    reason: "its name cannot stand in a tree".to_owned(),
                    since: None,
                });
            }
            let mut fetched = fetched.borrow_mut();
            fetched.1.extend(it.messages);
            fetched
                .0
                .extend(it.components.into_iter().map(|it| (it.key.clone(), it)));
            Ok(quality)
        },
        monitor,
    )
    .await;
    result?;
    for it in queue.quarantined() {
        answers.unsettled.insert(it.key.clone());
        answers.gaps.insert(Gap {
            what: it.key.to_string(),
            kind: GapKind::Unreadable,
            reason: it.reason.clone(),
            since: None,
        });
    }
    Ok(fetched.into_inner())
}

/// The manifest that asks for a batch.
pub(super) fn manifest_of(
    batch: &RetrieveBatch,
    plan: &ReadPlan,
    setup: &SnapshotSetup,
) -> Manifest {
    let named_under = |it: &TypeName| manifest_type(it);
    let active = |key: &ComponentKey| {
        let versions = plan.flows.get(key.name.as_str())?;
        versions.active.filter(|it| *it != versions.latest)
    };
    let hints = ManifestHints {
        named_under: &named_under,
        active_version: &active,
    };
    manifest(batch, setup.api_version, &hints)
}

/// The type that a manifest names components of another type under.
fn manifest_type(type_name: &TypeName) -> Option<TypeName> {
    let ty = Registry::official().type_named(type_name.as_str())?;
    // Lightning folders of e-mail templates are named as themselves.
    if type_name.as_str() == "EmailTemplateFolder" {
        return None;
    }
    ty.folder_content_type.clone()
}

/// Tells the same call of the same listing again: its members, and their dates.
pub(super) fn digest(manifest: &Manifest, plan: &ReadPlan) -> String {
    let mut hasher = Sha256::new();
    hasher.update(plan.org_id.as_str().as_bytes());
    hasher.update(manifest.render());
    for (type_name, members) in &manifest.types {
        for member in members {
            let key = ComponentKey::parse(type_name.as_str(), member);
            if let Some(it) = key.ok().and_then(|key| plan.in_scope.components.get(&key)) {
                let at = listing::dated(it).modified.at;
                hasher.update(at.as_millis().to_le_bytes());
            }
        }
    }
    let digest = hasher.finalize();
    hex(&digest[..16])
}

/// What a partial answer was asked about and found.
fn coverage(batch: &RetrieveBatch, messages: &[RetrieveMessage]) -> partial::Coverage {
    let missing: BTreeSet<(String, String)> = messages.iter().filter_map(missing_member).collect();
    batch
        .components
        .iter()
        .chain(&batch.companions)
        .filter(|it| {
            let name = (it.type_name.to_string(), it.name.to_string());
            !missing.contains(&name)
        })
        .collect()
}

/// The member that a message says is missing: `Entity of type 'T' named 'N' cannot be found`.
fn missing_member(message: &RetrieveMessage) -> Option<(String, String)> {
    let mut quoted = message.problem.split('\'').skip(1).step_by(2);
    Some((quoted.next()?.to_owned(), quoted.next()?.to_owned()))
}

/// Learns what components cost: the files they had, and their share of the zip.
fn learn(costs: &mut CostModel, components: &[RemoteComponent], batch: &RetrieveBatch, zip: u64) {
    let mut files: BTreeMap<&ComponentKey, u64> = BTreeMap::new();
    for it in components {
        *files.entry(&it.key).or_default() += 1;
    }
    let total: u64 = files.values().sum::<u64>().max(1);
    let asked: BTreeSet<&ComponentKey> = batch.components.iter().collect();
    for (key, n) in files {
        if asked.contains(key) {
            let share = zip.saturating_mul(n) / total;
            costs.learn(
                key,
                Cost {
                    files: n,
                    zip_bytes: share,
                    bytes: share.saturating_mul(8),
                },
            );
        }
    }
}

/// Compares a round of answers with the listing; gives what to fetch again.
fn settle(
    registry: &Registry,
    plan: &ReadPlan,
    batches: &[RetrieveBatch],
    fetched: &Properties,
    messages: &[RetrieveMessage],
    round: u32,
    answers: &mut Answers,
) -> BTreeSet<ComponentKey> {
    let quarantined: BTreeSet<ComponentKey> = answers.unsettled.clone();
    let came: BTreeSet<ComponentKey> = answers.gathered.came().cloned().collect();
    let mut asked = BTreeMap::new();
    for key in batches
        .iter()
        .flat_map(|it| it.components.iter().chain(&it.partial))
    {
        if quarantined.contains(key) || listing::is_guessed(key) {
            continue;
        }
        let listed = plan.in_scope.components.get(key);
        let tree_key = tree_key(registry, key, listed);
        // What lies in the zip came, whatever its properties say.
        if came.contains(&tree_key) && !fetched.contains_key(key) {
            continue;
        }
        let promised = match fetched.get(key) {
            // Two made-up dates differ and tell nothing.
            Some(it) if listing::has_made_up_dates(it) => Some(it),
            _ => answers.answered.get(key).or(listed),
        };
        let at = promised.map_or(Timestamp::UNKNOWN, |it| it.modified.at);
        asked.insert(key.clone(), at);
    }
    let properties: Vec<RemoteComponent> = fetched.values().cloned().collect();
    let result = motion::compare(&asked, &properties, round);
    answers.answered.extend(fetched.clone());
    for (key, seen) in &result.in_motion {
        answers.unsettled.insert(key.clone());
        let (kind, reason) = match seen {
            motion::Seen::Moved => (
                GapKind::InMotion,
                "it changed each time it was read".to_owned(),
            ),
            motion::Seen::NotFound => (GapKind::Missing, words_about(messages, key)),
        };
        answers.gaps.insert(Gap {
            what: key.to_string(),
            kind,
            reason,
            since: None,
        });
    }
    result.again
}

/// The platform's words about a member that it did not give.
fn words_about(messages: &[RetrieveMessage], key: &ComponentKey) -> String {
    let quoted = format!("'{}'", key.name);
    messages
        .iter()
        .find(|it| it.problem.contains(&quoted))
        .map_or_else(
            || "it is listed, and no answer holds it".to_owned(),
            |it| it.problem.clone(),
        )
}

/// The name that the tree has for a listed component.
pub(super) fn tree_key(
    registry: &Registry,
    key: &ComponentKey,
    listed: Option<&RemoteComponent>,
) -> ComponentKey {
    if registry.type_named(key.type_name.as_str()).is_some() {
        return source::tree_key(registry, key);
    }
    let path = listed.map_or("", |it| it.file_name.as_str());
    let path = path.strip_prefix("unpackaged/").unwrap_or(path);
    ComponentKey::parse(source::UNMAPPED_TYPE, path).unwrap_or_else(|_| key.clone())
}
