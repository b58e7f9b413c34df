//! Looks for secrets that no rule knows: in code, in content, in unknown types.
//!
//! What it finds is told by its place and never by its value. It takes nothing out:
//! code with a placeholder would be other code.

use super::{rules::sounds_secret, shapes};

/// What becomes of a snapshot in which something looks like a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSuspect {
    /// It is made, and the ledger names the file.
    #[default]
    Report,
    /// It is not made, unless somebody has accepted the file as it is.
    Stop,
    /// Nothing is looked for.
    Ignore,
}

/// A place where something looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suspect {
    /// Line in the file, from 1.
    pub line: usize,
    /// What it looks like.
    pub what: &'static str,
}

/// Largest file that is looked into: what is larger is data, no code.
///
/// Own figure: the platform takes classes of 1 MB.
const LARGEST: usize = 1 << 20;

/// Most bytes between a name and the value that is given to it.
const FARTHEST: usize = 24;

/// The places in a file that look like secrets, as far as the rules have left any.
#[must_use]
pub fn suspects(path: &str, bytes: &[u8]) -> Vec<Suspect> {
    if bytes.len() > LARGEST
        || bytes.contains(&0)
        || path.rsplit_once('.').is_some_and(|it| it.1 == "crt")
    {
        return Vec::new();
    }
    let mut found: Vec<(usize, &'static str)> = shapes::find(bytes)
        .into_iter()
        .filter(|it| it.what != "a placeholder" && !is_placeholder(&bytes[it.at.clone()]))
        .map(|it| (it.at.start, it.what))
        .collect();
    if is_code(path)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        found.extend(named_values(text).map(|it| (it, "a value that is called a secret")));
    }
    if holds_values(path)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        found.extend(random_values(text).map(|it| (it, "a value that looks drawn by lot")));
    }
    found.sort_unstable();
    let line_of = |at: usize| 1 + bytes[..at].iter().filter(|it| **it == b'\n').count();
    let mut suspects: Vec<Suspect> = found
        .into_iter()
        .map(|(at, what)| Suspect {
            line: line_of(at),
            what,
        })
        .collect();
    suspects.dedup();
    suspects
}

fn is_placeholder(bytes: &[u8]) -> bool {
    super::has_placeholder(bytes)
}

/// Whether names are given values in it: `apiKey = '…'`.
fn is_code(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let ending = file.rsplit_once('.').map_or("", |it| it.1);
    matches!(
        ending,
        "cls" | "trigger" | "page" | "component" | "cmp" | "app" | "js" | "ts" | "json" | "yaml"
    ) && !file.ends_with(".min.js")
}

/// Whether people keep values of their own in it, and the platform none that look like these.
fn holds_values(path: &str) -> bool {
    let file = path.strip_suffix("-meta.xml").unwrap_or(path);
    let ending = file.rsplit_once('.').map_or("", |it| it.1);
    matches!(
        ending,
        "md" | "label" | "labels" | "translation" | "flow" | "remoteSite" | "callCenter"
    )
}

/// Where elements begin whose whole text can hardly be anything but a secret.
fn random_values(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices('>').filter_map(|(at, _)| {
        let value = &text[at + 1..];
        let value = &value[..value.find('<')?];
        shapes::can_hardly_be_else(value.trim()).then_some(at + 1)
    })
}

/// Where quoted values begin that are given to a name of a secret and look drawn by lot.
fn named_values(text: &str) -> impl Iterator<Item = usize> {
    let quotes = text.match_indices(['\'', '"']);
    quotes.filter_map(move |(at, quote)| {
        let value = &text[at + 1..];
        let value = &value[..value.find(quote)?];
        if 200 < value.len() || !shapes::looks_random(value) {
            return None;
        }
        let before = text[..at].trim_end();
        let before = before.strip_suffix(['=', ':', '(', ',', '>'])?;
        let from = before.len().saturating_sub(FARTHEST);
        let from = (from..before.len()).find(|it| before.is_char_boundary(*it))?;
        let named = before[from..].rsplit([';', '{', '}', '\n']).next()?;
        sounds_secret(named.trim_end_matches(['=', '\'', '"', ' '])).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let found = suspects(path, text.as_bytes());
        found.into_iter().map(|it| (it.line, it.what)).collect()
    }

    #[test]
    fn secrets_in_code_are_told_by_their_line() {
        assert_eq!(
            told(
                "classes/A.cls",
                "class A {\n  String apiKey = 'q8Zr-41kPw0sX2';\n  String u = 'https://a:bc9@h.example';\n}"
            ),
            [
                (2, "a value that is called a secret"),
                (3, "the password of a URL")
            ]
        );
        assert_eq!(
            told("lwc/a/a.js", "send({ 'client_secret': \"q8Zr41kPw0sX2\" })"),
            [(1, "a value that is called a secret")]
        );
    }

    #[test]
    fn value_that_only_its_letters_betray_is_told_where_people_keep_values() {
        let text = "<Flow>\n<stringValue>q8Zr41kPw0sX2vT6bYh3LmN9</stringValue></Flow>";
        assert_eq!(
            told("flows/A.flow-meta.xml", text),
            [(2, "a value that looks drawn by lot")]
        );
        assert_eq!(told("layouts/A.layout-meta.xml", text), []);
    }

    #[test]
    fn words_about_secrets_are_none() {
        for text in [
            "String label = 'Enter your password';",
            "req.setHeader('Authorization', 'Bearer ' + token);",
            "String s = 'q8Zr-41kPw0sX2';",
            "System.assertEquals('Password must have 8 characters', message);",
        ] {
            assert_eq!(told("classes/A.cls", text), [], "{text}");
        }
    }

    #[test]
    fn what_was_taken_out_is_none() {
        let text = "<url>https://a:!redacted:0123456789ab@h.example</url>";
        assert_eq!(told("x-meta.xml", text), []);
    }
}
