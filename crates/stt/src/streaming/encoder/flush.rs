//! How long bytes wait for more of them.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use crate::transport::platform::{Platform, Sleep};

/// A delay that begins when a source first pauses with something left, and is not begun anew by
/// calls that are dropped.
#[derive(Debug)]
pub(super) struct Flush {
    platform: Platform,
    delay: Duration,
    timer: Option<Sleep>,
}

impl Flush {
    pub(super) fn new(platform: Platform, delay: Duration) -> Self {
        Self {
            platform,
            delay: delay.min(LONGEST_DELAY),
            timer: None,
        }
    }

    /// The source has paused. Ready once the delay is over; the next pause begins another.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.delay.is_zero() {
            let (platform, delay) = (&self.platform, self.delay);
            let timer = self.timer.get_or_insert_with(|| platform.sleep(delay));
            ready!(Pin::new(timer).poll(cx));
        }
        self.timer = None;
        Poll::Ready(())
    }

    /// What waited has left.
    pub(super) fn reset(&mut self) {
        self.timer = None;
    }
}

/// A clock can be at its end before an endless delay is.
const LONGEST_DELAY: Duration = Duration::from_hours(24);
