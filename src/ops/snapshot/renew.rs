//! Changes of our own that need the org: another level, another API version, secrets
//! that are to be kept.
//!
//! What the rules take out is not in the tree, so a file cannot be rewritten offline.
//! The org's own changes are committed first, by the rules that wrote the tree; then
//! everything is retrieved by the new ones, and what differs is nobody's change.

use super::{SnapshotSetup, rewrite::level_name};
use crate::{
    ledger::OrgFile,
    plan::commits::Kind,
    source::{Level, canonical::Rules, redact::RedactionKey},
};

/// The settings with what the org has to be asked for as the tree was written; `None`
/// where nothing of that differs.
pub(super) fn by_old_rules(kept: &OrgFile, setup: &SnapshotSetup) -> Option<SnapshotSetup> {
    let mut old = setup.clone();
    if kept.level == level_name(Level::Canonical) {
        old.level = Level::Canonical;
    }
    if 0 < kept.rules.redaction {
        old.redact = true;
    }
    old.api_version = kept.api_version;
    if kept.level == level_name(Level::Canonical) {
        // What a rule holds still is not in the tree; what a new one does is done offline.
        old.rules = old.rules.and(&Rules::of_switched(&kept.switched));
    }
    old.new_key = false;
    let is_same = !has_new_key(kept, setup)
        && (old.level, old.redact, old.api_version)
            == (setup.level, setup.redact, setup.api_version)
        && old.rules.switched() == setup.rules.switched();
    (!is_same).then_some(old)
}

/// Whether the tags of secrets are to be made with another key.
fn has_new_key(kept: &OrgFile, setup: &SnapshotSetup) -> bool {
    let id = setup.redaction_key.as_ref().map(RedactionKey::id);
    setup.new_key && setup.redact && id.is_some() && id != kept.redaction_key
}

/// The settings that wrote a tree.
pub(super) fn as_kept(kept: &OrgFile, setup: &SnapshotSetup) -> SnapshotSetup {
    SnapshotSetup {
        level: match kept.level == level_name(Level::Canonical) {
            true => Level::Canonical,
            false => Level::Faithful,
        },
        redact: 0 < kept.rules.redaction,
        rules: Rules::of_switched(&kept.switched),
        api_version: kept.api_version,
        new_key: false,
        ..setup.clone()
    }
}

/// What the commit that goes from one to the other says.
pub(super) fn told(kept: &OrgFile, setup: &SnapshotSetup) -> Option<(Kind, String)> {
    by_old_rules(kept, setup)?;
    if kept.api_version != setup.api_version {
        let label = format!("API version {} → {}", kept.api_version, setup.api_version);
        return Some((Kind::ApiVersion, label));
    }
    if has_new_key(kept, setup) {
        return Some((Kind::Rules, "Tag secrets with a new key".to_owned()));
    }
    let level = level_name(setup.level);
    let label = if kept.level == level {
        match 0 < kept.rules.redaction && !setup.redact {
            true => "Write secrets too".to_owned(),
            false => "Write the tree by other rules: one that held is off".to_owned(),
        }
    } else {
        format!(
            "Write the tree by other rules: level {} → {level}",
            kept.level
        )
    };
    Some((Kind::Rules, label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{RuleVersions, org::LAYOUT},
        model::ApiVersion,
        plan::scope::Scope,
        registry::{Presets, Registry},
        source::{Ignored, canonical::Switch, redact::OnSuspect},
    };

    fn setup(level: Level, redact: bool, version: u16) -> SnapshotSetup {
        SnapshotSetup {
            branch: String::new(),
            remote: String::new(),
            api_version: ApiVersion::new(version),
            level,
            rules: Rules::default(),
            registry: Registry::with(&Presets::new()),
            scope: Scope::default(),
            ignored: Ignored::nothing(),
            ignored_digest: None,
            package_dir: "force-app".parse().unwrap(),
            package_dirs: Vec::new(),
            redact,
            redaction_key: None,
            new_key: false,
            on_suspect: OnSuspect::Report,
            full_every: std::time::Duration::ZERO,
            committer: (String::new(), String::new()),
        }
    }

    fn kept(level: &str, redaction: u32) -> OrgFile {
        OrgFile {
            layout: LAYOUT,
            org_id: "00D5f000006TdUJEA0".parse().unwrap(),
            api_version: ApiVersion::new(65),
            level: level.to_owned(),
            rules: RuleVersions {
                canonical: 1,
                registry: 1,
                redaction,
            },
            redaction_key: None,
            presets: Vec::new(),
            switched: Vec::new(),
        }
    }

    #[test]
    fn rule_that_is_switched_off_needs_the_org_and_one_switched_on_does_not() {
        let kept = kept("canonical", 1);
        let mut setup = setup(Level::Canonical, true, 65);
        let on = setup
            .rules
            .clone()
            .with("untranslated-placeholders", Switch::On);
        setup.rules = on.unwrap();
        assert!(by_old_rules(&kept, &setup).is_none());
        let off = setup.rules.clone().with("flow-coordinates", Switch::Off);
        setup.rules = off.unwrap();
        let old = by_old_rules(&kept, &setup).unwrap();
        assert_eq!(old.rules.switched(), ["+untranslated-placeholders"]);
        assert_eq!(
            told(&kept, &setup).unwrap().1,
            "Write the tree by other rules: one that held is off"
        );
    }

    #[test]
    fn what_can_be_rewritten_offline_needs_no_org() {
        let to = |kept: &OrgFile, level, redact, version| {
            told(kept, &setup(level, redact, version)).map(|it| it.1)
        };
        let canonical = kept("canonical", 1);
        assert_eq!(to(&canonical, Level::Canonical, true, 65), None);
        assert_eq!(to(&kept("faithful", 0), Level::Canonical, true, 65), None);
        assert_eq!(
            to(&canonical, Level::Faithful, true, 65).unwrap(),
            "Write the tree by other rules: level canonical → faithful"
        );
        assert_eq!(
            to(&canonical, Level::Canonical, false, 65).unwrap(),
            "Write secrets too"
        );
        assert_eq!(
            to(&canonical, Level::Canonical, true, 66).unwrap(),
            "API version 65.0 → 66.0"
        );
    }
}
