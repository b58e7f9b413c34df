//! What changed between two texts, line by line.
//!
//! Hides `similar`. Invariant: the lines that are the same or removed are the
//! text before, those that are the same or added the text after, to the byte.

use std::ops::Range;

use similar::{ChangeTag, DiffTag, TextDiff};

/// Lines shown around a change, as Git does it.
pub const CONTEXT_LINES: usize = 3;

/// How far into a file a NUL byte makes it binary, as Git looks for it.
///
/// Source: Git, `xdiff-interface.c`, `FIRST_FEW_BYTES`.
const FIRST_FEW_BYTES: usize = 8000;

/// What differs between two files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileDiff {
    /// One of them is no text: only their lengths are told.
    Binary {
        /// Length before, in bytes.
        before: usize,
        /// Length after, in bytes.
        after: usize,
    },
    /// The parts that differ, in order; none where the files are equal.
    Text(Vec<Hunk>),
}

/// A part that differs, with the lines around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// Its first line before, from 1; 0 where it has none.
    pub before_start: usize,
    /// Its lines before.
    pub n_before: usize,
    /// Its first line after, from 1; 0 where it has none.
    pub after_start: usize,
    /// Its lines after.
    pub n_after: usize,
    /// Its lines, removed before added.
    pub lines: Vec<Line>,
}

/// A line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// On which side it stands.
    pub tag: Tag,
    /// The line without its end.
    pub text: String,
    /// How it ends.
    pub end: LineEnd,
}

/// On which side a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// On both.
    Same,
    /// Before only.
    Removed,
    /// After only.
    Added,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// With LF.
    Lf,
    /// With CR LF.
    CrLf,
    /// Not at all: it is the file's last.
    None,
}

/// Whether bytes are taken for text: UTF-8 without a NUL near the beginning.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    let beginning = &bytes[..bytes.len().min(FIRST_FEW_BYTES)];
    !beginning.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

/// What differs between two files, with `n_context` lines around each change.
#[must_use]
pub fn diff(before: &[u8], after: &[u8], n_context: usize) -> FileDiff {
    let texts = (std::str::from_utf8(before), std::str::from_utf8(after));
    let (Ok(one), Ok(other)) = texts else {
        return binary(before, after);
    };
    if !is_text(before) || !is_text(after) {
        return binary(before, after);
    }
    if one == other {
        return FileDiff::Text(Vec::new());
    }
    let one: Vec<&str> = one.split_inclusive('\n').collect();
    let other: Vec<&str> = other.split_inclusive('\n').collect();
    let diff = TextDiff::configure().diff_slices(&one, &other);
    let mut hunks = Vec::new();
    for group in diff.grouped_ops(n_context) {
        let is_change = group.iter().any(|it| it.tag() != DiffTag::Equal);
        if let (true, Some(first), Some(last)) = (is_change, group.first(), group.last()) {
            let before = first.old_range().start..last.old_range().end;
            let after = first.new_range().start..last.new_range().end;
            let lines = group.iter().flat_map(|it| diff.iter_changes(it));
            hunks.push(Hunk {
                before_start: before.start + usize::from(!before.is_empty()),
                n_before: before.len(),
                after_start: after.start + usize::from(!after.is_empty()),
                n_after: after.len(),
                lines: lines.map(|it| line(it.tag(), it.value())).collect(),
            });
        }
    }
    FileDiff::Text(hunks)
}

/// The lines of `before` that `after` has others for, in order.
///
/// Each is a range of lines before and one after; either may be empty.
#[must_use]
pub fn replaced(before: &[&str], after: &[&str]) -> Vec<(Range<usize>, Range<usize>)> {
    let diff = TextDiff::configure().diff_slices(before, after);
    let ops = diff.ops().iter();
    let changed = ops.filter(|it| it.tag() != DiffTag::Equal);
    changed.map(|it| (it.old_range(), it.new_range())).collect()
}

fn binary(before: &[u8], after: &[u8]) -> FileDiff {
    if before == after {
        return FileDiff::Text(Vec::new());
    }
    FileDiff::Binary {
        before: before.len(),
        after: after.len(),
    }
}

fn line(tag: ChangeTag, whole: &str) -> Line {
    let tag = match tag {
        ChangeTag::Equal => Tag::Same,
        ChangeTag::Delete => Tag::Removed,
        ChangeTag::Insert => Tag::Added,
    };
    let (text, end) = match (whole.strip_suffix("\r\n"), whole.strip_suffix('\n')) {
        (Some(text), _) => (text, LineEnd::CrLf),
        (None, Some(text)) => (text, LineEnd::Lf),
        (None, None) => (whole, LineEnd::None),
    };
    Line {
        tag,
        text: text.to_owned(),
        end,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn shown(before: &str, after: &str) -> String {
        let FileDiff::Text(hunks) = diff(before.as_bytes(), after.as_bytes(), CONTEXT_LINES) else {
            return "binary".to_owned();
        };
        let mut out = String::new();
        for it in hunks {
            let (one, other) = (it.before_start, it.after_start);
            writeln!(out, "@@ -{one},{} +{other},{} @@", it.n_before, it.n_after).unwrap();
            for line in it.lines {
                let mark = match line.tag {
                    Tag::Same => ' ',
                    Tag::Removed => '-',
                    Tag::Added => '+',
                };
                writeln!(out, "{mark}{} {:?}", line.text, line.end).unwrap();
            }
        }
        out
    }

    #[test]
    fn line_ends_are_changes_and_are_told() {
        insta::assert_snapshot!(shown("a\nb\nc\n", "a\r\nb\nd"), @r"
        @@ -1,3 +1,3 @@
        -a Lf
        +a CrLf
         b Lf
        -c Lf
        +d None
        ");
    }

    #[test]
    fn far_changes_are_hunks_of_their_own() {
        let lines: Vec<String> = (0..30).map(|it| format!("{it}\n")).collect();
        let before = lines.concat();
        let after = before.replace("5\n", "five\n").replacen("20\n", "", 1);
        let FileDiff::Text(hunks) = diff(before.as_bytes(), after.as_bytes(), 1) else {
            panic!("these are texts");
        };
        let starts: Vec<_> = hunks
            .iter()
            .map(|it| (it.before_start, it.n_before, it.n_after))
            .collect();
        assert_eq!(starts, [(5, 3, 3), (15, 3, 3), (20, 3, 2), (25, 3, 3)]);
    }

    #[test]
    fn new_file_begins_at_no_line() {
        insta::assert_snapshot!(shown("", "a\n"), @r"
        @@ -0,0 +1,1 @@
        +a Lf
        ");
    }

    #[test]
    fn what_is_no_text_is_only_measured() {
        assert_eq!(
            diff(b"\0", b"a", 3),
            FileDiff::Binary {
                before: 1,
                after: 1
            }
        );
        assert_eq!(
            diff(b"\xff\xfe", b"a", 3),
            FileDiff::Binary {
                before: 2,
                after: 1
            }
        );
        assert_eq!(diff(b"\xff", b"\xff", 3), FileDiff::Text(Vec::new()));
    }

    #[test]
    fn two_large_files_with_nothing_in_common_end() {
        let file = |salt: usize| -> String {
            (0..20_000)
                .flat_map(|it| [(it * 2 + salt).to_string(), "\n".to_owned()])
                .collect()
        };
        let FileDiff::Text(hunks) = diff(file(0).as_bytes(), file(1).as_bytes(), 3) else {
            panic!("these are texts");
        };
        assert_eq!(hunks.iter().map(|it| it.n_before).sum::<usize>(), 20_000);
    }

    proptest! {
        #[test]
        fn lines_are_both_texts(before in "([ab]?\r?\n?){0,12}", after in "([ab]?\r?\n?){0,12}") {
            let FileDiff::Text(hunks) = diff(before.as_bytes(), after.as_bytes(), 1000) else {
                return Err(TestCaseError::fail("these are texts"));
            };
            let side = |left_out: Tag| -> String {
                let lines = hunks.iter().flat_map(|it| &it.lines).filter(|it| it.tag != left_out);
                lines.flat_map(|it| {
                    let end = match it.end { LineEnd::Lf => "\n", LineEnd::CrLf => "\r\n", LineEnd::None => "" };
                    [it.text.as_str(), end]
                }).collect()
            };
            prop_assert_eq!(hunks.is_empty(), before == after);
            if before == after {
                return Ok(());
            }
            prop_assert_eq!(side(Tag::Added), before);
            prop_assert_eq!(side(Tag::Removed), after);
        }
    }
}
