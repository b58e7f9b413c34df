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
    rule_versions,
};
use crate::{
    ledger::{OrgFile, RedactedValues, redacted::RedactedLine},
    model::{Timestamp, TreePath},
    ops::error::Error,
    plan::commits::{Kind, counted},
    progress::Monitor,
    source::Level,
    store::{Branch, ObjectId, PackBuilder, TreeEdit, WriteLock},
};

/// A file as our rules have it.
struct Rewritten {
    path: TreePath,
    before: ObjectId,
    after: ObjectId,
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
        ..org.clone()
    };
    if ours == *org {
        return Ok(false);
    }
    let repo = lock.repository();
    let pack = repo.pack(&base.listing)?;
    let files: Vec<&OwnedFile> = base.families.values().flatten().collect();
    let rewritten: Vec<Rewritten> = files
        .into_par_iter()
        .filter_map(|file| rewrite_file(file, conversion, &pack).transpose())
        .collect::<Result<_, Error>>()?;
    let mut edit = TreeEdit::new(Some(tree));
    let mut redacted = BTreeSet::new();
    let mut n = 0;
    for file in rewritten {
        redacted.extend(file.redacted);
        if file.after != file.before {
            n += 1;
            edit.put(file.path, file.after);
        }
    }
    let literal = |path: &str| path.parse::<TreePath>().expect("a literal path is valid");
    if setup.redact && !(redacted.is_empty() && base.redacted.0.is_empty()) {
        let id = pack.blob(&RedactedValues(redacted).render())?;
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

fn rewrite_file(
    file: &OwnedFile,
    conversion: &Conversion<'_>,
    pack: &PackBuilder<'_>,
) -> Result<Option<Rewritten>, Error> {
    let Ok(path) = file.path.parse::<TreePath>() else {
        return Ok(None);
    };
    let bytes = pack.repository().blob(file.id)?;
    // What cannot be read stays as it is until the org is asked for it again.
    let Some((bytes, redacted)) = conversion.again(&file.key, &path, bytes) else {
        return Ok(None);
    };
    Ok(Some(Rewritten {
        path,
        before: file.id,
        after: pack.blob(&bytes)?,
        redacted,
    }))
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
    lines.push("Nothing of this is a change of the org.".to_owned());
    lines.join("\n")
}

/// The word for a level.
pub(super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Faithful => "faithful",
        Level::Canonical => "canonical",
    }
}
