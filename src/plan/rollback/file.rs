//! A plan as a file: its inputs, and what they led to, without any content.
//!
//! `apply` makes the plan again from the inputs and refuses when one entry
//! differs, so that an edited file, another release or an org that has moved on
//! changes nothing.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Content, Options, RollbackPlan, Step, Verdict};
use crate::model::{ComponentKey, OrgId, TreePath};

/// Schema of the file.
pub const SCHEMA: &str = "orgkeep/plan/1";

/// A saved plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The org it is for.
    pub org: OrgId,
    /// Id of the commit to go back to.
    pub target: String,
    /// Id of the commit that holds the org as it was when the plan was made.
    pub base: String,
    /// What was selected, as typed.
    pub selectors: Vec<String>,
    /// What was taken out of that, as typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// What the user allowed.
    pub options: Options,
    /// One for each item, in the order of the plan.
    pub entries: Vec<Entry>,
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
}

impl InvalidPlan {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Json(_) => "make it again with `orgkeep rollback --plan FILE`".to_owned(),
            Self::Schema { .. } => "make it again with this release of orgkeep".to_owned(),
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
    Moved(ComponentKey),
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
            Self::Moved(key) => write!(f, "{key}: changed since the plan was made"),
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
    /// Fills in the entries of a plan; `digest` names a content.
    #[must_use]
    pub fn with_entries(mut self, plan: &RollbackPlan, digest: impl Fn(&[u8]) -> String) -> Self {
        self.entries = plan
            .items
            .iter()
            .map(|item| Entry {
                key: item.key.clone(),
                verdict: item.verdict,
                applies: item.applies,
                then: item.states.0.clone(),
                now: item.states.1.clone(),
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
                deletes: item.deletes.clone(),
                steps: item.before.iter().chain(&item.after).cloned().collect(),
            })
            .collect();
        self
    }

    /// Reads a saved plan.
    ///
    /// # Errors
    ///
    /// [`InvalidPlan`] when it is none, or one of another schema.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidPlan> {
        #[derive(Deserialize)]
        struct Schema {
            schema: String,
        }
        let Schema { schema } = serde_json::from_slice(bytes)?;
        if schema != SCHEMA {
            return Err(InvalidPlan::Schema { found: schema });
        }
        Ok(serde_json::from_slice(bytes)?)
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
        input(
            "selectors",
            self.selectors.join(" "),
            again.selectors.join(" "),
        );
        input("exceptions", self.except.join(" "), again.except.join(" "));
        input(
            "options",
            format!("{:?}", self.options),
            format!("{:?}", again.options),
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
                Some(is) if (&is.then, &is.now) != (&was.then, &was.now) => Difference::Moved(key),
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
        if found.is_empty() && self.entries != again.entries {
            found.push(Difference::Order);
        }
        found
    }
}
