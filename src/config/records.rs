//! `[records]`: which rows are kept, and how.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use super::{
    Error,
    section::{Section, Value},
};
use crate::{
    model::{FieldName, ObjectName},
    plan::select::Glob,
    records::{Every, body::Versions},
};

/// What `[records]` says, with a default for all that it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// Objects whose rows are kept: names and patterns.
    pub objects: Vec<Glob>,
    /// Objects that those patterns are not to reach.
    pub exclude: Vec<Glob>,
    /// Whether the small setup records are kept: users, assignments, members.
    pub setup: bool,
    /// Whether `orgkeep snapshot` takes records as well.
    pub with_snapshot: bool,
    /// Whether formulas and roll-ups are columns.
    pub formulas: bool,
    /// Longest time between two full passes over an object.
    pub full_every: Duration,
    /// Start of the names of the branches; `records/<branch of the metadata>` where `None`.
    pub branch: Option<String>,
    /// How often a new root begins.
    pub period: Every,
    /// Another repository for the records, beside or below this one.
    pub repository: Option<PathBuf>,
    /// Whether the remote may hold records; `None` where nobody has said so.
    pub may_push: Option<bool>,
    /// Conditions on the rows of an object, in SOQL.
    pub conditions: BTreeMap<ObjectName, String>,
    /// The only fields that are kept of an object.
    pub fields: BTreeMap<ObjectName, BTreeSet<FieldName>>,
    /// What becomes of values that are nobody's business.
    pub privacy: BTreeMap<(ObjectName, FieldName), Privacy>,
    /// When a run is to shout.
    pub alerts: Alerts,
    /// Which bodies of files are kept, and how.
    pub files: Files,
}

/// Which bodies of files are kept, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Which versions of a file.
    pub versions: Versions,
    /// Longest body in bytes; `None` for the default of [`Files::most_bytes`].
    pub max_bytes: Option<u64>,
    /// Bodies longer than that many bytes are left to Git LFS; `None` for none.
    pub lfs_above: Option<u64>,
}

/// Longest body that goes into Git itself unless somebody says otherwise.
///
/// Source: GitHub Docs, "About large files on GitHub": files above 100 MiB are refused.
const MOST_IN_GIT: u64 = 100 << 20;

/// Longest body at all.
///
/// Source: REST API Developer Guide, "Insert or Update Blob Data": 2 GB.
const MOST_AT_ALL: u64 = 2 << 30;

impl Files {
    /// Longest body that is kept.
    #[must_use]
    pub fn most_bytes(self) -> u64 {
        let usual = match self.lfs_above {
            Some(_) => MOST_AT_ALL,
            None => MOST_IN_GIT,
        };
        self.max_bytes.unwrap_or(usual).min(MOST_AT_ALL)
    }

    /// Whether a body of `n_bytes` is left to Git LFS.
    #[must_use]
    pub fn is_for_lfs(self, n_bytes: u64) -> bool {
        self.lfs_above.is_some_and(|above| n_bytes > above)
    }
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// It is not kept.
    Drop,
    /// A keyed hash of it is kept.
    Hash,
    /// It is kept encrypted.
    Encrypt,
}

/// Changes of one object, in one run, that are not normal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// More rows deleted than that.
    pub deleted: Option<Limit>,
    /// More rows changed than that.
    pub changed: Option<Limit>,
}

/// A number of rows, or a share of those that an object had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many.
    Rows(u64),
    /// So many of a hundred.
    Percent(u8),
}

impl Default for Records {
    fn default() -> Self {
        Self {
            objects: Vec::new(),
            exclude: Vec::new(),
            setup: true,
            with_snapshot: true,
            formulas: false,
            full_every: Duration::from_hours(7 * 24),
            branch: None,
            period: Every::Year,
            repository: None,
            may_push: None,
            conditions: BTreeMap::new(),
            fields: BTreeMap::new(),
            privacy: BTreeMap::new(),
            alerts: Alerts::default(),
            files: Files::default(),
        }
    }
}

impl Limit {
    /// Whether `n` rows of `of` are more than that.
    #[must_use]
    pub fn is_exceeded(self, n: u64, of: u64) -> bool {
        match self {
            Self::Rows(most) => n > most,
            Self::Percent(share) => u128::from(n) * 100 > u128::from(of) * u128::from(share),
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rows(most) => write!(f, "{most} rows"),
            Self::Percent(share) => write!(f, "{share} %"),
        }
    }
}

/// Reads the table.
pub(super) fn read(section: &mut Section<'_>) -> Result<Records, Error> {
    let mut records = Records::default();
    section.read("objects", globs, &mut records.objects)?;
    section.read("exclude", globs, &mut records.exclude)?;
    section.read("setup", Value::flag, &mut records.setup)?;
    section.read("with_snapshot", Value::flag, &mut records.with_snapshot)?;
    section.read("formulas", Value::flag, &mut records.formulas)?;
    section.read("full_every", Value::interval, &mut records.full_every)?;
    section.read("branch", |it| it.name().map(Some), &mut records.branch)?;
    let periods = [
        ("year", Every::Year),
        ("quarter", Every::Quarter),
        ("month", Every::Month),
        ("never", Every::Never),
    ];
    section.read("period", |it| it.one_of(&periods), &mut records.period)?;
    section.read(
        "repository",
        |it| it.name().map(|it| Some(PathBuf::from(it))),
        &mut records.repository,
    )?;
    section.read("may_push", |it| it.flag().map(Some), &mut records.may_push)?;
    for (name, value) in section.named("where")? {
        let object = object(name, &value)?;
        records.conditions.insert(object, value.name()?);
    }
    for (name, value) in section.named("fields")? {
        let fields = value.list::<FieldName>()?;
        records
            .fields
            .insert(object(name, &value)?, fields.into_iter().collect());
    }
    for (name, value) in section.named("privacy")? {
        let field = name
            .split_once('.')
            .and_then(|(object, field)| Some((object.parse().ok()?, field.parse().ok()?)));
        let field = field.ok_or_else(|| {
            value.refuse("is the name of a field: write `\"Contact.Email\" = \"hash\"`")
        })?;
        let ways = [
            ("drop", Privacy::Drop),
            ("hash", Privacy::Hash),
            ("encrypt", Privacy::Encrypt),
        ];
        records.privacy.insert(field, value.one_of(&ways)?);
    }
    section.table("files", |it| {
        let files = &mut records.files;
        let versions = [
            ("latest", Versions::Latest),
            ("all", Versions::All),
            ("none", Versions::None),
        ];
        it.read("versions", |it| it.one_of(&versions), &mut files.versions)?;
        it.read("max_size", |it| it.size().map(Some), &mut files.max_bytes)?;
        it.read("lfs_above", |it| it.size().map(Some), &mut files.lfs_above)
    })?;
    section.table("alerts", |it| {
        let alerts = &mut records.alerts;
        it.read("deleted", |it| it.limit().map(Some), &mut alerts.deleted)?;
        it.read("changed", |it| it.limit().map(Some), &mut alerts.changed)
    })?;
    Ok(records)
}

fn globs(value: &Value<'_>) -> Result<Vec<Glob>, Error> {
    let texts = value.list::<String>()?;
    Ok(texts.iter().map(|it| Glob::new(it)).collect())
}

fn object(name: &str, value: &Value<'_>) -> Result<ObjectName, Error> {
    name.parse()
        .map_err(|err| value.refuse(format!("is refused: {err}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn table_says_what_is_kept_and_how() {
        let config = Config::parse(
            r#"
            [records]
            objects = ["Account", "Deal*"]
            exclude = ["Deal__Share"]
            period = "month"
            repository = "../rows"
            may_push = true
            where.Account = "Industry != null"
            fields.Account = ["Name", "Industry"]
            [records.privacy]
            "Contact.Email" = "hash"
            [records.alerts]
            deleted = "5%"
            changed = 100
            [records.files]
            versions = "all"
            lfs_above = "1MB"
            "#,
        )
        .unwrap();
        let records = config.records.unwrap();
        assert!(records.setup && records.with_snapshot && !records.formulas);
        assert_eq!(records.period, Every::Month);
        assert_eq!(records.conditions.len(), 1);
        assert_eq!(
            records.privacy.values().collect::<Vec<_>>(),
            [&Privacy::Hash]
        );
        assert_eq!(records.alerts.deleted, Some(Limit::Percent(5)));
        assert_eq!(records.files.versions, Versions::All);
        assert!(!records.files.is_for_lfs(1 << 20) && records.files.is_for_lfs((1 << 20) + 1));
        assert_eq!(records.files.most_bytes(), MOST_AT_ALL);
        assert_eq!(Files::default().most_bytes(), MOST_IN_GIT);
        assert!(Config::parse("").unwrap().records.is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        let refused = |text: &str| Config::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(refused("[records]\nobject = []"), @"orgkeep.toml, line 2: there is no key `records.object`");
        insta::assert_snapshot!(refused("[records.privacy]\nEmail = \"hash\""), @r#"orgkeep.toml, line 2: `records.privacy.Email` is the name of a field: write `"Contact.Email" = "hash"`"#);
        insta::assert_snapshot!(refused("[records.alerts]\ndeleted = \"many\""), @r#"orgkeep.toml, line 2: `records.alerts.deleted` is a number of rows, or a share such as "5%""#);
        insta::assert_snapshot!(refused("[records.files]\nmax_size = \"big\""), @r#"orgkeep.toml, line 2: `records.files.max_size` is a size such as "500KB", "20MB" or "2GB""#);
        insta::assert_snapshot!(refused("[records]\nfields.Account = [\"a b\"]"), @"orgkeep.toml, line 2: `records.fields.Account` is refused: `a b` is not the API name of a field");
    }

    #[test]
    fn share_counts_from_what_was_there() {
        assert!(Limit::Percent(5).is_exceeded(6, 100));
        assert!(!Limit::Percent(5).is_exceeded(5, 100));
        assert!(Limit::Rows(0).is_exceeded(1, 1_000_000));
    }
}
