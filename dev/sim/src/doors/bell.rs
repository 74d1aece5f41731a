//! The timer that opens doors to what has arrived, before any task runs.
//!
//! Invariant: it's set to the next arrival at a door whenever there is one.

use std::{
    sync::{Arc, Mutex, Weak},
    task::{Context, Wake, Waker},
};

use crate::{core::Core, lock::lock, net::Shared, timer::Timer};

/// Rings when a packet arrives at a door.
pub(crate) struct Bell {
    timer: Mutex<Timer>,
    waker: Waker,
}

impl Bell {
    pub(crate) fn new(core: Arc<Core>, net: Weak<Shared>) -> Self {
        Self {
            timer: Mutex::new(Timer::new(core, u64::MAX)),
            waker: Arc::new(Ringer(net)).into(),
        }
    }

    /// Sets the bell to a time to come, or to none.
    pub(crate) fn set(&self, at: Option<u64>) {
        let mut timer = lock(&self.timer);
        timer.move_to(at.unwrap_or(u64::MAX));
        if at.is_some() {
            let _to_come = timer.poll_due(&Context::from_waker(&self.waker));
        }
    }
}

/// What the timer wakes: no task, the network itself.
struct Ringer(Weak<Shared>);

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        if let Some(net) = self.0.upgrade() {
            net.open_doors();
        }
    }
}
