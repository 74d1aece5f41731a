//! Reads one of the peer's lanes into the node's inbox.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use stt_wire::{DecodeError, FrameDecoder, LaneFrame, limits::MAX_LANE_FRAME_LEN};

use super::{
    inbox::{Inbox, LaneViolation},
    patience::{Patience, SECOND},
};
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
    let mut watch = Watch::new(core);
    loop {
        let due = watch.due(core, inbox)?;
        let read = inbox.while_room(lane.read_bytes(READ_BYTES));
        let read = tokio::select! {
            biased;
            read = read => read,
            () = core.platform.sleep(due.unwrap_or_default()), if due.is_some() => continue,
        };
        let Some(mut chunk) = read.map_err(LaneError::Lost)? else {
            return Ok(decoder.finish()?);
        };
        let mut has_frame = false;
        while let Some(frame) = decoder.decode(&mut chunk)? {
            has_frame = true;
            inbox.deliver(core.key(), &LaneFrame::decode(frame, max_message)?)?;
        }
        if !has_frame {
            inbox.note_progress(core.key());
        }
    }
}

/// Looks once a second whether the session keeps room for what does not come, while a long message is under way.
struct Watch {
    patience: Patience,
    next: Instant,
}

impl Watch {
    fn new(core: &Core) -> Self {
        Self {
            patience: Patience::default(),
            next: core.platform.now(),
        }
    }

    /// Looks, if it is time to; says when it is next.
    fn due(&mut self, core: &Core, inbox: &Inbox) -> Result<Option<Duration>, LaneViolation> {
        if !inbox.has_partial(core.key()) {
            return Ok(None);
        }
        let now = core.platform.now();
        if now >= self.next {
            self.next = now + SECOND;
            self.look(core, inbox)?;
        }
        Ok(Some(self.next.saturating_duration_since(now)))
    }

    fn look(&mut self, core: &Core, inbox: &Inbox) -> Result<(), LaneViolation> {
        let Some(promises) = inbox.promises(core.key()) else {
            self.patience.begin_anew();
            return Ok(());
        };
        let heard = core.packets_received();
        if self.patience.is_at_end(heard, promises.arrived) && promises.are_in_the_way {
            return Err(LaneViolation::Stalled);
        }
        Ok(())
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
