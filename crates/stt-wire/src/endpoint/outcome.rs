//! What became of an item at the receiving side.
//!
//! *spec:* WIRE-108, `spec/registry/item-outcomes.toml`.

use crate::VarInt;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ItemOutcome {
    /// It is in the endpoint's queue.
    Delivered,
    /// There is no endpoint of this name for this peer.
    NoSuchEndpoint,
    /// The endpoint's queue is full, and the endpoint refuses then.
    Full,
    /// It is longer than the endpoint's queue could ever hold.
    TooLong,
    /// Refused for a reason that a newer version may know. Never holds a number of another variant.
    Other(VarInt),
}

impl ItemOutcome {
    const NAMED: [(u32, Self, &'static str); 4] = [
        (0x00, Self::Delivered, "DELIVERED"),
        (0x01, Self::NoSuchEndpoint, "NO_SUCH_ENDPOINT"),
        (0x02, Self::Full, "FULL"),
        (0x03, Self::TooLong, "TOO_LONG"),
    ];

    /// The name in the registry, if it has one.
    pub fn name(self) -> Option<&'static str> {
        let mut named = Self::NAMED.iter();
        named
            .find(|(_, outcome, _)| *outcome == self)
            .map(|(.., name)| *name)
    }
}

impl From<VarInt> for ItemOutcome {
    #[inline]
    fn from(number: VarInt) -> Self {
        let mut named = Self::NAMED.iter();
        let known = named.find(|(known, ..)| u64::from(*known) == number.get());
        known.map_or(Self::Other(number), |(_, outcome, _)| *outcome)
    }
}

impl From<ItemOutcome> for VarInt {
    #[inline]
    fn from(outcome: ItemOutcome) -> Self {
        Self::from_u32(match outcome {
            ItemOutcome::Delivered => 0x00,
            ItemOutcome::NoSuchEndpoint => 0x01,
            ItemOutcome::Full => 0x02,
            ItemOutcome::TooLong => 0x03,
            ItemOutcome::Other(number) => return number,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_outcome_and_comes_back() {
        for number in (0..100).chain([u32::MAX]).map(VarInt::from_u32) {
            assert_eq!(VarInt::from(ItemOutcome::from(number)), number);
        }
        for (number, outcome, name) in ItemOutcome::NAMED {
            assert_eq!(ItemOutcome::from(VarInt::from_u32(number)), outcome);
            assert_eq!(outcome.name(), Some(name));
        }
    }
}
