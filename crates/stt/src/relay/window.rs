//! Which numbers of a leg have come.
//!
//! spec: RELAY-24

/// The newest numbers, and which of them have come.
#[derive(Debug)]
pub(super) struct Window {
    highest: u32,
    /// A bit for each of the last [`WIDTH`] numbers, by its remainder.
    seen: [u64; WORDS],
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Higher than all before.
    Newest,
    /// Not seen so far, but a higher one was.
    Late,
    /// Seen, or too old to be known.
    Seen,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self {
            highest: 0,
            seen: [0; WORDS],
        }
    }

    pub(super) fn take(&mut self, number: u32) -> Verdict {
        if number > self.highest {
            self.advance(number);
            return Verdict::Newest;
        }
        // Numbers begin with 1.
        if number == 0 || self.highest - number >= WIDTH {
            return Verdict::Seen;
        }
        let (word, bit) = place(number);
        let is_seen = self.seen[word] & bit != 0;
        self.seen[word] |= bit;
        if is_seen {
            Verdict::Seen
        } else {
            Verdict::Late
        }
    }

    fn advance(&mut self, number: u32) {
        if number - self.highest >= WIDTH {
            self.seen = [0; WORDS];
        } else {
            for skipped in self.highest + 1..number {
                let (word, bit) = place(skipped);
                self.seen[word] &= !bit;
            }
        }
        self.highest = number;
        let (word, bit) = place(number);
        self.seen[word] |= bit;
    }
}

const fn place(number: u32) -> (usize, u64) {
    let at = number % WIDTH;
    ((at / u64::BITS) as usize, 1 << (at % u64::BITS))
}

const WIDTH: u32 = 1_024;
const WORDS: usize = (WIDTH / u64::BITS) as usize;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_taken_once_if_it_is_not_too_old(
            steps in prop::collection::vec((0_u32..3_000, any::<bool>()), 1..200),
        ) {
            let (mut window, mut taken, mut highest) = (Window::new(), BTreeSet::new(), 0);
            for (step, is_forward) in steps {
                let number = if is_forward { highest + step } else { highest.saturating_sub(step) };
                let expected = if number > highest {
                    Verdict::Newest
                } else if number == 0 || highest - number >= WIDTH || taken.contains(&number) {
                    Verdict::Seen
                } else {
                    Verdict::Late
                };
                prop_assert_eq!(window.take(number), expected);
                if expected != Verdict::Seen {
                    taken.insert(number);
                }
                highest = highest.max(number);
            }
        }
    }

    #[test]
    fn the_last_number_of_all_is_one_too() {
        let mut window = Window::new();
        assert_eq!(window.take(u32::MAX), Verdict::Newest);
        assert_eq!(window.take(u32::MAX), Verdict::Seen);
        assert_eq!(window.take(u32::MAX - WIDTH + 1), Verdict::Late);
        assert_eq!(window.take(u32::MAX - WIDTH), Verdict::Seen);
    }
}
