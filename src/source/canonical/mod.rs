//! The canonical form of one source file.
//!
//! On top of the faithful form, which is what `sf` would write: the server's
//! spelling whatever tool wrote the file, sets in a fixed order, and the values
//! that change by themselves held still. Each rule is written down: order in
//! `registry::keys`, volatile values in [`VOLATILE_RULES`].
//!
//! Invariant: canonical of canonical is the same bytes, and what a canonical
//! file says to the platform is what the file said, but for the volatile values.

mod check;
mod json;
mod noise;
mod order;
mod spell;
mod volatile;

use std::{borrow::Cow, collections::BTreeSet};

pub use noise::{Noise, noise};
pub use order::{sort, sorted};
pub use volatile::{SITE_BODIES, VOLATILE_RULES, VolatileRule};

use crate::{
    registry::keys::KeyRules,
    xml::{self, parse, render},
};

/// Counts the changes of these rules that change files already written.
///
/// A stored tree that another version wrote is rewritten in a commit of its own.
pub const RULES_VERSION: u32 = 1;

/// Which rules hold.
#[derive(Clone, Debug)]
pub struct Rules {
    keys: &'static KeyRules,
    volatile: BTreeSet<&'static str>,
}

/// A name that is no volatile rule's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no canonical rule `{}`", name.escape_debug())]
pub struct UnknownRule {
    name: String,
}

impl UnknownRule {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let names: Vec<_> = VOLATILE_RULES.iter().map(|it| it.name).collect();
        Some(format!("use one of {}", names.join(", ")))
    }
}

impl Default for Rules {
    fn default() -> Self {
        let on = VOLATILE_RULES.iter().filter(|it| it.is_on);
        Self {
            keys: KeyRules::official(),
            volatile: on.map(|it| it.name).collect(),
        }
    }
}

impl Rules {
    /// The same with the volatile rule `name` switched.
    ///
    /// # Errors
    ///
    /// [`UnknownRule`] where no rule has that name.
    pub fn with(mut self, name: &str, holds: Switch) -> Result<Self, UnknownRule> {
        let rule = VOLATILE_RULES.iter().find(|it| it.name == name);
        let rule = rule.ok_or_else(|| UnknownRule {
            name: name.to_owned(),
        })?;
        match holds {
            Switch::On => self.volatile.insert(rule.name),
            Switch::Off => self.volatile.remove(rule.name),
        };
        Ok(self)
    }

    /// Whether the volatile rule `name` holds.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        self.volatile.contains(name)
    }

    /// The rules that hold otherwise than they would unless switched: `-flow-coordinates`.
    #[must_use]
    pub fn switched(&self) -> Vec<String> {
        let is_switched = |it: &&VolatileRule| it.is_on != self.holds(it.name);
        let word = |it: &VolatileRule| format!("{}{}", if it.is_on { '-' } else { '+' }, it.name);
        VOLATILE_RULES
            .iter()
            .filter(is_switched)
            .map(word)
            .collect()
    }

    /// The rules of which these are switched; words of other releases are passed over.
    #[must_use]
    pub fn of_switched(words: &[String]) -> Self {
        let mut rules = Self::default();
        for word in words {
            let named = |it: &&VolatileRule| word.get(1..) == Some(it.name);
            let Some(rule) = VOLATILE_RULES.iter().find(named) else {
                continue;
            };
            match word.starts_with('+') {
                true => rules.volatile.insert(rule.name),
                false => rules.volatile.remove(rule.name),
            };
        }
        rules
    }

    /// The same, where `others` hold as well.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.volatile.extend(&others.volatile);
        self
    }
}

/// Whether a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// A file in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical<'a> {
    /// The file; borrowed where it was canonical before.
    pub bytes: Cow<'a, [u8]>,
    /// The volatile rules that changed something, in no particular order.
    pub notes: Vec<Note>,
}

/// A volatile rule that changed something in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its name.
    pub rule: &'static str,
    /// How many values it changed.
    pub n_values: usize,
}

/// A file that has no canonical form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It should be XML and is not.
    #[error("cannot read `{}` as XML", path.escape_debug())]
    Xml {
        /// The file.
        path: String,
        /// What is wrong.
        #[source]
        source: xml::Error,
    },
}

impl Problem {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(
            "the file is kept as the org gave it; open the component in Setup and save it again"
                .to_owned(),
        )
    }
}

/// The canonical form of the file `path` of a component of type `type_name`.
///
/// `path` is that in the source tree. A file that is neither metadata XML nor
/// JSON of a kind listed in the rules is its own canonical form, byte for byte.
///
/// # Errors
///
/// [`Problem`] where the file should be XML and is not; the caller keeps its bytes.
pub fn canonicalise<'a>(
    type_name: &str,
    path: &str,
    bytes: &'a [u8],
    rules: &Rules,
) -> Result<Canonical<'a>, Problem> {
    match kind(type_name, path) {
        Kind::Json if rules.holds(volatile::JSON_KEY_ORDER) => Ok(canonical_json(bytes)),
        Kind::Json | Kind::Content => Ok(unchanged(bytes)),
        Kind::Metadata => canonical_xml(path, bytes, rules).map_err(|source| Problem::Xml {
            path: path.to_owned(),
            source,
        }),
    }
}

fn unchanged(bytes: &[u8]) -> Canonical<'_> {
    Canonical {
        bytes: Cow::Borrowed(bytes),
        notes: Vec::new(),
    }
}

enum Kind {
    Metadata,
    Json,
    Content,
}

fn kind(type_name: &str, path: &str) -> Kind {
    let file = path.rsplit('/').next().unwrap_or(path);
    if file.ends_with("-meta.xml") {
        // An expanded static resource may hold files of any name.
        return match type_name {
            "StaticResource" if !file.ends_with(".resource-meta.xml") => Kind::Content,
            _ => Kind::Metadata,
        };
    }
    match type_name {
        "DigitalExperienceBundle" | "DigitalExperience"
            if matches!(file, "_meta.json" | "content.json") =>
        {
            Kind::Json
        }
        "WaveDataflow" | "WaveRecipe" | "WaveDashboard" | "WaveLens" => Kind::Json,
        _ => Kind::Content,
    }
}

fn canonical_json(bytes: &[u8]) -> Canonical<'_> {
    let text = std::str::from_utf8(bytes).ok();
    match text.and_then(json::canonical) {
        Some(text) if text.as_bytes() != bytes => Canonical {
            bytes: Cow::Owned(text.into_bytes()),
            notes: Vec::new(),
        },
        _ => unchanged(bytes),
    }
}

fn canonical_xml<'a>(
    path: &str,
    bytes: &'a [u8],
    rules: &Rules,
) -> Result<Canonical<'a>, xml::Error> {
    if std::str::from_utf8(bytes).is_ok_and(|text| check::is_canonical(text, rules)) {
        return Ok(unchanged(bytes));
    }
    let mut doc = parse(bytes)?;
    let of_the_platform = doc
        .root
        .attribute("xmlns")
        .is_none_or(|it| it == spell::NAMESPACE);
    if !of_the_platform || doc.root.name.contains(':') {
        return Ok(unchanged(bytes));
    }
    spell::spell(&mut doc);
    let mut notes = Vec::new();
    volatile::apply(&mut doc, path, rules, &mut notes);
    sort(&mut doc.root, rules.keys);
    let rendered = render(&doc);
    let bytes = if rendered == bytes {
        Cow::Borrowed(bytes)
    } else {
        Cow::Owned(rendered)
    };
    Ok(Canonical { bytes, notes })
}

#[cfg(test)]
mod tests;
