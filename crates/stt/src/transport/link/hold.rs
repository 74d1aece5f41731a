//! Who still needs a tunnel: its carrier lets go when nobody does.

use std::{fmt, sync::Arc, time::Instant};

use tokio::sync::watch;

use super::tunnel::{Queues, Tunnel};

/// As long as this lives, the tunnel is needed.
pub(crate) struct Hold(Arc<Queues>);

impl Hold {
    pub(super) fn of(queues: Arc<Queues>) -> Self {
        queues.holders.send_modify(|holders| *holders += 1);
        Self(queues)
    }

    /// The tunnel has just carried something of an application's.
    pub(crate) fn carries(&self, now: Instant) {
        *self.0.carried_at.lock() = Some(now);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.holders.send_modify(|holders| *holders -= 1);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold")
    }
}

impl Tunnel {
    /// Keeps this tunnel open.
    pub(crate) fn hold(&self) -> Hold {
        Hold::of(Arc::clone(&self.queues))
    }

    /// When it was last known to carry something of an application's.
    pub(crate) fn carried_at(&self) -> Option<Instant> {
        *self.queues.carried_at.lock()
    }

    /// How many need this tunnel, now and later.
    pub(crate) fn holders(&self) -> watch::Receiver<usize> {
        self.queues.holders.subscribe()
    }
}
