//! The objects that the company made itself: projects, their milestones, the
//! hours spent on them.
//!
//! Project and milestone lead to each other, which is the cycle that a restore
//! has to open.

use super::{
    Cell, Company, Kind, Writer,
    cell::{cents, int},
    words,
};

impl Company {
    fn project_of(&self, milestone: u64) -> u64 {
        milestone * self.rows(Kind::Project) / self.rows(Kind::Milestone)
    }

    fn milestone_of(&self, entry: u64) -> u64 {
        let (all, milestones) = (self.rows(Kind::TimeEntry), self.rows(Kind::Milestone));
        let (entry, all) = (u128::from(entry), u128::from(all));
        u64::try_from(u128::from(milestones) * entry * entry / (all * all)).unwrap_or(0)
    }
}

pub(super) const PROJECT: (&str, Writer) = (
    "Name Code__c Account__c Sponsor__c Lead_Milestone__c Predecessor__c Status__c Tags__c Budget__c Start__c Risk__c \
     Kickoff__c Site__c Notes__c OwnerId",
    |it| {
        let company = it.company;
        let account = company.known(Kind::Account, &mut it.throw);
        it.after(Kind::Account, account);
        let sponsor = company.contact_of(account, &mut it.throw);
        let (projects, milestones) = (company.rows(Kind::Project), company.rows(Kind::Milestone));
        // The first milestone of this very project, which leads back to it.
        let lead = (it.row * milestones).div_ceil(projects);
        let lead = it
            .throw
            .chance(60)
            .then(|| company.id(Kind::Milestone, lead));
        let before = it.earlier(Kind::Project, 30);
        let (row, created, throw) = (it.row, it.created, &mut it.throw);
        let mut cells = vec![
            format!("{}: {}", words::thing(throw), words::subject(throw)).into(),
            format!("P-{row:06}").into(),
            company.id(Kind::Account, account).into(),
            sponsor.map(|row| company.id(Kind::Contact, row)).into(),
            lead.into(),
            before.into(),
            throw
                .one_of(&["Draft", "Running", "Done", "On Hold"])
                .into(),
            throw
                .one_of(&[
                    None,
                    Some("Indoor"),
                    Some("Indoor;Winter"),
                    Some("Outdoor;Winter"),
                ])
                .into(),
            cents(100_000 + throw.skewed(50_000_000)),
            Cell::Day(created),
            int(throw.below(101)),
            throw.chance(70).then_some(created).into(),
            throw
                .chance(30)
                .then(|| format!("https://project{row}.example/?a=1&b=2"))
                .into(),
            words::text(throw).into(),
        ];
        cells.push(it.owner().into());
        cells
    },
);

pub(super) const MILESTONE: (&str, Writer) = (
    "Name Project__c Depends_On__c Title__c Position__c Due__c Done__c",
    |it| {
        let project = it.company.project_of(it.row);
        it.after(Kind::Project, project);
        let before = it.earlier(Kind::Milestone, 40);
        vec![
            format!("M-{:06}", it.row + 1).into(),
            it.id(Kind::Project, project).into(),
            before.into(),
            words::subject(&mut it.throw).into(),
            int(1 + it.row % 7),
            Cell::Day(it.created.after(super::DAY * 21)),
            it.throw.chance(65).into(),
        ]
    },
);

pub(super) const TIME_ENTRY: (&str, Writer) = (
    "Name Milestone__c Person__c Hours__c Day__c Billable__c Note__c",
    |it| {
        let milestone = it.company.milestone_of(it.row);
        it.after(Kind::Milestone, milestone);
        let person = it.company.known(Kind::Contact, &mut it.throw);
        vec![
            format!("T-{:08}", it.row + 1).into(),
            it.id(Kind::Milestone, milestone).into(),
            it.id(Kind::Contact, person).into(),
            cents(25 * (1 + it.throw.below(40))),
            Cell::Day(it.created),
            it.throw.chance(70).into(),
            it.throw
                .chance(25)
                .then(|| words::text(&mut it.throw))
                .into(),
        ]
    },
);
