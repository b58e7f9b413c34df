//! Users that metadata names, and what is sent where the org does not have one.
//!
//! A user who has left, or whose name is another in a sandbox, makes the platform refuse
//! a queue or a folder as a whole. Membership and shares are sent without such a user,
//! and the plan says so; what cannot do without a user is left to the org to refuse.
//!
//! Source: `field.md` §4.2, "Queue/Group membership users missing"; Metadata API Developer
//! Guide, `Queue`, `Folder`.

use std::collections::BTreeSet;

use crate::model::TypeName;
use crate::xml::{Element, Node};

/// Whether a type names users that it can do without.
#[must_use]
pub fn names_users(type_name: &TypeName) -> bool {
    let of = type_name.as_str();
    of == "Queue" || of.ends_with("Folder")
}

/// The usernames that a component can do without, as it spells them.
#[must_use]
pub fn usernames(type_name: &TypeName, root: &Element) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if names_users(type_name) {
        let mut copy = root.clone();
        prune(&mut copy, &mut |name| {
            found.insert(name.to_owned());
            false
        });
    }
    found
}

/// The document without `missing` users, who are in lower case, and who they were.
///
/// `None` where it names none of them.
#[must_use]
pub fn without(
    type_name: &TypeName,
    root: &Element,
    missing: &BTreeSet<String>,
) -> Option<(Element, BTreeSet<String>)> {
    if missing.is_empty() || !names_users(type_name) {
        return None;
    }
    let mut left_out = BTreeSet::new();
    let mut copy = root.clone();
    prune(&mut copy, &mut |name| {
        let is_missing = missing.contains(&name.to_lowercase());
        if is_missing {
            left_out.insert(name.to_owned());
        }
        is_missing
    });
    (!left_out.is_empty()).then_some((copy, left_out))
}

/// Takes out the users that `goes` says; what is empty then goes too.
fn prune(root: &mut Element, goes: &mut dyn FnMut(&str) -> bool) {
    root.children.retain_mut(|node| {
        let Node::Element(child) = node else {
            return true;
        };
        match child.local_name() {
            "user" => !goes(child.text().trim()),
            "folderShares" if child.child_text("sharedToType").as_deref() == Some("User") => {
                let name = child.child_text("sharedTo").unwrap_or_default();
                !goes(name.trim())
            }
            "users" | "queueMembers" => {
                prune(child, goes);
                child.has_elements()
            }
            _ => true,
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn root(text: &str) -> Element {
        xml::parse(text.as_bytes()).unwrap().root
    }

    const QUEUE: &str = "<Queue><name>Q</name><queueMembers><users><user>Jane@acme.example</user><user>omar@acme.example</user></users></queueMembers></Queue>";

    #[test]
    fn queue_is_sent_without_the_user_who_left() {
        let queue = TypeName::known("Queue");
        let named: Vec<_> = usernames(&queue, &root(QUEUE)).into_iter().collect();
        assert_eq!(named, ["Jane@acme.example", "omar@acme.example"]);
        let missing = BTreeSet::from(["jane@acme.example".to_owned()]);
        let (cut, left_out) = without(&queue, &root(QUEUE), &missing).unwrap();
        assert_eq!(
            cut,
            root(&QUEUE.replace("<user>Jane@acme.example</user>", ""))
        );
        assert_eq!(left_out, ["Jane@acme.example".to_owned()].into());
        let all = [
            "jane@acme.example".to_owned(),
            "omar@acme.example".to_owned(),
        ]
        .into();
        let (cut, _) = without(&queue, &root(QUEUE), &all).unwrap();
        assert_eq!(cut, root("<Queue><name>Q</name></Queue>"));
        assert_eq!(without(&queue, &root(QUEUE), &BTreeSet::new()), None);
    }

    #[test]
    fn share_with_a_group_of_the_same_name_stays() {
        let folder = TypeName::known("ReportFolder");
        let share = |of: &str| {
            format!(
                "<folderShares><sharedTo>jane</sharedTo><sharedToType>{of}</sharedToType></folderShares>"
            )
        };
        let both = root(&format!(
            "<ReportFolder>{}{}</ReportFolder>",
            share("User"),
            share("Group")
        ));
        let missing = BTreeSet::from(["jane".to_owned()]);
        let (cut, _) = without(&folder, &both, &missing).unwrap();
        assert_eq!(
            cut,
            root(&format!("<ReportFolder>{}</ReportFolder>", share("Group")))
        );
        assert_eq!(without(&TypeName::known("Report"), &both, &missing), None);
    }
}
