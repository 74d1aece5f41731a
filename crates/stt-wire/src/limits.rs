//! The sizes and counts the wire format promises: `spec/wire.md`, section "Limits", and
//! `spec/dht.md`, `spec/content.md`, `spec/copies.md` and `spec/feed.md`.
//!
//! Lengths are in bytes. The defaults are for the receiver to change; all the rest is law.

use crate::VarInt;

/// Most bytes of a frame before its payload: the type and the longest length.
pub const MAX_HEADER_LEN: usize = 1 + VarInt::MAX_ENCODED_LEN;

/// Longest payload of an OPEN frame, whatever its kind.
pub const MAX_OPEN_LEN: usize = 256;

/// Longest payload of a frame on the control stream.
pub const MAX_CONTROL_LEN: usize = 65_536;

/// Most bytes of a name, its length included.
pub const MAX_NAME_LEN: usize = 1 + crate::Name::MAX_LEN;

/// Most application bytes in one part of a message.
pub const MAX_PART_LEN: usize = 65_536;

/// Longest payload of a frame on a message lane: a part and the two integers before it.
pub const MAX_LANE_FRAME_LEN: usize = MAX_PART_LEN + 2 * VarInt::MAX_ENCODED_LEN;

/// Highest number of a message lane; there are sixteen.
pub const MAX_LANE: u8 = 15;

/// Longest payload of a user's frame, unless the receiver says otherwise.
pub const DEFAULT_USER_FRAME_LEN: usize = 1 << 20;

/// Longest message, unless the receiver says otherwise.
pub const DEFAULT_MESSAGE_LEN: u64 = 64 << 20;

/// What a message costs in credit beyond its bytes.
pub const MESSAGE_COST: u64 = 64;

/// Credit of a message stream before its first CREDIT frame.
pub const INITIAL_CREDIT: u64 = 8_192;

/// Message streams that may be live at once, in a session and a direction.
pub const MAX_LIVE_MESSAGE_STREAMS: usize = 1_024;

/// Writes a sender may have in flight on a data stream beyond the last offset the peer's
/// application consumed.
pub const MAX_UNCONSUMED_WRITES: usize = 256;

/// Longest payload in the direction of an endpoint stream's opener: a part and the integer before
/// it.
pub const MAX_ENDPOINT_FRAME_LEN: usize = MAX_PART_LEN + VarInt::MAX_ENCODED_LEN;

/// Longest payload against the direction of an endpoint stream's opener: two integers.
pub const MAX_ENDPOINT_ANSWER_LEN: usize = 2 * VarInt::MAX_ENCODED_LEN;

/// Places at which a node may say that it can be reached.
pub const MAX_CANDIDATES: usize = 32;

/// Endpoint streams that may be live at once, in a session and a direction.
pub const MAX_LIVE_ENDPOINT_STREAMS: usize = 256;

/// Longest payload of a frame on a registration with a relay.
pub const MAX_RELAY_FRAME_LEN: usize = 64;

/// Longest payload of a request or an answer of the DHT.
pub const MAX_DHT_FRAME_LEN: usize = 65_536;

/// Most contacts in an answer of the DHT.
pub const MAX_CONTACTS: usize = 20;

/// Most records in one put of the DHT.
pub const MAX_PUT_RECORDS: usize = 64;

/// Most records in an answer of the DHT.
pub const MAX_FOUND_RECORDS: usize = 50;

/// Most sealed bytes of a record of the DHT.
pub const MAX_SEALED_LEN: usize = 512;

/// Most addresses of a member in the sealed part of its records.
pub const MAX_WHEREABOUTS: usize = 8;

/// Most members that a node keeps for its next run.
pub const MAX_KEPT_MEMBERS: usize = 1_024;

/// Most addresses of a beacon.
pub const MAX_BEACON_ADDRESSES: usize = 8;

/// Longest payload of a request for content.
pub const MAX_CONTENT_REQUEST_LEN: usize = 96;

/// Longest payload of an answer to a request for content; the bytes of a piece are outside of it.
pub const MAX_CONTENT_ANSWER_LEN: usize = 65_536;

/// Most runs of blocks in one frame.
pub const MAX_SPANS: usize = 4_096;

/// Longest payload of a request to keep a copy.
pub const MAX_KEEP_REQUEST_LEN: usize = 128;

/// Longest payload of an answer to one.
pub const MAX_KEEP_ANSWER_LEN: usize = 64;

/// Longest lease of a copy, in seconds.
pub const MAX_LEASE_SECONDS: u64 = 30 * 86_400;

/// Most leases that a keeper keeps for its next run.
pub const MAX_KEPT_LEASES: usize = 16_384;

/// Longest payload of a request for the entries of a feed.
pub const MAX_FEED_REQUEST_LEN: usize = 96;

/// Longest payload of an answer to one.
pub const MAX_FEED_ANSWER_LEN: usize = 160;

/// Longest run of segments that is the object of an entry.
pub const MAX_RUN_LEN: usize = 2 << 20;
