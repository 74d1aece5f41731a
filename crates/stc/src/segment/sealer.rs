//! A sender's one way forward through a stream. spec: SEG-1, SEG-4, SEG-6, SEG-11.
//!
//! *Invariant*: a number is spent before it is used, and a sealer is not `Clone`: no nonce is used
//! twice, whatever fails.

use super::header::{Extent, Header, Mark, Shape};
use super::keys::{SegmentContext, StreamKeys};
use super::signature::{MAX_UNSIGNED, Signing};
use super::{HEADER_LEN, LENGTH_LEN, MAX_BODY_LEN, OVERHEAD, SealSegmentError, SegmentStreamId};
use crate::entropy::Entropy;
use crate::identity::Identity;
use crate::suite::Suite;
use std::fmt;
use std::sync::Arc;

/// Seals the segments of one stream, one after the other.
///
/// ```
/// # struct Zeros;
/// # impl stc::Entropy for Zeros { fn fill(&mut self, out: &mut [u8]) { out.fill(0) } }
/// # let entropy = &mut Zeros; // a real one, in a real program
/// use stc::segment::{Extent, HEADER_LEN, Mark, OVERHEAD, Opener, Sealer};
///
/// let context = stc::StcContext::from_seed(&[7; 32], "video");
/// let mut sealer = Sealer::new(&context, stc::Suite::Aes256Gcm, Extent::Live, entropy);
/// let mut segment = vec![0; OVERHEAD + 5];
/// segment[HEADER_LEN..][..5].copy_from_slice(b"hello");
/// let sequence = sealer.seal_in_place(Mark::Last, &mut segment)?;
///
/// let mut body = [0; 5];
/// Opener::new(&context).open(&segment, sequence, &mut body)?;
/// assert_eq!(&body, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sealer {
    keys: StreamKeys,
    suite: Suite,
    shape: Shape,
    extent: Extent,
    stream_id: SegmentStreamId,
    /// The number of the next segment; `None` after the last.
    next: Option<u64>,
    signing: Option<Signing>,
}

impl Sealer {
    /// Begins a new stream in `context`, under a stream id drawn from `entropy`.
    ///
    /// Bounded or not is for the receiver; that the data sum up is the caller's business.
    pub fn new(
        context: impl Into<SegmentContext>,
        suite: Suite,
        extent: Extent,
        entropy: &mut dyn Entropy,
    ) -> Self {
        Self::begin(context, suite, extent, None, entropy)
    }

    /// Begins a new stream that shows who made it.
    ///
    /// It begins and ends with a [`seal_signature`](Self::seal_signature), and has one at the
    /// latest after each [`MAX_UNSIGNED`] segments.
    pub fn signed(
        context: impl Into<SegmentContext>,
        suite: Suite,
        extent: Extent,
        identity: Arc<Identity>,
        entropy: &mut dyn Entropy,
    ) -> Self {
        Self::begin(
            context,
            suite,
            extent,
            Some(Signing::new(identity)),
            entropy,
        )
    }

    fn begin(
        context: impl Into<SegmentContext>,
        suite: Suite,
        extent: Extent,
        signing: Option<Signing>,
        entropy: &mut dyn Entropy,
    ) -> Self {
        let shape = Shape::new(extent, signing.is_some());
        let stream_id = SegmentStreamId::generate(entropy);
        Self {
            keys: context.into().keys(suite, shape, stream_id),
            suite,
            shape,
            extent,
            stream_id,
            next: Some(0),
            signing,
        }
    }

    /// The stream's name, for receivers that pin it.
    pub fn stream_id(&self) -> SegmentStreamId {
        self.stream_id
    }

    /// The number of the next segment; `None` after the last.
    pub fn next_sequence(&self) -> Option<u64> {
        self.next
    }

    /// Where data begin in the next segment of data: behind the header, and in segment 0 of a
    /// bounded stream behind the length.
    #[inline]
    pub fn data_offset(&self) -> usize {
        HEADER_LEN + if self.has_length() { LENGTH_LEN } else { 0 }
    }

    /// Segments of data since the last signature, whether the stream is signed or not.
    pub fn unsigned(&self) -> usize {
        self.signing.as_ref().map_or(0, Signing::unsigned)
    }

    /// Seals a segment of data in place and returns its number: `segment` is
    /// [`data_offset`](Self::data_offset) bytes of room, the data, and 16 bytes of room.
    ///
    /// # Errors
    ///
    /// [`SealSegmentError`]; then `segment` is not to be sent.
    pub fn seal_in_place(
        &mut self,
        mark: Mark,
        segment: &mut [u8],
    ) -> Result<u64, SealSegmentError> {
        let offset = self.data_offset();
        let header = self.begin_data(mark, segment.len())?;
        if let Extent::Bounded(length) = self.extent
            && offset > HEADER_LEN
        {
            segment[HEADER_LEN..offset].copy_from_slice(&length.to_be_bytes());
        }
        let sealed = self.keys.seal_in_place(&header, segment);
        self.end(&header, segment, sealed.is_ok())
    }

    /// Seals `data` into `segment`, which is [`OVERHEAD`] bytes longer, and returns its number.
    /// Saves a copy, and is not for a segment that holds the length too.
    ///
    /// # Errors
    ///
    /// [`SealSegmentError`]; then `segment` is not to be sent.
    pub fn seal_from(
        &mut self,
        mark: Mark,
        data: &[u8],
        segment: &mut [u8],
    ) -> Result<u64, SealSegmentError> {
        if self.has_length() || segment.len() != data.len() + OVERHEAD {
            return Err(SealSegmentError::BadLength {
                len: segment.len(),
                min: data.len() + self.data_offset() - HEADER_LEN + OVERHEAD,
            });
        }
        let header = self.begin_data(mark, segment.len())?;
        let sealed = self.keys.seal_from(&header, data, segment);
        self.end(&header, segment, sealed.is_ok())
    }

    /// Bytes of the signature segment that could be sealed now; 0 if the stream is not signed.
    pub fn signature_len(&self) -> usize {
        let (Some(signing), Some(sequence)) = (&self.signing, self.next) else {
            return 0;
        };
        signing.segment_len(sequence, self.extent)
    }

    /// Seals a signature over all segments since the last one, and returns its number. `segment`
    /// is [`signature_len`](Self::signature_len) bytes of room.
    ///
    /// # Errors
    ///
    /// [`SealSegmentError`]; then `segment` is not to be sent.
    pub fn seal_signature(
        &mut self,
        mark: Mark,
        segment: &mut [u8],
    ) -> Result<u64, SealSegmentError> {
        let (len, min) = (segment.len(), self.signature_len());
        if self.signing.is_none() {
            return Err(SealSegmentError::Unsigned);
        }
        if len != min {
            return Err(SealSegmentError::BadLength { len, min });
        }
        let header = self.spend(mark, true)?;
        let binding = self.keys.binding();
        let written = self
            .signing
            .as_mut()
            .and_then(|signing| signing.write(&header, self.extent, &binding, segment));
        let sealed = self.keys.seal_in_place(&header, segment);
        match (written, sealed) {
            (Some(()), Ok(())) => Ok(header.sequence),
            _ => Err(SealSegmentError::BadLength { len, min }),
        }
    }

    fn has_length(&self) -> bool {
        self.next == Some(0) && self.shape.is_bounded() && !self.shape.is_signed()
    }

    /// Checks that a segment of data of this length may come now, and spends its number.
    #[inline]
    fn begin_data(&mut self, mark: Mark, len: usize) -> Result<Header, SealSegmentError> {
        let min = self.data_offset() - HEADER_LEN + OVERHEAD;
        if len < min || len > MAX_BODY_LEN + OVERHEAD {
            return Err(SealSegmentError::BadLength { len, min });
        }
        if let Some(signing) = &self.signing {
            let is_full = signing.unsigned() >= MAX_UNSIGNED;
            if is_full || self.next == Some(0) || mark == Mark::Last {
                return Err(SealSegmentError::SignatureDue);
            }
        }
        self.spend(mark, false)
    }

    #[inline]
    fn spend(&mut self, mark: Mark, is_signature: bool) -> Result<Header, SealSegmentError> {
        let sequence = self.next.ok_or(SealSegmentError::Ended)?;
        self.next = match mark {
            Mark::Last => None,
            Mark::More => Some(sequence.checked_add(1).ok_or(SealSegmentError::Exhausted)?),
        };
        Ok(Header {
            suite: self.suite,
            shape: self.shape,
            mark,
            is_signature,
            stream_id: self.stream_id,
            sequence,
        })
    }

    #[inline]
    fn end(
        &mut self,
        header: &Header,
        segment: &[u8],
        is_sealed: bool,
    ) -> Result<u64, SealSegmentError> {
        if !is_sealed {
            let (len, min) = (segment.len(), OVERHEAD);
            return Err(SealSegmentError::BadLength { len, min });
        }
        if let Some(signing) = &mut self.signing {
            signing.add(segment);
        }
        Ok(header.sequence)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("stream_id", &self.stream_id)
            .field("suite", &self.suite)
            .field("extent", &self.extent)
            .field("next", &self.next)
            .field("signing", &self.signing)
            .finish_non_exhaustive()
    }
}
