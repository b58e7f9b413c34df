//! One self-contained page of HTML: a plan, what became of it, or how two trees differ.
//!
//! Hides `askama`. Text from an org goes out through one gate: what turns the reading
//! direction is spelled out, the template escapes the rest, and a policy in the page
//! itself lets nothing be loaded from anywhere.
//!
//! Invariant: the page needs no network, and the page without its script still tells all.

mod difference;
mod markdown;
mod plan;

use std::{fmt::Write as _, fs, path::Path};

use askama::Template;

pub(super) use difference::page as of_difference;
pub(super) use markdown::render as markdown;
pub(super) use plan::{Frame, page as of_plan};

use super::{CommandError, text::printable};
use crate::diff::{
    file,
    text::{CONTEXT_LINES, FileDiff, LineEnd, Tag, diff},
};

/// Most elements of one file that are told one by one.
const MAX_ELEMENTS: usize = 40;

/// Most lines of the text diff of one file.
const MAX_LINES: usize = 600;

/// Bytes of text diffs above which a page tells the elements only.
///
/// Own figure: a browser opens a page of this size in a second or two.
const MAX_DIFFS: usize = 24 << 20;

/// A page, or what a comment to a pull request says of the same.
#[derive(Debug, Default, Template)]
#[template(path = "page.html")]
pub(super) struct Page {
    /// What it is, in one line.
    pub(super) title: String,
    /// What there is to know of it, name and value.
    pub(super) facts: Vec<(&'static str, String)>,
    /// What became of it.
    pub(super) outcome: Vec<Note>,
    /// The components, by what becomes of them.
    pub(super) groups: Vec<Group>,
    /// Who made it.
    pub(super) footer: String,
}

/// Something that went well, or did not.
#[derive(Debug)]
pub(super) struct Note {
    is_good: bool,
    text: String,
    more: Vec<String>,
}

/// Components of which the same becomes.
#[derive(Debug)]
pub(super) struct Group {
    word: &'static str,
    heading: &'static str,
    n: usize,
    is_open: bool,
    items: Vec<Component>,
}

/// One component.
#[derive(Debug, Default, Template)]
#[template(path = "component.html")]
pub(super) struct Component {
    key: String,
    /// What a filter looks in.
    words: String,
    sign: char,
    name: String,
    type_name: String,
    reason: String,
    /// What tells it from the others of its group.
    mark: String,
    details: Vec<String>,
    /// A page of Setup; empty where there is none.
    page: String,
    /// What the two sides are called.
    sides: (&'static str, &'static str),
    files: Vec<FileChange>,
    n_along: usize,
    along: Vec<Component>,
}

/// How one file differs.
#[derive(Debug, Default)]
pub(super) struct FileChange {
    path: String,
    elements: Vec<file::Differing>,
    note: String,
    diff: String,
}

impl FileChange {
    /// Compares two states; `room` is what text diffs may still take.
    fn new(path: &str, before: Option<&[u8]>, after: Option<&[u8]>, room: &mut usize) -> Self {
        let (old, new) = (before.unwrap_or_default(), after.unwrap_or_default());
        let note = match (before, after) {
            (None, Some(_)) => "a new file",
            (Some(_), None) => "the file goes",
            _ => "",
        };
        let mut this = Self {
            path: printable(path).into_owned(),
            note: note.to_owned(),
            ..Self::default()
        };
        if before.is_some() && after.is_some() {
            let all = file::elements(old, new);
            let n_more = all.len().saturating_sub(MAX_ELEMENTS);
            this.elements = all.into_iter().take(MAX_ELEMENTS).map(shown).collect();
            if n_more > 0 {
                this.note = format!("and {n_more} elements more");
            }
        }
        this.diff = match diff(old, new, CONTEXT_LINES) {
            FileDiff::Binary { before, after } => {
                this.note = format!("no text: {before} → {after} bytes");
                String::new()
            }
            text @ FileDiff::Text(_) => unified(&text),
        };
        if *room < this.diff.len() {
            this.diff.clear();
            this.note
                .push_str(" (the page is full: `--dry-run` shows the lines)");
        }
        *room = room.saturating_sub(this.diff.len());
        this
    }
}

fn shown(it: file::Differing) -> file::Differing {
    let safe = |text: String| printable(&text).into_owned();
    file::Differing {
        what: safe(it.what),
        before: safe(it.before),
        after: safe(it.after),
    }
}

/// A diff as Git writes it, of so many lines.
fn unified(diff: &FileDiff) -> String {
    let FileDiff::Text(hunks) = diff else {
        return String::new();
    };
    let mut out = String::new();
    let mut n_lines = 0;
    for hunk in hunks {
        if MAX_LINES <= n_lines {
            out.push_str("… and more, which `--dry-run` shows\n");
            break;
        }
        let _ = writeln!(
            out,
            "@@ -{},{} +{},{} @@",
            hunk.before_start, hunk.n_before, hunk.after_start, hunk.n_after
        );
        for line in hunk.lines.iter().take(MAX_LINES - n_lines) {
            let sign = match line.tag {
                Tag::Added => '+',
                Tag::Removed => '-',
                Tag::Same => ' ',
            };
            let end = if line.end == LineEnd::CrLf { "␍" } else { "" };
            // A line is one line here, whatever is in it.
            let text = printable(&line.text).replace('\r', "␍");
            let _ = writeln!(out, "{sign}{text}{end}");
        }
        n_lines += hunk.lines.len();
    }
    out
}

/// Writes the page to a file, whole or not at all.
pub(super) fn write(page: &Page, path: &Path) -> Result<(), CommandError> {
    let text = page.render().map_err(std::io::Error::other)?;
    let partial = path.with_extension("part");
    fs::write(&partial, text)?;
    fs::rename(&partial, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str) -> Component {
        Component {
            key: format!("CustomField:{name}"),
            name: name.to_owned(),
            type_name: "CustomField".to_owned(),
            sign: '~',
            sides: ("Now", "After"),
            ..Component::default()
        }
    }

    #[test]
    fn nothing_from_an_org_is_markup_and_nothing_is_loaded() {
        let evil = "<script>alert(1)</script>\u{202e}\"'&";
        let mut room = MAX_DIFFS;
        let mut item = component(evil);
        item.reason = printable(evil).into_owned();
        item.page = "https://acme.example/\"><img src=x>".to_owned();
        item.files.push(FileChange::new(
            "a/b-meta.xml",
            Some(b"<A><x>1</x></A>"),
            Some(b"<A><x></pre><script>2</script></x></A>"),
            &mut room,
        ));
        item.along.push(component(evil));
        item.n_along = 1;
        let page = Page {
            title: evil.to_owned(),
            groups: vec![Group {
                word: "revert",
                heading: "To revert",
                n: 1,
                is_open: true,
                items: vec![item],
            }],
            ..Page::default()
        };
        let text = page.render().unwrap();
        assert_eq!(text.matches("<script>").count(), 1, "only our own");
        assert!(!text.contains("<img"), "{text}");
        assert!(!text.contains("http://") && !text.contains(" src=\""));
        assert!(text.contains("default-src 'none'"));
        assert_eq!(
            text.matches("<details class=\"c\"").count(),
            2,
            "what goes along is there"
        );
    }

    #[test]
    fn elements_stand_side_by_side_and_lines_below() {
        let mut room = MAX_DIFFS;
        let change = FileChange::new(
            "a/b-meta.xml",
            Some(b"<CustomField>\n<label>Tier</label>\n</CustomField>\n"),
            Some(b"<CustomField>\n<label>Class</label>\n</CustomField>\n"),
            &mut room,
        );
        assert_eq!(change.elements[0].what, "label");
        assert_eq!(change.elements[0].before, "\"Tier\"");
        assert_eq!(change.elements[0].after, "\"Class\"");
        assert!(
            change
                .diff
                .contains("-<label>Tier</label>\n+<label>Class</label>\n")
        );
        assert!(room < MAX_DIFFS);
        let full = FileChange::new("a.cls", Some(b"a\n"), Some(b"b\n"), &mut 0);
        assert!(full.diff.is_empty() && full.note.contains("the page is full"));
    }
}
