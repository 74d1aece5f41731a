//! The control streams, one each way: STT's own frames, out of reach of what applications do.

use std::{sync::Arc, time::Duration};

use stt_wire::{ControlFrame, DecodeError, FrameDecoder, VarInt, limits::MAX_CONTROL_LEN};

use super::{
    By, CloseReason, core::Core, outbound_control::StreamCounts, stream::RecvStream,
    write_queue::open,
};

/// Opens our control stream and writes what there is to tell until the session ends.
///
/// The first news leaves at once; those that follow on its heels are joined, so that there are at
/// most [`WRITES_A_ROUND_TRIP`] pieces of this stream under way and the peer's engine can hold them
/// behind a lost packet.
pub(super) async fn write_control(core: &Arc<Core>) {
    let Some(mut stream) = open(core, stt_wire::StreamKind::Control).await else {
        return;
    };
    stream.set_priority(CONTROL_PRIORITY);
    core.closing.control_opened();
    let mut written = 0;
    loop {
        let (bytes, is_last) = tokio::select! {
            biased;
            _ = core.connection.closed() => return,
            bytes = core.control.next() => bytes,
        };
        written += bytes.len() as u64;
        if stream.write_unmetered(bytes.freeze()).await.is_err() {
            return;
        }
        if is_last {
            core.closing.ask_about(stream.id());
            core.control.checkpoint(stream.id().0, written);
        }
        let pause = core.refresh_round_trip() / WRITES_A_ROUND_TRIP;
        if pause > IMPERCEPTIBLE {
            core.platform.sleep(pause).await;
        }
    }
}

/// Reads the peer's control stream. A second one, its end, or a frame that breaks the rules ends
/// the session.
pub(super) async fn read_control(core: Arc<Core>, mut stream: RecvStream) {
    stream.leave_ledger();
    if !core.closing.control_arrived() {
        return end(&core, ControlViolation::Second);
    }
    let mut decoder = FrameDecoder::new(MAX_CONTROL_LEN);
    loop {
        match stream.read_bytes(usize::MAX).await {
            Ok(Some(mut chunk)) => {
                if let Err(violation) = take_frames(&core, &mut decoder, &mut chunk) {
                    return end(&core, violation);
                }
            }
            Err(_) if core.connection.close_reason().is_some() => return,
            // The peer keeps it open to the end of the session.
            Ok(None) | Err(_) => return end(&core, ControlViolation::Ended),
        }
    }
}

fn take_frames(
    core: &Arc<Core>,
    decoder: &mut FrameDecoder,
    chunk: &mut bytes::Bytes,
) -> Result<(), ControlViolation> {
    while let Some(frame) = decoder.decode(chunk).map_err(ControlViolation::Malformed)? {
        take(
            core,
            &ControlFrame::decode(frame).map_err(ControlViolation::Malformed)?,
        )?;
    }
    Ok(())
}

fn take(core: &Arc<Core>, frame: &ControlFrame) -> Result<(), ControlViolation> {
    match frame {
        ControlFrame::Credit(credit) => core
            .outbox
            .credited(credit.message_stream.get(), credit.limit.get())
            .map_err(|_| ControlViolation::Credit)?,
        ControlFrame::Released(released) => core
            .outbox
            .released(released.message_stream.get())
            .map_err(|_| ControlViolation::Released)?,
        ControlFrame::Checkpoint(asked) => core
            .checkpoints
            .asked_for(asked.stream.get(), asked.offset.get())
            .map_err(|_| ControlViolation::Checkpoints)?,
        ControlFrame::Reached(reached) if core.closing.is_asked(reached.stream.get()) => {
            core.closing.finished_was_heard();
        }
        ControlFrame::Reached(reached) => {
            core.checkpoints
                .answered(reached.stream.get(), reached.offset.get());
        }
        ControlFrame::Closing(closing) => {
            if !core.closing.peer_closes(counts(closing.bi, closing.uni)) {
                return Err(ControlViolation::End);
            }
            super::closing::begin(core);
        }
        ControlFrame::Finished(finished) => {
            if !core
                .closing
                .peer_finished(counts(finished.bi, finished.uni))
            {
                return Err(ControlViolation::End);
            }
        }
        ControlFrame::Candidates(candidates) => core.paths.news.candidates(candidates.clone()),
        ControlFrame::Ignored(_) => {}
    }
    Ok(())
}

fn counts(bi: VarInt, uni: VarInt) -> StreamCounts {
    StreamCounts {
        bi: bi.get(),
        uni: uni.get(),
    }
}

fn end(core: &Core, violation: ControlViolation) {
    tracing::warn!(%violation, session = %core.id(), "control stream");
    core.end(match violation {
        ControlViolation::Malformed(error) => CloseReason::for_malformed(error),
        _ => CloseReason::Violation { by: By::Us },
    });
}

/// How the peer broke the rules of the control stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum ControlViolation {
    #[error(transparent)]
    Malformed(DecodeError),
    #[error("a second control stream")]
    Second,
    #[error("the control stream ended before the session")]
    Ended,
    #[error("an end that is none: said twice, or with other numbers")]
    End,
    #[error("credit beyond all measure")]
    Credit,
    #[error("a message stream released that was not let go")]
    Released,
    #[error("checkpoints of more streams than can exist")]
    Checkpoints,
}

const WRITES_A_ROUND_TRIP: u32 = 256;

/// Shorter pauses are not worth a timer: no path is that long.
const IMPERCEPTIBLE: Duration = Duration::from_micros(50);

/// Above all that applications ask for.
const CONTROL_PRIORITY: i32 = i32::MAX;
