//! Accounts, contacts, campaigns, leads.

use super::{
    Cell, Company, Draft, Kind, Writer,
    cell::{cents, int},
    plan::WITHOUT_ACCOUNT,
    words,
};

/// Accounts at the beginning that stand one under the other.
pub(super) const CHAIN: u64 = 8;

const INDUSTRY: [&str; 8] = [
    "Retail",
    "Recreation",
    "Energy",
    "Technology",
    "Education",
    "Transportation",
    "Media",
    "Consulting",
];
const SOURCE: [&str; 5] = [
    "Web",
    "Phone Inquiry",
    "Partner Referral",
    "Purchased List",
    "Other",
];

pub(super) const ACCOUNT: (&str, Writer) = (
    "Name Type Industry Rating ParentId Phone Website AccountNumber AnnualRevenue NumberOfEmployees Description \
     BillingStreet BillingCity BillingPostalCode BillingCountry OwnerId",
    |it| {
        let under = match it.row {
            0 => None,
            row if row < CHAIN => Some(row - 1),
            row => it.throw.chance(35).then_some(row / 3),
        };
        if let Some(under) = under {
            it.after(Kind::Account, under);
        }
        let parent = under.map(|under| it.id(Kind::Account, under));
        let (row, throw) = (it.row, &mut it.throw);
        let name = words::company(throw, row);
        let (city, country) = words::place(throw);
        let mut cells = vec![
            name.into(),
            throw
                .mostly(&[
                    "Customer - Direct",
                    "Prospect",
                    "Customer - Channel",
                    "Other",
                ])
                .into(),
            throw.mostly(&INDUSTRY).into(),
            throw
                .one_of(&[Some("Hot"), Some("Warm"), Some("Cold"), None, None])
                .into(),
            parent.into(),
            words::phone(throw).into(),
            format!("https://company{row}.example").into(),
            format!("AC-{row:07}").into(),
        ];
        let size = 1 + throw.skewed(20_000);
        let about = throw.chance(60);
        cells.push(cents(size * 100_000 * (50 + throw.below(100))));
        cells.push(int(size));
        cells.push(about.then(|| words::text(throw)).into());
        cells.push(words::street(throw).into());
        cells.push(city.into());
        cells.push(format!("{:05}", throw.below(99_999)).into());
        cells.push(country.into());
        cells.push(it.owner().into());
        cells
    },
);

impl Company {
    /// The account of a contact: old accounts have hundreds, most have one or none.
    pub(super) fn account_of(&self, contact: u64) -> Option<u64> {
        if contact % WITHOUT_ACCOUNT == WITHOUT_ACCOUNT - 1 {
            return None;
        }
        let (accounts, contacts) = (self.rows(Kind::Account), self.rows(Kind::Contact));
        let (n, all) = (u128::from(contact), u128::from(contacts));
        u64::try_from(u128::from(accounts) * n * n / (all * all)).ok()
    }

    /// A contact of an account, where it has one.
    pub(super) fn contact_of(&self, account: u64, throw: &mut super::Throw) -> Option<u64> {
        let (accounts, contacts) = (self.rows(Kind::Account), self.rows(Kind::Contact));
        let first = |account: u64| {
            let all = u128::from(contacts);
            let square = (u128::from(account) * all * all).div_ceil(u128::from(accounts));
            let root = square.isqrt();
            u64::try_from(if root * root < square { root + 1 } else { root }).unwrap_or(contacts)
        };
        let (from, to) = (first(account), first(account + 1).min(contacts));
        if to <= from {
            return None;
        }
        let found = from + throw.below(to - from);
        (self.account_of(found) == Some(account)).then_some(found)
    }
}

pub(super) const CONTACT: (&str, Writer) = (
    "Name Salutation FirstName LastName AccountId ReportsToId Title Department Email Phone MobilePhone LeadSource Birthdate \
     Description MailingStreet MailingCity MailingPostalCode MailingCountry OwnerId",
    |it| {
        let account = it.company.account_of(it.row);
        if let Some(account) = account {
            it.after(Kind::Account, account);
        }
        let account = account.map(|account| it.id(Kind::Account, account));
        let boss = it.earlier(Kind::Contact, 25);
        let (row, throw) = (it.row, &mut it.throw);
        let age = 20 + throw.below(50);
        let born = throw
            .chance(30)
            .then(|| super::opened().before(super::DAY * u32::try_from(age * 365).unwrap_or(0)));
        let (city, country) = words::place(throw);
        let first = throw.chance(95).then(|| words::first_name(throw));
        let last = words::last_name(throw);
        let name = match &first {
            Some(first) => format!("{first} {last}"),
            None => last.clone(),
        };
        let mut cells = vec![
            name.into(),
            throw
                .one_of(&[Some("Ms."), Some("Mr."), Some("Dr."), None, None])
                .into(),
            first.into(),
            last.into(),
            account.into(),
            boss.into(),
            throw
                .one_of(&[
                    "Buyer",
                    "CEO",
                    "Guide, senior",
                    "Head of \"Outdoor\"",
                    "Accountant",
                ])
                .into(),
            throw
                .one_of(&[Some("Purchasing"), Some("Sales"), None])
                .into(),
            words::email(row).into(),
            words::phone(throw).into(),
            throw.chance(50).then(|| words::phone(throw)).into(),
            throw.mostly(&SOURCE).into(),
            born.map_or(Cell::Null, Cell::Day),
            throw.chance(30).then(|| words::text(throw)).into(),
        ];
        cells.push(words::street(throw).into());
        cells.push(city.into());
        cells.push(format!("{:05}", throw.below(99_999)).into());
        cells.push(country.into());
        cells.push(it.owner().into());
        cells
    },
);

pub(super) const RELATION: (&str, Writer) = ("AccountId ContactId IsDirect IsActive Roles", |it| {
    // Those without an account are left out.
    let contact = it.row + it.row / (WITHOUT_ACCOUNT - 1);
    it.after(Kind::Contact, contact);
    let account = it.company.account_of(contact);
    vec![
        account.map(|account| it.id(Kind::Account, account)).into(),
        it.id(Kind::Contact, contact).into(),
        true.into(),
        true.into(),
        it.throw
            .one_of(&[
                None,
                None,
                Some("Decision Maker"),
                Some("Business User;Influencer"),
            ])
            .into(),
    ]
});

pub(super) const CAMPAIGN: (&str, Writer) = (
    "Name Type Status IsActive ParentId StartDate EndDate BudgetedCost Description OwnerId",
    |it| {
        let parent = it.earlier(Kind::Campaign, 40);
        let start = it.created.after(super::DAY * 14);
        let row = it.row;
        let throw = &mut it.throw;
        let mut cells = vec![
            format!("{} weeks, no. {row}", words::thing(throw)).into(),
            throw
                .one_of(&["Email", "Webinar", "Trade Show", "Other"])
                .into(),
            throw
                .one_of(&["Planned", "In Progress", "Completed"])
                .into(),
            throw.chance(60).into(),
            parent.into(),
            Cell::Day(start),
            Cell::Day(start.after(super::DAY * 30)),
            cents(100 * throw.below(50_000)),
            words::text(throw).into(),
        ];
        cells.push(it.owner().into());
        cells
    },
);

pub(super) const LEAD: (&str, Writer) = (
    "Name FirstName LastName Company Title Email Phone Status LeadSource Industry Rating Description IsConverted \
     ConvertedDate ConvertedAccountId ConvertedContactId ConvertedOpportunityId OwnerId",
    |it| {
        let is_converted = it.throw.chance(30);
        let company = it.company;
        let contact = Some(company.any(Kind::Contact, &mut it.throw)).filter(|_| is_converted);
        let contact = contact.filter(|it| company.account_of(*it).is_some());
        let account = contact.and_then(|it| company.account_of(it));
        let has_deal = it.throw.chance(40);
        let deal = account
            .filter(|_| has_deal)
            .map(|_| company.any(Kind::Opportunity, &mut it.throw));
        let converted =
            contact.map(|_| Company::between(it.created, super::opened(), &mut it.throw));
        let (row, throw) = (it.row, &mut it.throw);
        let status = match contact {
            Some(_) => "Closed - Converted",
            None => throw.mostly(&[
                "Open - Not Contacted",
                "Working - Contacted",
                "Closed - Not Converted",
            ]),
        };
        let (first, last) = (words::first_name(throw), words::last_name(throw));
        let mut cells = vec![
            format!("{first} {last}").into(),
            first.into(),
            last.into(),
            words::company(throw, row + 1_000_000_000).into(),
            throw.one_of(&[Some("Owner"), Some("Manager"), None]).into(),
            words::email(row + 1_000_000_000).into(),
            words::phone(throw).into(),
            status.into(),
            throw.mostly(&SOURCE).into(),
            throw.mostly(&INDUSTRY).into(),
            throw.one_of(&[Some("Hot"), Some("Cold"), None]).into(),
            throw.chance(25).then(|| words::text(throw)).into(),
            contact.is_some().into(),
            converted.map_or(Cell::Null, Cell::Day),
        ];
        cells.push(account.map(|row| company.id(Kind::Account, row)).into());
        cells.push(contact.map(|row| company.id(Kind::Contact, row)).into());
        cells.push(deal.map(|row| company.id(Kind::Opportunity, row)).into());
        cells.push(it.owner().into());
        cells
    },
);

pub(super) const MEMBER: (&str, Writer) = (
    "CampaignId LeadId ContactId LeadOrContactId Type Status HasResponded",
    |it| {
        let campaign = it.company.known(Kind::Campaign, &mut it.throw);
        // Nobody is a member twice.
        let (person, number) = match it.row % 2 {
            0 => (Kind::Lead, it.row / 2),
            _ => (Kind::Contact, it.row / 2),
        };
        it.after(Kind::Campaign, campaign);
        it.after(person, number);
        let id = it.id(person, number);
        let has_responded = it.throw.chance(30);
        vec![
            it.id(Kind::Campaign, campaign).into(),
            Some(id).filter(|_| person == Kind::Lead).into(),
            Some(id).filter(|_| person == Kind::Contact).into(),
            id.into(),
            person.object().into(),
            if has_responded { "Responded" } else { "Sent" }.into(),
            has_responded.into(),
        ]
    },
);

impl Draft<'_> {
    /// A record that work is about.
    pub(super) fn about(&mut self) -> (Kind, u64) {
        let kind = self.throw.mostly(&[
            Kind::Account,
            Kind::Opportunity,
            Kind::Case,
            Kind::Project,
            Kind::Campaign,
            Kind::Asset,
        ]);
        (kind, self.company.known(kind, &mut self.throw))
    }
}
