//! The asking side: opens a stream for a request and reads what comes of it.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::{Bytes, BytesMut};
use stt_wire::{
    ContentAnswer, ContentRequest, DecodeError, FrameDecoder, Open, RawFrame, StreamKind, VarInt,
    limits::MAX_CONTENT_ANSWER_LEN,
};

use super::on_the_wire;
use crate::session::{
    CloseReason, Session,
    stream::{RecvStream, SendStream},
};
use crate::storage::{Address, Reference, blocking::ObjectPart};

/// Why no answer came, or none that is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskError {
    /// The session is over, or about to be.
    Lost,
    /// The peer serves no content.
    Refused,
    /// The peer does not have it.
    Absent,
    /// Not before so many milliseconds have passed.
    Busy { wait: u64 },
    /// The peer broke off.
    Reset,
    /// It is not as long as it has to be.
    WrongLength,
    /// The answer is none to this request. The session is over.
    Broken,
}

/// What a request is answered by.
pub(in crate::swarm) trait Answer: Sized {
    /// The kind of stream on which it is asked.
    const KIND: StreamKind;
    /// The longest payload, in bytes.
    const MAX_LEN: usize;

    fn decode(frame: RawFrame) -> Result<Self, DecodeError>;
}

impl Answer for ContentAnswer {
    const KIND: StreamKind = StreamKind::ContentRequest;
    const MAX_LEN: usize = MAX_CONTENT_ANSWER_LEN;

    fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        Self::decode(frame)
    }
}

/// The answers on one stream.
pub(in crate::swarm) struct Answers<A> {
    session: Session,
    recv: RecvStream,
    decoder: FrameDecoder,
    rest: Bytes,
    /// Whether anything came.
    is_heard: bool,
    answer: PhantomData<fn() -> A>,
}

/// Asks, with a request that `encode` appends. Cancel safe: given up, the stream is.
pub(in crate::swarm) async fn ask<A: Answer>(
    session: &Session,
    encode: impl FnOnce(&mut BytesMut),
) -> Result<Answers<A>, AskError> {
    let core = session.core();
    let entry = session.begin_opening().map_err(|_| AskError::Lost)?;
    let (send, recv) = tokio::select! {
        biased;
        opened = core.connection.open_bi() => opened.map_err(|_| AskError::Lost)?,
        () = core.closing.begun() => return Err(AskError::Lost),
    };
    core.ledger.opened(send.id());
    let mut send = SendStream::new(core, send);
    let recv = RecvStream::new(core, recv);
    drop(entry);
    let mut frames = BytesMut::new();
    Open { kind: A::KIND }.encode(&mut frames);
    encode(&mut frames);
    let written = send.write_unmetered(frames.freeze()).await;
    written.map_err(|_| AskError::Refused)?;
    send.finish().map_err(|_| AskError::Refused)?;
    Ok(Answers {
        session: session.clone(),
        recv,
        decoder: FrameDecoder::new(A::MAX_LEN),
        rest: Bytes::new(),
        is_heard: false,
        answer: PhantomData,
    })
}

impl<A: Answer> Answers<A> {
    /// The next frame; `None` at the end.
    pub(in crate::swarm) async fn next(&mut self) -> Result<Option<A>, AskError> {
        loop {
            match self.decoder.decode(&mut self.rest) {
                Ok(None) => {}
                Ok(Some(frame)) => {
                    let answer = A::decode(frame);
                    return answer.map(Some).map_err(|error| self.broken(error));
                }
                Err(error) => return Err(self.broken(error)),
            }
            if let Some(piece) = self.read().await? {
                self.rest = piece;
            } else {
                let ended = self.decoder.finish();
                return ended.map(|()| None).map_err(|error| self.broken(error));
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Bytes>, AskError> {
        let closing = &self.session.core().closing;
        let read = tokio::select! {
            biased;
            read = self.recv.read_bytes(usize::MAX) => read,
            // What is not here by now may be asked for elsewhere: an orderly end waits for nothing of it.
            () = closing.begun() => return Err(AskError::Lost),
        };
        match read {
            Ok(piece) => {
                self.is_heard |= piece.is_some();
                Ok(piece)
            }
            Err(crate::session::ReadError::Reset { .. }) if !self.is_heard => {
                Err(AskError::Refused)
            }
            Err(crate::session::ReadError::Reset { .. }) => Err(AskError::Reset),
            Err(_) => Err(AskError::Lost),
        }
    }

    /// The peer broke the format: the session ends, as with any other breach.
    pub(in crate::swarm) fn broken(&self, error: DecodeError) -> AskError {
        tracing::warn!(%error, peer = %self.session.peer(), "answer to a request");
        let reason = CloseReason::for_malformed(error);
        self.session.core().end(reason);
        AskError::Broken
    }
}

impl Answers<ContentAnswer> {
    /// An answer that does not belong here.
    fn out_of_place(&self, answer: &ContentAnswer) -> AskError {
        match answer {
            ContentAnswer::Absent => AskError::Absent,
            ContentAnswer::Busy { wait } => AskError::Busy { wait: wait.get() },
            _ => self.broken(DecodeError::Truncated),
        }
    }
}

/// Asks what a peer holds of an object. The first answer says what the object is.
pub(crate) async fn look(
    session: &Session,
    address: Address,
) -> Result<(Reference, [u8; 64], Answers<ContentAnswer>), AskError> {
    let request = ContentRequest::Look {
        address: *address.as_bytes(),
    };
    let mut answers = ask(session, |out| request.encode(out)).await?;
    match answers.next().await? {
        Some(ContentAnswer::Holding(holding)) => {
            let reference = Reference {
                address,
                root: holding.root,
                length: holding.length.get(),
            };
            Ok((reference, holding.signature, answers))
        }
        Some(other) => Err(answers.out_of_place(&other)),
        None => Err(answers.broken(DecodeError::Truncated)),
    }
}

/// Asks for a part from `bytes.len()` on, and appends what comes; `received` is kept up to date. What came
/// by the time of an error, or when this is dropped, counts.
pub(crate) async fn take(
    session: &Session,
    reference: &Reference,
    part: ObjectPart,
    bytes: &mut Vec<u8>,
    received: &AtomicU64,
) -> Result<(), AskError> {
    let whole = part.len_in(reference).ok_or(AskError::Absent)?;
    let request = ContentRequest::Take {
        address: *reference.address.as_bytes(),
        root: reference.root,
        part: on_the_wire(part),
        from: VarInt::saturating(bytes.len() as u64),
    };
    let mut answers = ask(session, |out| request.encode(out)).await?;
    match answers.next().await? {
        Some(ContentAnswer::Piece { len }) if len.get() == (whole - bytes.len()) as u64 => {}
        Some(ContentAnswer::Piece { .. }) => return Err(AskError::WrongLength),
        Some(other) => return Err(answers.out_of_place(&other)),
        None => return Err(answers.broken(DecodeError::Truncated)),
    }
    let mut piece = std::mem::take(&mut answers.rest);
    bytes.reserve_exact(whole - bytes.len());
    loop {
        if piece.len() > whole - bytes.len() {
            return Err(AskError::WrongLength);
        }
        bytes.extend_from_slice(&piece);
        received.fetch_add(piece.len() as u64, Relaxed);
        piece = match answers.read().await? {
            Some(piece) => piece,
            None if bytes.len() == whole => return Ok(()),
            None => return Err(AskError::WrongLength),
        };
    }
}
