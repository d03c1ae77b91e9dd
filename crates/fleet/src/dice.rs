//! Chance without chance: every property of the estate is a function of where it stands.

/// The state of one thing (a resource, a request), from which its properties are drawn by name. The
/// same name draws the same value, in whatever order the properties are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x9e37_79b9_7f4a_7c15))
    }

    /// The dice of a part of this thing.
    pub(crate) fn with(self, part: &str) -> Self {
        Self(mix(fold(self.0, part.as_bytes())))
    }

    /// The dice of one thing of many.
    pub(crate) fn at(self, index: u64) -> Self {
        Self(mix(
            self.0.rotate_left(17) ^ index.wrapping_mul(0xa24b_aed4_963e_e407)
        ))
    }

    pub(crate) fn number(self, what: &str) -> u64 {
        self.with(what).0
    }

    /// A number below `end`; 0 when there is none.
    pub(crate) fn below(self, end: usize, what: &str) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.number(what) % end).unwrap_or(0)
    }

    /// True in so many of a hundred.
    pub(crate) fn percent(self, percent: u64, what: &str) -> bool {
        self.number(what) % 100 < percent
    }

    /// A number from 0 up to, not including, 1.
    pub(crate) fn share(self, what: &str) -> f64 {
        // 53 bits are what a double holds.
        let bits = u32::try_from(self.number(what) >> 32).unwrap_or(u32::MAX);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    pub(crate) fn pick<T: Copy>(self, from: &[T], what: &str) -> Option<T> {
        from.get(self.below(from.len(), what)).copied()
    }

    /// One of some texts.
    pub(crate) fn word(self, from: &[&'static str], what: &str) -> &'static str {
        self.pick(from, what).unwrap_or_default()
    }

    pub(crate) fn hex(self, length: usize, what: &str) -> String {
        self.digits(length, what, b"0123456789abcdef")
    }

    /// Lower-case letters and digits.
    pub(crate) fn lower(self, length: usize, what: &str) -> String {
        self.digits(length, what, b"abcdefghijklmnopqrstuvwxyz012345")
    }

    /// What ids of IAM are made of.
    pub(crate) fn upper(self, length: usize, what: &str) -> String {
        self.digits(length, what, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    }

    fn digits(self, length: usize, what: &str, alphabet: &[u8]) -> String {
        let mut state = self.with(what).0;
        (0..length)
            .map(|place| {
                if place % 8 == 0 {
                    state = mix(state ^ 0x5851_f42d_4c95_7f2d);
                }
                let digit = usize::try_from(state & 0xff).unwrap_or(0) % alphabet.len();
                state >>= 8;
                char::from(alphabet.get(digit).copied().unwrap_or(b'0'))
            })
            .collect()
    }
}

/// FNV-1a over bytes, from a state.
pub(crate) fn fold(state: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(state ^ 0xcbf2_9ce4_8422_2325, |state, byte| {
            (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}

/// The finalizer of splitmix64: every bit of the input moves every bit of the output.
pub(crate) fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_draws_the_same_value() {
        let dice = Dice::new(7).with("lambda").at(3);
        assert_eq!(dice.number("runtime"), dice.number("runtime"));
        assert_ne!(dice.number("runtime"), dice.number("timeout"));
        assert_ne!(
            dice.number("runtime"),
            Dice::new(8).with("lambda").at(3).number("runtime")
        );
        assert_eq!(dice.hex(17, "id").len(), 17);
    }

    #[test]
    fn chances_are_what_they_say() {
        let hits = (0..10_000)
            .filter(|n| Dice::new(1).at(*n).percent(30, "weak"))
            .count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        let sum: f64 = (0..10_000).map(|n| Dice::new(1).at(n).share("x")).sum();
        assert!((4_900.0..5_100.0).contains(&sum), "{sum}");
    }
}
