//! What Apex, Visualforce and Lightning sources name.
//!
//! Coarse: names are looked up, nothing is compiled. What only a compiler
//! could tell apart (a variable and a class of one name) counts as a use.

use super::names::{LIGHTNING, Names, Target, is_own_custom};
use crate::simorg::state::PackageFile;

/// A word or sign of Apex, where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub text: &'a str,
    pub line: usize,
    pub column: usize,
}

/// A mistake in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub text: String,
    pub line: usize,
    pub column: usize,
}

/// Takes Apex apart; comments and strings are left out.
///
/// # Errors
///
/// A [`Mistake`] where a comment or a string does not end.
pub(super) fn tokens(source: &str) -> Result<Vec<Token<'_>>, Mistake> {
    let bytes = source.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut line, mut line_start) = (0, 1, 0);
    while at < bytes.len() {
        let mistake = |text: &str| Mistake {
            text: text.to_owned(),
            line,
            column: at - line_start + 1,
        };
        let skip = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                source[at..].find('\n').unwrap_or(source.len() - at)
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => source[at + 2..]
                .find("*/")
                .map(|it| it + 4)
                .ok_or_else(|| mistake("Unterminated comment"))?,
            b'\'' if bytes[at..].starts_with(b"'''") => source[at + 3..]
                .find("'''")
                .map(|it| it + 6)
                .ok_or_else(|| mistake("Unterminated string literal"))?,
            b'\'' => string_end(&bytes[at..]).ok_or_else(|| {
                mistake("Illegal string literal: Line breaks are not allowed in string literals")
            })?,
            it if it.is_ascii_alphanumeric() || it == b'_' => {
                let rest = &bytes[at..];
                let is_word = |it: &u8| it.is_ascii_alphanumeric() || *it == b'_';
                let n = rest.iter().take_while(|it| is_word(it)).count();
                found.push(Token {
                    text: &source[at..at + n],
                    line,
                    column: at - line_start + 1,
                });
                at += n;
                continue;
            }
            it if it.is_ascii_punctuation() => {
                found.push(Token {
                    text: &source[at..=at],
                    line,
                    column: at - line_start + 1,
                });
                1
            }
            _ => 1,
        };
        for (n, byte) in bytes[at..(at + skip).min(bytes.len())].iter().enumerate() {
            if *byte == b'\n' {
                line += 1;
                line_start = at + n + 1;
            }
        }
        at += skip;
    }
    Ok(found)
}

fn string_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\'' => return Some(at + 1),
            b'\n' => return None,
            _ => at += 1,
        }
    }
    None
}

/// The mistakes in an Apex class or trigger: its syntax, else the names it does not find.
///
/// `gone` are classes that were deleted from the org and are not there again.
pub(super) fn apex_mistakes(source: &str, names: &Names<'_>, gone: &[String]) -> Vec<Mistake> {
    match tokens(source) {
        Ok(tokens) => match unbalanced(&tokens, source) {
            Some(mistake) => vec![mistake],
            None => unknown_names(&tokens, names, gone),
        },
        Err(mistake) => vec![mistake],
    }
}

fn unbalanced(tokens: &[Token<'_>], source: &str) -> Option<Mistake> {
    let mut open: Vec<&str> = Vec::new();
    for token in tokens {
        let wanted = match token.text {
            "{" | "(" | "[" => {
                open.push(token.text);
                continue;
            }
            "}" => "{",
            ")" => "(",
            "]" => "[",
            _ => continue,
        };
        if open.pop() != Some(wanted) {
            return Some(Mistake {
                text: format!("Unexpected token '{}'.", token.text),
                line: token.line,
                column: token.column,
            });
        }
    }
    (!open.is_empty() || tokens.is_empty()).then(|| Mistake {
        text: "Unexpected token '<EOF>'.".to_owned(),
        line: source.lines().count().max(1),
        column: source.lines().last().map_or(0, str::len) + 1,
    })
}

fn unknown_names(tokens: &[Token<'_>], names: &Names<'_>, gone: &[String]) -> Vec<Mistake> {
    let mut found = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        let text = token.text;
        let at = |text: String| Mistake {
            text,
            line: token.line,
            column: token.column,
        };
        let after_dot = 0 < n && tokens[n - 1].text == ".";
        if is_own_custom(text) {
            let suffix = text.rsplit("__").next().unwrap_or_default();
            let is_name = matches!(
                suffix.to_ascii_lowercase().as_str(),
                "c" | "mdt" | "e" | "b" | "x" | "kav"
            );
            if is_name && !names.has_anywhere(text) {
                found.push(at(if after_dot {
                    format!("Variable does not exist: {text}")
                } else {
                    format!("Invalid type: {text}")
                }));
            }
        } else if !after_dot && gone.iter().any(|it| it.eq_ignore_ascii_case(text)) {
            found.push(at(format!("Invalid type: {text}")));
        }
    }
    found
}

/// Whether Apex has the word `name`, in whatever case.
pub(super) fn mentions(source: &str, name: &str) -> bool {
    match tokens(source) {
        Ok(tokens) => tokens.iter().any(|it| it.text.eq_ignore_ascii_case(name)),
        Err(_) => has_word(source, name),
    }
}

/// Whether a text has the word `name`, case and all.
pub(super) fn has_word(text: &str, name: &str) -> bool {
    let is_word = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
    text.match_indices(name).any(|(at, _)| {
        !is_word(text[..at].chars().next_back()) && !is_word(text[at + name.len()..].chars().next())
    })
}

/// A name in a page or Lightning component, and what is said where it is missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub target: Target,
    pub problem: String,
    pub line: usize,
}

/// What the files of a Visualforce page or component, an Aura bundle or an LWC name.
pub(super) fn named_in(type_name: &str, full_name: &str, files: &[PackageFile]) -> Vec<Named> {
    let mut found = Vec::new();
    for file in files {
        let Ok(text) = std::str::from_utf8(&file.content) else {
            continue;
        };
        let base = file.path.rsplit('/').next().unwrap_or(&file.path);
        if file.path.contains("/__tests__/") || file.path.contains("/__mocks__/") {
            continue;
        }
        let extension = base.rsplit('.').next().unwrap_or_default();
        match (type_name, extension) {
            ("LightningComponentBundle", "js") => lwc_imports(text, base, &mut found),
            ("LightningComponentBundle", "html") => lwc_tags(text, full_name, &mut found),
            ("AuraDefinitionBundle", "cmp" | "app" | "evt" | "intf") => {
                aura(text, full_name, &mut found);
            }
            ("ApexPage" | "ApexComponent", "page" | "component") => visualforce(text, &mut found),
            _ => (),
        }
    }
    found
}

fn line_at(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Each place where `start` stands, with what follows up to one of `ends`.
fn following<'a>(
    text: &'a str,
    start: &'a str,
    ends: &'a [char],
) -> impl Iterator<Item = (usize, &'a str)> {
    text.match_indices(start).map(move |(at, _)| {
        let rest = &text[at + start.len()..];
        (at, rest.split(ends).next().unwrap_or(rest))
    })
}

const QUOTES: &[char] = &['\'', '"', '`', '\n'];

fn lwc_imports(text: &str, file: &str, found: &mut Vec<Named>) {
    let mut add = |at: usize, target: Target, problem: String| {
        // Text about an import is none.
        let is_quoted = text[..at].ends_with(QUOTES) || text[at..].starts_with(QUOTES);
        if !is_quoted {
            return;
        }
        found.push(Named {
            target,
            problem,
            line: line_at(text, at),
        });
    };
    for (at, name) in following(text, "@salesforce/apex/", QUOTES) {
        let class = name.split('.').next().unwrap_or(name);
        let problem = format!("Unable to find Apex action class referenced as '{class}'.");
        add(at, Target::named("ApexClass", class), problem);
    }
    for (at, name) in following(text, "@salesforce/schema/", QUOTES) {
        let (target, kind) = match name.split_once('.') {
            Some((object, field)) => (Target::field(object, field), "sobjectField"),
            None => (Target::named("CustomObject", name), "sobject"),
        };
        let problem = format!("Invalid reference {name} of type {kind} in file {file}");
        add(at, target, problem);
    }
    for (at, name) in following(text, "@salesforce/label/c.", QUOTES) {
        let problem = format!("Invalid reference c.{name} of type label in file {file}");
        add(at, Target::named("CustomLabel", name), problem);
    }
    for (at, name) in following(text, "@salesforce/resourceUrl/", QUOTES) {
        let problem = format!("Invalid reference {name} of type resourceUrl in file {file}");
        add(at, Target::named("StaticResource", name), problem);
    }
    for (at, name) in following(text, "@salesforce/messageChannel/", QUOTES) {
        if let Some(name) = name.strip_suffix("__c") {
            let problem =
                format!("Invalid reference {name}__c of type messageChannel in file {file}");
            add(at, Target::named("LightningMessageChannel", name), problem);
        }
    }
    for quote in ["'c/", "\"c/"] {
        for (at, name) in following(text, quote, QUOTES) {
            let before = text[..at].trim_end();
            if !name.contains('/') && before.ends_with("from") {
                let problem = format!("No MODULE named markup://c:{name} found");
                add(at, Target::named("LightningComponentBundle", name), problem);
            }
        }
    }
}

const TAG_ENDS: &[char] = &[' ', '\t', '\r', '\n', '>', '/'];

/// `<c-my-card>` is the component `myCard`.
fn lwc_tags(text: &str, full_name: &str, found: &mut Vec<Named>) {
    for (at, tag) in following(text, "<c-", TAG_ENDS) {
        let name = camel(tag);
        found.push(Named {
            problem: format!("No MODULE named markup://c:{name} found : [markup://c:{full_name}]"),
            target: Target::named(LIGHTNING, &name),
            line: line_at(text, at),
        });
    }
}

fn camel(tag: &str) -> String {
    let mut out = String::new();
    let mut raise = false;
    for it in tag.chars() {
        if it == '-' {
            raise = true;
        } else if raise {
            out.push(it.to_ascii_uppercase());
            raise = false;
        } else {
            out.push(it);
        }
    }
    out
}

fn aura(text: &str, full_name: &str, found: &mut Vec<Named>) {
    let without_comments = strip_comments(text);
    let text = without_comments.as_str();
    for (at, name) in following(text, "<c:", TAG_ENDS) {
        found.push(Named {
            target: Target::named(LIGHTNING, name),
            problem: format!(
                "No COMPONENT named markup://c:{name} found : [markup://c:{full_name}]"
            ),
            line: line_at(text, at),
        });
    }
    for (at, name) in following(text, " controller=\"", QUOTES) {
        found.push(Named {
            target: Target::named("ApexClass", name),
            problem: format!("No CONTROLLER named apex://{name} found : [markup://c:{full_name}]"),
            line: line_at(text, at),
        });
    }
}

fn visualforce(text: &str, found: &mut Vec<Named>) {
    let without_comments = strip_comments(text);
    let text = without_comments.as_str();
    for attribute in ["controller=\"", "extensions=\""] {
        for (at, value) in following(text, attribute, QUOTES) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|it| !it.is_whitespace()) {
                continue;
            }
            for name in value.split(',').map(str::trim).filter(|it| !it.is_empty()) {
                found.push(Named {
                    target: Target::named("ApexClass", name),
                    problem: format!("Apex class '{name}' does not exist"),
                    line: line_at(text, at),
                });
            }
        }
    }
    for (at, name) in following(text, "<c:", TAG_ENDS) {
        found.push(Named {
            target: Target::named("ApexComponent", name),
            problem: format!("Unknown component c:{name}"),
            line: line_at(text, at),
        });
    }
}

/// The text with `<!-- … -->` blanked, lines kept.
fn strip_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("<!--") {
        out.push_str(&rest[..start]);
        let end = rest[start..]
            .find("-->")
            .map_or(rest.len(), |it| start + it + 3);
        out.extend(rest[start..end].chars().filter(|it| *it == '\n'));
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn open_brace_is_a_mistake_at_the_end_of_the_file() {
        let source = "public class A {\n";
        let tokens = tokens(source).unwrap();
        let mistake = unbalanced(&tokens, source).unwrap();
        assert_eq!(
            (mistake.line, mistake.text.as_str()),
            (1, "Unexpected token '<EOF>'.")
        );
    }

    #[test]
    fn comments_and_strings_are_no_names() {
        let source = "class A { // Foo\n /* Foo */ String s = 'Foo \\' {'; Bar b; }";
        assert!(!mentions(source, "Foo"));
        assert!(mentions(source, "bar"));
        assert_eq!(unbalanced(&tokens(source).unwrap(), source), None);
    }

    #[test]
    fn lightning_component_names_what_it_imports() {
        let js = "import { LightningElement } from 'lwc';\nimport go from '@salesforce/apex/Desk.go';\n\
            import F from '@salesforce/schema/Account.X__c';\nimport { u } from 'c/utils';\n";
        let files = [
            PackageFile::new("lwc/a/a.js", js.as_bytes().to_vec()),
            PackageFile::new(
                "lwc/a/a.html",
                b"<template><c-my-card></c-my-card></template>".to_vec(),
            ),
        ];
        let found = named_in("LightningComponentBundle", "a", &files);
        let targets: Vec<_> = found
            .iter()
            .map(|it| (it.target.clone(), it.line))
            .collect();
        assert_eq!(
            targets,
            [
                (Target::named("ApexClass", "Desk"), 2),
                (Target::field("Account", "X__c"), 3),
                (Target::named("LightningComponentBundle", "utils"), 4),
                (Target::named(LIGHTNING, "myCard"), 1),
            ]
        );
    }

    #[test]
    fn page_names_controller_extensions_and_components() {
        let page = "<apex:page standardController=\"Account\" extensions=\"A, B\">\n<c:Frame/></apex:page>";
        let files = [PackageFile::new("pages/P.page", page.as_bytes().to_vec())];
        let names: Vec<_> = named_in("ApexPage", "P", &files)
            .into_iter()
            .map(|it| it.target.full_name())
            .collect();
        assert_eq!(names, ["A", "B", "Frame"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in any::<String>()) {
            let _ = tokens(&text);
            let _ = strip_comments(&text);
            let _ = has_word(&text, "a");
            let files = [PackageFile::new("lwc/a/a.js", text.into_bytes())];
            let _ = named_in("LightningComponentBundle", "a", &files);
        }
    }
}
