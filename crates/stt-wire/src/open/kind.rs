//! What a stream may be, and in which directions it may run.
//!
//! | kind | name           | runs       | after OPEN                                    |
//! |------|----------------|------------|-----------------------------------------------|
//! | 0x00 | Control        | one way    | control frames                                |
//! | 0x01 | `UserFrames`   | one way    | users' frames                                 |
//! | 0x02 | Data           | both       | raw bytes, no frames                          |
//! | 0x03 | Messages       | one way    | lane frames                                   |
//! | 0x04 | Endpoint       | two ways   | items one way, answers the other              |
//! | 0x05 | Events         | one way    | events                                        |
//! | 0x10 | `DhtRequest`   | two ways   | a request one way, its answer the other       |
//! | 0x11 | `ContentRequest` | two ways | a request one way, its answer the other       |
//! | 0x12 | Relay          | two ways   | a registration with a relay                   |
//! | 0x13 | `KeepRequest`  | two ways   | a request one way, its answer the other       |
//! | 0x14 | `FeedRequest`  | two ways   | a request one way, its answers the other      |
//!
//! *spec:* WIRE-10, WIRE-13, `spec/registry/stream-kinds.toml`.

use crate::VarInt;

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a session must say what it does with every kind"
)]
pub enum StreamKind {
    /// STT's own frames; one each way.
    Control,
    /// Users' frames; one each way.
    UserFrames,
    /// An application's bytes.
    Data {
        /// Which part of a byte stream split over several streams; 0 today.
        stripe: VarInt,
    },
    /// Messages of any number of message streams.
    Messages {
        /// 0 to [`MAX_LANE`](crate::limits::MAX_LANE); one stream a lane.
        lane: u8,
    },
    /// Items for one named endpoint, and what became of them.
    Endpoint,
    /// Events of a bridged emitter; one each way.
    Events,
    /// A request to a member of the distributed hash table, and its answer.
    DhtRequest,
    /// A request for stored content.
    ContentRequest,
    /// A registration with a relay.
    Relay,
    /// A request to keep a copy, and its answer.
    KeepRequest,
    /// A request for the entries of a feed, and these.
    FeedRequest,
}

/// Which ways bytes run on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are no other directions")]
pub enum Direction {
    /// From the opener only.
    OneWay,
    /// From both sides.
    TwoWay,
}

impl StreamKind {
    pub(super) const CONTROL: u64 = 0x00;
    pub(super) const USER_FRAMES: u64 = 0x01;
    pub(super) const DATA: u64 = 0x02;
    pub(super) const MESSAGES: u64 = 0x03;
    pub(super) const ENDPOINT: u64 = 0x04;
    pub(super) const EVENTS: u64 = 0x05;
    pub(super) const DHT_REQUEST: u64 = 0x10;
    pub(super) const CONTENT_REQUEST: u64 = 0x11;
    pub(super) const RELAY: u64 = 0x12;
    pub(super) const KEEP_REQUEST: u64 = 0x13;
    pub(super) const FEED_REQUEST: u64 = 0x14;

    /// Bytes an application writes, on one stream.
    pub const DATA_STREAM: Self = Self::Data {
        stripe: VarInt::ZERO,
    };

    /// The number on the wire.
    pub const fn number(self) -> VarInt {
        VarInt::saturating(match self {
            Self::Control => Self::CONTROL,
            Self::UserFrames => Self::USER_FRAMES,
            Self::Data { .. } => Self::DATA,
            Self::Messages { .. } => Self::MESSAGES,
            Self::Endpoint => Self::ENDPOINT,
            Self::Events => Self::EVENTS,
            Self::DhtRequest => Self::DHT_REQUEST,
            Self::ContentRequest => Self::CONTENT_REQUEST,
            Self::Relay => Self::RELAY,
            Self::KeepRequest => Self::KEEP_REQUEST,
            Self::FeedRequest => Self::FEED_REQUEST,
        })
    }

    /// The name in the registry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "CONTROL",
            Self::UserFrames => "USER_FRAMES",
            Self::Data { .. } => "DATA",
            Self::Messages { .. } => "MESSAGES",
            Self::Endpoint => "ENDPOINT",
            Self::Events => "EVENTS",
            Self::DhtRequest => "DHT_REQUEST",
            Self::ContentRequest => "CONTENT_REQUEST",
            Self::Relay => "RELAY",
            Self::KeepRequest => "KEEP_REQUEST",
            Self::FeedRequest => "FEED_REQUEST",
        }
    }

    /// Whether a stream of this kind may run so.
    pub const fn may_run(self, direction: Direction) -> bool {
        match self {
            Self::Control | Self::UserFrames | Self::Messages { .. } | Self::Events => {
                matches!(direction, Direction::OneWay)
            }
            Self::Data { .. } => true,
            Self::Endpoint
            | Self::DhtRequest
            | Self::ContentRequest
            | Self::Relay
            | Self::KeepRequest
            | Self::FeedRequest => {
                matches!(direction, Direction::TwoWay)
            }
        }
    }

    /// The integer after the kind, where there is one.
    pub(super) fn parameter(self) -> Option<VarInt> {
        match self {
            Self::Data { stripe } => Some(stripe),
            Self::Messages { lane } => Some(VarInt::from(lane)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_data_runs_in_both_directions() {
        use Direction::{OneWay, TwoWay};

        let runs = |kind: StreamKind| [OneWay, TwoWay].map(|way| kind.may_run(way));
        assert_eq!(runs(StreamKind::DATA_STREAM), [true, true]);
        assert_eq!(runs(StreamKind::Control), [true, false]);
        assert_eq!(runs(StreamKind::UserFrames), [true, false]);
        assert_eq!(runs(StreamKind::Messages { lane: 0 }), [true, false]);
        assert_eq!(runs(StreamKind::Endpoint), [false, true]);
        assert_eq!(runs(StreamKind::Events), [true, false]);
        assert_eq!(runs(StreamKind::DhtRequest), [false, true]);
        assert_eq!(runs(StreamKind::ContentRequest), [false, true]);
        assert_eq!(runs(StreamKind::Relay), [false, true]);
        assert_eq!(runs(StreamKind::KeepRequest), [false, true]);
        assert_eq!(runs(StreamKind::FeedRequest), [false, true]);
    }
}
