//! One request and its answer on a stream of their own: both sides of it.
//!
//! ```text
//! ask:     OPEN(DHT_REQUEST) | request, end -->   --> take
//!          answer <-------------- answer, end <-- reply
//! ```
//!
//! *Invariant*: what is read is at most one frame of 64 KiB; whatever else comes is a breach of the
//! format, which ends the session. *Not here*: how long it may take, which the callers say.
//!
//! spec: DHT-1, DHT-5.

use bytes::BytesMut;
use stt_wire::{
    DecodeError, DhtAnswer, DhtRequest, FrameDecoder, RawFrame, StreamKind,
    limits::MAX_DHT_FRAME_LEN,
};

use crate::session::{
    CloseReason, Session,
    core::Core,
    stream::{ReadError, RecvStream, SendStream},
    write_queue::header,
};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AskError {
    /// The session is over, or about to be: another one may do.
    #[error("the session is over or closing")]
    SessionOver,
    /// The peer does not serve requests, or no longer.
    #[error("the peer refuses requests")]
    Refused,
    /// The peer broke the format; the session is over for it.
    #[error("the answer is malformed: {0}")]
    Malformed(#[from] DecodeError),
}

/// Asks, and waits for the answer. Cancel safe: the peer is told to stop.
pub(super) async fn ask(session: &Session, request: &DhtRequest) -> Result<DhtAnswer, AskError> {
    let core = session.core();
    let exchange = async {
        let opened = session.open_two_way(header(StreamKind::DhtRequest)).await;
        let (mut send, mut recv) = opened.map_err(|_| AskError::SessionOver)?;
        let mut bytes = BytesMut::new();
        request.encode(&mut bytes);
        // A peer that has answered already, or refuses, need not have read it.
        if send.write_bytes(bytes.freeze()).await.is_ok() {
            let _ = send.finish();
        }
        let answer = match only_frame(&mut recv).await {
            Ok(frame) => DhtAnswer::decode(frame),
            Err(Broken::Off(ReadError::Reset { .. })) => return Err(AskError::Refused),
            Err(Broken::Off(_)) => return Err(AskError::SessionOver),
            Err(Broken::Format(error)) => Err(error),
        };
        Ok(answer.inspect_err(|error| violated(core, *error))?)
    };
    tokio::select! {
        biased;
        answer = exchange => answer,
        () = core.closing.begun() => Err(AskError::SessionOver),
    }
}

/// Takes the request of a stream that a peer opened; nothing if the peer gave up.
pub(super) async fn take(core: &Core, recv: &mut RecvStream) -> Option<DhtRequest> {
    let request = match only_frame(recv).await {
        Ok(frame) => DhtRequest::decode(frame),
        Err(Broken::Off(_)) => return None,
        Err(Broken::Format(error)) => Err(error),
    };
    request.inspect_err(|error| violated(core, *error)).ok()
}

/// Answers on the stream that the request came by. A peer that is gone, or gave up, is no matter.
pub(super) async fn reply(send: &mut SendStream, answer: &DhtAnswer) {
    let mut bytes = BytesMut::new();
    answer.encode(&mut bytes);
    if send.write_bytes(bytes.freeze()).await.is_ok() {
        let _ = send.finish();
    }
}

fn violated(core: &Core, error: DecodeError) {
    tracing::warn!(%error, session = %core.id(), "exchange of the DHT");
    core.end(CloseReason::for_malformed(error));
}

enum Broken {
    Off(ReadError),
    Format(DecodeError),
}

impl From<DecodeError> for Broken {
    fn from(error: DecodeError) -> Self {
        Self::Format(error)
    }
}

/// Reads a stream that carries one frame, to its end.
async fn only_frame(recv: &mut RecvStream) -> Result<RawFrame, Broken> {
    let mut decoder = FrameDecoder::new(MAX_DHT_FRAME_LEN);
    let mut only = None;
    while let Some(mut chunk) = recv.read_bytes(usize::MAX).await.map_err(Broken::Off)? {
        if only.is_none() {
            only = decoder.decode(&mut chunk)?;
        }
        if only.is_some() && !chunk.is_empty() {
            let extra = chunk.len();
            return Err(DecodeError::TrailingBytes { extra }.into());
        }
    }
    only.ok_or(Broken::Format(DecodeError::Truncated))
}
