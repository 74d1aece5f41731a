//! Frames of one type and session, handled one after the other.
//!
//! A line has a task only while it has frames: an idle session costs one task, however many types
//! it uses.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;

use super::{Handler, Shared};
use crate::session::{Delivery, Session, frames::Arrived};

/// Frames that wait for the one before them.
#[derive(Default)]
pub(super) struct Line {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<(Arc<Handler>, Arrived)>,
    datagrams: usize,
    /// A task takes from the front.
    is_moving: bool,
}

impl Line {
    /// Adds a frame; drops it if it is a datagram and too many of them wait.
    pub(super) fn push(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        session: &Session,
        handler: Arc<Handler>,
        arrived: Arrived,
    ) {
        {
            let mut waiting = self.waiting.lock();
            if arrived.frame.delivery == Delivery::Datagram {
                if waiting.datagrams == MAX_DATAGRAMS {
                    return shared.counters.dropped_datagram();
                }
                waiting.datagrams += 1;
            }
            waiting.frames.push_back((handler, arrived));
            if std::mem::replace(&mut waiting.is_moving, true) {
                return;
            }
        }
        let moving = Arc::clone(self).move_on(Arc::clone(shared), session.clone());
        session.core().platform.spawn(moving);
    }

    /// Handles what waits until nothing does.
    async fn move_on(self: Arc<Self>, shared: Arc<Shared>, session: Session) {
        while let Some((handler, arrived)) = self.next() {
            let frame_type = arrived.frame.frame_type;
            // Given to its handler is consumed: else a handler that closes its session would wait
            // for itself. The room stays taken until the handler is done.
            let (frame, _room) = arrived.consume();
            let ended = handler(session.clone(), frame).await;
            shared.ended(&session, frame_type, ended);
        }
    }

    fn next(&self) -> Option<(Arc<Handler>, Arrived)> {
        let mut waiting = self.waiting.lock();
        let next = waiting.frames.pop_front();
        match &next {
            Some((_, arrived)) if arrived.frame.delivery == Delivery::Datagram => {
                waiting.datagrams -= 1;
            }
            Some(_) => {}
            None => {
                // And the memory goes, which a burst may have made much.
                *waiting = Waiting::default();
            }
        }
        next
    }
}

/// Datagrams of a type and session that may wait.
const MAX_DATAGRAMS: usize = 1_024;
