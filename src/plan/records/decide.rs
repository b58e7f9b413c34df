//! The deed of each row, and which rows come into the plan with it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    Because, Binned, Candidate, Deed, Inputs, Item, Lost, Owner, References, Refused, RestorePlan,
    Shapes,
    closure::{Orphan, Orphans},
    rules::{self, How},
    settle::settle,
};
use crate::{
    model::{FieldName, ObjectName, RecordId},
    records::{CellChange, FieldType, Row},
};

/// A row of the plan.
pub(super) type Key = (ObjectName, RecordId);

/// Decides about each selected row, and about the rows that come with them.
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> RestorePlan {
    let references = References::new(inputs.then_schemas, inputs.live_schemas);
    let mut work = Work {
        inputs,
        references: &references,
        orphans: Orphans::new(inputs.changes, &references),
        items: BTreeMap::new(),
        partial: BTreeMap::new(),
        queue: VecDeque::new(),
    };
    for candidate in &inputs.selected {
        work.take(candidate.clone(), None, None);
    }
    while let Some(key) = work.queue.pop_front() {
        work.follow(&key);
    }
    settle(inputs, &references, work.items)
}

/// Where a row stands that another refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// It is in the org, or nothing is known of its object.
    There,
    /// The org has lost it, and the snapshot has it.
    Lost(&'a ObjectName),
    /// Neither has it.
    Nowhere,
}

/// Where the row `to` stands, the plan aside.
pub(super) fn standing<'a>(
    inputs: &Inputs<'_>,
    references: &References<'a>,
    to: RecordId,
) -> Standing<'a> {
    let Some(object) = references.object_of(to) else {
        return Standing::There;
    };
    if !inputs.then.holds(object) || !inputs.now.holds(object) {
        return Standing::There;
    }
    if inputs.now.row(object, inputs.ids.latest(to)).is_some() {
        Standing::There
    } else if inputs.then.row(object, to).is_some() {
        Standing::Lost(object)
    } else {
        Standing::Nowhere
    }
}

struct Work<'a> {
    inputs: &'a Inputs<'a>,
    references: &'a References<'a>,
    orphans: Orphans<'a>,
    items: BTreeMap<Key, Item>,
    /// Fields of rows that are here for these fields alone.
    partial: BTreeMap<Key, BTreeSet<FieldName>>,
    queue: VecDeque<Key>,
}

impl Work<'_> {
    /// Decides about one row; `only` names the field for which nobody but another row asked.
    fn take(&mut self, candidate: Candidate, because: Option<Because>, only: Option<FieldName>) {
        let key = (candidate.object.clone(), candidate.id);
        if candidate.then.is_none() && self.is_an_old_row(&key) {
            return;
        }
        let is_known = self.items.contains_key(&key);
        let fields = match only {
            // All of the row is looked at already.
            Some(_) if is_known && !self.partial.contains_key(&key) => return,
            Some(field) => {
                let fields = self.partial.entry(key.clone()).or_default();
                if !fields.insert(field) {
                    return;
                }
                Some(fields.clone())
            }
            None => {
                self.partial.remove(&key);
                None
            }
        };
        if is_known && because.is_some() && fields.is_none() {
            return;
        }
        let mut item = self.decide(candidate, fields.as_ref());
        item.because = because;
        self.items.insert(key.clone(), item);
        self.queue.push_back(key);
    }

    /// Whether the row is one of the snapshot, which an earlier restore inserted under this Id.
    fn is_an_old_row(&self, (object, id): &Key) -> bool {
        let first = self.inputs.ids.first(*id);
        first != *id && self.inputs.then.row(object, first).is_some()
    }

    /// Takes in what the row needs and what was lost with it.
    fn follow(&mut self, key: &Key) {
        if self.inputs.options.no_related {
            return;
        }
        let Some(item) = self.items.get(key) else {
            return;
        };
        let mut found = Vec::new();
        for (_, to) in written_references(self.references, item) {
            if let Standing::Lost(object) = standing(self.inputs, self.references, to)
                && !self.items.contains_key(&(object.clone(), to))
            {
                let candidate = Candidate {
                    object: object.clone(),
                    id: to,
                    then: self.inputs.then.row(object, to),
                    wrong: None,
                    now: None,
                };
                found.push((candidate, Because::NeededBy(key.1), None));
            }
        }
        if matches!(item.deed, Deed::Undelete | Deed::Insert) {
            let master = match self.inputs.bin.get(&key.1) {
                Some(Binned::MergedInto(master)) => Some(*master),
                _ => None,
            };
            for orphan in self.orphans.of(key.1, master) {
                let only = orphan.now.is_some().then(|| orphan.field.clone());
                found.push((of_orphan(orphan), Because::WentWith(key.1), only));
            }
        }
        for (candidate, because, only) in found {
            self.take(candidate, Some(because), only);
        }
    }

    fn decide(&self, candidate: Candidate, only: Option<&BTreeSet<FieldName>>) -> Item {
        let Candidate {
            object,
            id,
            then,
            wrong,
            now,
        } = candidate;
        let latest = self.inputs.ids.latest(id);
        let now = now.or_else(|| {
            let again = (latest != id).then(|| self.inputs.now.row(&object, latest));
            again.flatten()
        });
        let mut item = Item {
            now: now.as_ref().map_or(latest, Row::id),
            object,
            id,
            deed: Deed::Untouched,
            because: None,
            conflicts: Vec::new(),
            lost: Vec::new(),
            refused: Vec::new(),
            without: BTreeSet::new(),
            instead: BTreeMap::new(),
            then,
        };
        match (item.then.clone(), now) {
            (None, None) => (),
            (None, Some(_)) if self.inputs.options.delete_new => item.deed = Deed::Delete,
            (None, Some(_)) => item.deed = Deed::Keep,
            (Some(then), Some(now)) => self.change_back(&mut item, &then, &now, &wrong, only),
            (Some(then), None) => self.bring_back(&mut item, &then),
        }
        item
    }

    /// Decides about a row that is there.
    #[expect(
        clippy::option_option,
        clippy::ref_option,
        reason = "not asked, asked and not there, asked and there"
    )]
    fn change_back(
        &self,
        item: &mut Item,
        then: &Row,
        now: &Row,
        wrong: &Option<Option<Row>>,
        only: Option<&BTreeSet<FieldName>>,
    ) {
        let Some(shapes) = self.shapes(&item.object) else {
            item.deed = no_object(&item.object);
            return;
        };
        let options = self.inputs.options;
        let was_wrong = wrong.as_ref().and_then(Option::as_ref);
        let asked = |field: &FieldName| {
            only.is_none_or(|it| it.contains(field))
                && options.fields.as_ref().is_none_or(|it| it.contains(field))
                && was_wrong.is_none_or(|it| it.get(field.as_str()) != then.get(field.as_str()))
        };
        let present = self
            .references
            .present_row(&item.object, then, self.inputs.ids);
        let (cells, lost) = shapes.update(&present, now, &asked);
        let is_someone_elses = |cell: &CellChange| {
            let left = was_wrong.and_then(|it| it.get(cell.field.as_str()));
            !options.overwrite && left.is_some_and(|it| it != cell.before)
        };
        let (conflicts, cells): (Vec<_>, Vec<_>) = cells.into_iter().partition(is_someone_elses);
        item.lost = lost;
        if let Some(reason) = rules::frozen(item.object.as_str(), now) {
            item.lost.extend(cells.into_iter().map(|it| Lost {
                field: it.field,
                reason: reason.to_owned(),
            }));
            return;
        }
        item.conflicts = conflicts;
        if cells.is_empty() {
            if !item.conflicts.is_empty() {
                item.deed = Deed::Conflict;
            }
            return;
        }
        if !shapes.live.updateable {
            item.deed = Deed::Impossible("the API changes no row of this object".to_owned());
            return;
        }
        let pairs: Vec<_> = cells
            .iter()
            .map(|it| (it.field.clone(), it.after.clone()))
            .collect();
        item.refused = shapes.refused(&pairs, false);
        item.deed = Deed::Update(cells);
        self.see_to_owner(item);
    }

    /// Decides about a row that is gone.
    fn bring_back(&self, item: &mut Item, then: &Row) {
        let impossible = |reason: &str| Deed::Impossible(reason.to_owned());
        let Some(shapes) = self.shapes(&item.object) else {
            item.deed = no_object(&item.object);
            return;
        };
        if self.inputs.options.fields.is_some() {
            item.deed = impossible("it is gone, and only some fields are asked for");
            return;
        }
        if self.inputs.bin.contains_key(&item.id) && shapes.live.undeletable {
            item.deed = Deed::Undelete;
            return;
        }
        let advice = rules::advice(item.object.as_str(), then);
        item.deed = match advice.how {
            How::Never => impossible(advice.reason),
            How::Find(_) => Deed::Insert,
            How::Upload { .. } if !(self.inputs.has_body)(&item.object, then) => {
                impossible("its content is not in the snapshot")
            }
            _ if !shapes.live.createable => impossible("the API makes no row of this object"),
            _ => Deed::Insert,
        };
        if item.deed != Deed::Insert || matches!(advice.how, How::Find(_)) {
            return;
        }
        let present = self
            .references
            .present_row(&item.object, then, self.inputs.ids);
        let (cells, lost) = shapes.insert(&present, &advice);
        item.refused = shapes.refused(&cells, true);
        if let How::Upload { body } = advice.how {
            item.refused.retain(|it| it.field != *body);
        }
        item.lost = lost;
        self.see_to_owner(item);
        self.see_to_record_type(item, then);
    }

    /// Looks whether the owner that is written may own the row.
    fn see_to_owner(&self, item: &mut Item) {
        let field: FieldName = match "OwnerId".parse() {
            Ok(field) => field,
            Err(_) => return,
        };
        let cell = match &item.deed {
            Deed::Update(cells) => cells
                .iter()
                .find(|it| it.field == field)
                .map(|it| it.after.clone()),
            Deed::Insert => item
                .then
                .as_ref()
                .and_then(|it| it.get("OwnerId"))
                .map(str::to_owned),
            _ => None,
        };
        let Some(id) = cell.and_then(|it| it.parse::<RecordId>().ok()) else {
            return;
        };
        let what = match (self.inputs.owner)(self.inputs.ids.latest(id)) {
            Owner::Active => return,
            Owner::Inactive => "is no longer active",
            Owner::Gone => "is no longer there",
        };
        match self.inputs.options.fallback_owner {
            Some(fallback) => {
                item.lost.push(Lost {
                    field: field.clone(),
                    reason: format!("the owner {id} {what}, so that {fallback} gets the row"),
                });
                item.instead.insert(field, fallback.to_string());
            }
            None => item.refused.push(Refused {
                field,
                code: "INACTIVE_OWNER_OR_USER",
                text: format!("the owner {id} {what}; name another with `--fallback-owner`"),
            }),
        }
    }

    fn see_to_record_type(&self, item: &mut Item, then: &Row) {
        let (Ok(field), Some(cell)) = (
            "RecordTypeId".parse::<FieldName>(),
            then.get("RecordTypeId"),
        ) else {
            return;
        };
        let ids = self.inputs.ids;
        if !cell.is_empty()
            && self
                .references
                .present(&item.object, &field, cell, ids)
                .is_none()
        {
            item.lost.push(Lost {
                field: field.clone(),
                reason: "the org has no record type of that name any more".to_owned(),
            });
            item.without.insert(field);
        }
    }

    fn shapes(&self, object: &ObjectName) -> Option<Shapes<'_>> {
        let (then, live) = self.references.schemas(object)?;
        Some(Shapes { then, live })
    }
}

fn of_orphan(orphan: &Orphan<'_>) -> Candidate {
    Candidate {
        object: orphan.object.clone(),
        id: orphan.then.id(),
        then: Some(orphan.then.clone()),
        wrong: None,
        now: orphan.now.cloned(),
    }
}

fn no_object(object: &ObjectName) -> Deed {
    Deed::Impossible(format!(
        "the org has no object {object} that this user sees; `orgkeep rollback` brings back one that was deleted"
    ))
}

/// Whether a row that the platform makes is looked for by `field`.
pub(super) fn is_found_by(advice: &rules::Advice, field: &FieldName) -> bool {
    matches!(advice.how, How::Find(fields) if fields.contains(&field.as_str()))
}

/// The references that an item writes, as the snapshot has them.
pub(super) fn written_references(
    references: &References<'_>,
    item: &Item,
) -> Vec<(FieldName, RecordId)> {
    let Some(then) = &item.then else {
        return Vec::new();
    };
    let all = references.of(&item.object, then);
    let advice = rules::advice(item.object.as_str(), then);
    let is_written = |field: &FieldName| {
        if item.without.contains(field) || item.instead.contains_key(field) {
            return false;
        }
        match &item.deed {
            Deed::Update(cells) => cells.iter().any(|it| it.field == *field),
            // What a row is found by must be there before it.
            Deed::Insert if is_found_by(&advice, field) => true,
            Deed::Insert => {
                let known = references.field(&item.object, field);
                known.is_some_and(|it| it.is_insertable() && it.kind == FieldType::Reference)
                    && !advice.leaves(field.as_str(), then)
                    && !rules::is_loose(item.object.as_str(), field.as_str())
            }
            _ => false,
        }
    };
    all.into_iter()
        .filter(|it| is_written(it.field))
        .map(|it| (it.field.clone(), it.to))
        .collect()
}
