//! A company of any size, out of a seed: the rows of an org that has been
//! worked in for six years.
//!
//! What is in it is there to be met by whoever exports and restores: accounts
//! under accounts eight deep, contacts who report to contacts, products with
//! a standard price before the others, tasks about anything, details of
//! details, a cycle of lookups, files with versions, converted leads, people
//! who have left; and texts that trip careless readers. A few have most: old
//! accounts have hundreds of contacts, most have one or none.
//!
//! A row is a function of the seed, its object and its number: nothing is held
//! in memory, rows can be made in any order.
//!
//! Invariant: the same options give the same rows, whatever the time and the
//! machine; ids of rows lead to rows that there are.

mod activity;
mod cell;
mod dice;
mod files;
mod fill;

mod people;
mod persons;
mod plan;
mod projects;
mod sales;
mod service;
mod words;

use std::time::Duration;

pub use cell::Cell;
pub use files::body;
pub use fill::{FillError, fill};

pub use plan::{KINDS, Kind, Plan};

use dice::{Dice, Throw};

use crate::{
    model::{RecordId, Timestamp},
    simorg::state::row_id,
};

/// What company to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompanyOptions {
    /// About how many rows.
    pub rows: u64,
    /// Where chance begins.
    pub seed: u64,
}

/// A company.
#[derive(Clone, Debug)]
pub struct Company {
    plan: Plan,
    dice: Dice,
    /// Whether amounts are in several currencies.
    has_currencies: bool,
    /// Who owns rows and changes them, busiest first.
    people: Vec<RecordId>,
    /// Key prefix of the objects that the company made itself.
    prefixes: [String; 3],
}

/// What every row begins with.
const AUDIT: &str = "Id CreatedDate CreatedById LastModifiedDate LastModifiedById SystemModstamp";

/// How long the company has been at work.
const SPAN: Duration = Duration::from_hours(6 * 365 * 24);

const DAY: Duration = Duration::from_hours(24);

/// The words of a row: who made it when, and where its chance goes on.
struct Draft<'a> {
    company: &'a Company,
    throw: Throw,
    row: u64,
    created: Timestamp,
    by: RecordId,
}

type Writer = fn(&mut Draft<'_>) -> Vec<Cell>;

impl Company {
    /// The company of `options`, whose rows belong to `people`, busiest first.
    ///
    /// `prefix_of` tells the key prefix of a custom object.
    ///
    /// # Panics
    ///
    /// Where there are no people.
    #[must_use]
    pub fn new(
        options: CompanyOptions,
        people: Vec<RecordId>,
        prefix_of: impl Fn(&str) -> String,
    ) -> Self {
        assert!(!people.is_empty(), "somebody owns the rows");
        let own = [Kind::Project, Kind::Milestone, Kind::TimeEntry];
        Self {
            plan: Plan::of(options.rows),
            dice: Dice::new(options.seed),
            has_currencies: false,
            people,
            prefixes: own.map(|it| prefix_of(it.object())),
        }
    }

    /// The same with amounts in several currencies.
    #[must_use]
    pub fn with_currencies(mut self) -> Self {
        self.has_currencies = true;
        self
    }

    /// The same with accounts that are people.
    #[must_use]
    pub fn with_persons(mut self) -> Self {
        self.plan = self.plan.with_persons();
        self
    }

    /// How many rows there are of each object.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Names of the columns of `kind`, in the order of [`Company::row`].
    #[must_use]
    pub fn columns(&self, kind: Kind) -> Vec<&'static str> {
        let own = table(kind).0.split_whitespace();
        let currency = self.has_currency(kind).then_some("CurrencyIsoCode");
        AUDIT.split(' ').chain(own).chain(currency).collect()
    }

    /// Row `row` of `kind`.
    #[must_use]
    pub fn row(&self, kind: Kind, row: u64) -> Vec<Cell> {
        let mut draft = self.draft(kind, row);
        let own = table(kind).1(&mut draft);
        let mut throw = self.dice.of("modified", row ^ (kind as u64) << 48);
        let modified = match throw.chance(55) {
            true => draft.created,
            false => Self::between(draft.created, opened(), &mut throw),
        };
        let modified_by = match throw.chance(70) {
            true => draft.by,
            false => self.somebody(&mut throw),
        };
        let mut cells = vec![
            self.id(kind, row).into(),
            draft.created.into(),
            draft.by.into(),
            modified.into(),
            modified_by.into(),
            modified.into(),
        ];
        cells.extend(own);
        if self.has_currency(kind) {
            cells.push(throw.mostly(&["USD", "EUR"]).into());
        }
        cells
    }

    fn has_currency(&self, kind: Kind) -> bool {
        let has = matches!(
            kind,
            Kind::Account
                | Kind::Contact
                | Kind::Lead
                | Kind::Opportunity
                | Kind::Project
                | Kind::Person
                | Kind::PersonContact
        );
        self.has_currencies && has
    }

    fn draft(&self, kind: Kind, row: u64) -> Draft<'_> {
        let stream = match kind {
            // One person in two tables.
            Kind::Person | Kind::PersonContact => "Person",
            _ => kind.object(),
        };
        let mut throw = self.dice.of(stream, row);
        Draft {
            company: self,
            row,
            created: self.created(kind, row),
            by: self.somebody(&mut throw),
            throw,
        }
    }

    fn rows(&self, kind: Kind) -> u64 {
        self.plan.rows(kind)
    }

    /// The id of a row.
    #[must_use]
    pub fn id(&self, kind: Kind, row: u64) -> RecordId {
        let prefix = match kind {
            Kind::Account | Kind::Person => "001",
            Kind::Contact | Kind::PersonContact => "003",
            Kind::Relation => "07k",
            Kind::Campaign => "701",
            Kind::Lead => "00Q",
            Kind::Member => "00v",
            Kind::Product => "01t",
            Kind::Pricebook => "01s",
            Kind::Entry => "01u",
            Kind::Opportunity => "006",
            Kind::Line => "00k",
            Kind::Role => "00K",
            Kind::Asset => "02i",
            Kind::Case => "500",
            Kind::Comment => "00a",
            Kind::Project => &self.prefixes[0],
            Kind::Milestone => &self.prefixes[1],
            Kind::TimeEntry => &self.prefixes[2],
            Kind::Task => "00T",
            Kind::Event => "00U",
            Kind::Document => "069",
            Kind::Version => "068",
            Kind::Link => "06A",
            Kind::Attachment => "00P",
            Kind::Note => "002",
            Kind::Post => "0D5",
            Kind::Reply => "0D7",
        };
        // People come behind the other rows of the object.
        let before = match kind {
            Kind::Person => self.rows(Kind::Account),
            Kind::PersonContact => self.rows(Kind::Contact),
            _ => 0,
        };
        row_id(prefix, before + row + 1)
    }

    /// Any row of `kind`.
    fn any(&self, kind: Kind, throw: &mut Throw) -> u64 {
        throw.below(self.rows(kind))
    }

    /// A row of `kind`, old ones far more often.
    fn known(&self, kind: Kind, throw: &mut Throw) -> u64 {
        throw.skewed(self.rows(kind))
    }

    fn somebody(&self, throw: &mut Throw) -> RecordId {
        throw.mostly(&self.people)
    }

    /// When a row was made: in working hours, and the more the later.
    fn created(&self, kind: Kind, row: u64) -> Timestamp {
        let kind = match kind {
            Kind::PersonContact => Kind::Person,
            kind => kind,
        };
        let span = SPAN.as_millis();
        let rows = u128::from(self.rows(kind).max(1));
        let at = (span * span / rows * u128::from(row)).isqrt();
        let days = u64::try_from(at / DAY.as_millis()).unwrap_or(0);
        let mut throw = self.dice.of("created", row ^ (kind as u64) << 48);
        let within = Duration::from_secs(7 * 3_600 + throw.below(11 * 3_600));
        let founded = opened().before(SPAN + DAY * 2);
        founded
            .after(DAY * u32::try_from(days).unwrap_or(0))
            .after(within)
    }

    /// A time between two others, sooner rather than later.
    fn between(from: Timestamp, to: Timestamp, throw: &mut Throw) -> Timestamp {
        let seconds = to.since(from).as_secs();
        from.after(Duration::from_secs(throw.skewed(seconds)))
    }
}

impl Draft<'_> {
    /// Moves the making of the row behind that of another it leads to.
    fn after(&mut self, kind: Kind, row: u64) {
        let wait = Duration::from_secs(60 + self.throw.below(3 * 3_600));
        let earliest = self.company.created(kind, row).after(wait);
        self.created = self.created.max(earliest);
    }

    fn id(&self, kind: Kind, row: u64) -> RecordId {
        self.company.id(kind, row)
    }

    /// The row before this one that it stands under, in `percent` of all cases.
    fn earlier(&mut self, kind: Kind, percent: u64) -> Option<RecordId> {
        let is_under = 0 < self.row && self.throw.chance(percent);
        is_under.then(|| self.company.id(kind, self.throw.below(self.row)))
    }

    fn owner(&mut self) -> RecordId {
        match self.throw.chance(80) {
            true => self.by,
            false => self.company.somebody(&mut self.throw),
        }
    }
}

/// When all that an org begins with was made: a time that is the same in every run.
#[must_use]
pub fn opened() -> Timestamp {
    // 2026-01-05T09:00:00Z.
    Timestamp::from_millis(1_767_603_600_000).unwrap_or(Timestamp::UNKNOWN)
}

/// Columns of an object without those of [`AUDIT`], and who writes them.
fn table(kind: Kind) -> (&'static str, Writer) {
    match kind {
        Kind::Account => people::ACCOUNT,
        Kind::Contact => people::CONTACT,
        Kind::Relation => people::RELATION,
        Kind::Campaign => people::CAMPAIGN,
        Kind::Lead => people::LEAD,
        Kind::Member => people::MEMBER,
        Kind::Product => sales::PRODUCT,
        Kind::Pricebook => sales::PRICEBOOK,
        Kind::Entry => sales::ENTRY,
        Kind::Opportunity => sales::OPPORTUNITY,
        Kind::Line => sales::LINE,
        Kind::Role => sales::ROLE,
        Kind::Asset => service::ASSET,
        Kind::Case => service::CASE,
        Kind::Comment => service::COMMENT,
        Kind::Project => projects::PROJECT,
        Kind::Milestone => projects::MILESTONE,
        Kind::TimeEntry => projects::TIME_ENTRY,
        Kind::Task => activity::TASK,
        Kind::Event => activity::EVENT,
        Kind::Document => files::DOCUMENT,
        Kind::Version => files::VERSION,
        Kind::Link => files::LINK,
        Kind::Attachment => files::ATTACHMENT,
        Kind::Note => files::NOTE,
        Kind::Post => activity::POST,
        Kind::Reply => activity::REPLY,
        Kind::Person => persons::PERSON,
        Kind::PersonContact => persons::CONTACT,
    }
}

#[cfg(test)]
mod tests;
