//! The state of a decoder: which segments came, what they held, and what is missing. Time comes in
//! as an argument, and nobody waits here.
//!
//! *Invariants.*
//! - *Once*: each number is released at most once, in order. spec: SEG-9
//! - *Bounded*: numbers from `next` on, at most `segments` of them; bytes at most `bytes`, and one
//!   segment (64 with a signer) more, so that the one that is waited for always finds room.
//! - *No trace*: a segment that is refused changes nothing.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    ops::Range,
    time::Instant,
};

use bytes::Bytes;
use stc::{
    NodeId,
    segment::{Body, Digest, Mark, Opened, Opener, StreamSignature},
};

use super::{
    DecodeError, DecoderStats, GapPolicy, Received, SegmentError, proof::Proof, unsealer::Unsealer,
};

/// What a decoder is set up with.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) segments: u64,
    pub(super) bytes: usize,
    pub(super) gaps: GapPolicy,
}

/// Everything a decoder knows.
#[derive(Debug)]
pub(super) struct Window {
    unsealer: Unsealer,
    bounds: Bounds,
    /// The first number that was neither taken nor given up.
    next: u64,
    /// What came above it.
    ahead: BTreeMap<u64, Item>,
    /// Since when something above `next` waits for it.
    gap_since: Option<Instant>,
    last: Option<u64>,
    length: Option<u64>,
    /// Bytes of data below `next`.
    passed: u64,
    proof: Option<Proof>,
    ready: VecDeque<Released>,
    /// What `ready`, `ahead` and the proof cost.
    held: usize,
    /// The numbers given up of late.
    given_up: VecDeque<Range<u64>>,
    failed: Option<DecodeError>,
    stats: DecoderStats,
}

/// A segment that was opened.
#[derive(Debug)]
enum Item {
    Data(Bytes, Option<Digest>),
    Signature(Option<Box<StreamSignature>>),
}

/// What a reader gets, in order.
#[derive(Debug)]
pub(super) enum Released {
    Data(Bytes),
    Gap(Range<u64>),
    /// Bytes that turned out to be of somebody else: no reader sees them.
    Dropped(usize),
}

/// What a reader may do.
#[derive(Debug)]
pub(super) enum Next {
    Data(Bytes),
    Gap(Range<u64>),
    /// Wait for more; if given, no longer than until then.
    Wait(Option<Instant>),
    Failed(DecodeError),
    End,
}

/// Whether segments may still come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Open,
    Over,
}

impl Window {
    pub(super) fn new(opener: Opener, bounds: Bounds, signer: Option<NodeId>) -> Self {
        Self {
            unsealer: Unsealer::new(opener),
            bounds,
            next: 0,
            ahead: BTreeMap::new(),
            gap_since: None,
            last: None,
            length: None,
            passed: 0,
            proof: signer.map(Proof::new),
            ready: VecDeque::new(),
            held: 0,
            given_up: VecDeque::new(),
            failed: None,
            stats: DecoderStats::default(),
        }
    }

    pub(super) fn opener(&self) -> &Opener {
        self.unsealer.opener()
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(super) fn stats(&self) -> DecoderStats {
        let proving = self.proof.as_ref().map_or(0, Proof::segments);
        DecoderStats {
            held_segments: self.ahead.len() + self.ready.len() + proving,
            held_bytes: self.held,
            ..self.stats
        }
    }

    /// Takes a segment that is said to be number `sequence`.
    pub(super) fn receive(
        &mut self,
        segment: &[u8],
        sequence: u64,
        now: impl Fn() -> Instant,
    ) -> Result<Received, SegmentError> {
        let is_first = !self.unsealer.opener().has_begun();
        let received = self
            .unsealer
            .open(segment, sequence)
            .map_err(SegmentError::from)
            .and_then(|(opened, body)| {
                if self.gap_since.is_some() {
                    self.give_up_if_due(now());
                }
                self.place(opened, body, segment, now)
            });
        if is_first && received.is_err() {
            self.unsealer.forget();
        }
        match &received {
            Ok(_) => self.stats.segments += 1,
            Err(SegmentError::Duplicate { .. }) => self.stats.duplicates += 1,
            Err(_) => self.stats.refused += 1,
        }
        received
    }

    /// Whether the segment that is waited for would find room.
    pub(super) fn has_room(&self) -> bool {
        self.held < self.bounds.bytes || self.ready.is_empty()
    }

    /// Puts an authentic segment where it belongs.
    fn place(
        &mut self,
        opened: Opened,
        body: Bytes,
        segment: &[u8],
        now: impl Fn() -> Instant,
    ) -> Result<Received, SegmentError> {
        let sequence = opened.header.sequence();
        let mark = opened.header.mark();
        self.check_number(sequence, mark)?;
        let cost = cost_of(&body);
        let is_awaited = sequence == self.next && self.has_room();
        if self.held + cost > self.bounds.bytes && !is_awaited {
            let (held, max) = (self.held, self.bounds.bytes);
            return Err(SegmentError::Full { held, max });
        }
        let length = opened.length;
        let item = self.item(opened, body, segment)?;
        // From here on nothing is refused.
        self.length = self.length.or(length);
        if mark == Mark::Last {
            self.last = Some(sequence);
        }
        self.held += item.cost();
        if sequence > self.next {
            self.ahead.insert(sequence, item);
            if self.gap_since.is_none() {
                self.gap_since = Some(now());
            }
            return Ok(Received::Ahead { missing: self.next });
        }
        self.pass(item);
        if !self.ahead.is_empty() {
            self.pass_what_follows();
            self.gap_since = (!self.ahead.is_empty()).then(now);
        }
        Ok(Received::InOrder)
    }

    fn check_number(&self, sequence: u64, mark: Mark) -> Result<(), SegmentError> {
        if sequence < self.next {
            let is_late = self.given_up.iter().any(|range| range.contains(&sequence));
            return Err(if is_late {
                SegmentError::TooLate { sequence }
            } else {
                SegmentError::Duplicate { sequence }
            });
        }
        if self.ahead.contains_key(&sequence) {
            return Err(SegmentError::Duplicate { sequence });
        }
        let is_beyond = self.last.is_some_and(|last| sequence > last);
        let highest = self.ahead.last_key_value().map(|(highest, _)| *highest);
        let is_below = mark == Mark::Last && highest.is_some_and(|highest| highest > sequence);
        if is_beyond || is_below {
            return Err(SegmentError::ContradictsEnd { sequence });
        }
        let end = self.next.saturating_add(self.bounds.segments);
        if sequence >= end {
            return Err(SegmentError::TooFarAhead { sequence, end });
        }
        Ok(())
    }

    /// What is kept of a segment; checks signatures if a signer is demanded.
    fn item(&self, opened: Opened, mut body: Bytes, segment: &[u8]) -> Result<Item, SegmentError> {
        let sequence = opened.header.sequence();
        if self.proof.is_some() && !opened.header.is_signed() {
            return Err(SegmentError::Unsigned);
        }
        match (opened.body, &self.proof) {
            (Body::Data { offset }, proof) => {
                let digest = proof.is_some().then(|| Digest::of(segment));
                Ok(Item::Data(body.split_off(offset), digest))
            }
            (Body::Signature(_), None) => Ok(Item::Signature(None)),
            (Body::Signature(signature), Some(proof)) => {
                let verified = signature.verify(proof.signer());
                verified.map_err(|_| SegmentError::BadSignature { sequence })?;
                Ok(Item::Signature(Some(Box::new(signature))))
            }
        }
    }

    /// Takes the item of number `next`.
    fn pass(&mut self, item: Item) {
        let sequence = self.next;
        self.next += 1;
        match (item, &mut self.proof) {
            (Item::Data(data, Some(digest)), Some(proof)) => {
                if let Some(unprovable) = proof.add(sequence, digest, data) {
                    self.release(Released::Dropped(unprovable.len()));
                    if self.bounds.gaps == GapPolicy::Wait {
                        self.fail(DecodeError::Forged { sequence });
                    }
                }
            }
            (Item::Data(data, _), _) => self.release(Released::Data(data)),
            (Item::Signature(Some(signature)), Some(proof)) => {
                let released = proof.settle(sequence, &signature);
                self.held -= LEAST_COST;
                for released in released {
                    self.release(released);
                }
            }
            (Item::Signature(_), _) => self.held -= LEAST_COST,
        }
        if self.last == Some(sequence) {
            self.check_length();
        }
    }

    fn release(&mut self, released: Released) {
        match &released {
            Released::Data(data) => {
                self.passed += data.len() as u64;
                if self.length.is_some_and(|length| self.passed > length) {
                    self.check_length();
                }
                // Behind a failure nothing is read, and the end of a live stream is as a rule empty.
                if data.is_empty() || self.failed.is_some() {
                    self.held -= cost_of(data);
                    return;
                }
            }
            Released::Dropped(len) => {
                self.held -= LEAST_COST.max(*len);
                return;
            }
            Released::Gap(range) if self.bounds.gaps == GapPolicy::Wait => {
                // Nothing was given up, so what is missing did not come from the signer.
                self.fail(DecodeError::Forged {
                    sequence: range.start,
                });
                return;
            }
            Released::Gap(range) => self.stats.lost += range.end - range.start,
        }
        self.ready.push_back(released);
    }

    fn pass_what_follows(&mut self) {
        while let Entry::Occupied(entry) = self.ahead.entry(self.next) {
            let item = entry.remove();
            self.pass(item);
        }
    }

    fn give_up_if_due(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.give_up(now);
        }
    }

    /// Goes on behind the first hole.
    fn give_up(&mut self, now: Instant) {
        let Some((&first, _)) = self.ahead.first_key_value() else {
            return;
        };
        let lost = self.next..first;
        self.next = first;
        if self.given_up.len() == REMEMBERED_GAPS {
            self.given_up.pop_front();
        }
        self.given_up.push_back(lost.clone());
        // With a signer, the next signature shows what is lost, unproved data included.
        if self.proof.is_none() {
            self.release(Released::Gap(lost));
        }
        self.pass_what_follows();
        self.gap_since = (!self.ahead.is_empty()).then_some(now);
    }

    /// What a reader gets next.
    pub(super) fn next(&mut self, input: Input, now: impl Fn() -> Instant) -> Next {
        if self.gap_since.is_some() {
            self.give_up_if_due(now());
        }
        loop {
            match self.ready.pop_front() {
                Some(Released::Data(data)) => {
                    self.held -= cost_of(&data);
                    self.stats.bytes += data.len() as u64;
                    return Next::Data(data);
                }
                Some(Released::Gap(range)) => return Next::Gap(range),
                Some(Released::Dropped(_)) => continue,
                None => {}
            }
            if let Some(error) = &self.failed {
                return Next::Failed(error.clone());
            }
            if self.is_complete() {
                return Next::End;
            }
            match (input, self.bounds.gaps) {
                (Input::Open, _) => return Next::Wait(self.deadline()),
                (Input::Over, GapPolicy::SkipAfter(_)) if !self.ahead.is_empty() => {
                    self.give_up(now());
                }
                (Input::Over, _) => return Next::Failed(self.cut_off()),
            }
        }
    }

    /// When the first hole is given up. A clock that cannot reach it never does.
    fn deadline(&self) -> Option<Instant> {
        match self.bounds.gaps {
            GapPolicy::Wait => None,
            GapPolicy::SkipAfter(delay) => self.gap_since?.checked_add(delay),
        }
    }

    fn is_complete(&self) -> bool {
        self.last.is_some_and(|last| self.next > last)
    }

    /// What is wrong if no more segments come. spec: SEG-10
    fn cut_off(&self) -> DecodeError {
        let above = self.ahead.first_key_value().map(|(above, _)| *above);
        let end = above.or_else(|| self.last.map(|last| last + 1));
        match end {
            Some(end) => DecodeError::Lost {
                sequences: self.next..end,
            },
            None => DecodeError::Truncated {
                next: self.next,
                bytes: self.passed,
            },
        }
    }

    fn check_length(&mut self) {
        let (actual, has_holes) = (self.passed, !self.given_up.is_empty());
        if let Some(sealed) = self.length
            && (actual > sealed || actual < sealed && !has_holes)
        {
            self.fail(DecodeError::WrongLength { sealed, actual });
        }
    }

    /// The first failure counts.
    fn fail(&mut self, error: DecodeError) {
        self.failed.get_or_insert(error);
    }
}

impl Item {
    fn cost(&self) -> usize {
        match self {
            Self::Data(data, _) => cost_of(data),
            Self::Signature(_) => LEAST_COST,
        }
    }
}

/// What a segment takes of the bytes a window may hold; an empty one is not free.
fn cost_of(data: &Bytes) -> usize {
    data.len().max(LEAST_COST)
}

const LEAST_COST: usize = 256;

/// A late segment is told from a replay for this many gaps back.
const REMEMBERED_GAPS: usize = 64;
