//! Chance that repeats itself: the same seed gives the same draws, on any machine.

/// A stream of draws (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

/// One draw, by its name: what else was drawn before does not matter.
pub(crate) fn mix(seed: u64, stream: u64, number: u64) -> u64 {
    let mut random = Random(
        seed ^ stream.wrapping_mul(0xA076_1D64_78BD_642F) ^ number.wrapping_mul(0xE703_7ED1_A0B4_28DB),
    );
    random.next();
    random.next()
}

impl Random {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed, stream, 0))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// From `from` to `to`, both included.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below a usize")
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }
}
