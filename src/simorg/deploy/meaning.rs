//! Whether two documents mean the same.
//!
//! The platform keeps values, not files: the order of elements of different
//! names means nothing, nor does the order of entries that are told apart by a
//! key. The order of what has no key (columns, picklist values, layout items)
//! is kept.

use super::keys;
use crate::xml::{self, Element};

/// Entries that have a name and an order all the same: people see picklists in it.
const ORDERED: &[&str] = &["customValue", "standardValue", "value"];

/// Whether two documents of one type mean the same.
pub(super) fn same(a: &Element, b: &Element) -> bool {
    a == b || form(a) == form(b)
}

/// One spelling for all documents of the same meaning.
pub(super) fn form(element: &Element) -> String {
    let mut out = String::new();
    write(element, &mut out);
    out
}

fn write(element: &Element, out: &mut String) {
    out.push('<');
    out.push_str(element.local_name());
    if element.is_nil() {
        out.push('!');
    }
    if let Some(kind) = element.attribute("xsi:type") {
        out.push('@');
        out.push_str(&kind);
    }
    out.push('>');
    if element.has_elements() {
        let mut parts: Vec<(&str, Option<String>, String)> = element
            .elements()
            .map(|it| {
                let mut text = String::new();
                write(it, &mut text);
                let key = keys::key_of(it).filter(|_| !ORDERED.contains(&it.local_name()));
                (it.local_name(), key, text)
            })
            .collect();
        // Stable: what has no key keeps its order among its like.
        parts.sort_by(|a, b| a.0.cmp(b.0).then_with(|| a.1.cmp(&b.1)));
        for (_, _, text) in parts {
            out.push_str(&text);
        }
    } else {
        out.push_str(&xml::escape(element.text().trim()));
    }
    out.push_str("</>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same_text(a: &str, b: &str) -> bool {
        let root = |it: &str| xml::parse(it.as_bytes()).unwrap().root;
        same(&root(a), &root(b))
    }

    #[test]
    fn order_of_keyed_entries_means_nothing() {
        assert!(same_text(
            "<Profile><custom>true</custom><classAccesses><apexClass>A</apexClass></classAccesses>\
             <classAccesses><apexClass>B</apexClass></classAccesses></Profile>",
            "<Profile><classAccesses><apexClass>B</apexClass></classAccesses>\
             <classAccesses><apexClass>A</apexClass></classAccesses><custom>true</custom></Profile>",
        ));
    }

    #[test]
    fn order_of_columns_and_every_value_counts() {
        assert!(!same_text(
            "<L><columns>A</columns><columns>B</columns></L>",
            "<L><columns>B</columns><columns>A</columns></L>",
        ));
        assert!(!same_text(
            "<GlobalValueSet><customValue><fullName>A</fullName></customValue>\
             <customValue><fullName>B</fullName></customValue></GlobalValueSet>",
            "<GlobalValueSet><customValue><fullName>B</fullName></customValue>\
             <customValue><fullName>A</fullName></customValue></GlobalValueSet>",
        ));
        assert!(!same_text("<L><a>1</a></L>", "<L><a>2</a></L>"));
        assert!(same_text(
            "<L><a>it&apos;s</a></L>",
            "<L>\n  <a>it's</a>\n</L>"
        ));
    }
}
