//! What the tables of an org grant and the document of a profile or permission set lacks.
//!
//! A retrieve of a profile tells only of what is asked for beside it, and leaves out what
//! other permissions bring along. The tables know all of it.
//!
//! Invariant: what is out of scope lacks in no document; only what the tables say and the
//! document does not is told.

use std::{collections::BTreeSet, fmt};

use crate::xml::Element;

/// One thing that is granted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// What grants it in the document.
    pub kind: Kind,
    /// To what: a field, an object, a class; of a user permission its name.
    pub name: String,
}

/// Kinds of grants that a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `fieldPermissions`; the table `FieldPermissions`.
    Field,
    /// `objectPermissions`; the table `ObjectPermissions`.
    Object,
    /// `classAccesses`; `SetupEntityAccess` of an `ApexClass`.
    Class,
    /// `pageAccesses`; `SetupEntityAccess` of an `ApexPage`.
    Page,
    /// `customPermissions`; `SetupEntityAccess` of a `CustomPermission`.
    CustomPermission,
    /// `userPermissions`; a field `Permissions…` of `PermissionSet`.
    User,
}

/// The elements of each kind: its name, the element that names what is granted, those that say
/// whether it is.
///
/// Source: WSDL of the Metadata API 66.0, `Profile`, `PermissionSet`.
const ELEMENTS: &[(Kind, &str, &str, &[&str])] = &[
    (
        Kind::Field,
        "fieldPermissions",
        "field",
        &["readable", "editable"],
    ),
    (
        Kind::Object,
        "objectPermissions",
        "object",
        &[
            "allowRead",
            "allowCreate",
            "allowEdit",
            "allowDelete",
            "viewAllRecords",
            "modifyAllRecords",
            "viewAllFields",
        ],
    ),
    (Kind::Class, "classAccesses", "apexClass", &["enabled"]),
    (Kind::Page, "pageAccesses", "apexPage", &["enabled"]),
    (
        Kind::CustomPermission,
        "customPermissions",
        "name",
        &["enabled"],
    ),
    (Kind::User, "userPermissions", "name", &["enabled"]),
];

impl Kind {
    /// The element that grants it.
    #[must_use]
    pub fn element(self) -> &'static str {
        let row = ELEMENTS.iter().find(|it| it.0 == self);
        row.expect("each kind has a row").1
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.element(), self.name)
    }
}

/// What a document grants.
#[must_use]
pub fn granted(document: &Element) -> BTreeSet<Grant> {
    let mut found = BTreeSet::new();
    for (kind, element, name, says) in ELEMENTS {
        for entry in document.elements_named(element) {
            let is_true = |it: &&str| entry.child_text(it).is_some_and(|it| it.trim() == "true");
            if says.iter().any(is_true)
                && let Some(name) = entry.child_text(name)
            {
                found.insert(Grant {
                    kind: *kind,
                    name: name.trim().to_owned(),
                });
            }
        }
    }
    found
}

/// What the tables grant, is in scope and the document lacks.
#[must_use]
pub fn lacking(
    document: &Element,
    tables: &BTreeSet<Grant>,
    is_in_scope: &dyn Fn(&Grant) -> bool,
) -> BTreeSet<Grant> {
    let has = granted(document);
    let lacks = |it: &&Grant| !has.contains(*it) && is_in_scope(it);
    tables.iter().filter(lacks).cloned().collect()
}

/// Grants that are named in a reason; the others are counted.
const NAMED: usize = 5;

/// The reason of a gap, in words.
#[must_use]
pub fn in_words(lacking: &BTreeSet<Grant>) -> String {
    let named: Vec<String> = lacking.iter().take(NAMED).map(Grant::to_string).collect();
    let more = match lacking.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!(
        "the org grants more than its file says: {}{more}",
        named.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    fn profile() -> Element {
        let text = "<Profile>\
            <classAccesses><apexClass>A</apexClass><enabled>true</enabled></classAccesses>\
            <classAccesses><apexClass>B</apexClass><enabled>false</enabled></classAccesses>\
            <fieldPermissions><editable>false</editable><field>Account.X__c</field><readable>true</readable></fieldPermissions>\
            <userPermissions><enabled>true</enabled><name>ApiEnabled</name></userPermissions></Profile>";
        parse(text.as_bytes()).unwrap().root
    }

    fn grant(kind: Kind, name: &str) -> Grant {
        Grant {
            kind,
            name: name.to_owned(),
        }
    }

    #[test]
    fn what_the_tables_grant_and_the_document_does_not_is_lacking() {
        let tables = BTreeSet::from([
            grant(Kind::Class, "A"),
            grant(Kind::Class, "B"),
            grant(Kind::Field, "Account.X__c"),
            grant(Kind::Field, "Hidden__c.Y__c"),
            grant(Kind::User, "ViewSetup"),
        ]);
        let lacks = lacking(&profile(), &tables, &|it| !it.name.starts_with("Hidden__c"));
        assert_eq!(
            in_words(&lacks),
            "the org grants more than its file says: classAccesses B, userPermissions ViewSetup"
        );
        assert!(lacking(&profile(), &granted(&profile()), &|_| true).is_empty());
    }

    #[test]
    fn many_are_counted() {
        let tables = (0..9)
            .map(|n| grant(Kind::Object, &format!("O{n}__c")))
            .collect();
        let words = in_words(&lacking(&profile(), &tables, &|_| true));
        assert!(
            words.ends_with("objectPermissions O4__c and 4 more"),
            "{words}"
        );
    }
}
