//! Values that the tests of this floor need again and again.

use crate::model::{Author, ComponentKey, RemoteComponent, Stamp, Timestamp};

/// The component written `text`.
pub(super) fn key(text: &str) -> ComponentKey {
    text.parse().expect("a test writes a component rightly")
}

/// The point of time written `text`.
pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a test writes a time rightly")
}

/// A change by `name`, whose id is made of it, at `when`.
pub(super) fn stamp(name: &str, when: &str) -> Stamp {
    Stamp {
        by: author(name),
        at: at(when),
    }
}

/// A user of that name with an id made of it.
pub(super) fn author(name: &str) -> Author {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let id = format!("005{letters:0<12.12}");
    Author {
        id: Some(id.parse().expect("an id of letters is one")),
        name: name.to_owned(),
    }
}

/// An unmanaged component that Jane made and changed on one day.
pub(super) fn remote(text: &str) -> RemoteComponent {
    RemoteComponent {
        key: key(text),
        id: None,
        file_name: String::new(),
        created: stamp("Jane Doe", "2026-01-01T00:00:00Z"),
        modified: stamp("Jane Doe", "2026-01-01T00:00:00Z"),
        namespace: None,
        manageable_state: Some("unmanaged".to_owned()),
    }
}
