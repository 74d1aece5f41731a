//! Reads one of the peer's lanes into the node's inbox.

use std::sync::Arc;

use stt_wire::{DecodeError, FrameDecoder, LaneFrame, limits::MAX_LANE_FRAME_LEN};

use super::inbox::{Inbox, LaneViolation};
use crate::session::{
    core::Core,
    stream::{ReadError, RecvStream},
};

/// Runs until the lane ends. A violation ends the session.
pub(crate) async fn read_lane(core: Arc<Core>, inbox: Arc<Inbox>, mut lane: RecvStream) {
    core.established().await;
    match drain(&core, &inbox, &mut lane).await {
        Ok(()) => {}
        Err(LaneError::Lost(_)) => tracing::debug!("message lane cut off"),
        Err(LaneError::Misbehaved(violation)) => {
            tracing::warn!(%violation, session = %core.id(), "message lane");
            core.end(violation.close_reason());
        }
    }
}

async fn drain(core: &Core, inbox: &Inbox, lane: &mut RecvStream) -> Result<(), LaneError> {
    let mut decoder = FrameDecoder::new(MAX_LANE_FRAME_LEN);
    let max_message = core.limits.message as u64;
    loop {
        let read = inbox.while_room(lane.read_bytes(READ_BYTES)).await;
        let Some(mut chunk) = read.map_err(LaneError::Lost)? else {
            return Ok(decoder.finish()?);
        };
        while let Some(frame) = decoder.decode(&mut chunk)? {
            inbox.deliver(core.key(), &LaneFrame::decode(frame, max_message)?)?;
        }
    }
}

enum LaneError {
    Lost(#[expect(dead_code, reason = "the session tells its end better")] ReadError),
    Misbehaved(LaneViolation),
}

impl From<DecodeError> for LaneError {
    fn from(error: DecodeError) -> Self {
        Self::Misbehaved(LaneViolation::Malformed(error))
    }
}

impl From<LaneViolation> for LaneError {
    fn from(violation: LaneViolation) -> Self {
        Self::Misbehaved(violation)
    }
}

/// Read in pieces of this many bytes.
const READ_BYTES: usize = 64 * 1_024;
