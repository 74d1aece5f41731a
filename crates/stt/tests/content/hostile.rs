//! Members that lie, stall or flood: what each costs is bounded.

use std::time::Duration;

use stt::storage::{Address, Reference};
use stt::{Blame, FetchError, Provider, ProviderState, Target};
use stt_sim::Link;
use stt_wire::{ContentAnswer, ContentPart, Spans, VarInt};

use crate::library::{FETCHER, MIB, carried, holder, object, rate};
use crate::raw::frame;
use crate::support::{address, in_world};
use crate::villain::{Reply, Script, encoded, parts_of, piece, root_of, villain};

fn honest(hosts: std::ops::RangeInclusive<u8>) -> Vec<Provider> {
    hosts
        .map(|host| Target::from(address(host)).into())
        .collect()
}

#[test]
fn liar_costs_one_block_when_a_reference_was_given() {
    in_world(1, Link::wan(), async |_, world| {
        let content = object(1, 24 * MIB);
        let mut reference = None;
        for host in 1..=7 {
            let holder = holder(&world, host).await;
            reference = Some(holder.publish(&content).await);
            rate(&world, host, 20_000);
        }
        let reference = reference.unwrap();
        let fetcher = holder(&world, FETCHER).await;
        let lie = |part, from: u64| match part {
            ContentPart::Block(_) => Reply::Bytes(piece(&vec![7; MIB - from as usize])),
            _ => Reply::Bytes(encoded(&ContentAnswer::Absent)),
        };
        let liar = villain(&world, 9, &fetcher, Script::new(reference, lie)).await;
        let providers = honest(1..=7).into_iter().chain([liar.into()]);
        let mut fetch = fetcher.node.fetch_from(reference, providers).unwrap();
        fetch.finished().await.unwrap();
        let progress = fetch.progress();
        assert_eq!(
            progress.providers[7].state,
            ProviderState::Dropped(Blame::FalsePart)
        );
        // One, and what was on its way when that was compared.
        let discarded = progress.discarded;
        assert!(discarded <= (MIB + MIB / 4) as u64, "{discarded}");
        assert!(fetcher.has(&content).await);
    });
}

#[test]
fn liars_cost_two_objects_at_most_when_only_an_address_was_given() {
    in_world(2, Link::wan(), async |_, world| {
        let content = object(1, 6 * MIB);
        let source = holder(&world, 1).await;
        let truth = source.publish(&content).await;
        let fetcher = holder(&world, FETCHER).await;
        let mut providers = honest(1..=1);
        // Each of two false roots is claimed by more members than the true one.
        for (group, hosts) in [(50, 10..=12), (51, 13..=14)] {
            let other = holder(&world, group).await;
            let false_content = object(group.into(), 6 * MIB);
            let stored = other.storage.store(false_content.clone()).await.unwrap();
            let claim = Reference {
                address: truth.address,
                root: root_of(&false_content),
                length: truth.length,
            };
            let parts = parts_of(&other, stored).await;
            for host in hosts {
                let parts = parts.clone();
                let script = Script::new(claim, move |part, from| {
                    Reply::Bytes(piece(&parts(part, from)))
                });
                providers.push(villain(&world, host, &fetcher, script).await.into());
            }
        }
        let mut one_lie = fetcher
            .node
            .fetch_from(truth.address, providers[..4].to_vec())
            .unwrap();
        assert_eq!(one_lie.finished().await.unwrap(), truth);
        assert!(fetcher.has(&content).await);
        let progress = one_lie.progress();
        let false_root = ProviderState::Dropped(Blame::FalseRoot);
        assert!(
            progress.providers[1..]
                .iter()
                .all(|provider| provider.state == false_root)
        );
        let received: u64 = progress
            .providers
            .iter()
            .map(|provider| provider.received)
            .sum();
        assert!(received <= 2 * truth.length + MIB as u64, "{received}");

        let other = holder(&world, 102).await;
        drop(other);
        fetcher.storage.remove(truth).await.unwrap();
        let mut two_lies = fetcher.node.fetch_from(truth.address, providers).unwrap();
        let ended = two_lies.finished().await.unwrap_err();
        assert!(matches!(ended, FetchError::FalseRoots), "{ended}");
        let progress = two_lies.progress();
        let received: u64 = progress
            .providers
            .iter()
            .map(|provider| provider.received)
            .sum();
        assert!(received <= 2 * truth.length + MIB as u64, "{received}");
        assert!(!fetcher.storage.contains(truth).await.unwrap());
    });
}

#[test]
fn reference_with_a_false_root_is_told_from_the_truth() {
    in_world(3, Link::lan(), async |_, world| {
        let content = object(1, 3 * MIB);
        let source = holder(&world, 1).await;
        let truth = source.publish(&content).await;
        let fetcher = holder(&world, FETCHER).await;
        let claim = Reference {
            address: Address::of(b"another object"),
            ..truth
        };
        let parts = parts_of(&source, truth).await;
        let script = Script::new(claim, move |part, from| {
            Reply::Bytes(piece(&parts(part, from)))
        });
        let liar = villain(&world, 9, &fetcher, script).await;
        let mut fetch = fetcher.node.fetch_from(claim, [liar]).unwrap();
        let ended = fetch.finished().await.unwrap_err();
        let is_found =
            matches!(ended, FetchError::FalseReference { found } if found == truth.address);
        assert!(is_found, "{ended}");
        assert!(!fetcher.storage.contains(claim.address).await.unwrap());
    });
}

/// Fetches from an honest member and a villain, and says what became of the villain.
fn beside_an_honest_member(
    seed: u64,
    script: impl FnOnce(Script) -> Script + 'static,
    deed: impl Fn(ContentPart, u64) -> Reply + Send + Sync + 'static,
) -> (ProviderState, f64) {
    in_world(seed, Link::wan(), async move |sim, world| {
        let content = object(1, 12 * MIB);
        let source = holder(&world, 1).await;
        let reference = source.publish(&content).await;
        rate(&world, 1, 40_000);
        let fetcher = holder(&world, FETCHER).await;
        let script = script(Script::new(reference, deed));
        let liar = villain(&world, 9, &fetcher, script).await;
        let providers = honest(1..=1).into_iter().chain([liar.into()]);
        let begun = sim.now();
        let mut fetch = fetcher.node.fetch_from(reference, providers).unwrap();
        fetch.finished().await.unwrap();
        let took = sim.now().duration_since(begun).as_secs_f64();
        assert!(fetcher.has(&content).await);
        (fetch.progress().providers[1].state, took)
    })
}

/// What 12 MiB take at 40 Mbit/s, and what is borne on top.
const HONEST_SECONDS: f64 = 12.0 * 1.048_576 * 8.0 / 40.0;

#[test]
fn member_that_promises_blocks_and_gives_none_is_dropped() {
    let absent = |_, _| Reply::Bytes(encoded(&ContentAnswer::Absent));
    let (state, took) = beside_an_honest_member(4, |script| script, absent);
    assert_eq!(state, ProviderState::Dropped(Blame::EmptyPromises));
    assert!(took < HONEST_SECONDS * 1.3 + 1.0, "{took}");
}

#[test]
fn member_that_sends_a_byte_now_and_then_holds_nobody_up() {
    let slow = |_, from: u64| {
        let len = VarInt::new(MIB as u64 - from).unwrap();
        Reply::Stall(encoded(&ContentAnswer::Piece { len }))
    };
    let (_, took) = beside_an_honest_member(5, |script| script, slow);
    assert!(took < HONEST_SECONDS * 1.3 + 5.0, "{took}");
}

#[test]
fn member_that_never_answers_a_request_holds_nobody_up() {
    let silent = |_, _| Reply::Stall(Vec::new());
    let (_, took) = beside_an_honest_member(6, |script| script, silent);
    assert!(took < HONEST_SECONDS * 1.3 + 7.0, "{took}");
}

#[test]
fn part_of_another_length_costs_the_sender_its_place() {
    for len in [0, MIB - 1, MIB + 1] {
        let wrong = move |_, _| Reply::Bytes(piece(&vec![1; len]));
        let (state, took) = beside_an_honest_member(7, |script| script, wrong);
        assert_eq!(state, ProviderState::Dropped(Blame::Breach));
        assert!(took < HONEST_SECONDS * 1.3 + 1.0, "{took}");
    }
    // More or less than was announced.
    for len in [MIB - 1, MIB + 1] {
        let wrong = move |_, from: u64| {
            let announced = VarInt::new(MIB as u64 - from).unwrap();
            let mut said = encoded(&ContentAnswer::Piece { len: announced });
            said.resize(said.len() + len - from as usize, 1);
            Reply::Bytes(said)
        };
        let (state, _) = beside_an_honest_member(8, |script| script, wrong);
        assert_eq!(state, ProviderState::Dropped(Blame::Breach));
    }
}

#[test]
fn endless_lists_of_blocks_have_an_end() {
    let absent = |_, _| Reply::Bytes(encoded(&ContentAnswer::Absent));
    let again = |mut script: Script| {
        script.have = script.have.repeat(10_000);
        script
    };
    let (state, _) = beside_an_honest_member(9, again, absent);
    assert_eq!(state, ProviderState::Dropped(Blame::Breach));
    let beyond = |mut script: Script| {
        script.have = encoded(&ContentAnswer::Have(Spans::all(1 << 40)));
        script
    };
    let (state, _) = beside_an_honest_member(10, beyond, absent);
    assert_eq!(state, ProviderState::Dropped(Blame::Breach));
}

#[test]
fn answers_that_are_none_cost_the_session() {
    let garbage = |_, _| Reply::Bytes(frame(0x1f, b"what"));
    let (state, took) = beside_an_honest_member(11, |script| script, garbage);
    assert!(
        matches!(state, ProviderState::Dropped(Blame::Breach)),
        "{state:?}"
    );
    assert!(took < HONEST_SECONDS * 1.3 + 1.0, "{took}");
}

#[test]
fn liar_among_those_who_sent_pieces_of_a_block_is_found() {
    // It sends half of each block, false, and stops: others complete it.
    let half = |part, from: u64| {
        if !matches!(part, ContentPart::Block(_)) {
            return Reply::Bytes(encoded(&ContentAnswer::Absent));
        }
        let len = VarInt::new(MIB as u64 - from).unwrap();
        let mut said = encoded(&ContentAnswer::Piece { len });
        said.extend(vec![9; (MIB - from as usize) / 2]);
        Reply::Stall(said)
    };
    let (state, took) = beside_an_honest_member(12, |script| script, half);
    assert_eq!(state, ProviderState::Dropped(Blame::FalsePart));
    assert!(took < HONEST_SECONDS * 1.4 + 7.0, "{took}");
}

#[test]
fn flood_of_requests_does_not_take_the_line_from_another_member() {
    in_world(13, Link::wan(), async |sim, world| {
        let content = object(1, 12 * MIB);
        let source = holder(&world, 1).await;
        let reference = source.publish(&content).await;
        let fetcher = holder(&world, FETCHER).await;
        // A member asks for everything, a hundred times over, and reads nothing of it.
        let raw = crate::raw::RawMember::new(&world, 9);
        let (connection, _control) = raw.session(address(1)).await;
        let mut kept = Vec::new();
        for number in 0..900_u64 {
            let (mut send, recv) = connection.open_bi().await.unwrap();
            let mut said = vec![0x01, 1, 0x11];
            let take = [
                &reference.address.as_bytes()[..],
                &reference.root,
                &[0, (number % 12) as u8, 0],
            ];
            said.extend(frame(0x22, &take.concat()));
            send.write_all(&said).await.unwrap();
            let _ = send.finish();
            kept.push(recv);
        }
        sim.sleep(Duration::from_secs(1)).await;
        let begun = sim.now();
        fetcher.get(reference, [1]).await.unwrap();
        let took = sim.now().duration_since(begun).as_secs_f64();
        // 100 Mbit/s each: their links differ.
        assert!(took < 12.0 * 1.048_576 * 8.0 / 100.0 * 1.5 + 1.0, "{took}");
        assert!(
            carried(&world, 1, 9) > 2 * MIB as u64,
            "the flood was answered"
        );
        // What it reads none of is not sent without end either.
        assert!(carried(&world, 1, 9) < 20 * MIB as u64);
        assert!(fetcher.has(&content).await);
    });
}
