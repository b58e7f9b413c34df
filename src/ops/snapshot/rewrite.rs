//! Rewrites the tree where other rules wrote it, before the org is looked at.
//!
//! A newer release may put a file in another order, and redaction may have been
//! turned on. Without this, the next snapshot would show that as changes of the
//! people who touched those components last.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::{
    SnapshotSetup,
    base::{Base, OwnedFile},
    gather::Conversion,
    own::{self, OwnCommit},
    redaction, rule_versions,
};
use crate::{
    ledger::{GapKind, OrgFile, RedactedValues, redacted::RedactedLine},
    model::{ComponentKey, Timestamp, TreePath},
    ops::error::Error,
    plan::commits::{Kind, counted},
    progress::Monitor,
    registry::Registry,
    source::{self, Level, SourceFile},
    store::{Branch, ObjectId, PackBuilder, TreeEdit, WriteLock},
};

/// What our rules make of some files.
#[derive(Default)]
struct Rewritten {
    put: Vec<(TreePath, ObjectId)>,
    removed: Vec<TreePath>,
    redacted: Vec<RedactedLine>,
}

/// Makes the commit where the rules differ; whether they did.
pub(super) fn rewrite(
    lock: &WriteLock<'_>,
    branch: &Branch,
    base: &Base,
    conversion: &Conversion<'_>,
    setup: &SnapshotSetup,
    now: Option<Timestamp>,
    monitor: &dyn Monitor,
) -> Result<bool, Error> {
    let (Some(org), Some(tree)) = (&base.org, base.tree) else {
        return Ok(false);
    };
    let ours = OrgFile {
        level: level_name(setup.level).to_owned(),
        rules: rule_versions(setup),
        redaction_key: redaction::key_id(setup, base),
        presets: presets(&setup.registry),
        switched: switched(setup),
        ..org.clone()
    };
    if ours == *org {
        return Ok(false);
    }
    let repo = lock.repository();
    let pack = repo.pack(&base.listing)?;
    let moves = ours.rules.registry != org.rules.registry || ours.presets != org.presets;
    let rewritten: Vec<Rewritten> = base
        .families
        .par_iter()
        .map(|(family, files)| {
            if moves && let Some(placed) = place_again(family, files, conversion, &pack)? {
                return Ok(placed);
            }
            rewrite_files(files, conversion, &pack)
        })
        .collect::<Result<_, Error>>()?;
    let mut edit = TreeEdit::new(Some(tree));
    let mut redacted = BTreeSet::new();
    let mut n = 0;
    for it in rewritten {
        redacted.extend(it.redacted);
        n += it.put.len().max(it.removed.len());
        for path in it.removed {
            edit.remove(path);
        }
        for (path, id) in it.put {
            edit.put(path, id);
        }
    }
    let literal = |path: &str| path.parse::<TreePath>().expect("a literal path is valid");
    if setup.redact && !(redacted.is_empty() && base.redacted.0.is_empty()) {
        let redacted = RedactedValues(redacted);
        if let Some(text) = redaction::forceignore(base, &redacted, repo)? {
            edit.put(literal(redaction::FORCEIGNORE), pack.blob(&text)?);
        }
        let id = pack.blob(&redacted.render())?;
        edit.put(literal(RedactedValues::PATH), id);
    }
    edit.put(literal(OrgFile::PATH), pack.blob(&ours.render())?);
    let tree = edit.write(&pack)?;
    let subject = format!("Write {} by other rules", counted(n, "file"));
    let body = story(org, &ours);
    let message = own::message(&Kind::Rules, subject, &body, base);
    let commit = OwnCommit {
        tree,
        message,
        author: None,
        at: now,
    };
    own::publish(lock, branch, pack, commit, setup, monitor)?;
    Ok(true)
}

/// Files that stay where they are.
fn rewrite_files(
    files: &[OwnedFile],
    conversion: &Conversion<'_>,
    pack: &PackBuilder<'_>,
) -> Result<Rewritten, Error> {
    let mut rewritten = Rewritten::default();
    for file in files {
        let Ok(path) = file.path.parse::<TreePath>() else {
            continue;
        };
        let bytes = pack.repository().blob(file.id)?;
        // What cannot be read stays as it is until the org is asked for it again.
        let Some((bytes, redacted)) = conversion.again(&file.key, &path, bytes) else {
            continue;
        };
        rewritten.redacted.extend(redacted);
        let after = pack.blob(&bytes)?;
        if after != file.id {
            rewritten.put.push((path, after));
        }
    }
    Ok(rewritten)
}

/// The files of a component where our table of types has them.
///
/// `None` where they cannot be converted, and so stay where they are.
fn place_again(
    family: &ComponentKey,
    files: &[OwnedFile],
    conversion: &Conversion<'_>,
    pack: &PackBuilder<'_>,
) -> Result<Option<Rewritten>, Error> {
    let mut sources = Vec::new();
    for file in files {
        let Ok(path) = file.path.parse::<TreePath>() else {
            return Ok(None);
        };
        sources.push(SourceFile {
            path,
            key: file.key.clone(),
            bytes: pack.repository().blob(file.id)?,
        });
    }
    let registry = conversion.registry;
    let Ok(package) = source::join_at(registry, conversion.level, family, &sources) else {
        return Ok(None);
    };
    let names: Vec<&str> = package.iter().map(|it| it.path.as_str()).collect();
    let assignment = source::assign(registry, &names);
    if !assignment.left_over.is_empty() {
        return Ok(None);
    }
    let mut rewritten = Rewritten::default();
    let mut kept = BTreeSet::new();
    for component in &assignment.components {
        let of = component.entries.iter().map(|it| package[*it].clone());
        let formed = conversion.in_memory(&component.key, of.collect());
        if formed
            .gaps
            .iter()
            .any(|it| it.kind == GapKind::NotConverted)
        {
            return Ok(None);
        }
        rewritten.redacted.extend(formed.redacted);
        for (path, _, bytes) in formed.files {
            let after = pack.blob(&bytes)?;
            let before = files.iter().find(|it| it.path == path.as_str());
            kept.insert(path.clone());
            if before.map(|it| it.id) != Some(after) {
                rewritten.put.push((path, after));
            }
        }
    }
    let gone = sources.into_iter().filter(|it| !kept.contains(&it.path));
    rewritten.removed = gone.map(|it| it.path).collect();
    Ok(Some(rewritten))
}

/// What differs between two sets of rules, a line each.
fn story(before: &OrgFile, after: &OrgFile) -> String {
    let mut lines = Vec::new();
    if before.level != after.level {
        lines.push(format!("level {} → {}", before.level, after.level));
    }
    for (name, before, after) in [
        (
            "order and spelling",
            before.rules.canonical,
            after.rules.canonical,
        ),
        (
            "types and files",
            before.rules.registry,
            after.rules.registry,
        ),
        ("secrets", before.rules.redaction, after.rules.redaction),
    ] {
        if before != after {
            lines.push(format!("rules of {name} {before} → {after}"));
        }
    }
    let words = |it: &[String]| match it {
        [] => "none".to_owned(),
        words => words.join(", "),
    };
    if before.presets != after.presets {
        let (before, after) = (words(&before.presets), words(&after.presets));
        lines.push(format!("sourceBehaviorOptions {before} → {after}"));
    }
    if before.switched != after.switched {
        let (before, after) = (words(&before.switched), words(&after.switched));
        lines.push(format!("rules that were switched {before} → {after}"));
    }
    lines.push("Nothing of this is a change of the org.".to_owned());
    lines.join("\n")
}

/// What the project has taken apart further than usual.
pub(super) fn presets(registry: &Registry) -> Vec<String> {
    let presets = registry.presets().iter();
    presets.map(ToString::to_string).collect()
}

/// The rules that were switched, where they hold at all.
pub(super) fn switched(setup: &SnapshotSetup) -> Vec<String> {
    match setup.level {
        Level::Faithful => Vec::new(),
        Level::Canonical => setup.rules.switched(),
    }
}

/// The word for a level.
pub(super) const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Faithful => "faithful",
        Level::Canonical => "canonical",
    }
}
