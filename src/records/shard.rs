//! Which file of the tree a row stands in.
//!
//! Invariant: the shard of a row depends on its Id and nothing else, so rows
//! that come and go move no other row.

use crate::model::{ObjectName, RecordId, TreePath};

/// Folder of all records.
pub const ROOT: &str = "records";

/// How many consecutive Ids share a shard.
///
/// Measured: files of 500 to 2,000 rows keep both the growth of the repository
/// and the time of a repack small, and the Ids of an object are about half as
/// dense as they could be.
pub const IDS_PER_SHARD: u64 = 2_000;

/// Shards in one folder, so that a changed row rewrites small trees only.
const SHARDS_PER_FOLDER: u64 = 1_000;

/// Number of the shard of a row within its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u64);

impl Shard {
    /// The shard of the row `id`.
    #[must_use]
    pub fn of(id: &RecordId) -> Self {
        Self(id.number() / IDS_PER_SHARD)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// Its file in the tree: `records/Account/0000000012/345.csv`.
    ///
    /// Decimal, since names that differ only in case are one name on some systems.
    #[must_use]
    pub fn path(self, object: &ObjectName) -> TreePath {
        let (folder, file) = (self.0 / SHARDS_PER_FOLDER, self.0 % SHARDS_PER_FOLDER);
        format!("{ROOT}/{object}/{folder:010}/{file:03}.csv")
            .parse()
            .expect("an API name and digits are a path")
    }

    /// The object and shard whose file `path` is; `None` for other files.
    #[must_use]
    pub fn of_path(path: &str) -> Option<(ObjectName, Self)> {
        let mut parts = path.strip_prefix("records/")?.split('/');
        let object = parts.next()?.parse().ok()?;
        let folder: u64 = digits(parts.next()?, 10)?;
        let file = digits(parts.next()?.strip_suffix(".csv")?, 3)?;
        parts
            .next()
            .is_none()
            .then_some((object, Self(folder * SHARDS_PER_FOLDER + file)))
    }
}

fn digits(text: &str, len: usize) -> Option<u64> {
    (text.len() == len && text.bytes().all(|it| it.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// Path of the schema of an object: `records/Account/schema.json`.
#[must_use]
pub fn schema_path(object: &ObjectName) -> TreePath {
    format!("{ROOT}/{object}/schema.json")
        .parse()
        .expect("an API name is a path")
}

/// The object whose folder `path` lies in; `None` outside of [`ROOT`].
#[must_use]
pub fn object_of_path(path: &str) -> Option<ObjectName> {
    let (object, _) = path.strip_prefix("records/")?.split_once('/')?;
    object.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn path_tells_its_shard() {
        let id: RecordId = "0013h00000Ffg18AAB".parse().unwrap();
        let account: ObjectName = "Account".parse().unwrap();
        let shard = Shard::of(&id);
        let path = shard.path(&account);
        assert_eq!(path.as_str(), "records/Account/0000000115/789.csv");
        assert_eq!(Shard::of_path(path.as_str()), Some((account, shard)));
        for other in [
            "records/Account/schema.json",
            "records/Account/1/000.csv",
            "force-app/x.csv",
        ] {
            assert_eq!(Shard::of_path(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn shards_follow_the_order_of_the_ids_of_one_instance(a in "001300[0-9A-Za-z]{9}", b in "001300[0-9A-Za-z]{9}") {
            let (a, b): (RecordId, RecordId) = (a.parse().unwrap(), b.parse().unwrap());
            if a <= b {
                prop_assert!(Shard::of(&a) <= Shard::of(&b));
            }
        }
    }
}
