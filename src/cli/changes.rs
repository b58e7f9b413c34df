//! How changed components and files are printed.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CommandError,
    output::{Out, Paint, Tone},
    text,
};
use crate::{
    diff::{
        text::{CONTEXT_LINES, FileDiff, LineEnd, Tag},
        tree::ComponentChangeKind,
    },
    ops::history::{self, ChangedComponent},
    plan::select::Selector,
    store::{ObjectId, Repository},
};

/// Where the bytes of files are: in the repository, or in no repository.
pub(super) type Blobs<'a> = (&'a Repository, &'a BTreeMap<ObjectId, Vec<u8>>);

/// Prints components, and below them the text diff of their files.
pub(super) fn components(
    out: &mut Out,
    blobs: Blobs<'_>,
    components: &[ChangedComponent],
    paint: Paint,
    name_only: bool,
    patch: bool,
) -> Result<(), CommandError> {
    for component in components {
        if name_only {
            out.line(&text::one_line(&component.component.to_string()))?;
            continue;
        }
        component_lines(out, component, paint, "")?;
    }
    if patch && !name_only {
        // A file of several components is shown once.
        let mut shown = BTreeSet::new();
        for file in components.iter().flat_map(|it| &it.files) {
            if shown.insert(&file.path) {
                file_patch(out, blobs, file, paint)?;
            }
        }
    }
    Ok(())
}

/// Sign and colour of a change.
pub(super) fn sign(change: ComponentChangeKind) -> (&'static str, Tone) {
    match change {
        ComponentChangeKind::Added => ("+", Tone::Added),
        ComponentChangeKind::Deleted => ("−", Tone::Removed),
        ComponentChangeKind::Changed => ("~", Tone::Changed),
    }
}

/// Prints one component with what changed in it.
pub(super) fn component_lines(
    out: &mut Out,
    component: &ChangedComponent,
    paint: Paint,
    indent: &str,
) -> Result<(), CommandError> {
    let (sign, tone) = sign(component.change);
    let key = &component.component;
    let mut more = String::new();
    if let Some(other) = &component.renamed {
        let word = match component.change {
            ComponentChangeKind::Deleted => "now",
            _ => "was",
        };
        more = format!("  ({word} {})", other.name.decoded());
    }
    if let Some(with) = &component.with {
        more.push_str("  ");
        more.push_str(with);
    }
    out.line(&format!(
        "{indent}{} {} {}{}",
        paint.paint(tone, sign),
        key.type_name,
        text::one_line(&key.name.decoded()),
        text::one_line(&more)
    ))?;
    for detail in &component.details {
        out.line(&format!("{indent}    {}", text::one_line(detail)))?;
    }
    Ok(())
}

/// The phrases of a subject: each begins with the sign of a change, or tells how many more.
fn split_phrases(subject: &str) -> Vec<&str> {
    let begins = |text: &str| {
        text.starts_with(['+', '~', '−'])
            || (text.starts_with("and ") && text.ends_with(" more") && !text.contains(", "))
    };
    let mut phrases = Vec::new();
    let mut rest = subject;
    let mut from = 0;
    while let Some(at) = rest[from..].find(", ") {
        let next = from + at + 2;
        if begins(&rest[next..]) {
            phrases.push(&rest[..next - 2]);
            rest = &rest[next..];
            from = 0;
        } else {
            from = next;
        }
    }
    phrases.push(rest);
    phrases
}

/// The subject of a commit with its signs in colour.
pub(super) fn tinted(subject: &str, paint: Paint) -> String {
    if !paint.on {
        return subject.to_owned();
    }
    let kinds = [
        ComponentChangeKind::Added,
        ComponentChangeKind::Deleted,
        ComponentChangeKind::Changed,
    ];
    let tint = |phrase: &str| {
        let found = kinds.into_iter().map(sign).find_map(|(sign, tone)| {
            let rest = phrase.strip_prefix(sign)?;
            rest.starts_with(' ')
                .then(|| format!("{}{rest}", paint.paint(tone, sign)))
        });
        found.unwrap_or_else(|| phrase.to_owned())
    };
    let phrases: Vec<String> = split_phrases(subject).into_iter().map(tint).collect();
    phrases.join(", ")
}

/// The subject of a commit in lines, where it does not fit in one: a phrase each, broken
/// between words.
pub(super) fn phrases(
    subject: &str,
    paint: Paint,
    width: Option<usize>,
    indent: usize,
) -> Vec<String> {
    let begin = " ".repeat(indent);
    let Some(width) = width.filter(|it| *it < indent + console::measure_text_width(subject)) else {
        return vec![format!("{begin}{}", tinted(subject, paint))];
    };
    let mut lines = Vec::new();
    for phrase in split_phrases(subject) {
        let below = wrapped(phrase, width.max(indent + 30) - indent - 2);
        lines.extend(below.iter().enumerate().map(|(n, line)| {
            let hanging = if n == 0 { "" } else { "  " };
            format!("{begin}{hanging}{}", tinted(line, paint))
        }));
    }
    lines
}

/// A text in lines of at most `width`, broken between words where that can be.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        let is_first = last.is_empty();
        let length = console::measure_text_width(last) + 1 + console::measure_text_width(word);
        if is_first || length <= width {
            if !is_first {
                last.push(' ');
            }
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Prints the text diff of one file.
pub(super) fn file_patch(
    out: &mut Out,
    (repo, contents): Blobs<'_>,
    file: &history::ChangedFile,
    paint: Paint,
) -> Result<(), CommandError> {
    let diff = history::file_diff(repo, contents, file)?;
    print_diff(out, &file.path, diff, paint)
}

/// Prints the text diff of two states of a file.
pub(super) fn patch(
    out: &mut Out,
    path: &str,
    before: &[u8],
    after: &[u8],
    paint: Paint,
) -> Result<(), CommandError> {
    let diff = crate::diff::text::diff(before, after, CONTEXT_LINES);
    print_diff(out, path, diff, paint)
}

fn print_diff(out: &mut Out, path: &str, diff: FileDiff, paint: Paint) -> Result<(), CommandError> {
    let path = text::one_line(path);
    out.line(&paint.paint(Tone::Strong, &format!("\n--- {path}")))?;
    match diff {
        FileDiff::Text(hunks) => {
            for hunk in hunks {
                let head = format!(
                    "@@ -{},{} +{},{} @@",
                    hunk.before_start, hunk.n_before, hunk.after_start, hunk.n_after
                );
                out.line(&paint.paint(Tone::Dim, &head))?;
                for line in hunk.lines {
                    let (sign, tone) = match line.tag {
                        Tag::Added => ('+', Some(Tone::Added)),
                        Tag::Removed => ('-', Some(Tone::Removed)),
                        Tag::Same => (' ', None),
                    };
                    let end = match line.end {
                        LineEnd::None => "\n\\ No newline at end of file",
                        LineEnd::CrLf => "␍",
                        LineEnd::Lf => "",
                    };
                    let shown = format!("{sign}{}", text::printable(&line.text));
                    let shown = tone.map_or(shown.clone(), |tone| paint.paint(tone, &shown));
                    out.line(&format!("{shown}{end}"))?;
                }
            }
        }
        FileDiff::Binary { before, after } => {
            out.line(&format!("binary, {before} → {after} bytes"))?;
        }
    }
    Ok(())
}

/// What the user named.
pub(super) fn selectors(texts: &[String]) -> Vec<Selector> {
    texts.iter().map(|it| Selector::parse(it)).collect()
}
