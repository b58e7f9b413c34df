//! Retrieves one state twice: what differs is noise that no rule holds still.
//!
//! Nothing of it stays in the repository: both answers go into a pack that is dropped.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    SnapshotOptions, SnapshotSetup, check_bond,
    commit::is_opaque,
    look::{Look, look},
    marks::Marks,
    read::{self, Answers},
};
use crate::{
    client::Org,
    model::{ComponentKey, TreePath},
    ops::{
        error::Error,
        fetch::{NoNotes, Spool},
    },
    progress::Monitor,
    source::canonical,
    store::{Kind, ObjectId, Repository},
};

/// What two retrieves of the org came to.
#[derive(Debug, Default, Serialize)]
pub struct TwiceReport {
    /// Version of this report.
    pub schema: &'static str,
    /// `canonical` or `faithful`: the rules that both were written by.
    pub level: &'static str,
    /// Number of files that were compared.
    pub n_files: usize,
    /// What differed though nobody changed it.
    pub noise: Vec<NoiseFound>,
    /// Components that somebody changed between the two, which says nothing of noise.
    pub changed_meanwhile: Vec<ComponentKey>,
}

/// Noise of one kind, in the files of one type.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct NoiseFound {
    /// The type.
    pub type_name: String,
    /// What differs, and the rule that would hold it still.
    pub what: String,
    /// Number of files that it is in.
    pub n_files: usize,
    /// One of them.
    pub example: TreePath,
}

/// Retrieves everything twice and compares.
///
/// # Errors
///
/// As for [`super::snapshot`]; a branch without a snapshot too.
pub async fn retrieve_twice(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    monitor: &dyn Monitor,
) -> Result<TwiceReport, Error> {
    let _lock = repo.lock()?;
    let options = SnapshotOptions {
        full: true,
        ..SnapshotOptions::default()
    };
    let Look {
        org,
        identity,
        branch,
        base,
        setup,
        plan,
        ..
    } = look(org, repo, setup, &options, monitor).await?;
    check_bond(&base, &branch, identity.org.id)?;
    let pack = repo.pack(&base.listing)?;
    let spool = Spool::open(&repo.private_dir()?)?;
    let mut passes = Vec::new();
    // Both are converted, whatever was known before.
    let unmarked = Marks::default();
    for _ in 0..2 {
        // An answer that is at hand would not be the org's second one.
        spool.clear();
        let answers = read::read(
            &org, repo, &base, &plan, &setup, &pack, &options, &unmarked, &NoNotes, monitor,
        )
        .await?;
        passes.push(answers);
    }
    spool.clear();
    let (first, second) = (&passes[0], &passes[1]);
    let (one, other) = (files(first), files(second));
    let mut report = TwiceReport {
        schema: "orgkeep/verify-twice/1",
        level: super::rewrite::level_name(setup.level),
        n_files: one.len(),
        ..TwiceReport::default()
    };
    let paths: BTreeSet<&TreePath> = one.keys().chain(other.keys()).copied().collect();
    let mut found: BTreeMap<(String, String), (usize, TreePath)> = BTreeMap::new();
    let mut moved = BTreeSet::new();
    for path in paths {
        let (mine, theirs) = (one.get(path), other.get(path));
        let Some((family, key, _)) = mine.or(theirs) else {
            continue;
        };
        if mine.map(|it| it.2) == theirs.map(|it| it.2)
            || is_opaque(&setup, key.type_name.as_str(), path)
        {
            continue;
        }
        if has_moved(first, second, family) || has_moved(first, second, key) {
            moved.insert((*family).clone());
            continue;
        }
        let differences = match (mine, theirs) {
            (Some((.., mine)), Some((.., theirs))) => {
                let read = |id| pack.read(Kind::Blob, id);
                let noise = canonical::noise(&read(*mine)?, &read(*theirs)?);
                noise.iter().map(ToString::to_string).collect()
            }
            _ => vec!["the file, which comes and goes".to_owned()],
        };
        for what in differences {
            let entry = found
                .entry((key.type_name.to_string(), what))
                .or_insert_with(|| (0, path.clone()));
            entry.0 += 1;
        }
    }
    report.changed_meanwhile = moved.into_iter().collect();
    report.noise = found
        .into_iter()
        .map(|((type_name, what), (n_files, example))| NoiseFound {
            type_name,
            what,
            n_files,
            example,
        })
        .collect();
    Ok(report)
}

/// The files of a pass: the top-level component, the finest one and the blob, by path.
fn files(answers: &Answers) -> BTreeMap<&TreePath, (&ComponentKey, &ComponentKey, ObjectId)> {
    let families = answers.gathered.files.iter();
    families
        .flat_map(|(family, files)| {
            let of = move |it| -> (&TreePath, _) {
                let it: &super::gather::StoredFile = it;
                (&it.path, (family, &it.key, it.id))
            };
            files.iter().map(of)
        })
        .collect()
}

/// Whether the org says that a person changed it between the two.
fn has_moved(first: &Answers, second: &Answers, key: &ComponentKey) -> bool {
    match (first.answered.get(key), second.answered.get(key)) {
        (Some(one), Some(other)) => {
            let was = |it: &crate::model::RemoteComponent| (it.modified.at, it.modified.by.clone());
            was(one) != was(other)
        }
        _ => false,
    }
}
