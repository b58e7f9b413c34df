//! Components that named what is gone.
//!
//! When a field is deleted, the platform takes it out of layouts, reports,
//! permission sets and the like, and moves the date of only some of them. The
//! stored tree tells who named it, so those are fetched again.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::{base::Base, listing::InScope};
use crate::{
    model::ComponentKey,
    ops::error::Error,
    plan::rollback::references::{Container, References},
    registry::Registry,
    store::Repository,
    xml,
};

/// Most deletions whose traces are looked for; after more the next full pass finds them.
///
/// Own figure: each stored document is searched once for each.
const MAX_GONE: usize = 200;

/// The listed components whose stored documents name something that is gone.
///
/// Reads every stored document, but only where something is gone.
///
/// # Errors
///
/// Blobs that cannot be read.
pub(super) fn to_gone(
    repo: &Repository,
    base: &Base,
    gone: &BTreeSet<ComponentKey>,
    in_scope: &InScope,
) -> Result<BTreeSet<ComponentKey>, Error> {
    if gone.is_empty() || gone.len() > MAX_GONE {
        return Ok(BTreeSet::new());
    }
    let registry = Registry::official();
    let sought: Vec<(String, References)> = gone
        .iter()
        .map(|key| (own_name(key), References::to(key)))
        .collect();
    let found: Vec<Option<ComponentKey>> = base
        .families
        .par_iter()
        .map(|(family, files)| {
            let listed = super::listing::listed_name(registry, family, in_scope);
            let Some(listed) = listed else {
                return Ok(None);
            };
            for file in files.iter().filter(|it| it.path.ends_with("-meta.xml")) {
                let bytes = repo.blob(file.id)?;
                let names_one = sought
                    .iter()
                    .filter(|(name, _)| contains(&bytes, name.as_bytes()))
                    .any(|(_, references)| {
                        let Ok(document) = xml::parse(&bytes) else {
                            return false;
                        };
                        let container = Container {
                            key: &file.key,
                            root: &document.root,
                        };
                        references.are_in(&document.root, &container)
                    });
                if names_one {
                    return Ok(Some(listed));
                }
            }
            Ok(None)
        })
        .collect::<Result<_, Error>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// What stands behind the last dot or slash: the shortest spelling of a reference.
fn own_name(key: &ComponentKey) -> String {
    let name = key.name.as_str();
    name.rsplit(['.', '/']).next().unwrap_or(name).to_owned()
}

/// Whether `needle` stands in `bytes`, without regard to ASCII case.
fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else {
        return false;
    };
    bytes
        .windows(needle.len())
        .any(|it| it[0].eq_ignore_ascii_case(first) && it.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_found_in_any_case() {
        assert!(contains(b"<field>account.REGION__C</field>", b"Region__c"));
        assert!(!contains(
            b"<field>Account.Regions__c</field>",
            b"Region__c"
        ));
        assert!(!contains(b"", b"Region__c"));
    }

    #[test]
    fn shortest_spelling_is_the_last_part() {
        assert_eq!(
            own_name(&"CustomField:Account.Region__c".parse().unwrap()),
            "Region__c"
        );
        assert_eq!(
            own_name(&"Report:Sales/Regional/Big".parse().unwrap()),
            "Big"
        );
    }
}
