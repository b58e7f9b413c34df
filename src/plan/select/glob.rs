//! Patterns over names: `*` is any text, `?` any one character.
//!
//! `*` also crosses `/` and `.`, as in Git's pathspecs: `Report:Sales/*` reaches
//! nested folders. A backslash takes the next character literally.

/// A pattern, parsed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Is(char),
}

impl Glob {
    /// Parses `text`; every text is a pattern.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut chars = text.chars();
        while let Some(it) = chars.next() {
            let part = match it {
                '*' => Part::Any,
                '?' => Part::One,
                '\\' => Part::Is(chars.next().unwrap_or('\\')),
                other => Part::Is(other),
            };
            if part != Part::Any || parts.last() != Some(&Part::Any) {
                parts.push(part);
            }
        }
        Self {
            text: text.to_owned(),
            parts,
        }
    }

    /// Whether `text` asks for a pattern at all.
    #[must_use]
    pub fn is_pattern(text: &str) -> bool {
        text.contains(['*', '?'])
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all of `text` fits, without regard to case.
    ///
    /// Takes time proportional to the product of both lengths at worst, never more.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut part) = (0, 0);
        // Where to go on when what follows the last `*` does not fit.
        let mut retry: Option<(usize, usize)> = None;
        while at < text.len() {
            let fits = match self.parts.get(part) {
                Some(Part::Any) => {
                    retry = Some((part + 1, at));
                    part += 1;
                    continue;
                }
                Some(Part::One) => true,
                Some(Part::Is(it)) => same_letter(*it, text[at]),
                None => false,
            };
            match (fits, &mut retry) {
                (true, _) => {
                    at += 1;
                    part += 1;
                }
                (false, Some((after_star, from))) => {
                    *from += 1;
                    at = *from;
                    part = *after_star;
                }
                (false, None) => return false,
            }
        }
        self.parts[part.min(self.parts.len())..]
            .iter()
            .all(|it| *it == Part::Any)
    }
}

fn same_letter(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn star_crosses_folders_and_case_does_not_matter() {
        assert!(Glob::new("Sales/*").matches("sales/EMEA/Pipeline"));
        assert!(Glob::new("*:Account*").matches("Layout:account-Account Layout"));
        assert!(!Glob::new("Account.*").matches("AccountX.Region__c"));
        assert!(Glob::new("a?c").matches("aBc"));
        assert!(!Glob::new("a?c").matches("ac"));
        assert!(Glob::new(r"a\*c").matches("a*c"));
        assert!(!Glob::new(r"a\*c").matches("abc"));
    }

    /// The same by plain recursion.
    fn slow(parts: &[char], text: &[char]) -> bool {
        match (parts.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => {
                slow(&parts[1..], text) || (!text.is_empty() && slow(parts, &text[1..]))
            }
            (Some('?'), Some(_)) => slow(&parts[1..], &text[1..]),
            (Some(a), Some(b)) if a == b => slow(&parts[1..], &text[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn fast_match_is_the_plain_one(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let parts: Vec<char> = pattern.chars().collect();
            let chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(Glob::new(&pattern).matches(&text), slow(&parts, &chars));
        }
    }
}
