//! What a node may hold of messages that nobody has taken.
//!
//! Three sums: messages that are whole, parts of long ones that wait for a promise, and what others
//! were promised. A promise counts whole messages and promises; parts are few (a window each) and
//! must not keep each other waiting. Reading is held back by what is here: what was promised must
//! come, or it would wait for itself.
//!
//! Short messages keep a share that long ones can't take, so that a few promises to somebody who
//! then sends nothing don't hold up everybody else.

/// The node's budget, in units of message cost.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    held: Held,
}

/// What something takes of the budget.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) whole: u64,
    pub(crate) parts: u64,
    pub(crate) promised: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            held: Held::default(),
        }
    }

    /// Something took `before` and takes `after` now.
    pub(crate) fn change(&mut self, before: Held, after: Held) {
        let held = &mut self.held;
        held.whole = held.whole + after.whole - before.whole;
        held.parts = held.parts + after.parts - before.parts;
        held.promised = held.promised + after.promised - before.promised;
    }

    /// Whether more may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.held.whole + self.held.parts <= self.limit
    }

    /// Whether a message of `total` may be promised. One is, whatever its length, if nothing else
    /// was and nothing waits to be taken: none shall wait for ever.
    pub(crate) fn may_promise(&self, total: u64) -> bool {
        let held = self.held.whole + self.held.promised;
        let limit = if total <= SHORT {
            self.limit
        } else {
            self.limit - self.limit / RESERVE
        };
        held == 0 || held + total <= limit
    }

    /// Whether a session that was `promised` so much may be promised `total` more: one long message, or as many as
    /// fit its share. Else one could take everything.
    pub(crate) fn is_fair(&self, promised: u64, total: u64) -> bool {
        promised == 0 || promised + total <= self.limit / SHARE
    }

    pub(crate) fn total(&self) -> u64 {
        self.held.whole + self.held.parts + self.held.promised
    }
}

/// A long message up to this may use all of the budget.
const SHORT: u64 = 1 << 20;

/// One part in so many is kept for them.
const RESERVE: u64 = 4;

/// One part in so many is a session's.
const SHARE: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn held(whole: u64, parts: u64, promised: u64) -> Held {
        Held {
            whole,
            parts,
            promised,
        }
    }

    #[test]
    fn a_promise_beyond_the_limit_does_not_hold_reading_back() {
        let mut budget = Budget::new(100);
        assert!(budget.may_promise(500));
        budget.change(Held::default(), held(0, 0, 500));
        assert!(budget.has_room());
        assert!(!budget.may_promise(1));
    }

    #[test]
    fn what_is_here_holds_reading_back_beyond_the_limit() {
        let mut budget = Budget::new(100);
        budget.change(Held::default(), held(90, 11, 0));
        assert!(!budget.has_room());
        budget.change(held(90, 11, 0), Held::default());
        assert!(budget.has_room());
    }

    #[test]
    fn parts_that_wait_keep_nobody_waiting() {
        let mut budget = Budget::new(100);
        budget.change(Held::default(), held(0, 90, 0));
        assert!(budget.may_promise(500));
    }

    #[test]
    fn a_session_may_be_promised_one_message_or_its_share() {
        let budget = Budget::new(100);
        assert!(budget.is_fair(0, 500));
        assert!(budget.is_fair(10, 15));
        assert!(!budget.is_fair(10, 16));
    }

    #[test]
    fn short_messages_keep_a_share_that_long_ones_cannot_take() {
        let mut budget = Budget::new(16 * SHORT);
        budget.change(Held::default(), held(0, 0, 12 * SHORT));
        assert!(!budget.may_promise(SHORT + 1));
        assert!(budget.may_promise(SHORT));
    }
}
