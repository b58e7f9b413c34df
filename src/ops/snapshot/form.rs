//! Files of other origin, in the form that a snapshot would give them.

use super::{SnapshotSetup, base::Base, gather::Conversion, read};
use crate::{
    ledger::{Gap, GapKind},
    model::{ComponentKey, TreePath},
    source::{Level, PackageFile, redact::Tags},
};

/// The files of one component: paths, the finest components that they are of, and bytes.
///
/// What cannot be brought into our form is added to `gaps`.
pub(in crate::ops) fn in_our_form(
    setup: &SnapshotSetup,
    tags: Option<&Tags>,
    key: &ComponentKey,
    files: Vec<PackageFile>,
    gaps: &mut Vec<Gap>,
) -> Vec<(String, ComponentKey, Vec<u8>)> {
    let conversion = canonical(setup, tags);
    let formed = conversion.in_memory(key, files);
    let unread = formed.gaps.into_iter();
    let of_no_matter = [GapKind::NotDeployable, GapKind::Suspect];
    gaps.extend(unread.filter(|it| !of_no_matter.contains(&it.kind)));
    formed
        .files
        .into_iter()
        .map(|(path, key, bytes)| (path.to_string(), key, bytes))
        .collect()
}

/// A file that stands where a snapshot would put it.
pub(in crate::ops) fn in_our_form_again(
    setup: &SnapshotSetup,
    tags: Option<&Tags>,
    key: &ComponentKey,
    path: &str,
    bytes: Vec<u8>,
) -> Vec<u8> {
    let conversion = canonical(setup, tags);
    let Ok(path) = path.parse::<TreePath>() else {
        return bytes;
    };
    match conversion.again(key, &path, bytes.clone()) {
        Some((bytes, _)) => bytes,
        None => bytes,
    }
}

fn canonical<'a>(setup: &'a SnapshotSetup, tags: Option<&'a Tags>) -> Conversion<'a> {
    Conversion {
        level: Level::Canonical,
        ..read::conversion(&Base::default(), setup, tags)
    }
}
