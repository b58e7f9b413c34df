//! Which component each entry of a package belongs to.

use std::{collections::HashMap, fmt};

use super::place::{Format, META, Part, Place, place};
use super::{UNMAPPED, UNMAPPED_TYPE};
use crate::model::{ComponentKey, TreePath};
use crate::registry::{Files, Registry};

/// Every entry of a package, by component or with the reason why it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The components in the order of their first entries.
    pub components: Vec<PackageComponent>,
    /// Entries that become no file.
    pub left_over: Vec<LeftOver>,
}

/// One top-level component of a package and its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageComponent {
    /// The component, as the tree names it; see [`super::tree_key`].
    pub key: ComponentKey,
    /// Indexes of its entries, ascending.
    pub entries: Vec<usize>,
}

/// One entry that becomes no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOver {
    /// Its index.
    pub entry: usize,
    /// Why.
    pub reason: Reason,
}

/// Why an entry becomes no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It is the manifest, and no component.
    Manifest,
    /// Its path may not stand in the tree.
    Path(&'static str),
    /// It lies in the directory of a type that has no such files.
    Stray,
    /// Its document or its content is not in the package.
    Half,
    /// Another entry of the package is the same component.
    Twin,
}

impl Reason {
    /// Whether something of the org is missing because of it.
    #[must_use]
    pub fn is_gap(self) -> bool {
        self != Self::Manifest
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.write_str("it is a manifest"),
            Self::Path(reason) => write!(f, "its path may not stand in the tree: {reason}"),
            Self::Stray => f.write_str("no type has such a file in this directory"),
            Self::Half => f.write_str("its other half is not in the package"),
            Self::Twin => f.write_str("another entry is the same component"),
        }
    }
}

/// Sorts the entries of a package by component.
///
/// Every entry stands in the result once. A folder is not an entry. What lies in a
/// directory that the registry does not know is [`UNMAPPED_TYPE`].
#[must_use]
pub fn assign(registry: &Registry, entries: &[&str]) -> Assignment {
    let mut found = Assignment::default();
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut by_key: HashMap<ComponentKey, usize> = HashMap::new();
    for (entry, path) in entries.iter().enumerate() {
        match member(registry, path) {
            Ok((key, place)) => {
                let n = *by_key.entry(key.clone()).or_insert_with(|| {
                    groups.push(Group {
                        key,
                        members: Vec::new(),
                    });
                    groups.len() - 1
                });
                groups[n].members.push((entry, place));
            }
            Err(reason) => found.left_over.push(LeftOver { entry, reason }),
        }
    }
    for group in groups {
        group.settle(entries, &mut found);
    }
    found.left_over.sort_by_key(|it| it.entry);
    found
}

fn member<'r>(
    registry: &'r Registry,
    path: &str,
) -> Result<(ComponentKey, Option<Place<'r>>), Reason> {
    if is_manifest(path) {
        return Err(Reason::Manifest);
    }
    if let Err(err) = TreePath::from_org(path) {
        return Err(Reason::Path(err.reason()));
    }
    if let Some(place) = place(registry, path, Format::Package) {
        let key = ComponentKey::parse(place.ty.name.as_str(), &place.name)
            .map_err(|_| Reason::Path("it names no component"))?;
        return Ok((key, Some(place)));
    }
    let path = path
        .strip_prefix(UNMAPPED)
        .and_then(|it| it.strip_prefix('/'))
        .unwrap_or(path);
    let (directory, _) = path.split_once('/').ok_or(Reason::Stray)?;
    if registry.types_in_directory(directory).next().is_some() {
        return Err(Reason::Stray);
    }
    let name = path.strip_suffix(META).unwrap_or(path);
    let key = ComponentKey::parse(UNMAPPED_TYPE, name)
        .map_err(|_| Reason::Path("it names no component"))?;
    Ok((key, None))
}

/// `package.xml` and its destructive siblings, at the root of a package.
fn is_manifest(path: &str) -> bool {
    matches!(
        path,
        "package.xml"
            | "destructiveChanges.xml"
            | "destructiveChangesPre.xml"
            | "destructiveChangesPost.xml"
    )
}

/// Entries with one key.
struct Group<'r> {
    key: ComponentKey,
    members: Vec<(usize, Option<Place<'r>>)>,
}

impl Group<'_> {
    /// Takes the entries that make up the component, and says why the others do not.
    fn settle(mut self, entries: &[&str], found: &mut Assignment) {
        let ty = self.members[0].1.as_ref().map(|it| it.ty);
        match ty.map(|it| it.files) {
            Some(Files::Single | Files::Decomposed) => {
                // Best is a document of this format at the shallowest place.
                let best = self.members.iter().min_by_key(|(entry, place)| {
                    let odd = place
                        .as_ref()
                        .is_some_and(|it| it.part == Part::OddDocument);
                    (odd, entries[*entry].matches('/').count(), *entry)
                });
                let best = best.map(|(entry, _)| *entry);
                self.refuse(found, Reason::Twin, |entry| Some(entry) == best);
            }
            Some(Files::Content | Files::StaticResource) => self.settle_pair(entries, found),
            // Two documents that differ in their endings would share one `-meta.xml`.
            Some(Files::Mixed) if ty.is_some_and(|it| it.in_folder) => {
                self.settle_pair(entries, found);
            }
            Some(Files::Mixed) => {
                let has = |part: Part| self.members.iter().any(|it| is(it, part));
                if !has(Part::Document) || !has(Part::Content) {
                    self.refuse(found, Reason::Half, |_| false);
                }
            }
            _ => (),
        }
        if !self.members.is_empty() {
            found.components.push(PackageComponent {
                key: self.key,
                entries: self.members.into_iter().map(|(entry, _)| entry).collect(),
            });
        }
    }

    /// One content file and the document beside it.
    fn settle_pair(&mut self, entries: &[&str], found: &mut Assignment) {
        let content = |it: &&(usize, Option<Place<'_>>)| is(it, Part::Content);
        let pair = self
            .members
            .iter()
            .filter(content)
            .find_map(|(content, _)| {
                let wanted = format!("{}{META}", entries[*content]);
                let document = self.members.iter().find(|(it, _)| entries[*it] == wanted)?;
                Some([*content, document.0])
            });
        match pair {
            Some(pair) => self.refuse(found, Reason::Twin, |entry| pair.contains(&entry)),
            None => self.refuse(found, Reason::Half, |_| false),
        }
    }

    fn refuse(&mut self, found: &mut Assignment, reason: Reason, keep: impl Fn(usize) -> bool) {
        self.members.retain(|(entry, _)| {
            let kept = keep(*entry);
            if !kept {
                found.left_over.push(LeftOver {
                    entry: *entry,
                    reason,
                });
            }
            kept
        });
    }
}

fn is(member: &(usize, Option<Place<'_>>), part: Part) -> bool {
    member.1.as_ref().is_some_and(|it| it.part == part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assigned(entries: &[&str]) -> (Vec<String>, Vec<String>) {
        let found = assign(Registry::official(), entries);
        let components = found
            .components
            .iter()
            .map(|it| format!("{} {:?}", it.key, it.entries))
            .collect();
        let left_over = found
            .left_over
            .iter()
            .map(|it| format!("{}: {}", entries[it.entry], it.reason))
            .collect();
        (components, left_over)
    }

    #[test]
    fn entries_of_one_component_come_together() {
        let (components, left_over) = assigned(&[
            "package.xml",
            "classes/A.cls",
            "lwc/a/a.js",
            "classes/A.cls-meta.xml",
            "lwc/a/a.html",
            "newThings/X.newThing",
            "newThings/X.newThing-meta.xml",
        ]);
        assert_eq!(
            components,
            [
                "ApexClass:A [1, 3]",
                "LightningComponentBundle:a [2, 4]",
                "Unmapped:newThings/X.newThing [5, 6]",
            ]
        );
        assert_eq!(left_over, ["package.xml: it is a manifest"]);
    }

    #[test]
    fn odd_file_costs_only_itself() {
        let (components, left_over) = assigned(&[
            "classes/Orphan.cls-meta.xml",
            "customMetadata/T.R.md-meta.xml",
            "customMetadata/T.R.md",
            "lwc/jsconfig.json",
            "lwc/a/.forceignore",
            "lwc/a/a.js",
            "stray.txt",
        ]);
        assert_eq!(
            components,
            ["CustomMetadata:T.R [2]", "LightningComponentBundle:a [5]"]
        );
        assert_eq!(
            left_over,
            [
                "classes/Orphan.cls-meta.xml: its other half is not in the package",
                "customMetadata/T.R.md-meta.xml: another entry is the same component",
                "lwc/jsconfig.json: no type has such a file in this directory",
                "lwc/a/.forceignore: its path may not stand in the tree: Git, `sf` or \
                 orgkeep would obey a file of that name",
                "stray.txt: no type has such a file in this directory",
            ]
        );
    }

    #[test]
    fn documents_that_would_share_a_file_are_told() {
        let (components, left_over) = assigned(&[
            "documents/F/x.png",
            "documents/F/x.png-meta.xml",
            "documents/F/x.jpg",
            "documents/F/x.jpg-meta.xml",
            "documents/F/bare",
            "documents/F/bare-meta.xml",
        ]);
        assert_eq!(
            components,
            ["Document:F/x [0, 1]", "Document:F/bare [4, 5]"]
        );
        assert_eq!(left_over.len(), 2);
    }

    proptest! {
        #[test]
        fn every_entry_is_accounted_for_once(
            entries in proptest::collection::vec(
                "(classes|lwc|objects|reports|documents|foo|staticresources)(/[aA.]{1,3}){0,3}(\\.cls|\\.object|\\.report|-meta\\.xml|\\.resource|)",
                0..20,
            ),
        ) {
            let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
            let found = assign(Registry::official(), &entries);
            let mut seen: Vec<usize> = found.left_over.iter().map(|it| it.entry).collect();
            seen.extend(found.components.iter().flat_map(|it| &it.entries));
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..entries.len()).collect::<Vec<_>>());
        }
    }
}
