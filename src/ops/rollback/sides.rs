//! The two trees of a rollback, and what of them it is about.

use std::collections::{BTreeSet, HashMap};

use rayon::prelude::*;

use super::{RollbackOptions, aim::Aim, ask::Asked, facts, view::TreeView};
use crate::{
    model::{ApiVersion, ComponentKey, Timestamp},
    ops::{error::Error, history, snapshot::Base},
    plan::{
        retrieve::{
            incremental::{self, Trust},
            partial,
        },
        rollback::{self, Facts, Inputs, RollbackPlan},
        select::{Catalogue, Glob, Selector},
    },
    registry::Registry,
    source::{self, redact},
    store::{ObjectId, Repository},
};

/// Two trees, what differs between them, and what of it was selected.
pub(super) struct Sides<'a> {
    repo: &'a Repository,
    aim: &'a Aim,
    now: &'a Base,
    pub(super) target: TreeView<'a>,
    pub(super) today: TreeView<'a>,
    pub(super) differing: BTreeSet<ComponentKey>,
    pub(super) selected: BTreeSet<ComponentKey>,
}

impl<'a> Sides<'a> {
    pub(super) fn new(
        repo: &'a Repository,
        aim: &'a Aim,
        now: &'a Base,
        options: &RollbackOptions,
    ) -> Result<Self, Error> {
        let mut sides = Self {
            repo,
            aim,
            now,
            target: TreeView::new(repo, &aim.then),
            today: TreeView::new(repo, now),
            differing: differing(repo, &aim.then, now)?,
            selected: BTreeSet::new(),
        };
        sides.look_at_what_was_undone();
        sides.selected = sides.select(options)?;
        Ok(sides)
    }

    /// What commits that are undone changed stands in no tree of the repository.
    fn look_at_what_was_undone(&mut self) {
        for key in self.aim.revert.iter().flat_map(|it| &it.touched) {
            if key.type_name.as_str() == "Flow" {
                continue;
            }
            if self.target.blobs(key) == self.today.blobs(key) {
                self.differing.remove(key);
            } else {
                self.differing.insert(key.clone());
            }
        }
    }

    /// Whether either tree has a file of it.
    fn has(&self, key: &ComponentKey) -> bool {
        self.target.has(key) || self.today.has(key)
    }

    /// What the user selected, of what the aim is about.
    fn select(&self, options: &RollbackOptions) -> Result<BTreeSet<ComponentKey>, Error> {
        let mut found = self.select_by_name(options)?;
        if let Some(revert) = &self.aim.revert {
            found.retain(|it| revert.touched.contains(it));
        }
        if let Some(picked) = &self.aim.picked {
            found.retain(|it| picked.keys.contains(it));
        }
        Ok(found)
    }

    /// What the user selected by name, of both trees.
    fn select_by_name(&self, options: &RollbackOptions) -> Result<BTreeSet<ComponentKey>, Error> {
        let parse = |texts: &[String]| -> Vec<Selector> {
            texts.iter().map(|it| Selector::parse(it)).collect()
        };
        let (wanted, except) = (parse(&options.selectors), parse(&options.except));
        if wanted.is_empty() {
            let touched = self.aim.revert.as_ref().map(|it| &it.touched);
            let all = touched.unwrap_or(&self.differing).iter();
            let mut all: BTreeSet<_> = all.filter(|it| self.has(it)).cloned().collect();
            if !except.is_empty() {
                for key in self.catalogue(&except).select_all(&except, &[])? {
                    all.remove(&key);
                }
            }
            return Ok(all);
        }
        if except.is_empty()
            && let Some(found) = wanted.iter().map(|it| self.named(it)).collect()
        {
            return Ok(found);
        }
        let both: Vec<Selector> = wanted.iter().chain(&except).cloned().collect();
        let mut found = self.catalogue(&both).select_all(&wanted, &except)?;
        found.retain(|it| self.has(it));
        Ok(found)
    }

    /// The component that a selector names in full and as it is spelled, where it has no
    /// children that would be selected with it.
    fn named(&self, selector: &Selector) -> Option<ComponentKey> {
        let Selector::Component { of, name } = selector else {
            return None;
        };
        // A name with `%` or brackets may have another spelling.
        if Glob::is_pattern(of) || Glob::is_pattern(name) || name.contains(['%', '(', ')']) {
            return None;
        }
        let ty = Registry::official().type_named(of)?;
        let key = ComponentKey::parse(of, name).ok()?;
        (ty.children.is_empty() && self.has(&key)).then_some(key)
    }

    /// Everything that `selectors` may name.
    fn catalogue(&self, selectors: &[Selector]) -> Catalogue {
        let keys = self.target.keys().chain(self.today.keys());
        // A parent may have no file of its own, and is a name all the same.
        let keys: BTreeSet<_> = keys
            .flat_map(|it| facts::parent_of(it).into_iter().chain([it.clone()]))
            .collect();
        let catalogue = Catalogue::new(keys).with_parents(facts::parent_of);
        let is_path = |it: &Selector| !matches!(it, Selector::Component { .. });
        if !selectors.iter().any(is_path) {
            return catalogue;
        }
        let paths = self.target.paths().chain(self.today.paths());
        let paths: BTreeSet<_> = paths
            .map(|(path, key)| (path.to_owned(), key.clone()))
            .collect();
        catalogue.with_paths(paths)
    }

    /// What an ordinary snapshot may not have read freshly, of all that the plan may touch.
    ///
    /// Selected components whose dates tell nothing; and what names a component that is
    /// gone: the platform takes it out there without a date.
    pub(super) fn not_fresh(
        &self,
        options: &RollbackOptions,
        version: ApiVersion,
    ) -> Result<Vec<Selector>, Error> {
        let is_undated = |it: &ComponentKey| {
            let remote = self.now.remote(it);
            remote.is_some_and(|remote| {
                incremental::trust(&it.type_name, remote.modified.at) == Trust::Slice
            })
        };
        let is_all =
            options.selectors.is_empty() && options.revert.is_none() && options.pick.is_empty();
        let mut only: BTreeSet<&ComponentKey> = if is_all {
            let listed = self.now.inventories.values();
            let listed = listed.flat_map(|it| it.components.values());
            listed
                .map(|it| &it.key)
                .filter(|it| is_undated(it))
                .collect()
        } else {
            self.selected.iter().filter(|it| is_undated(it)).collect()
        };
        let gone: BTreeSet<_> = self
            .selected
            .iter()
            .filter(|it| self.target.has(it) && !self.today.has(it))
            .cloned()
            .collect();
        only.extend(self.naming(&gone, version)?);
        let selectors = only.into_iter().map(|it| Selector::Component {
            of: it.type_name.to_string(),
            name: it.name.to_string(),
        });
        Ok(selectors.collect())
    }

    /// The listed components whose files may name one of `gone`.
    fn naming(
        &self,
        gone: &BTreeSet<ComponentKey>,
        version: ApiVersion,
    ) -> Result<Vec<&'a ComponentKey>, Error> {
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        let names = Names::of(facts::names_of(gone));
        let found: Vec<Option<&ComponentKey>> = self
            .now
            .families
            .par_iter()
            .map(|(family, files)| {
                // What is given only in part is read by every snapshot.
                if partial::is_partial(&family.type_name, version)
                    || self.now.remote(family).is_none()
                {
                    return Ok(None);
                }
                for file in files.iter().filter(|it| it.path.ends_with("-meta.xml")) {
                    if names.are_in(&self.repo.blob(file.id)?) {
                        return Ok(Some(family));
                    }
                }
                Ok(None)
            })
            .collect::<Result<_, Error>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The verdicts.
    pub(super) fn plan(
        &self,
        options: &RollbackOptions,
        version: ApiVersion,
        at: Timestamp,
        asked: &Asked,
    ) -> Result<RollbackPlan, Error> {
        let (aim, now) = (self.aim, self.now);
        let then = &aim.then;
        let views = (&self.target, &self.today);
        let known = facts::Known::new(self.repo, (then, now), views, version)?;
        let rules = self.today.keys();
        let rules = rules.filter(|it| it.type_name.as_str() == "DuplicateRule");
        let rules: BTreeSet<_> = rules.cloned().collect();
        let plan = rollback::plan(&Inputs {
            target: &self.target,
            now: &self.today,
            selected: &self.selected,
            differing: &self.differing,
            proves_absence: &|key| then.coverage.proves_absence(key),
            facts: &|key| {
                let clashes = aim.revert.as_ref().and_then(|it| it.clashes.get(key));
                let clashes = clashes.cloned().unwrap_or_default();
                let jobs = asked.jobs.get(key).cloned().unwrap_or_default();
                let later = aim.picked.as_ref().and_then(|it| it.later.get(key));
                // What was named is meant whoever changed it.
                let later = later.filter(|_| options.selectors.is_empty()).cloned();
                Facts {
                    jobs,
                    later,
                    clashes,
                    ..known.of(key)
                }
            },
            missing_users: &asked.missing_users,
            everything: &rules,
            is_redacted: &redact::has_placeholder,
            at,
            options: options.allowed,
        });
        self.target.check()?;
        self.today.check()?;
        Ok(plan)
    }
}

/// The finest components whose files differ between two trees.
fn differing(repo: &Repository, then: &Base, now: &Base) -> Result<BTreeSet<ComponentKey>, Error> {
    let registry = Registry::official();
    let tree = |base: &Base| base.tree.unwrap_or(ObjectId::EMPTY_TREE);
    let mut keys = BTreeSet::new();
    for change in repo.diff_trees(tree(then), tree(now))? {
        if let Some(flow) = history::flow_of(&change.path) {
            keys.insert(flow);
        } else if let Some(owner) = source::owner(registry, &change.path) {
            keys.insert(owner.key);
        }
    }
    Ok(keys)
}

/// Texts that are looked for in files, in any case, by the longest word of each: a file is
/// read once however many there are.
struct Names {
    by_word: HashMap<String, Vec<String>>,
}

impl Names {
    /// `names` are in lower case.
    fn of(names: BTreeSet<String>) -> Self {
        let mut by_word: HashMap<String, Vec<String>> = HashMap::new();
        for name in names {
            let words = name.split(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
            let word = words.max_by_key(|it| it.len()).unwrap_or_default();
            by_word.entry(word.to_owned()).or_default().push(name);
        }
        Self { by_word }
    }

    fn are_in(&self, bytes: &[u8]) -> bool {
        // A name without a word of its own may be anywhere.
        if self.by_word.contains_key("") {
            return true;
        }
        let mut lower = String::new();
        let mut text = None;
        for word in bytes.split(|it| !is_of_word(*it)) {
            if word.is_empty() {
                continue;
            }
            lower.clear();
            lower.extend(word.iter().map(|it| char::from(it.to_ascii_lowercase())));
            let Some(names) = self.by_word.get(&lower) else {
                continue;
            };
            if names.contains(&lower) {
                return true;
            }
            let text = text.get_or_insert_with(|| String::from_utf8_lossy(bytes).to_lowercase());
            if names.iter().any(|it| text.contains(it.as_str())) {
                return true;
            }
        }
        false
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_found_as_a_word_in_any_case() {
        let names = ["region__c", "account-sales layout"].map(str::to_owned);
        let names = Names::of(names.into());
        for text in [
            "<field>Account.REGION__c</field>",
            "<layout>Account-Sales Layout</layout>",
        ] {
            assert!(names.are_in(text.as_bytes()), "{text}");
        }
        for text in [
            "<field>Old_Region__c</field>",
            "<layout>Account-Other Layout</layout>",
        ] {
            assert!(!names.are_in(text.as_bytes()), "{text}");
        }
    }
}
