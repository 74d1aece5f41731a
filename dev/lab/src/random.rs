//! Random numbers that a seed repeats: the same link loses the same packets of the same sequence.

/// `SplitMix64`: a counter, scattered.
#[derive(Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Evenly from 0 up to and without 1.
    pub(crate) fn share(&mut self) -> f64 {
        const STEPS: u64 = 1 << 53;
        (self.next() >> 11) as f64 / STEPS as f64
    }

    /// Evenly from `first` to the last port there is.
    pub(crate) fn port(&mut self, first: u16) -> u16 {
        let span = u64::from(u16::MAX - first) + 1;
        first + (self.next() % span) as u16
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
