//! Accounts that are people, and the contacts that they are as well.
//!
//! Invariant: the two rows of a person say the same, for they come from the
//! same throws in the same order.

use super::{Cell, Draft, Kind, Writer, words};

/// A person: what account and contact have of it, in the order of the columns
/// from `Name` on and without those that lead to the other row.
fn person(it: &mut Draft<'_>) -> Vec<Cell> {
    let row = it.row;
    let throw = &mut it.throw;
    let (first, last) = (words::first_name(throw), words::last_name(throw));
    let age = 18 + throw.below(60);
    let born = throw
        .chance(60)
        .then(|| super::opened().before(super::DAY * u32::try_from(age * 365).unwrap_or(0)));
    let (city, country) = words::place(throw);
    let mut cells = vec![
        format!("{first} {last}").into(),
        throw
            .one_of(&[Some("Ms."), Some("Mr."), Some("Dr."), None, None])
            .into(),
        first.into(),
        last.into(),
        true.into(),
        words::phone(throw).into(),
        words::email(row + 2_000_000_000).into(),
        throw.chance(50).then(|| words::phone(throw)).into(),
        born.map_or(Cell::Null, Cell::Day),
        words::street(throw).into(),
        city.into(),
        format!("{:05}", throw.below(99_999)).into(),
        country.into(),
    ];
    cells.push(it.owner().into());
    cells
}

pub(super) const PERSON: (&str, Writer) = (
    "PersonContactId Name Salutation FirstName LastName IsPersonAccount Phone PersonEmail PersonMobilePhone \
     PersonBirthdate PersonMailingStreet PersonMailingCity PersonMailingPostalCode PersonMailingCountry OwnerId",
    |it| {
        let mut cells = vec![it.id(Kind::PersonContact, it.row).into()];
        cells.extend(person(it));
        cells
    },
);

pub(super) const CONTACT: (&str, Writer) = (
    "AccountId Name Salutation FirstName LastName IsPersonAccount Phone Email MobilePhone Birthdate MailingStreet \
     MailingCity MailingPostalCode MailingCountry OwnerId",
    |it| {
        let mut cells = vec![it.id(Kind::Person, it.row).into()];
        cells.extend(person(it));
        cells
    },
);
