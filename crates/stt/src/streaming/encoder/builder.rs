//! The choices of an encoder, and its sources.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use stc::{
    Identity, StcContext, Suite,
    segment::{Extent, MAX_UNSIGNED, Sealer, SegmentContext},
};
use tokio::io::AsyncRead;

use super::{
    BinaryStreamEncoder, DEFAULT_SEGMENT_SIZE, flush::Flush, size::SegmentSize, source::Source,
};
use crate::{session::Session, transport::platform::Platform};

/// How long a live stream lets bytes wait for more of them, unless told otherwise: 5 ms. A longer
/// delay makes fewer and fuller segments.
pub const DEFAULT_FLUSH_DELAY: Duration = Duration::from_millis(5);

/// Sets up a [`BinaryStreamEncoder`].
#[derive(Debug)]
#[must_use = "an encoder is made by naming its source"]
pub struct EncoderBuilder {
    context: SegmentContext,
    suite: Suite,
    size: SegmentSize,
    flush_delay: Duration,
    signing: Option<(Arc<Identity>, usize)>,
    platform: Option<Platform>,
}

impl EncoderBuilder {
    pub(super) fn new(context: &StcContext) -> Self {
        let preferred = Suite::preferred().first();
        Self {
            context: context.into(),
            suite: preferred.copied().unwrap_or(Suite::ChaCha20Poly1305),
            size: SegmentSize::fixed(DEFAULT_SEGMENT_SIZE),
            flush_delay: DEFAULT_FLUSH_DELAY,
            signing: None,
            platform: None,
        }
    }

    /// Bytes of a whole segment; of them [`stc::segment::OVERHEAD`] are not data. From 256 bytes to
    /// 1 MiB; what is outside is brought inside. Default: [`DEFAULT_SEGMENT_SIZE`].
    pub fn segment_size(mut self, bytes: usize) -> Self {
        self.size = SegmentSize::fixed(bytes);
        self
    }

    /// Makes segments that fit one datagram of this session ([`Session::send_datagram`]), and
    /// follows its path as that changes.
    pub fn for_session(mut self, session: &Session) -> Self {
        self.size = SegmentSize::path(session);
        self.platform = Some(session.core().platform.clone());
        self
    }

    /// How long bytes of a live source may wait for more before they leave in a segment of their
    /// own. Zero sends whatever the source has whenever it pauses; at most a day. Default: [`DEFAULT_FLUSH_DELAY`].
    pub fn flush_after(mut self, delay: Duration) -> Self {
        self.flush_delay = delay;
        self
    }

    /// The cipher. Default: AES-256-GCM where the machine has it in hardware, else
    /// ChaCha20-Poly1305. Decoders take both.
    pub fn suite(mut self, suite: Suite) -> Self {
        self.suite = suite;
        self
    }

    /// Shows who made the stream: a signature begins it, ends it, and follows each 64 segments and
    /// each flush. Costs about 2 % more bytes, a hash of them, and some 20 us a signature.
    pub fn signed_by(mut self, identity: Arc<Identity>) -> Self {
        let every = self.signing.map_or(MAX_UNSIGNED, |(_, every)| every);
        self.signing = Some((identity, every));
        self
    }

    /// A signature after this many segments, 1 to 64. Counts for a signed stream.
    pub fn sign_every(mut self, segments: usize) -> Self {
        if let Some((_, every)) = &mut self.signing {
            *every = segments.clamp(1, MAX_UNSIGNED);
        }
        self
    }

    /// Runs on a simulated clock, with its randomness.
    #[cfg(feature = "simulation")]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = Some(platform);
        self
    }

    /// A stream of exactly these bytes.
    pub fn bounded(self, bytes: impl Into<Bytes>) -> BinaryStreamEncoder {
        let bytes = bytes.into();
        self.encoder(Extent::Bounded(bytes.len() as u64), Source::bytes(bytes))
    }

    /// A stream of the `length` bytes that `reader` has. Its end is waited for: if the reader may
    /// stay open, hand in `reader.take(length)`.
    pub fn bounded_reader(
        self,
        reader: impl AsyncRead + Send + 'static,
        length: u64,
    ) -> BinaryStreamEncoder {
        self.encoder(Extent::Bounded(length), Source::reader(reader))
    }

    /// A stream of the `length` bytes that `stream` gives before it ends.
    pub fn bounded_stream(
        self,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        length: u64,
    ) -> BinaryStreamEncoder {
        self.encoder(Extent::Bounded(length), Source::stream(stream))
    }

    /// A stream of whatever `stream` gives, as it comes.
    pub fn live(self, stream: impl Stream<Item = Bytes> + Send + 'static) -> BinaryStreamEncoder {
        self.encoder(Extent::Live, Source::stream(stream.map(Ok)))
    }

    /// A stream of whatever `stream` gives, as it comes, until it fails or ends.
    pub fn live_try_stream(
        self,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> BinaryStreamEncoder {
        self.encoder(Extent::Live, Source::stream(stream))
    }

    /// A stream of whatever `reader` has, as it comes.
    pub fn live_reader(self, reader: impl AsyncRead + Send + 'static) -> BinaryStreamEncoder {
        self.encoder(Extent::Live, Source::reader(reader))
    }

    fn encoder(self, extent: Extent, source: Source) -> BinaryStreamEncoder {
        let platform = self.platform.unwrap_or_else(Platform::system);
        let (mut entropy, context, suite) = (platform.entropy(), self.context, self.suite);
        let (sealer, sign_every) = match self.signing {
            None => {
                let sealer = Sealer::new(context, suite, extent, &mut entropy);
                (sealer, None)
            }
            Some((identity, every)) => {
                let sealer = Sealer::signed(context, suite, extent, identity, &mut entropy);
                (sealer, Some(every))
            }
        };
        let flush = Flush::new(platform, self.flush_delay);
        BinaryStreamEncoder::start(source, sealer, extent, sign_every, self.size, flush)
    }
}
