//! Bodies of files: which objects have them, where they stand in the tree, what points to them.
//!
//! ```text
//! files/Attachment/0000000012/345.csv   the bodies of the rows of one shard: digest, length, mark
//! files/blobs/9f/9f86d081…              a body, named by its SHA-256: equal bodies are one file
//! files/lfs/9f/9f86d081…                the same as a pointer of Git LFS
//! ```
//!
//! Invariant: a body's place depends on its bytes alone, so a file that is kept twice
//! takes its room once.

use super::{Columns, Row, Schema, Shard, Why};
use crate::model::{ObjectName, RecordId, TreePath};

/// Folder of all bodies.
pub const BODIES: &str = "files";

/// Folder of the bodies that Git holds itself.
const BLOBS: &str = "files/blobs";

/// Folder of the bodies that Git LFS holds.
pub const LFS: &str = "files/lfs";

/// How an object keeps its bodies.
///
/// Source: Object Reference, pages of the objects; REST API Developer Guide, "Insert
/// or Update Blob Data".
#[derive(Debug, PartialEq, Eq)]
pub struct BodyRule {
    /// The object.
    pub object: &'static str,
    /// Its field with the body.
    pub field: &'static str,
    /// Its field with the length in bytes.
    pub size: &'static str,
    /// Its field that changes whenever the body does.
    pub mark: &'static str,
    /// Its field with the MD5 of the body in hexadecimal.
    pub md5: Option<&'static str>,
    /// Its field that tells whether the row is the latest of its versions.
    pub latest: Option<&'static str>,
    /// Its fields that say, where one is not null, that the body is elsewhere.
    pub elsewhere: &'static [&'static str],
    /// Its field with the time that it was made.
    pub made: &'static str,
    /// Its field with the name of the file.
    pub name: &'static str,
}

/// The objects whose bodies are kept, by name.
pub const BODY_RULES: [BodyRule; 3] = [
    BodyRule {
        object: "Attachment",
        field: "Body",
        size: "BodyLength",
        mark: "LastModifiedDate",
        md5: None,
        latest: None,
        elsewhere: &[],
        made: "CreatedDate",
        name: "Name",
    },
    BodyRule {
        object: "ContentVersion",
        field: "VersionData",
        size: "ContentSize",
        mark: "Checksum",
        md5: Some("Checksum"),
        latest: Some("IsLatest"),
        elsewhere: &["ContentUrl"],
        made: "CreatedDate",
        name: "PathOnClient",
    },
    BodyRule {
        object: "Document",
        field: "Body",
        size: "BodyLength",
        mark: "LastModifiedDate",
        md5: None,
        latest: None,
        elsewhere: &["Url"],
        made: "CreatedDate",
        name: "Name",
    },
];

/// Which versions of a file are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// None: rows without bodies.
    None,
    /// The latest one of each file.
    #[default]
    Latest,
    /// All that the org has.
    All,
}

/// The body that a row is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The row.
    pub id: RecordId,
    /// Its length in bytes, as the row has it.
    pub bytes: Option<u64>,
    /// What changes whenever the body does.
    pub mark: String,
    /// Its MD5 in hexadecimal, as the row has it.
    pub md5: Option<String>,
    /// When it was made.
    pub made: String,
}

/// A body that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The row.
    pub id: RecordId,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// The mark of the row when the body was read.
    pub mark: String,
}

impl BodyRule {
    /// The rule of `object`; `None` where its rows have no bodies that are kept.
    #[must_use]
    pub fn of(object: &str) -> Option<&'static Self> {
        BODY_RULES.iter().find(|it| it.object == object)
    }

    /// The fields that its rows must have as columns.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        [self.size, self.mark, self.made, self.name]
            .into_iter()
            .chain(self.latest)
            .chain(self.md5)
            .chain(self.elsewhere.iter().copied())
    }

    /// Whether the bodies of the rows of `schema` are wanted: nobody left them out.
    #[must_use]
    pub fn is_wanted(&self, schema: &Schema) -> bool {
        schema.left_out.get(self.field) == Some(&Why::Body)
    }

    /// The body that `row` is to have; `None` for none.
    #[must_use]
    pub fn wanted(&self, row: &Row, versions: Versions) -> Option<Wanted> {
        let cell = |name: &str| row.get(name).filter(|it| !it.is_empty());
        let is_old = self.latest.is_some_and(|it| cell(it) == Some("false"));
        let is_elsewhere = self.elsewhere.iter().any(|it| cell(it).is_some());
        let is_kept = match versions {
            Versions::None => false,
            Versions::Latest => !is_old,
            Versions::All => true,
        };
        if !is_kept || is_elsewhere {
            return None;
        }
        let is_md5 = |it: &&str| it.len() == 32 && it.bytes().all(|it| it.is_ascii_hexdigit());
        Some(Wanted {
            id: row.id(),
            bytes: cell(self.size).and_then(|it| it.parse().ok()),
            mark: cell(self.mark).unwrap_or_default().to_owned(),
            md5: self
                .md5
                .and_then(cell)
                .filter(is_md5)
                .map(str::to_ascii_lowercase),
            made: cell(self.made).unwrap_or_default().to_owned(),
        })
    }
}

impl Kept {
    /// The columns of a table of bodies.
    #[must_use]
    pub fn columns() -> Columns {
        let names = ["Bytes", "Mark", "Sha256"];
        Columns::new(names.map(|it| it.parse().expect("a literal name is valid")))
    }

    /// The body as a row of such a table.
    #[must_use]
    pub fn row(&self, columns: &Columns) -> Row {
        let bytes = self.bytes.to_string();
        Row::new(self.id, columns, [bytes.as_str(), &self.mark, &self.sha256])
    }

    /// The body that a row tells of; `None` where it is no row of such a table.
    #[must_use]
    pub fn of(row: &Row) -> Option<Self> {
        let sha256 = row.get("Sha256")?;
        is_digest(sha256).then_some(())?;
        Some(Self {
            id: row.id(),
            bytes: row.get("Bytes")?.parse().ok()?,
            sha256: sha256.to_owned(),
            mark: row.get("Mark")?.to_owned(),
        })
    }
}

/// File of the table of the bodies of one shard: `files/Attachment/0000000012/345.csv`.
#[must_use]
pub fn body_table_path(object: &ObjectName, shard: Shard) -> TreePath {
    let path = shard.path(object);
    let rest = path.as_str().trim_start_matches(super::ROOT);
    format!("{BODIES}{rest}")
        .parse()
        .expect("an API name and digits are a path")
}

/// The object and shard of a table of bodies; `None` for other files.
#[must_use]
pub fn body_table_of_path(path: &str) -> Option<(ObjectName, Shard)> {
    let rest = path.strip_prefix(BODIES)?;
    let found = Shard::of_path(&format!("{}{rest}", super::ROOT))?;
    BodyRule::of(found.0.as_str()).map(|_| found)
}

/// File of the body with that digest, in Git itself.
#[must_use]
pub fn blob_path(sha256: &str) -> TreePath {
    body_path(BLOBS, sha256)
}

/// File of the pointer to the body with that digest.
#[must_use]
pub fn pointer_path(sha256: &str) -> TreePath {
    body_path(LFS, sha256)
}

fn body_path(folder: &str, sha256: &str) -> TreePath {
    assert!(is_digest(sha256), "a digest is 64 hexadecimal digits");
    format!("{folder}/{}/{sha256}", &sha256[..2])
        .parse()
        .expect("digits are a path")
}

/// The digest in the path of a body or of a pointer.
#[must_use]
pub fn digest_of_path(path: &str) -> Option<&str> {
    let is_body = path.starts_with(BLOBS) || path.starts_with(LFS);
    let name = path.rsplit('/').next()?;
    (is_body && is_digest(name)).then_some(name)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

/// What stands in Git for a body that Git LFS holds.
///
/// Source: git-lfs, `docs/spec.md`, "The Pointer".
#[must_use]
pub fn pointer(sha256: &str, n_bytes: u64) -> Vec<u8> {
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {n_bytes}\n")
        .into_bytes()
}

/// `.gitattributes` of a branch with pointers: nothing is changed at a checkout but those.
pub const LFS_ATTRIBUTES: &str = "* -text\nfiles/lfs/** filter=lfs diff=lfs merge=lfs -text\n";

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn version(cells: &[(&str, &str)]) -> Row {
        let rule = BodyRule::of("ContentVersion").unwrap();
        let columns = Columns::new(rule.columns().map(|it| it.parse().unwrap()));
        let find = |name: &str| cells.iter().find(|it| it.0 == name).map_or("", |it| it.1);
        let id = "068R00000000001IAA".parse().unwrap();
        Row::new(
            id,
            &columns,
            columns.iter().skip(1).map(|it| find(it.as_str())),
        )
    }

    #[test]
    fn latest_version_is_wanted_and_older_ones_where_all_are() {
        let rule = BodyRule::of("ContentVersion").unwrap();
        let md5 = "098F6BCD4621D373CADE4E832627B4F6";
        let new = version(&[
            ("IsLatest", "true"),
            ("ContentSize", "4"),
            ("Checksum", md5),
        ]);
        let wanted = rule.wanted(&new, Versions::Latest).unwrap();
        assert_eq!(wanted.bytes, Some(4));
        assert_eq!(wanted.md5.unwrap(), md5.to_lowercase());
        let old = version(&[("IsLatest", "false"), ("Checksum", "hash:x")]);
        assert_eq!(rule.wanted(&old, Versions::Latest), None);
        assert_eq!(rule.wanted(&old, Versions::All).unwrap().md5, None);
        let link = version(&[("IsLatest", "true"), ("ContentUrl", "https://example.com")]);
        assert_eq!(rule.wanted(&link, Versions::All), None);
        assert_eq!(rule.wanted(&new, Versions::None), None);
    }

    #[test]
    fn table_of_bodies_is_read_as_it_was_written() {
        let kept = Kept {
            id: "00PR00000000001MAA".parse().unwrap(),
            bytes: 4,
            sha256: SHA.to_owned(),
            mark: "2026-11-28T07:00:00.000Z".to_owned(),
        };
        assert_eq!(Kept::of(&kept.row(&Kept::columns())), Some(kept.clone()));
        let damaged = Kept {
            sha256: "../../x".to_owned(),
            ..kept.clone()
        };
        assert_eq!(Kept::of(&damaged.row(&Kept::columns())), None);
        let object: ObjectName = "Attachment".parse().unwrap();
        let shard = Shard::of(&kept.id);
        let path = body_table_path(&object, shard);
        assert_eq!(body_table_of_path(path.as_str()), Some((object, shard)));
        assert_eq!(body_table_of_path(blob_path(SHA).as_str()), None);
    }

    #[test]
    fn paths_tell_their_digest() {
        assert_eq!(
            blob_path(SHA).as_str(),
            format!("files/blobs/9f/{SHA}").as_str()
        );
        for path in [blob_path(SHA), pointer_path(SHA)] {
            assert_eq!(digest_of_path(path.as_str()), Some(SHA));
        }
        assert_eq!(digest_of_path("files/Attachment/0000000000/000.csv"), None);
    }

    #[test]
    fn pointer_is_what_git_lfs_writes() {
        insta::assert_snapshot!(String::from_utf8(pointer(SHA, 4)).unwrap(), @"
        version https://git-lfs.github.com/spec/v1
        oid sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        size 4
        ");
    }
}
