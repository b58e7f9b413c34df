//! Components that named what is gone.
//!
//! When a field is deleted, the platform takes it out of layouts, reports,
//! permission sets and the like, and moves the date of only some of them. The
//! stored tree tells who named it, so those are fetched again.

use std::collections::{BTreeSet, HashMap};

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
    if gone.is_empty() {
        return Ok(BTreeSet::new());
    }
    let registry = Registry::official();
    let sought = Sought::new(gone);
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
                let maybe = sought.perhaps_in(&bytes);
                if maybe.is_empty() {
                    continue;
                }
                let Ok(document) = xml::parse(&bytes) else {
                    continue;
                };
                let container = Container {
                    key: &file.key,
                    root: &document.root,
                };
                let mut maybe = maybe.into_iter();
                if maybe.any(|it| sought.references[it].are_in(&document.root, &container)) {
                    return Ok(Some(listed));
                }
            }
            Ok(None)
        })
        .collect::<Result<_, Error>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// What is looked for in documents: by one word of each name, so that a document is read once
/// however much is gone.
struct Sought {
    references: Vec<References>,
    by_word: HashMap<String, Vec<usize>>,
    /// Names without a word that every spelling of them has.
    anywhere: Vec<usize>,
}

impl Sought {
    fn new(gone: &BTreeSet<ComponentKey>) -> Self {
        let mut this = Self {
            references: gone.iter().map(References::to).collect(),
            by_word: HashMap::new(),
            anywhere: Vec::new(),
        };
        for (n, key) in gone.iter().enumerate() {
            let Some(word) = word_of(key) else {
                this.anywhere.push(n);
                continue;
            };
            // `Region__r.Name` goes by the field `Region__c`.
            if let Some(stem) = word.strip_suffix("__c") {
                this.by_word
                    .entry(format!("{stem}__r"))
                    .or_default()
                    .push(n);
            }
            this.by_word.entry(word).or_default().push(n);
        }
        this
    }

    /// What a document may name.
    fn perhaps_in(&self, bytes: &[u8]) -> BTreeSet<usize> {
        let mut found: BTreeSet<usize> = self.anywhere.iter().copied().collect();
        let mut lower = String::new();
        for word in bytes
            .split(|it| !is_of_word(*it))
            .filter(|it| !it.is_empty())
        {
            lower.clear();
            lower.extend(word.iter().map(|it| char::from(it.to_ascii_lowercase())));
            found.extend(self.by_word.get(&lower).into_iter().flatten());
        }
        found
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The longest word of the shortest spelling of a reference, lower case: what stands behind
/// the last dot or slash.
///
/// Only words between blanks, hyphens and the like: others are spelled in more than one way.
fn word_of(key: &ComponentKey) -> Option<String> {
    let name = key.name.decoded();
    let own = name.rsplit(['.', '/']).next().unwrap_or(&name);
    own.split([' ', '-'])
        .filter(|it| !it.is_empty() && it.bytes().all(is_of_word))
        .max_by_key(|it| it.len())
        .map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(key: &str) -> Option<String> {
        word_of(&key.parse().unwrap())
    }

    #[test]
    fn document_that_names_one_of_many_is_found_in_any_case() {
        let mut gone: BTreeSet<ComponentKey> = (0..5_000)
            .map(|it| format!("CustomField:Account.F{it}__c").parse().unwrap())
            .collect();
        gone.insert("CustomField:Account.Region__c".parse().unwrap());
        let sought = Sought::new(&gone);
        let finds = |text: &str| !sought.perhaps_in(text.as_bytes()).is_empty();
        assert!(finds("<field>account.REGION__C</field>"));
        assert!(finds("<formula>Region__r.Name</formula>"));
        assert!(!finds("<field>Account.Regions__c</field>"));
        assert!(!finds(""));
    }

    #[test]
    fn name_is_sought_by_a_word_that_is_spelled_in_one_way() {
        assert_eq!(word("CustomField:Account.Region__c").unwrap(), "region__c");
        assert_eq!(word("Report:Sales/Regional/Big").unwrap(), "big");
        assert_eq!(
            word("Layout:Account-Account %28Sales%29 Layout").unwrap(),
            "account"
        );
        assert_eq!(word("Layout:Kunde-Übersicht"), Some("kunde".to_owned()));
        assert_eq!(word("Report:F/Größe"), None);
    }
}
