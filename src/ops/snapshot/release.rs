//! Sets apart what a Salesforce release added everywhere: a commit of its own, nobody's.

use std::collections::{BTreeMap, BTreeSet};

use super::{SnapshotSetup, decide::ReadPlan, outcome::PathChange};
use crate::{
    diff::release::{self, Addition, FEWEST, Share, Undated},
    ops::error::Error,
    plan::retrieve::partial,
    store::{Kind, ObjectId, PackBuilder},
    xml::{self, Document, Element},
};

/// What a release did to the tree.
#[derive(Debug, Default)]
pub(super) struct Release {
    /// The files with what it added; the rest of what changed in them is not among it.
    pub(super) changes: Vec<PathChange>,
    /// What it added.
    pub(super) additions: BTreeSet<Addition>,
}

impl Release {
    /// Subject of its commit.
    pub(super) fn label(&self) -> String {
        let mut types: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for it in &self.additions {
            let name = it.path.last().map_or("", String::as_str);
            types.entry(&it.type_name).or_default().insert(name);
        }
        let words: Vec<String> = types
            .into_iter()
            .map(|(of, names)| format!("{of} {}", names.into_iter().collect::<Vec<_>>().join(", ")))
            .collect();
        format!("A Salesforce release added {}", words.join("; "))
    }
}

/// Entries of profiles and permission sets that nobody but a release makes.
///
/// The others come by themselves with a field, an object or a class that somebody made.
const BY_RELEASES_ALONE: &str = "userPermissions";

/// Takes out of `changes` what a release made.
///
/// `has_moved` says whether a date tells that somebody touched the component. A file in which
/// somebody did something else besides keeps that, on top of what the release added.
pub(super) fn set_apart(
    changes: &mut Vec<PathChange>,
    plan: &ReadPlan,
    setup: &SnapshotSetup,
    has_moved: &dyn Fn(&PathChange) -> bool,
    pack: &PackBuilder<'_>,
) -> Result<Release, Error> {
    let mut release = Release::default();
    // Without an earlier snapshot nothing has come since.
    if plan.since.is_none() {
        return Ok(release);
    }
    let mut undated: BTreeMap<&str, usize> = BTreeMap::new();
    for change in changes
        .iter()
        .filter(|it| is_document(it) && !has_moved(it))
    {
        *undated.entry(change.key.type_name.as_str()).or_default() += 1;
    }
    undated.retain(|_, n| FEWEST <= *n);
    if undated.is_empty() {
        return Ok(release);
    }
    let mut n_listed: BTreeMap<&str, usize> = BTreeMap::new();
    for key in plan.in_scope.components.keys() {
        *n_listed.entry(key.type_name.as_str()).or_default() += 1;
    }
    let n_of_type = |of: &str| n_listed.get(of).copied().unwrap_or(0);
    undated.retain(|of, n| n_of_type(of) < 2 * *n);
    if undated.is_empty() {
        return Ok(release);
    }
    let types: BTreeSet<String> = undated.keys().map(|it| (*it).to_owned()).collect();
    let mut documents = Vec::new();
    for (n, change) in changes.iter().enumerate() {
        if is_document(change)
            && types.contains(change.key.type_name.as_str())
            && let Some((before, after)) = roots(change, pack)?
        {
            documents.push((n, change.key.to_string(), before, after));
        }
    }
    let samples: Vec<Undated<'_>> = documents
        .iter()
        .filter(|it| !has_moved(&changes[it.0]))
        .map(|(n, component, before, after)| Undated {
            type_name: changes[*n].key.type_name.as_str(),
            component,
            before,
            after,
        })
        .collect();
    let counts = |it: &Addition| {
        let of = it.type_name.parse();
        let is_partial = of.is_ok_and(|of| partial::is_partial(&of, setup.api_version));
        !is_partial || it.path.first().is_some_and(|it| it == BY_RELEASES_ALONE)
    };
    release.additions = release::additions(&samples, &n_of_type, &counts);
    if release.additions.is_empty() {
        return Ok(release);
    }
    let mut gone = BTreeSet::new();
    for (n, _, before, after) in &documents {
        let of = changes[*n].key.type_name.to_string();
        let added = match release::share(&of, before, after, &release.additions) {
            Share::None => continue,
            Share::All => {
                gone.insert(*n);
                changes[*n].after
            }
            Share::Some(root) => {
                let id: ObjectId = pack.blob(&xml::render(&Document::new(root)))?;
                changes[*n].before = Some(id);
                Some(id)
            }
        };
        release.changes.push(PathChange {
            after: added,
            ..changes[*n].clone()
        });
    }
    let mut n = 0;
    changes.retain(|_| {
        n += 1;
        !gone.contains(&(n - 1))
    });
    Ok(release)
}

/// Whether it is a document of metadata that was there before and is there now.
fn is_document(change: &PathChange) -> bool {
    change.before.is_some()
        && change.after.is_some()
        && !change.by_scope
        && change.path.as_str().ends_with("-meta.xml")
        && !change.path.as_str().starts_with(".orgkeep/")
}

fn roots(change: &PathChange, pack: &PackBuilder<'_>) -> Result<Option<(Element, Element)>, Error> {
    let (Some(before), Some(after)) = (change.before, change.after) else {
        return Ok(None);
    };
    let (before, after) = (
        pack.read(Kind::Blob, before)?,
        pack.read(Kind::Blob, after)?,
    );
    let root = |bytes: &[u8]| xml::parse(bytes).ok().map(|it| it.root);
    Ok(root(&before).zip(root(&after)))
}
