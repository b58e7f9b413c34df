//! The house rules that a compiler does not hold.

use std::{collections::BTreeSet, fs, path::Path};

/// Each module and all it may import, lowest floor first. A row may only name
/// rows above it, so there is no cycle to find.
const FLOORS: &[(&str, &str)] = &[
    ("xml", ""),
    ("model", "xml"),
    ("progress", ""),
    ("ledger", "model"),
    ("archive", "model"),
    ("records", "model"),
    ("registry", "xml model"),
    ("source", "xml model archive registry"),
    ("diff", "xml model registry source"),
    ("plan", "xml model ledger records registry source diff"),
    ("client", "xml model progress archive records"),
    ("auth", "xml model progress client"),
    ("store", "model progress"),
    ("workdir", "model registry"),
    ("config", "model records source plan"),
    (
        "ops",
        "xml model progress ledger archive records registry source diff plan client auth store workdir config",
    ),
    ("simorg", "xml model archive registry source"),
    (
        "cli",
        "xml model progress ledger archive records registry source diff plan client auth store workdir config ops simorg",
    ),
];

/// Modules named as `crate::module` in the files below `dir`, tests aside.
fn imports(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in rust_files(dir) {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("crate::") {
            let rest = &text[at + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                let group = &group[..group.find("};").unwrap_or(group.len())];
                let mut depth = 0;
                for part in group.split_inclusive(['{', '}', ',']) {
                    if depth == 0 {
                        found.extend(first_word(part.trim_start()));
                    }
                    depth += part.matches('{').count();
                    depth = depth.saturating_sub(part.matches('}').count());
                }
            } else {
                found.extend(first_word(rest));
            }
        }
    }
    found
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text
        .chars()
        .take_while(|it| it.is_ascii_alphanumeric() || *it == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

fn rust_files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_module_imports_only_what_its_floor_allows() {
    for (n_above, (module, allowed)) in FLOORS.iter().enumerate() {
        let allowed: Vec<_> = allowed.split_whitespace().collect();
        for dep in &allowed {
            let above = FLOORS[..n_above].iter().any(|(above, _)| above == dep);
            assert!(above, "{module} may not name {dep}: its row is not above");
        }
        let dir = Path::new("src").join(module);
        let found = if dir.is_dir() {
            imports(&dir)
        } else {
            let alone = crate::support::tempdir();
            fs::copy(dir.with_extension("rs"), alone.path().join("it.rs")).unwrap();
            imports(alone.path())
        };
        for dep in found {
            let fine = dep == *module || allowed.contains(&&*dep);
            assert!(fine, "src/{module} imports crate::{dep}");
        }
    }
}

#[test]
fn every_module_has_a_floor() {
    for entry in fs::read_dir("src").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let known =
            ["lib", "main"].contains(&name) || FLOORS.iter().any(|(module, _)| *module == name);
        assert!(known, "src/{name} has no row in FLOORS");
    }
}

#[test]
fn nobody_but_the_demo_knows_that_an_org_is_simulated() {
    for file in rust_files(Path::new("src")) {
        let side = file.starts_with("src/simorg")
            || file.starts_with("src/cli/simorg.rs")
            // The list of commands names the one that serves it.
            || file.starts_with("src/cli/mod.rs")
            || file.starts_with("src/cli/demo")
            || file.starts_with("src/cli/demo.rs");
        if side {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for word in ["/simorg/", "is_simulated", "simorg::"] {
            assert!(!text.contains(word), "{} knows of `{word}`", file.display());
        }
    }
}

#[test]
fn only_the_face_prints_and_reads_the_environment() {
    for (module, _) in FLOORS {
        if ["cli", "simorg"].contains(module) {
            continue;
        }
        let dir = Path::new("src").join(module);
        if !dir.is_dir() {
            continue;
        }
        for file in rust_files(&dir) {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for word in [
                "println!",
                "eprintln!",
                "std::env::var",
                "env::vars",
                "process::exit",
            ] {
                assert!(!code.contains(word), "{} uses {word}", file.display());
            }
        }
    }
}

#[test]
fn every_integration_test_file_is_compiled() {
    let main = fs::read_to_string("tests/it/main.rs").unwrap();
    for entry in fs::read_dir("tests/it").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let declared = name == "main" || main.lines().any(|line| line == format!("mod {name};"));
        assert!(declared, "tests/it/main.rs lacks `mod {name};`");
    }
}

#[test]
fn main_stays_below_thirty_lines() {
    assert!(fs::read_to_string("src/main.rs").unwrap().lines().count() < 30);
}
