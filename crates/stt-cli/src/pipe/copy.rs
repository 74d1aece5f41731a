//! Both directions of a pipe over one two-way stream.

use std::{
    fmt, io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use stt::{By, CloseReason, ReadError, RecvStream, SendStream, Session, WriteError};

use super::stdio::{Sink, Source};
use crate::{exit::Failure, status::Carried};

/// Bytes that went through so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
}

impl Tally {
    pub(super) fn carried(&self, session: &Session) -> Carried {
        Carried {
            sent: self.sent.load(Relaxed),
            received: self.received.load(Relaxed),
            after: session.stats().age,
        }
    }
}

/// Why a pipe broke before both directions had ended.
#[derive(Debug)]
pub(super) enum Break {
    Input(io::Error),
    Output(io::Error),
    Session(CloseReason),
    /// The peer wants no more.
    Stopped,
    /// The peer's bytes were cut off.
    Reset,
    /// The peer began nothing.
    Silent,
    /// A person or a system wants this to end.
    Interrupted,
}

/// Copies until both directions have ended.
pub(super) async fn both_ways(
    session: &Session,
    (send, recv): (SendStream, RecvStream),
    source: Option<Source>,
    sink: &mut Sink,
    tally: &Tally,
) -> Result<(), Break> {
    let copying = async {
        tokio::try_join!(
            send_all(source, send, tally),
            receive_all(recv, sink, tally)
        )
    };
    tokio::pin!(copying);
    tokio::select! {
        biased;
        copied = &mut copying => match copied {
            Err(broken) => Err(broken.explained_by(session).await),
            Ok(_) => Ok(()),
        },
        // A side that only waits for its standard input would not notice.
        reason = session.closed() => match reason {
            CloseReason::Done => copying.await.map(drop),
            reason => Err(Break::Session(reason)),
        },
    }
}

/// Without a source, sends nothing.
async fn send_all(
    source: Option<Source>,
    mut send: SendStream,
    tally: &Tally,
) -> Result<(), Break> {
    if let Some(mut source) = source {
        while let Some(piece) = source.next().await.map_err(Break::Input)? {
            let len = piece.len() as u64;
            send.write_bytes(piece).await?;
            tally.sent.fetch_add(len, Relaxed);
        }
    }
    Ok(send.finish()?)
}

/// Reads on only when all before is written, so that the end is never seen too early.
async fn receive_all(mut recv: RecvStream, sink: &mut Sink, tally: &Tally) -> Result<(), Break> {
    loop {
        let room = sink.room().await.map_err(Break::Output)?;
        let len = recv.read(room).await?;
        if len == 0 {
            sink.ended();
            return Ok(());
        }
        sink.write(len).await.map_err(Break::Output)?;
        tally.received.fetch_add(len as u64, Relaxed);
    }
}

impl Break {
    /// A peer whose pipe broke ends its streams first and then says why.
    async fn explained_by(self, session: &Session) -> Self {
        if !matches!(self, Self::Stopped | Self::Reset) {
            return self;
        }
        match tokio::time::timeout(EXPLAINED_WITHIN, session.closed()).await {
            Ok(reason) => Self::Session(reason),
            Err(_) => self,
        }
    }

    /// Ends the session at once where it has not ended, so that the peer need not find out.
    pub(super) fn tell(&self, session: &Session) {
        session.abort(PIPE_BROKEN, self.to_string());
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => write!(f, "cannot read standard input: {error}"),
            Self::Output(error) => write!(f, "cannot write standard output: {error}"),
            Self::Session(CloseReason::Aborted {
                by: By::Peer,
                reason,
                ..
            }) if !reason.is_empty() => write!(f, "the peer gave up: {}", printable(reason)),
            Self::Session(reason) => write!(f, "{reason}"),
            Self::Stopped => f.write_str("the peer stopped reading"),
            Self::Reset => f.write_str("the peer's bytes were cut off"),
            Self::Silent => f.write_str("the peer opened no stream"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// A peer's words, with nothing in them that a terminal would obey.
fn printable(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let shown = text.chars().take(MAX_WORDS);
    shown.flat_map(char::escape_debug).collect()
}

impl From<Break> for Failure {
    fn from(broken: Break) -> Self {
        Self::broken_off(format!("broken off: {broken}"))
    }
}

impl From<CloseReason> for Break {
    fn from(reason: CloseReason) -> Self {
        Self::Session(reason)
    }
}

impl From<WriteError> for Break {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Closed(reason) => Self::Session(reason),
            _ => Self::Stopped,
        }
    }
}

impl From<ReadError> for Break {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Closed(reason) => Self::Session(reason),
            _ => Self::Reset,
        }
    }
}

/// The code of an abort by a side whose pipe broke.
const PIPE_BROKEN: u32 = 1;

/// How long a peer's reason may be behind.
const EXPLAINED_WITHIN: Duration = Duration::from_secs(1);

/// Characters of a peer's words that are shown.
const MAX_WORDS: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_peer_cannot_steer_a_terminal() {
        assert_eq!(printable(b"\x1b[2Jhello\n"), "\\u{1b}[2Jhello\\n");
        assert_eq!(printable(&[b'x'; 1_000]).len(), MAX_WORDS);
    }
}
