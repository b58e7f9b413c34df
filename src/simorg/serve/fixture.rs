//! What stands in the org when it opens: projects from disk, or our fixture company.
//!
//! Hides `include_dir`.

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};

use super::{FIRST, Options, StartError};
use crate::{
    model::RecordId,
    simorg::{
        SimOrg,
        company::{self, opened},
        load,
        records::{Bench, Store},
        rest::{Cache, Permissions, View},
        state::{NewComponent, PackageFile},
    },
};

static ACME: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/orgs/acme");
static COMPANY: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/orgs/company");

/// Fills the org with what the options name.
pub(super) fn load(
    options: &Options,
    org: &mut SimOrg,
    records: &Store,
    first: RecordId,
) -> Result<(), StartError> {
    let stamp = org.stamp(first, opened());
    if let Some(company) = options.company {
        if options.load.is_empty() {
            let project = load::from_files(files_of(&ACME));
            org.add_all(project.components, &stamp, FIRST);
        } else {
            load_projects(options, org, records, first)?;
        }
        let project = load::from_files(files_of(&COMPANY));
        org.add_all(project.components, &stamp, FIRST);
        company::fill(org, records, company)?;
        return Ok(());
    }
    if options.load.is_empty() {
        let project = load::from_files(files_of(&ACME));
        org.add_all(project.components, &stamp, FIRST);
        for file in ACME.get_dir("records").into_iter().flat_map(Dir::files) {
            add_records(org, records, file.path(), file.contents(), first)?;
        }
        return Ok(());
    }
    load_projects(options, org, records, first)
}

fn load_projects(
    options: &Options,
    org: &mut SimOrg,
    records: &Store,
    first: RecordId,
) -> Result<(), StartError> {
    let stamp = org.stamp(first, opened());
    for path in &options.load {
        let (package, tables) = parts(path);
        let project = load::read(&package).map_err(|source| StartError::Load {
            path: package.clone(),
            source,
        })?;
        for it in &project.left_out {
            (options.log)(&format!("left out {}: {}", it.path, it.reason));
        }
        let components: Vec<NewComponent> = project.components;
        org.add_all(components, &stamp, FIRST);
        for path in tables {
            let bytes = fs::read(&path).map_err(|source| StartError::File {
                act: "read",
                path: path.clone(),
                source,
            })?;
            add_records(org, records, &path, &bytes, first)?;
        }
    }
    Ok(())
}

fn add_records(
    org: &SimOrg,
    records: &Store,
    path: &Path,
    bytes: &[u8],
    first: RecordId,
) -> Result<(), StartError> {
    let name = path.file_stem().and_then(|it| it.to_str()).unwrap_or("");
    let Some(user) = org.users.get(&first) else {
        return Err(StartError::Nobody);
    };
    let (cache, permissions, traps) =
        (Cache::default(), Permissions::default(), RefCell::default());
    let bench = Bench {
        org,
        store: records,
        schema: records.schema(org),
        setup: Box::new(View {
            org,
            store: records,
            permissions: &permissions,
            viewer: user,
            tooling: false,
            cache: &cache,
        }),
        user,
        traps: &traps,
    };
    let loaded = bench.load_csv(name, bytes, opened());
    loaded.map(|_| ()).map_err(|source| StartError::Records {
        path: path.to_path_buf(),
        source,
    })
}

/// The files of one of our fixtures, as a retrieve would give them.
fn files_of(fixture: &'static Dir<'static>) -> Vec<PackageFile> {
    let mut files = Vec::new();
    let mut folders: Vec<&Dir<'_>> = fixture.get_dir("package").into_iter().collect();
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            let path = file.path().strip_prefix("package").unwrap_or(file.path());
            let parts: Vec<_> = path
                .components()
                .filter_map(|it| it.as_os_str().to_str())
                .collect();
            files.push(PackageFile::new(&parts.join("/"), file.contents().to_vec()));
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Where the package of a project lies, and the tables of its records.
///
/// A folder with `package` in it is a fixture: its `records/*.csv` are loaded too.
fn parts(path: &Path) -> (PathBuf, Vec<PathBuf>) {
    let package = path.join("package");
    if !package.is_dir() {
        return (path.to_path_buf(), Vec::new());
    }
    let mut tables: Vec<PathBuf> = fs::read_dir(path.join("records"))
        .into_iter()
        .flatten()
        .filter_map(|it| Some(it.ok()?.path()))
        .filter(|it| it.extension().is_some_and(|it| it == "csv"))
        .collect();
    tables.sort();
    (package, tables)
}
