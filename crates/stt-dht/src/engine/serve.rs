//! Answers others, within what they may ask. spec: DHT-12, DHT-13, DHT-40 to DHT-43.

use stc::Entropy;
use stt_wire::{
    Ask, Contact, DhtAnswer, DhtRequest, DialOutcome, Mode, Purpose, PutOutcome, Record, VarInt,
    limits,
};

use super::{Engine, Output, Token, draw};
use crate::config::Defence;
use crate::diversity::is_global;
use crate::keyring::is_in_place;
use crate::{Key, Keyring, Now};

impl<K: Keyring> Engine<K> {
    /// Answers a request, or passes on the only one that the caller must carry out.
    pub(super) fn serve(
        &mut self,
        now: Now,
        token: Token,
        from: &Contact,
        request: DhtRequest,
        entropy: &mut dyn Entropy,
    ) {
        if let Err(wait) = self.admit(now, from, &request) {
            let wait = VarInt::saturating(wait);
            return self.answer(token, DhtAnswer::Busy { wait });
        }
        self.notice(now, from, request.mode);
        let answer = match request.ask {
            Ask::Ping => DhtAnswer::Pong,
            Ask::FindNode { target } => DhtAnswer::Nodes(self.closest_for(from, target)),
            Ask::FindRecords { target, kind, most } => {
                let most = usize::from(most).min(limits::MAX_FOUND_RECORDS);
                let key = Key::from_bytes(target);
                let records = self.store.find(now, &key, kind, most, draw(entropy));
                DhtAnswer::Records {
                    records,
                    closer: self.closest_for(from, target),
                }
            }
            Ask::PutRecords { purpose, records } => self.hold(now, purpose, records),
            Ask::DialBack { address } => {
                // Only where the request came from: so nobody sends us after others.
                if address.ip() == from.addresses.first().ip() {
                    let node = stc::NodeId::from_bytes(from.node);
                    return self.outputs.push_back(Output::DialBack {
                        token,
                        node,
                        address,
                    });
                }
                DhtAnswer::Dialled(DialOutcome::NotTried)
            }
        };
        self.answer(token, answer);
    }

    fn answer(&mut self, token: Token, answer: DhtAnswer) {
        self.outputs.push_back(Output::Answer { token, answer });
    }

    fn admit(&mut self, now: Now, from: &Contact, request: &DhtRequest) -> Result<(), u64> {
        if !self.config.defences.has(Defence::Quotas) {
            return Ok(());
        }
        let cost = if matches!(request.ask, Ask::DialBack { .. }) {
            16
        } else {
            1
        };
        self.requests.take(now.moment, &from.node, cost)?;
        match &request.ask {
            Ask::PutRecords { records, .. } => {
                self.puts.take(now.moment, &from.node, records.len() as u32)
            }
            _ => Ok(()),
        }
    }

    /// A request tells that its sender is there, or is about to go.
    fn notice(&mut self, now: Now, from: &Contact, mode: Mode) {
        if from.node == self.me {
            return;
        }
        let key = self.keyring.place(&from.node);
        match mode {
            Mode::Client => {}
            Mode::Leaving => drop(self.table.remove(&key)),
            Mode::Server => {
                let is_known = self.table.show(now.moment, &key).is_some();
                if !self.config.defences.has(Defence::DialBack) {
                    self.table.insert(now.moment, *from, key);
                } else if !is_known && self.table.has_room(&key) {
                    self.upkeep.met(now.moment, *from, key);
                }
            }
        }
    }

    /// The closest members that the asker can use: alive as far as we know, and no private addresses
    /// for whoever is not in a private network. *Invariant T11.*
    fn closest_for(&self, from: &Contact, target: [u8; 32]) -> Vec<Contact> {
        let target = Key::from_bytes(target);
        let may_be_private = !is_global(from.addresses.first().ip());
        let closest = self.table.closest(&target, self.config.k + 1, |entry| {
            let is_usable = may_be_private || entry.network.is_some();
            is_usable && (entry.is_well() || !self.config.defences.has(Defence::Eviction))
        });
        let others = closest
            .into_iter()
            .filter(|entry| entry.contact.node != from.node);
        others
            .map(|entry| entry.contact)
            .take(limits::MAX_CONTACTS)
            .collect()
    }

    fn hold(&mut self, now: Now, purpose: Purpose, records: Vec<Record>) -> DhtAnswer {
        let outcomes = records
            .into_iter()
            .map(|record| self.hold_one(now, purpose, record));
        DhtAnswer::Stored(outcomes.collect())
    }

    fn hold_one(&mut self, now: Now, purpose: Purpose, record: Record) -> PutOutcome {
        if self.config.defences.has(Defence::Verification) {
            if !is_in_place(&self.keyring, &record) {
                return PutOutcome::REFUSED;
            }
            if !self.keyring.is_genuine(&record) {
                return PutOutcome::BAD_SIGNATURE;
            }
        }
        let is_cached = purpose == Purpose::Cache;
        self.store.put(now, &self.config, record, is_cached)
    }
}
