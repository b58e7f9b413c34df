//! Assets and cases.

use super::{Cell, Company, Kind, Writer, cell::cents, words};

pub(super) const ASSET: (&str, Writer) = (
    "Name AccountId ContactId Product2Id ParentId Status SerialNumber PurchaseDate Price Quantity OwnerId",
    |it| {
        let company = it.company;
        let account = company.known(Kind::Account, &mut it.throw);
        let contact = company.contact_of(account, &mut it.throw);
        let product = company.known(Kind::Product, &mut it.throw);
        it.after(Kind::Account, account);
        let parent = it.earlier(Kind::Asset, 20);
        let row = it.row;
        let mut cells = vec![
            format!("{} no. {row}", words::thing(&mut it.throw)).into(),
            it.id(Kind::Account, account).into(),
            contact.map(|row| company.id(Kind::Contact, row)).into(),
            it.id(Kind::Product, product).into(),
            parent.into(),
            it.throw
                .one_of(&["Shipped", "Installed", "Registered"])
                .into(),
            format!("SN{row:09}").into(),
            Cell::Day(it.created),
        ];
        cells.push(cents(100 * it.throw.below(5_000)));
        cells.push(cents(100 * (1 + it.throw.below(10))));
        cells.push(it.owner().into());
        cells
    },
);

pub(super) const CASE: (&str, Writer) = (
    "CaseNumber Subject Status IsClosed ClosedDate Priority Origin Type Reason Description AccountId ContactId ParentId \
     OwnerId",
    |it| {
        let company = it.company;
        let account = company.known(Kind::Account, &mut it.throw);
        let contact = company.contact_of(account, &mut it.throw);
        it.after(Kind::Account, account);
        if let Some(contact) = contact {
            it.after(Kind::Contact, contact);
        }
        let parent = it.earlier(Kind::Case, 8);
        let is_closed = it.throw.chance(70);
        let closed =
            is_closed.then(|| Company::between(it.created, super::opened(), &mut it.throw));
        let (row, throw) = (it.row, &mut it.throw);
        let status = match is_closed {
            true => "Closed",
            false => throw.one_of(&["New", "Working", "Escalated"]),
        };
        let mut cells = vec![
            format!("{:08}", row + 1_000).into(),
            words::subject(throw).into(),
            status.into(),
            is_closed.into(),
            closed.into(),
            throw.mostly(&["Medium", "Low", "High"]).into(),
            throw.one_of(&["Phone", "Email", "Web"]).into(),
            throw
                .one_of(&[Some("Problem"), Some("Question"), None])
                .into(),
            throw
                .one_of(&[Some("Instructions not clear"), Some("Breakdown"), None])
                .into(),
            words::text(throw).into(),
            company.id(Kind::Account, account).into(),
            contact.map(|row| company.id(Kind::Contact, row)).into(),
            parent.into(),
        ];
        cells.push(it.owner().into());
        cells
    },
);

pub(super) const COMMENT: (&str, Writer) = ("ParentId CommentBody IsPublished", |it| {
    let case = it.company.known(Kind::Case, &mut it.throw);
    it.after(Kind::Case, case);
    vec![
        it.id(Kind::Case, case).into(),
        words::text(&mut it.throw).into(),
        it.throw.chance(40).into(),
    ]
});
