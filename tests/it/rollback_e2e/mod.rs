//! Rolling back what another user deleted or changed, against the simulated org.
//!
//! Each case is one change by Jane, with her own token. It is seen in the log under
//! her name, planned, and rolled back. A twin of the org never saw Jane: whatever she
//! did, both hold the same in the end, byte for byte, and so do their trees. What Omar
//! does in between is done to both.

mod access;
mod automation;
mod code;
mod fields;
mod layouts;
mod objects;
mod plan;
mod reports;
mod scope;
mod selectors;
mod together;

use std::{collections::BTreeSet, fmt::Write as _};

use crate::support::{Deploy, Held, Org, TestEnv};

/// One change by Jane, and the way back.
struct Case {
    change: Deploy,
    /// The component of which the log says that it was her.
    seen: &'static str,
    /// How the snapshot looks that sees it, where no date nor table tells.
    full: &'static [&'static str],
    /// What is rolled back, as typed.
    selectors: &'static [&'static str],
    /// What the plan says.
    says: Vec<&'static str>,
    /// What Omar does after her.
    meanwhile: Deploy,
    /// Files of the tree that hold what Omar did, by their end.
    stays: &'static [&'static str],
}

fn case(change: Deploy, seen: &'static str, selectors: &'static [&'static str]) -> Case {
    Case {
        change,
        seen,
        full: &[],
        selectors,
        says: Vec::new(),
        meanwhile: Deploy::new(),
        stays: &[],
    }
}

impl Case {
    /// Nothing but a full snapshot tells.
    fn seen_by_a_full_snapshot(mut self) -> Self {
        self.full = &["--full"];
        self
    }

    /// The plan says this.
    fn says(mut self, text: &'static str) -> Self {
        self.says.push(text);
        self
    }

    /// Omar does this after her, which stays in the files that end so.
    fn meanwhile(mut self, change: Deploy, stays: &'static [&'static str]) -> Self {
        self.meanwhile = change;
        self.stays = stays;
        self
    }
}

/// An org and its twin, and a repository with a first snapshot.
struct Pair {
    env: TestEnv,
    twin: Org,
}

impl Pair {
    fn new() -> Self {
        Self::with(&Deploy::new())
    }

    /// Both with something more from the beginning.
    fn with(more: &Deploy) -> Self {
        let pair = Self {
            env: TestEnv::initialised(),
            twin: Org::acme(),
        };
        if !more.is_empty() {
            more.by(&pair.env.org, "Ada");
            more.by(&pair.twin, "Ada");
        }
        pair.env.orgkeep(&["snapshot"]).status(0);
        pair
    }

    #[track_caller]
    fn run(&self, case: &Case) {
        let env = &self.env;
        let what = case.selectors;
        let target = env.head();
        let before = Held::of(&env.org);
        case.change.by(&env.org, "Jane");
        let changed = Held::of(&env.org);
        assert_ne!(before.files, changed.files, "{what:?}: nothing has changed");
        if !case.meanwhile.is_empty() {
            case.meanwhile.by(&env.org, "Omar");
            case.meanwhile.by(&self.twin, "Omar");
        }
        let edited = Held::of(&env.org);
        env.orgkeep(&[&["snapshot"], case.full].concat()).status(0);
        env.orgkeep(&["log", "-n", "1", case.seen])
            .status(0)
            .says("Jane Doe");

        let file = env.scratch("plan.json");
        let file = file.to_str().unwrap();
        let rollback = [&["rollback", "--to", &target], what].concat();
        let planned = env.orgkeep(&[&rollback[..], &["--plan", file]].concat());
        let planned = case
            .says
            .iter()
            .fold(planned.status(0), |it, text| it.says(text));
        env.orgkeep(&["apply", file, "--yes"])
            .status(0)
            .says("every component of the plan is as planned");

        let after = Held::of(&env.org);
        assert_same(&after, &Held::of(&self.twin), what);
        assert_only_planned(&edited, &after, &planned.stdout);
        let differing = differing(env, &target, "HEAD");
        let is_omars = |path: &String| case.stays.iter().any(|it| path.ends_with(it));
        assert!(
            differing.iter().all(is_omars) && differing.len() == case.stays.len(),
            "{what:?}: the trees differ in {differing:?}\n{}",
            planned.stdout
        );
        env.orgkeep(&[&rollback[..], &["--yes"]].concat())
            .status(0)
            .says("nothing to do");
    }

    /// Runs the cases one after the other; in the end a first snapshot of the twin has the same tree.
    #[track_caller]
    fn run_all(self, cases: &[Case]) {
        for case in cases {
            self.run(case);
        }
        self.env.assert_sound();
        let force_app = |env: &TestEnv| env.git(&["rev-parse", "HEAD:force-app"]);
        let of_ours = force_app(&self.env);
        // In the same home, where the key of secrets is kept.
        let twin = TestEnv::new(self.twin);
        let home = self.env.scratch("");
        for arguments in ["init", "snapshot"] {
            let output = twin
                .command(env!("CARGO_BIN_EXE_orgkeep"), &twin.repo())
                .env("HOME", &home)
                .env("XDG_CONFIG_HOME", home.join(".config"))
                .arg(arguments)
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        assert_eq!(of_ours, force_app(&twin));
    }
}

#[track_caller]
fn come_back(cases: &[Case]) {
    Pair::new().run_all(cases);
}

/// Asserts that two orgs hold the same.
#[track_caller]
fn assert_same(one: &Held, other: &Held, what: &[&str]) {
    let mut words = String::new();
    for path in one.differing(other) {
        let text = |held: &Held| match held.files.get(&path) {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => "none".to_owned(),
        };
        let lines = similar::TextDiff::from_lines(text(other), text(one));
        let _ = writeln!(words, "--- {path}\n{}", lines.unified_diff());
    }
    assert!(
        words.is_empty(),
        "{what:?}: the org differs from its twin:\n{words}"
    );
    let names = |held: &Held| held.changed.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(one), names(other), "{what:?}");
}

/// Asserts that only what the plan names was touched, or what holds a child that it names.
#[track_caller]
fn assert_only_planned(before: &Held, after: &Held, plan: &str) {
    for (name, last) in &after.changed {
        let is_touched = before.changed.get(name) != Some(last);
        // A version of a flow is activated by its definition.
        let name = &name.replace("FlowDefinition:", "Flow:");
        let (_, own) = name.split_once(':').unwrap();
        assert!(
            !is_touched || plan.contains(name) || plan.contains(&format!(":{own}.")),
            "{name} was touched by {last:?}, and the plan says\n{plan}"
        );
    }
}

/// Metadata files that differ between two commits.
fn differing(env: &TestEnv, from: &str, to: &str) -> Vec<String> {
    let names = env.git(&[
        "diff",
        "--name-only",
        from,
        to,
        "--",
        "force-app",
        "unmapped",
    ]);
    names.lines().map(str::to_owned).collect()
}
