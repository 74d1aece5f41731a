//! The entries of a feed whose objects are here, in order. Pure.
//!
//! *Invariant*: numbers follow each other without a gap, and nothing follows the last entry. spec: FEED-2, FEED-11.

use std::collections::VecDeque;

use stt_wire::{FeedEntry, FeedRequest};

/// One entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) entry: FeedEntry,
    /// The object came by the feed, and goes with it.
    pub(super) is_brought: bool,
}

/// Entries up to the newest.
#[derive(Debug, Default)]
pub(super) struct Record {
    kept: VecDeque<Kept>,
}

impl Record {
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(super) fn oldest(&self) -> Option<u64> {
        self.kept.front().map(|kept| kept.entry.number.get())
    }

    pub(super) fn newest(&self) -> Option<&FeedEntry> {
        self.kept.back().map(|kept| &kept.entry)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.newest().is_some_and(|entry| entry.is_last)
    }

    pub(super) fn entry(&self, number: u64) -> Option<&FeedEntry> {
        let place = number.checked_sub(self.oldest()?)?;
        let kept = self.kept.get(usize::try_from(place).ok()?);
        kept.map(|kept| &kept.entry)
    }

    /// Where who asks for entries from this number on begins.
    pub(super) fn begin_at(&self, from: u64) -> Option<&FeedEntry> {
        if from == FeedRequest::NEWEST.get() {
            return self.newest();
        }
        self.entry(from.max(self.oldest()?))
    }

    /// One more, the next one.
    pub(super) fn push(&mut self, kept: Kept) {
        self.kept.push_back(kept);
    }

    /// Takes out the oldest, so that no more than `keep` are left.
    pub(super) fn trim(&mut self, keep: usize) -> Vec<Kept> {
        let beyond = self.kept.len().saturating_sub(keep);
        self.kept.drain(..beyond).collect()
    }

    /// Takes out those below a number.
    pub(super) fn trim_below(&mut self, number: u64) -> Vec<Kept> {
        let is_below = |kept: &&Kept| kept.entry.number.get() < number;
        let below = self.kept.iter().take_while(is_below).count();
        self.kept.drain(..below).collect()
    }
}

#[cfg(test)]
mod tests {
    use stt_wire::VarInt;

    use super::*;

    fn record(numbers: std::ops::Range<u64>) -> Record {
        let mut record = Record::default();
        for number in numbers {
            let entry = FeedEntry {
                number: VarInt::saturating(number),
                is_last: number == 9,
                address: [1; 32],
                root: [2; 32],
                length: VarInt::ZERO,
                signature: [3; 64],
            };
            let is_brought = true;
            record.push(Kept { entry, is_brought });
        }
        record
    }

    fn number(entry: Option<&FeedEntry>) -> Option<u64> {
        entry.map(|entry| entry.number.get())
    }

    #[test]
    fn who_asks_for_entries_begins_where_the_law_says() {
        let record = record(4..8);
        assert_eq!(number(record.begin_at(0)), Some(4));
        assert_eq!(number(record.begin_at(6)), Some(6));
        assert_eq!(number(record.begin_at(8)), None);
        assert_eq!(number(record.begin_at(FeedRequest::NEWEST.get())), Some(7));
        assert_eq!(number(Record::default().begin_at(0)), None);
        let newest = Record::default();
        assert_eq!(number(newest.begin_at(FeedRequest::NEWEST.get())), None);
    }

    #[test]
    fn the_oldest_go_first() {
        let mut record = record(0..10);
        assert!(record.is_complete());
        assert_eq!(record.trim(10).len(), 0);
        assert_eq!(record.trim(7).len(), 3);
        assert_eq!(number(record.entry(2)), None);
        assert_eq!(number(record.entry(3)), Some(3));
        assert_eq!(record.trim_below(5).len(), 2);
        assert_eq!((record.oldest(), record.kept.len()), (Some(5), 5));
        assert_eq!(number(record.entry(u64::MAX)), None);
    }
}
