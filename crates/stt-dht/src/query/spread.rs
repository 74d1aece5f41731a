//! Giving records to those who are to hold them, and counting who does.
//!
//! Each record goes to the closest of its own key; records of one region go together, at most 64 to
//! a message. spec: DHT-37.

use std::collections::VecDeque;

use stt_wire::{Contact, PutOutcome, Record, limits};

use crate::Key;

/// Records on their way to their holders.
#[derive(Debug, Clone)]
pub(crate) struct Spread {
    pub(crate) records: Vec<Record>,
    /// For each record, how many hold it.
    acks: Vec<u16>,
    /// For each record, how many were to.
    wanted: Vec<u16>,
    jobs: VecDeque<Job>,
    pub(crate) open: usize,
}

/// One message: some of the records, to one member.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) to: Contact,
    pub(crate) key: Key,
    /// Which records, by their place.
    pub(crate) which: Vec<u16>,
}

impl Spread {
    /// Plans who gets what: `closest` are members around all of the records, `width` of them hold
    /// each.
    pub(crate) fn new(records: Vec<Record>, closest: &[(Contact, Key)], width: usize) -> Self {
        let mut plan: Vec<Vec<u16>> = vec![Vec::new(); closest.len()];
        let mut wanted = Vec::with_capacity(records.len());
        for (number, record) in (0_u16..).zip(&records) {
            let key = Key::from_bytes(record.key);
            let mut order: Vec<usize> = (0..closest.len()).collect();
            order.sort_by_key(|place| key.distance(&closest[*place].1));
            order.truncate(width);
            wanted.push(order.len() as u16);
            for place in order {
                plan[place].push(number);
            }
        }
        let mut jobs = VecDeque::new();
        for ((to, key), which) in closest.iter().zip(plan) {
            for which in which.chunks(limits::MAX_PUT_RECORDS) {
                jobs.push_back(Job {
                    to: *to,
                    key: *key,
                    which: which.to_vec(),
                });
            }
        }
        let acks = vec![0; records.len()];
        Self {
            records,
            acks,
            wanted,
            jobs,
            open: 0,
        }
    }

    pub(crate) fn next(&mut self, most_open: usize) -> Option<Job> {
        if self.open >= most_open {
            return None;
        }
        let job = self.jobs.pop_front()?;
        self.open += 1;
        Some(job)
    }

    /// What a member said about the records of a job.
    pub(crate) fn answered(&mut self, which: &[u16], outcomes: &[PutOutcome]) {
        self.open = self.open.saturating_sub(1);
        for (number, outcome) in which.iter().zip(outcomes) {
            if let Some(acks) = self.acks.get_mut(usize::from(*number)) {
                *acks += u16::from(outcome.is_held());
            }
        }
    }

    pub(crate) fn failed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.jobs.is_empty() && self.open == 0
    }

    /// Whether three of four hold every record.
    pub(crate) fn is_enough(&self) -> bool {
        self.each().all(|(acks, wanted)| acks * 4 >= wanted * 3)
    }

    /// The fewest holders of any of the records, and how many were wanted of it.
    pub(crate) fn worst(&self) -> (usize, usize) {
        let worst = self
            .each()
            .min_by_key(|(acks, _)| *acks)
            .unwrap_or_default();
        (usize::from(worst.0), usize::from(worst.1))
    }

    fn each(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        self.acks.iter().copied().zip(self.wanted.iter().copied())
    }
}
