//! Members that lie about a feed, publishers among them, cost little, are named, and harm nobody's own.

use std::time::Duration;

use bytes::BytesMut;
use stt::{FeedBlame, FollowError, LiveOptions, Start};
use stt_sim::Link;
use stt_wire::{FeedAnswer, FeedRequest, FrameDecoder, Open, StreamKind, VarInt};

use crate::raw::RawMember;
use crate::studio::{Camera, Member, Seen, from};
use crate::support::{address, in_world, payload};
use crate::villain::{Script, entry, feed_of, identity, reference_of, villain};

/// A run of one segment, as far as can be seen without its context.
fn run(seed: u64) -> Vec<u8> {
    let mut segment = payload(seed, 200);
    // spec: SEG-2: version, suite, flags.
    segment[..3].copy_from_slice(&[1, 1, 0]);
    [&200_u32.to_be_bytes()[..], &segment].concat()
}

#[test]
fn a_holder_that_forges_reorders_or_spoils_is_named_and_costs_one_entry() {
    in_world(81, Link::lan(), async |sim, world| {
        let camera = Camera::new(&sim, &world, 2_000);
        let publisher = Member::new(&world, 1).await;
        let feed = publisher.publish(&camera, 100);
        sim.sleep(Duration::from_secs(11)).await;
        let reference = feed.reference();

        // The true entries, as anybody can hear them.
        let raw = RawMember::new(&world, 9);
        let true_entries = hear(&raw, reference, 3).await;
        let viewer = Member::new(&world, 2).await;
        let to = (2, &viewer);
        let mut forged = true_entries.clone();
        forged[0].address[0] ^= 1;
        let forged = Script {
            entries: forged,
            ..Script::default()
        };
        let reordered = Script {
            entries: vec![true_entries[0], true_entries[2]],
            ..Script::default()
        };
        let object = stt::storage::Reference {
            address: stt::storage::Address::from_bytes(true_entries[0].address),
            root: true_entries[0].root,
            length: true_entries[0].length.get(),
        };
        let spoiling = Script {
            entries: vec![true_entries[0]],
            objects: vec![(object, vec![0; object.length as usize])],
        };
        let mut villains = Vec::new();
        for (host, script) in [(10, forged), (11, reordered), (12, spoiling)] {
            villains.push(villain(&world, host, to, script).await);
        }
        let session = viewer.node.connect(address(1)).await.unwrap();
        let sessions: Vec<_> = villains
            .iter()
            .map(|(session, _)| session.clone())
            .collect();
        let mut options = from(Start::Beginning, sessions.iter().chain([&session]));
        options.holders = 4;
        let mut following = viewer.follow(reference, options);
        let seen = Seen::to_the_end(&sim, &mut following).await;
        seen.assert_whole_from(&camera, 0);
        let blamed = following.status().blamed;
        let of = |place: usize| {
            let id = villains[place].1;
            blamed.iter().find(|(node, _)| *node == id).map(|it| it.1)
        };
        assert_eq!(of(0), Some(FeedBlame::ForgedEntry));
        assert_eq!(of(1), Some(FeedBlame::OutOfOrder));
        assert!(matches!(of(2), Some(FeedBlame::Object(_))), "{blamed:?}");
        assert_eq!(blamed.len(), 3);
    });
}

#[test]
fn a_publisher_that_signs_two_histories_is_found_out_by_who_hears_of_both() {
    in_world(82, Link::lan(), async |sim, world| {
        let publisher = identity(50);
        let feed = feed_of(&publisher);
        let viewer = Member::new(&world, 2).await;
        let mut sessions = Vec::new();
        for (host, seed) in [(10, 1), (11, 2)] {
            let objects = [run(seed), run(seed + 2)].map(|run| (reference_of(&run), run));
            let entry = |number: usize| entry(&publisher, &feed, number as u64, &objects[number].0);
            let script = Script {
                entries: vec![entry(0), entry(1)],
                objects: objects.to_vec(),
            };
            sessions.push(villain(&world, host, (2, &viewer), script).await.0);
        }
        let mut following = viewer.follow(feed, from(Start::Beginning, &sessions));
        let seen = Seen::to_the_end(&sim, &mut following).await;
        let error = seen.error.unwrap();
        assert!(matches!(error, FollowError::TwoHistories { .. }), "{error}");
    });
}

#[test]
fn a_publisher_that_names_what_a_follower_keeps_to_itself_gets_neither_it_nor_its_removal() {
    in_world(83, Link::lan(), async |sim, world| {
        let publisher = identity(50);
        let feed = feed_of(&publisher);
        let viewer = Member::new(&world, 2).await;
        let own = viewer.storage.store(payload(7, 5_000)).await.unwrap();
        let script = Script {
            entries: vec![entry(&publisher, &feed, 0, &own)],
            ..Script::default()
        };
        let (session, _) = villain(&world, 10, (2, &viewer), script).await;
        let mut following = viewer.follow(feed, from(Start::Beginning, [&session]));
        let seen = Seen::to_the_end(&sim, &mut following).await;
        let error = seen.error.unwrap();
        assert!(
            matches!(error, FollowError::FalseEntry { number: 0 }),
            "{error}"
        );

        let curious = Member::new(&world, 3).await;
        let session = curious.node.connect(address(2)).await.unwrap();
        let mut fetch = curious.node.fetch_from(own, [&session]).unwrap();
        assert!(fetch.finished().await.is_err());
        drop(following);
        sim.sleep(Duration::from_secs(1)).await;
        assert!(viewer.storage.contains(own).await.unwrap());
    });
}

#[test]
fn an_object_that_is_no_run_is_not_kept_and_ends_the_feed() {
    in_world(84, Link::lan(), async |sim, world| {
        let publisher = identity(50);
        let feed = feed_of(&publisher);
        let viewer = Member::new(&world, 2).await;
        let (good, bad) = (run(1), payload(3, 4_000));
        let objects = [good, bad].map(|object| (reference_of(&object), object));
        let entry = |number: usize| entry(&publisher, &feed, number as u64, &objects[number].0);
        let script = Script {
            entries: vec![entry(0), entry(1)],
            objects: objects.to_vec(),
        };
        let (session, _) = villain(&world, 10, (2, &viewer), script).await;
        let mut following = viewer.follow(feed, from(Start::Beginning, [&session]));
        let seen = Seen::to_the_end(&sim, &mut following).await;
        let error = seen.error.unwrap();
        assert!(
            matches!(error, FollowError::FalseEntry { number: 1 }),
            "{error}"
        );
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(viewer.objects().await, 0);
    });
}

#[test]
fn a_flood_of_requests_takes_one_place_and_a_full_holder_says_busy() {
    in_world(85, Link::lan(), async |sim, world| {
        let camera = Camera::new(&sim, &world, 2_000);
        let publisher = Member::new(&world, 1).await;
        let mut options = LiveOptions::default();
        options.followers = 2;
        let feed = publisher.publish_with(&camera, 300, options);
        sim.sleep(Duration::from_secs(3)).await;
        let flood = RawMember::new(&world, 9);
        let (connection, _control) = flood.session(address(1)).await;
        let mut asked = Vec::new();
        for _ in 0..500 {
            let (mut send, recv) = connection.open_bi().await.unwrap();
            send.write_all(&request(feed.reference(), 0)).await.unwrap();
            send.finish().unwrap();
            asked.push(recv);
            sim.sleep(Duration::from_millis(2)).await;
        }
        // There is a place left, and one is enough.
        let viewer = Member::new(&world, 2).await;
        let session = viewer.node.connect(address(1)).await.unwrap();
        let mut following = viewer.follow(feed.reference(), from(Start::Beginning, [&session]));
        following.next().await.unwrap().unwrap();
        let third = RawMember::new(&world, 10);
        let (connection, _control) = third.session(address(1)).await;
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        send.write_all(&request(feed.reference(), 0)).await.unwrap();
        send.finish().unwrap();
        let answer = recv.read_to_end(100).await.unwrap();
        let mut busy = BytesMut::new();
        let wait = VarInt::new(2_000).unwrap();
        FeedAnswer::Busy { wait }.encode(&mut busy);
        assert_eq!(answer, busy);

        // All but the last request were given up in favour of the one behind them.
        let mut open = 0;
        for mut recv in asked {
            let read = recv.read_to_end(1_000_000);
            let over = sim.timeout(Duration::from_millis(10), read).await;
            open += usize::from(over.is_err());
        }
        assert_eq!(open, 1);
        let seen = Seen::to_the_end(&sim, &mut following).await;
        assert!(seen.error.is_none());
    });
}

fn request(feed: stt::FeedReference, from: u64) -> BytesMut {
    let mut out = BytesMut::new();
    let kind = StreamKind::FeedRequest;
    Open { kind }.encode(&mut out);
    let request = FeedRequest::Follow {
        publisher: *feed.publisher.as_bytes(),
        id: feed.id,
        from: VarInt::new(from).unwrap(),
    };
    request.encode(&mut out);
    out
}

/// The first entries of a feed, from its publisher on host 1.
async fn hear(raw: &RawMember, feed: stt::FeedReference, count: usize) -> Vec<stt_wire::FeedEntry> {
    let (connection, _control) = raw.session(address(1)).await;
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(&request(feed, 0)).await.unwrap();
    send.finish().unwrap();
    let mut decoder = FrameDecoder::new(1_000);
    let mut entries = Vec::new();
    while entries.len() < count {
        let mut chunk = recv.read_chunk(1_000).await.unwrap().unwrap();
        while let Some(frame) = decoder.decode(&mut chunk).unwrap() {
            if let FeedAnswer::Entry(entry) = FeedAnswer::decode(frame).unwrap() {
                entries.push(entry);
            }
        }
    }
    entries.truncate(count);
    entries
}
