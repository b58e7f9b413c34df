//! Which components name a deleted one: they change with it, and no date tells.
//!
//! The platform takes a deleted field out of reports, pages and translations
//! without a new date. The files that held its name are fetched again; one too
//! many costs little, one too few would be a tree that is not the org's.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
};

use super::base::Base;
use crate::{model::ComponentKey, ops::error::Error, store::Repository};

/// The top-level components of which some file holds the name of one of `gone`.
pub(super) fn of(
    repo: &Repository,
    base: &Base,
    gone: &BTreeSet<ComponentKey>,
) -> Result<BTreeSet<ComponentKey>, Error> {
    let names: Vec<Cow<'_, str>> = gone
        .iter()
        .flat_map(|it| [Cow::Borrowed(it.name.as_str()), it.name.decoded()])
        .collect();
    let words: HashSet<&[u8]> = names
        .iter()
        .filter_map(|it| word(it))
        .map(str::as_bytes)
        .collect();
    let mut found = BTreeSet::new();
    for (family, files) in &base.families {
        if gone.contains(family) {
            continue;
        }
        for file in files.iter().filter(|it| it.path.ends_with(".xml")) {
            let bytes = repo.blob(file.id)?;
            let mut in_file = bytes.split(|it| !is_word(*it));
            if in_file.any(|it| words.contains(it)) {
                found.insert(family.clone());
                break;
            }
        }
    }
    Ok(found)
}

/// The longest word of a component's own name, by which any mention of it is found.
fn word(name: &str) -> Option<&str> {
    let own = name.rsplit(['.', '/']).next().unwrap_or(name);
    own.split(|it: char| !it.is_ascii() || !is_word(it as u8))
        .max_by_key(|it| it.len())
        .filter(|it| !it.is_empty())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_name_is_what_is_looked_for() {
        for (key, wanted) in [
            ("Account.Region__c", "Region__c"),
            ("Sales/Regional/Big_Deals", "Big_Deals"),
            ("Equipment__c-Bike (Old) Layout", "Equipment__c"),
        ] {
            assert_eq!(word(key), Some(wanted));
        }
    }
}
