//! Names and addresses that Git accepts and that nobody can forge with.

use super::{User, Who};
use crate::model::{Author, OrgId};

/// Most characters of a name or an address.
const LONGEST: usize = 128;

/// Author of a commit.
///
/// Neither part has a control character, an angle bracket or a line end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

impl Signature {
    /// The signature of whoever a commit names.
    ///
    /// `user` is what the org tells about the person. Without a usable address it is
    /// `<user id>@<org id>.salesforce.invalid`, which no mail ever reaches.
    #[must_use]
    pub fn of(who: &Who, user: Option<&User>, org: OrgId) -> Self {
        match who {
            Who::Person(author) | Who::Platform(author) => Self::of_author(author, user, org),
            Who::Unknown => Self::made_up("unknown", org),
            Who::Ourselves => Self::made_up("orgkeep", org),
        }
    }

    /// The signature of a user or of a part of the platform.
    #[must_use]
    pub fn of_author(author: &Author, user: Option<&User>, org: OrgId) -> Self {
        let name = user.map_or(author.name.as_str(), |it| it.name.as_str());
        let name = [name, author.name.as_str()]
            .into_iter()
            .map(clean_name)
            .find(|it| !it.is_empty())
            .unwrap_or_else(|| "unnamed user".to_owned());
        let email = user
            .and_then(|it| it.email.as_deref())
            .and_then(clean_email);
        let email = email.unwrap_or_else(|| {
            let local = author.id.map_or_else(
                || {
                    name.to_lowercase()
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join("-")
                },
                |it| it.as_str().to_owned(),
            );
            let local: String = local
                .chars()
                .filter(|it| it.is_ascii_alphanumeric() || *it == '-')
                .collect();
            format!("{local}@{}.salesforce.invalid", org.as_str())
        });
        Self { name, email }
    }

    fn made_up(name: &str, org: OrgId) -> Self {
        Self {
            name: name.to_owned(),
            email: format!("{name}@{}.salesforce.invalid", org.as_str()),
        }
    }

    /// As Git writes it: `Jane Doe <jane@acme.com>`.
    #[must_use]
    pub fn render(&self) -> String {
        format!("{} <{}>", self.name, self.email)
    }
}

/// Characters that change how a line is shown and not what it says.
pub(super) fn is_invisible(it: char) -> bool {
    matches!(it,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn clean_name(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it })
        .filter(|it| !matches!(it, '<' | '>') && !is_invisible(*it))
        .take(LONGEST)
        .collect();
    let words: Vec<&str> = kept.split_whitespace().collect();
    // What Git itself would cut off at either end.
    let crud =
        |it: char| matches!(it, '.' | ',' | ':' | ';' | '"' | '\\' | '\'') || it.is_whitespace();
    words.join(" ").trim_matches(crud).to_owned()
}

fn clean_email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, host) = text.split_once('@')?;
    let plain =
        |it: char| it.is_ascii_graphic() && !matches!(it, '<' | '>' | '"' | '\\' | ',' | ';');
    let fine =
        !local.is_empty() && !host.is_empty() && text.len() <= LONGEST && text.chars().all(plain);
    fine.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::testing::author;

    fn org() -> OrgId {
        "00D000000000001".parse().unwrap()
    }

    fn sign(name: &str, email: Option<&str>) -> Signature {
        let user = User {
            name: name.to_owned(),
            email: email.map(str::to_owned),
        };
        Signature::of(&Who::Person(author("Jane Doe")), Some(&user), org())
    }

    #[test]
    fn person_signs_with_name_and_address() {
        let signature = sign("Jane Doe", Some("jane@acme.com"));
        assert_eq!(signature.render(), "Jane Doe <jane@acme.com>");
    }

    #[test]
    fn address_that_is_none_is_replaced_by_one_that_reaches_nobody() {
        for wrong in [
            None,
            Some(""),
            Some("jane"),
            Some("a b@c"),
            Some("x@y>\nauthor z <z@z"),
            Some("@y"),
        ] {
            assert_eq!(
                sign("Jane Doe", wrong).email,
                "005JaneDoe00000IEA@00D000000000001EAA.salesforce.invalid"
            );
        }
    }

    #[test]
    fn hostile_name_forges_no_author() {
        let name = sign("Jane <root@x>\nauthor Eve\u{202e}", None).name;
        assert_eq!(name, "Jane root@x author Eve");
        assert_eq!(sign(" <>\u{0} ", None).name, "Jane Doe");
    }

    #[test]
    fn nobody_and_the_platform_are_named_as_such() {
        assert_eq!(
            Signature::of(&Who::Unknown, None, org()).render(),
            "unknown <unknown@00D000000000001EAA.salesforce.invalid>"
        );
        let process = Author {
            id: None,
            name: "Automated Process".to_owned(),
        };
        assert_eq!(
            Signature::of(&Who::Platform(process), None, org()).render(),
            "Automated Process <automated-process@00D000000000001EAA.salesforce.invalid>"
        );
    }

    proptest! {
        #[test]
        fn no_name_or_address_breaks_out_of_its_line(name in any::<String>(), email in proptest::option::of(any::<String>())) {
            let signature = sign(&name, email.as_deref());
            for text in [&signature.name, &signature.email] {
                prop_assert!(!text.is_empty());
                prop_assert!(!text.chars().any(|it| it.is_control() || matches!(it, '<' | '>')));
            }
        }
    }
}
