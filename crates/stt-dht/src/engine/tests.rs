//! Engines that talk to each other directly, without a network between them.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use stt_wire::{Addresses, Ask, DialOutcome, RecordKind};

use super::*;
use crate::outcome::{Found, QueryError};
use crate::{Config, Serving};

/// Places are names, and signatures are worth their author's word.
#[derive(Debug)]
struct Plain;

impl Keyring for Plain {
    fn place(&self, node: &[u8; 32]) -> Key {
        Key::from_bytes(*node)
    }

    fn sign(&self, record: &mut Record) {
        record.signature = [1; 64];
    }

    fn is_genuine(&self, record: &Record) -> bool {
        record.signature == [1; 64]
    }
}

#[derive(Debug)]
struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

fn member(place: u8) -> Contact {
    let mut node = [0; 32];
    node[0] = place;
    let addresses = Addresses::from(SocketAddr::from(([127, 0, 0, 1], 4_000 + u16::from(place))));
    Contact { node, addresses }
}

fn at(ms: u64) -> Now {
    let time = Duration::from_millis(ms);
    Now {
        moment: Moment::after(time),
        unix: 1_800_000_000 + time.as_secs(),
    }
}

fn engine(place: u8) -> Engine<Plain> {
    let config = Config {
        serving: Serving::Always,
        ..Config::default()
    };
    Engine::new(at(0), config, Plain, NodeId::from_bytes(member(place).node))
}

/// A few engines, the requests between them, and a record of all that was said.
struct Group {
    engines: BTreeMap<[u8; 32], Engine<Plain>>,
    entropy: Counter,
    ms: u64,
    ended: Vec<Ended>,
    said: Vec<String>,
}

impl Group {
    fn new(places: impl Iterator<Item = u8>) -> Self {
        let engines = places
            .map(|place| (member(place).node, engine(place)))
            .collect();
        let (ended, said) = (Vec::new(), Vec::new());
        Self {
            engines,
            entropy: Counter(7),
            ms: 0,
            ended,
            said,
        }
    }

    fn with<T>(
        &mut self,
        place: u8,
        command: impl FnOnce(&mut Engine<Plain>, Now, &mut dyn Entropy) -> T,
    ) -> T {
        let now = at(self.ms);
        let engine = self
            .engines
            .get_mut(&member(place).node)
            .expect("it is there");
        command(engine, now, &mut self.entropy)
    }

    /// Lets time pass in steps of 10 ms, in which everything that is sent arrives.
    fn run(&mut self, ms: u64) {
        let end = self.ms + ms;
        while self.ms < end {
            self.ms += 10;
            let nodes: Vec<_> = self.engines.keys().copied().collect();
            for node in &nodes {
                let now = at(self.ms);
                let engine = self.engines.get_mut(node);
                if let Some(engine) = engine.filter(|engine| engine.poll_timeout() <= now.moment) {
                    engine.handle_timeout(now, &mut self.entropy);
                }
            }
            let mut busy: VecDeque<_> = nodes.into();
            while let Some(node) = busy.pop_front() {
                while let Some(output) = self.engines.get_mut(&node).and_then(Engine::poll_output) {
                    self.said.push(format!("{} {output:?}", self.ms));
                    self.carry_out(node, output);
                }
            }
        }
    }

    fn carry_out(&mut self, node: [u8; 32], output: Output) {
        match output {
            Output::Send {
                request_id,
                to,
                request,
                ..
            } => {
                if let Some(answer) = self.ask(node, to, request) {
                    let input = Input::Answer {
                        request: request_id,
                        answer,
                    };
                    if let Some(engine) = self.engines.get_mut(&node) {
                        engine.handle_input(at(self.ms), input, &mut self.entropy);
                    }
                }
            }
            Output::Ended(ended) => self.ended.push(ended),
            _ => {}
        }
    }

    fn ask(&mut self, node: [u8; 32], to: Contact, request: DhtRequest) -> Option<DhtAnswer> {
        let engine = self.engines.get_mut(&to.node)?;
        let from = member(node[0]);
        engine.handle_input(
            at(self.ms),
            Input::Request {
                token: Token(1),
                from,
                request,
            },
            &mut self.entropy,
        );
        let mut others = VecDeque::new();
        let mut answer = None;
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Answer { answer: given, .. } => answer = Some(given),
                Output::DialBack { .. } => answer = Some(DhtAnswer::Dialled(DialOutcome::Reached)),
                other => others.push_back(other),
            }
        }
        engine.outputs = others;
        answer
    }

    fn joined(count: u8) -> Self {
        let mut group = Self::new(1..=count);
        for place in 2..=count {
            group.with(place, |engine, now, entropy| {
                engine.join(now, &[member(1)], entropy)
            });
            group.run(200);
        }
        group.run(20_000);
        group.ended.clear();
        group
    }
}

#[test]
fn members_that_join_by_one_find_all_others() {
    let mut group = Group::joined(15);
    for engine in group.engines.values() {
        assert_eq!(engine.members().count(), 14);
    }
    let key = Key::from_bytes(member(200).node);
    group.with(3, |engine, now, entropy| {
        engine.find_closest(now, key, entropy)
    });
    group.run(1_000);
    let Some(Ok(Found::Members(found))) = group.ended.pop().map(|ended| ended.result) else {
        panic!("it ends with members");
    };
    let mut expected: Vec<_> = (1..=15).filter(|place| *place != 3).map(member).collect();
    expected.sort_by_key(|contact| key.distance(&Key::from_bytes(contact.node)));
    assert_eq!(found, expected);
}

fn providers(group: &mut Group, reader: u8, key: Key) -> Result<Vec<u8>, QueryError> {
    group.with(reader, |engine, now, entropy| {
        engine.find_providers(now, key, 5, entropy)
    });
    group.run(31_000);
    match group.ended.pop().expect("it ends").result {
        Ok(Found::Records(records)) => Ok(records.iter().map(|record| record.node[0]).collect()),
        Ok(other) => panic!("{other:?}"),
        Err(reason) => Err(reason),
    }
}

#[test]
fn content_is_found_until_it_is_withdrawn() {
    let mut group = Group::joined(12);
    let key = Key::from_bytes([0x55; 32]);
    assert!(matches!(
        providers(&mut group, 5, key),
        Err(QueryError::NotFound { .. })
    ));
    let says = Bytes::from_static(b"sealed");
    group.with(2, |engine, now, entropy| {
        engine.announce(now, key, RecordKind::PROVIDER, says, entropy)
    });
    group.run(1_000);
    assert!(
        matches!(group.ended.pop().unwrap().result, Ok(Found::Held { by, of }) if by * 4 >= of * 3)
    );
    assert_eq!(providers(&mut group, 5, key), Ok(vec![2]));
    group.with(2, |engine, now, entropy| {
        engine.withdraw(now, key, RecordKind::PROVIDER, entropy)
    });
    group.run(1_000);
    group.ended.clear();
    assert!(matches!(
        providers(&mut group, 5, key),
        Err(QueryError::NotFound { .. })
    ));
}

#[test]
fn member_is_found_by_its_name() {
    let mut group = Group::joined(12);
    let place = Key::from_bytes(member(4).node);
    let says = Bytes::from_static(b"sealed");
    group.with(4, |engine, now, entropy| {
        engine.announce(now, place, RecordKind::PEER, says, entropy)
    });
    group.run(1_000);
    group.ended.clear();
    let node = NodeId::from_bytes(member(4).node);
    group.with(9, |engine, now, entropy| {
        engine.find_peer(now, &node, entropy)
    });
    group.run(1_000);
    let result = group.ended.pop().unwrap().result;
    assert!(matches!(result, Ok(Found::Records(records)) if records.len() == 1));
}

#[test]
fn query_always_ends_with_a_result_or_a_reason() {
    let mut lonely = Group::new(std::iter::once(1));
    let key = Key::from_bytes([9; 32]);
    lonely.with(1, |engine, now, entropy| {
        engine.find_closest(now, key, entropy)
    });
    lonely.run(100);
    assert!(matches!(
        lonely.ended.pop().unwrap().result,
        Err(QueryError::NobodyKnown)
    ));
    // And if the only one that is known is gone.
    lonely.with(1, |engine, now, entropy| {
        engine.join(now, &[member(2)], entropy)
    });
    lonely.run(31_000);
    let ended = lonely.ended.pop().unwrap();
    assert!(matches!(
        ended.result,
        Err(QueryError::NobodyAnswered { asked: 1 })
    ));
    assert!(ended.effort.time <= Duration::from_secs(30));
}

#[test]
fn answer_that_comes_late_still_counts_if_there_is_no_other() {
    for answers in [true, false] {
        let (mut engine, mut entropy) = (engine(1), Counter(3));
        engine.join(at(0), &[member(2)], &mut entropy);
        let ended = |engine: &mut Engine<Plain>| {
            let outputs = std::iter::from_fn(|| engine.poll_output());
            let mut sent = None;
            let mut ended = None;
            for output in outputs {
                match output {
                    Output::Send { request_id, .. } => sent = sent.or(Some(request_id)),
                    Output::Ended(end) => ended = Some(end.result),
                    _ => {}
                }
            }
            (sent, ended)
        };
        let (Some(request), None) = ended(&mut engine) else {
            panic!("one request, no end");
        };
        // Given up after two seconds, but not for good.
        for ms in [1_000, 2_000, 2_500] {
            engine.handle_timeout(at(ms), &mut entropy);
            assert!(ended(&mut engine).1.is_none(), "{ms}");
        }
        if answers {
            let answer = DhtAnswer::Nodes(Vec::new());
            let late = Input::Answer { request, answer };
            engine.handle_input(at(3_000), late, &mut entropy);
        } else {
            engine.handle_timeout(at(5_500), &mut entropy);
        }
        match ended(&mut engine).1.unwrap() {
            Ok(Found::Members(found)) => assert!(answers && found == [member(2)]),
            result => assert!(!answers && result == Err(QueryError::NobodyAnswered { asked: 1 })),
        }
    }
}

#[test]
fn member_that_takes_leave_is_gone_at_once_and_its_records_are_not() {
    let mut group = Group::joined(30);
    let key = Key::from_bytes([0x55; 32]);
    let says = Bytes::from_static(b"sealed");
    group.with(2, |engine, now, entropy| {
        engine.announce(now, key, RecordKind::PROVIDER, says, entropy)
    });
    group.run(1_000);
    let holders = |group: &Group| {
        let hold = group.engines.values().filter(|engine| engine.held().0 > 0);
        hold.map(|engine| engine.me[0]).collect::<Vec<_>>()
    };
    let before = holders(&group);
    let leaving = *before.iter().find(|place| **place != 2).unwrap();
    group.with(leaving, |engine, now, _| engine.leave(now));
    group.run(1_000);
    group.engines.remove(&member(leaving).node);
    assert!(holders(&group).len() >= before.len() - 1);
    let knows = group.engines.values().filter(|engine| {
        engine
            .members()
            .any(|contact| contact.node == member(leaving).node)
    });
    assert!(
        knows.count() <= 10,
        "neighbours drop it at once, others when they find out"
    );
}

#[test]
fn equal_inputs_give_equal_outputs_byte_for_byte() {
    let trace = || {
        let mut group = Group::joined(12);
        let key = Key::from_bytes([0x55; 32]);
        let says = Bytes::from_static(b"sealed");
        group.with(2, |engine, now, entropy| {
            engine.announce(now, key, RecordKind::PROVIDER, says, entropy)
        });
        group.run(60_000);
        let _ = providers(&mut group, 5, key);
        group.said
    };
    let (one, other) = (trace(), trace());
    assert!(one.len() > 100);
    assert_eq!(one, other);
}

#[test]
fn stranger_to_the_network_learns_no_private_addresses() {
    let mut group = Group::joined(5);
    let far = Contact {
        node: [0xee; 32],
        addresses: Addresses::from(SocketAddr::from(([11, 1, 1, 1], 4_000))),
    };
    let ask = Ask::FindNode { target: [0; 32] };
    let request = DhtRequest {
        mode: Mode::Client,
        ask,
    };
    let told = |group: &mut Group, from| {
        let request = request.clone();
        group.with(1, |engine, now, entropy| {
            engine.handle_input(
                now,
                Input::Request {
                    token: Token(3),
                    from,
                    request,
                },
                entropy,
            );
            loop {
                match engine.poll_output() {
                    Some(Output::Answer {
                        answer: DhtAnswer::Nodes(told),
                        ..
                    }) => return told.len(),
                    Some(_) => {}
                    None => panic!("it answers"),
                }
            }
        })
    };
    assert_eq!(told(&mut group, far), 0);
    assert!(told(&mut group, member(99)) > 0);
}

#[test]
fn member_dials_back_only_where_the_request_came_from() {
    let mut group = Group::joined(3);
    let dials = |group: &mut Group, address: &str| {
        let ask = Ask::DialBack {
            address: address.parse().unwrap(),
        };
        let (from, request) = (
            member(2),
            DhtRequest {
                mode: Mode::Client,
                ask,
            },
        );
        group.with(1, |engine, now, entropy| {
            engine.handle_input(
                now,
                Input::Request {
                    token: Token(3),
                    from,
                    request,
                },
                entropy,
            );
            std::iter::from_fn(|| engine.poll_output())
                .any(|output| matches!(output, Output::DialBack { .. }))
        })
    };
    assert!(dials(&mut group, "127.0.0.1:9"));
    assert!(!dials(&mut group, "192.0.2.1:9"));
}

#[test]
fn member_whose_session_breaks_is_named_to_nobody_until_it_answers_again() {
    let mut group = Group::joined(5);
    let named = |group: &mut Group| {
        let target = member(2).node;
        let (mode, ask) = (Mode::Client, Ask::FindNode { target });
        match group.ask(member(3).node, member(1), DhtRequest { mode, ask }) {
            Some(DhtAnswer::Nodes(named)) => named.contains(&member(2)),
            other => panic!("{other:?}"),
        }
    };
    assert!(named(&mut group));
    let node = NodeId::from_bytes(member(2).node);
    group.with(1, |engine, now, entropy| {
        engine.handle_input(now, Input::SessionLost { node }, entropy);
    });
    assert!(!named(&mut group));
    group.run(100_000);
    assert!(named(&mut group));
}

#[test]
fn member_whose_session_breaks_is_dropped_with_the_first_request_that_it_leaves() {
    let mut group = Group::joined(5);
    group.engines.remove(&member(2).node);
    let node = NodeId::from_bytes(member(2).node);
    group.with(1, |engine, now, entropy| {
        engine.handle_input(now, Input::SessionLost { node }, entropy);
    });
    group.run(100_000);
    let knows = |place: u8| {
        let node = NodeId::from_bytes(member(place).node);
        group.engines[&member(1).node].member(&node).is_some()
    };
    assert!(!knows(2), "the one that is gone");
    assert!((3..=5).all(knows), "and nobody else");
}

#[test]
fn member_that_is_cut_off_keeps_whom_it_knows() {
    let mut group = Group::joined(12);
    let own = group.engines.remove(&member(1).node).unwrap();
    let mut others = std::mem::take(&mut group.engines);
    group.engines.insert(member(1).node, own);
    for place in 2..=12 {
        let node = NodeId::from_bytes(member(place).node);
        group.with(1, |engine, now, entropy| {
            engine.handle_input(now, Input::SessionLost { node }, entropy);
        });
    }
    group.run(600_000);
    assert_eq!(group.engines[&member(1).node].members().count(), 11);
    // When they are there again, they are found where they were.
    group.engines.append(&mut others);
    group.run(100_000);
    let target = member(2).node;
    let (mode, ask) = (Mode::Client, Ask::FindNode { target });
    match group.ask(member(30).node, member(1), DhtRequest { mode, ask }) {
        Some(DhtAnswer::Nodes(named)) => assert_eq!(named.len(), 11),
        other => panic!("{other:?}"),
    }
}

#[test]
fn members_that_vanish_together_are_missed_within_minutes() {
    let mut group = Group::joined(20);
    // Long enough for members to seem to stay for hours.
    group.run(1_800_000);
    for place in 2..=11 {
        group.engines.remove(&member(place).node);
    }
    group.run(600_000);
    for engine in group.engines.values() {
        let gone = engine
            .members()
            .filter(|known| (2..=11).contains(&known.node[0]));
        assert_eq!(gone.count(), 0);
    }
}
