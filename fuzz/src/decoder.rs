//! The decoder of streams of segments: whatever comes in, in whatever order, what comes out is the stream that
//! was sealed, and nothing is left out in silence.
//!
//! Input: options u8, then operations: kind u8, choice u8, and what the kind takes.
//!
//! | kind mod 8 | |
//! |---|---|
//! | 0, 1, 2 | hand in a segment under its number |
//! | 3 | under another number, u8 |
//! | 4 | with a bit changed: u16 |
//! | 5 | hand in that many bytes of the input instead |
//! | 6 | read what can be read |
//! | 7 | say that no more segments come |

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use stc::segment::{Extent, Mark, OVERHEAD, Sealer};
use stc::{Entropy, Identity, NodeSeed, StcContext, Suite};
use stt::streaming::{BinaryStreamDecoder, DecodeError, GapPolicy, SegmentError};
use tokio::runtime::{Builder, Runtime};

/// Runs the operations on a decoder, and compares what it says with what was sealed.
pub fn body(data: &[u8]) {
    let Some((&options, mut rest)) = data.split_first() else {
        return;
    };
    // A decoder that skips gaps has a clock.
    let _runtime = runtime().enter();
    let mut run = Run::new(options);
    for _ in 0..MAX_OPERATIONS {
        let Some((&[kind, choice], after)) = rest.split_first_chunk() else {
            break;
        };
        rest = run.operate(kind, usize::from(choice), after);
    }
    run.read();
}

/// A stream that was sealed, its decoder, and what the decoder said so far.
struct Run {
    segments: Vec<Vec<u8>>,
    /// What each segment holds; empty in a signature.
    contents: Vec<Vec<u8>>,
    decoder: BinaryStreamDecoder,
    taken: BTreeSet<usize>,
    /// The first number that was neither read nor told to be lost.
    next: usize,
    skips: bool,
    ended: bool,
    is_over: bool,
}

impl Run {
    fn new(options: u8) -> Self {
        let has = |bit: u8| options & 1 << bit != 0;
        let (segments, contents) = if has(1) {
            signed(has(2))
        } else {
            plain(has(2))
        };
        let context = context();
        let mut builder = BinaryStreamDecoder::builder(&context);
        if has(0) {
            builder = builder.gaps(GapPolicy::SkipAfter(Duration::ZERO));
        }
        if has(1) {
            builder = builder.signer(identity().node_id());
        }
        if has(3) {
            builder = builder.window_segments(4).window_bytes(SMALL_WINDOW);
        }
        Self {
            segments,
            contents,
            decoder: builder.build(),
            taken: BTreeSet::new(),
            next: 0,
            skips: has(0),
            ended: false,
            is_over: false,
        }
    }

    fn operate<'a>(&mut self, kind: u8, choice: usize, rest: &'a [u8]) -> &'a [u8] {
        let number = choice % self.segments.len();
        match kind % 8 {
            3 => {
                let Some((&claimed, after)) = rest.split_first() else {
                    return rest;
                };
                if usize::from(claimed) != number {
                    self.refuse(&self.segments[number].clone(), u64::from(claimed));
                }
                return after;
            }
            4 => {
                let Some((place, after)) = rest.split_first_chunk() else {
                    return rest;
                };
                let place = usize::from(u16::from_be_bytes(*place));
                let mut segment = self.segments[number].clone();
                let len = segment.len();
                segment[place / 8 % len] ^= 1 << (place % 8);
                self.refuse(&segment, number as u64);
                return after;
            }
            5 => {
                let (bytes, after) = rest.split_at(choice.min(rest.len()));
                self.refuse(bytes, self.next as u64);
                return after;
            }
            6 => self.read(),
            7 => {
                self.decoder.end_input();
                self.ended = true;
            }
            _ => self.hand_in(number),
        }
        rest
    }

    /// Hands in a segment as it was sealed.
    fn hand_in(&mut self, number: usize) {
        let segment = &self.segments[number];
        match self.decoder.receive_segment(segment, number as u64) {
            Ok(_) => assert!(self.taken.insert(number), "{number} was taken twice"),
            Err(SegmentError::Duplicate { .. }) => assert!(self.taken.contains(&number)),
            Err(SegmentError::TooLate { .. }) => assert!(self.skips),
            Err(SegmentError::TooFarAhead { .. } | SegmentError::Full { .. }) => {}
            Err(error) => panic!("{number} was refused: {error}"),
        }
        let stats = self.decoder.stats();
        assert!(stats.held_bytes <= WINDOW + 65 * MAX_LEN, "{stats:?}");
    }

    /// Hands in what nobody sealed so.
    fn refuse(&mut self, segment: &[u8], claimed: u64) {
        let before = self.decoder.stats();
        let received = self.decoder.receive_segment(segment, claimed);
        assert!(received.is_err(), "a segment that nobody sealed was taken");
        let after = self.decoder.stats();
        assert_eq!(before.held_bytes, after.held_bytes, "it left a trace");
        assert_eq!(before.held_segments, after.held_segments, "it left a trace");
    }

    fn read(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            let read = std::pin::pin!(self.decoder.next()).poll(&mut cx);
            match read {
                Poll::Pending => return,
                Poll::Ready(Some(Ok(data))) => {
                    self.go_to_data();
                    assert_eq!(self.contents[self.next], data, "other bytes came out");
                    assert!(self.taken.contains(&self.next), "nobody handed it in");
                    self.next += 1;
                }
                Poll::Ready(Some(Err(DecodeError::Gap { sequences }))) => {
                    assert!(self.skips, "a gap that was to be waited for");
                    self.go_to(sequences.start as usize);
                    self.next = sequences.end as usize;
                }
                Poll::Ready(Some(Err(
                    DecodeError::Lost { .. } | DecodeError::Truncated { .. },
                ))) => {
                    assert!(self.ended, "it may still come");
                    self.is_over = true;
                }
                Poll::Ready(Some(Err(error))) => panic!("nothing of it was taken: {error}"),
                Poll::Ready(None) => {
                    if !self.is_over {
                        self.go_to(self.contents.len());
                        self.is_over = true;
                    }
                    return;
                }
            }
        }
    }

    /// Goes on to the next number that has data.
    fn go_to_data(&mut self) {
        while self.contents.get(self.next).is_some_and(Vec::is_empty) {
            self.next += 1;
        }
        assert!(self.next < self.contents.len(), "more came than was sealed");
    }

    /// Goes on to `number`; what lies before it must not have data.
    fn go_to(&mut self, number: usize) {
        assert!(number >= self.next, "it was read or lost before");
        let passed = &self.contents[self.next..number];
        assert!(
            passed.iter().all(Vec::is_empty),
            "bytes are gone in silence"
        );
        self.next = number;
    }
}

type Sealed = (Vec<Vec<u8>>, Vec<Vec<u8>>);

fn plain(is_bounded: bool) -> Sealed {
    let extent = extent(is_bounded);
    let mut sealer = Sealer::new(&context(), Suite::Aes256Gcm, extent, &mut Zeros);
    let seal = |number| {
        let mark = if number + 1 == SEGMENTS {
            Mark::Last
        } else {
            Mark::More
        };
        (seal(&mut sealer, mark, &content(number)), content(number))
    };
    (0..SEGMENTS).map(seal).unzip()
}

/// The same with signatures at the beginning, in the middle and at the end.
fn signed(is_bounded: bool) -> Sealed {
    let (extent, identity) = (extent(is_bounded), Arc::new(identity()));
    let mut sealer = Sealer::signed(
        &context(),
        Suite::ChaCha20Poly1305,
        extent,
        identity,
        &mut Zeros,
    );
    let mut sealed = Sealed::default();
    for number in 0..SEGMENTS {
        if number % 5 == 0 {
            sealed.0.push(sign(&mut sealer, Mark::More));
            sealed.1.push(Vec::new());
        }
        sealed
            .0
            .push(seal(&mut sealer, Mark::More, &content(number)));
        sealed.1.push(content(number));
    }
    sealed.0.push(sign(&mut sealer, Mark::Last));
    sealed.1.push(Vec::new());
    sealed
}

fn seal(sealer: &mut Sealer, mark: Mark, data: &[u8]) -> Vec<u8> {
    let offset = sealer.data_offset();
    let header = OVERHEAD - TAG_LEN;
    let mut segment = vec![0; offset - header + data.len() + OVERHEAD];
    segment[offset..offset + data.len()].copy_from_slice(data);
    let sealed = sealer.seal_in_place(mark, &mut segment);
    assert!(sealed.is_ok(), "{sealed:?}");
    segment
}

fn sign(sealer: &mut Sealer, mark: Mark) -> Vec<u8> {
    let mut segment = vec![0; sealer.signature_len()];
    let sealed = sealer.seal_signature(mark, &mut segment);
    assert!(sealed.is_ok(), "{sealed:?}");
    segment
}

fn content(number: usize) -> Vec<u8> {
    vec![number as u8; 1 + number * 97 % MAX_LEN]
}

fn extent(is_bounded: bool) -> Extent {
    let length = (0..SEGMENTS).map(|number| content(number).len() as u64);
    if is_bounded {
        Extent::Bounded(length.sum())
    } else {
        Extent::Live
    }
}

/// That of no vector: nothing in the corpus opens in it by itself.
fn context() -> StcContext {
    StcContext::from_seed(&[0xdc; 32], "decoder")
}

fn identity() -> Identity {
    NodeSeed::from_bytes([0x1d; 32]).identity()
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(
        || match Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => panic!("no runtime: {error}"),
        },
    )
}

/// The same stream id each time: a body must do the same in each run.
struct Zeros;

impl Entropy for Zeros {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
}

const MAX_OPERATIONS: usize = 200;
const SEGMENTS: usize = 12;
const MAX_LEN: usize = 900;
const TAG_LEN: usize = 16;
const SMALL_WINDOW: usize = 1500;
/// The default of a decoder.
const WINDOW: usize = 16 << 20;
