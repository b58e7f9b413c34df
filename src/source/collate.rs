//! The order in which `sf` puts the parts of a recomposed document.
//!
//! It compares names by the Unicode root collation (JavaScript's `localeCompare`),
//! of which this is the part that names need: marks before digits before letters,
//! accents and case only where all else is equal.

use unicode_normalization::UnicodeNormalization;

/// Printable ASCII that is neither letter nor digit, in collation order.
///
/// Source: Unicode CLDR root collation, `allkeys_CLDR.txt`.
const MARKS: &str = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";

/// What a name sorts by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    letters: Vec<(u8, u32)>,
    /// Accents behind each letter.
    accents: Vec<char>,
    /// Lower case comes before upper case.
    upper: Vec<bool>,
}

/// What `name` sorts by.
pub(super) fn key(name: &str) -> Key {
    let mut key = Key {
        letters: Vec::with_capacity(name.len()),
        accents: Vec::new(),
        upper: Vec::with_capacity(name.len()),
    };
    for it in name.nfd() {
        match weight(it) {
            Some(weight) => {
                key.letters.push(weight);
                key.upper.push(it.is_uppercase());
            }
            None => key.accents.push(it),
        }
    }
    key
}

/// Class and place of a character; `None` for one that only modifies another.
fn weight(it: char) -> Option<(u8, u32)> {
    if let Some(place) = MARKS.find(it) {
        return Some((0, u32::try_from(place).unwrap_or(u32::MAX)));
    }
    if it.is_control() || ('\u{300}'..='\u{36f}').contains(&it) {
        return None;
    }
    let class = if it.is_numeric() {
        2
    } else if it.is_alphabetic() {
        3
    } else {
        1
    };
    let folded = it.to_lowercase().next().unwrap_or(it);
    Some((class, u32::from(folded)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_locale_compare_sorts_them() {
        // As Node 22 sorts them.
        let sorted = [
            "_a",
            "-a",
            "0a",
            "9",
            "a",
            "A",
            "á",
            "ä",
            "Ä",
            "a b",
            "a_b",
            "a-b",
            "a,b",
            "a;b",
            "a:b",
            "a.b",
            "a'b",
            "a\"b",
            "a(b",
            "a/b",
            "a&b",
            "a%b",
            "a+b",
            "a$b",
            "a1",
            "aa",
            "Aa",
            "AA",
            "ab",
            "aB",
            "Ab",
            "AB",
            "äb",
            "ae",
            "b",
            "B",
            "é",
            "Field__c",
            "Field_One__c",
            "Field1__c",
            "FieldA__c",
            "n",
            "N",
            "ñ",
            "o",
            "ss",
            "z",
            "zeta",
            "Zulu",
            "日本",
        ];
        let mut found = sorted;
        found.reverse();
        found.sort_by_cached_key(|name| key(name));
        assert_eq!(found, sorted);
    }
}
