//! The message of a commit.
//!
//! Invariant: text from an org can neither forge a trailer nor move a terminal's
//! cursor: each line of the body begins with a sign of ours, the trailers are the
//! last paragraph and hold nothing but what we put there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::signature::is_invisible;
use super::{Change, ChangedFile, Kind, Part, PlannedCommit, Rollback, Signature, Who};
use crate::model::{OrgId, Timestamp};

/// Longest subject, in characters.
///
/// Own figure: room for a component and what went with it.
const SUBJECT: usize = 100;

/// Room for `, and 1234 more` at its end.
const MORE: usize = 15;

/// Most lines that list components.
const LINES: usize = 200;

/// Most details that are named of one component.
const DETAILS: usize = 8;

/// Most characters of one detail.
const DETAIL: usize = 120;

/// What a message tells besides its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story<'a> {
    /// Id of the snapshot.
    pub snapshot: &'a str,
    /// Which commit of the snapshot this is, from 1.
    pub part: usize,
    /// How many there are.
    pub of: usize,
    /// The org.
    pub org: OrgId,
    /// When the last snapshot and this one began; no first for the first.
    pub between: (Option<Timestamp>, Timestamp),
    /// What the commit does, for kinds other than a change: `API version 65.0 → 66.0`.
    pub label: &'a str,
    /// Signatures of those who changed the same components.
    pub with: &'a [Signature],
    /// The rollback that the commit tells.
    pub rollback: Option<&'a Rollback>,
}

/// The whole message of `commit`.
#[must_use]
pub fn describe(commit: &PlannedCommit, files: &[ChangedFile], story: &Story<'_>) -> String {
    let lines = component_lines(commit, files);
    let mut out = subject(commit, &lines, story);
    out.push_str("\n\n");
    if commit.who == Who::Unknown {
        let (since, until) = story.between;
        let since = since.map(|it| format!("between {} and ", it.minute()));
        let _ = writeln!(
            out,
            "Nothing in the org tells who did this {}{} (UTC).\n",
            since.as_deref().unwrap_or("before "),
            until.minute()
        );
    }
    let body: Vec<String> = lines.iter().flat_map(Line::full).collect();
    // One line that the subject says already is not said twice.
    if body.len() > 1 || body.first().is_some_and(|it| !out.starts_with(it.as_str())) {
        for line in body.iter().take(LINES) {
            out.push_str(line);
            out.push('\n');
        }
        if LINES < body.len() {
            let _ = writeln!(out, "… and {} more", body.len() - LINES);
        }
        out.push('\n');
    }
    push_trailers(&mut out, commit, story);
    out
}

/// One component of a message.
#[derive(Debug, Default)]
struct Line {
    sign: char,
    name: String,
    details: Vec<String>,
    /// What went with it, by the component that had it, and by what it is called.
    lost: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Line {
    /// In at most so many characters, where that can be.
    fn short(&self, longest: usize) -> String {
        let mut out = format!("{} {}", self.sign, self.name);
        if self.sign != '−'
            && let [first, rest @ ..] = self.details.as_slice()
        {
            let _ = write!(out, ": {first}");
            if !rest.is_empty() {
                let _ = write!(out, " and {} more", rest.len());
            }
        }
        let left = longest.saturating_sub(out.chars().count());
        out.push_str(&self.went_with(left));
        out
    }

    fn full(&self) -> Vec<String> {
        let mut out = format!("{} {}", self.sign, self.name);
        if !self.details.is_empty() {
            let shown = self.details.len().min(DETAILS);
            let _ = write!(out, ": {}", self.details[..shown].join("; "));
            if shown < self.details.len() {
                let _ = write!(out, "; … {} more", self.details.len() - shown);
            }
        }
        out.push_str(&self.went_with(usize::MAX));
        let mut lines = vec![out];
        for (of, lost) in &self.lost {
            lines.push(format!("  ~ {of}: {}", counts(lost)));
        }
        lines
    }

    /// What went with it: as many kinds as there is room for, and how many more.
    fn went_with(&self, longest: usize) -> String {
        if self.lost.is_empty() {
            return String::new();
        }
        let mut all: BTreeMap<String, usize> = BTreeMap::new();
        for (word, n) in self.lost.values().flatten() {
            *all.entry(word.clone()).or_default() += n;
        }
        let whole = format!(" and with it: {}", counts(&all));
        if whole.chars().count() <= longest {
            return whole;
        }
        let mut out = String::from(" and with it: ");
        let mut left: usize = all.values().sum();
        let mut is_first = true;
        for (word, n) in &all {
            let next = counted(*n, word);
            let room = format!(", {next} and {left} more").chars().count();
            if !is_first && longest < out.chars().count() + room {
                break;
            }
            if !is_first {
                out.push_str(", ");
            }
            out.push_str(&next);
            left -= n;
            is_first = false;
        }
        if 0 < left {
            let _ = write!(out, " and {left} more");
        }
        out
    }
}

fn counts(words: &BTreeMap<String, usize>) -> String {
    let counts: Vec<String> = words.iter().map(|(word, n)| counted(*n, word)).collect();
    counts.join(", ")
}

/// `1 layout item`, `3 field permissions`, `2 record type visibilities`.
#[must_use]
pub fn counted(n: usize, word: &str) -> String {
    if n == 1 {
        return format!("1 {word}");
    }
    if let Some(stem) = word.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'o'])
    {
        return format!("{n} {stem}ies");
    }
    if word.ends_with('s') || word.ends_with('x') {
        return format!("{n} {word}es");
    }
    format!("{n} {word}s")
}

/// The components of a commit: deletions first, each with what went with it, then what is new.
fn component_lines(commit: &PlannedCommit, files: &[ChangedFile]) -> Vec<Line> {
    let parts: Vec<&Part> = commit
        .parts
        .iter()
        .map(|(file, part)| &files[*file].parts[*part])
        .collect();
    let mut lines: BTreeMap<(u8, String), Line> = BTreeMap::new();
    let order = |change: Change| match change {
        Change::Deleted => 0,
        Change::Added => 1,
        Change::Changed => 2,
    };
    // A component that came or went has no changes of its own: its other files came or went with it.
    let whole: BTreeSet<_> = parts
        .iter()
        .filter(|it| it.consequence_of.is_none() && it.change != Change::Changed)
        .map(|it| &it.key)
        .collect();
    let is_told = |it: &Part| {
        it.consequence_of.is_none() && (it.change != Change::Changed || !whole.contains(&it.key))
    };
    for part in parts.iter().filter(|it| is_told(it)) {
        let name = neutral(&format!(
            "{} {}",
            part.key.type_name,
            part.key.name.decoded()
        ));
        let line = lines.entry((order(part.change), name.clone())).or_default();
        line.sign = part.change.sign();
        line.name = name;
        for detail in &part.details {
            let detail = shortened(&neutral(detail), DETAIL);
            if !line.details.contains(&detail) {
                line.details.push(detail);
            }
        }
    }
    for part in parts.iter().filter(|it| it.consequence_of.is_some()) {
        let Some(cause) = &part.consequence_of else {
            continue;
        };
        let name = neutral(&format!("{} {}", cause.type_name, cause.name.decoded()));
        let line = lines.entry((0, name.clone())).or_insert_with(|| Line {
            sign: Change::Deleted.sign(),
            name,
            ..Line::default()
        });
        let of = neutral(&format!(
            "{} {}",
            part.key.type_name,
            part.key.name.decoded()
        ));
        let lost = line.lost.entry(of).or_default();
        for word in &part.details {
            *lost.entry(shortened(&neutral(word), DETAIL)).or_default() += 1;
        }
    }
    lines.into_values().collect()
}

fn subject(commit: &PlannedCommit, lines: &[Line], story: &Story<'_>) -> String {
    if commit.kind != Kind::Change {
        return shortened(&neutral(story.label), SUBJECT);
    }
    let mut out = String::new();
    for (n, line) in lines.iter().enumerate() {
        let left = lines.len() - n;
        let more = if left > 1 { MORE } else { 0 };
        let phrase = line.short(SUBJECT - more);
        let length = out.chars().count() + 2 + phrase.chars().count() + more;
        if n > 0 && SUBJECT < length {
            let _ = write!(out, ", and {left} more");
            return out;
        }
        if n > 0 {
            out.push_str(", ");
        }
        out.push_str(&shortened(&phrase, SUBJECT - more));
    }
    out
}

fn push_trailers(out: &mut String, commit: &PlannedCommit, story: &Story<'_>) {
    let _ = writeln!(out, "Orgkeep-Snapshot: {}", one_word(story.snapshot));
    let _ = writeln!(out, "Orgkeep-Part: {}/{}", story.part, story.of);
    let _ = writeln!(out, "Orgkeep-Org: {}", story.org.as_str());
    let _ = writeln!(out, "Orgkeep-Kind: {}", commit.kind.word());
    if let Some(rollback) = story.rollback {
        let _ = writeln!(out, "Orgkeep-Target: {}", one_word(&rollback.target));
        for job in &rollback.jobs {
            let _ = writeln!(out, "Orgkeep-Deploy: {}", one_word(job));
        }
    }
    if let Who::Person(author) | Who::Platform(author) = &commit.who
        && let Some(id) = author.id
    {
        let _ = writeln!(out, "Salesforce-User-Id: {}", id.as_str());
    }
    if let Some(delegate) = &commit.delegate {
        let _ = writeln!(out, "Delegated-By: {}", one_word(delegate));
    }
    let others: BTreeSet<String> = story.with.iter().map(Signature::render).collect();
    for other in others {
        let _ = writeln!(out, "Co-authored-by: {other}");
    }
}

/// `text` where nothing is invisible: control and bidi characters are spelled out.
#[must_use]
pub fn neutral(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '\n' | '\r' | '\t' => out.push(' '),
            it if it.is_control() || is_invisible(it) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(it));
            }
            it => out.push(it),
        }
    }
    out
}

/// The same where nothing can begin a new word either.
fn one_word(text: &str) -> String {
    let text = neutral(text);
    shortened(
        &text.split_whitespace().collect::<Vec<_>>().join("-"),
        DETAIL,
    )
}

fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let cut: String = text.chars().take(longest.saturating_sub(1)).collect();
    // At the end of a word, unless that leaves next to nothing.
    let words = cut.rfind(' ').filter(|it| cut.len() / 2 < *it);
    let end = words.map_or(cut.as_str(), |it| {
        cut[..it].trim_end_matches([' ', ',', ';', ':'])
    });
    format!("{end}…")
}
