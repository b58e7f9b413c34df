//! Makes a plan whole: what refers to nothing is left out or given up, and the rest is put in order.

use std::collections::BTreeMap;

use super::{
    Deed, Inputs, Item, Link, Lost, Node, References, RestorePlan, Wave,
    decide::{Key, Standing, is_found_by, standing, written_references},
    order::order,
    rules::{self, How},
};
use crate::model::{FieldName, RecordId};

/// Settles the items of a plan.
pub(super) fn settle(
    inputs: &Inputs<'_>,
    references: &References<'_>,
    items: BTreeMap<Key, Item>,
) -> RestorePlan {
    let mut items: Vec<Item> = items.into_values().collect();
    loop {
        while drop_dangling(inputs, references, &mut items) {}
        let places = places(&items);
        let (rows, nodes) = nodes(inputs, references, &items, &places);
        let found = order(&nodes);
        if !found.stuck.is_empty() {
            for n in found.stuck {
                items[rows[n]].deed = Deed::Impossible(
                    "it and the rows that it needs all need each other".to_owned(),
                );
            }
            continue;
        }
        let waves = found.waves.into_iter().map(|it| Wave {
            object: it.object,
            nodes: it.nodes.into_iter().map(|n| rows[n]).collect(),
        });
        let deferred = found.deferred.into_iter().map(|(n, link)| {
            let field = nodes[n].links[link].field.clone();
            (rows[n], field)
        });
        let mut plan = RestorePlan {
            waves: waves.collect(),
            deferred: deferred.collect(),
            items,
        };
        let drafts = drafts(&plan);
        plan.deferred.extend(drafts);
        return plan;
    }
}

fn places(items: &[Item]) -> BTreeMap<RecordId, usize> {
    items.iter().enumerate().map(|(n, it)| (it.id, n)).collect()
}

/// Leaves out references to rows that will not be there; tells whether anything changed.
fn drop_dangling(inputs: &Inputs<'_>, references: &References<'_>, items: &mut [Item]) -> bool {
    let places = places(items);
    let will_be_there = |items: &[Item], to: RecordId| match places.get(&to) {
        Some(at) => !matches!(items[*at].deed, Deed::Impossible(_) | Deed::Delete),
        None => standing(inputs, references, to) == Standing::There,
    };
    let mut changed = false;
    for n in 0..items.len() {
        for (field, to) in written_references(references, &items[n]) {
            if will_be_there(items, to) {
                continue;
            }
            changed = true;
            let known = references.field(&items[n].object, &field);
            let is_found_by = items[n].then.as_ref().is_some_and(|then| {
                is_found_by(&rules::advice(items[n].object.as_str(), then), &field)
            });
            let is_needed =
                is_found_by || known.is_some_and(|it| it.is_required() || it.is_master_detail());
            let item = &mut items[n];
            match &mut item.deed {
                Deed::Insert if is_needed => {
                    item.deed = Deed::Impossible(format!("its `{field}` {to} does not come back"));
                    break;
                }
                Deed::Update(cells) => cells.retain(|it| it.field != field),
                _ => (),
            }
            if item.deed == Deed::Update(Vec::new()) {
                item.deed = Deed::Untouched;
            }
            item.without.insert(field.clone());
            item.lost.push(Lost {
                field,
                reason: format!("the row {to} that it refers to is gone and does not come back"),
            });
        }
    }
    changed
}

/// The rows to insert with what they refer to; the first list has their places among the items.
fn nodes(
    inputs: &Inputs<'_>,
    references: &References<'_>,
    items: &[Item],
    places: &BTreeMap<RecordId, usize>,
) -> (Vec<usize>, Vec<Node>) {
    let rows: Vec<usize> = (0..items.len())
        .filter(|it| items[*it].deed == Deed::Insert)
        .collect();
    let turn: BTreeMap<usize, usize> = rows.iter().enumerate().map(|(n, at)| (*at, n)).collect();
    let nodes = rows.iter().map(|at| {
        let item = &items[*at];
        let mut links = Vec::new();
        let mut parent = None;
        for (field, to) in written_references(references, item) {
            let known = references.field(&item.object, &field);
            let is_found_by = item.then.as_ref().is_some_and(|then| {
                is_found_by(&rules::advice(item.object.as_str(), then), &field)
            });
            let can_wait = !is_found_by
                && known.is_some_and(|it| {
                    it.nillable && it.updateable && !it.is_master_detail() && !it.is_required()
                });
            // The platform locks the master of a row, and the account of most others.
            if !can_wait || (parent.is_none() && field == "AccountId") {
                parent = Some(inputs.ids.latest(to));
            }
            if let Some(to) = places.get(&to).and_then(|it| turn.get(it)) {
                links.push(Link {
                    field,
                    to: *to,
                    can_wait,
                });
            }
        }
        Node {
            object: item.object.clone(),
            id: item.id,
            links,
            rank: rank(inputs, references, item),
            parent,
        }
    });
    let nodes = nodes.collect();
    (rows, nodes)
}

/// Whether the row goes behind others of its object.
fn rank(inputs: &Inputs<'_>, references: &References<'_>, item: &Item) -> u8 {
    let mut first = rules::FIRST.iter();
    let Some((_, field, flag)) = first.find(|(of, _, _)| item.object == **of) else {
        return 0;
    };
    let is_first = || {
        let to: RecordId = item.then.as_ref()?.get(field)?.parse().ok()?;
        let object = references.object_of(to)?;
        let parent = inputs.then.row(object, to)?;
        Some(parent.get(flag) == Some("true"))
    };
    u8::from(!is_first().unwrap_or(false))
}

/// Fields of rows that begin as a draft, which get their own value at the end.
fn drafts(plan: &RestorePlan) -> Vec<(usize, FieldName)> {
    let rows = plan.waves.iter().flat_map(|it| &it.nodes);
    rows.filter_map(|at| {
        let item = &plan.items[*at];
        let then = item.then.as_ref()?;
        match rules::advice(item.object.as_str(), then).how {
            How::Draft { field, first } if then.get(field).is_some_and(|it| it != first) => {
                Some((*at, field.parse().ok()?))
            }
            _ => None,
        }
    })
    .collect()
}
