use super::*;

fn refusal(text: &str) -> String {
    let err = Config::parse(text).unwrap_err();
    match err.hint() {
        Some(hint) => format!("{err}\n{hint}"),
        None => err.to_string(),
    }
}

#[test]
fn empty_file_is_the_defaults() {
    let config = Config::parse("").unwrap();
    assert_eq!(config.org.branch, "main");
    assert_eq!(config.api_version, DEFAULT_API_VERSION);
    assert_eq!(config.level, Level::Canonical);
    assert_eq!(config.redact, Redact::On);
    assert_eq!(config.full_every, Duration::from_hours(168));
    assert_eq!(config.push.remote, "origin");
}

#[test]
fn every_key_is_read() {
    let config = Config::parse(
        r#"
api_version = "63.0"
level = "faithful"
full_every = "12h"
redact = "off"
[org]
name = "ACME"
login = "jane@acme.com"
branch = "org/uat"
[metadata]
include = ["Flow", "Report:Sales/*"]
exclude = ["namespace:npsp"]
managed = "all"
[limits]
max_api_calls = 5_000
api_floor = 0
[commit]
name = "Nightly"
email = "ci@acme.com"
[normalise]
flow-coordinates = false
[push]
remote = "backup"
"#,
    )
    .unwrap();
    assert_eq!(config.api_version, ApiVersion::new(63));
    assert_eq!(config.level, Level::Faithful);
    assert_eq!(config.full_every, Duration::from_hours(12));
    assert_eq!(config.redact, Redact::Off);
    assert_eq!(config.org.name.as_deref(), Some("ACME"));
    assert_eq!(config.org.login.as_deref(), Some("jane@acme.com"));
    assert_eq!(config.org.branch, "org/uat");
    assert_eq!(config.scope.include.len(), 2);
    assert_eq!(config.scope.exclude.len(), 1);
    assert_eq!(config.scope.managed, Managed::All);
    assert_eq!(config.limits.max_api_calls, Some(5000));
    assert_eq!(config.limits.api_floor, Some(0));
    assert_eq!(config.commit.name, "Nightly");
    assert!(!config.rules.holds("flow-coordinates"));
    assert_eq!(config.push.remote, "backup");
}

#[test]
fn template_says_what_holds_without_it() {
    let text = template("main", DEFAULT_API_VERSION);
    let config = Config::parse(&text).unwrap();
    assert_eq!(config.rules.switched(), Config::default().rules.switched());
    // Every line that is commented out is valid, and a default or an example.
    let shown: Vec<_> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => key,
            _ => line,
        })
        .collect();
    let config = Config::parse(&shown.join("\n")).unwrap();
    assert_eq!(config.rules.switched(), Config::default().rules.switched());
    assert_eq!(config.commit, Config::default().commit);
    assert_eq!(config.scope.include.len(), 4);
    assert_eq!(config.full_every, Config::default().full_every);
}

#[test]
fn branch_of_any_spelling_is_quoted() {
    let text = template("a\"b\\c", DEFAULT_API_VERSION);
    assert_eq!(Config::parse(&text).unwrap().org.branch, "a\"b\\c");
}

#[test]
fn unknown_key_is_refused_with_the_nearest() {
    insta::assert_snapshot!(refusal("level = \"faithful\"\n[metadata]\n\nexlude = []\n"), @r"
    orgkeep.toml, line 4: there is no key `metadata.exlude`
    did you mean `metadata.exclude`?
    ");
    insta::assert_snapshot!(refusal("[metdata]\n"), @r"
    orgkeep.toml, line 1: there is no key `metdata`
    did you mean `metadata`?
    ");
    insta::assert_snapshot!(refusal("[normalise]\nflow_coordinates = true\n"), @r"
    orgkeep.toml, line 2: there is no key `normalise.flow_coordinates`
    did you mean `normalise.flow-coordinates`?
    ");
}

#[test]
fn host_has_no_place_here() {
    insta::assert_snapshot!(refusal("[org]\ninstance_url = \"https://evil\"\n"), @r"
    orgkeep.toml, line 2: there is no key `org.instance_url`
    a host belongs to a stored login: run `orgkeep login`, and name that login as `org.login`
    ");
    insta::assert_snapshot!(refusal("[org]\nlogin = \"https://evil\"\n"), @r"
    orgkeep.toml, line 2: `org.login` is the name of a stored login or a username, never a host
    list the stored logins with `orgkeep orgs`
    ");
}

#[test]
fn value_that_cannot_be_is_named_with_its_line() {
    insta::assert_snapshot!(refusal("\nlevel = \"exact\""), @r#"orgkeep.toml, line 2: `level` is one of "canonical", "faithful""#);
    insta::assert_snapshot!(refusal("api_version = 66"), @"orgkeep.toml, line 1: `api_version` is a text: write it in quotes");
    insta::assert_snapshot!(refusal("api_version = \"66.5\""), @"orgkeep.toml, line 1: `api_version` is refused: `66.5` is not an API version such as `66.0`");
    insta::assert_snapshot!(refusal("full_every = \"0d\""), @r#"orgkeep.toml, line 1: `full_every` is a time such as "12h", "7d", "4w", or "never""#);
    insta::assert_snapshot!(refusal("[limits]\nmax_api_calls = -1"), @"orgkeep.toml, line 2: `limits.max_api_calls` is a whole number from 0");
    insta::assert_snapshot!(refusal("[metadata]\ninclude = [\n  \"Flow\",\n  3,\n]"), @"orgkeep.toml, line 4: `metadata.include` is a text: write it in quotes");
    insta::assert_snapshot!(refusal("org = 3"), @"orgkeep.toml, line 1: `org` is a table: write `[org]`");
    insta::assert_snapshot!(refusal("[org]\nbranch = \"\""), @"orgkeep.toml, line 2: `org.branch` is a name: one line, not empty");
}

#[test]
fn what_is_no_toml_is_named_with_its_line() {
    let text = refusal("level = \"canonical\"\n[org\nname = 1");
    assert!(text.starts_with("orgkeep.toml, line 2: "), "{text}");
    let text = refusal("level = \"a\"\nlevel = \"b\"");
    assert!(text.starts_with("orgkeep.toml, line 2: "), "{text}");
    for text in ["\u{0}", "= =", "a = [[[[", "\u{feff}level=1"] {
        Config::parse(text).unwrap_err();
    }
}

#[test]
fn missing_file_says_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();
    let err = Config::read(dir.path()).unwrap_err();
    assert!(matches!(err, Error::Missing { .. }));
    assert!(err.hint().unwrap().contains("orgkeep init"));
}
