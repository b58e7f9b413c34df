//! The plan as a whole: a small org is damaged, planned for and put back.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::records::{ChildRelationship, Columns, Replaced, RowChange, changes};

/// The rows of a small org.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rows(BTreeMap<(ObjectName, RecordId), Row>);

impl Table for Rows {
    fn row(&self, object: &ObjectName, id: RecordId) -> Option<Row> {
        self.0.get(&(object.clone(), id)).cloned()
    }

    fn holds(&self, _object: &ObjectName) -> bool {
        true
    }
}

fn object(name: &str) -> ObjectName {
    name.parse().unwrap()
}

fn id(prefix: &str, n: usize) -> RecordId {
    format!("{prefix}{n:012}").parse().unwrap()
}

fn row(id: RecordId, cells: &[(&str, &str)]) -> Row {
    let columns = Columns::new(cells.iter().map(|(name, _)| name.parse().unwrap()));
    let mut cells = cells.to_vec();
    cells.sort_unstable();
    Row::new(id, &columns, cells.iter().map(|(_, cell)| *cell))
}

fn schema(name: &str, prefix: &str, fields: &[Value]) -> (ObjectName, Schema) {
    let mut all = vec![
        json!({"name": "Id", "type": "id"}),
        json!({"name": "Name", "type": "string", "nillable": true, "createable": true, "updateable": true, "length": 80}),
    ];
    all.extend_from_slice(fields);
    let schema = Schema::from_describe(json!({
        "name": name, "keyPrefix": prefix, "createable": true, "updateable": true, "deletable": true,
        "undeletable": true, "queryable": true, "fields": all,
    }));
    (object(name), schema.unwrap())
}

fn lookup(name: &str, to: &str) -> Value {
    json!({"name": name, "type": "reference", "referenceTo": [to], "nillable": true, "createable": true, "updateable": true})
}

fn master(name: &str, to: &str) -> Value {
    json!({"name": name, "type": "reference", "referenceTo": [to], "relationshipOrder": 0, "cascadeDelete": true,
        "nillable": false, "createable": true, "updateable": false})
}

fn schemas() -> Schemas {
    let mut schemas: Schemas = [
        schema(
            "Account",
            "001",
            &[lookup("ParentId", "Account"), lookup("Main__c", "Contact")],
        ),
        schema(
            "Contact",
            "003",
            &[
                lookup("AccountId", "Account"),
                lookup("ReportsToId", "Contact"),
            ],
        ),
        schema(
            "Deal__c",
            "a00",
            &[
                master("Account__c", "Account"),
                lookup("Contact__c", "Contact"),
            ],
        ),
        schema("Line__c", "a01", &[master("Deal__c", "Deal__c")]),
        schema("Case", "500", &[lookup("AccountId", "Account")]),
    ]
    .into();
    // As standard objects have it: the field of the child tells nothing.
    let account = schemas.get_mut(&object("Account")).unwrap();
    account.child_relationships.push(ChildRelationship {
        child: object("Case"),
        field: "AccountId".parse().unwrap(),
        cascade_delete: true,
        restricted_delete: false,
        relationship_name: None,
    });
    schemas
}

/// What differs between two states, by object.
fn differences(then: &Rows, now: &Rows) -> BTreeMap<ObjectName, Vec<RowChange>> {
    let of = |rows: &Rows, name: &ObjectName| {
        let rows = rows.0.iter().filter(|((of, _), _)| of == name);
        rows.map(|(_, row)| row.clone()).collect::<Vec<_>>()
    };
    schemas()
        .into_keys()
        .map(|name| {
            let found = changes(of(then, &name), of(now, &name));
            (name, found)
        })
        .collect()
}

struct Case {
    then: Rows,
    now: Rows,
    bin: BTreeMap<RecordId, Binned>,
    ids: IdMap,
    options: Options,
    live: Schemas,
}

impl Case {
    fn new(then: Rows, now: Rows) -> Self {
        Self {
            then,
            now,
            bin: BTreeMap::new(),
            ids: IdMap::default(),
            options: Options::default(),
            live: schemas(),
        }
    }

    fn plan_of(&self, selected: Vec<Candidate>) -> RestorePlan {
        let changes = differences(&self.then, &self.now);
        plan(&Inputs {
            selected,
            then: &self.then,
            now: &self.now,
            then_schemas: &schemas(),
            live_schemas: &self.live,
            changes: &changes,
            bin: &self.bin,
            ids: &self.ids,
            owner: &|_| Owner::Active,
            has_body: &|_, _| false,
            options: &self.options,
        })
    }

    /// Candidates of all that differs in one object, or in all.
    fn candidates(&self, only: Option<&str>) -> Vec<Candidate> {
        let changes = differences(&self.then, &self.now);
        let changes = changes
            .into_iter()
            .filter(|(name, _)| only.is_none_or(|it| *name == *it));
        changes
            .flat_map(|(object, changes)| {
                changes.into_iter().map(move |it| {
                    let (then, now) = match it {
                        RowChange::Added(now) => (None, Some(now)),
                        RowChange::Deleted(then) => (Some(then), None),
                        RowChange::Changed { before, after, .. } => (Some(before), Some(after)),
                    };
                    let id = then.as_ref().or(now.as_ref()).unwrap().id();
                    Candidate {
                        object: object.clone(),
                        id,
                        then,
                        wrong: None,
                        now,
                    }
                })
            })
            .collect()
    }

    fn plan(&self, only: Option<&str>) -> RestorePlan {
        self.plan_of(self.candidates(only))
    }

    /// Carries a plan out as the platform would, and fails where it would.
    fn carry_out(&mut self, plan: &RestorePlan) -> Result<(), TestCaseError> {
        let live = schemas();
        let references = References::new(&live, &live);
        for item in &plan.items {
            let key = (item.object.clone(), item.now);
            match &item.deed {
                Deed::Undelete => {
                    prop_assert!(self.bin.remove(&item.id).is_some());
                    self.now.0.insert(key, item.then.clone().unwrap());
                }
                Deed::Delete => {
                    self.now.0.remove(&key);
                }
                _ => (),
            }
        }
        let mut n_inserted = 0;
        for wave in &plan.waves {
            for at in &wave.nodes {
                let item = &plan.items[*at];
                let then = item.then.as_ref().unwrap();
                n_inserted += 1;
                let new = id(then.id().prefix(), 900_000 + self.ids.len());
                let cells: Vec<_> = then.cells().skip(1).collect();
                let cells = cells.into_iter().map(|(field, cell)| {
                    let waits = plan.deferred.contains(&(*at, field.clone()));
                    if waits || item.without.contains(field) {
                        return (field.as_str(), String::new());
                    }
                    let cell = references.present(&item.object, field, cell, &self.ids);
                    (field.as_str(), cell.unwrap())
                });
                let cells: Vec<_> = cells.collect();
                for (field, cell) in &cells {
                    let field = live[&item.object].field(field).unwrap();
                    if field.reference_to.is_empty() || cell.is_empty() {
                        continue;
                    }
                    let to = (field.reference_to[0].clone(), cell.parse().unwrap());
                    prop_assert!(
                        self.now.0.contains_key(&to),
                        "{} refers to nothing",
                        field.name
                    );
                }
                let cells: Vec<_> = cells.iter().map(|(a, b)| (*a, b.as_str())).collect();
                self.now
                    .0
                    .insert((item.object.clone(), new), row(new, &cells));
                self.ids.insert(
                    item.id,
                    Replaced {
                        object: item.object.clone(),
                        by: new,
                        at: "2026-11-28T07:00:00Z".parse().unwrap(),
                    },
                );
            }
        }
        let inserts = plan.items.iter().filter(|it| it.deed == Deed::Insert);
        prop_assert_eq!(n_inserted, inserts.count());
        let later = plan.deferred.iter().map(|(at, field)| {
            let item = &plan.items[*at];
            let cell = item.then.as_ref().unwrap().get(field.as_str()).unwrap();
            (item, field.clone(), cell.to_owned())
        });
        let updates = plan.items.iter().flat_map(|item| match &item.deed {
            Deed::Update(cells) => cells
                .iter()
                .map(|it| (item, it.field.clone(), it.after.clone()))
                .collect(),
            _ => Vec::new(),
        });
        for (item, field, cell) in later.chain(updates).collect::<Vec<_>>() {
            let key = (item.object.clone(), self.ids.latest(item.now));
            let cell = references.present(&item.object, &field, &cell, &self.ids);
            let before = self.now.0[&key].clone();
            let cells: Vec<_> = before
                .cells()
                .skip(1)
                .map(|(name, old)| match *name == field {
                    true => (name.as_str(), cell.as_deref().unwrap()),
                    false => (name.as_str(), old),
                })
                .collect();
            self.now.0.insert(key.clone(), row(key.1, &cells));
        }
        Ok(())
    }
}

fn small() -> Rows {
    let (a, c, d) = (id("001", 1), id("003", 1), id("a00", 1));
    let rows = [
        (
            "Account",
            row(
                a,
                &[("Name", "Acme"), ("ParentId", ""), ("Main__c", c.as_str())],
            ),
        ),
        (
            "Contact",
            row(
                c,
                &[
                    ("Name", "Jane"),
                    ("AccountId", a.as_str()),
                    ("ReportsToId", ""),
                ],
            ),
        ),
        (
            "Deal__c",
            row(
                d,
                &[
                    ("Name", "D"),
                    ("Account__c", a.as_str()),
                    ("Contact__c", c.as_str()),
                ],
            ),
        ),
    ];
    Rows(
        rows.into_iter()
            .map(|(name, row)| ((object(name), row.id()), row))
            .collect(),
    )
}

fn deeds(plan: &RestorePlan) -> Vec<String> {
    let items = plan.items.iter();
    items
        .map(|it| {
            format!(
                "{} {} {:?}",
                it.object,
                it.deed.word(),
                it.because.is_some()
            )
        })
        .collect()
}

#[test]
fn children_that_went_with_their_parent_come_back_with_it() {
    let mut case = Case::new(small(), small());
    let (account, contact, deal) = (id("001", 1), id("003", 1), id("a00", 1));
    case.now.0.remove(&(object("Account"), account));
    case.now.0.remove(&(object("Deal__c"), deal));
    let orphan = row(
        contact,
        &[("Name", "Jane"), ("AccountId", ""), ("ReportsToId", "")],
    );
    case.now.0.insert((object("Contact"), contact), orphan);

    let plan = case.plan(Some("Account"));
    assert_eq!(
        deeds(&plan),
        [
            "Account insert false",
            "Contact update true",
            "Deal__c insert true"
        ]
    );
    case.carry_out(&plan).unwrap();
    let new = case.ids.latest(account);
    assert_eq!(
        case.now
            .row(&object("Contact"), contact)
            .unwrap()
            .get("AccountId"),
        Some(new.as_str())
    );
}

#[test]
fn child_of_a_standard_object_is_known_by_what_the_parent_says() {
    let mut case = Case::new(small(), small());
    let (account, own) = (id("001", 1), id("500", 1));
    let lost = row(own, &[("Name", "C"), ("AccountId", account.as_str())]);
    case.then.0.insert((object("Case"), own), lost);
    case.now.0.remove(&(object("Account"), account));
    case.bin.insert(account, Binned::Deleted);
    case.bin.insert(own, Binned::Deleted);
    let plan = case.plan(Some("Account"));
    assert!(
        deeds(&plan).contains(&"Case undelete true".to_owned()),
        "{:?}",
        deeds(&plan)
    );
    let live = schemas();
    let references = References::new(&live, &live);
    let lost = case.then.row(&object("Case"), own).unwrap();
    assert_eq!(references.owners_of(&object("Case"), &lost), [account]);
}

#[test]
fn child_that_was_given_another_parent_on_purpose_keeps_it() {
    let mut case = Case::new(small(), small());
    let (other, contact) = (id("001", 2), id("003", 1));
    case.now.0.remove(&(object("Account"), id("001", 1)));
    let moved = row(
        contact,
        &[
            ("Name", "Jane"),
            ("AccountId", other.as_str()),
            ("ReportsToId", ""),
        ],
    );
    case.now.0.insert((object("Contact"), contact), moved);
    let plan = case.plan(Some("Account"));
    assert_eq!(deeds(&plan), ["Account insert false"]);
}

#[test]
fn merge_is_undone_by_the_loser_and_its_children() {
    let mut case = Case::new(small(), small());
    let (loser, winner, contact) = (id("001", 1), id("001", 2), id("003", 1));
    case.now.0.remove(&(object("Account"), loser));
    case.bin.insert(loser, Binned::MergedInto(winner));
    let moved = row(
        contact,
        &[
            ("Name", "Jane"),
            ("AccountId", winner.as_str()),
            ("ReportsToId", ""),
        ],
    );
    case.now.0.insert((object("Contact"), contact), moved);
    let plan = case.plan(Some("Account"));
    assert_eq!(
        deeds(&plan),
        ["Account undelete false", "Contact update true"]
    );
}

#[test]
fn row_that_a_selected_row_needs_comes_before_it() {
    let mut case = Case::new(small(), Rows::default());
    let plan = case.plan(Some("Contact"));
    // The account comes for the contact, and its deal went with the account.
    assert_eq!(
        deeds(&plan),
        [
            "Account insert true",
            "Contact insert false",
            "Deal__c insert true"
        ]
    );
    case.carry_out(&plan).unwrap();
    assert_eq!(case.now.0.len(), 3);
}

#[test]
fn nothing_unselected_is_touched_where_that_is_not_wanted() {
    let mut case = Case::new(small(), Rows::default());
    case.options.no_related = true;
    let plan = case.plan(Some("Deal__c"));
    assert_eq!(deeds(&plan), ["Deal__c impossible false"]);
    let plan = case.plan(Some("Contact"));
    assert_eq!(deeds(&plan), ["Contact insert false"]);
    assert_eq!(
        plan.items[0].lost.len(),
        1,
        "its account stays away, and that is said"
    );
}

#[test]
fn what_someone_else_changed_since_stays() {
    let mut case = Case::new(small(), small());
    let contact = id("003", 1);
    let cells = |name, reports| {
        row(
            contact,
            &[
                ("Name", name),
                ("AccountId", "001000000000001AAA"),
                ("ReportsToId", reports),
            ],
        )
    };
    let candidate = |now: &Row| Candidate {
        object: object("Contact"),
        id: contact,
        then: Some(cells("Jane", "")),
        wrong: Some(Some(cells("WRONG", ""))),
        now: Some(now.clone()),
    };
    let untouched_since = cells("WRONG", "003000000000009AAA");
    let plan = case.plan_of(vec![candidate(&untouched_since)]);
    let Deed::Update(written) = &plan.items[0].deed else {
        panic!("{plan:?}")
    };
    assert_eq!(
        written.len(),
        1,
        "the other field was not changed by the wrong change"
    );

    let repaired = cells("Janet", "");
    let plan = case.plan_of(vec![candidate(&repaired)]);
    assert_eq!(plan.items[0].deed, Deed::Conflict);
    case.options.overwrite = true;
    let plan = case.plan_of(vec![candidate(&repaired)]);
    assert!(matches!(plan.items[0].deed, Deed::Update(_)));
}

#[test]
fn row_that_an_earlier_restore_inserted_is_not_inserted_again() {
    let mut case = Case::new(small(), small());
    let (old, new) = (id("001", 1), id("001", 77));
    case.now.0.remove(&(object("Account"), old));
    let again = row(
        new,
        &[
            ("Name", "Acme Ltd"),
            ("ParentId", ""),
            ("Main__c", "003000000000001AAA"),
        ],
    );
    case.now.0.insert((object("Account"), new), again);
    let replaced = Replaced {
        object: object("Account"),
        by: new,
        at: "2026-11-28T07:00:00Z".parse().unwrap(),
    };
    case.ids.insert(old, replaced);
    let plan = case.plan(Some("Account"));
    let item = plan.item(&object("Account"), old).unwrap();
    assert_eq!(item.now, new);
    assert!(matches!(item.deed, Deed::Update(_)), "{:?}", item.deed);
}

#[test]
fn row_under_a_new_id_is_no_new_row() {
    let mut case = Case::new(small(), small());
    let (old, new) = (id("001", 1), id("001", 77));
    let mut row_again = case.now.0.remove(&(object("Account"), old)).unwrap();
    row_again = row(
        new,
        &row_again
            .cells()
            .skip(1)
            .map(|(a, b)| (a.as_str(), b))
            .collect::<Vec<_>>(),
    );
    case.now.0.insert((object("Account"), new), row_again);
    let replaced = Replaced {
        object: object("Account"),
        by: new,
        at: "2026-11-28T07:00:00Z".parse().unwrap(),
    };
    case.ids.insert(old, replaced);
    case.options.delete_new = true;
    let plan = case.plan(Some("Account"));
    assert_eq!(deeds(&plan), ["Account untouched false"]);
}

#[test]
fn new_row_stays_unless_it_is_to_go() {
    let mut case = Case::new(Rows::default(), small());
    assert!(case.plan(None).items.iter().all(|it| it.deed == Deed::Keep));
    case.options.delete_new = true;
    assert!(
        case.plan(None)
            .items
            .iter()
            .all(|it| it.deed == Deed::Delete)
    );
}

#[test]
fn object_that_is_gone_is_said_and_nothing_else_stops() {
    let mut case = Case::new(small(), Rows::default());
    case.live.remove(&object("Deal__c"));
    let plan = case.plan(None);
    let deal = plan
        .items
        .iter()
        .find(|it| it.object == *"Deal__c")
        .unwrap();
    assert!(matches!(deal.deed, Deed::Impossible(_)));
    assert_eq!(plan.written().count(), 2);
}

#[test]
fn plan_for_people_names_rows_cells_and_reasons() {
    let mut case = Case::new(small(), small());
    let contact = id("003", 1);
    let wrong = row(
        contact,
        &[
            ("Name", "J\u{202e}ane"),
            ("AccountId", ""),
            ("ReportsToId", ""),
        ],
    );
    case.now.0.insert((object("Contact"), contact), wrong);
    case.now.0.remove(&(object("Deal__c"), id("a00", 1)));
    case.bin.insert(id("a00", 1), Binned::Deleted);
    let heading = Heading {
        org: "ACME",
        kind: "production",
        user: "jane@acme.com",
    };
    insta::assert_snapshot!(render(&case.plan(None), &[], &heading), @r#"
    Contact: 1 to update
      ~ 003000000000001AAA Jane  AccountId: (empty) → "001000000000001AAA"; Name: "J\u{202e}ane" → "Jane"
    Deal__c: 1 to undelete
      ↺ a00000000000001AAA D
    Plan: 1 to undelete, 1 to update, 0 to insert, 0 to delete, 0 in conflict, 0 not restorable. Org ACME (production), as jane@acme.com.
    "#);
}

/// An org in which masters come before their details, and lookups go anywhere.
fn any_org() -> impl Strategy<Value = Rows> {
    let row_of = (0_usize..4, 0_usize..100, 0_usize..100, "[a-z]{0,4}");
    proptest::collection::vec(row_of, 1..25).prop_map(|specs| {
        let mut ids: [Vec<RecordId>; 4] = Default::default();
        let mut kinds = Vec::new();
        for (n, (kind, ..)) in specs.iter().enumerate() {
            let kind = match kind {
                // A detail needs a master that is there.
                2 if ids[0].is_empty() => 0,
                3 if ids[2].is_empty() => 0,
                kind => *kind,
            };
            ids[kind].push(id(["001", "003", "a00", "a01"][kind], n));
            kinds.push(kind);
        }
        let pick = |of: usize, n: usize| {
            ids[of]
                .get(n % (ids[of].len() + 1))
                .map_or("", RecordId::as_str)
        };
        let first = |of: usize, n: usize| ids[of][n % ids[of].len()].as_str();
        let rows = specs
            .iter()
            .zip(&kinds)
            .enumerate()
            .map(|(n, ((_, a, b, name), kind))| {
                let own = id(["001", "003", "a00", "a01"][*kind], n);
                let (of, row) = match kind {
                    0 => (
                        "Account",
                        row(
                            own,
                            &[
                                ("Name", name),
                                ("ParentId", pick(0, *a)),
                                ("Main__c", pick(1, *b)),
                            ],
                        ),
                    ),
                    1 => (
                        "Contact",
                        row(
                            own,
                            &[
                                ("Name", name),
                                ("AccountId", pick(0, *a)),
                                ("ReportsToId", pick(1, *b)),
                            ],
                        ),
                    ),
                    2 => (
                        "Deal__c",
                        row(
                            own,
                            &[
                                ("Name", name),
                                ("Account__c", first(0, *a)),
                                ("Contact__c", pick(1, *b)),
                            ],
                        ),
                    ),
                    _ => (
                        "Line__c",
                        row(own, &[("Name", name), ("Deal__c", first(2, *a))]),
                    ),
                };
                ((object(of), own), row)
            });
        Rows(rows.collect())
    })
}

/// Deletes a row as the platform does: details go with it, lookups to it are emptied.
fn delete(rows: &mut Rows, gone: RecordId, bin: &mut BTreeMap<RecordId, Binned>) {
    let schemas = schemas();
    rows.0.retain(|(_, id), _| *id != gone);
    bin.insert(gone, Binned::Deleted);
    let mut details = Vec::new();
    let keys: Vec<_> = rows.0.keys().cloned().collect();
    for key in keys {
        let before = rows.0[&key].clone();
        let mut cells = Vec::new();
        for (field, cell) in before.cells().skip(1) {
            let is_it = cell == gone.as_str();
            if is_it
                && schemas[&key.0]
                    .field(field.as_str())
                    .unwrap()
                    .cascade_delete
            {
                details.push(key.1);
            }
            cells.push((field.as_str(), if is_it { "" } else { cell }));
        }
        rows.0.insert(key.clone(), row(key.1, &cells));
    }
    for detail in details {
        delete(rows, detail, bin);
    }
}

proptest! {
    #[test]
    fn whatever_is_deleted_and_changed_is_put_back(
        then in any_org(),
        deleted in proptest::collection::vec(0_usize..100, 0..8),
        renamed in proptest::collection::vec((0_usize..100, "[a-z]{1,4}"), 0..5),
        emptied in any::<bool>(),
    ) {
        let mut case = Case::new(then.clone(), then.clone());
        for n in deleted {
            let keys: Vec<_> = case.now.0.keys().cloned().collect();
            if let Some((_, id)) = keys.get(n % keys.len().max(1)) {
                delete(&mut case.now, *id, &mut case.bin);
            }
        }
        for (n, name) in renamed {
            let keys: Vec<_> = case.now.0.keys().cloned().collect();
            let Some(key) = keys.get(n % keys.len().max(1)) else { continue };
            let before = case.now.0[key].clone();
            let cells: Vec<_> = before.cells().skip(1).map(|(field, cell)| {
                (field.as_str(), if *field == "Name" { name.as_str() } else { cell })
            }).collect();
            case.now.0.insert(key.clone(), row(key.1, &cells));
        }
        if emptied {
            case.bin.clear();
        }
        let plan = case.plan(None);
        let impossible = plan.items.iter().filter(|it| matches!(it.deed, Deed::Impossible(_)));
        prop_assert_eq!(impossible.count(), 0);
        case.carry_out(&plan)?;

        // Each row is there again, under the Id that it has now, and says what it said.
        let (ids, live) = (case.ids.clone(), schemas());
        let references = References::new(&live, &live);
        let wanted: BTreeMap<_, _> = then.0.iter().map(|((object, id), was)| {
            let present = references.present_row(object, was, &ids);
            let cells: Vec<_> = present.cells().skip(1).map(|(a, b)| (a.as_str(), b)).collect();
            let id = ids.latest(*id);
            ((object.clone(), id), row(id, &cells))
        }).collect();
        prop_assert_eq!(&case.now.0, &wanted);
        let again = case.plan(None);
        let written: BTreeSet<_> = again.written().map(|it| it.id).collect();
        prop_assert!(written.is_empty(), "a second restore finds nothing to do: {:?}", written);
    }
}
