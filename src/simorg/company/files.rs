//! Files with their versions and links, attachments, notes.

use super::{Cell, Company, Draft, Kind, Writer, cell::int, dice::Dice, words};
use crate::simorg::blobs::md5_hex;

/// Ending and type of a file, as `FileExtension` and `FileType` have them.
const TYPES: [(&str, &str); 4] = [
    ("txt", "TEXT"),
    ("csv", "CSV"),
    ("pdf", "PDF"),
    ("png", "PNG"),
];

/// The content of row `row` of `ContentVersion` or `Attachment`.
///
/// Mostly small; every fiftieth is a quarter of a megabyte.
#[must_use]
pub fn body(kind: Kind, row: u64) -> Vec<u8> {
    let mut throw = Dice::new(0).of(kind.object(), row);
    let length = match row % 50 {
        7 => 200_000 + throw.below(100_000),
        _ => 40 + throw.skewed(4_000),
    };
    let mut body = format!("{} {row}\r\n", kind.object()).into_bytes();
    // Every byte there is, so that nothing may take it for text.
    body.extend(0..=255_u8);
    while u64::try_from(body.len()).unwrap_or(u64::MAX) < length {
        body.extend(throw.any().to_le_bytes());
    }
    body
}

fn size_of(body: &[u8]) -> u64 {
    u64::try_from(body.len()).unwrap_or(u64::MAX)
}

impl Company {
    fn documents(&self) -> u64 {
        self.rows(Kind::Document)
    }

    /// The document of a version: those with two have the second behind all first ones.
    fn document_of(&self, version: u64) -> u64 {
        match version.checked_sub(self.documents()) {
            None => version,
            Some(second) => second * 2,
        }
    }

    /// The latest version of a document.
    fn latest_of(&self, document: u64) -> u64 {
        let second = self.documents() + document / 2;
        let has_two = document.is_multiple_of(2) && second < self.rows(Kind::Version);
        if has_two { second } else { document }
    }

    fn file(&self, document: u64) -> (String, (&'static str, &'static str)) {
        let mut throw = self.dice.of("file", document);
        let title = format!("{} list, no. {document}", words::thing(&mut throw));
        (title, throw.one_of(&TYPES))
    }

    fn owner_of(&self, document: u64) -> crate::model::RecordId {
        self.somebody(&mut self.dice.of("keeper", document))
    }
}

pub(super) const DOCUMENT: (&str, Writer) = (
    "Title FileType FileExtension ContentSize PublishStatus LatestPublishedVersionId OwnerId",
    |it| {
        let latest = it.company.latest_of(it.row);
        let (title, (extension, kind)) = it.company.file(it.row);
        vec![
            title.into(),
            kind.into(),
            extension.into(),
            int(size_of(&body(Kind::Version, latest))),
            "R".into(),
            it.id(Kind::Version, latest).into(),
            it.company.owner_of(it.row).into(),
        ]
    },
);

pub(super) const VERSION: (&str, Writer) = (
    "ContentDocumentId Title PathOnClient FileExtension FileType ContentSize Checksum VersionNumber IsLatest Origin \
     ContentLocation Description OwnerId",
    |it| {
        let document = it.company.document_of(it.row);
        it.after(Kind::Document, document);
        let (title, (extension, kind)) = it.company.file(document);
        let body = body(Kind::Version, it.row);
        let number = if it.row < it.company.documents() {
            "1"
        } else {
            "2"
        };
        vec![
            it.id(Kind::Document, document).into(),
            title.clone().into(),
            format!("{title}.{extension}").into(),
            extension.into(),
            kind.into(),
            int(size_of(&body)),
            md5_hex(&body).into(),
            number.into(),
            (it.company.latest_of(document) == it.row).into(),
            "H".into(),
            "S".into(),
            it.throw
                .chance(20)
                .then(|| words::text(&mut it.throw))
                .into(),
            it.company.owner_of(document).into(),
        ]
    },
);

pub(super) const LINK: (&str, Writer) = (
    "ContentDocumentId LinkedEntityId ShareType Visibility",
    |it| {
        let document = it.row / 2;
        it.after(Kind::Document, document);
        if it.row.is_multiple_of(2) {
            // Each file is linked to who owns it.
            let owner = it.company.owner_of(document);
            return vec![
                it.id(Kind::Document, document).into(),
                owner.into(),
                "I".into(),
                "AllUsers".into(),
            ];
        }
        let entity = it.entity();
        vec![
            it.id(Kind::Document, document).into(),
            entity,
            "V".into(),
            "AllUsers".into(),
        ]
    },
);

pub(super) const ATTACHMENT: (&str, Writer) = (
    "ParentId Name ContentType BodyLength IsPrivate Description OwnerId",
    |it| {
        let parent = it.entity();
        let row = it.row;
        let mut cells = vec![
            parent,
            format!("scan \"{row}\".bin").into(),
            "application/octet-stream".into(),
            int(size_of(&body(Kind::Attachment, row))),
            false.into(),
            it.throw
                .chance(30)
                .then(|| words::subject(&mut it.throw))
                .into(),
        ];
        cells.push(it.owner().into());
        cells
    },
);

pub(super) const NOTE: (&str, Writer) = ("ParentId Title Body IsPrivate OwnerId", |it| {
    let parent = it.entity();
    let mut cells = vec![
        parent,
        words::subject(&mut it.throw).into(),
        words::text(&mut it.throw).into(),
        false.into(),
    ];
    cells.push(it.owner().into());
    cells
});

impl Draft<'_> {
    /// The record that a file hangs at.
    fn entity(&mut self) -> Cell {
        let kind =
            self.throw
                .mostly(&[Kind::Account, Kind::Opportunity, Kind::Case, Kind::Contact]);
        let row = self.company.known(kind, &mut self.throw);
        self.after(kind, row);
        self.id(kind, row).into()
    }
}
