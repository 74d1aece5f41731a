//! What the serving sides have in common: a request is read, whole and alone, and answered in frames.
//!
//! *spec:* CONTENT-1, COPY-1.

use std::time::Duration;

use bytes::BytesMut;
use stt_wire::{DecodeError, FrameDecoder, RawFrame};

use crate::session::{
    CloseReason,
    core::Core,
    stream::{RecvStream, SendStream},
};
use crate::storage::Failure;
use crate::transport::platform::Platform;

/// Why a request was not answered to its end; the stream is reset.
pub(in crate::swarm) enum GivenUp {
    Peer,
    Storage(Failure),
    Broken(DecodeError),
}

/// Answers one request as far as it goes; `what` names it in the log. A breach of the format ends the session.
pub(in crate::swarm) async fn serve(
    core: &Core,
    what: &'static str,
    answering: impl Future<Output = Result<(), GivenUp>>,
) {
    let answered = tokio::select! {
        biased;
        () = core.closing.begun() => return,
        answered = answering => answered,
    };
    match answered {
        Ok(()) | Err(GivenUp::Peer) => {}
        Err(GivenUp::Storage(error)) => {
            tracing::warn!(%error, what, peer = %core.peer(), "storage");
        }
        Err(GivenUp::Broken(error)) => {
            tracing::warn!(%error, what, session = %core.id(), "malformed request");
            core.end(CloseReason::for_malformed(error));
        }
    }
}

/// Reads the only request of a stream.
pub(in crate::swarm) async fn read<T>(
    platform: &Platform,
    recv: &mut RecvStream,
    max_len: usize,
    decode: fn(RawFrame) -> Result<T, DecodeError>,
) -> Result<T, GivenUp> {
    let reading = read_all(recv, max_len, decode);
    let request = platform.timeout(REQUEST_WITHIN, reading).await;
    request.unwrap_or(Err(GivenUp::Peer))
}

async fn read_all<T>(
    recv: &mut RecvStream,
    max_len: usize,
    decode: fn(RawFrame) -> Result<T, DecodeError>,
) -> Result<T, GivenUp> {
    let mut decoder = FrameDecoder::new(max_len);
    loop {
        let piece = recv.read_bytes(usize::MAX).await;
        let mut piece = match piece {
            Ok(Some(piece)) => piece,
            Ok(None) => return Err(GivenUp::Broken(DecodeError::Truncated)),
            Err(_) => return Err(GivenUp::Peer),
        };
        let Some(frame) = decoder.decode(&mut piece).map_err(GivenUp::Broken)? else {
            continue;
        };
        let request = decode(frame).map_err(GivenUp::Broken)?;
        return match piece.len() {
            0 => expect_end(recv).await.map(|()| request),
            extra => Err(GivenUp::Broken(DecodeError::TrailingBytes { extra })),
        };
    }
}

async fn expect_end(recv: &mut RecvStream) -> Result<(), GivenUp> {
    match recv.read_bytes(usize::MAX).await {
        Ok(None) => Ok(()),
        Ok(Some(more)) => {
            let extra = more.len();
            Err(GivenUp::Broken(DecodeError::TrailingBytes { extra }))
        }
        Err(_) => Err(GivenUp::Peer),
    }
}

/// Sends one frame.
pub(in crate::swarm) async fn say(
    send: &mut SendStream,
    encode: impl FnOnce(&mut BytesMut),
) -> Result<(), GivenUp> {
    let mut frame = BytesMut::new();
    encode(&mut frame);
    let said = send.write_chunks(&mut [frame.freeze()]).await;
    said.map_err(|_| GivenUp::Peer)
}

/// Nothing more follows.
pub(in crate::swarm) fn finish(send: &mut SendStream) -> Result<(), GivenUp> {
    send.finish().map_err(|_| GivenUp::Peer)
}

/// A request comes with its stream.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);
