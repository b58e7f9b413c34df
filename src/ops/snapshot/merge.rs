//! Merges answers that hold only a part, such as profiles, into whole files.

use super::{
    base::Base,
    decide::ReadPlan,
    gather::{Conversion, PartialAnswer},
    read::Answers,
};
use crate::{
    ledger::{Gap, GapKind},
    model::ComponentKey,
    ops::error::Error,
    plan::retrieve::{incremental::Pass, partial},
    registry::keys::KeyRules,
    source::{PackageFile, canonical},
    store::{PackBuilder, Repository},
    xml,
};

/// Merges answers that hold only a part into whole files.
pub(super) fn merge_partial(
    repo: &Repository,
    base: &Base,
    plan: &ReadPlan,
    conversion: &Conversion<'_>,
    pack: &PackBuilder<'_>,
    answers: &mut Answers,
) -> Result<(), Error> {
    let all = std::mem::take(&mut answers.gathered.partial);
    let deleted = answers.deleted.clone();
    let gone = |key: &ComponentKey| deleted.contains(key) || plan.left.contains(key);
    // What stands beside something that is kept without being seen is kept as well.
    let is_everything =
        plan.pass == Pass::Full && answers.stale.is_empty() && answers.unsettled.is_empty();
    let mut chunk = Vec::new();
    for (key, parts) in all {
        let is_whole = is_everything && parts.len() == 1;
        let stored = stored_document(repo, base, &key)?;
        let basis = if is_everything { None } else { stored.clone() };
        match merged(&key, parts, basis, is_whole, &gone) {
            // The entries of a merged file stand in an order of our own: it is written
            // only where it says something else than the one that is there.
            Ok(file) if is_whole || !says_the_same(&file, stored.as_ref()) => {
                chunk.push((key, vec![file]));
            }
            Ok(_) => (),
            Err(gap) => {
                answers.unsettled.insert(key);
                answers.gaps.insert(gap);
            }
        }
        if chunk.len() >= 16 {
            conversion.convert_chunk(std::mem::take(&mut chunk), pack, &mut answers.gathered)?;
        }
    }
    conversion.convert_chunk(chunk, pack, &mut answers.gathered)
}

/// The document of a component as the tree has it.
fn stored_document(
    repo: &Repository,
    base: &Base,
    key: &ComponentKey,
) -> Result<Option<xml::Element>, Error> {
    let Some(file) = base.families.get(key).and_then(|it| it.first()) else {
        return Ok(None);
    };
    let bytes = repo.blob(file.id)?;
    Ok(xml::parse(&bytes).ok().map(|it| it.root))
}

/// Whether a file differs from the stored document in nothing but order.
fn says_the_same(file: &PackageFile, stored: Option<&xml::Element>) -> bool {
    let (Some(stored), Ok(document)) = (stored, xml::parse(&file.bytes)) else {
        return false;
    };
    let keys = KeyRules::official();
    canonical::sorted(stored, keys) == canonical::sorted(&document.root, keys)
}

/// Folds the answers about one component into the stored document.
fn merged(
    key: &ComponentKey,
    mut parts: Vec<PartialAnswer>,
    stored: Option<xml::Element>,
    is_whole: bool,
    gone: &dyn Fn(&ComponentKey) -> bool,
) -> Result<PackageFile, Gap> {
    let unusable = |reason: String| Gap {
        what: key.to_string(),
        kind: GapKind::NotConverted,
        reason,
        since: None,
    };
    let unpacked = |part: &PartialAnswer| {
        let bytes = part.packed.unpack();
        bytes.map_err(|err| unusable(err.to_string()))
    };
    if is_whole && parts.len() == 1 {
        let part = parts.remove(0);
        return Ok(PackageFile {
            bytes: unpacked(&part)?,
            path: part.path,
        });
    }
    let mut whole = stored;
    for part in &parts {
        let answer = xml::parse(&unpacked(part)?).map_err(|err| unusable(err.to_string()))?;
        whole = Some(partial::merge(
            &key.type_name,
            whole.as_ref(),
            &answer.root,
            &part.coverage,
            gone,
        ));
    }
    let path = parts.first().map(|it| it.path.clone());
    match (whole, path) {
        (Some(root), Some(path)) => Ok(PackageFile {
            path,
            bytes: xml::render(&xml::Document::new(root)),
        }),
        _ => Err(Gap {
            what: key.to_string(),
            kind: GapKind::Missing,
            reason: "its answer has no document".to_owned(),
            since: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> PackageFile {
        PackageFile {
            path: "translations/de.translation".to_owned(),
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn order_of_labels_is_no_news_and_a_label_is() {
        let label = |name: &str| {
            format!("<customLabels><label>x</label><name>{name}</name></customLabels>")
        };
        let document = |names: &[&str]| {
            let labels: String = names.iter().map(|it| label(it)).collect();
            format!("<Translations xmlns=\"m\">{labels}</Translations>")
        };
        let stored = xml::parse(document(&["a", "b"]).as_bytes()).unwrap().root;
        assert!(says_the_same(&file(&document(&["b", "a"])), Some(&stored)));
        assert!(!says_the_same(&file(&document(&["b", "c"])), Some(&stored)));
        assert!(!says_the_same(&file(&document(&["a", "b"])), None));
    }
}
