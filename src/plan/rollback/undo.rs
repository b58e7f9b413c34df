//! Undoing what a commit did to a file, element by element, with later edits kept.
//!
//! Three states of a file are at hand: before the commit, after it, and as it is now.
//! What the commit changed is changed back in the file of now. Where somebody has
//! changed the same since, that is a clash: nothing decides it but a choice.
//!
//! Invariant: a file that nobody changed since is, byte for byte, as it was before the
//! commit; a clash that nobody has decided leaves the org's element as it is.

use serde::{Deserialize, Serialize};

use crate::diff::element::{self, ChangeKind, Conflict, Side, quoted, value};
use crate::diff::{text, three};
use crate::model::ComponentKey;
use crate::registry::keys::KeyRules;
use crate::source::canonical::sorted;
use crate::xml::{self, Document, Element};

/// Something that a commit changed and somebody else changed again since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clash {
    /// The component.
    pub component: ComponentKey,
    /// The file in the tree.
    pub path: String,
    /// What it is about, in words: an element, a line, or the whole file.
    pub what: String,
    /// The commit to undo, short.
    pub commit: String,
    /// As it was before the commit: what undoing would bring back.
    pub theirs: String,
    /// As the commit left it.
    pub base: String,
    /// As it is now.
    pub now: String,
}

impl Clash {
    /// The name by which a choice is noted.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{} {}", self.component, self.what)
    }

    /// The three states in one line.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "{}: before {} {}, then {}, now {}",
            self.what, self.commit, self.theirs, self.base, self.now
        )
    }
}

/// One file of a component, in three states.
#[derive(Clone, Copy, Debug)]
pub struct States<'a> {
    /// The component that it is of.
    pub component: &'a ComponentKey,
    /// Where it stands in the tree.
    pub path: &'a str,
    /// The commit to undo, short.
    pub commit: &'a str,
    /// Before the commit; `None` where it was not there.
    pub before: Option<&'a [u8]>,
    /// After it.
    pub after: Option<&'a [u8]>,
    /// As it is now.
    pub now: Option<&'a [u8]>,
}

/// The file of now without what the commit did; `None` where it should not be there.
///
/// `choose` decides clashes: [`Side::Ours`] is now's, [`Side::Theirs`] what was before
/// the commit.
pub fn undo(states: &States<'_>, choose: &mut dyn FnMut(&Clash) -> Side) -> Option<Vec<u8>> {
    let States {
        before, after, now, ..
    } = *states;
    if now == after {
        return before.map(<[u8]>::to_vec);
    }
    if now == before || before == after {
        return now.map(<[u8]>::to_vec);
    }
    if let (Some(before), Some(after), Some(now)) = (before, after, now) {
        if let Some(merged) = by_element(states, before, after, now, choose) {
            return Some(merged);
        }
        if [before, after, now].into_iter().all(text::is_text) {
            return Some(by_line(states, before, after, now, choose));
        }
    }
    let clash = states.clash("the file", [before, after, now].map(size));
    let chosen = match choose(&clash) {
        Side::Ours => now,
        Side::Theirs => before,
    };
    chosen.map(<[u8]>::to_vec)
}

/// Merges documents; `None` where one of the files is none.
fn by_element(
    states: &States<'_>,
    before: &[u8],
    after: &[u8],
    now: &[u8],
    choose: &mut dyn FnMut(&Clash) -> Side,
) -> Option<Vec<u8>> {
    if !is_xml(states.path) {
        return None;
    }
    let root = |bytes: &[u8]| xml::parse(bytes).ok().map(|it| it.root);
    let (then, base, today) = (root(before)?, root(after)?, root(now)?);
    if base.name != today.name || base.name != then.name {
        return None;
    }
    let keys = KeyRules::official();
    let merged = element::merge_with(&base, &today, &then, keys, &mut |it| {
        choose(&states.clash_of(base.local_name(), it))
    });
    let is = |other: &Element| merged.element == *sorted(other, keys);
    // Where nothing is left of one side, the other's own bytes hold.
    Some(if is(&today) {
        now.to_vec()
    } else if is(&then) {
        before.to_vec()
    } else {
        xml::render(&Document::new(merged.element))
    })
}

fn by_line(
    states: &States<'_>,
    before: &[u8],
    after: &[u8],
    now: &[u8],
    choose: &mut dyn FnMut(&Clash) -> Side,
) -> Vec<u8> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let merged = three::merge(&text(after), &text(now), &text(before), &mut |it| {
        let what = format!("line {}", it.line);
        let values = [&it.theirs, &it.base, &it.ours].map(|it| quoted(it));
        choose(&states.clash(&what, values))
    });
    merged.into_bytes()
}

fn is_xml(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, end)| end.eq_ignore_ascii_case("xml"))
}

impl States<'_> {
    fn clash(&self, what: &str, [theirs, base, now]: [String; 3]) -> Clash {
        Clash {
            component: self.component.clone(),
            path: self.path.to_owned(),
            what: what.to_owned(),
            commit: self.commit.to_owned(),
            theirs,
            base,
            now,
        }
    }

    fn clash_of(&self, root: &str, conflict: &Conflict) -> Clash {
        let keys = KeyRules::official();
        let Conflict { ours, theirs } = conflict;
        let what = element::short(root, theirs, keys);
        let now = if ours.path == theirs.path && ours.kind != ChangeKind::Moved {
            value(ours.after.as_ref())
        } else {
            element::describe(root, ours, keys)
        };
        let (then, base) = match theirs.kind {
            ChangeKind::Moved => (
                element::describe(root, theirs, keys),
                "in another place".to_owned(),
            ),
            _ => (value(theirs.after.as_ref()), value(theirs.before.as_ref())),
        };
        self.clash(&what, [then, base, now])
    }
}

fn size(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(
        || "not there".to_owned(),
        |it| match it.len() {
            1 => "1 byte".to_owned(),
            n => format!("{n} bytes"),
        },
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::testing::key;

    const FILE: &str = "force-app/fields/Region__c.field-meta.xml";

    fn field(label: &str, help: &str) -> Vec<u8> {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CustomField>\n    <fullName>Region__c</fullName>\n    <inlineHelpText>{help}</inlineHelpText>\n    <label>{label}</label>\n</CustomField>\n").into_bytes()
    }

    fn run(
        path: &str,
        [before, after, now]: [Option<&[u8]>; 3],
        side: Side,
    ) -> (Option<Vec<u8>>, Vec<Clash>) {
        let mut clashes = Vec::new();
        let component = key("CustomField:Account.Region__c");
        let states = States {
            component: &component,
            path,
            commit: "5a90b3f",
            before,
            after,
            now,
        };
        let result = undo(&states, &mut |it| {
            clashes.push(it.clone());
            side
        });
        (result, clashes)
    }

    #[test]
    fn later_edit_of_another_element_stays() {
        let (before, after) = (field("Region", "Where"), field("Area", "Where"));
        let now = field("Area", "Which part");
        let (result, clashes) = run(FILE, [Some(&before), Some(&after), Some(&now)], Side::Ours);
        assert_eq!(result.unwrap(), field("Region", "Which part"));
        assert_eq!(clashes, []);
    }

    #[test]
    fn same_element_changed_again_is_a_clash_with_all_three_states() {
        let states = [field("Region", ""), field("Area", ""), field("Zone", "")];
        let all = [0, 1, 2].map(|n: usize| Some(&*states[n]));
        let (kept, clashes) = run(FILE, all, Side::Ours);
        assert_eq!(kept.unwrap(), states[2]);
        assert_eq!(
            clashes[0].in_words(),
            "label: before 5a90b3f \"Region\", then \"Area\", now \"Zone\""
        );
        assert_eq!(clashes[0].id(), "CustomField:Account.Region__c label");
        let (undone, _) = run(FILE, all, Side::Theirs);
        assert_eq!(undone.unwrap(), states[0]);
    }

    #[test]
    fn code_is_merged_by_lines() {
        let (before, after) = (&b"a\nb\nc\n"[..], &b"a\nB\nc\n"[..]);
        let (result, clashes) = run(
            "A.cls",
            [Some(before), Some(after), Some(b"a\nB\nc\nd\n")],
            Side::Ours,
        );
        assert_eq!(result.unwrap(), b"a\nb\nc\nd\n");
        assert_eq!(clashes, []);
        let (_, clashes) = run(
            "A.cls",
            [Some(before), Some(after), Some(b"a\nX\nc\n")],
            Side::Ours,
        );
        assert_eq!(clashes[0].what, "line 2");
    }

    #[test]
    fn what_came_goes_unless_somebody_worked_on_it_since() {
        let (file, edited) = (field("Region", ""), field("Zone", ""));
        assert_eq!(
            run(FILE, [None, Some(&file), Some(&file)], Side::Ours).0,
            None
        );
        let (kept, clashes) = run(FILE, [None, Some(&file), Some(&edited)], Side::Ours);
        assert_eq!((kept, clashes.len()), (Some(edited), 1));
        let (back, clashes) = run(FILE, [Some(&file), None, None], Side::Ours);
        assert_eq!((back, clashes), (Some(file), vec![]));
    }

    proptest! {
        #[test]
        fn only_what_the_commit_changed_is_undone_and_only_where_it_stands(
            [was, made, is, help, later] in proptest::array::uniform5("[a-c]"),
        ) {
            let states = [field(&was, &help), field(&made, &help), field(&is, &later)];
            let all = [0, 1, 2].map(|n: usize| Some(&*states[n]));
            let (result, clashes) = run(FILE, all, Side::Ours);
            let label = if is == made { &was } else { &is };
            prop_assert_eq!(result.unwrap(), field(label, &later));
            let is_clash = was != made && is != was && is != made;
            prop_assert_eq!(clashes.len(), usize::from(is_clash));
            let (result, _) = run(FILE, all, Side::Theirs);
            let label = if was == made { &is } else { &was };
            prop_assert_eq!(result.unwrap(), field(label, &later));
        }

        #[test]
        fn file_that_nobody_touched_since_is_as_it_was(before in "[a-c]*", after in "[a-c]*", now in "[a-c]*") {
            let bytes = [before.as_bytes(), after.as_bytes(), now.as_bytes()];
            let (result, _) = run("a.bin", [Some(bytes[0]), Some(bytes[1]), Some(bytes[1])], Side::Ours);
            prop_assert_eq!(result.unwrap(), bytes[0]);
            let (result, _) = run("a.bin", [Some(bytes[0]), Some(bytes[0]), Some(bytes[2])], Side::Ours);
            prop_assert_eq!(result.unwrap(), bytes[2]);
        }
    }
}
