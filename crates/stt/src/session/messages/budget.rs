//! What a node may hold of messages that nobody has taken.
//!
//! Two sums: what is queued or lies here in parts, and what long messages were promised. A promise
//! is made only while both together stay within the limit. Reading is held back by the first
//! alone: what was promised must come, or it would wait for itself.

/// The node's budget, in units of message cost.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    held: Held,
}

/// What something takes of the budget.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) here: u64,
    pub(super) promised: u64,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            held: Held::default(),
        }
    }

    /// Something took `before` and takes `after` now.
    pub(super) fn change(&mut self, before: Held, after: Held) {
        self.held.here = self.held.here + after.here - before.here;
        self.held.promised = self.held.promised + after.promised - before.promised;
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.held.here <= self.limit
    }

    /// Whether a message of `total` of which `here` has come may be promised. One is, whatever its
    /// length, if nothing else is held: none shall wait for ever.
    pub(super) fn may_promise(&self, total: u64, here: u64) -> bool {
        let others = self.total() - here;
        others == 0 || others + total <= self.limit
    }

    pub(super) fn total(&self) -> u64 {
        self.held.here + self.held.promised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_within_the_limit_does_not_hold_reading_back() {
        let mut budget = Budget::new(100);
        assert!(budget.may_promise(500, 0));
        let promise = Held {
            here: 0,
            promised: 500,
        };
        budget.change(Held::default(), promise);
        assert!(budget.has_room());
        assert!(!budget.may_promise(1, 0));
    }

    #[test]
    fn what_is_here_holds_reading_back_beyond_the_limit() {
        let mut budget = Budget::new(100);
        let queued = Held {
            here: 101,
            promised: 0,
        };
        budget.change(Held::default(), queued);
        assert!(!budget.has_room());
        budget.change(queued, Held::default());
        assert!(budget.has_room());
    }
}
