//! One connection over one stream, both directions at once, each with its own end.
//!
//! ```text
//! socket --read--> outward --> SendStream ~~~ the peer ~~~ RecvStream --> inward --write--> socket
//! ```
//!
//! Backpressure goes end to end: nothing is read that could not be written. *Memory*: one piece of
//! 64 KiB each way while bytes flow, and the stream's window.

use std::{
    fmt,
    future::poll_fn,
    io,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use bytes::BytesMut;
use stt::{By, CloseReason, ReadError, RecvStream, SendStream, Session, WriteError};
use tokio::io::AsyncReadExt;

use super::{
    phase::PhaseWatch,
    request::Why,
    socket::{PIECE, Socket},
};

/// Bytes that one connection has carried.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
}

/// Why a connection did not come to its end.
#[derive(Debug)]
pub(super) enum Cut {
    /// The socket here failed.
    Socket(io::Error),
    /// The peer cut it, with its code.
    Peer(Option<u32>),
    Session(CloseReason),
    /// We did not take it.
    Refused(Why),
    /// The peer was not reached in time.
    Unreached,
    /// This command ends.
    Ending,
}

/// Carries a connection to its end. Whatever way it ends, both sides know which.
pub(super) async fn carry(
    session: &Session,
    (send, mut recv): (SendStream, RecvStream),
    socket: &Socket,
    tally: &Tally,
    phase: &PhaseWatch,
) -> Result<(), Cut> {
    let mut send = Some(send);
    let carried = tokio::select! {
        biased;
        carried = both_ways(&mut send, &mut recv, socket, tally) => carried,
        cut = interrupted(session, socket, phase) => Err(cut),
    };
    match &carried {
        Ok(()) => socket.done(),
        Err(cut) => refuse(send, recv, cut.tells()),
    }
    carried
}

/// Ends what is open of a stream, so that the peer knows why.
pub(super) fn refuse(send: Option<SendStream>, recv: RecvStream, why: Why) {
    match send {
        Some(send) => {
            send.reset(why.code());
            recv.stop(why.code());
        }
        None => recv.stop(Why::NoMore.code()),
    }
}

async fn both_ways(
    send: &mut Option<SendStream>,
    recv: &mut RecvStream,
    socket: &Socket,
    tally: &Tally,
) -> Result<(), Cut> {
    let (out, ()) = tokio::try_join!(
        outward(socket, send, &tally.sent),
        inward(recv, socket, &tally.received),
    )?;
    match out {
        Outward::Finished => Ok(()),
        Outward::NoMore(cut) => {
            let_it_read(socket).await;
            Err(cut)
        }
    }
}

/// How the direction to the peer ended.
enum Outward {
    Finished,
    /// The peer takes no more. What it sent before may still be under way, so this is no end yet.
    NoMore(Cut),
}

/// Takes the stream away once it is finished: a reset would drop what is still under way.
async fn outward(
    socket: &Socket,
    open: &mut Option<SendStream>,
    sent: &AtomicU64,
) -> Result<Outward, Cut> {
    while let Some(send) = open {
        let piece = tokio::select! {
            biased;
            piece = socket.read() => piece.map_err(Cut::Socket)?,
            // Nobody may write for long; then this is how a reset is noticed.
            Err(error) = send.delivered() => return no_more(error),
        };
        let len = piece.len();
        let written = match len {
            0 => send.finish(),
            // A copy, so that a few bytes do not keep all of the piece.
            1..SMALL => send.write_all(&piece).await,
            _ => send.write_bytes(piece.freeze()).await,
        };
        match written {
            Ok(()) if len == 0 => *open = None,
            Ok(()) => drop(sent.fetch_add(len as u64, Relaxed)),
            Err(error) => return no_more(error),
        }
    }
    Ok(Outward::Finished)
}

fn no_more(error: WriteError) -> Result<Outward, Cut> {
    match error {
        WriteError::Closed(reason) => Err(Cut::Session(reason)),
        WriteError::Stopped { code } if Why::of(code) == Some(Why::NoMore) => {
            Ok(Outward::NoMore(Cut::Peer(code)))
        }
        WriteError::Stopped { code } => Err(Cut::Peer(code)),
        _ => Err(Cut::Peer(None)),
    }
}

async fn inward(recv: &mut RecvStream, socket: &Socket, received: &AtomicU64) -> Result<(), Cut> {
    loop {
        let piece = next_piece(recv).await.map_err(Cut::of_reading)?;
        if piece.is_empty() {
            return socket.finish().map_err(Cut::Socket);
        }
        socket.write_all(&piece).await.map_err(Cut::Socket)?;
        received.fetch_add(piece.len() as u64, Relaxed);
    }
}

/// The next bytes of a stream, as many as there are; none at the end. While it waits, no memory is
/// held: the buffer lives within one poll.
async fn next_piece(recv: &mut RecvStream) -> io::Result<BytesMut> {
    poll_fn(|cx| {
        let mut piece = BytesMut::with_capacity(PIECE);
        let polled = pin!(recv.read_buf(&mut piece)).poll(cx);
        polled.map_ok(|_| piece)
    })
    .await
}

/// Whoever is at the socket shall read what was written before it is reset, so it is given some
/// time, and what it still sends is taken and dropped.
async fn let_it_read(socket: &Socket) {
    let reading = async { while socket.read().await.is_ok_and(|piece| !piece.is_empty()) {} };
    let _ = tokio::time::timeout(READ_WITHIN, reading).await;
}

/// Resolves when there is a reason to end that neither direction may notice.
async fn interrupted(session: &Session, socket: &Socket, phase: &PhaseWatch) -> Cut {
    tokio::select! {
        cut = ended(session, phase) => cut,
        cut = broken(socket) => cut,
    }
}

/// Resolves when the session or the command is over.
pub(super) async fn ended(session: &Session, phase: &PhaseWatch) -> Cut {
    tokio::select! {
        cut = lost(session) => cut,
        () = phase.cut() => Cut::Ending,
    }
}

async fn lost(session: &Session) -> Cut {
    match session.closed().await {
        // All was read from it, and may still have to be written.
        CloseReason::Done => std::future::pending().await,
        reason => Cut::Session(reason),
    }
}

/// Bytes may have come before the reset, and be read meanwhile.
async fn broken(socket: &Socket) -> Cut {
    let error = socket.broken().await;
    tokio::time::sleep(BROKEN_WITHIN).await;
    Cut::Socket(error)
}

impl Cut {
    fn of_reading(error: io::Error) -> Self {
        match error.downcast::<ReadError>() {
            Ok(ReadError::Closed(reason)) => Self::Session(reason),
            Ok(ReadError::Reset { code }) => Self::Peer(code),
            _ => Self::Peer(None),
        }
    }

    /// What the peer is told.
    fn tells(&self) -> Why {
        match self {
            Self::Refused(why) => *why,
            Self::Ending => Why::Ending,
            _ => Why::Reset,
        }
    }

    /// Whether our end was the reason.
    pub(super) fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::Ending | Self::Session(CloseReason::ShutDown { by: By::Us })
        )
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(error) => write!(f, "{error}"),
            Self::Peer(code) => f.write_str(match Why::of(*code) {
                Some(Why::Reset | Why::NoMore) => "reset on the other side",
                Some(Why::Unreachable) => "the peer's target refused or did not answer",
                Some(Why::NoService) => "the peer serves no target of that name",
                Some(Why::TooMany) => "the peer allows no more connections",
                Some(Why::BadRequest) => "the peer did not understand what was asked",
                Some(Why::Ending) => "the peer ends",
                None => "cut off by the peer",
            }),
            Self::Session(reason) => write!(f, "session over: {reason}"),
            Self::Refused(why) => f.write_str(match why {
                Why::TooMany => "refused: the peer has as many connections as it may",
                Why::NoService => "refused: no target of that name is served",
                Why::BadRequest => "refused: the peer did not say what it wants",
                _ => "refused",
            }),
            Self::Unreached => f.write_str("the peer was not reached in time"),
            Self::Ending => f.write_str("interrupted"),
        }
    }
}

/// Shorter pieces are copied.
const SMALL: usize = 16 * 1_024;

/// Time to read what came before a reset.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// Time for a direction to notice by itself that the socket is broken.
const BROKEN_WITHIN: Duration = Duration::from_millis(500);
