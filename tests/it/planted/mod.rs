//! Secrets of every kind in one org: none of them leaves it.

mod secrets;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use orgkeep::source::redact;
use secrets::{Planted, Values};
use serde_json::json;

use crate::support::{Held, Org, Ran, TestEnv};

/// A key for the tags of secrets, so that two machines have the same.
const KEY: (&str, &str) = ("ORGKEEP_REDACTION_KEY", "0123456789abcdef0123456789abcdef");

/// An org with everything that is planted, and all that was printed so far.
struct Watched {
    env: TestEnv,
    printed: String,
    seen: BTreeSet<String>,
}

impl Watched {
    fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Planted::all(Values::First, "Acme").write(folder.path());
        let env = TestEnv::new(Org::start(&["--load", folder.path().to_str().unwrap()]));
        fs::create_dir_all(env.scratch("tmp")).unwrap();
        env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
        let mut watched = Self {
            env,
            printed: String::new(),
            seen: BTreeSet::new(),
        };
        let repo = watched.env.repo();
        watched.run_in(&repo, &["init"]);
        watched
    }

    fn run_in(&mut self, dir: &Path, arguments: &[&str]) -> Ran {
        let mut command = self.env.command(env!("CARGO_BIN_EXE_orgkeep"), dir);
        let output = command
            .env(KEY.0, KEY.1)
            .env("TMPDIR", self.env.scratch("tmp"))
            .args(arguments)
            .output()
            .unwrap();
        let ran = Ran::of(&output);
        self.printed += &ran.stdout;
        self.printed += &ran.stderr;
        ran
    }

    fn run(&mut self, arguments: &[&str]) -> Ran {
        let repo = self.env.repo();
        self.run_in(&repo, arguments)
    }

    /// Makes the org equal to what is planted with these values and labels.
    fn load(&mut self, planted: &Planted, at: &str) {
        let folder = tempfile::tempdir().unwrap();
        planted.write(folder.path());
        let user = self.env.org.ready["users"][1]["username"].as_str().unwrap();
        self.env.org.load(folder.path(), user, at);
    }

    /// Asserts that no secret of any time is in an object, a file or a line that was printed.
    #[track_caller]
    fn assert_kept_quiet(&mut self, when: &str) {
        for values in [Values::First, Values::Second] {
            let planted = Planted::all(values, "Acme").secrets;
            self.seen.extend(planted.into_iter().map(|it| it.value));
        }
        let mut places = vec![(
            "what was printed".to_owned(),
            self.printed.clone().into_bytes(),
        )];
        for repo in [self.env.repo(), self.env.scratch("other")] {
            if repo.join(".git").exists() {
                let output = self
                    .env
                    .command("git", &repo)
                    .args(["cat-file", "--batch-all-objects", "--batch"])
                    .output()
                    .unwrap();
                places.push((format!("an object of {}", repo.display()), output.stdout));
            }
        }
        let mut files = Vec::new();
        walk(&self.env.scratch(""), &mut files);
        for file in files {
            let bytes = fs::read(&file).unwrap();
            assert!(
                !bytes.starts_with(b"PK\x03\x04"),
                "{when}: an archive of the org stays in {}",
                file.display()
            );
            places.push((file.display().to_string(), bytes));
        }
        for (place, bytes) in places {
            let text = String::from_utf8_lossy(&bytes);
            for secret in &self.seen {
                assert!(!text.contains(secret), "{when}: {secret} is in {place}");
            }
        }
    }
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The files of an org in which a placeholder stands; and whether each secret is in its file.
#[track_caller]
fn assert_org_has(held: &Held, planted: &Planted, when: &str) {
    for (path, bytes) in &held.files {
        let text = String::from_utf8_lossy(bytes);
        assert!(
            !text.contains("!redacted:"),
            "{when}: a placeholder is in {path}"
        );
    }
    for secret in &planted.secrets {
        let bytes = held.files.get(&secret.file).unwrap_or_else(|| {
            panic!("{when}: the org has no {}", secret.file);
        });
        let text = String::from_utf8_lossy(bytes);
        assert!(
            text.contains(&secret.value),
            "{when}: the org has lost the secret of {}: {}",
            secret.file,
            secret.what
        );
    }
}

#[test]
fn planted_secrets_are_at_least_forty_and_each_is_another() {
    let planted = Planted::all(Values::First, "Acme");
    let values: BTreeSet<&str> = planted.secrets.iter().map(|it| it.value.as_str()).collect();
    assert!(values.len() >= 60, "{}", values.len());
    assert_eq!(values.len(), planted.secrets.len());
    for secret in &planted.secrets {
        assert!(
            planted.files[&secret.file].contains(&secret.value),
            "{}",
            secret.what
        );
    }
}

#[test]
fn no_planted_secret_is_in_an_object_a_message_a_plan_or_a_file_and_none_is_lost_in_the_org() {
    let mut watched = Watched::begin();
    watched.run(&["snapshot"]).status(0);
    let first = watched.env.head();
    watched.assert_kept_quiet("after the first snapshot");

    let other = watched.env.scratch("other");
    fs::create_dir(&other).unwrap();
    watched.run_in(&other, &["init"]).status(0);
    watched.run_in(&other, &["snapshot"]).status(0);
    for path in ["HEAD:force-app", "HEAD:.orgkeep"] {
        let ours = watched.env.git(&["rev-parse", path]);
        assert_eq!(
            ours,
            watched.env.git_in(&other, &["rev-parse", path]),
            "{path}"
        );
    }

    watched.run(&["verify", "--twice"]).status(0);
    watched.assert_kept_quiet("after verify");
    assert_eq!(watched.env.head(), first);

    // Other values, then other labels: the labels go back, the values stay.
    let planted = Planted::all(Values::Second, "Acme");
    watched.load(&planted, "2027-01-10T09:00:00Z");
    watched.run(&["snapshot"]).status(0);
    let subjects = watched
        .env
        .git(&["log", "--format=%an", &format!("{first}..")]);
    assert_eq!(subjects.lines().count(), 1, "{subjects}");
    let changed = watched
        .env
        .git(&["diff", "--name-only", &first, "HEAD", "--", "force-app"]);
    let n_files: BTreeSet<&str> = planted.secrets.iter().map(|it| it.file.as_str()).collect();
    // The platform encrypts one of them anew for each answer, so that its change is not seen.
    assert_eq!(changed.lines().count(), n_files.len() - 1, "{changed}");
    let second = watched.env.head();

    watched.load(
        &Planted::all(Values::Second, "Renamed"),
        "2027-01-10T10:00:00Z",
    );
    watched.run(&["snapshot"]).status(0);
    let plan = watched.env.scratch("plan.json");
    let plan = plan.to_str().unwrap().to_owned();
    let mut rollback = vec!["rollback", "--to", &second, "--all", "--plan", &plan];
    for component in &planted.of_other_versions {
        rollback.extend(["--except", component]);
    }
    watched
        .run(&rollback)
        // A package is installed by a person.
        .status(3);
    watched.assert_kept_quiet("after a plan");
    let ran = watched.run(&["apply", &plan, "--yes"]);
    assert!([0, 3].contains(&ran.status), "{}{}", ran.stdout, ran.stderr);
    assert_org_has(
        &Held::of(&watched.env.org),
        &planted,
        "after the labels went back",
    );

    // As far back as the first values: they are not there, so those of now stay.
    let mut rollback = vec!["rollback", "--to", &first, "--all", "--yes"];
    for component in &planted.of_other_versions {
        rollback.extend(["--except", component]);
    }
    let ran = watched.run(&rollback);
    assert!([0, 3].contains(&ran.status), "{}{}", ran.stdout, ran.stderr);
    assert_org_has(
        &Held::of(&watched.env.org),
        &planted,
        "after a way back further",
    );
    watched.assert_kept_quiet("after the rollbacks");
    watched.env.assert_sound();
}

#[test]
fn change_of_one_secret_is_one_commit_of_one_file() {
    let mut watched = Watched::begin();
    watched.run(&["snapshot"]).status(0);
    let planted = Planted::all(Values::First, "Acme");
    let others = Planted::all(Values::Second, "Acme");
    let mut now = Planted::all(Values::First, "Acme");
    // One of a rule, one of a shape, one that only its record's label betrays.
    for (hour, what) in [
        (9, "NamedCredential password"),
        (10, "a key of Stripe"),
        (11, "CustomMetadata values.value, the `label` of all"),
    ] {
        let before = watched.env.head();
        let secret = planted
            .secrets
            .iter()
            .find(|it| it.what.starts_with(what))
            .unwrap();
        let text = others.files[&secret.file].clone();
        now.files.insert(secret.file.clone(), text);
        watched.load(&now, &format!("2027-01-10T{hour:02}:00:00Z"));
        watched.run(&["snapshot"]).status(0);
        let range = format!("{before}..");
        assert_eq!(
            watched.env.git(&["rev-list", "--count", &range]),
            "1\n",
            "{what}: {}",
            watched.env.git(&["log", "--stat", &range])
        );
        let changed = watched
            .env
            .git(&["diff", "--name-only", &before, "HEAD", "--", "force-app"]);
        assert_eq!(changed.lines().count(), 1, "{what}: {changed}");
    }
    watched.assert_kept_quiet("after the changes");
}

#[test]
fn component_with_a_secret_that_is_gone_never_comes_back_with_a_placeholder() {
    let mut watched = Watched::begin();
    watched.run(&["snapshot"]).status(0);
    let first = watched.env.head();
    let mut fewer = Planted::all(Values::First, "Acme");
    fewer.files.retain(|path, _| path.starts_with("labels/"));
    watched.load(&fewer, "2027-01-10T09:00:00Z");
    watched.run(&["snapshot", "--accept-deletions"]);
    assert_ne!(watched.env.head(), first);
    for more in [&[][..], &["--accept-lossy"]] {
        let mut arguments = vec!["rollback", "--to", &first, "--all", "--yes"];
        arguments.extend_from_slice(more);
        watched.run(&arguments);
        let held = Held::of(&watched.env.org);
        for (path, bytes) in &held.files {
            let text = String::from_utf8_lossy(bytes);
            assert!(!text.contains("!redacted:"), "{path}:\n{text}");
        }
    }
    watched.assert_kept_quiet("after the rollbacks");
}

/// The page that lists where secrets are looked for, as the rules have it.
fn page() -> String {
    let mut rows = String::new();
    for (type_name, place, when) in redact::places() {
        writeln!(rows, "| {type_name} | `{place}` | {when} |").unwrap();
    }
    let mut kinds = String::new();
    for kind in redact::kinds() {
        writeln!(kinds, "- {kind}").unwrap();
    }
    format!("{PAGE_HEAD}{rows}\n{PAGE_KINDS}{kinds}\n{PAGE_END}")
}

const PAGE_HEAD: &str = "# Secrets: where they are looked for\n\n\
    A committed secret cannot be taken back. So before anything is written `!redacted:<tag>` takes the place of each; the README tells of\n\
    the key of the tags. A rollback puts the org's present value in its place, and a component of which the org has no value comes back\n\
    only with `--accept-lossy`. A test keeps this page: it is the table that orgkeep works by.\n\n\
    ## By type and element\n\n\
    A name sounds like a secret where it has `secret`, `password`, `token`, `apikey` or the like in it. `*` stands for any depth.\n\n\
    | Type | Element | Is a secret |\n|---|---|---|\n";

const PAGE_KINDS: &str = "The private keys in a `Certificate` are taken out as well; certificates are public.\n\n\
    ## By shape\n\nIn the text of any element of any `-meta.xml`:\n\n";

const PAGE_END: &str = "## What is only told\n\n\
    In code and content nothing is taken out, since code with a tag would be other code: what has a shape of the list, and a value that looks\n\
    drawn by lot and is given to a name that sounds like a secret, stands in the ledger with file and line. So does a long value of small\n\
    letters, capitals and digits in custom metadata, labels, translations and flows, whatever its name. With `suspected_secrets = \"stop\"` no\n\
    commit is made then.\n";

#[test]
fn page_on_secrets_lists_every_rule_and_every_shape() {
    let found = fs::read_to_string("docs/secrets.md").unwrap_or_default();
    let wanted = page();
    if found != wanted {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("secrets.md");
        fs::write(&path, wanted).unwrap();
        panic!("docs/secrets.md is not what {} says", path.display());
    }
}

#[test]
fn value_that_only_its_letters_betray_stops_the_snapshot_where_that_is_asked_for() {
    let mut watched = Watched::begin();
    let random = format!("q8Zr41kPw0sX2v{}", "T6bYh3LmN9");
    let mut planted = Planted::all(Values::First, "Acme");
    planted.files.insert(
        "customMetadata/Setting.Odd.md".to_owned(),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CustomMetadata xmlns=\"http://soap.sforce.com/2006/04/metadata\">\
             <label>Odd</label><values><field>Value__c</field><value>{random}</value></values></CustomMetadata>\n"
        ),
    );
    watched.load(&planted, "2027-01-10T09:00:00Z");
    let path = watched.env.repo().join("orgkeep.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("suspected_secrets = \"stop\"\n{text}")).unwrap();
    watched.run(&["snapshot"]).status(1).warns(
        "nothing is committed: what looks like a secret stands in force-app/main/default/customMetadata/Setting.Odd.md-meta.xml",
    );
    watched.seen.insert(random);
    watched.assert_kept_quiet("after a snapshot that was stopped");
}
