//! The handle an application holds on a session.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use noq::Connection;
use stc::{Epoch, NodeId, Secret, StcContext};
use stt_wire::UserFrameType;
use zeroize::Zeroizing;

use super::{
    By, CloseReason, DatagramError, ExportTooLong, Frame, KeyUpdate, ReceiveFrameError, RecvStream,
    SendError, SendStream, SessionError, SessionId, SessionStats, accept, closing, control,
    core::{Core, Surroundings},
    frames::Frames,
    keys,
    ledger::LedgerEntry,
    paths, stats,
    write_queue::DATA_HEADER,
};
use crate::{node::NetworkReport, transport::crypto::Authenticated};

/// An authenticated, encrypted association with one peer.
///
/// A handle: clone it freely. The session lives until one side closes or aborts it, its node is
/// shut down, or nothing is heard from the peer for the idle timeout. Dropping handles does not
/// end it.
///
/// # Contract
///
/// What is carried, and how; frames are told of at [`FrameDispatcher`](crate::FrameDispatcher).
///
/// | | | proved by |
/// |---|---|---|
/// | ordering | bytes of a stream, messages of a stream id and reliable frames each come in the order they were sent; between these there is none | `messages_of_every_size_arrive_whole_and_in_order`, `five_thousand_message_streams_in_turn_keep_their_order` |
/// | delivery | once, unless the session breaks; an orderly [`close`](Self::close) says that everything was taken, and nothing else says so | `whatever_is_done_what_arrives_is_what_was_sent_and_a_good_end_means_all_of_it`, `a_cut_at_any_moment_of_an_orderly_end_is_never_taken_for_a_good_one` |
/// | wholeness | a part is never taken for a whole: messages come whole, and a stream that was not finished ends in an error | `a_stream_dropped_unfinished_is_never_taken_for_a_whole_one` |
/// | durability | none: what is on its way lives in the memory of both sides | - |
/// | memory | unread: [`Limits::stream_window`](crate::Limits::stream_window) a stream, [`Limits::session_window`](crate::Limits::session_window) in all; messages run on credit, and what a node holds of them is [`Limits::undelivered`](crate::Limits::undelivered) | `what_is_held_of_messages_nobody_takes_stays_bounded_over_many_ids_and_sizes`, `more_unread_streams_than_fit_the_window_stop_the_session_until_they_are_dropped` |
/// | who waits for whom | a message stream, a stream or the frames that nobody takes stop their own sender and nobody else, up to the session's window | `streams_and_frames_go_at_full_speed_past_messages_that_nobody_takes`, `frames_that_nobody_reads_hold_back_frames_alone_and_come_in_order_later`, `eleven_unread_streams_leave_room_for_messages_frames_and_another_stream` |
/// | latency | what is sent leaves at once, if congestion control lets it; nothing is held back to be joined | measured in `docs/performance.md` |
/// | secrecy | nothing but sizes and times is seen on the path, and the same bytes look different each time | `a_capture_of_a_transfer_holds_no_run_of_what_was_sent`, `two_sessions_that_carry_the_same_bytes_share_nothing` |
/// | cancel safety | each method says; a send that was given up was sent whole or not at all, and holds nothing | `sends_that_were_given_up_leave_nothing_behind` |
#[derive(Debug, Clone)]
pub struct Session {
    core: Arc<Core>,
}

impl Session {
    /// Starts the tasks of a session on an authenticated connection.
    pub(crate) fn start(
        connection: Connection,
        proved: Authenticated,
        surroundings: Surroundings,
    ) -> Self {
        let core = Core::new(connection, proved, surroundings);
        core.inbox.open(&core);
        let task = Arc::clone(&core);
        // One task for all of it: an idle session is mostly its tasks.
        core.platform.spawn(async move {
            tokio::join!(
                task.watch_for_the_end(),
                control::write_control(&task),
                accept::accept_streams(&task),
                paths::look_after(&task),
            );
        });
        Self { core }
    }

    pub(crate) fn of(core: Arc<Core>) -> Self {
        Self { core }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Names the session; the same on both sides.
    pub fn id(&self) -> SessionId {
        self.core.id()
    }

    /// Who the peer has proved to be.
    pub fn peer(&self) -> NodeId {
        self.core.peer()
    }

    /// The epoch of the seed that authenticated the session.
    pub fn epoch(&self) -> Epoch {
        self.core.proved.epoch
    }

    /// Opens a two-way byte stream. The peer gets it from [`accept_stream`](Self::accept_stream).
    /// Waits while the peer allows no more streams ([`Limits::streams`](crate::Limits::streams)).
    ///
    /// # Errors
    ///
    /// [`SessionError`]: the session is over or closing.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn open_stream(&self) -> Result<(SendStream, RecvStream), SessionError> {
        self.open_two_way(DATA_HEADER.clone()).await
    }

    /// Opens a two-way stream that says first what it is. Otherwise as
    /// [`open_stream`](Self::open_stream).
    pub(crate) async fn open_two_way(
        &self,
        header: Bytes,
    ) -> Result<(SendStream, RecvStream), SessionError> {
        // Held until the stream has an entry of its own: an orderly end counts what was opened.
        let _entry = self.begin_opening()?;
        let (send, recv) = tokio::select! {
            biased;
            opened = self.core.connection.open_bi() => {
                opened.map_err(|_| self.core.close_reason())?
            }
            () = self.core.closing.begun() => return Err(SessionError::Closing),
        };
        self.core.ledger.opened(send.id());
        let recv = RecvStream::new(&self.core, recv);
        Ok((self.name(send, header).await?, recv))
    }

    /// Opens a one-way byte stream. The peer gets it from [`accept_uni`](Self::accept_uni).
    /// Otherwise as [`open_stream`](Self::open_stream).
    ///
    /// # Errors
    ///
    /// [`SessionError`]: the session is over or closing.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn open_uni(&self) -> Result<SendStream, SessionError> {
        let _entry = self.begin_opening()?;
        let send = tokio::select! {
            biased;
            opened = self.core.connection.open_uni() => {
                opened.map_err(|_| self.core.close_reason())?
            }
            () = self.core.closing.begun() => return Err(SessionError::Closing),
        };
        self.core.ledger.opened(send.id());
        self.name(send, DATA_HEADER.clone()).await
    }

    async fn name(
        &self,
        engine: noq::SendStream,
        header: Bytes,
    ) -> Result<SendStream, SessionError> {
        let mut send = SendStream::new(&self.core, engine);
        let named = send.write_unmetered(header).await;
        named.map_err(|_| self.core.close_reason())?;
        Ok(send)
    }

    /// The next two-way stream the peer opened.
    ///
    /// # Errors
    ///
    /// The reason, once the session is over and all its streams were taken.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn accept_stream(&self) -> Result<(SendStream, RecvStream), CloseReason> {
        accept::next_two_way(&self.core)
            .await
            .ok_or_else(|| self.core.close_reason())
    }

    /// The next one-way stream the peer opened.
    ///
    /// # Errors
    ///
    /// The reason, once the session is over and all its streams were taken.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn accept_uni(&self) -> Result<RecvStream, CloseReason> {
        accept::next_one_way(&self.core)
            .await
            .ok_or_else(|| self.core.close_reason())
    }

    /// Sends a message: the peer's [`Node::receive`](crate::Node::receive) gives it out whole, in
    /// order with the other messages of `stream_id`. Waits while the peer's application has too
    /// much of that id to take; other ids go on. An id begins with room for 8 KiB, which grows while
    /// the peer keeps up; 1,024 ids are alive at a time, and further ones cost a round trip.
    ///
    /// Resolves when the message is queued here. It arrives unless the session breaks; an orderly
    /// [`close`](Self::close) flushes it.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent.
    ///
    /// # Cancel safety
    ///
    /// A message is sent whole or not at all. Up to 4 KiB, cancelled means not sent; of a longer one
    /// whose first part is under way, the rest follows.
    pub async fn send_on_stream(
        &self,
        stream_id: u64,
        message: impl Into<Bytes>,
    ) -> Result<(), SendError> {
        let entry = self.begin_sending()?;
        let (core, message) = (&self.core, message.into());
        core.outbox.send(core, stream_id, message, entry).await
    }

    /// Sends a reliable frame, in order with all others of this session. Waits while the peer's
    /// application has too many to take.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: queued wholly or not at all.
    pub async fn send_frame(
        &self,
        frame_type: UserFrameType,
        payload: impl Into<Bytes>,
    ) -> Result<(), SendError> {
        let _entry = self.begin_sending()?;
        self.core
            .frames
            .send(&self.core, frame_type, payload.into())
            .await
    }

    /// Sends a frame as one datagram: at once, at most once, perhaps never. When the path is
    /// congested, older datagrams that wait are dropped for newer ones.
    ///
    /// # Errors
    ///
    /// [`DatagramError`]; nothing was sent.
    pub fn send_datagram(
        &self,
        frame_type: UserFrameType,
        payload: impl Into<Bytes>,
    ) -> Result<(), DatagramError> {
        Frames::send_datagram(&self.core, frame_type, &payload.into())
    }

    /// The longest payload that [`send_datagram`](Self::send_datagram) takes now, in bytes: the path
    /// may change. `None` if the peer takes no datagrams.
    pub fn max_datagram_len(&self) -> Option<usize> {
        Frames::max_datagram_len(&self.core)
    }

    /// The next frame of the peer, reliable or as a datagram. A
    /// [`FrameDispatcher`](crate::FrameDispatcher) takes its place where it is attached.
    ///
    /// # Errors
    ///
    /// [`ReceiveFrameError::Closed`] once the session is over and all frames were taken,
    /// [`ReceiveFrameError::Dispatched`] from the moment a dispatcher is attached.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn receive_frame(&self) -> Result<Frame, ReceiveFrameError> {
        self.core.frames.receive(&self.core).await
    }

    /// Ends the session in order: nothing new is begun, all that was sent is delivered and
    /// consumed, then both sides know that they are done.
    ///
    /// Consumed means read from the stream, or taken from the queue: if reading is not enough for
    /// your application to be safe, let it read the end only once it is.
    ///
    /// Takes as long as the two applications take to finish their streams and to consume what was
    /// sent, if need be for ever: put a limit around it and [`abort`](Self::abort) beyond. The
    /// peer's application need not call `close` too; it only has to finish what it began.
    ///
    /// # Errors
    ///
    /// The reason, if the session ended otherwise: something may be missing.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe; closing goes on.
    pub async fn close(&self) -> Result<(), CloseReason> {
        closing::begin(&self.core);
        match self.core.closed().await {
            CloseReason::Done => Ok(()),
            reason => Err(reason),
        }
    }

    /// Ends the session now. What is on its way may be lost; the peer sees `code` and `reason`.
    /// Keep the handles of streams until then, or the peer's reads may see them reset first.
    pub fn abort(&self, code: u32, reason: impl Into<Bytes>) {
        self.core.end(CloseReason::Aborted {
            by: By::Us,
            code,
            reason: reason.into(),
        });
    }

    /// Resolves when the session is over, with the reason.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn closed(&self) -> CloseReason {
        self.core.closed().await
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        self.core.is_over()
    }

    /// Changes the keys of both directions now, unless a change is under way. They change by
    /// themselves too: as [`KeyUpdatePolicy`](crate::KeyUpdatePolicy) says, and once within the
    /// first thousand packets, by the engine.
    ///
    /// A change is under way, whichever side began it, until the peer has acknowledged something
    /// under the new keys and the old ones are forgotten.
    pub fn update_keys(&self) -> KeyUpdate {
        keys::update(&self.core)
    }

    /// Counters and the path in use, as they are now.
    pub fn stats(&self) -> SessionStats {
        stats::of(&self.core)
    }

    /// What the peer has told of the network it is in, some moments after the session began and again when
    /// that changed; `None` before, and of a peer that tells nobody where it is
    /// ([`Disclosure::Nothing`](crate::Disclosure::Nothing)). It is the peer's word and nothing more.
    pub fn peer_network(&self) -> Option<NetworkReport> {
        let told = self.core.paths.told()?;
        Some(NetworkReport::of_peer(&told))
    }

    /// Where the peer sees this node, if there is a path by UDP and the peer has said so.
    pub fn seen_at(&self) -> Option<SocketAddr> {
        self.core.link.outside.reported_in(self.core.key())
    }

    /// Fills `out` (at most 64 bytes) with key material that both sides, and nobody else, can
    /// derive from the same `label` and `context`.
    ///
    /// # Errors
    ///
    /// [`ExportTooLong`] if `out` is longer.
    pub fn export(
        &self,
        label: &[u8],
        context: &[u8],
        out: &mut [u8],
    ) -> Result<(), ExportTooLong> {
        let exported = self
            .core
            .connection
            .export_keying_material(out, label, context);
        exported.map_err(|_| ExportTooLong)
    }

    /// The context `label` of this session: known to both sides and to nobody else, and forward
    /// secret, since nothing that is kept leads back to it. What is sealed in it can be opened as
    /// long as one side keeps the context.
    #[expect(
        clippy::expect_used,
        reason = "a session exists once the handshake is done; going on would seal under zeros"
    )]
    pub fn context(&self, label: &str) -> StcContext {
        let mut root = Zeroizing::new([0; 64]);
        self.export(b"context", b"", &mut root[..])
            .expect("64 bytes of a finished handshake");
        StcContext::from_session(&Secret::new(*root), label)
    }

    /// An orderly end waits for what was begun before it.
    pub(crate) fn begin_opening(&self) -> Result<LedgerEntry, SessionError> {
        // The entry comes first: an end that begins after the check finds it.
        let entry = self.core.ledger.sending();
        if self.core.is_over() {
            return Err(SessionError::Closed(self.core.close_reason()));
        }
        if self.core.closing.has_begun() {
            return Err(SessionError::Closing);
        }
        Ok(entry)
    }

    pub(super) fn begin_sending(&self) -> Result<LedgerEntry, SendError> {
        self.begin_opening().map_err(|error| match error {
            SessionError::Closed(reason) => SendError::Closed(reason),
            SessionError::Closing => SendError::Closing,
        })
    }
}
