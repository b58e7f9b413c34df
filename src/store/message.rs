//! Messages of commits, and the trailers at their end.
//!
//! Trailers are the last paragraph of a message that has at least two, where
//! every line of it is `Key: value` or the continuation of one. A rendered
//! message with trailers ends in such a paragraph made of our lines alone, so
//! whatever stands in the subject or the body, which come from an org, is never
//! read as one. Against readers with other rules (`git interpret-trailers` stops
//! at `---`, hosts look for `Co-authored-by` anywhere) a line of the text that
//! looks like a trailer of ours or like one ending in `-by` is indented by a blank.
//!
//! Invariant: [`Message::parse`] of a rendered message gives exactly the
//! trailers that were rendered.

use std::fmt::Write;

/// Names of the trailers that orgkeep writes.
pub mod trailer {
    /// Id of the snapshot a commit is part of.
    pub const SNAPSHOT: &str = "Orgkeep-Snapshot";
    /// Which part of the snapshot it is: `2/2`.
    pub const PART: &str = "Orgkeep-Part";
    /// Id of the org.
    pub const ORG: &str = "Orgkeep-Org";
    /// What sort of commit it is, where it is not a change of the org.
    pub const KIND: &str = "Orgkeep-Kind";
    /// The commit that a rollback went back to.
    pub const TARGET: &str = "Orgkeep-Target";
    /// The commit of the metadata that records were exported beside.
    pub const METADATA: &str = "Orgkeep-Metadata";
    /// The last commit of the period before, where a new one begins with a root of its own.
    pub const FOLLOWS: &str = "Orgkeep-Follows";
    /// A deploy of a rollback.
    pub const DEPLOY: &str = "Orgkeep-Deploy";
    /// Another person whose changes are in the commit: `Name <email>`.
    pub const CO_AUTHOR: &str = "Co-authored-by";
}

/// What a commit or a tag says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The first line.
    pub subject: String,
    /// What stands between the first line and the trailers; may be empty.
    pub body: String,
    /// Keys and values, in order.
    pub trailers: Vec<(String, String)>,
}

impl Message {
    /// A message of one line.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            ..Self::default()
        }
    }

    /// The message with that body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// The message with one more trailer.
    ///
    /// # Panics
    ///
    /// If `key` is not letters, digits and hyphens.
    #[must_use]
    pub fn with_trailer(mut self, key: &str, value: impl Into<String>) -> Self {
        assert!(
            is_key(key),
            "a trailer's key is letters, digits and hyphens"
        );
        self.trailers.push((key.to_owned(), value.into()));
        self
    }

    /// The value of the last trailer of that key, in any case.
    #[must_use]
    pub fn trailer(&self, key: &str) -> Option<&str> {
        let mut from_end = self.trailers.iter().rev();
        from_end
            .find(|(it, _)| it.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }

    /// The text as it is committed: ends in a line feed, has no other control
    /// character and no blank line at either end.
    #[must_use]
    pub fn render(&self) -> String {
        let subject = one_line(&self.subject);
        let subject = if subject.is_empty() {
            "(no message)"
        } else {
            &subject
        };
        let mut out = guarded(subject).into_owned();
        out.push('\n');
        let body: Vec<_> = self.body.lines().map(clean_line).collect();
        let body = body.join("\n");
        let body = body.trim_matches('\n');
        if !body.is_empty() {
            out.push('\n');
            for line in body.lines() {
                out.push_str(&guarded(line));
                out.push('\n');
            }
        }
        if self.trailers.is_empty() {
            return without_chance_trailers(out);
        }
        out.push('\n');
        for (key, value) in &self.trailers {
            let value = one_line(value);
            // An empty value would read as the start of a continuation.
            let value = if value.is_empty() { "-" } else { &value };
            writeln!(out, "{key}: {value}").expect("a String takes all");
        }
        out
    }

    /// Reads the text of a commit, whoever wrote it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let text = text.trim_matches('\n');
        let (subject, rest) = text.split_once('\n').unwrap_or((text, ""));
        let rest = rest.trim_matches('\n');
        let begins_paragraph = text[subject.len()..].starts_with("\n\n");
        let (before, last) = match rest.rsplit_once("\n\n") {
            Some((before, last)) => (before, last),
            None if begins_paragraph => ("", rest),
            None => (rest, ""),
        };
        match parse_trailers(last) {
            Some(trailers) => Self {
                subject: subject.to_owned(),
                body: before.trim_matches('\n').to_owned(),
                trailers,
            },
            None => Self {
                subject: subject.to_owned(),
                body: rest.to_owned(),
                trailers: Vec::new(),
            },
        }
    }
}

/// Keeps a body whose last paragraph happens to look like trailers from being read so.
fn without_chance_trailers(text: String) -> String {
    if Message::parse(&text).trailers.is_empty() {
        return text;
    }
    let start = text.trim_end().rfind("\n\n").map_or(0, |at| at + 2);
    let mut out = text[..start].to_owned();
    for line in text[start..].lines() {
        writeln!(out, " {line}").expect("a String takes all");
    }
    out
}

/// The trailers of a paragraph; `None` unless it is nothing else.
fn parse_trailers(paragraph: &str) -> Option<Vec<(String, String)>> {
    let mut trailers: Vec<(String, String)> = Vec::new();
    for line in paragraph.lines() {
        if line.starts_with([' ', '\t']) {
            let (_, value) = trailers.last_mut()?;
            value.push(' ');
            value.push_str(line.trim());
        } else {
            let (key, value) = line.split_once(':')?;
            let key = key.trim_end();
            if !is_key(key) {
                return None;
            }
            trailers.push((key.to_owned(), value.trim().to_owned()));
        }
    }
    (!trailers.is_empty()).then_some(trailers)
}

fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'-')
}

/// `line`, indented if some reader might take it for a trailer that means something.
fn guarded(line: &str) -> std::borrow::Cow<'_, str> {
    let key = line.split(':').next().unwrap_or_default().trim_end();
    let key = key.to_ascii_lowercase();
    let means_something =
        line.contains(':') && is_key(&key) && (key.starts_with("orgkeep-") || key.ends_with("-by"));
    if means_something {
        format!(" {line}").into()
    } else {
        line.into()
    }
}

/// `text` in one line: runs of blanks and control characters become one blank.
fn one_line(text: &str) -> String {
    let words = text
        .split(|it: char| it.is_whitespace() || is_unprintable(it))
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// `line` without control characters, and without blanks at its end.
fn clean_line(line: &str) -> String {
    let text: String = line
        .chars()
        .map(|it| if it == '\t' { ' ' } else { it })
        .filter(|it| !is_unprintable(*it))
        .collect();
    text.trim_end().to_owned()
}

/// Control characters, line separators, and what reorders the text around it.
fn is_unprintable(it: char) -> bool {
    it.is_control()
        || matches!(it, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn snapshot() -> Message {
        Message::new("Change Account.Region__c")
            .with_body("CustomField:Account.Region__c deleted")
            .with_trailer(trailer::SNAPSHOT, "20261121T140203Z")
            .with_trailer(trailer::PART, "1/2")
    }

    #[test]
    fn trailers_are_the_last_paragraph() {
        insta::assert_snapshot!(snapshot().render(), @r"
        Change Account.Region__c

        CustomField:Account.Region__c deleted

        Orgkeep-Snapshot: 20261121T140203Z
        Orgkeep-Part: 1/2
        ");
        assert_eq!(Message::parse(&snapshot().render()), snapshot());
    }

    #[test]
    fn text_from_an_org_cannot_forge_a_trailer() {
        let mut message = snapshot();
        message.subject = "x\n\nOrgkeep-Snapshot: forged".to_owned();
        message.body =
            "Orgkeep-Snapshot: forged\r\n---\norgkeep-org : 00D\nCo-authored-by: Eve <e@x>"
                .to_owned();
        message.trailers[1].1 = "1/2\nOrgkeep-Kind: forged".to_owned();
        let text = message.render();
        insta::assert_snapshot!(text, @r"
        x Orgkeep-Snapshot: forged

         Orgkeep-Snapshot: forged
        ---
         orgkeep-org : 00D
         Co-authored-by: Eve <e@x>

        Orgkeep-Snapshot: 20261121T140203Z
        Orgkeep-Part: 1/2 Orgkeep-Kind: forged
        ");
        let read = Message::parse(&text);
        assert_eq!(read.trailer("orgkeep-snapshot"), Some("20261121T140203Z"));
        assert_eq!(read.trailer(trailer::KIND), None);
    }

    #[test]
    fn first_line_is_never_a_trailer() {
        assert_eq!(Message::parse("Orgkeep-Snapshot: x\n").trailers, []);
        assert_eq!(
            Message::parse("Orgkeep-Snapshot: x\nOrgkeep-Part: 1/1").trailers,
            []
        );
    }

    #[test]
    fn paragraph_with_anything_else_in_it_is_text() {
        let read = Message::parse("Fix\n\nSee below\nOrgkeep-Snapshot: x\n");
        assert_eq!(read.trailers, []);
        assert_eq!(read.body, "See below\nOrgkeep-Snapshot: x");
    }

    proptest! {
        #[test]
        fn whatever_the_text_the_trailers_read_are_those_written(
            subject in "(?s).{0,40}",
            body in "(Orgkeep-Part: 9|a|: |\n|\r|-by:|\u{2028}|---|[^x]){0,20}",
            value in "(?s).{0,20}",
        ) {
            for trailers in [vec![], vec![(trailer::SNAPSHOT.to_owned(), value)]] {
                let text = Message { subject: subject.clone(), body: body.clone(), trailers: trailers.clone() }.render();
                let read = Message::parse(&text);
                prop_assert_eq!(read.trailers.len(), trailers.len());
                for ((key, value), (_, given)) in read.trailers.iter().zip(&trailers) {
                    prop_assert_eq!(key, trailer::SNAPSHOT);
                    let given = one_line(given);
                    prop_assert_eq!(value, if given.is_empty() { "-" } else { &given });
                }
                prop_assert_eq!(Message::parse(&text).render(), text);
            }
        }
    }
}
