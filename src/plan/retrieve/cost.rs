//! What a component costs in a retrieve, learned from the answers before.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::model::{ComponentKey, TypeName};

/// What one call carries at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files, where a child such as a field counts as one.
    pub files: u64,
    /// Bytes of the zip before base64.
    pub zip_bytes: u64,
    /// Bytes of the files unpacked.
    pub bytes: u64,
}

impl Limits {
    /// What the platform accepts in one retrieve or deploy.
    ///
    /// Source: Salesforce Developer Limits, "Metadata Limits", as of API 66.0:
    /// 10,000 files, 39 MB zipped, 629,145,600 bytes unzipped.
    pub const PLATFORM: Self = Self {
        files: 10_000,
        zip_bytes: 39_000_000,
        bytes: 629_145_600,
    };

    /// `percent` of each limit, at least one.
    #[must_use]
    pub fn share(self, percent: u64) -> Self {
        let of = |it: u64| (it / 100 * percent + it % 100 * percent / 100).max(1);
        Self {
            files: of(self.files),
            zip_bytes: of(self.zip_bytes),
            bytes: of(self.bytes),
        }
    }

    /// What a plan fills: 60 % of the platform's limits, since costs are estimates.
    #[must_use]
    pub fn planned() -> Self {
        Self::PLATFORM.share(60)
    }

    /// Whether `cost` stays below each limit.
    #[must_use]
    pub fn hold(self, cost: Cost) -> bool {
        cost.files <= self.files && cost.zip_bytes <= self.zip_bytes && cost.bytes <= self.bytes
    }
}

/// What something adds to an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Files, where a child counts as one.
    pub files: u64,
    /// Bytes in the zip.
    pub zip_bytes: u64,
    /// Bytes unpacked.
    pub bytes: u64,
}

impl Cost {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            files: self.files.saturating_add(other.files),
            zip_bytes: self.zip_bytes.saturating_add(other.zip_bytes),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// This, so many times.
    #[must_use]
    pub fn times(self, n: u64) -> Self {
        Self {
            files: self.files.saturating_mul(n),
            zip_bytes: self.zip_bytes.saturating_mul(n),
            bytes: self.bytes.saturating_mul(n),
        }
    }

    fn divided(self, n: u64) -> Self {
        Self {
            files: self.files.div_ceil(n),
            zip_bytes: self.zip_bytes.div_ceil(n),
            bytes: self.bytes.div_ceil(n),
        }
    }
}

/// What is assumed of a type before an answer was seen: files, bytes unpacked.
///
/// Own figures: means over public projects, rounded up. A zip holds XML at about
/// a twelfth of its size and what is packed already at its size.
const DEFAULTS: &[(&str, u64, u64)] = &[
    ("AuraDefinitionBundle", 6, 12_000),
    ("ContentAsset", 2, 200_000),
    ("CustomObject", 40, 90_000),
    ("CustomObjectTranslation", 20, 40_000),
    ("DigitalExperienceBundle", 150, 900_000),
    ("Document", 2, 200_000),
    ("ExperienceBundle", 80, 600_000),
    ("FlexiPage", 1, 12_000),
    ("Flow", 1, 30_000),
    ("Layout", 1, 12_000),
    ("LightningComponentBundle", 6, 15_000),
    ("PermissionSet", 1, 25_000),
    ("Profile", 1, 4_000),
    ("SiteDotCom", 2, 3_000_000),
    ("StaticResource", 2, 300_000),
    ("Translations", 1, 100_000),
    ("WaveTemplateBundle", 30, 300_000),
    ("Workflow", 10, 20_000),
];

/// Types whose content is packed already, or is taken for it.
const INCOMPRESSIBLE: &[&str] = &["ContentAsset", "Document", "SiteDotCom", "StaticResource"];

/// The file of an ordinary component and its `-meta.xml`.
const ORDINARY: (u64, u64) = (2, 6_000);

/// Costs seen in earlier answers, and the guess for what was not seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostModel {
    components: HashMap<ComponentKey, Cost>,
    types: BTreeMap<TypeName, (Cost, u64)>,
}

impl CostModel {
    /// Takes in what a component cost in an answer.
    pub fn learn(&mut self, key: &ComponentKey, cost: Cost) {
        let old = self.components.insert(key.clone(), cost);
        let (sum, n) = self.types.entry(key.type_name.clone()).or_default();
        if let Some(old) = old {
            sum.files = sum.files.saturating_sub(old.files);
            sum.zip_bytes = sum.zip_bytes.saturating_sub(old.zip_bytes);
            sum.bytes = sum.bytes.saturating_sub(old.bytes);
        } else {
            *n += 1;
        }
        *sum = sum.and(cost);
    }

    /// Forgets components that are gone.
    pub fn keep(&mut self, mut lives: impl FnMut(&ComponentKey) -> bool) {
        let all = std::mem::take(self);
        for (key, cost) in all.components {
            if lives(&key) {
                self.learn(&key, cost);
            }
        }
    }

    /// What a component is expected to cost: as last time, else as others of its type.
    #[must_use]
    pub fn estimate(&self, key: &ComponentKey) -> Cost {
        if let Some(cost) = self.components.get(key) {
            return *cost;
        }
        match self.types.get(&key.type_name) {
            Some((sum, n)) if *n > 0 => sum.divided(*n),
            _ => default_of(key.type_name.as_str()),
        }
    }
}

fn default_of(type_name: &str) -> Cost {
    let (files, bytes) = DEFAULTS
        .iter()
        .find(|(name, ..)| *name == type_name)
        .map_or(ORDINARY, |(_, files, bytes)| (*files, *bytes));
    let zip_bytes = if INCOMPRESSIBLE.contains(&type_name) {
        bytes
    } else {
        bytes / 12 + files * 150
    };
    Cost {
        files,
        zip_bytes,
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::key;

    #[test]
    fn plan_fills_sixty_percent_of_the_platforms_limits() {
        let planned = Limits::planned();
        assert_eq!(planned.files, 6_000);
        assert_eq!(planned.zip_bytes, 23_400_000);
        assert_eq!(planned.bytes, 377_487_360);
    }

    #[test]
    fn component_costs_what_it_cost_last_time_and_a_new_one_the_mean() {
        let mut model = CostModel::default();
        let guess = model.estimate(&key("CustomObject:A"));
        assert_eq!(guess.files, 40);
        let cost = |files| Cost {
            files,
            zip_bytes: files * 100,
            bytes: files * 1000,
        };
        model.learn(&key("CustomObject:A"), cost(100));
        model.learn(&key("CustomObject:B"), cost(50));
        model.learn(&key("CustomObject:B"), cost(300));
        assert_eq!(model.estimate(&key("CustomObject:A")), cost(100));
        assert_eq!(model.estimate(&key("CustomObject:C")), cost(200));
        model.keep(|it| it.name.as_str() == "A");
        assert_eq!(model.estimate(&key("CustomObject:C")), cost(100));
    }
}
