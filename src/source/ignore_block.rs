//! The part of a `.forceignore` that orgkeep writes: files in which a secret was taken out.
//!
//! Plain `sf` would deploy the placeholder in place of the secret; so it is told to leave
//! these files alone. Orgkeep itself reads past the block.
//!
//! Invariant: what people wrote around the block keeps its bytes.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::model::TreePath;

const BEGIN: &str =
    "# >>> orgkeep: files in which a secret was taken out. `sf` must not deploy them.";
const END: &str = "# <<< orgkeep";

/// The text without the block.
#[must_use]
pub fn without_block(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_inside = false;
    for line in text.split_inclusive('\n') {
        match line.trim_end() {
            BEGIN => is_inside = true,
            END if is_inside => is_inside = false,
            _ if is_inside => (),
            _ => out.push_str(line),
        }
    }
    out
}

/// The text with a block of these files, or with none where there are none.
///
/// With a file goes the `-meta.xml` beside it, without which `sf` refuses it.
#[must_use]
pub fn with_block(text: &str, files: &BTreeSet<&TreePath>) -> String {
    let mut out = without_block(text);
    if files.is_empty() {
        return out;
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(BEGIN);
    out.push('\n');
    for file in files {
        let path = escaped(file.as_str());
        writeln!(out, "/{path}").expect("a String takes all");
        if !path.ends_with("-meta.xml") {
            writeln!(out, "/{path}-meta.xml").expect("a String takes all");
        }
    }
    out.push_str(END);
    out.push('\n');
    out
}

/// A path as a pattern that means just it.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for it in path.chars() {
        if matches!(it, '\\' | '*' | '?' | '[' | ']' | '!' | '#') {
            out.push('\\');
        }
        out.push(it);
    }
    // A blank at the end would be left out.
    match out.strip_suffix(' ') {
        Some(rest) => format!("{rest}\\ "),
        None => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Ignored;

    #[test]
    fn block_is_written_and_read_past_and_people_keep_their_lines() {
        let (one, other): (TreePath, TreePath) = (
            "force-app/main/default/authproviders/A[1].authprovider-meta.xml"
                .parse()
                .unwrap(),
            "force-app/main/default/certs/C.crt".parse().unwrap(),
        );
        let files = BTreeSet::from([&one, &other]);
        let text = with_block("package.xml", &files);
        assert_eq!(
            text,
            format!(
                "package.xml\n{BEGIN}\n/force-app/main/default/authproviders/A\\[1\\].authprovider-meta.xml\n\
                 /force-app/main/default/certs/C.crt\n/force-app/main/default/certs/C.crt-meta.xml\n{END}\n"
            )
        );
        assert_eq!(with_block(&text, &files), text);
        assert_eq!(
            without_block(&format!("{text}# mine\r\n")),
            "package.xml\n# mine\r\n"
        );
        assert_eq!(with_block(&text, &BTreeSet::new()), "package.xml\n");
        assert!(!Ignored::parse(&text).denies(one.as_str()));
        // `sf` knows nothing of blocks.
        assert!(Ignored::parse(&text.replace(">>>", "")).denies(one.as_str()));
    }
}
