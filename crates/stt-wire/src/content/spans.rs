//! Which blocks of an object somebody has: runs of numbers, in order.
//!
//! | size   | field   | meaning                                                             |
//! |--------|---------|---------------------------------------------------------------------|
//! | varint | `skip`  | blocks between the run before, or the beginning, and this run       |
//! | varint | `count` | blocks of this run, at least 1                                      |
//!
//! *Invariant.* Runs do not touch, so that a set has one encoding.
//!
//! *spec:* CONTENT-6.

use bytes::BytesMut;

use crate::fields::Fields;
use crate::limits::MAX_SPANS;
use crate::varint::put_varint;
use crate::{DecodeError, VarInt};

/// A run of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a run has a beginning and a length"
)]
pub struct Span {
    /// The number of its first block.
    pub first: u64,
    /// How many blocks it has; at least 1.
    pub count: u64,
}

impl Span {
    /// The number behind its last block.
    pub const fn end(self) -> u64 {
        self.first + self.count
    }
}

/// Runs of blocks: in order, apart from each other, 1 to [`MAX_SPANS`] of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spans(Vec<Span>);

impl Spans {
    /// The first [`MAX_SPANS`] runs of blocks that are given by number, in order; `None` if there are
    /// none.
    pub fn of(blocks: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut spans: Vec<Span> = Vec::new();
        for number in blocks {
            let is_full = spans.len() == MAX_SPANS;
            match spans.last_mut() {
                Some(last) if last.end() == number => last.count += 1,
                Some(last) if last.end() > number => {}
                _ if is_full => break,
                _ => spans.push(Span {
                    first: number,
                    count: 1,
                }),
            }
        }
        (!spans.is_empty()).then_some(Self(spans))
    }

    /// One run from the first block on, of at least one.
    pub fn all(count: u64) -> Self {
        Self(vec![Span {
            first: 0,
            count: count.max(1),
        }])
    }

    /// The runs.
    pub fn as_slice(&self) -> &[Span] {
        &self.0
    }

    /// The number behind the last block.
    pub fn end(&self) -> u64 {
        self.0.last().map_or(0, |span| span.end())
    }

    fn fields(&self) -> impl Iterator<Item = VarInt> {
        let mut at = 0;
        self.0.iter().flat_map(move |span| {
            let skip = span.first - at;
            at = span.end();
            [VarInt::saturating(skip), VarInt::saturating(span.count)]
        })
    }

    pub(super) fn encoded_len(&self) -> usize {
        self.fields().map(VarInt::encoded_len).sum()
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        for field in self.fields() {
            put_varint(out, field);
        }
    }

    /// Reads runs to the end of the payload.
    pub(super) fn decode(mut fields: Fields) -> Result<Self, DecodeError> {
        let mut spans: Vec<Span> = Vec::new();
        let mut at: u64 = 0;
        while !fields.is_empty() {
            if spans.len() == MAX_SPANS {
                return Err(DecodeError::TooMany {
                    count: MAX_SPANS + 1,
                    max: MAX_SPANS,
                });
            }
            let (skip, count) = (fields.varint()?.get(), fields.varint()?.get());
            if count == 0 || skip == 0 && at > 0 {
                return Err(DecodeError::EmptyPart);
            }
            let first = at + skip;
            at = first + count;
            if at > VarInt::MAX.get() {
                return Err(DecodeError::TooLong {
                    len: at,
                    max: VarInt::MAX.get(),
                });
            }
            spans.push(Span { first, count });
        }
        if spans.is_empty() {
            return Err(DecodeError::EmptyPart);
        }
        Ok(Self(spans))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_runs_that_do_not_touch() {
        let spans = Spans::of([0, 1, 2, 5, 7, 8, 8]).unwrap();
        let runs: Vec<_> = spans
            .as_slice()
            .iter()
            .map(|span| (span.first, span.count))
            .collect();
        assert_eq!(runs, [(0, 3), (5, 1), (7, 2)]);
        assert_eq!(spans.end(), 9);
        assert_eq!(Spans::of([]), None);
    }

    #[test]
    fn more_runs_than_a_frame_takes_are_left_for_the_next() {
        let spans = Spans::of((0..2 * MAX_SPANS as u64 + 2).step_by(2)).unwrap();
        assert_eq!(spans.as_slice().len(), MAX_SPANS);
    }
}
