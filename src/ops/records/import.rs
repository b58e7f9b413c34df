//! `records import`: Salesforce's own Data Export, as a commit of its date.
//!
//! An export is several zips, `WE_<org id>_<n>.ZIP`, with one CSV for each object at
//! the root; a large object is split over several of them, and rows may come
//! twice. The encoding is what somebody chose in a dialog, so it is found out.
//!
//! Source: Salesforce Help, "Export Backup Data from Salesforce".

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read, Seek, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::json;

use super::{
    at::RecordsAt,
    branches::Place,
    commit::{self, Imported},
    fold::Fold,
    sorter::{Dialect, Sorter},
    spool::disk,
};
use crate::{
    archive::{Archive, FileSource, Limits},
    config::Config,
    model::{FieldName, ObjectName, OrgId, Timestamp},
    ops::{
        error::{Error, Refusal},
        snapshot::SnapshotSetup,
    },
    progress::{Event, Monitor, Phase},
    records::{Choice, Disguiser, FieldRules, FieldType, RawReader, Schema, choose, decoded},
    store::{Repository, Signature},
};

/// How an export is imported.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// When the export was made.
    pub at: Timestamp,
    /// The org, where the names of the files do not tell.
    pub org: Option<OrgId>,
    /// The secret that hashes and encrypts values.
    pub secret: Option<Vec<u8>>,
}

/// What an import came to.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport {
    /// `orgkeep/records-import/1`.
    pub schema: &'static str,
    /// The branch.
    pub branch: String,
    /// The commit; `None` where it would be the one before.
    pub commit: Option<String>,
    /// Rows of each object.
    pub objects: BTreeMap<ObjectName, u64>,
    /// Files that were not taken, and why.
    pub skipped: Vec<(String, String)>,
}

/// One table of the export, spooled: its header and the parts that it came in.
#[derive(Default)]
struct Table {
    header: Vec<String>,
    parts: Vec<(File, bool)>,
}

/// Imports the zips at `paths`, in the order of their numbers.
///
/// # Errors
///
/// A zip that cannot be read, a table that is malformed, another org's branch, or one
/// that has later records. Nothing is committed then.
pub fn import(
    repo: &Repository,
    config: &Config,
    setup: &SnapshotSetup,
    paths: &[PathBuf],
    options: &ImportOptions,
    monitor: &dyn Monitor,
) -> Result<ImportReport, Error> {
    let records = config.records.clone().unwrap_or_default();
    let lock = repo.lock()?;
    let place = Place::of(config);
    let org = options
        .org
        .or_else(|| paths.iter().find_map(|it| org_of(it)))
        .ok_or_else(|| Refusal::BadFile {
            path: paths
                .first()
                .map(|it| it.display().to_string())
                .unwrap_or_default(),
            reason: "does not tell its org: name it `WE_<org id>_1.ZIP`, or say `--org-id`"
                .to_owned(),
        })?;
    let base = RecordsAt::open(repo, place.tip_before(repo, options.at)?)?;
    commit::check_bond(&place, &base, org)?;
    monitor.event(Event::Started(Phase::Export, None));
    let dir = repo.private_dir()?.join("records");
    std::fs::create_dir_all(&dir).map_err(|err| disk("make", &dir, err))?;
    let mut skipped = Vec::new();
    let mut tables: BTreeMap<ObjectName, Table> = BTreeMap::new();
    for path in in_order(paths) {
        spool(&path, &dir, &mut tables, &mut skipped)?;
    }
    let pack = repo.pack(base.listing())?;
    let mut imported = Vec::new();
    let mut n_rows = 0;
    for (object, table) in tables {
        let known = base.object(object.as_str()).map(|it| &it.schema);
        let choice = columns(&object, &table.header, known, &records);
        let disguiser = options.secret.as_ref().map(|it| Disguiser::new(org, it));
        if !choice.schema.disguised.is_empty() && disguiser.is_none() {
            return Err(Refusal::NoRecordsKey.into());
        }
        let erased = base.ledger().map(|it| it.erased.clone());
        let mut sorter =
            Sorter::new(&choice, disguiser, dir.clone()).without(&erased.unwrap_or_default());
        for (mut part, is_utf8) in table.parts {
            part.rewind().map_err(|err| disk("read", &dir, err))?;
            let part = decoded(BufReader::with_capacity(1 << 17, part), is_utf8);
            n_rows += sorter.take_csv(part, Dialect::DataExport)?;
            monitor.event(Event::Advanced(Phase::Export, n_rows));
        }
        let old = base.object(object.as_str());
        let fold = Fold::new(&pack, &object, &choice.columns, old);
        let folded = fold.full(sorter.finish()?)?;
        imported.push(Imported {
            object,
            schema: choice.schema,
            folded,
        });
    }
    monitor.event(Event::Finished(Phase::Export));
    let objects = imported
        .iter()
        .map(|it| (it.object.clone(), it.folded.n_rows))
        .collect();
    let who = Signature::new(&setup.committer.0, &setup.committer.1, options.at);
    let finished = commit::import(&lock, pack, &place, &base, org, &who, &imported, monitor)?;
    Ok(ImportReport {
        schema: "orgkeep/records-import/1",
        branch: finished.branch,
        commit: finished.commit.map(|it| it.to_string()),
        objects,
        skipped,
    })
}

/// The org in a name such as `WE_00D30000000001tEAA_1.ZIP`.
fn org_of(path: &Path) -> Option<OrgId> {
    let name = path.file_stem()?.to_str()?;
    name.split('_').nth(1)?.parse().ok()
}

/// The paths by the number at the end of their names.
fn in_order(paths: &[PathBuf]) -> Vec<PathBuf> {
    let number = |path: &PathBuf| {
        let name = path.file_stem()?.to_str()?;
        name.rsplit('_').next()?.parse::<u32>().ok()
    };
    let mut paths = paths.to_vec();
    paths.sort_by_key(|it| (number(it), it.clone()));
    paths
}

/// Unpacks the tables of one zip to the disk, and finds out their encoding on the way.
fn spool(
    path: &Path,
    dir: &Path,
    tables: &mut BTreeMap<ObjectName, Table>,
    skipped: &mut Vec<(String, String)>,
) -> Result<(), Error> {
    let file = File::open(path).map_err(|err| disk("read", path, err))?;
    if path
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("csv"))
    {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return table(&name, file, path, dir, tables, skipped);
    }
    let limits = Limits {
        n_entries: 5_000_000,
        bytes: 1 << 40,
        entry_bytes: 1 << 38,
        ..Limits::default()
    };
    let archive = Archive::open(FileSource(file), &limits)?;
    for (n, entry) in archive.entries().iter().enumerate() {
        if entry.is_folder {
            continue;
        }
        table(&entry.name, archive.stream(n)?, path, dir, tables, skipped)?;
    }
    Ok(())
}

/// Takes one table by the name of its file.
fn table(
    name: &str,
    from: impl Read,
    path: &Path,
    dir: &Path,
    tables: &mut BTreeMap<ObjectName, Table>,
    skipped: &mut Vec<(String, String)>,
) -> Result<(), Error> {
    let mut skip = |reason: &str| skipped.push((name.to_owned(), reason.to_owned()));
    let lower = name.to_ascii_lowercase();
    let Some(stem) = lower.strip_suffix(".csv").filter(|it| !it.contains('/')) else {
        skip("it is no table");
        return Ok(());
    };
    let Ok(object) = name[..stem.len()].parse::<ObjectName>() else {
        skip("its name is no object's");
        return Ok(());
    };
    let mut part = tempfile::tempfile_in(dir).map_err(|err| disk("write into", dir, err))?;
    let is_utf8 = copy(from, &mut part).map_err(|err| disk("unpack", path, err))?;
    part.rewind().map_err(|err| disk("read", dir, err))?;
    let mut reader = RawReader::new(decoded(BufReader::new(&part), is_utf8));
    let header = reader.header().map_err(|err| Refusal::DamagedRows {
        object: object.clone(),
        reason: err.to_string(),
    })?;
    if !header.iter().any(|it| it.eq_ignore_ascii_case("Id")) {
        skip("it has no column `Id`");
        return Ok(());
    }
    let table = tables.entry(object).or_default();
    if table.header.is_empty() {
        table.header = header;
    }
    table.parts.push((part, is_utf8));
    Ok(())
}

/// Copies all bytes; whether they are UTF-8.
fn copy(mut from: impl Read, to: &mut impl Write) -> std::io::Result<bool> {
    let mut buffer = vec![0; 1 << 17];
    let mut is_utf8 = true;
    // Up to three bytes of a character that the next piece completes.
    let mut begun: Vec<u8> = Vec::new();
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            to.flush()?;
            return Ok(is_utf8 && begun.is_empty());
        }
        to.write_all(&buffer[..n])?;
        if is_utf8 {
            begun.extend_from_slice(&buffer[..n]);
            match std::str::from_utf8(&begun) {
                Ok(_) => begun.clear(),
                Err(err) if err.error_len().is_none() => {
                    begun.drain(..err.valid_up_to());
                }
                Err(_) => {
                    is_utf8 = false;
                    begun.clear();
                }
            }
        }
    }
}

/// The columns of a table, spelled as the stored schema spells them where there is one.
fn columns(
    object: &ObjectName,
    header: &[String],
    known: Option<&Schema>,
    records: &crate::config::Records,
) -> Choice {
    let field = |name: &String| {
        let parsed: FieldName = spelled(name).parse().ok()?;
        let known = known.and_then(|it| {
            it.fields
                .iter()
                .find(|it| it.name.as_str().eq_ignore_ascii_case(name))
        });
        Some(match known {
            Some(known) => serde_json::to_value(known).ok()?,
            None => json!({"name": parsed, "type": guessed(name)}),
        })
    };
    let fields: Vec<_> = header.iter().filter_map(field).collect();
    let mut described = json!({"name": object, "fields": fields});
    if let Some(known) = known
        && let Ok(serde_json::Value::Object(mut all)) = serde_json::to_value(known)
    {
        all.remove("leftOut");
        all.remove("disguised");
        all.insert("fields".to_owned(), described["fields"].take());
        described = serde_json::Value::Object(all);
    }
    let schema = Schema::from_describe(described).expect("made of names and types");
    let target = super::scope::Target {
        name: object.clone(),
        only: records.fields.get(object).cloned(),
        condition: None,
        is_setup: false,
        is_gone: false,
    };
    let rules = super::scope::field_rules(&target, records, [].into(), true);
    choose(
        schema,
        &FieldRules {
            formulas: true,
            ..rules
        },
    )
}

/// Fields that every object, or nearly every one, has.
///
/// Source: Object Reference, "System Fields".
const SYSTEM_FIELDS: [&str; 12] = [
    "CreatedById",
    "CreatedDate",
    "Id",
    "IsDeleted",
    "LastActivityDate",
    "LastModifiedById",
    "LastModifiedDate",
    "LastReferencedDate",
    "LastViewedDate",
    "Name",
    "OwnerId",
    "SystemModstamp",
];

/// The name as the APIs spell it, where that can be told: the export may shout it.
fn spelled(name: &str) -> &str {
    let known = SYSTEM_FIELDS
        .iter()
        .find(|it| it.eq_ignore_ascii_case(name));
    known.copied().unwrap_or(name)
}

/// The type of a field that no schema knows, by the names that every object has.
fn guessed(name: &str) -> FieldType {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "id" => FieldType::Id,
        "createddate" | "lastmodifieddate" | "systemmodstamp" | "lastvieweddate"
        | "lastreferenceddate" => FieldType::Datetime,
        "isdeleted" | "isactive" => FieldType::Boolean,
        _ => FieldType::String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_seen_across_the_borders_of_pieces() {
        let is_utf8 = |bytes: &[u8]| copy(bytes, &mut Vec::new()).unwrap();
        let mut long = vec![b'a'; (1 << 17) - 1];
        long.extend_from_slice("ü".as_bytes());
        assert!(is_utf8(&long));
        assert!(is_utf8(b""));
        assert!(!is_utf8(b"M\xfcller"));
        assert!(!is_utf8(&"ü".as_bytes()[..1]));
    }

    #[test]
    fn name_of_a_file_tells_org_and_number() {
        let of = |it: &str| org_of(Path::new(it)).map(|it| it.to_string());
        assert_eq!(
            of("/x/WE_00D30000000001tEAA_1.ZIP").as_deref(),
            Some("00D30000000001tEAA")
        );
        assert_eq!(of("export.zip"), None);
        let paths = ["WE_x_10.ZIP", "WE_x_2.ZIP"].map(PathBuf::from);
        assert_eq!(in_order(&paths)[0], PathBuf::from("WE_x_2.ZIP"));
    }

    #[test]
    fn columns_are_spelled_as_they_were_before() {
        let header: Vec<String> = ["ID", "NAME", "LASTVIEWEDDATE", "NEW__C"]
            .map(str::to_owned)
            .to_vec();
        let known = Schema::from_describe(json!({"name": "Account", "keyPrefix": "001", "fields": [
            {"name": "Id", "type": "id"}, {"name": "Name", "type": "string"}, {"name": "Phone", "type": "phone"},
        ]}))
        .unwrap();
        let object = "Account".parse().unwrap();
        let choice = columns(
            &object,
            &header,
            Some(&known),
            &crate::config::Records::default(),
        );
        assert_eq!(choice.columns.header(), b"Id,NEW__C,Name\n");
        assert_eq!(choice.schema.key_prefix.as_deref(), Some("001"));
    }
}
