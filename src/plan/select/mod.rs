//! Selectors: how a user names components.
//!
//! `CustomField:Account.Region__c` is one component, `Report:Sales/*` and
//! `*:Account*` are patterns, `Flow` is a type, and what stands in the tree is
//! named by its path, a folder or a pattern of paths.
//!
//! Names are compared without regard to case, as Salesforce does; where two
//! differ in case only, the one spelled as typed wins. The percent-encoded and the
//! plain spelling of a name are the same name.
//!
//! Invariant: a selector that matches nothing is an error, never an empty answer.

mod glob;
mod nearest;

use std::collections::{BTreeSet, HashMap};
use std::fmt;

pub use glob::Glob;
pub use nearest::nearest;

use crate::model::component::percent_decoded;
use crate::model::{ComponentKey, TypeName};

/// One selector, parsed but not yet looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// `Type:Name`, with or without patterns on either side.
    Component {
        /// The type, a pattern allowed.
        of: String,
        /// The full name, a pattern allowed.
        name: String,
    },
    /// A word without `:` and `/`: a type, or a path of one part.
    Word(String),
    /// A path of the tree, a folder, or a pattern of paths.
    Path(String),
}

/// A selector that matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` matches nothing", selector.escape_debug())]
pub struct NoMatch {
    /// The selector as typed.
    pub selector: String,
    /// Selectors that would match, best first.
    pub nearest: Vec<String>,
}

impl NoMatch {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self.nearest.as_slice() {
            [] => Some(
                "write `Type:FullName`, a pattern such as `Report:Sales/*`, a type, or a path of the tree"
                    .to_owned(),
            ),
            [one] => Some(format!("did you mean `{one}`?")),
            several => Some(format!("did you mean one of `{}`?", several.join("`, `"))),
        }
    }
}

impl Selector {
    /// Parses what a user typed; every text is a selector of some kind.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if let Some((of, name)) = text.split_once(':') {
            let is_type = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '*' | '?');
            if !of.is_empty() && of.chars().all(is_type) {
                return Self::Component {
                    of: of.to_owned(),
                    name: name.to_owned(),
                };
            }
        }
        let unix = text.replace('\\', "/");
        let path = unix.trim_start_matches("./").trim_end_matches('/');
        if unix.contains('/') {
            Self::Path(path.to_owned())
        } else {
            Self::Word(text.to_owned())
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component { of, name } => write!(f, "{of}:{name}"),
            Self::Word(text) | Self::Path(text) => f.write_str(text),
        }
    }
}

/// Every component that may be selected, indexed for it.
#[derive(Debug, Default)]
pub struct Catalogue {
    keys: Vec<ComponentKey>,
    by_type: HashMap<String, Vec<usize>>,
    by_name: HashMap<(String, String), Vec<usize>>,
    children: HashMap<ComponentKey, Vec<ComponentKey>>,
    /// Sorted by path.
    paths: Vec<(String, ComponentKey)>,
}

/// A name as it is compared: plain spelling, lower case.
fn folded(name: &str) -> String {
    percent_decoded(name).to_lowercase()
}

impl Catalogue {
    /// A catalogue of `keys`.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = ComponentKey>) -> Self {
        let keys: BTreeSet<_> = keys.into_iter().collect();
        let mut this = Self {
            keys: keys.into_iter().collect(),
            ..Self::default()
        };
        for (at, key) in this.keys.iter().enumerate() {
            let of = key.type_name.as_str().to_lowercase();
            let name = folded(key.name.as_str());
            this.by_type.entry(of.clone()).or_default().push(at);
            this.by_name.entry((of, name)).or_default().push(at);
        }
        this
    }

    /// The same, with the path of each file and the component it belongs to.
    #[must_use]
    pub fn with_paths(mut self, paths: impl IntoIterator<Item = (String, ComponentKey)>) -> Self {
        self.paths.extend(paths);
        self.paths.sort();
        self
    }

    /// The same, knowing which component is a child of which.
    ///
    /// Selecting a parent by name selects its children, as `sf` does it.
    #[must_use]
    pub fn with_parents(
        mut self,
        parent_of: impl Fn(&ComponentKey) -> Option<ComponentKey>,
    ) -> Self {
        for key in &self.keys {
            if let Some(parent) = parent_of(key) {
                self.children.entry(parent).or_default().push(key.clone());
            }
        }
        self
    }

    /// What one selector matches.
    ///
    /// # Errors
    ///
    /// [`NoMatch`] with the nearest names.
    pub fn select(&self, selector: &Selector) -> Result<BTreeSet<ComponentKey>, NoMatch> {
        let mut found = match selector {
            Selector::Component { of, name } => self.select_component(of, name),
            Selector::Word(word) => {
                let of_type = self.select_component(word, "*");
                if of_type.is_empty() {
                    self.select_path(word)
                } else {
                    of_type
                }
            }
            Selector::Path(path) => self.select_path(path),
        };
        if found.is_empty() {
            return Err(NoMatch {
                selector: selector.to_string(),
                nearest: self.nearest_to(selector),
            });
        }
        if matches!(selector, Selector::Component { .. }) {
            self.add_children(&mut found);
        }
        Ok(found)
    }

    /// What any of `wanted` matches and none of `unwanted`.
    ///
    /// # Errors
    ///
    /// [`NoMatch`] for the first selector, wanted or not, that matches nothing.
    pub fn select_all(
        &self,
        wanted: &[Selector],
        unwanted: &[Selector],
    ) -> Result<BTreeSet<ComponentKey>, NoMatch> {
        let mut found = BTreeSet::new();
        for selector in wanted {
            found.append(&mut self.select(selector)?);
        }
        for selector in unwanted {
            for key in self.select(selector)? {
                found.remove(&key);
            }
        }
        Ok(found)
    }

    fn select_component(&self, of: &str, name: &str) -> BTreeSet<ComponentKey> {
        let types: Vec<&Vec<usize>> = if Glob::is_pattern(of) {
            let of = Glob::new(of);
            self.by_type
                .iter()
                .filter(|(it, _)| of.matches(it))
                .map(|(_, keys)| keys)
                .collect()
        } else {
            self.by_type.get(&of.to_lowercase()).into_iter().collect()
        };
        if !Glob::is_pattern(name) {
            return self.select_name(&types, of, name);
        }
        let pattern = Glob::new(name);
        types
            .into_iter()
            .flatten()
            .map(|at| &self.keys[*at])
            .filter(|key| {
                pattern.matches(&key.name.decoded()) || pattern.matches(key.name.as_str())
            })
            .cloned()
            .collect()
    }

    fn select_name(&self, types: &[&Vec<usize>], of: &str, name: &str) -> BTreeSet<ComponentKey> {
        let wanted = folded(name);
        let hits: Vec<&ComponentKey> = if Glob::is_pattern(of) {
            let all = types.iter().copied().flatten().map(|at| &self.keys[*at]);
            all.filter(|key| folded(key.name.as_str()) == wanted)
                .collect()
        } else {
            let hits = self.by_name.get(&(of.to_lowercase(), wanted));
            hits.into_iter()
                .flatten()
                .map(|at| &self.keys[*at])
                .collect()
        };
        let as_typed = percent_decoded(name);
        let exact: BTreeSet<ComponentKey> = hits
            .iter()
            .filter(|key| key.name.decoded() == as_typed)
            .map(|key| (*key).clone())
            .collect();
        if exact.is_empty() {
            hits.into_iter().cloned().collect()
        } else {
            exact
        }
    }

    fn select_path(&self, path: &str) -> BTreeSet<ComponentKey> {
        if Glob::is_pattern(path) {
            let pattern = Glob::new(path);
            let hits = self.paths.iter().filter(|(it, _)| pattern.matches(it));
            return hits.map(|(_, key)| key.clone()).collect();
        }
        let below = format!("{path}/");
        let start = self.paths.partition_point(|(it, _)| it.as_str() < path);
        let exact = self.paths[start..].iter().take_while(|(it, _)| it == path);
        let start = self
            .paths
            .partition_point(|(it, _)| it.as_str() < below.as_str());
        let inside = self.paths[start..]
            .iter()
            .take_while(|(it, _)| it.starts_with(&below));
        exact.chain(inside).map(|(_, key)| key.clone()).collect()
    }

    fn add_children(&self, found: &mut BTreeSet<ComponentKey>) {
        let mut ahead: Vec<ComponentKey> = found.iter().cloned().collect();
        while let Some(key) = ahead.pop() {
            for child in self.children.get(&key).into_iter().flatten() {
                if found.insert(child.clone()) {
                    ahead.push(child.clone());
                }
            }
        }
    }

    /// Types that are in the catalogue, in order.
    fn types(&self) -> BTreeSet<&TypeName> {
        self.keys.iter().map(|key| &key.type_name).collect()
    }

    fn nearest_to(&self, selector: &Selector) -> Vec<String> {
        let offer = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        match selector {
            Selector::Component { of, name } => {
                let known = self.by_type.get(&of.to_lowercase());
                let of_type = known.into_iter().flatten().map(|at| &self.keys[*at]);
                let decoded: Vec<_> = of_type.map(|key| (key.name.decoded(), key)).collect();
                let near = nearest(name, decoded.iter().map(|(name, _)| name.as_ref()));
                if !near.is_empty() {
                    let of = decoded[0].1.type_name.as_str();
                    return near.into_iter().map(|it| format!("{of}:{it}")).collect();
                }
                if known.is_none() {
                    let types = self.types();
                    let near = nearest(of, types.into_iter().map(TypeName::as_str));
                    let near: Vec<_> = near.into_iter().map(|it| format!("{it}:{name}")).collect();
                    if !near.is_empty() {
                        return near;
                    }
                }
                self.named(name)
            }
            Selector::Word(word) => {
                let named = self.named(word);
                if !named.is_empty() {
                    return named;
                }
                let types = self.types();
                offer(nearest(word, types.into_iter().map(TypeName::as_str)))
            }
            Selector::Path(path) => {
                offer(nearest(path, self.paths.iter().map(|(it, _)| it.as_str())))
            }
        }
    }

    /// Components of any type whose name is, or is near to, `name`.
    fn named(&self, name: &str) -> Vec<String> {
        let wanted = folded(name);
        let same: Vec<String> = self
            .keys
            .iter()
            .filter(|key| folded(key.name.as_str()) == wanted)
            .take(5)
            .map(ToString::to_string)
            .collect();
        if !same.is_empty() {
            return same;
        }
        let near = nearest(name, self.keys.iter().map(|key| key.name.as_str()));
        let near: BTreeSet<&str> = near.into_iter().collect();
        let hits = self
            .keys
            .iter()
            .filter(|key| near.contains(key.name.as_str()));
        hits.take(5).map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests;
