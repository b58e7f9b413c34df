//! What elements are called: the one table of nouns.

use std::sync::LazyLock;

/// What one element is called.
struct Word {
    /// The root it holds for; any where empty.
    root: &'static str,
    /// Any where empty.
    element: &'static str,
    label: Option<&'static str>,
    noun: &'static str,
}

static WORDS: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let lines = include_str!("nouns.txt").lines();
    lines.filter_map(parse).collect()
});

/// `root element label | noun`; `None` for a remark.
fn parse(line: &'static str) -> Option<Word> {
    let (left, noun) = line.split_once('|')?;
    if line.starts_with("# ") {
        return None;
    }
    let (root, rest) = left.split_once(' ')?;
    let (element, label) = rest.trim_start().split_once(' ')?;
    let any = |it: &'static str| if it == "*" { "" } else { it };
    let label = label.trim();
    Some(Word {
        root: any(root),
        element: any(element),
        label: (label != "-").then_some(label),
        noun: noun.trim(),
    })
}

fn find(root: &str, element: &str) -> Option<&'static Word> {
    WORDS
        .iter()
        .find(|it| it.root == root && it.element == element)
}

/// What stands before the key of an item in a line; the element's own name where nothing else does.
pub(super) fn label<'a>(root: &str, element: &'a str) -> &'a str {
    let word = find(root, element).or_else(|| find("", element));
    word.and_then(|it| it.label).unwrap_or(element)
}

/// What an element is called in a message, in the singular: `layout item`.
///
/// `root` is the name of the document's root element.
#[must_use]
pub fn noun(root: &str, element: &str) -> String {
    let word = find(root, element)
        .or_else(|| find(root, ""))
        .or_else(|| find("", element));
    word.map_or_else(|| spelled_out(element), |it| it.noun.to_owned())
}

/// `sharingCriteriaRules` as `sharing criteria rule`.
fn spelled_out(element: &str) -> String {
    let mut words = String::new();
    for it in element.chars() {
        if it.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(it.to_lowercase());
    }
    if let Some(stem) = words.strip_suffix("ies") {
        return format!("{stem}y");
    }
    words.strip_suffix('s').map_or(words.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_names_that_people_use() {
        assert_eq!(noun("Profile", "fieldPermissions"), "field permission");
        assert_eq!(noun("Layout", "layoutItems"), "layout item");
        assert_eq!(noun("ListView", "columns"), "list view column");
        assert_eq!(noun("FlexiPage", "itemInstances"), "page component");
        assert_eq!(
            noun("Thing", "specialCriteriaRules"),
            "special criteria rule"
        );
        assert_eq!(
            label("Dashboard", "dashboardGridComponents"),
            "dashboard component"
        );
        assert_eq!(label("Profile", "fieldPermissions"), "field permission");
        assert_eq!(label("Thing", "specialRules"), "specialRules");
    }

    #[test]
    fn every_line_of_the_table_is_one() {
        let lines = include_str!("nouns.txt").lines();
        let n = lines
            .filter(|it| !it.is_empty() && !it.starts_with("# "))
            .count();
        assert_eq!(WORDS.len(), n);
    }
}
