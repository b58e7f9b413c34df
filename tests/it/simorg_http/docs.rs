//! Every example of `docs/simorg.md` works.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::site::Site;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Lines of the blocks of one language.
fn examples(language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/simorg.md")).unwrap();
    let mut lines = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            inside = !inside && fence == language;
        } else if inside && !line.is_empty() {
            lines.push(line.to_owned());
        }
    }
    assert!(lines.len() > 5, "{language}");
    lines
}

#[test]
fn every_control_call_of_the_page_is_answered() {
    let site = Site::acme();
    for example in examples("http") {
        let mut words = example.splitn(3, ' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let body: Value = words
            .next()
            .map_or(Value::Null, |it| serde_json::from_str(it).unwrap());
        site.control(method, path, &body);
    }
}

#[test]
fn every_control_call_is_on_the_page() {
    let page = examples("http").join("\n");
    let code = fs::read_to_string(root().join("src/simorg/control/mod.rs")).unwrap();
    let mut known = 0;
    for line in code.lines() {
        let Some(rest) = line.trim().strip_prefix("(\"") else {
            continue;
        };
        let Some((method, path)) = rest.split_once("\", [") else {
            continue;
        };
        let path: Vec<&str> = path[..path.find(']').unwrap()]
            .split('"')
            .skip(1)
            .step_by(2)
            .collect();
        let example = format!("{method} /simorg/{}", path.join("/"));
        assert!(page.contains(&example), "{example}");
        known += 1;
    }
    assert!(known >= 12, "{known}");
}

#[cfg(unix)]
#[test]
fn every_command_of_the_page_serves_an_org() {
    let dir = crate::support::tempdir();
    std::os::unix::fs::symlink(root().join("fixtures"), dir.path().join("fixtures")).unwrap();
    fs::write(
        dir.path().join("users.json"),
        r#"[{"username":"a@b.example","name":"Ana Lopez","without":["ViewSetup"],"hiddenTypes":["Report"]}]"#,
    )
    .unwrap();
    let mut children = Vec::new();
    for example in examples("sh") {
        let words: Vec<&str> = example.split(' ').collect();
        assert_eq!(words[..3], ["orgkeep", "simorg", "serve"], "{example}");
        let child = Command::new(env!("CARGO_BIN_EXE_orgkeep"))
            .args(&words[1..])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        children.push((example, child));
    }
    for (example, child) in &mut children {
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|err| panic!("{example}: {err}: {line:?}"));
        assert!(ready["url"].is_string(), "{example}");
    }
}

#[test]
fn every_option_is_on_the_page() {
    let help = Command::new(env!("CARGO_BIN_EXE_orgkeep"))
        .args(["simorg", "serve", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let page = examples("sh").join("\n");
    for name in [
        "--load",
        "--port",
        "--users",
        "--latency",
        "--fault",
        "--noise",
        "--sandbox",
        "--production",
        "--state",
        "--limits",
        "--tls",
        "--org-id",
        "--feature",
        "--company",
        "--seed",
    ] {
        assert!(help.contains(name), "{name} is no option");
        assert!(page.contains(name), "{name} is not on the page");
    }
}
