//! States of a file between two others, with some of the changes made.
//!
//! Of a file that several people changed, each commit takes its own part. Elements
//! stay in the order in which they stand, canonical or not, so that a part changes
//! nothing but its own lines.

use super::element::{self, ElementChange};
use crate::{
    registry::keys::KeyRules,
    source,
    xml::{self, Document, Element},
};

/// Two states of a file, and the way from one to the other.
pub struct Between {
    before: Document,
    changes: Vec<ElementChange>,
    write: fn(&Document) -> Vec<u8>,
}

impl Between {
    /// The way between two states, one of which may be that there is no file.
    ///
    /// `None` where it cannot be gone in parts: what is no XML, and what we would not
    /// write as it is.
    #[must_use]
    pub fn new(before: Option<&[u8]>, after: Option<&[u8]>) -> Option<Self> {
        let some = after.or(before)?;
        let writers: [fn(&Document) -> Vec<u8>; 2] = [xml::render, source::write_faithful];
        let parsed = xml::parse(some).ok()?;
        let write = *writers.iter().find(|write| write(&parsed) == some)?;
        let mut before = match before {
            Some(bytes) => xml::parse(bytes).ok()?,
            None => empty_like(&parsed),
        };
        let after = match after {
            Some(_) => parsed,
            None => empty_like(&before),
        };
        let keys = KeyRules::official();
        let changes = element::diff_as_written(&before.root, &after.root, keys);
        before.prolog = after.prolog;
        before.epilog = after.epilog;
        Some(Self {
            before,
            changes,
            write,
        })
    }

    /// The changes, in order; they are those of the documents as written.
    #[must_use]
    pub fn changes(&self) -> &[ElementChange] {
        &self.changes
    }

    /// The state before, with the changes that are `wanted`.
    ///
    /// `None` where they cannot be made without the others.
    #[must_use]
    pub fn with(&self, wanted: impl Fn(&ElementChange) -> bool) -> Option<Vec<u8>> {
        let changes: Vec<ElementChange> = self
            .changes
            .iter()
            .filter(|it| wanted(it))
            .cloned()
            .collect();
        let keys = KeyRules::official();
        let root = element::apply_as_written(&self.before.root, &changes, keys).ok()?;
        Some((self.write)(&Document {
            prolog: self.before.prolog.clone(),
            root,
            epilog: self.before.epilog.clone(),
        }))
    }
}

/// A document with the root of another and nothing in it.
fn empty_like(document: &Document) -> Document {
    let mut root = Element::new(&document.root.name);
    root.attributes.clone_from(&document.root.attributes);
    Document::new(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::element::Id;

    fn labels(all: &[(&str, &str)]) -> Vec<u8> {
        let mut root = Element::new("CustomLabels");
        for (name, value) in all {
            let mut label = Element::new("labels");
            label.push_text_element("fullName", name);
            label.push_text_element("value", value);
            root.push(label);
        }
        xml::render(&Document::new(root))
    }

    fn is_of(name: &str) -> impl Fn(&ElementChange) -> bool {
        move |it| matches!(&it.path[0].id, Id::Key { texts, .. } if texts[0] == name)
    }

    #[test]
    fn each_part_changes_nothing_but_itself_in_whatever_order_the_file_is() {
        let before = labels(&[("Z", "1"), ("A", "1"), ("M", "1")]);
        let after = labels(&[("Z", "2"), ("B", "new"), ("A", "2")]);
        let between = Between::new(Some(&before), Some(&after)).unwrap();
        assert_eq!(between.with(|_| false).unwrap(), before);
        assert_eq!(between.with(|_| true).unwrap(), after);
        assert_eq!(
            between.with(is_of("A")).unwrap(),
            labels(&[("Z", "1"), ("A", "2"), ("M", "1")])
        );
        assert_eq!(
            between.with(is_of("B")).unwrap(),
            labels(&[("Z", "1"), ("B", "new"), ("A", "1"), ("M", "1")])
        );
        assert_eq!(
            between.with(is_of("M")).unwrap(),
            labels(&[("Z", "1"), ("A", "1")])
        );
    }

    #[test]
    fn file_that_comes_or_goes_does_so_in_parts_too() {
        let both = labels(&[("A", "1"), ("B", "1")]);
        let came = Between::new(None, Some(&both)).unwrap();
        assert_eq!(came.with(is_of("B")).unwrap(), labels(&[("B", "1")]));
        let gone = Between::new(Some(&both), None).unwrap();
        assert_eq!(gone.with(is_of("B")).unwrap(), labels(&[("A", "1")]));
    }

    #[test]
    fn what_we_would_write_otherwise_is_left_whole() {
        assert!(Between::new(Some(b"<a>\n  <b/>\n</a>"), Some(b"<a>\n  <c/>\n</a>")).is_none());
        assert!(Between::new(Some(b"no"), Some(b"XML")).is_none());
    }
}
