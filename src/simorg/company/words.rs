//! Words that the company's texts are made of.
//!
//! All invented. Some are there to trip readers of CSV: quotes, commas, line
//! breaks, signs outside the basic plane, letters from right to left, a leading
//! `=` or `-`.

use std::fmt::Write as _;

use super::dice::Throw;

const FIRST: [&str; 24] = [
    "Ana", "Björn", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Grace", "Håkon", "Inés", "Jürgen",
    "Kwame", "Łucja", "Mei", "Niamh", "Óscar", "Priya", "Quentin", "Rosa", "Søren", "Tomáš",
    "Ursula", "Vũ", "Wei", "Zoë",
];

const LAST: [&str; 24] = [
    "Abara",
    "Bergström",
    "Castillo",
    "D'Angelo",
    "Eriksen",
    "Fernández",
    "García-López",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Müller",
    "Nakamura",
    "O'Brien",
    "Papadopoulos",
    "Quispe",
    "Rossi",
    "Šimić",
    "Tanaka",
    "Uzun",
    "van den Berg",
    "Wójcik",
    "Çelik",
];

const COMPANY: [&str; 20] = [
    "Northwind",
    "Fjell",
    "Blå Himmel",
    "Cumbre",
    "Delta",
    "Étoile",
    "Falcon",
    "Granit",
    "Harbour",
    "Ísafjörður",
    "Juniper",
    "Kestrel",
    "Lagoon",
    "Meridian",
    "Nova",
    "Orchard",
    "Polaris",
    "Quarry",
    "Ridge",
    "Summit",
];

const TRADE: [&str; 12] = [
    "Outdoor",
    "Rental",
    "Sports",
    "Logistics",
    "Foods",
    "Energy",
    "Health",
    "Media",
    "Retail",
    "Travel",
    "Works",
    "Systems",
];

const FORM: [&str; 8] = [
    "Ltd", "GmbH", "AS", "S.A.", "Inc.", "K.K.", "s.r.o.", "B.V.",
];

const CITY: [&str; 12] = [
    "Tromsø",
    "Zürich",
    "Kraków",
    "São Paulo",
    "Oslo",
    "Lyon",
    "Bergen",
    "Malmö",
    "Porto",
    "Galway",
    "Kyoto",
    "Denver",
];

const COUNTRY: [&str; 12] = [
    "Norway",
    "Switzerland",
    "Poland",
    "Brazil",
    "Norway",
    "France",
    "Norway",
    "Sweden",
    "Portugal",
    "Ireland",
    "Japan",
    "United States",
];

const STREET: [&str; 8] = [
    "Storgata",
    "Bahnhofstrasse",
    "Rua Augusta",
    "Rue de la Paix",
    "Main Street",
    "ul. Długa",
    "Avenida Central",
    "Harbour Road",
];

const NOUN: [&str; 16] = [
    "tents",
    "canoes",
    "ropes",
    "skis",
    "boots",
    "jackets",
    "stoves",
    "lamps",
    "maps",
    "packs",
    "poles",
    "bikes",
    "helmets",
    "kayaks",
    "sledges",
    "compasses",
];

const VERB: [&str; 10] = [
    "ordered",
    "returned",
    "asked for",
    "complained about",
    "praised",
    "inspected",
    "reserved",
    "cancelled",
    "repaired",
    "compared",
];

/// Sentences that trip careless readers.
const TRAPS: [&str; 14] = [
    "He said \"call me\", then hung up.",
    "First line\nsecond line\n\nfourth line",
    "comma, semicolon; pipe | tab\there",
    "=1+1 is no formula",
    "-5 % off, +10 next week, @home",
    "quote at the end \"",
    "\"quoted whole\"",
    "smile \u{1F600} and a family \u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}",
    "שלום עולם, from right to left",
    "日本語の説明、改行\nと「括弧」",
    "back\\slash and back`quote^caret",
    "<b>bold</b> &amp; not escaped",
    "null",
    "#N/A stands here as words",
];

pub(super) fn first_name(throw: &mut Throw) -> String {
    throw.one_of(&FIRST).to_owned()
}

pub(super) fn last_name(throw: &mut Throw) -> String {
    throw.one_of(&LAST).to_owned()
}

/// The name of company number `row`; no two are the same.
pub(super) fn company(throw: &mut Throw, row: u64) -> String {
    let (name, trade, form) = (
        throw.one_of(&COMPANY),
        throw.one_of(&TRADE),
        throw.one_of(&FORM),
    );
    match row % 97 {
        5 => format!("\"{name}\" {trade}, {form} {row}"),
        17 => format!("={name}+{trade} {row}"),
        29 => format!("{name} & Söhne, {trade} {row}"),
        _ => format!("{name} {trade} {form} {row}"),
    }
}

/// A town with its country.
pub(super) fn place(throw: &mut Throw) -> (&'static str, &'static str) {
    let at = usize::try_from(throw.below(12)).unwrap_or(0);
    (CITY[at], COUNTRY[at])
}

pub(super) fn street(throw: &mut Throw) -> String {
    let number = 1 + throw.below(180);
    let street = throw.one_of(&STREET);
    if throw.chance(10) {
        return format!("{street} {number}\nFloor {}", 1 + throw.below(9));
    }
    format!("{street} {number}")
}

/// One of a few subjects.
pub(super) fn subject(throw: &mut Throw) -> String {
    format!("Customer {} {}", throw.one_of(&VERB), throw.one_of(&NOUN))
}

/// A text of a few sentences; now and then one that trips readers.
pub(super) fn text(throw: &mut Throw) -> String {
    let mut text = String::new();
    for n in 0..=throw.below(3) {
        if n > 0 {
            text.push(' ');
        }
        if throw.chance(12) {
            text.push_str(throw.one_of(&TRAPS));
        } else {
            let count = 2 + throw.below(98);
            let (verb, noun) = (throw.one_of(&VERB), throw.one_of(&NOUN));
            let _ = write!(text, "They {verb} {count} {noun}.");
        }
    }
    text
}

pub(super) fn phone(throw: &mut Throw) -> String {
    format!(
        "+00 555 {:04} {:03}",
        throw.below(10_000),
        throw.below(1_000)
    )
}

/// An address of mail that belongs to nobody.
pub(super) fn email(row: u64) -> String {
    format!("person{row}@company.example")
}

pub(super) fn thing(throw: &mut Throw) -> &'static str {
    throw.one_of(&NOUN)
}
