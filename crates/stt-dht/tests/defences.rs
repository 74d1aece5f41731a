//! What a hostile peer gets from one engine, and what it would get if a defence were down. What only
//! many members together can show is simulated in `dev/dht-sim`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a failed step is a failed test"
)]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use stc::NodeId;
use stt_dht::{Config, Defence, Engine, Input, Key, Moment, Now, Output, Over, Serving, Token};
use stt_dht_sim::{Rng, SimKeyring};
use stt_wire::{
    Addresses, Ask, Contact, DhtAnswer, DhtRequest, Mode, Purpose, PutOutcome, Record, RecordKind,
    VarInt,
};

const UNIX: u64 = 1_800_000_000;

fn at(ms: u64) -> Now {
    let time = Duration::from_millis(ms);
    let (moment, unix) = (Moment::after(time), UNIX + time.as_secs());
    Now { moment, unix }
}

fn name(number: u16) -> [u8; 32] {
    let mut node = [0; 32];
    node[..2].copy_from_slice(&number.to_be_bytes());
    node
}

fn member(number: u16) -> Contact {
    let [high, low] = number.to_be_bytes();
    let addresses = Addresses::from(SocketAddr::from(([11, high, low, 1], 4_000)));
    Contact {
        node: name(number),
        addresses,
    }
}

fn record(key: u16, signer: u16) -> Record {
    Record {
        kind: RecordKind::PROVIDER,
        key: name(key),
        node: name(signer),
        issued: VarInt::saturating(UNIX),
        lifetime: VarInt::from_u32(3_600),
        sealed: Bytes::from_static(b"sealed"),
        signature: [1; 64],
    }
}

/// One engine, and what others ask of it.
struct Victim {
    engine: Engine<SimKeyring>,
    entropy: Rng,
    ms: u64,
}

impl Victim {
    /// An engine with all defences but, perhaps, one.
    fn new(without: Option<Defence>, set: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.serving = Serving::Always;
        set(&mut config);
        if let Some(defence) = without {
            config.defences = config.defences.without(defence);
        }
        let engine = Engine::new(at(0), config, SimKeyring, NodeId::from_bytes(name(0xffff)));
        let entropy = Rng::new(7);
        Self {
            engine,
            entropy,
            ms: 0,
        }
    }

    fn asked(&mut self, from: u16, ask: Ask) -> DhtAnswer {
        let request = Input::Request {
            token: Token(1),
            from: member(from),
            request: DhtRequest {
                mode: Mode::Server,
                ask,
            },
        };
        let now = at(self.ms);
        self.engine.handle_input(now, request, &mut self.entropy);
        let outputs = std::iter::from_fn(|| self.engine.poll_output());
        let mut answers = outputs.filter_map(|output| match output {
            Output::Answer { answer, .. } => Some(answer),
            _ => None,
        });
        answers.next().expect("each request has an answer")
    }

    /// What the engine says to records of a peer, a second for each 50 of them.
    fn put(&mut self, from: u16, records: impl Iterator<Item = Record>) -> Vec<PutOutcome> {
        let records: Vec<_> = records.collect();
        let mut outcomes = Vec::new();
        for records in records.chunks(50) {
            self.ms += 1_000;
            let (purpose, records) = (Purpose::Replica, records.to_vec());
            match self.asked(from, Ask::PutRecords { purpose, records }) {
                DhtAnswer::Stored(stored) => outcomes.extend(stored),
                other => panic!("{other:?}"),
            }
        }
        outcomes
    }

    /// The signers held under a key.
    fn held_under(&mut self, key: u16) -> Vec<[u8; 32]> {
        let (target, kind) = (name(key), RecordKind::PROVIDER);
        let ask = Ask::FindRecords {
            target,
            kind,
            most: 50,
        };
        match self.asked(0x7777, ask) {
            DhtAnswer::Records { records, .. } => records.iter().map(|held| held.node).collect(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn records_that_are_forged_ended_or_out_of_place_are_not_held() {
    let mut forged = record(1, 1);
    forged.signature = [0; 64];
    let mut ended = record(2, 2);
    ended.issued = VarInt::saturating(UNIX - 100_000);
    let mut early = record(3, 3);
    early.issued = VarInt::saturating(UNIX + 3_600);
    let mut elsewhere = record(4, 5);
    elsewhere.kind = RecordKind::PEER;
    let bad = [forged, ended, early, elsewhere];
    let outcomes = Victim::new(None, |_| ()).put(9, bad.iter().cloned());
    let expected = [
        PutOutcome::BAD_SIGNATURE,
        PutOutcome::BAD_TIME,
        PutOutcome::BAD_TIME,
        PutOutcome::REFUSED,
    ];
    assert_eq!(outcomes, expected);
    let without = Victim::new(Some(Defence::Verification), |_| ()).put(9, bad.into_iter());
    assert_eq!(without, [PutOutcome::HELD; 4]);
}

/// How many records a search tells of whose only answer is this one.
fn found_by_search(without: Option<Defence>, given: &Record) -> usize {
    let mut victim = Victim::new(without, |_| ());
    let Victim {
        engine, entropy, ..
    } = &mut victim;
    engine.restore(&[member(1)]);
    engine.find_providers(at(0), Key::from_bytes(name(4)), 5, entropy);
    let mut found = 0;
    while let Some(output) = engine.poll_output() {
        match output {
            Output::Send {
                request_id: request,
                ..
            } => {
                let (records, closer) = (vec![given.clone()], Vec::new());
                let answer = DhtAnswer::Records { records, closer };
                engine.handle_input(at(80), Input::Answer { request, answer }, entropy);
            }
            Output::RecordFound { .. } => found += 1,
            _ => {}
        }
    }
    found
}

#[test]
fn records_that_are_forged_ended_or_of_another_key_are_not_believed() {
    let mut forged = record(4, 8);
    forged.signature = [0; 64];
    let mut ended = record(4, 8);
    ended.issued = VarInt::saturating(UNIX - 100_000);
    assert_eq!(found_by_search(None, &record(4, 8)), 1);
    for bad in [forged, ended, record(5, 8)] {
        assert_eq!(found_by_search(None, &bad), 0, "{bad:?}");
        let without = found_by_search(Some(Defence::Verification), &bad);
        assert_eq!(without, 1, "{bad:?}");
    }
}

/// Sixteen members ask that nobody can dial. How many are listed in the end, and how many were dialled.
fn listed_without_dialling(without: Option<Defence>) -> (usize, usize) {
    let mut victim = Victim::new(without, |_| ());
    for number in 0..16 {
        victim.asked(number * 4_000, Ask::Ping);
    }
    let listed = victim.engine.members().count();
    let mut dials = 0;
    for second in 1..60 {
        let now = at(second * 1_000);
        victim.engine.handle_timeout(now, &mut victim.entropy);
        while let Some(output) = victim.engine.poll_output() {
            if let Output::Send {
                over: Over::NewSession,
                request_id: request,
                ..
            } = output
            {
                dials += 1;
                let failed = Input::Failed { request };
                victim.engine.handle_input(now, failed, &mut victim.entropy);
            }
        }
    }
    (listed.max(victim.engine.members().count()), dials)
}

#[test]
fn members_that_cannot_be_dialled_are_not_listed() {
    let (listed, dials) = listed_without_dialling(None);
    assert!(listed == 0 && dials > 0, "{listed} listed, {dials} dialled");
    let (without, _) = listed_without_dialling(Some(Defence::DialBack));
    assert_eq!(without, 16);
}

#[test]
fn peer_that_asks_on_and_on_is_told_to_wait() {
    let answered = |without| {
        let mut victim = Victim::new(without, |_| ());
        let answers = (0..1_000).map(|_| victim.asked(1, Ask::Ping));
        let answered = answers.filter(|answer| *answer == DhtAnswer::Pong).count();
        assert_eq!(victim.asked(2, Ask::Ping), DhtAnswer::Pong);
        answered
    };
    assert_eq!(answered(None), 256);
    assert_eq!(answered(Some(Defence::Quotas)), 1_000);
}

#[test]
fn signer_of_many_records_leaves_room_for_others() {
    let others = |without| {
        let mut victim = Victim::new(without, |config| config.records = 100);
        victim.put(1, (0..200).map(|key| record(key, 1)));
        let others = (0..50).map(|number| record(1_000 + number, 100 + number));
        let outcomes = victim.put(2, others);
        assert_eq!(victim.engine.held().0, 100);
        let held = outcomes.iter().filter(|held| **held == PutOutcome::HELD);
        held.count()
    };
    assert_eq!(others(None), 50);
    assert_eq!(others(Some(Defence::Quotas)), 0);
}

#[test]
fn signers_who_came_first_do_not_keep_others_from_a_key() {
    let signers = |without| {
        let mut victim = Victim::new(without, |config| config.records_a_key = 8);
        victim.put(1, (0..8).map(|signer| record(4, signer)));
        victim.put(2, (8..48).map(|signer| record(4, signer)));
        let held = victim.held_under(4);
        let late = held.iter().filter(|node| **node >= name(8)).count();
        (held.len(), late)
    };
    let (held, late) = signers(None);
    assert!(held == 8 && late > 3, "{late} late ones of {held}");
    assert_eq!(signers(Some(Defence::Quotas)), (48, 40), "no bound at all");
}
