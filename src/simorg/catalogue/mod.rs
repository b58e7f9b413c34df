//! Metadata types as an org describes them.
//!
//! A table of its own, made from what orgs answer to `describeMetadata`
//! (directory, suffix, folders, companions), so that a mistake in the client's
//! registry is not repeated here.
//!
//! Invariant: every type named in the tables is a valid type name.

mod children;
mod ids;

use std::{collections::HashMap, sync::LazyLock};

pub use children::{ChildType, child_type_named, child_types_of, element_key};
pub use ids::key_prefix;

/// How the files of a component lie in its type's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One XML file, `name.suffix`.
    Document,
    /// A content file `name.suffix` and its companion `name.suffix-meta.xml`.
    Content,
    /// A content file of any extension, or a folder, beside its companion.
    Mixed,
    /// A folder of files.
    Bundle,
}

/// One entry of the table: a type with a directory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are describeMetadata's")]
pub struct TypeEntry {
    /// Name as the API spells it.
    pub name: String,
    /// Directory in a retrieve.
    pub directory: String,
    /// Suffix of its files; absent for bundles.
    pub suffix: Option<String>,
    /// How its files lie.
    pub shape: Shape,
    /// Whether its components lie in folders that are components as well.
    pub in_folder: bool,
    /// Whether describeMetadata says `metaFile`.
    pub meta_file: bool,
    /// For a type in folders the type of its folders, for a folder type the type it holds.
    pub folder: Option<String>,
    /// Whether this is a folder type, which describeMetadata leaves out.
    pub is_folder: bool,
    /// Whether orgs describe it whatever they hold.
    pub is_common: bool,
}

/// All official types.
static TYPES: LazyLock<Vec<TypeEntry>> =
    LazyLock::new(|| include_str!("types.tsv").lines().map(entry).collect());

static BY_NAME: LazyLock<HashMap<&'static str, &'static TypeEntry>> =
    LazyLock::new(|| TYPES.iter().map(|it| (it.name.as_str(), it)).collect());

static BY_DIRECTORY: LazyLock<HashMap<&'static str, Vec<&'static TypeEntry>>> =
    LazyLock::new(|| {
        let mut map: HashMap<_, Vec<_>> = HashMap::new();
        for it in TYPES.iter() {
            map.entry(it.directory.as_str()).or_default().push(it);
        }
        map
    });

/// All official types with a directory, by name.
#[must_use]
pub fn types() -> &'static [TypeEntry] {
    &TYPES
}

/// The official type `name`; child types are found by [`child_type_named`].
#[must_use]
pub fn type_named(name: &str) -> Option<&'static TypeEntry> {
    BY_NAME.get(name).copied()
}

/// The types whose files lie in `directory`.
#[must_use]
pub fn types_in(directory: &str) -> &'static [&'static TypeEntry] {
    BY_DIRECTORY.get(directory).map_or(&[], Vec::as_slice)
}

/// A fictitious type for a directory that no official type has.
///
/// `gadgetPlans` with files `*.gadgetPlan` becomes the type `GadgetPlan`.
#[must_use]
pub fn fictitious(directory: &str, suffix: Option<&str>) -> TypeEntry {
    let stem = suffix.filter(|it| !it.is_empty()).unwrap_or(directory);
    let mut name: String = stem.chars().filter(char::is_ascii_alphanumeric).collect();
    if !name.starts_with(|it: char| it.is_ascii_alphabetic()) {
        name.insert(0, 'X');
    }
    name[..1].make_ascii_uppercase();
    if type_named(&name).is_some() || child_type_named(&name).is_some() {
        name.push_str("Other");
    }
    TypeEntry {
        name,
        directory: directory.to_owned(),
        suffix: suffix.map(ToOwned::to_owned),
        shape: if suffix.is_some() {
            Shape::Document
        } else {
            Shape::Bundle
        },
        in_folder: false,
        meta_file: false,
        folder: None,
        is_folder: false,
        is_common: false,
    }
}

fn entry(line: &str) -> TypeEntry {
    let mut columns = line.split('\t').map(|it| if it == "-" { "" } else { it });
    let mut next = || columns.next().unwrap_or("").to_owned();
    let (name, directory, suffix, shape, flags, folder) =
        (next(), next(), next(), next(), next(), next());
    let some = |it: String| if it.is_empty() { None } else { Some(it) };
    TypeEntry {
        name,
        directory,
        suffix: some(suffix),
        shape: match shape.as_str() {
            "content" => Shape::Content,
            "mixed" => Shape::Mixed,
            "bundle" => Shape::Bundle,
            _ => Shape::Document,
        },
        in_folder: flags.contains('F'),
        meta_file: flags.contains('M'),
        folder: some(folder),
        is_folder: flags.contains('C'),
        is_common: flags.contains('D'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TypeName;

    #[test]
    fn every_entry_is_a_type() {
        assert!(500 < types().len());
        for it in types() {
            assert!(it.name.parse::<TypeName>().is_ok(), "{}", it.name);
            assert!(!it.directory.is_empty());
        }
    }

    #[test]
    fn directory_of_no_type_gets_one_of_its_own() {
        let it = fictitious("gadgetPlans", Some("gadgetPlan"));
        assert_eq!(
            (it.name.as_str(), it.shape),
            ("GadgetPlan", Shape::Document)
        );
        assert_eq!(fictitious("9lives", None).name, "X9lives");
    }
}
