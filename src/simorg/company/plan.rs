//! How many rows of each object a company of about so many rows has.

/// Objects with rows, in an order in which every reference leads back.
///
/// Those that lead forward (self-references, cycles) are nullable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `Account`.
    Account,
    /// `Contact`.
    Contact,
    /// `AccountContactRelation`, one for each contact with an account.
    Relation,
    /// `Campaign`.
    Campaign,
    /// `Lead`.
    Lead,
    /// `CampaignMember`.
    Member,
    /// `Product2`.
    Product,
    /// `Pricebook2`; the first is the standard one.
    Pricebook,
    /// `PricebookEntry`; those of the standard price book come first.
    Entry,
    /// `Opportunity`.
    Opportunity,
    /// `OpportunityLineItem`.
    Line,
    /// `OpportunityContactRole`.
    Role,
    /// `Asset`.
    Asset,
    /// `Case`.
    Case,
    /// `CaseComment`.
    Comment,
    /// `Project__c`.
    Project,
    /// `Milestone__c`, detail of a project.
    Milestone,
    /// `Time_Entry__c`, detail of a milestone.
    TimeEntry,
    /// `Task`.
    Task,
    /// `Event`.
    Event,
    /// `ContentDocument`.
    Document,
    /// `ContentVersion`.
    Version,
    /// `ContentDocumentLink`.
    Link,
    /// `Attachment`.
    Attachment,
    /// `Note`.
    Note,
    /// `FeedItem`.
    Post,
    /// `FeedComment`.
    Reply,
    /// `Account` that is a person.
    Person,
    /// `Contact` that goes with such an account.
    PersonContact,
}

/// All of them.
pub const KINDS: [Kind; 29] = [
    Kind::Account,
    Kind::Contact,
    Kind::Relation,
    Kind::Campaign,
    Kind::Lead,
    Kind::Member,
    Kind::Product,
    Kind::Pricebook,
    Kind::Entry,
    Kind::Opportunity,
    Kind::Line,
    Kind::Role,
    Kind::Asset,
    Kind::Case,
    Kind::Comment,
    Kind::Project,
    Kind::Milestone,
    Kind::TimeEntry,
    Kind::Task,
    Kind::Event,
    Kind::Document,
    Kind::Version,
    Kind::Link,
    Kind::Attachment,
    Kind::Note,
    Kind::Post,
    Kind::Reply,
    Kind::Person,
    Kind::PersonContact,
];

impl Kind {
    /// API name.
    #[must_use]
    pub fn object(self) -> &'static str {
        match self {
            Self::Account | Self::Person => "Account",
            Self::Contact | Self::PersonContact => "Contact",
            Self::Relation => "AccountContactRelation",
            Self::Campaign => "Campaign",
            Self::Lead => "Lead",
            Self::Member => "CampaignMember",
            Self::Product => "Product2",
            Self::Pricebook => "Pricebook2",
            Self::Entry => "PricebookEntry",
            Self::Opportunity => "Opportunity",
            Self::Line => "OpportunityLineItem",
            Self::Role => "OpportunityContactRole",
            Self::Asset => "Asset",
            Self::Case => "Case",
            Self::Comment => "CaseComment",
            Self::Project => "Project__c",
            Self::Milestone => "Milestone__c",
            Self::TimeEntry => "Time_Entry__c",
            Self::Task => "Task",
            Self::Event => "Event",
            Self::Document => "ContentDocument",
            Self::Version => "ContentVersion",
            Self::Link => "ContentDocumentLink",
            Self::Attachment => "Attachment",
            Self::Note => "Note",
            Self::Post => "FeedItem",
            Self::Reply => "FeedComment",
        }
    }
}

/// Rows of each object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan([u64; KINDS.len()]);

impl Plan {
    /// The plan of a company of about `rows` rows.
    ///
    /// Below a few hundred there are more rows than asked for: each kind has
    /// enough for what it is there to show.
    #[must_use]
    pub fn of(rows: u64) -> Self {
        let share = |of_1000: u64, least: u64| (rows * of_1000 / 1_000).max(least);
        let contacts = share(130, 10);
        let products = (rows / 2_000).clamp(6, 400);
        let documents = share(6, 4);
        let mut plan = Self([0; KINDS.len()]);
        for (kind, count) in [
            (Kind::Account, share(80, 10)),
            (Kind::Contact, contacts),
            (Kind::Relation, contacts - contacts / WITHOUT_ACCOUNT),
            (Kind::Campaign, (rows / 5_000).clamp(3, 200)),
            (Kind::Lead, share(60, 6)),
            (Kind::Member, share(50, 6)),
            (Kind::Product, products),
            (Kind::Pricebook, 4),
            (Kind::Entry, products * 4),
            (Kind::Opportunity, share(70, 6)),
            (Kind::Line, share(110, 8)),
            (Kind::Role, share(40, 4)),
            (Kind::Asset, share(10, 2)),
            (Kind::Case, share(60, 5)),
            (Kind::Comment, share(30, 3)),
            (Kind::Project, share(10, 3)),
            (Kind::Milestone, share(30, 6)),
            (Kind::Task, share(90, 8)),
            (Kind::Event, share(30, 4)),
            (Kind::Document, documents),
            (Kind::Version, documents + documents / 2),
            (Kind::Link, documents * 2),
            (Kind::Attachment, share(2, 2)),
            (Kind::Note, share(2, 2)),
            (Kind::Post, share(15, 3)),
            (Kind::Reply, share(8, 2)),
        ] {
            plan.0[kind as usize] = count;
        }
        plan.0[Kind::TimeEntry as usize] = rows.saturating_sub(plan.total()).max(8);
        plan
    }

    /// The same with accounts that are people, one for each five others.
    #[must_use]
    pub fn with_persons(mut self) -> Self {
        let persons = self.rows(Kind::Account).div_ceil(5);
        self.0[Kind::Person as usize] = persons;
        self.0[Kind::PersonContact as usize] = persons;
        self
    }

    /// Rows of `kind`.
    #[must_use]
    pub fn rows(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// Rows of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Every so manyth contact has no account.
pub(super) const WITHOUT_ACCOUNT: u64 = 25;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn company_has_about_as_many_rows_as_asked_for() {
        for rows in [1_000, 10_000, 1_000_000] {
            let total = Plan::of(rows).total();
            assert!(total.abs_diff(rows) * 20 <= rows, "{total} rows for {rows}");
        }
        assert!(Plan::of(1).total() < 250);
    }

    #[test]
    fn every_kind_has_rows_and_a_name_of_its_own() {
        let is_person = |it: Kind| matches!(it, Kind::Person | Kind::PersonContact);
        let plan = Plan::of(0);
        assert!(
            KINDS
                .iter()
                .all(|it| (0 < plan.rows(*it)) != is_person(*it))
        );
        let plan = plan.with_persons();
        assert!(KINDS.iter().all(|it| 0 < plan.rows(*it)));
        let others = KINDS.iter().filter(|it| !is_person(**it));
        let mut names: Vec<&str> = others.map(|it| it.object()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
