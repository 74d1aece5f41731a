//! The control streams, one each way: STT's own frames, out of reach of what applications do.

use std::sync::Arc;

use stt_wire::{ControlFrame, DecodeError, FrameDecoder, limits::MAX_CONTROL_LEN};

use super::{
    By, CloseReason, core::Core, messages::lane_writer::open, outbound_control::StreamCounts,
    stream::RecvStream,
};

/// Opens our control stream and writes what there is to tell until the session ends.
pub(super) async fn write_control(core: Arc<Core>) {
    let Some(mut stream) = open(&core, stt_wire::StreamKind::Control).await else {
        return;
    };
    stream.set_priority(CONTROL_PRIORITY);
    loop {
        let bytes = tokio::select! {
            biased;
            _ = core.connection.closed() => return,
            bytes = core.control.next() => bytes,
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Reads the peer's control stream. A second one, its end, or a frame that breaks the rules ends
/// the session.
pub(super) async fn read_control(core: Arc<Core>, mut stream: RecvStream) {
    stream.detach_from_ledger();
    if !core.closing.control_arrived() {
        return violated(&core, "a second control stream");
    }
    let mut decoder = FrameDecoder::new(MAX_CONTROL_LEN);
    loop {
        match stream.read_bytes(usize::MAX).await {
            Ok(Some(mut chunk)) => {
                if let Err(error) = take_frames(&core, &mut decoder, &mut chunk) {
                    return violated(&core, error);
                }
            }
            // The peer keeps it open to the end of the session.
            Ok(None) => return violated(&core, "the control stream was finished"),
            Err(_) if core.connection.close_reason().is_some() => return,
            Err(_) => return violated(&core, "the control stream was reset"),
        }
    }
}

fn take_frames(
    core: &Arc<Core>,
    decoder: &mut FrameDecoder,
    chunk: &mut bytes::Bytes,
) -> Result<(), &'static str> {
    while let Some(frame) = decoder.decode(chunk).map_err(describe)? {
        take(core, ControlFrame::decode(frame).map_err(describe)?)?;
    }
    Ok(())
}

fn take(core: &Arc<Core>, frame: ControlFrame) -> Result<(), &'static str> {
    match frame {
        ControlFrame::Credit(credit) => core
            .outbox
            .credited(credit.message_stream.get(), credit.limit.get())
            .map_err(|_| "credit beyond all measure")?,
        ControlFrame::Released(released) => core
            .outbox
            .released(released.message_stream.get())
            .map_err(|_| "released a message stream that was not let go")?,
        ControlFrame::Checkpoint(asked) => core
            .checkpoints
            .asked_for(asked.stream.get(), asked.offset.get())
            .map_err(|_| "checkpoints of more streams than can exist")?,
        ControlFrame::Reached(reached) => {
            core.checkpoints
                .answered(reached.stream.get(), reached.offset.get());
        }
        ControlFrame::Closing(closing) => {
            let opened = StreamCounts {
                bi: closing.bi.get(),
                uni: closing.uni.get(),
            };
            core.closing.peer_closes(opened);
            super::closing::begin(core);
        }
        ControlFrame::Finished(_) => core.closing.peer_finished(),
        ControlFrame::Ignored(_) => {}
    }
    Ok(())
}

fn describe(error: DecodeError) -> &'static str {
    tracing::debug!(%error, "control frame");
    "a malformed control frame"
}

fn violated(core: &Core, what: &str) {
    tracing::warn!(what, session = %core.id(), "control stream");
    core.end(CloseReason::Violation { by: By::Us });
}

/// Above all that applications ask for.
const CONTROL_PRIORITY: i32 = i32::MAX;
