//! The choices of a decoder.

use std::time::Duration;

use stc::{
    NodeId, StcContext,
    segment::{Opener, SegmentStreamId},
};

use super::{
    BinaryStreamDecoder,
    window::{Bounds, Window},
};
use crate::{session::Session, transport::platform::Platform};

/// What a decoder does about a segment that is missing while later ones are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GapPolicy {
    /// Waits for it, as long as segments may come. The default.
    Wait,
    /// Waits this long from when it was first missed, then tells of the gap and goes on behind it.
    SkipAfter(Duration),
}

/// Sets up a [`BinaryStreamDecoder`].
#[derive(Debug)]
#[must_use = "a decoder is made by `build`"]
pub struct DecoderBuilder {
    opener: Opener,
    bounds: Bounds,
    signer: Option<NodeId>,
    collected: usize,
    platform: Option<Platform>,
}

impl DecoderBuilder {
    pub(super) fn new(opener: Opener) -> Self {
        Self {
            opener,
            bounds: Bounds {
                segments: DEFAULT_WINDOW_SEGMENTS,
                bytes: DEFAULT_WINDOW_BYTES,
                gaps: GapPolicy::Wait,
            },
            signer: None,
            collected: DEFAULT_COLLECTED_BYTES,
            platform: None,
        }
    }

    pub(super) fn pinned(context: &StcContext, id: SegmentStreamId) -> Self {
        Self::new(Opener::pinned(context, id))
    }

    /// Takes a stream of this context too: which one it is, the first segment that opens shows. For
    /// the epochs of a group, [`Group::contexts`](crate::Group::contexts).
    pub fn or_context(mut self, context: &StcContext) -> Self {
        self.opener = self.opener.or_context(context);
        self
    }

    /// How far ahead of the first missing segment others are kept. Default: 4,096 segments.
    pub fn window_segments(mut self, segments: u32) -> Self {
        self.bounds.segments = u64::from(segments.max(1));
        self
    }

    /// Bytes that are held, read or waited for, each segment counted with at least 256. Default: 16
    /// MiB. One segment more is taken if it is the one that is waited for.
    pub fn window_bytes(mut self, bytes: usize) -> Self {
        self.bounds.bytes = bytes;
        self
    }

    /// What to do about gaps. Default: [`GapPolicy::Wait`].
    pub fn gaps(mut self, policy: GapPolicy) -> Self {
        self.bounds.gaps = policy;
        self
    }

    /// Gives out only what this node has signed. Holds data back until the signature that covers
    /// them, at most 64 segments. Default: whoever holds the context is believed.
    ///
    /// Which stream is decoded, the first segment decides, and any holder of the context can make
    /// one: where they may be hostile, pin the stream too.
    pub fn signer(mut self, signer: NodeId) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Bytes that [`receive_all`](BinaryStreamDecoder::receive_all) collects at most. Default: 64
    /// MiB.
    pub fn max_collected(mut self, bytes: usize) -> Self {
        self.collected = bytes;
        self
    }

    /// Takes the clock of this session's node, which matters in simulations alone.
    pub fn for_session(mut self, session: &Session) -> Self {
        self.platform = Some(session.core().platform.clone());
        self
    }

    /// Runs on a simulated clock.
    #[cfg(feature = "simulation")]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = Some(platform);
        self
    }

    /// The decoder.
    pub fn build(self) -> BinaryStreamDecoder {
        let platform = self.platform.unwrap_or_else(Platform::system);
        let window = Window::new(self.opener, self.bounds, self.signer);
        BinaryStreamDecoder::start(window, platform, self.collected)
    }
}

const DEFAULT_WINDOW_SEGMENTS: u64 = 4_096;
const DEFAULT_WINDOW_BYTES: usize = 16 << 20;
const DEFAULT_COLLECTED_BYTES: usize = 64 << 20;
