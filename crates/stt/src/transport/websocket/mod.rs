//! WebSocket (RFC 6455) below the engine: its packets as binary messages, for networks that let
//! nothing but TCP out.
//!
//! What it carries is sealed already, so a WebSocket, with TLS or without, is clothing.
//!
//! * [`url`]: what is dialled;
//! * [`head`]: HTTP heads, read within bounds;
//! * [`request`], [`answer`]: those of an upgrade, both directions of each;
//! * [`dial`], [`admit`]: the two sides of an upgrade;
//! * [`proxy`]: the way out through an HTTP proxy;
//! * [`tls`], [`certificates`]: TLS around it, with the feature `tls`;
//! * [`carry`]: packets both ways until it ends, [`ending`] says why.
//!
//! Invariants: whoever asks without a member's tag gets the same answer as whoever asks nothing
//! sensible; nothing is buffered without a bound; time comes from the platform, so all of it runs in
//! a simulation.
//!
//! spec: REACH-1

pub(crate) mod admit;
pub(crate) mod answer;
pub(crate) mod carry;
pub(crate) mod certificates;
pub(crate) mod dial;
pub(crate) mod ending;
pub(crate) mod head;
pub(crate) mod proxy;
pub(crate) mod request;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod url;

use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};

use super::stream::BoxedStream;

/// A connection after its upgrade.
pub(crate) type WebSocket = WebSocketStream<BoxedStream>;

/// The library's side of an upgraded connection. `early` is what came behind the head.
async fn upgraded(stream: BoxedStream, early: Vec<u8>, role: Role) -> WebSocket {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_AT_MOST)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    WebSocketStream::from_partially_read(stream, early, role, Some(config)).await
}

/// Longest message, in bytes; no packet of the engine is longer. spec: REACH-11
pub(crate) const MAX_MESSAGE: usize = 65_535;

/// One for each connection, so it is also what an idle one costs.
const READ_BUFFER_BYTES: usize = 32 << 10;
const WRITE_BUFFER_BYTES: usize = 64 << 10;
/// Above it answers to pings wait, of which the library keeps the last one only.
const WRITE_BUFFER_AT_MOST: usize = 256 << 10;
