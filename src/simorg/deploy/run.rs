//! One deploy, from its zip to its rows.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    DeployMessage, DeployOptions, RunTestsResult,
    apex_tests::{self, TestLevel},
    apply,
    check::{self, Problem},
    messages::{Rows, is_manifest},
    package::{self, Contents, Package, Phase},
    pool::{self, Scope, Unit},
    remove,
};
use crate::{
    model::{ComponentKey, Stamp},
    simorg::{
        SimOrg,
        state::{Metadata, OrgKind},
    },
};

/// What a deploy came to.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub successes: Vec<DeployMessage>,
    pub failures: Vec<DeployMessage>,
    pub tests: RunTestsResult,
    pub n_files: usize,
    /// Code and text of what refused it as a whole.
    pub refusal: Option<(String, String)>,
    /// Whether the org is to keep what was done.
    pub is_kept: bool,
}

impl Ran {
    fn refused(code: &str, message: &str) -> Self {
        Self {
            refusal: Some((code.to_owned(), message.to_owned())),
            ..Self::default()
        }
    }

    /// Components that failed, and components in all; manifests are none.
    pub(super) fn counts(&self) -> (usize, usize) {
        let count = |rows: &[DeployMessage]| rows.iter().filter(|it| !is_manifest(it)).count();
        let failed = count(&self.failures);
        (failed, failed + count(&self.successes))
    }
}

/// Does to `org`, a copy of `before`, what a deploy says.
///
/// Whether that is kept is for the caller.
pub(super) fn run(
    before: &SimOrg,
    org: &mut SimOrg,
    zip: &[u8],
    options: &DeployOptions,
    stamp: &Stamp,
) -> Ran {
    let rows = Rows { at: stamp.at };
    let contents = match package::read(org, zip, options, &rows) {
        Ok(contents) => contents,
        Err(refusal) => return Ran::refused(refusal.code, &refusal.message),
    };
    let mut ran = Ran {
        n_files: contents.n_files,
        ..Ran::default()
    };
    let mut failed: BTreeMap<ComponentKey, DeployMessage> = BTreeMap::new();
    let rows_of_last = loop {
        let attempt = attempt(before, org, &contents, &failed, stamp, &rows, options);
        let is_last = attempt.failed.is_empty() || options.rollback_on_error;
        failed.extend(attempt.failed);
        if is_last {
            break attempt.rows;
        }
        // What failed is left out, and what needed it is looked at again.
        org.clone_from(before);
    };
    let all = contents.rows.iter().cloned();
    for row in all.chain(rows_of_last).chain(failed.into_values()) {
        if row.success {
            ran.successes.push(row);
        } else {
            ran.failures.push(row);
        }
    }
    ran.successes.sort_by(|a, b| order(a).cmp(&order(b)));
    ran.failures.sort_by(|a, b| order(a).cmp(&order(b)));
    let may_keep = ran.failures.is_empty() || !options.rollback_on_error;
    if may_keep {
        run_tests(org, &contents, options, &mut ran);
    }
    let n_kept = ran.successes.iter().filter(|it| !is_manifest(it)).count();
    ran.is_kept = may_keep
        && ran.tests.num_failures == 0
        && ran.tests.code_coverage_warnings.is_empty()
        && ran.refusal.is_none()
        && (ran.failures.is_empty() || 0 < n_kept);
    ran
}

fn order(row: &DeployMessage) -> (Option<&str>, &str) {
    (row.component_type.as_deref(), &row.full_name)
}

struct Attempt {
    /// Rows of what succeeded, and of all deletions.
    rows: Vec<DeployMessage>,
    /// What failed now.
    failed: BTreeMap<ComponentKey, DeployMessage>,
}

/// Tries all of a deploy but what has failed before.
fn attempt(
    before: &SimOrg,
    org: &mut SimOrg,
    contents: &Contents,
    excluded: &BTreeMap<ComponentKey, DeployMessage>,
    stamp: &Stamp,
    rows: &Rows,
    options: &DeployOptions,
) -> Attempt {
    let mut out = Vec::new();
    let delete = |org: &mut SimOrg, phase: Phase| {
        let manifests: Vec<_> = contents
            .packages
            .iter()
            .flat_map(|it| &it.destructive)
            .filter(|it| it.phase == phase)
            .collect();
        remove::delete_all(org, &manifests, stamp, rows, options)
    };
    out.extend(delete(org, Phase::Before));
    let units: Vec<(&Package, Cow<'_, Unit>)> = contents
        .packages
        .iter()
        .flat_map(|package| package.units.iter().map(move |unit| (package, unit)))
        .filter_map(|(package, unit)| Some((package, without(unit, excluded)?)))
        .collect();
    let mut failed = BTreeMap::new();
    let mut fail = |unit: &Unit, problem: &Problem| {
        failed
            .entry(problem.key.clone())
            .or_insert_with(|| failure(unit, problem, rows));
    };
    let mut done = Vec::new();
    for (package, unit) in &units {
        match apply::apply(org, unit, package.version, stamp, rows) {
            Ok(applied) => done.extend(applied),
            Err(problem) => fail(unit, &problem),
        }
    }
    let all = units.iter().map(|(_, unit)| &**unit);
    for (unit, problem) in check::new_problems(before, org, all) {
        fail(unit, &problem);
    }
    for it in done {
        if failed.contains_key(&it.key) {
            continue;
        }
        // What a failed parent would have held fails with it, where it is new.
        let parent = Metadata::owner_of(&it.key).filter(|parent| *parent != it.key);
        if it.row.created && parent.is_some_and(|it| failed.contains_key(&it)) {
            failed.insert(it.key, orphaned(it.row));
        } else {
            out.push(it.row);
        }
    }
    out.extend(delete(org, Phase::After));
    Attempt { rows: out, failed }
}

fn orphaned(row: DeployMessage) -> DeployMessage {
    DeployMessage {
        changed: false,
        created: false,
        id: None,
        problem: Some("Parent entity failed to deploy".to_owned()),
        problem_type: Some("Error".to_owned()),
        success: false,
        ..row
    }
}

/// A unit without its excluded parts; `None` where nothing is left of it.
fn without<'a>(
    unit: &'a Unit,
    excluded: &BTreeMap<ComponentKey, DeployMessage>,
) -> Option<Cow<'a, Unit>> {
    if excluded.is_empty() {
        return Some(Cow::Borrowed(unit));
    }
    if excluded.contains_key(&unit.new.key) {
        return None;
    }
    let mut unit = unit.clone();
    if let Scope::Children(named) = &mut unit.scope {
        named.retain(|it| !excluded.contains_key(it));
        if named.is_empty() {
            return None;
        }
    }
    if let pool::Parsed::Root(root) = &mut unit.document {
        let doomed: Vec<_> = pool::children(&unit.new.key, root)
            .into_iter()
            .filter(|(it, _)| excluded.contains_key(it))
            .map(|(_, it)| it.clone())
            .collect();
        root.children.retain(|it| match it {
            crate::xml::Node::Element(it) => !doomed.contains(it),
            _ => true,
        });
    }
    Some(Cow::Owned(unit))
}

fn failure(unit: &Unit, problem: &Problem, rows: &Rows) -> DeployMessage {
    let key = &problem.key;
    let full_name = match key.type_name.as_str() {
        "LightningComponentBundle" => format!("markup://c:{}", key.name),
        _ => key.name.to_string(),
    };
    DeployMessage {
        line_number: problem.line,
        column_number: problem.column,
        ..rows.error(
            &apply::type_in_rows(key, unit),
            &full_name,
            &unit.file_name,
            &problem.text,
        )
    }
}

fn run_tests(org: &mut SimOrg, contents: &Contents, options: &DeployOptions, ran: &mut Ran) {
    let apex: Vec<&ComponentKey> = contents
        .packages
        .iter()
        .flat_map(|it| &it.units)
        .map(|it| &it.new.key)
        .filter(|it| is_apex(it))
        .collect();
    let level = match level(options) {
        Some(level) => level,
        None if org.config.kind == OrgKind::Production && !apex.is_empty() => TestLevel::Local,
        None => TestLevel::None,
    };
    match apex_tests::run(org, level, &options.run_tests, &apex) {
        Ok(result) => ran.tests = result,
        Err(message) => {
            ran.refusal = Some(("INVALID_CROSS_REFERENCE_KEY".to_owned(), message));
        }
    }
}

fn level(options: &DeployOptions) -> Option<TestLevel> {
    options.test_level.as_deref().and_then(TestLevel::named)
}

/// Whether a component is Apex code.
pub(super) fn is_apex(key: &ComponentKey) -> bool {
    matches!(key.type_name.as_str(), "ApexClass" | "ApexTrigger")
}

/// Whether the file of that name holds Apex code.
pub(super) fn is_apex_file(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, it)| it);
    matches!(extension, Some("cls" | "trigger"))
}
