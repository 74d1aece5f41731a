//! Segments to bytes.
//!
//! | | where |
//! |---|---|
//! | which segments came, what is missing | [`window`] |
//! | decryption, into shared buffers | [`unsealer`] |
//! | data that wait for a signature | [`proof`] |
//! | the half that segments go in at | [`feeder`] |
//! | choices and their defaults | [`builder`] |

mod builder;
mod error;
mod feeder;
mod proof;
mod unsealer;
mod window;

use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_core::Stream;
use stc::{
    StcContext,
    segment::{Opener, SegmentStreamId},
};
use tokio::io::{AsyncRead, ReadBuf};

pub use self::{
    builder::{DecoderBuilder, GapPolicy},
    error::{DecodeError, SegmentError},
    feeder::SegmentFeeder,
};
use self::{
    feeder::Shared,
    window::{Next, Window},
};
use crate::transport::platform::{Platform, Sleep};

/// Turns segments, in any order, back into the bytes of one stream.
///
/// Segments go in by [`receive_segment`](Self::receive_segment), or from other tasks by a
/// [`feeder`](Self::feeder). Bytes come out whole ([`receive_all`](Self::receive_all)), as a
/// stream of `Bytes` ([`next`](Self::next), [`Stream`]) or by [`AsyncRead`].
///
/// | | contract | shown by |
/// |---|---|---|
/// | ordering | bytes come out in the order they went in, whatever the order of the segments | `a_thousand_segments_in_random_order_with_duplicates_decode_to_equal_bytes` |
/// | delivery | each segment at most once; the end only if everything before it came. A loss, a cut, tampering, a foreign segment and a replay are each an error of their own | `a_missing_segment_is_reported_and_may_come_later`, `a_stream_that_is_cut_off_is_told_from_one_with_a_hole`, `tampering_replay_foreign_streams_and_wrong_numbers_are_told_apart`, `a_sender_that_dies_in_mid_stream_leaves_a_truncated_stream` |
/// | gaps | waited for, or after a deadline given up and told in their place among the bytes | `without_a_deadline_a_gap_is_waited_for`, `a_gap_is_skipped_at_the_deadline_and_told_in_its_place` |
/// | sender | any holder of the context, unless a signer is demanded: then only what that node signed is given out | `only_what_the_signer_signed_is_given_out`, `a_segment_that_the_signer_did_not_make_is_never_given_out`, `a_lost_segment_leaves_the_others_provable_and_a_lost_signature_takes_what_it_covers` |
/// | durability | none: bytes are in memory until they are read | |
/// | memory | the window ([`DecoderBuilder::window_bytes`], by default 16 MiB, and [`DecoderBuilder::window_segments`], 4,096) and one segment, for however long a stream runs; segments of less than 4 KiB share buffers of 16 KiB, so a reader that keeps one of them keeps its neighbours. What is refused leaves nothing | `the_window_bounds_segments_and_bytes_and_always_takes_the_one_it_waits_for`, `garbage_of_any_length_is_an_error_and_nothing_is_kept`, `a_million_live_segments_are_held_in_flat_memory` |
/// | latency | none of its own; behind a gap its deadline; with a signer up to the next signature | `each_live_segment_can_be_read_before_the_next_exists`, `signed_data_wait_for_the_signature_that_covers_them` |
/// | cancelling | [`next`](Self::next), [`receive_all`](Self::receive_all) and [`SegmentFeeder::ready`] may be dropped at any time | `a_cancelled_call_loses_nothing_on_either_side` |
#[derive(Debug)]
pub struct BinaryStreamDecoder {
    shared: Arc<Shared>,
    /// Runs while a gap is waited for.
    timer: Option<(Instant, Sleep)>,
    /// Read from the stream and not from here yet.
    rest: Bytes,
    collected: BytesMut,
    max_collected: usize,
    /// The stream ended, or its error was told.
    is_over: bool,
}

/// What became of a segment that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// Its data can be read, or wait for a signature.
    InOrder,
    /// It is kept until earlier ones have come.
    Ahead {
        /// The first that is missing.
        missing: u64,
    },
}

/// Counters of a decoder, and what it holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DecoderStats {
    /// Segments taken.
    pub segments: u64,
    /// Segments refused because they had been taken before.
    pub duplicates: u64,
    /// Segments refused for another reason.
    pub refused: u64,
    /// Segments given up, or not proved to be of the signer.
    pub lost: u64,
    /// Bytes of data given out.
    pub bytes: u64,
    /// Segments and gaps held now.
    pub held_segments: usize,
    /// Bytes held now, as [`DecoderBuilder::window_bytes`] counts them.
    pub held_bytes: usize,
}

impl BinaryStreamDecoder {
    /// Decodes the first stream of which a segment opens, with the defaults of [`DecoderBuilder`].
    pub fn new(context: &StcContext) -> Self {
        Self::builder(context).build()
    }

    /// Sets up a decoder of the first stream of which a segment opens.
    pub fn builder(context: &StcContext) -> DecoderBuilder {
        DecoderBuilder::new(Opener::new(context))
    }

    /// Sets up a decoder of one stream alone.
    pub fn pinned(context: &StcContext, id: SegmentStreamId) -> DecoderBuilder {
        DecoderBuilder::pinned(context, id)
    }

    fn start(window: Window, platform: Platform, max_collected: usize) -> Self {
        Self {
            shared: Shared::new(window, platform),
            timer: None,
            rest: Bytes::new(),
            collected: BytesMut::new(),
            max_collected,
            is_over: false,
        }
    }

    /// Takes a segment that is said to be number `sequence` of the stream. What carries segments in
    /// order can count them; else [`Segment::decode`](super::Segment::decode) reads the number it
    /// names, which is checked here.
    ///
    /// # Errors
    ///
    /// [`SegmentError`]; nothing of the segment is kept, and the stream goes on.
    pub fn receive_segment(
        &self,
        segment: impl AsRef<[u8]>,
        sequence: u64,
    ) -> Result<Received, SegmentError> {
        self.shared.receive(segment.as_ref(), sequence)
    }

    /// A handle to hand in segments from another task while this one reads.
    pub fn feeder(&self) -> SegmentFeeder {
        SegmentFeeder::new(&self.shared)
    }

    /// No more segments come: what is missing now is lost. Dropping the last
    /// [`feeder`](Self::feeder) says the same.
    pub fn end_input(&self) {
        self.shared.end_input();
    }

    /// All bytes of the stream, up to [`DecoderBuilder::max_collected`].
    ///
    /// While there are feeders, waits for them. Without any nobody could hand in more meanwhile, so
    /// what is missing now is an error at once; hand it in and call again.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]. What was collected stays, and after [`DecodeError::Gap`] the next call goes
    /// on behind the gap.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was collected stays.
    pub async fn receive_all(&mut self) -> Result<Bytes, DecodeError> {
        loop {
            let next = std::future::poll_fn(|cx| {
                let next = self.shared.next_of_all(cx.waker());
                self.poll_taken(cx, next)
            });
            let Some(data) = next.await.transpose()? else {
                return Ok(self.collected.split().freeze());
            };
            let max = self.max_collected;
            let sealed = self.shared.with_window(Window::length).unwrap_or_default();
            if self.collected.len() + data.len() > max || sealed > max as u64 {
                return Err(DecodeError::TooLong { max });
            }
            self.collected.extend_from_slice(&data);
        }
    }

    /// The next bytes; `None` after the end of the stream, or after an error other than a gap.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]; after [`DecodeError::Gap`] the stream goes on.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: bytes that aren't returned aren't taken.
    pub async fn next(&mut self) -> Option<Result<Bytes, DecodeError>> {
        std::future::poll_fn(|cx| self.poll_data(cx)).await
    }

    /// The stream that is decoded, once it is known.
    pub fn stream_id(&self) -> Option<SegmentStreamId> {
        self.shared
            .with_window(|window| window.opener().stream_id())
    }

    /// Bytes of the whole stream, once the beginning of a bounded one was received. Whoever sealed
    /// it says so; that it is true, its end proves.
    pub fn length(&self) -> Option<u64> {
        self.shared.with_window(Window::length)
    }

    /// Counters, as they are now.
    pub fn stats(&self) -> DecoderStats {
        self.shared.with_window(Window::stats)
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, DecodeError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.rest))));
        }
        let next = self.shared.next(cx.waker());
        let taken = ready!(self.poll_taken(cx, next));
        self.is_over = !matches!(taken, Some(Ok(_) | Err(DecodeError::Gap { .. })));
        Poll::Ready(taken)
    }

    fn poll_taken(
        &mut self,
        cx: &mut Context<'_>,
        mut next: Next,
    ) -> Poll<Option<Result<Bytes, DecodeError>>> {
        loop {
            let deadline = match next {
                Next::Data(data) => return Poll::Ready(Some(Ok(data))),
                Next::Gap(sequences) => {
                    return Poll::Ready(Some(Err(DecodeError::Gap { sequences })));
                }
                Next::Failed(error) => return Poll::Ready(Some(Err(error))),
                Next::End => return Poll::Ready(None),
                Next::Wait(None) => return Poll::Pending,
                Next::Wait(Some(deadline)) => deadline,
            };
            if self.timer.as_ref().is_none_or(|(at, _)| *at != deadline) {
                let delay = deadline.saturating_duration_since(self.shared.now());
                self.timer = Some((deadline, self.shared.platform.sleep(delay)));
            }
            if let Some((_, timer)) = &mut self.timer {
                ready!(Pin::new(timer).poll(cx));
            }
            self.timer = None;
            next = self.shared.next(cx.waker());
        }
    }
}

impl Stream for BinaryStreamDecoder {
    type Item = Result<Bytes, DecodeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_data(cx)
    }
}

/// A [`DecodeError`] comes inside an [`io::Error`]: `UnexpectedEof` for a stream that is cut off or
/// has lost segments, else `InvalidData`. Behind a gap, reading goes on.
impl AsyncRead for BinaryStreamDecoder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(data) = ready!(self.poll_data(cx)) else {
            return Poll::Ready(Ok(()));
        };
        let mut data = data?;
        let len = data.len().min(out.remaining());
        out.put_slice(&data[..len]);
        data.advance(len);
        self.rest = data;
        Poll::Ready(Ok(()))
    }
}
