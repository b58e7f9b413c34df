//! Chance that is the same each time: numbers made of a seed and of what they
//! are for.
//!
//! Invariant: a throw depends on its arguments and on nothing thrown before, so
//! that any row can be made without those in front of it.

/// Throws for one company.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x6f72_676b_6565_7021))
    }

    /// The dice for `what` of row `row`.
    pub(super) fn of(self, what: &str, row: u64) -> Throw {
        let what = what.bytes().fold(self.0, |sum, it| {
            (sum ^ u64::from(it)).wrapping_mul(0x0100_0000_01b3)
        });
        Throw(mix(what ^ row.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// Throws for one row; each takes the dice on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throw(u64);

impl Throw {
    /// Any number.
    pub(super) fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`; zero where that is zero.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        if end == 0 {
            return 0;
        }
        // The upper half of the product is even for any `end` that fits 32 bits.
        u64::try_from((u128::from(self.any()) * u128::from(end)) >> 64).unwrap_or(0)
    }

    /// A number below `end`, small ones far more often: a few have most.
    pub(super) fn skewed(&mut self, end: u64) -> u64 {
        let (a, b) = (self.below(end), self.below(end));
        let low = a.min(b);
        low.min(self.below(end))
    }

    /// True in `percent` of all cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `all`.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let at = self.below(u64::try_from(all.len()).unwrap_or(u64::MAX));
        all[usize::try_from(at).unwrap_or(0)]
    }

    /// One of `all`, the first ones far more often.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub(super) fn mostly<T: Copy>(&mut self, all: &[T]) -> T {
        let at = self.skewed(u64::try_from(all.len()).unwrap_or(u64::MAX));
        all[usize::try_from(at).unwrap_or(0)]
    }
}

/// The finisher of `SplitMix64`.
fn mix(mut it: u64) -> u64 {
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_throws_the_same_and_another_does_not() {
        let throw = |seed, what, row| Dice::new(seed).of(what, row).any();
        assert_eq!(throw(1, "Account", 5), throw(1, "Account", 5));
        assert_ne!(throw(1, "Account", 5), throw(2, "Account", 5));
        assert_ne!(throw(1, "Account", 5), throw(1, "Contact", 5));
        assert_ne!(throw(1, "Account", 5), throw(1, "Account", 6));
    }

    #[test]
    fn skewed_throws_favour_the_first() {
        let mut throw = Dice::new(7).of("x", 0);
        let low = (0..1_000).filter(|_| throw.skewed(100) < 25).count();
        assert!(450 < low, "{low} of 1000 in the first quarter");
        assert!((0..1_000).all(|_| throw.below(3) < 3));
        assert_eq!(throw.below(0), 0);
    }
}
