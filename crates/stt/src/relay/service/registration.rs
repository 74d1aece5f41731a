//! The relay's side of a registration: reads what the member asks, and writes what is to be said.
//!
//! spec: RELAY-3 to RELAY-5, RELAY-9

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use stc::NodeId;
use stt_wire::{
    DecodeError, FrameDecoder, RelayAnswer, RelayRequest, VarInt, limits::MAX_RELAY_FRAME_LEN,
};
use tokio::sync::mpsc;

use super::{Account, Registered, Relaying, SecondRegistration};
use crate::session::{
    By, CloseReason,
    core::Core,
    stream::{RecvStream, SendStream},
};

/// Serves a stream of the kind until the member, or the session, ends it.
pub(crate) async fn serve(
    relaying: Arc<Relaying>,
    core: Arc<Core>,
    mut recv: RecvStream,
    send: SendStream,
) {
    core.established().await;
    let Registered {
        number,
        account,
        answers,
    } = match relaying.register(&core) {
        Ok(Ok(registered)) => registered,
        Ok(Err(reason)) => return refuse(send, recv, reason).await,
        Err(SecondRegistration) => return core.end(CloseReason::Violation { by: By::Us }),
    };
    tracing::debug!(peer = %core.peer(), "registered");
    let reading = async {
        let read = tokio::select! {
            biased;
            () = core.closing.begun() => Ok(()),
            _ = core.connection.closed() => Ok(()),
            read = read(&relaying, &core, (number, &account), &mut recv) => read,
        };
        relaying.unregister(core.peer(), number);
        if let Err(error) = read {
            tracing::warn!(%error, session = %core.id(), "registration");
            core.end(CloseReason::for_malformed(error));
        }
        skip(&mut recv).await;
    };
    tokio::join!(reading, write(send, answers));
    tracing::debug!(peer = %core.peer(), "not registered any more");
}

async fn refuse(send: SendStream, mut recv: RecvStream, reason: stt_wire::Unreached) {
    let (answers, queue) = mpsc::channel(1);
    let request = VarInt::ZERO;
    // There is room for one.
    let _ = answers.try_send(RelayAnswer::Unreached { request, reason });
    drop(answers);
    tokio::join!(write(send, queue), skip(&mut recv));
}

/// Reads to the end of the stream, so that an orderly end of the session finds it.
async fn skip(recv: &mut RecvStream) {
    while let Ok(Some(_)) = recv.read_bytes(usize::MAX).await {}
}

async fn read(
    relaying: &Relaying,
    core: &Core,
    (registration, account): (u64, &Account),
    recv: &mut RecvStream,
) -> Result<(), DecodeError> {
    let mut decoder = FrameDecoder::new(MAX_RELAY_FRAME_LEN);
    loop {
        let Ok(Some(mut chunk)) = recv.read_bytes(CHUNK).await else {
            return decoder.finish();
        };
        while let Some(frame) = decoder.decode(&mut chunk)? {
            match RelayRequest::decode(frame)? {
                RelayRequest::Reach { request, peer } => {
                    wait_for_turn(core, account).await;
                    let peer = NodeId::from_bytes(peer);
                    relaying.reach(core.peer(), registration, request, peer);
                }
                RelayRequest::Leave { leg } => {
                    relaying.leave(core.peer(), registration, leg.get());
                }
            }
        }
    }
}

async fn write(mut send: SendStream, mut answers: mpsc::Receiver<RelayAnswer>) {
    while let Some(answer) = answers.recv().await {
        let mut out = BytesMut::new();
        answer.encode(&mut out);
        while let Ok(answer) = answers.try_recv() {
            answer.encode(&mut out);
        }
        if send.write_unmetered(out.freeze()).await.is_err() {
            return;
        }
    }
    // Fails only when the session is over.
    let _ = send.finish();
}

/// A member that asks too often waits, and what it asks meanwhile stays unread. spec: RELAY-9
async fn wait_for_turn(core: &Core, account: &Account) {
    while !account.asks.take(core.platform.now(), 1) {
        core.platform.sleep(BETWEEN_ASKS).await;
    }
}

const BETWEEN_ASKS: Duration = Duration::from_millis(50);

/// Bytes of a stream that are taken at a time.
const CHUNK: usize = 4 << 10;
