//! Commits and the people in them.
//!
//! Invariant: what is rendered here passes `git fsck --strict`, whatever the
//! names, addresses and texts that came from an org.

use std::fmt::Write;

use super::{Error, Message, ObjectId, Repository};
use crate::model::Timestamp;

/// A person and a time, as a commit holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Name; may hold anything, and is cleaned when it is written.
    pub name: String,
    /// Address; may be empty.
    pub email: String,
    /// When; Git keeps whole seconds.
    pub time: Timestamp,
    /// Minutes east of UTC.
    pub offset_minutes: i16,
}

/// A commit to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitDraft {
    /// Its root tree.
    pub tree: ObjectId,
    /// What it follows; none for the first.
    pub parents: Vec<ObjectId>,
    /// Who changed the org, and when.
    pub author: Signature,
    /// Who committed, and when.
    pub committer: Signature,
    /// What it says.
    pub message: Message,
}

/// A commit as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// Its root tree.
    pub tree: ObjectId,
    /// What it follows; none for the first, and none where a shallow clone ends.
    pub parents: Vec<ObjectId>,
    /// Who wrote the change.
    pub author: Signature,
    /// Who committed it.
    pub committer: Signature,
    /// What it says.
    pub message: Message,
}

impl Signature {
    /// That person at that time, in UTC.
    #[must_use]
    pub fn new(name: impl Into<String>, email: impl Into<String>, time: Timestamp) -> Self {
        Self {
            name: name.into(),
            email: email.into(),
            time,
            offset_minutes: 0,
        }
    }

    /// The name as Git would write it: without what ends it, and never empty.
    pub(super) fn clean_name(&self) -> String {
        let name = without_crud(&self.name);
        if name.is_empty() {
            "unknown".to_owned()
        } else {
            name
        }
    }

    pub(super) fn clean_email(&self) -> String {
        without_crud(&self.email).replace(char::is_whitespace, "")
    }

    /// Seconds and offset as Git writes them; Git knows no time before 1970.
    pub(super) fn clean_time(&self) -> String {
        let minutes = self.offset_minutes.clamp(-14 * 60, 14 * 60);
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.unsigned_abs();
        let seconds = self.time.as_seconds().max(0);
        format!("{seconds} {sign}{:02}{:02}", minutes / 60, minutes % 60)
    }

    fn read(it: &git2::Signature<'_>) -> Self {
        let seconds = it.when().seconds();
        Self {
            name: String::from_utf8_lossy(it.name_bytes()).into_owned(),
            email: String::from_utf8_lossy(it.email_bytes()).into_owned(),
            time: Timestamp::from_millis(seconds.saturating_mul(1000))
                .unwrap_or(Timestamp::UNKNOWN),
            offset_minutes: i16::try_from(it.when().offset_minutes()).unwrap_or(0),
        }
    }
}

/// `text` as Git cleans a name: no angle bracket, no control character, and
/// none of the characters it calls crud at either end.
///
/// Source: Git 2.47, ident.c, `strbuf_addstr_without_crud`.
fn without_crud(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it })
        .filter(|it| !matches!(it, '<' | '>'))
        .collect();
    let is_crud =
        |it: char| it <= ' ' || matches!(it, '.' | ',' | ':' | ';' | '<' | '>' | '"' | '\\' | '\'');
    text.trim_matches(is_crud).to_owned()
}

impl CommitDraft {
    /// The bytes of the commit object.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut out = format!("tree {}\n", self.tree);
        for parent in &self.parents {
            writeln!(out, "parent {parent}").expect("a String takes all");
        }
        for (role, who) in [("author", &self.author), ("committer", &self.committer)] {
            let (name, email, time) = (who.clean_name(), who.clean_email(), who.clean_time());
            writeln!(out, "{role} {name} <{email}> {time}").expect("a String takes all");
        }
        out.push('\n');
        out.push_str(&self.message.render());
        out.into_bytes()
    }
}

impl Repository {
    /// Reads one commit.
    ///
    /// # Errors
    ///
    /// [`Error::TooShallow`] where the clone does not reach so far back, else
    /// [`Error::Unreadable`].
    pub fn commit(&self, id: ObjectId) -> Result<Commit, Error> {
        let handle = self.handle()?;
        let commit = match handle.find_commit(id.to_git()) {
            Ok(commit) => commit,
            Err(err) if err.code() == git2::ErrorCode::NotFound && handle.is_shallow() => {
                return Err(Error::TooShallow {
                    wanted: format!("commit {}", id.short()),
                });
            }
            Err(err) => return Err(Error::unreadable("commit", id)(err)),
        };
        Ok(Commit {
            id,
            tree: commit.tree_id().into(),
            parents: commit.parent_ids().map(ObjectId::from).collect(),
            author: Signature::read(&commit.author()),
            committer: Signature::read(&commit.committer()),
            message: Message::parse(&String::from_utf8_lossy(commit.message_raw_bytes())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_name_cannot_end_its_line() {
        let who = Signature {
            name: " \"Eve\" <root@x>\nparent 0000".to_owned(),
            email: "eve@x>\ncommitter a".to_owned(),
            time: "1969-01-01T00:00:00Z".parse().unwrap(),
            offset_minutes: -90,
        };
        let draft = CommitDraft {
            tree: ObjectId::EMPTY_TREE,
            parents: vec![],
            author: who.clone(),
            committer: Signature::new("", "", who.time),
            message: Message::new(""),
        };
        insta::assert_snapshot!(String::from_utf8(draft.render()).unwrap(), @r#"
        tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
        author Eve" root@x parent 0000 <eve@xcommittera> 0 -0130
        committer unknown <> 0 +0000

        (no message)
        "#);
    }
}
