//! Which folders have to be listed, by what SOQL says of their content.
//!
//! An org may have thousands of folders of reports, and each costs a question. The
//! tables of what lies in them are read two thousand rows at a time, so that only
//! folders are listed whose rows are not those of the last listing.
//!
//! Invariant: rows are compared with rows only. A folder whose rows did not account
//! for everything that was listed in it is listed each time, and nothing is taken
//! for deleted on the word of a table.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::{
    ledger::state::SeenFolder,
    model::{RecordId, RemoteComponent, Timestamp, TypeName, hex},
};

/// The table of a type in folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentTable {
    /// The type, and the object of the same name.
    pub type_name: &'static str,
    /// The field that names the folder.
    pub folder_field: &'static str,
}

/// The tables of types in folders.
///
/// Source: Object Reference, `Report` (`OwnerId`: the folder that it is in),
/// `Dashboard`, `Document`, `EmailTemplate` (`FolderId`).
pub const TABLES: [ContentTable; 4] = [
    ContentTable {
        type_name: "Dashboard",
        folder_field: "FolderId",
    },
    ContentTable {
        type_name: "Document",
        folder_field: "FolderId",
    },
    ContentTable {
        type_name: "EmailTemplate",
        folder_field: "FolderId",
    },
    ContentTable {
        type_name: "Report",
        folder_field: "OwnerId",
    },
];

/// Rows that one call gives.
///
/// Source: REST API Developer Guide, "Query Options Header".
const ROWS_PER_CALL: u64 = 2_000;

/// Folders that one call lists.
const FOLDERS_PER_CALL: u64 = 3;

/// The rows of one folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderRows(BTreeMap<RecordId, (Timestamp, String)>);

/// What the tables say of the folders of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderTable {
    rows: BTreeMap<RecordId, FolderRows>,
    visible: BTreeSet<RecordId>,
}

/// A folder as it was listed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFolder {
    /// Id of the folder.
    pub id: RecordId,
    /// Mark of its rows then.
    pub mark: String,
    /// All that was listed in it.
    pub components: Vec<RemoteComponent>,
}

/// Folders as they were listed last, by the type of their content and by name.
pub type KnownFolders = BTreeMap<TypeName, BTreeMap<String, KnownFolder>>;

impl ContentTable {
    /// The table of a type, where it has one.
    #[must_use]
    pub fn of(type_name: &TypeName) -> Option<Self> {
        TABLES
            .into_iter()
            .find(|it| it.type_name == type_name.as_str())
    }

    /// The query for all rows.
    #[must_use]
    pub fn soql(&self) -> String {
        let Self {
            type_name,
            folder_field,
        } = self;
        format!(
            "SELECT Id, {folder_field}, DeveloperName, NamespacePrefix, LastModifiedDate, LastModifiedById \
             FROM {type_name}"
        )
    }
}

impl FolderRows {
    /// Adds a row: its id, its date, and what else tells one state of it from another.
    pub fn add(&mut self, id: RecordId, modified: Timestamp, text: String) {
        self.0.insert(id, (modified, text));
    }

    /// A mark that is another where any row is.
    #[must_use]
    pub fn mark(&self) -> String {
        let mut hasher = Sha256::new();
        for (id, (modified, text)) in &self.0 {
            hasher.update(id.as_str().as_bytes());
            hasher.update(modified.as_millis().to_le_bytes());
            hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hex(&hasher.finalize()[..16])
    }

    /// Whether there is a row, no older than the listing says, for each component.
    ///
    /// The table gives dates to the second.
    #[must_use]
    pub fn accounts_for(&self, listed: &[RemoteComponent]) -> bool {
        listed.iter().all(|it| {
            it.id
                .and_then(|id| self.0.get(&id))
                .is_some_and(|(at, _)| it.modified.at.as_seconds() <= at.as_seconds())
        })
    }
}

impl FolderTable {
    /// The rows of each folder, and the folders that the user sees at all.
    #[must_use]
    pub fn new(rows: BTreeMap<RecordId, FolderRows>, visible: BTreeSet<RecordId>) -> Self {
        Self { rows, visible }
    }

    /// The rows of a folder; `None` where the table may hide some, since it hides the folder.
    #[must_use]
    pub fn folder(&self, id: RecordId) -> Option<FolderRows> {
        self.visible
            .contains(&id)
            .then(|| self.rows.get(&id).cloned().unwrap_or_default())
    }

    /// Whether the folder `id` is as it was when it was listed as `known`.
    #[must_use]
    pub fn is_unchanged(&self, id: RecordId, known: &KnownFolder) -> bool {
        known.id == id && self.folder(id).is_some_and(|it| it.mark() == known.mark)
    }

    /// What to remember of a folder in which `listed` was listed, so that it need not be
    /// listed again; `None` where the table does not account for all of it.
    ///
    /// `listed` are components whose names are in the folder `name`.
    #[must_use]
    pub fn seen(&self, id: RecordId, name: &str, listed: &[RemoteComponent]) -> Option<SeenFolder> {
        let rows = self.folder(id)?;
        let are_in_it = listed.iter().all(|it| it.key.name.folder() == Some(name));
        (are_in_it && rows.accounts_for(listed)).then(|| SeenFolder {
            id,
            mark: rows.mark(),
            n: listed.len(),
            outside: Vec::new(),
        })
    }
}

/// Whether `n_rows` rows are read with fewer calls than `n_folders` folders are listed.
#[must_use]
pub fn is_worth_asking(n_folders: u64, n_rows: u64) -> bool {
    // One call more for the table of the folders themselves.
    n_rows.div_ceil(ROWS_PER_CALL).max(1) + n_folders.div_ceil(ROWS_PER_CALL)
        < n_folders.div_ceil(FOLDERS_PER_CALL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{at, remote};

    fn id(text: &str) -> RecordId {
        format!("{text:0<15}").parse().unwrap()
    }

    fn report(name: &str, its_id: &str, modified: &str) -> RemoteComponent {
        let mut it = remote(&format!("Report:{name}"));
        it.id = Some(id(its_id));
        it.modified.at = at(modified);
        it
    }

    fn table(rows: &[(&str, &str, &str)]) -> FolderTable {
        let mut by_folder: BTreeMap<RecordId, FolderRows> = BTreeMap::new();
        for (folder, row, modified) in rows {
            let rows = by_folder.entry(id(folder)).or_default();
            rows.add(id(row), at(modified), String::new());
        }
        FolderTable::new(by_folder, [id("00lSales"), id("00lEmpty")].into())
    }

    const DAY: &str = "2026-01-01T00:00:00Z";

    fn known(table: &FolderTable, listed: &[RemoteComponent]) -> KnownFolder {
        let seen = table.seen(id("00lSales"), "Sales", listed).unwrap();
        KnownFolder {
            id: seen.id,
            mark: seen.mark,
            components: listed.to_vec(),
        }
    }

    #[test]
    fn row_that_came_went_or_moved_is_another_state_of_its_folder() {
        let before = table(&[("00lSales", "00OA", DAY), ("00lSales", "00OB", DAY)]);
        let listed = [
            report("Sales/A", "00OA", DAY),
            report("Sales/B", "00OB", DAY),
        ];
        let known = known(&before, &listed);
        assert!(before.is_unchanged(id("00lSales"), &known));
        let later = "2026-01-02T00:00:00Z";
        for rows in [
            vec![("00lSales", "00OA", DAY)],
            vec![("00lSales", "00OA", DAY), ("00lSales", "00OB", later)],
            vec![("00lSales", "00OA", DAY), ("00lSales", "00OC", DAY)],
            vec![("00lSales", "00OA", DAY), ("00lOther", "00OB", DAY)],
            vec![],
        ] {
            assert!(
                !table(&rows).is_unchanged(id("00lSales"), &known),
                "{rows:?}"
            );
        }
    }

    #[test]
    fn folder_made_again_or_hidden_is_listed() {
        let now = table(&[("00lSales", "00OA", DAY)]);
        let known = known(&now, &[report("Sales/A", "00OA", DAY)]);
        assert!(!now.is_unchanged(id("00lEmpty"), &known));
        let hidden = FolderTable::new(BTreeMap::new(), BTreeSet::new());
        assert!(!hidden.is_unchanged(id("00lSales"), &known));
        assert_eq!(hidden.seen(id("00lSales"), "Sales", &[]), None);
    }

    #[test]
    fn folder_is_remembered_only_where_its_rows_account_for_all_that_was_listed() {
        let now = table(&[("00lSales", "00OA", DAY)]);
        let seen = |listed: &[RemoteComponent]| now.seen(id("00lSales"), "Sales", listed);
        let fine = report("Sales/A", "00OA", "2026-01-01T00:00:00.700Z");
        assert_eq!(seen(std::slice::from_ref(&fine)).unwrap().n, 1);
        assert!(now.seen(id("00lEmpty"), "Empty", &[]).is_some());
        for wrong in [
            report("Sales/B", "00OB", DAY),
            report("Sales/A", "00OA", "2026-01-01T00:00:01Z"),
            report("Other/A", "00OA", DAY),
            remote("Report:Sales/A"),
        ] {
            assert_eq!(seen(&[wrong]), None);
        }
    }

    #[test]
    fn table_is_asked_where_that_takes_fewer_calls_than_listing() {
        assert!(is_worth_asking(3_000, 60_000));
        assert!(is_worth_asking(30, 2_000));
        assert!(!is_worth_asking(6, 10));
        assert!(!is_worth_asking(60, 60_000));
        assert!(!is_worth_asking(0, 0));
    }
}
