//! The numbers of a node that can be chosen: unit, default, and what raising them costs.

use std::time::Duration;

/// Bounds of a node and its sessions. Start from [`Limits::default`] and change what you must.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// How long a dial or an attempt to reach us may take. Default 10 s.
    pub handshake_timeout: Duration,
    /// A session that hears nothing for this long is over. Default 30 s. The smaller of the two
    /// sides' values counts. The first keep-alive that nobody answers begins it anew, so up to
    /// [`keep_alive`](Self::keep_alive) may pass on top.
    pub idle_timeout: Duration,
    /// How often an idle session says that it lives. Default 10 s; must be well under the idle
    /// timeout of both sides. Costs about 150 bytes each time, both ways and with headers. Raised, it
    /// saves most of them; a node that is seen at another address than its own says something every
    /// 25 s all the same, or its translator would forget the session.
    pub keep_alive: Duration,
    /// Streams the peer may have open at a time, each for two-way and one-way ones. Default 1,024.
    /// Besides, it may have as many as messages, frames, events and endpoints take: 256 two-way
    /// ones and 19 others.
    pub streams: u32,
    /// Bytes the peer may send on one stream before the application has read them. Default
    /// 1.25 MiB, which fills 100 Mbit/s at 100 ms. At most [`Limits::MAX_STREAM_WINDOW`], because
    /// the engine ends a connection that holds too many pieces of one stream.
    pub stream_window: u32,
    /// Bytes the peer may send on all streams together before they are read. Default 16 MiB. A dozen
    /// streams that nobody reads fill it; then the whole session waits until one is read or
    /// dropped, messages and all. An application that leaves more streams unread raises it.
    pub session_window: u32,
    /// Longest message we send or take, in bytes. A peer whose limit is lower ends the session when
    /// it gets a longer one, so lower it everywhere or nowhere. Default 64 MiB. Memory for one such message is taken
    /// from [`Limits::undelivered`].
    pub message: usize,
    /// Longest reliable frame we send or take, in bytes. Default 1 MiB. As with messages, a lower
    /// limit of the peer ends the session.
    pub frame: usize,
    /// Bytes of messages that wait for [`Node::receive`](crate::Node::receive), over all sessions.
    /// Default 512 MiB. Above it nothing more is read from any session's message lanes.
    pub undelivered: usize,
    /// Bytes of items from peers that have no place in an endpoint's queue yet, or were promised to
    /// come, over all sessions. Default 128 MiB. Above it nothing more is read from any endpoint
    /// stream.
    pub unplaced: usize,
    /// Sessions at a time. Default 10,000. An idle one costs about 75 KB.
    pub sessions: usize,
    /// Handshakes in progress that others began. Default 1,024.
    pub half_open: usize,
    /// When a session changes its traffic keys by itself.
    pub key_update: KeyUpdatePolicy,
}

impl Limits {
    /// The largest [`stream_window`](Self::stream_window): 1.25 MiB.
    pub const MAX_STREAM_WINDOW: u32 = 1_310_720;

    pub(crate) fn effective_stream_window(&self) -> u32 {
        self.stream_window
            .clamp(MIN_STREAM_WINDOW, Self::MAX_STREAM_WINDOW)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(10),
            streams: 1_024,
            stream_window: Self::MAX_STREAM_WINDOW,
            session_window: 16 << 20,
            message: 64 << 20,
            frame: 1 << 20,
            undelivered: 512 << 20,
            unplaced: 128 << 20,
            sessions: 10_000,
            half_open: 1_024,
            key_update: KeyUpdatePolicy::default(),
        }
    }
}

/// Keys change when the first of these is reached. Looked at every 5 s; the hard limit of the
/// cipher (RFC 9001 section 6.6) is kept at each packet besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyUpdatePolicy {
    /// Packets sent since the last change. Default 4,194,304 (2^22).
    pub packets: u64,
    /// Bytes sent since the last change. Default 64 GiB.
    pub bytes: u64,
    /// Time since the last change, if anything was sent. Default 1 hour.
    pub interval: Duration,
}

impl Default for KeyUpdatePolicy {
    fn default() -> Self {
        Self {
            packets: 1 << 22,
            bytes: 64 << 30,
            interval: Duration::from_hours(1),
        }
    }
}

const MIN_STREAM_WINDOW: u32 = 16 * 1_024;
