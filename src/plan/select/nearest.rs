//! The names that somebody may have meant.

/// Most names that are offered.
const OFFERED: usize = 5;

/// The names nearest to `wanted`, best first, at most five.
///
/// A name counts as near when it is `wanted` with up to a third of its letters
/// changed, added, lost or swapped, or when one contains the other. Case does not
/// matter. Names that are too long or too short are passed over unread, so
/// that tens of thousands of names are searched in no time.
#[must_use]
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted: Vec<char> = wanted.chars().flat_map(char::to_lowercase).collect();
    let wanted_text: String = wanted.iter().collect();
    let limit = (wanted.len() / 3).clamp(1, 12);
    let mut best: Vec<(usize, &str)> = Vec::new();
    let mut rows = Rows::default();
    let mut name_chars = Vec::new();
    for name in names {
        name_chars.clear();
        name_chars.extend(name.chars().flat_map(char::to_lowercase));
        let worst = match best.last() {
            Some((distance, _)) if best.len() == OFFERED => *distance,
            _ => limit + 1,
        };
        let distance = rows
            .distance(&wanted, &name_chars, limit.min(worst))
            .or_else(|| {
                // Typed in part: as far away as the limit, so that real misspellings come first.
                let part = 3 <= wanted.len() && {
                    let name: String = name_chars.iter().collect();
                    name.contains(&wanted_text)
                };
                part.then_some(limit + 1)
            });
        let Some(distance) = distance else { continue };
        let at = best.partition_point(|it| *it <= (distance, name));
        if at < OFFERED && best.get(at.wrapping_sub(1)) != Some(&(distance, name)) {
            best.insert(at, (distance, name));
            best.truncate(OFFERED);
        }
    }
    best.into_iter().map(|(_, name)| name).collect()
}

/// Rows of the edit-distance table, kept between calls.
#[derive(Default)]
struct Rows {
    before: Vec<usize>,
    last: Vec<usize>,
    next: Vec<usize>,
}

impl Rows {
    /// Optimal string alignment distance of `a` and `b`; `None` above `limit`.
    ///
    /// Only the band of cells that can stay within `limit` is computed.
    fn distance(&mut self, a: &[char], b: &[char], limit: usize) -> Option<usize> {
        if a.len().abs_diff(b.len()) > limit {
            return None;
        }
        let far = limit + 1;
        let width = b.len() + 1;
        for row in [&mut self.before, &mut self.last, &mut self.next] {
            row.clear();
            row.resize(width, far);
        }
        for (at, cell) in self.last.iter_mut().enumerate() {
            *cell = at.min(far);
        }
        for row in 1..=a.len() {
            let from = row.saturating_sub(limit).max(1);
            let to = (row + limit).min(b.len());
            self.next.fill(far);
            self.next[0] = row.min(far);
            let mut smallest = self.next[0];
            for col in from..=to {
                let same = a[row - 1] == b[col - 1];
                let mut cell = (self.last[col - 1] + usize::from(!same))
                    .min(self.last[col] + 1)
                    .min(self.next[col - 1] + 1);
                let swapped =
                    row > 1 && col > 1 && a[row - 1] == b[col - 2] && a[row - 2] == b[col - 1];
                if swapped {
                    cell = cell.min(self.before[col - 2] + 1);
                }
                self.next[col] = cell.min(far);
                smallest = smallest.min(cell);
            }
            if limit < smallest {
                return None;
            }
            std::mem::swap(&mut self.before, &mut self.last);
            std::mem::swap(&mut self.last, &mut self.next);
        }
        Some(self.last[b.len()]).filter(|it| *it <= limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
        let a: Vec<char> = a.chars().collect();
        let b: Vec<char> = b.chars().collect();
        Rows::default().distance(&a, &b, limit)
    }

    #[test]
    fn swapped_letters_are_one_mistake() {
        assert_eq!(distance("region", "regoin", 3), Some(1));
        assert_eq!(distance("region", "regions", 3), Some(1));
        assert_eq!(distance("region", "amount", 3), None);
    }

    #[test]
    fn nearest_comes_first_and_parts_of_names_come_last() {
        let names = [
            "Account.Region__c",
            "Account.Regionen__c",
            "Account.Amount__c",
            "X.Regio__c",
        ];
        assert_eq!(
            nearest("account.regoin__c", names),
            [
                "Account.Region__c",
                "Account.Regionen__c",
                "Account.Amount__c"
            ]
        );
        assert_eq!(
            nearest("region", ["Account.Region__c", "Zzz"]),
            ["Account.Region__c"]
        );
        assert!(nearest("qqqqqq", names).is_empty());
    }

    #[test]
    fn sixty_thousand_names_need_no_more_than_a_band_each() {
        let names: Vec<String> = (0..60_000)
            .map(|n| format!("Object{n}__c.Field{n}__c"))
            .collect();
        let found = nearest("Object123__c.Feild123__c", names.iter().map(String::as_str));
        assert_eq!(found[0], "Object123__c.Field123__c");
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_zero_only_for_equals(a in "[abc]{0,8}", b in "[abc]{0,8}") {
            prop_assert_eq!(distance(&a, &b, 20), distance(&b, &a, 20));
            prop_assert_eq!(distance(&a, &b, 20) == Some(0), a == b);
        }

        #[test]
        fn band_changes_nothing_within_the_limit(a in "[abc]{0,8}", b in "[abc]{0,8}", limit in 1usize..6) {
            let all = distance(&a, &b, 20).filter(|it| *it <= limit);
            prop_assert_eq!(distance(&a, &b, limit), all);
        }
    }
}
