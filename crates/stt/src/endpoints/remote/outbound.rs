//! The two tasks of an endpoint stream of ours: one writes items, one reads what became of them.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use stt_wire::{
    DecodeError, EndpointAnswer, EndpointFrame, FrameDecoder, StreamKind,
    limits::MAX_ENDPOINT_ANSWER_LEN,
};

use super::{
    attachment::{Attachment, Over},
    violation::Violation,
};
use crate::session::{
    core::Core,
    ledger::LedgerEntry,
    stream::{ReadError, RecvStream, SendStream, WriteError},
    write_queue::header,
};

/// Opens the stream and writes to it until it has long been idle, or is told to finish.
pub(super) async fn run(core: Arc<Core>, attachment: Arc<Attachment>, opening: LedgerEntry) {
    let opened = tokio::select! {
        biased;
        opened = core.connection.open_bi() => opened.ok(),
        _ = core.connection.closed() => None,
    };
    let Some((send, recv)) = opened else {
        return core
            .endpoints
            .streams()
            .pool
            .forget(&attachment, &session_over(&core));
    };
    core.ledger.opened(send.id());
    drop(opening);
    let mut send = SendStream::new(&core, send);
    let recv = RecvStream::new(&core, recv);
    core.platform
        .spawn(read(Arc::clone(&core), Arc::clone(&attachment), recv));
    if write(&core, &attachment, &mut send).await.is_ok() {
        // Fails only when the session is over.
        let _ = send.finish();
    }
}

async fn write(
    core: &Core,
    attachment: &Attachment,
    send: &mut SendStream,
) -> Result<(), WriteError> {
    send.write_unmetered(header(StreamKind::Endpoint)).await?;
    let mut attach = BytesMut::new();
    EndpointFrame::Attach(attachment.name().clone()).encode(&mut attach);
    send.write_chunks(&mut [attach.freeze()]).await?;
    let tidying = tidy(core, attachment);
    let writing = async {
        while let Some(mut batch) = attachment.next_batch().await {
            send.write_chunks(&mut batch.chunks).await?;
        }
        Ok(())
    };
    tokio::select! {
        biased;
        written = writing => written,
        never = tidying => never,
    }
}

/// Ends the stream when it is not used for long, or not any more because the session is closing.
async fn tidy<T>(core: &Core, attachment: &Attachment) -> T {
    let mut seen = None;
    let idle = async {
        loop {
            core.platform.sleep(IDLE).await;
            let since = attachment.idle_since();
            if since.is_some() && since == seen && attachment.finish_if_idle() {
                return;
            }
            seen = since;
        }
    };
    tokio::select! {
        biased;
        () = core.closing.begun() => {}
        () = idle => {}
    }
    core.closing.begun().await;
    // Whoever uses it last lets it end then.
    attachment.finish_if_unused();
    std::future::pending().await
}

async fn read(core: Arc<Core>, attachment: Arc<Attachment>, mut recv: RecvStream) {
    let over = match take_answers(&core, &attachment, &mut recv).await {
        Ok(over) => over,
        Err(End::Session) => session_over(&core),
        Err(End::Broken(violation)) => {
            violation.end(&core);
            session_over(&core)
        }
    };
    core.endpoints.streams().pool.forget(&attachment, &over);
}

/// Why there are no more answers.
enum End {
    Session,
    Broken(Violation),
}

impl<V: Into<Violation>> From<V> for End {
    fn from(violation: V) -> Self {
        Self::Broken(violation.into())
    }
}

async fn take_answers(
    core: &Core,
    attachment: &Attachment,
    recv: &mut RecvStream,
) -> Result<Over, End> {
    let mut decoder = FrameDecoder::new(MAX_ENDPOINT_ANSWER_LEN);
    let mut is_silent = true;
    loop {
        match recv.read_bytes(usize::MAX).await {
            Ok(Some(mut chunk)) => {
                is_silent = false;
                take(attachment, &mut decoder, &mut chunk)?;
                core.endpoints.streams().pool.may_be_idle(attachment);
            }
            Ok(None) => {
                decoder.finish().map_err(Violation::from)?;
                return Ok(attachment.ended()?);
            }
            Err(ReadError::Reset { .. }) if is_silent => return Ok(Over::Refused),
            Err(ReadError::Reset { .. }) => return Err(Violation::Ended.into()),
            Err(_) => return Err(End::Session),
        }
    }
}

fn take(
    attachment: &Attachment,
    decoder: &mut FrameDecoder,
    chunk: &mut Bytes,
) -> Result<(), Violation> {
    while let Some(frame) = decoder.decode(chunk)? {
        let answer = EndpointAnswer::decode(frame);
        attachment.answered(answer.map_err(|error: DecodeError| error)?)?;
    }
    Ok(())
}

fn session_over(core: &Core) -> Over {
    Over::Session(core.close_reason())
}

/// A stream not used for one to two times this is let go.
const IDLE: Duration = Duration::from_secs(30);
