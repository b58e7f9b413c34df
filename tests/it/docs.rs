//! Prose that can be wrong is tested.

use std::{fs, process::Command};

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

/// The first fenced block behind a heading.
fn fenced_after(text: &str, heading: &str) -> String {
    let behind = &text[text.find(heading).unwrap()..];
    let block = behind.split("```").nth(1).unwrap();
    let (_, body) = block.split_once('\n').unwrap();
    body.trim().to_owned()
}

fn orgkeep(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_orgkeep"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn ci_runs_the_test_command_of_the_readme() {
    let command = fenced_after(&read("README.md"), "## Tests");
    assert_eq!(command, "cargo test --locked");
    let ci = read(".ci/run");
    assert!(
        ci.lines().any(|line| line == command),
        ".ci/run does not run `{command}`"
    );
}

#[test]
fn readme_begins_with_the_two_commands() {
    let readme = read("README.md");
    let commands: Vec<&str> = readme
        .split("```sh\n")
        .skip(1)
        .take(2)
        .map(|it| it.split(['\n', '#']).next().unwrap().trim())
        .collect();
    assert_eq!(
        commands,
        ["cargo run --release -- demo", "cargo test --locked"]
    );
}

#[test]
fn every_command_of_the_readme_is_in_the_help() {
    let help = orgkeep(&["--help"]);
    let readme = read("README.md");
    let mut n_commands = 0;
    for line in readme.lines() {
        let Some(rest) = line.trim_start_matches("$ ").strip_prefix("orgkeep ") else {
            continue;
        };
        let command = rest.split(' ').next().unwrap();
        assert!(
            help.lines()
                .any(|it| it.trim_start().starts_with(&format!("{command} "))),
            "README.md runs `orgkeep {command}`, which the help does not list"
        );
        n_commands += 1;
    }
    assert!(
        n_commands >= 8,
        "the tour of README.md has {n_commands} commands"
    );
}

#[test]
fn every_command_has_a_help_of_its_own() {
    let help = orgkeep(&["--help"]);
    let commands = help
        .lines()
        .skip_while(|it| *it != "Commands:")
        .skip(1)
        .take_while(|it| !it.is_empty())
        .filter_map(|it| it.strip_prefix("  "))
        .filter(|it| !it.starts_with(' '))
        .map(|it| it.split(' ').next().unwrap())
        .filter(|it| *it != "help");
    let mut n_commands = 0;
    for command in commands {
        let own = orgkeep(&[command, "--help"]);
        assert!(
            own.len() > 200,
            "`orgkeep {command} --help` says little:\n{own}"
        );
        n_commands += 1;
    }
    assert!(n_commands >= 8, "{help}");
}

#[test]
fn manual_and_completions_are_printed() {
    assert!(orgkeep(&["man"]).contains(".TH orgkeep"));
    let page = orgkeep(&["man", "login", "web"]);
    assert!(page.contains(".TH orgkeep-login-web"), "{page}");
    assert!(page.contains("Log in in a browser"), "{page}");
    assert!(orgkeep(&["completions", "bash"]).contains("_orgkeep"));
}

#[test]
fn schema_of_plan_files_is_json_and_names_every_key() {
    let text = read("docs/plan.md");
    let schema: serde_json::Value = serde_json::from_str(&fenced_after(&text, "## Schema")[..])
        .unwrap_or_else(|err| panic!("{err}"));
    let source = read("src/plan/rollback/file.rs");
    for (name, schema) in [
        ("PlanFile", &schema["properties"]),
        ("Entry", &schema["$defs"]["entry"]["properties"]),
    ] {
        let behind = source
            .split(&format!("pub struct {name} {{"))
            .nth(1)
            .unwrap();
        let fields: Vec<&str> = behind
            .split("\n}")
            .next()
            .unwrap()
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next())
            .collect();
        let keys: Vec<&String> = schema.as_object().unwrap().keys().collect();
        assert_eq!(keys, fields, "{name}");
        for key in keys {
            assert!(text.contains(&format!("`{key}`")), "{key} is not described");
        }
    }
}

#[test]
fn changelog_has_a_place_for_what_is_not_released() {
    assert!(read("CHANGELOG.md").contains("## [Unreleased]"));
}
