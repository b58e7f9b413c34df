//! Puts a company into an org.

use super::{Cell, Company, CompanyOptions, KINDS, Kind, body, dice::Dice, words};
use crate::{
    model::RecordId,
    simorg::{
        SimOrg,
        records::{self, Store, StoreError},
        soql::{Field, Kind as Type, Object},
        state::{Feature, Permission, User, row_id},
    },
};

/// A company that could not be put into an org.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// The org's metadata lacks what the rows are made for.
    #[error("the org has no `{0}`, which rows of the company need")]
    Missing(String),
    /// The database said no.
    #[error("the company's rows cannot be stored")]
    Store(#[from] StoreError),
}

/// Every so many rows the company has one more person at work.
const ROWS_PER_PERSON: u64 = 5_000;

/// Fills an org that has the company's metadata; its rows go in as one step.
///
/// # Errors
///
/// [`FillError`]; no row is there then.
pub fn fill(
    org: &mut SimOrg,
    store: &Store,
    options: CompanyOptions,
) -> Result<Company, FillError> {
    store.forget_schema();
    let people = hire(org, options);
    let schema = store.schema(org);
    let mut company = Company::new(options, people, |name| {
        schema
            .object(name)
            .map_or_else(|| "a00".to_owned(), |it| it.prefix.clone())
    });
    if schema.has(Feature::MultiCurrency) {
        company = company.with_currencies();
    }
    if schema.has(Feature::PersonAccounts) {
        company = company.with_persons();
    }
    let mut tables = Vec::new();
    for kind in KINDS.into_iter().filter(|it| 0 < company.plan().rows(*it)) {
        let object = schema.object(kind.object());
        let object = object.ok_or_else(|| FillError::Missing(kind.object().to_owned()))?;
        store.fit(&object)?;
        tables.push((kind, places(&company, kind, &object)?, object));
    }
    // The company brings the standard price book, which any other org would be given.
    store.is_first("Pricebook2")?;
    store.begin()?;
    let filled = tables
        .iter()
        .try_for_each(|(kind, places, object)| load(store, &company, *kind, places, object));
    if let Err(err) = filled {
        store.undo()?;
        return Err(err);
    }
    store.keep()?;
    Ok(company)
}

/// Where each column of the generator goes; nowhere for an audit field that the
/// object does not have.
fn places(company: &Company, kind: Kind, object: &Object) -> Result<Vec<Option<usize>>, FillError> {
    let columns = company.columns(kind);
    let audit = super::AUDIT.split(' ').count();
    let place = |(n, name): (usize, &&str)| match object.field(name) {
        Some((at, _)) => Ok(Some(at)),
        None if n < audit => Ok(None),
        None => Err(FillError::Missing(format!("{}.{name}", object.name))),
    };
    columns.iter().enumerate().map(place).collect()
}

fn load(
    store: &Store,
    company: &Company,
    kind: Kind,
    places: &[Option<usize>],
    object: &Object,
) -> Result<(), FillError> {
    let rows = company.plan().rows(kind);
    let base: Vec<records::Cell> = object.fields.iter().map(given_by_itself).collect();
    let made = (0..rows).map(|row| {
        let mut cells = base.clone();
        for (cell, place) in company.row(kind, row).into_iter().zip(places) {
            if let Some(at) = place {
                cells[*at] = stored(cell);
            }
        }
        (company.id(kind, row), cells)
    });
    store.insert_all(object, made)?;
    let next = |from: u64| i64::try_from(from + rows + 1).unwrap_or(i64::MAX);
    match kind {
        Kind::Case => store.go_on_from("Case.CaseNumber", next(999))?,
        Kind::Milestone => store.go_on_from("Milestone__c.Name", next(0))?,
        Kind::TimeEntry => store.go_on_from("Time_Entry__c.Name", next(0))?,
        Kind::Version | Kind::Attachment => {
            let field = if kind == Kind::Version {
                "VersionData"
            } else {
                "Body"
            };
            for row in 0..rows {
                store.put_blob(company.id(kind, row), field, &body(kind, row))?;
            }
        }
        _ => (),
    }
    Ok(())
}

/// What a new record has in a field that nobody fills.
fn given_by_itself(field: &Field) -> records::Cell {
    let default = field.default.as_deref();
    if field.kind == Type::Boolean {
        return records::Cell::Int(i64::from(default == Some("true")));
    }
    let chosen = field.picklist.iter().find(|it| it.is_default);
    let default = default.or(chosen.map(|it| it.value.as_str()));
    match field.kind {
        Type::Picklist | Type::Text | Type::Combobox => records::Cell::text(default.unwrap_or("")),
        _ => records::Cell::Null,
    }
}

fn stored(cell: Cell) -> records::Cell {
    match cell {
        Cell::Null => records::Cell::Null,
        Cell::Text(text) => records::Cell::text(&text),
        Cell::Id(id) => records::Cell::id(id),
        Cell::Int(number) => records::Cell::Int(number),
        Cell::Cents(cents) if cents % 100 == 0 => records::Cell::Int(cents / 100),
        Cell::Cents(cents) => {
            #[expect(clippy::cast_precision_loss, reason = "amounts are far below 2^52")]
            let number = cents as f64 / 100.0;
            records::Cell::Real(number)
        }
        Cell::Flag(flag) => records::Cell::Int(i64::from(flag)),
        Cell::Time(at) => records::Cell::time(at),
        Cell::Day(at) => records::Cell::Text(at.day()),
    }
}

/// The people of the company become users; busiest first, every seventh has left.
fn hire(org: &mut SimOrg, options: CompanyOptions) -> Vec<RecordId> {
    let mut people: Vec<RecordId> = org
        .users
        .values()
        .filter(|it| it.is_active)
        .map(|it| it.id)
        .collect();
    let dice = Dice::new(options.seed);
    for number in 1..=(options.rows / ROWS_PER_PERSON).clamp(7, 300) {
        let mut throw = dice.of("User", number);
        let (first, last) = (words::first_name(&mut throw), words::last_name(&mut throw));
        let username = format!("person{number}@company.example");
        let mut user = User::administrator(&username, &first, &last);
        user.id = row_id("005", number);
        "Standard".clone_into(&mut user.profile);
        user.permissions = [Permission::ApiEnabled].into();
        user.is_active = number % 7 != 0;
        people.push(user.id);
        org.add_user(user);
    }
    people
}
