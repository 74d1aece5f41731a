//! Messages: boundaries kept, ordered on each message stream id, with explicit credit.
//!
//! ```text
//! send_on_stream(id) -> credit of id -> queue of lane id % 8 -> engine stream ==> lane reader
//!                                                                                     |
//! Node::receive() <- fair over sessions and ids <- queue of (session, id) <-----------+
//!        +---- CREDIT once half the window was taken ------------------------->
//! ```
//!
//! The receiver always drains its lanes, so a consumer that stalls on one id holds back that id
//! only: its sender runs out of credit, and nobody else's window is touched.
//!
//! *Memory.* An id begins with 8 KiB of credit, and its window grows while its consumer keeps up:
//! 8 MiB of growth a session, at most 1,024 live ids. A message longer than its window is granted
//! whole, once it is first in line and its length fits the node's budget of undelivered bytes, and the session's
//! share of it. A session that was granted such room, sends nothing for it and is in the way of others ends.
//!
//! *spec:* the message lanes of `spec/wire.md`.

pub(crate) mod budget;
pub(crate) mod inbox;
pub(crate) mod incoming;
pub(crate) mod lane_reader;

pub(crate) mod outbox;
pub(crate) mod patience;
pub(crate) mod room;

/// Lanes we spread message streams over. Few, because an idle lane still costs an engine stream
/// once it was used; more than one, because a lost packet stalls the whole lane it belongs to.
pub(crate) const LANES: usize = 8;

/// The lane of a message stream, which keeps its messages in order.
pub(crate) fn lane_of(message_stream: u64) -> usize {
    (message_stream % LANES as u64) as usize
}
