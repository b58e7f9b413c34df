//! A plan as a file: its inputs, and what they led to, without any content.
//!
//! `apply` makes the plan again from the inputs and refuses when one entry or the
//! digest differs, so that an edited file, another release or an org that has moved
//! on changes nothing. `docs/plan.md` describes the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Content, Options, RollbackPlan, Step, Verdict};
use crate::diff::element::Side;
use crate::model::{ComponentKey, OrgId, RecordId, RemoteComponent, Stamp, Timestamp, TreePath};
use crate::plan::deploy::TestLevel;

/// Schema of the file.
pub const SCHEMA: &str = "orgkeep/plan/1";

/// This release, which alone applies what it planned.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Longest file that is read as a plan.
///
/// Own figure: a plan for a hundred thousand components has some 40 MB.
pub const MAX_BYTES: u64 = 128 << 20;

/// A saved plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The release that made it.
    pub release: String,
    /// The org it is for.
    pub org: OrgId,
    /// Id of the commit to go back to.
    pub target: String,
    /// Ids of the commits that are undone, newest first; then `target` is the one before them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverts: Vec<String>,
    /// What was chosen where somebody changed the same since.
    #[serde(default, skip_serializing_if = "Choices::is_empty")]
    pub choices: Choices,
    /// Id of the commit that holds the org as it was when the plan was made.
    pub base: String,
    /// What was selected, as typed.
    pub selectors: Vec<String>,
    /// What was taken out of that, as typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// By what else it was selected.
    #[serde(default, skip_serializing_if = "Pick::is_empty")]
    pub pick: Pick,
    /// What the user allowed.
    pub options: Options,
    /// Which tests were asked for.
    pub tests: TestLevel,
    /// One for each item, in the order of the plan.
    pub entries: Vec<Entry>,
    /// What is sent along as the org has it, with its state: the platform replaces a whole file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub beside: BTreeMap<ComponentKey, String>,
    /// Digest of all that stands before.
    pub digest: String,
}

/// By what components are selected besides their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pick {
    /// What this person changed since the target: a part of the name or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// What was changed at or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What this deploy created, changed or deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<String>,
}

impl Pick {
    /// Whether nothing is picked so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What was chosen where a commit is undone and somebody changed the same since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// For all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<Side>,
    /// For one, by component and what it is about.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub each: BTreeMap<String, Side>,
}

impl Choices {
    /// Whether nothing was chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.each.is_empty()
    }
}

/// One component of a saved plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The component.
    pub key: ComponentKey,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Whether that is carried out.
    pub applies: bool,
    /// Its state at the target.
    pub then: Option<String>,
    /// Its state in the org when the plan was made.
    pub now: Option<String>,
    /// Its id in the org.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RecordId>,
    /// Who changed it last in the org, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Stamp>,
    /// Digest of each file that is sent; `target` for the target's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sends: BTreeMap<TreePath, String>,
    /// Names that are deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deletes: Vec<String>,
    /// Steps before and after the deploy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// A file that is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPlan {
    /// It is not the JSON of one.
    #[error("cannot read the plan")]
    Json(#[from] serde_json::Error),
    /// It is one of another schema.
    #[error("the plan has schema `{}`", found.escape_debug())]
    Schema {
        /// What it says.
        found: String,
    },
    /// Another release made it.
    #[error("the plan was made by orgkeep {}, and this is {RELEASE}", found.escape_debug())]
    Release {
        /// What it says.
        found: String,
    },
    /// It is not as it was written.
    #[error("the plan was edited: its digest is another")]
    Edited,
    /// It is longer than any plan.
    #[error("the file is longer than any plan")]
    TooLarge,
}

impl InvalidPlan {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Json(_) | Self::Edited | Self::TooLarge => {
                "make it again with `orgkeep rollback --plan FILE`".to_owned()
            }
            Self::Schema { .. } | Self::Release { .. } => {
                "make it again with this release of orgkeep".to_owned()
            }
        }
    }
}

/// How a plan made again differs from the saved one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is for something else.
    Input {
        /// Which input.
        what: &'static str,
        /// As saved.
        was: String,
        /// As it is now.
        is: String,
    },
    /// The saved plan has no such entry.
    New(ComponentKey),
    /// The plan made again has no such entry.
    Vanished(ComponentKey),
    /// The org, or the target, has another state of it.
    Moved {
        /// The component.
        key: ComponentKey,
        /// Who changed it last in the org, where that is another change than the plan knew.
        by: Option<Stamp>,
    },
    /// What would be sent along has another state.
    Beside(ComponentKey),
    /// Something else becomes of it.
    Verdict {
        /// The component.
        key: ComponentKey,
        /// As saved.
        was: Verdict,
        /// As it is now.
        is: Verdict,
    },
    /// The same becomes of it by other means.
    Outcome(ComponentKey),
    /// The same entries in another order.
    Order,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input { what, was, is } => {
                write!(f, "{what}: the plan says `{was}`, now it is `{is}`")
            }
            Self::New(key) => write!(f, "{key}: not in the plan"),
            Self::Vanished(key) => write!(f, "{key}: in the plan, and nothing to do any more"),
            Self::Moved { key, by } => {
                write!(f, "{key}: changed since the plan was made")?;
                match by {
                    Some(by) => write!(f, ", by {} at {} UTC", by.by.name, by.at.minute()),
                    None => Ok(()),
                }
            }
            Self::Beside(key) => {
                write!(f, "{key}: sent along, and changed since the plan was made")
            }
            Self::Verdict { key, was, is } => {
                write!(
                    f,
                    "{key}: the plan says {}, now it is {}",
                    was.word(),
                    is.word()
                )
            }
            Self::Outcome(key) => write!(f, "{key}: something else would be sent than planned"),
            Self::Order => f.write_str("the entries stand in another order"),
        }
    }
}

impl PlanFile {
    /// Fills in the entries of a plan, and seals it.
    ///
    /// `remote` is what the org lists of a component; `digest` names a content.
    #[must_use]
    pub fn with_entries<'a>(
        mut self,
        plan: &RollbackPlan,
        remote: impl Fn(&ComponentKey) -> Option<&'a RemoteComponent>,
        digest: impl Fn(&[u8]) -> String,
    ) -> Self {
        self.entries = plan
            .items
            .iter()
            .map(|item| Entry {
                key: item.key.clone(),
                verdict: item.verdict,
                applies: item.applies,
                then: item.states.0.clone(),
                now: item.states.1.clone(),
                id: remote(&item.key).and_then(|it| it.id),
                changed: remote(&item.key).map(|it| it.modified.clone()),
                sends: item
                    .files
                    .iter()
                    .map(|(path, content)| {
                        let digest = match content {
                            Content::Target => "target".to_owned(),
                            Content::Merged(bytes) => digest(bytes),
                        };
                        (path.clone(), digest)
                    })
                    .collect(),
                deletes: names_of(item),
                steps: item.before.iter().chain(&item.after).cloned().collect(),
            })
            .collect();
        self.digest = self.seal(digest);
        self
    }

    /// The digest of all but the digest.
    fn seal(&self, digest: impl Fn(&[u8]) -> String) -> String {
        let open = Self {
            digest: String::new(),
            ..self.clone()
        };
        digest(&open.render())
    }

    /// Reads a saved plan; `digest` is the one that it was sealed with.
    ///
    /// # Errors
    ///
    /// [`InvalidPlan`] when it is none, one of another schema or release, or edited.
    pub fn parse(bytes: &[u8], digest: impl Fn(&[u8]) -> String) -> Result<Self, InvalidPlan> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
            #[serde(default)]
            release: String,
        }
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
            return Err(InvalidPlan::TooLarge);
        }
        let Head { schema, release } = serde_json::from_slice(bytes)?;
        if schema != SCHEMA {
            return Err(InvalidPlan::Schema { found: schema });
        }
        if release != RELEASE {
            return Err(InvalidPlan::Release { found: release });
        }
        let plan: Self = serde_json::from_slice(bytes)?;
        if plan.seal(digest) != plan.digest {
            return Err(InvalidPlan::Edited);
        }
        Ok(plan)
    }

    /// Writes it, with a line end.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a plan has string keys only");
        bytes.push(b'\n');
        bytes
    }

    /// How a plan made again differs from this one; empty where `apply` may go on.
    #[must_use]
    pub fn differences(&self, again: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut input = |what, was: String, is: String| {
            if was != is {
                found.push(Difference::Input { what, was, is });
            }
        };
        input(
            "org",
            self.org.as_str().to_owned(),
            again.org.as_str().to_owned(),
        );
        input("target", self.target.clone(), again.target.clone());
        input("commits", self.reverts.join(" "), again.reverts.join(" "));
        input(
            "choices",
            format!("{:?}", self.choices),
            format!("{:?}", again.choices),
        );
        input(
            "selectors",
            self.selectors.join(" "),
            again.selectors.join(" "),
        );
        input(
            "pick",
            format!("{:?}", self.pick),
            format!("{:?}", again.pick),
        );
        input("exceptions", self.except.join(" "), again.except.join(" "));
        input(
            "options",
            format!("{:?}", self.options),
            format!("{:?}", again.options),
        );
        input(
            "tests",
            format!("{:?}", self.tests),
            format!("{:?}", again.tests),
        );
        let by_key = |it: &Self| -> BTreeMap<ComponentKey, Entry> {
            it.entries
                .iter()
                .map(|it| (it.key.clone(), it.clone()))
                .collect()
        };
        let (was, mut is) = (by_key(self), by_key(again));
        for (key, was) in was {
            let difference = match is.remove(&key) {
                None => Difference::Vanished(key),
                Some(is) if is.state() != was.state() => Difference::Moved {
                    key,
                    by: is.changed.filter(|it| was.changed.as_ref() != Some(it)),
                },
                Some(is) if (is.verdict, is.applies) != (was.verdict, was.applies) => {
                    Difference::Verdict {
                        key,
                        was: was.verdict,
                        is: is.verdict,
                    }
                }
                Some(is) if is != was => Difference::Outcome(key),
                Some(_) => continue,
            };
            found.push(difference);
        }
        found.extend(is.into_keys().map(Difference::New));
        let keys = self.beside.keys().chain(again.beside.keys());
        let moved = keys.filter(|it| self.beside.get(it) != again.beside.get(it));
        let moved: BTreeSet<&ComponentKey> = moved.collect();
        found.extend(moved.into_iter().cloned().map(Difference::Beside));
        if found.is_empty() && self.entries != again.entries {
            found.push(Difference::Order);
        }
        found
    }
}

/// Names that an item deletes; those of another type with it.
fn names_of(item: &super::Item) -> Vec<String> {
    let inside = item.deletes_inside.iter().map(ToString::to_string);
    item.deletes.iter().cloned().chain(inside).collect()
}

impl Entry {
    /// What tells whether the component moved.
    fn state(&self) -> impl PartialEq {
        let changed = self.changed.as_ref().map(|it| it.at);
        (self.then.clone(), self.now.clone(), self.id, changed)
    }
}

#[cfg(test)]
mod tests;
