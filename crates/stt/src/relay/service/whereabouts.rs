//! Where a member is: at the address that it proved, or at one from which it was heard since and is
//! asked to prove.
//!
//! Pure: time and randomness come as arguments.
//!
//! spec: RELAY-27 to RELAY-29

use std::time::{Duration, Instant};

use crate::{relay::leg::QUESTION_LEN, transport::link::Way};

/// The addresses of one end of a leg.
#[derive(Debug)]
pub(super) struct Whereabouts {
    proved: Way,
    heard_at: Option<Unproved>,
}

/// An address that proves nothing but that a packet came from there.
#[derive(Debug)]
struct Unproved {
    way: Way,
    /// Bytes that may be sent there.
    credit: usize,
    question: [u8; QUESTION_LEN],
    asked_at: Instant,
}

impl Whereabouts {
    pub(super) const fn new(proved: Way) -> Self {
        Self {
            proved,
            heard_at: None,
        }
    }

    /// The member's newest packet, of `len` bytes, came from there. Returns a question that is to be asked there.
    pub(super) fn heard(
        &mut self,
        now: Instant,
        from: Way,
        len: usize,
        random: impl FnOnce() -> [u8; QUESTION_LEN],
    ) -> Option<(Way, [u8; QUESTION_LEN])> {
        if from.remote == self.proved.remote {
            self.proved = from;
            self.heard_at = None;
            return None;
        }
        if let Some(there) = &mut self.heard_at
            && there.way.remote == from.remote
        {
            there.credit += THREE_TIMES * len;
            if now.saturating_duration_since(there.asked_at) < ASK_AGAIN {
                return None;
            }
            there.asked_at = now;
            return Some((there.way, there.question));
        }
        let question = random();
        self.heard_at = Some(Unproved {
            way: from,
            credit: THREE_TIMES * len,
            question,
            asked_at: now,
        });
        Some((from, question))
    }

    /// An answer came from there.
    pub(super) fn answered(&mut self, from: Way, answer: &[u8]) {
        if let Some(there) = &self.heard_at
            && there.way.remote == from.remote
            && there.question == *answer
        {
            self.proved = from;
            self.heard_at = None;
        }
    }

    /// Where to send `len` bytes.
    pub(super) fn way_for(&mut self, len: usize) -> Way {
        match &mut self.heard_at {
            Some(there) if there.credit >= len => {
                there.credit -= len;
                there.way
            }
            _ => self.proved,
        }
    }
}

/// As RFC 9000 section 8 does.
const THREE_TIMES: usize = 3;

const ASK_AGAIN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> Way {
        Way {
            remote: ([192, 0, 2, 1], port).into(),
            local: None,
        }
    }

    const QUESTION: [u8; QUESTION_LEN] = [7; QUESTION_LEN];

    #[test]
    fn a_member_is_followed_for_three_times_its_bytes_and_for_good_once_it_answers() {
        let (now, mut member) = (Instant::now(), Whereabouts::new(at(1)));
        let asked = member.heard(now, at(2), 100, || QUESTION);
        assert_eq!(asked, Some((at(2), QUESTION)));
        let ways = [100, 150, 51, 50, 1].map(|len| member.way_for(len));
        assert_eq!(ways, [at(2), at(2), at(1), at(2), at(1)]);
        member.answered(at(2), &[8; QUESTION_LEN]);
        assert_eq!(member.way_for(1), at(1), "a wrong answer proves nothing");
        member.answered(at(3), &QUESTION);
        assert_eq!(member.way_for(1), at(1), "nor does one from elsewhere");
        member.answered(at(2), &QUESTION);
        assert_eq!(member.way_for(100_000), at(2));
    }

    #[test]
    fn a_member_that_is_heard_where_it_was_is_there_and_nowhere_else() {
        let (now, mut member) = (Instant::now(), Whereabouts::new(at(1)));
        member.heard(now, at(2), 1_000, || QUESTION);
        assert_eq!(member.heard(now, at(1), 40, || QUESTION), None);
        assert_eq!(member.way_for(1), at(1));
        member.answered(at(2), &QUESTION);
        assert_eq!(member.way_for(1), at(1), "it was asked too long ago");
    }

    #[test]
    fn the_question_is_the_same_until_it_is_answered_and_not_asked_with_each_packet() {
        let (now, mut member) = (Instant::now(), Whereabouts::new(at(1)));
        member.heard(now, at(2), 40, || QUESTION);
        assert_eq!(member.heard(now, at(2), 40, || [0; QUESTION_LEN]), None);
        let asked = member.heard(now + ASK_AGAIN, at(2), 40, || [0; QUESTION_LEN]);
        assert_eq!(asked, Some((at(2), QUESTION)));
    }
}
