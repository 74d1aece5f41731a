//! Bytes to segments.
//!
//! The loop: fill the buffer of one segment from the source, and seal it where it lies, when it is
//! full, when the source ends, or when a live source has paused for the delay. What the source
//! holds in one piece is sealed straight from there.
//!
//! *Invariant*: everything taken from the source is in a segment given out, or in the encoder.

mod builder;
mod error;
mod flush;
mod size;
mod source;

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use stc::{
    StcContext,
    segment::{Digest, Extent, HEADER_LEN, Mark, OVERHEAD, Sealer, SegmentStreamId},
};

pub use self::{
    builder::{DEFAULT_FLUSH_DELAY, EncoderBuilder},
    error::EncodeError,
    size::DEFAULT_SEGMENT_SIZE,
};
use self::{flush::Flush, size::SegmentSize, source::Source};
use super::Segment;

/// Turns bytes into encrypted segments; an asynchronous stream of them.
///
/// *Bounded*: the length is known, sealed into the stream, and the receiver can prove that it has
/// everything. *Live*: each segment can be used as it comes, a source that pauses is not waited for
/// beyond the flush delay, and the end is marked.
///
/// | | contract | shown by |
/// |---|---|---|
/// | ordering | segments come with numbers from 0 on; whatever carries them may reorder, repeat or lose them | `whatever_happens_on_the_way_the_bytes_are_right_or_the_loss_is_told` |
/// | delivery | every byte taken from the source is in exactly one segment; a source that fails, or has another length than announced, leaves the stream without its end | `every_kind_of_source_gives_the_same_bytes`, `a_source_that_gives_more_or_less_than_announced_is_an_error`, `a_source_that_fails_ends_the_stream_without_an_end` |
/// | durability | none: a segment is bytes; whoever must keep them stores them. The keys are in the encoder alone, and a stream is not taken up again after a restart | by construction: no way to set a number or a stream id |
/// | memory | two segments, what the source gave in one piece, and with signatures 64 digests; segments share buffers of 16 KiB with their neighbours and are shared, not copied, by clones | `what_is_encrypted_once_serves_many` |
/// | latency | none of its own while the source has enough for a segment; a live source that pauses is held back for the flush delay, once, and signed then | `a_source_that_pauses_is_held_back_for_the_delay_and_no_longer`, `signed_data_wait_for_the_signature_that_covers_them`, `a_live_stream_comes_whole_and_in_time_for_a_minute` |
/// | cancelling | [`next`](Self::next) may be dropped at any time | `a_cancelled_call_loses_nothing_on_either_side` |
#[derive(Debug)]
pub struct BinaryStreamEncoder {
    source: Source,
    sealer: Sealer,
    extent: Extent,
    size: SegmentSize,
    /// Segments of data until a signature, in a signed stream.
    sign_every: Option<usize>,
    /// Runs while bytes, or segments without a signature, wait for more.
    flush: Flush,
    /// The segment being filled: room for the header and what follows it, then data. Empty between
    /// segments.
    filling: BytesMut,
    /// The last long segment.
    recent: Bytes,
    /// Length of the segment being filled.
    target: usize,
    /// Bytes taken from the source.
    taken: u64,
    /// A signature comes next, however few segments it covers.
    sign_now: bool,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The source has ended; what is here leaves with the last mark.
    Ending,
    Over,
}

impl BinaryStreamEncoder {
    /// A stream of exactly these bytes, with the defaults of [`EncoderBuilder`].
    pub fn bounded(bytes: impl Into<Bytes>, context: &StcContext) -> Self {
        Self::builder(context).bounded(bytes)
    }

    /// A stream of whatever `source` gives as it comes, with the defaults of [`EncoderBuilder`].
    pub fn live(source: impl Stream<Item = Bytes> + Send + 'static, context: &StcContext) -> Self {
        Self::builder(context).live(source)
    }

    /// Sets up an encoder. Of `context` nothing is kept but what seals this one stream.
    pub fn builder(context: &StcContext) -> EncoderBuilder {
        EncoderBuilder::new(context)
    }

    fn start(
        source: Source,
        sealer: Sealer,
        extent: Extent,
        sign_every: Option<usize>,
        mut size: SegmentSize,
        flush: Flush,
    ) -> Self {
        let target = size.next();
        Self {
            source,
            sealer,
            extent,
            size,
            sign_every,
            flush,
            filling: BytesMut::new(),
            recent: Bytes::new(),
            target,
            taken: 0,
            sign_now: false,
            stage: Stage::Open,
        }
    }

    /// Names the stream, for decoders that pin it.
    pub fn stream_id(&self) -> SegmentStreamId {
        self.sealer.stream_id()
    }

    /// The next segment; `None` after the last one, or after an error.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], once; the stream then has no end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was taken from the source stays in the encoder.
    pub async fn next(&mut self) -> Option<Result<Segment, EncodeError>> {
        std::future::poll_fn(|cx| self.poll_segment(cx)).await
    }

    fn poll_segment(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Segment, EncodeError>>> {
        if self.stage == Stage::Over {
            return Poll::Ready(None);
        }
        let made = ready!(self.poll_made(cx));
        if made.is_err() {
            self.stage = Stage::Over;
        }
        Poll::Ready(Some(made))
    }

    fn poll_made(&mut self, cx: &mut Context<'_>) -> Poll<Result<Segment, EncodeError>> {
        loop {
            if self.filling.is_empty() && self.is_signature_due() {
                return Poll::Ready(self.sign(Mark::More));
            }
            if self.stage == Stage::Ending {
                return Poll::Ready(self.seal_end());
            }
            if self.filling.is_empty() {
                self.target = self.size.next();
                if let Some(segment) = self.seal_at_once()? {
                    return Poll::Ready(Ok(segment));
                }
                self.begin();
            }
            let room = self.room();
            if room == 0 {
                return Poll::Ready(self.seal(Mark::More));
            }
            match self.poll_fill(cx, room)? {
                Poll::Ready(()) => {}
                Poll::Pending => return self.poll_flush(cx),
            }
        }
    }

    /// Takes bytes from the source, or notes its end. A bounded stream that is complete asks for
    /// one byte more, to be sure that there is none.
    fn poll_fill(&mut self, cx: &mut Context<'_>, room: usize) -> Result<Poll<()>, EncodeError> {
        let left = match self.extent {
            Extent::Live => room,
            Extent::Bounded(length) => usize::try_from(length - self.taken).unwrap_or(usize::MAX),
        };
        let polled = if left == 0 {
            let mut probe = BytesMut::with_capacity(1);
            self.source.poll_fill(cx, &mut probe, 1)
        } else {
            self.source.poll_fill(cx, &mut self.filling, room.min(left))
        };
        let Poll::Ready(read) = polled else {
            return Ok(Poll::Pending);
        };
        let read = read.map_err(EncodeError::Source)?;
        match self.extent {
            Extent::Bounded(length) if read > 0 && left == 0 => {
                return Err(EncodeError::SourceTooLong { length });
            }
            Extent::Bounded(length) if read == 0 && left > 0 => {
                let actual = self.taken;
                return Err(EncodeError::SourceTooShort { length, actual });
            }
            _ => {}
        }
        self.taken += read as u64;
        if read == 0 {
            self.stage = Stage::Ending;
        }
        Ok(Poll::Ready(()))
    }

    /// Room for data in the segment being filled. The last one of a bounded stream is kept until
    /// the source has shown that it ends there.
    fn room(&self) -> usize {
        let room = (self.target - TAG_LEN).saturating_sub(self.filling.len());
        match self.extent {
            Extent::Bounded(length) if length == self.taken => room.max(1),
            _ => room,
        }
    }

    /// The source has paused: what waits leaves once the delay is over.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<Segment, EncodeError>> {
        let has_data = self.filling.len() > self.sealer.data_offset();
        if self.extent != Extent::Live || !(has_data || self.sealer.unsigned() > 0) {
            return Poll::Pending;
        }
        ready!(self.flush.poll_due(cx));
        self.sign_now = self.sign_every.is_some();
        if has_data {
            return Poll::Ready(self.seal(Mark::More));
        }
        self.filling.clear();
        Poll::Ready(self.sign(Mark::More))
    }

    /// A full segment of bytes that the source holds in one piece, without a copy of them.
    fn seal_at_once(&mut self) -> Result<Option<Segment>, EncodeError> {
        if self.sealer.data_offset() > HEADER_LEN {
            return Ok(None);
        }
        let target = self.target;
        let len = target - OVERHEAD;
        // The last bytes of a bounded stream may be the last of all, or too many: not here.
        if let Extent::Bounded(length) = self.extent
            && length - self.taken <= len as u64
        {
            return Ok(None);
        }
        if self.source.held().len() < len {
            return Ok(None);
        }
        let mut segment = self.buffer(target);
        let data = &self.source.held()[..len];
        let sequence = self.sealer.seal_from(Mark::More, data, &mut segment)?;
        self.source.take_held(len);
        self.taken += len as u64;
        self.flush.reset();
        let segment = segment.freeze();
        if target > SHARED_BUFFER {
            self.recent = segment.clone();
        }
        Ok(Some(Segment::new(sequence, segment)))
    }

    /// `len` bytes to overwrite. The buffer of a long segment that nobody has any more is taken
    /// again as it is: clearing it would cost a sixth of sealing it.
    fn buffer(&mut self, len: usize) -> BytesMut {
        if len <= SHARED_BUFFER {
            self.reserve(len);
            self.filling.resize(len, 0);
            return self.filling.split();
        }
        let recent = std::mem::take(&mut self.recent).try_into_mut();
        match recent {
            Ok(buffer) if buffer.len() == len => buffer,
            _ => BytesMut::zeroed(len),
        }
    }

    fn begin(&mut self) {
        self.reserve(self.target);
        self.filling.resize(self.sealer.data_offset(), 0);
    }

    /// Small segments share a buffer; a long one has its own.
    fn reserve(&mut self, len: usize) {
        if self.filling.capacity() < len {
            self.filling.reserve(len.max(SHARED_BUFFER));
        }
    }

    /// Seals what is filled.
    fn seal(&mut self, mark: Mark) -> Result<Segment, EncodeError> {
        self.filling.resize(self.filling.len() + TAG_LEN, 0);
        let sequence = self.sealer.seal_in_place(mark, &mut self.filling)?;
        self.flush.reset();
        Ok(Segment::new(sequence, self.filling.split().freeze()))
    }

    /// The source has ended: its last bytes, and the last mark.
    fn seal_end(&mut self) -> Result<Segment, EncodeError> {
        if self.sign_every.is_none() {
            if self.filling.is_empty() {
                self.begin();
            }
            self.stage = Stage::Over;
            return self.seal(Mark::Last);
        }
        if self.filling.len() > self.sealer.data_offset() {
            return self.seal(Mark::More);
        }
        self.stage = Stage::Over;
        self.sign(Mark::Last)
    }

    fn is_signature_due(&self) -> bool {
        let Some(every) = self.sign_every else {
            return false;
        };
        let unsigned = self.sealer.unsigned();
        let is_first = self.sealer.next_sequence() == Some(0);
        is_first || self.sign_now && unsigned > 0 || unsigned >= every.min(self.signable())
    }

    /// Segments whose digests fit one signature segment of the size in use.
    fn signable(&self) -> usize {
        self.target.saturating_sub(OVERHEAD + SIGNATURE_LEN) / Digest::LEN
    }

    fn sign(&mut self, mark: Mark) -> Result<Segment, EncodeError> {
        self.filling.clear();
        self.flush.reset();
        self.sign_now = false;
        let mut segment = vec![0; self.sealer.signature_len()];
        let sequence = self.sealer.seal_signature(mark, &mut segment)?;
        Ok(Segment::new(sequence, segment.into()))
    }
}

impl Stream for BinaryStreamEncoder {
    type Item = Result<Segment, EncodeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_segment(cx)
    }
}

const TAG_LEN: usize = OVERHEAD - HEADER_LEN;
const SIGNATURE_LEN: usize = 64;

/// A buffer for this many bytes of small segments. A receiver that keeps one of them keeps all.
const SHARED_BUFFER: usize = 16 * 1_024;
