//! How long a session may keep room that it was promised for long messages, and send nothing for it.
//!
//! Else a few members who begin long messages and stop could keep everybody else's waiting for ever. Nobody
//! is in the way as long as nobody waits, so only then does a session end for it. spec: WIRE-49
//!
//! Pure: whoever has a clock says when a second has passed.

use std::time::Duration;

/// The watch over what a session was promised.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    heard: u64,
    arrived: u64,
    /// Seconds in which nothing was heard, in a row.
    silent: u32,
    counted: u32,
}

impl Patience {
    /// A second has passed. Until now `heard` packets came from the peer in all, and `arrived` counts what came of what it was
    /// promised room for. Says whether it has had its time.
    pub(crate) fn is_at_end(&mut self, heard: u64, arrived: u64) -> bool {
        let is_silent = std::mem::replace(&mut self.heard, heard) == heard;
        self.silent = if is_silent { self.silent + 1 } else { 0 };
        if std::mem::replace(&mut self.arrived, arrived) != arrived {
            self.counted = 0;
        } else if self.silent < CUT_OFF_AFTER {
            self.counted += 1;
        }
        self.counted >= SECONDS
    }

    /// Nothing is promised, or what comes is not read for want of room: nobody can be late.
    pub(crate) fn begin_anew(&mut self) {
        self.counted = 0;
    }
}

/// How often whoever has a clock looks.
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// So long nothing needs to come of what was promised.
const SECONDS: u32 = 30;

/// Whoever was not heard for so many seconds may be cut off. Sessions that are idle are heard every ten.
const CUT_OFF_AFTER: u32 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_its_time_when_nothing_comes_though_it_is_heard() {
        let mut patience = Patience::default();
        for second in 1..30 {
            assert!(!patience.is_at_end(second / 10, 7), "second {second}");
        }
        // The first second saw the seven bytes.
        assert!(!patience.is_at_end(4, 7));
        assert!(patience.is_at_end(5, 7));
    }

    #[test]
    fn any_byte_gives_a_session_its_time_anew() {
        let mut patience = Patience::default();
        for second in 0..1_000 {
            assert!(!patience.is_at_end(second, second / 29));
        }
    }

    #[test]
    fn a_session_that_is_cut_off_is_not_late() {
        let mut patience = Patience::default();
        for _ in 0..1_000 {
            assert!(!patience.is_at_end(1, 1));
        }
        // Heard again, it has what is left of its time.
        for heard in 2..10 {
            assert!(!patience.is_at_end(heard, 1));
        }
        assert!(!patience.is_at_end(10, 2));
    }

    #[test]
    fn nobody_is_late_while_nothing_is_read() {
        let mut patience = Patience::default();
        for heard in 0..1_000 {
            assert!(!patience.is_at_end(heard, 0));
            patience.begin_anew();
        }
    }
}
