use std::collections::BTreeSet;

use super::*;

fn company(rows: u64, seed: u64) -> Company {
    let people = (1..=20).map(|it| row_id("005", it)).collect();
    let options = CompanyOptions { rows, seed };
    Company::new(options, people, |it| {
        format!("a{}", &it[..2].to_uppercase())
    })
}

fn cell(company: &Company, kind: Kind, row: u64, column: &str) -> Cell {
    let at = company.columns(kind).iter().position(|it| *it == column);
    company.row(kind, row)[at.unwrap()].clone()
}

fn parent(company: &Company, kind: Kind, row: u64, column: &str) -> Option<RecordId> {
    match cell(company, kind, row, column) {
        Cell::Id(id) => Some(id),
        _ => None,
    }
}

#[test]
fn same_seed_gives_the_same_company_and_another_does_not() {
    let rows = |seed| {
        let company = company(2_000, seed);
        let all = KINDS.map(|kind| {
            (0..company.plan().rows(kind))
                .map(|it| company.row(kind, it))
                .collect::<Vec<_>>()
        });
        all.to_vec()
    };
    assert_eq!(rows(1), rows(1));
    assert_ne!(rows(1), rows(2));
}

#[test]
fn every_id_leads_to_a_row_or_a_user() {
    let company = company(3_000, 5);
    let mut there: BTreeSet<RecordId> = company.people.iter().copied().collect();
    for kind in KINDS {
        there.extend((0..company.plan().rows(kind)).map(|it| company.id(kind, it)));
    }
    assert_eq!(
        u64::try_from(there.len()).unwrap(),
        company.plan().total() + 20
    );
    for kind in KINDS {
        let columns = company.columns(kind);
        for row in 0..company.plan().rows(kind) {
            let cells = company.row(kind, row);
            assert_eq!(cells.len(), columns.len(), "{kind:?}");
            for (column, cell) in columns.iter().zip(&cells) {
                if let Cell::Id(id) = cell {
                    assert!(there.contains(id), "{kind:?} {row} {column} {id:?}");
                }
            }
        }
    }
}

#[test]
fn accounts_stand_at_least_six_deep_and_never_under_themselves() {
    let company = company(5_000, 1);
    let rows = company.plan().rows(Kind::Account);
    let deepest = (0..rows)
        .map(|row| {
            let mut id = Some(company.id(Kind::Account, row));
            let mut depth = 0;
            while let Some(it) = id {
                let row = (0..rows)
                    .find(|row| company.id(Kind::Account, *row) == it)
                    .unwrap();
                id = parent(&company, Kind::Account, row, "ParentId");
                depth += 1;
                assert!(depth < 50, "a cycle at {it:?}");
            }
            depth
        })
        .max();
    assert!(Some(6) <= deepest, "{deepest:?}");
}

#[test]
fn a_few_accounts_have_most_contacts() {
    let company = company(20_000, 1);
    let contacts = company.plan().rows(Kind::Contact);
    let of_first = (0..contacts)
        .filter(|it| {
            company
                .account_of(*it)
                .is_some_and(|it| it < company.plan().rows(Kind::Account) / 10)
        })
        .count();
    assert!(
        usize::try_from(contacts / 4).unwrap() < of_first,
        "{of_first} of {contacts}"
    );
}

#[test]
fn row_is_made_after_what_it_leads_to_and_before_the_org_opened() {
    let company = company(2_000, 3);
    for row in 0..company.plan().rows(Kind::Line) {
        let time = |kind, row, column| match cell(&company, kind, row, column) {
            Cell::Time(at) => at,
            other => panic!("{other:?}"),
        };
        let made = time(Kind::Line, row, "CreatedDate");
        assert!(made <= time(Kind::Line, row, "LastModifiedDate"));
        assert!(made <= opened());
        let deal = company.deal_of(row);
        assert!(company.created(Kind::Opportunity, deal) < made);
    }
}

#[test]
fn project_and_milestone_lead_to_each_other() {
    let company = company(2_000, 1);
    let is_cycle = |row: u64| {
        let Some(lead) = parent(&company, Kind::Project, row, "Lead_Milestone__c") else {
            return false;
        };
        let milestones = company.plan().rows(Kind::Milestone);
        let lead = (0..milestones)
            .find(|it| company.id(Kind::Milestone, *it) == lead)
            .unwrap();
        parent(&company, Kind::Milestone, lead, "Project__c")
            == Some(company.id(Kind::Project, row))
    };
    assert!((0..company.plan().rows(Kind::Project)).any(is_cycle));
}

#[test]
fn one_version_of_each_document_is_the_latest() {
    let company = company(4_000, 1);
    let mut latest = BTreeSet::new();
    for row in 0..company.plan().rows(Kind::Version) {
        if cell(&company, Kind::Version, row, "IsLatest") == Cell::Flag(true) {
            assert!(latest.insert(parent(&company, Kind::Version, row, "ContentDocumentId")));
        }
    }
    assert_eq!(
        u64::try_from(latest.len()).unwrap(),
        company.plan().rows(Kind::Document)
    );
    let two = cell(
        &company,
        Kind::Version,
        company.plan().rows(Kind::Version) - 1,
        "VersionNumber",
    );
    assert_eq!(two, Cell::from("2"));
}

#[test]
fn texts_hold_what_trips_readers() {
    let company = company(5_000, 1);
    let texts: Vec<String> = (0..company.plan().rows(Kind::Task))
        .filter_map(|row| match cell(&company, Kind::Task, row, "Description") {
            Cell::Text(text) => Some(text.into_owned()),
            _ => None,
        })
        .collect();
    for trap in ["\"", "\n", ",", "\u{1F600}", "ש"] {
        assert!(texts.iter().any(|it| it.contains(trap)), "{trap:?}");
    }
    assert!(texts.iter().any(|it| it.starts_with('=')));
    assert!(texts.iter().all(|it| it.trim() == it));
}

#[test]
fn person_says_the_same_as_account_and_as_contact() {
    let company = company(2_000, 1).with_persons();
    let persons = company.plan().rows(Kind::Person);
    assert!(0 < persons);
    for row in 0..persons {
        let account = |column| cell(&company, Kind::Person, row, column);
        let contact = |column| cell(&company, Kind::PersonContact, row, column);
        assert_eq!(account("LastName"), contact("LastName"));
        assert_eq!(account("PersonEmail"), contact("Email"));
        assert_eq!(account("PersonMailingCity"), contact("MailingCity"));
        assert_eq!(account("OwnerId"), contact("OwnerId"));
        assert_eq!(account("CreatedDate"), contact("CreatedDate"));
        assert_eq!(account("PersonContactId"), contact("Id"));
        assert_eq!(contact("AccountId"), account("Id"));
    }
}
