//! Merges the changes of two texts with a common base, line by line.
//!
//! Invariant: a line that neither side changed is in the result once, in its place;
//! with one side as it was the result is the other, to the byte.

use std::ops::Range;

use super::{element::Side, text::replaced};

/// Lines that both sides changed, and not to the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The first of them in the base, from 1.
    pub line: usize,
    /// As they were.
    pub base: String,
    /// As ours has them.
    pub ours: String,
    /// As theirs has them.
    pub theirs: String,
}

/// One side's change: lines of the base, and of the side.
type Edit = (Range<usize>, Range<usize>);

/// Brings what `theirs` changed since `base` into `ours`.
///
/// `choose` says of each clash which side holds.
pub fn merge(
    base: &str,
    ours: &str,
    theirs: &str,
    choose: &mut dyn FnMut(&Clash) -> Side,
) -> String {
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<&str>>();
    let (base, ours, theirs) = (lines(base), lines(ours), lines(theirs));
    let (our_edits, their_edits) = (replaced(&base, &ours), replaced(&base, &theirs));
    let mut out = String::new();
    let mut at = 0;
    let (mut n, mut m) = (0, 0);
    loop {
        let (one, other) = (our_edits.get(n), their_edits.get(m));
        let Some(start) = [one, other]
            .into_iter()
            .flatten()
            .map(|it| it.0.start)
            .min()
        else {
            break;
        };
        // All edits of both sides that touch one another.
        let (first_n, first_m) = (n, m);
        let mut end = start;
        loop {
            let reaches = |it: &Edit| it.0.start <= end;
            if our_edits.get(n).is_some_and(reaches) {
                end = end.max(our_edits[n].0.end);
                n += 1;
            } else if their_edits.get(m).is_some_and(reaches) {
                end = end.max(their_edits[m].0.end);
                m += 1;
            } else {
                break;
            }
        }
        out.extend(base[at..start].iter().copied());
        let side = |edits: &[Edit], lines: &[&str]| with_edits(start..end, edits, &base, lines);
        let of_ours = side(&our_edits[first_n..n], &ours);
        let of_theirs = side(&their_edits[first_m..m], &theirs);
        let is_theirs = if first_n == n {
            true
        } else if first_m == m || of_ours == of_theirs {
            false
        } else {
            let clash = Clash {
                line: start + 1,
                base: base[start..end].concat(),
                ours: of_ours.clone(),
                theirs: of_theirs.clone(),
            };
            choose(&clash) == Side::Theirs
        };
        out.push_str(if is_theirs { &of_theirs } else { &of_ours });
        at = end;
    }
    out.extend(base[at..].iter().copied());
    out
}

/// Lines of the base with the edits of one side.
fn with_edits(of: Range<usize>, edits: &[Edit], base: &[&str], side: &[&str]) -> String {
    let mut out = String::new();
    let mut at = of.start;
    for (before, after) in edits {
        out.extend(base[at..before.start].iter().copied());
        out.extend(side[after.clone()].iter().copied());
        at = before.end;
    }
    out.extend(base[at..of.end].iter().copied());
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ours(_: &Clash) -> Side {
        Side::Ours
    }

    #[test]
    fn edits_in_different_places_are_both_there() {
        let merged = merge("a\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nb\nc\nD\n", &mut ours);
        assert_eq!(merged, "a\nB\nc\nD\n");
    }

    #[test]
    fn one_place_with_two_texts_is_a_clash_that_either_side_can_win() {
        let mut seen = Vec::new();
        let mut theirs = |it: &Clash| {
            seen.push(it.clone());
            Side::Theirs
        };
        let three = ("a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n");
        assert_eq!(merge(three.0, three.1, three.2, &mut theirs), "a\nY\nc\n");
        assert_eq!(merge(three.0, three.1, three.2, &mut ours), "a\nX\nc\n");
        let clash = &seen[0];
        assert_eq!(clash.line, 2);
        assert_eq!(
            (&*clash.base, &*clash.ours, &*clash.theirs),
            ("b\n", "X\n", "Y\n")
        );
    }

    #[test]
    fn same_edit_on_both_sides_is_no_clash() {
        let mut never = |it: &Clash| panic!("{it:?}");
        assert_eq!(merge("a\nb\n", "a\nX\n", "a\nX\n", &mut never), "a\nX\n");
    }

    fn texts() -> impl Strategy<Value = String> {
        proptest::collection::vec("[abc]\n", 0..8).prop_map(|it| it.concat())
    }

    proptest! {
        #[test]
        fn side_that_changed_nothing_leaves_the_other(base in texts(), other in texts()) {
            let mut never = |it: &Clash| panic!("{it:?}");
            prop_assert_eq!(&merge(&base, &other, &base, &mut never), &other);
            prop_assert_eq!(&merge(&base, &base, &other, &mut never), &other);
            prop_assert_eq!(&merge(&base, &other, &other, &mut never), &other);
        }

        #[test]
        fn choosing_theirs_is_choosing_ours_with_the_sides_turned(base in texts(), one in texts(), other in texts()) {
            let turned = merge(&base, &other, &one, &mut ours);
            let chosen = merge(&base, &one, &other, &mut |_| Side::Theirs);
            prop_assert_eq!(chosen, turned);
        }
    }
}
