//! What a member knows and has announced outlasts others, its own end, and the seed's epochs.

use std::{collections::BTreeSet, time::Duration};

use stt::{
    Node, NodeSeed,
    dht::{DhtOptions, FindPeerError, FindProvidersError, KeptError, QueryError},
    storage::Address,
};
use stt_sim::Link;

use crate::{
    rotation::next_epoch,
    support::{address, in_world},
    village::{Village, builder, joining, options, providers},
};

#[test]
fn a_member_joins_by_whom_it_knew_when_the_one_it_joined_by_is_gone() {
    in_world(3, Link::wan(), |sim, world| async move {
        let kept = tempfile::tempdir().unwrap();
        let village = Village::new(&sim, &world, 8).await;
        let seed = world.sim.entropy("the one that comes again").bytes();
        let run = |host, options: DhtOptions| {
            let builder = builder(&world, host, options.data_dir(kept.path()));
            builder.node_seed(NodeSeed::from_bytes(seed)).start()
        };
        let first = run(20, joining(1)).await.unwrap();
        sim.sleep(Duration::from_secs(30)).await;
        assert_eq!(first.dht().unwrap().stats().kept_restored, 0);
        first.shutdown(Duration::from_secs(5)).await;
        world.net.kill(address(1));
        let object = Address::of(b"object");
        village.dht(4).announce(object).await.unwrap();

        let second = run(21, options()).await.unwrap();
        let dht = second.dht().unwrap();
        assert_eq!(dht.stats().kept_restored, 8);
        sim.sleep(Duration::from_secs(10)).await;
        let found = providers(&dht, object).await.unwrap();
        assert_eq!(found, BTreeSet::from([village.id(4)]));
        second.shutdown(Duration::from_secs(5)).await;

        // Whatever else is in the file, the node runs and says why nothing is believed.
        for (host, bytes) in [(22, b"hostile".to_vec()), (23, vec![0; 200_000])] {
            std::fs::write(kept.path().join("members"), &bytes).unwrap();
            let node = run(host, options()).await.unwrap();
            let refused = node.dht().unwrap().stats().kept_refused.unwrap();
            let is_long = matches!(*refused, KeptError::TooLong { .. });
            let is_foreign = matches!(*refused, KeptError::NotOurs);
            assert!(if bytes.len() > 100 {
                is_long
            } else {
                is_foreign
            });
            node.shutdown(Duration::from_secs(1)).await;
        }
    });
}

#[test]
fn a_member_that_leaves_hands_over_what_it_holds() {
    in_world(4, Link::wan(), |sim, world| async move {
        let village = Village::new(&sim, &world, 3).await;
        let object = Address::of(b"object");
        village.dht(2).announce(object).await.unwrap();
        // It comes after the announcement, and learns of it by those who go.
        let late = builder(&world, 9, joining(1)).start().await.unwrap();
        sim.sleep(Duration::from_secs(30)).await;
        for host in [1, 3] {
            village.nodes[host - 1]
                .shutdown(Duration::from_secs(5))
                .await;
        }
        world.net.kill(address(2));
        let found = providers(&late.dht().unwrap(), object).await.unwrap();
        assert_eq!(found, BTreeSet::from([village.id(2)]));
        assert!(providers(&village.dht(1), object).await.is_err());
    });
}

#[test]
fn what_was_announced_is_found_before_during_and_after_a_rotation() {
    in_world(5, Link::wan(), |sim, world| async move {
        let village = Village::new(&sim, &world, 6).await;
        let (old, new) = (Address::of(b"old"), Address::of(b"new"));
        village.dht(2).announce(old).await.unwrap();
        let only = |host| BTreeSet::from([village.id(host)]);
        assert_eq!(providers(&village.dht(5), old).await, Ok(only(2)));
        let next = next_epoch(&sim, &world.group);
        let grace = Duration::from_secs(600);
        // Some have rotated and some have not: what was announced before is found by both.
        for host in [1, 2, 3] {
            village.nodes[host - 1].rotate(&next, grace).unwrap();
        }
        village.dht(3).announce(new).await.unwrap();
        for host in [1, 5] {
            assert_eq!(providers(&village.dht(host), old).await, Ok(only(2)));
        }
        assert_eq!(providers(&village.dht(1), new).await, Ok(only(3)));
        for host in [4, 5, 6] {
            village.nodes[host - 1].rotate(&next, grace).unwrap();
        }
        assert_eq!(providers(&village.dht(5), new).await, Ok(only(3)));
        sim.sleep(grace * 2).await;
        for (object, host) in [(old, 2), (new, 3)] {
            assert_eq!(providers(&village.dht(6), object).await, Ok(only(host)));
        }
    });
}

#[test]
fn what_is_withdrawn_is_found_no_more() {
    in_world(6, Link::wan(), |sim, world| async move {
        let village = Village::new(&sim, &world, 6).await;
        let object = Address::of(b"object");
        village.dht(2).announce(object).await.unwrap();
        assert_eq!(village.dht(2).announced(), [object]);
        assert!(providers(&village.dht(5), object).await.is_ok());
        assert_eq!(
            providers(&village.dht(2), object).await,
            Err(FindProvidersError::OnlyThisNode)
        );
        village.dht(2).withdraw(object).await.unwrap();
        assert!(village.dht(2).announced().is_empty());
        assert!(providers(&village.dht(5), object).await.is_err());
    });
}

#[test]
fn a_query_always_ends_with_a_result_or_a_reason() {
    in_world(7, Link::wan(), |sim, world| async move {
        let alone = builder(&world, 30, options()).start().await.unwrap();
        let dht = alone.dht().unwrap();
        let object = Address::of(b"nowhere");
        let nobody = QueryError::NobodyKnown;
        assert_eq!(providers(&dht, object).await, Err(nobody.into()));
        let stranger = builder(&world, 31, options()).start().await.unwrap().id();
        assert_eq!(dht.find_peer(stranger).await, Err(nobody.into()));
        assert!(dht.announce(object).await.is_err());

        let village = Village::new(&sim, &world, 5).await;
        let ended = providers(&village.dht(2), object).await;
        let reason = QueryError::NotFound { answered: 4 };
        assert_eq!(ended, Err(reason.into()));
        for host in [1, 3, 4, 5] {
            world.net.kill(address(host));
        }
        let before = sim.elapsed();
        let ended = village.dht(2).find_peer(stranger).await;
        assert!(matches!(ended, Err(FindPeerError::Query(_))), "{ended:?}");
        let took = sim.elapsed().saturating_sub(before);
        assert!(took <= Duration::from_secs(30), "{took:?}");
        // What waits when the node ends has an end too.
        let waiting = village.dht(2);
        let search = sim.spawn(async move { providers(&waiting, object).await });
        let node: &Node = &village.nodes[1];
        node.shutdown(Duration::from_secs(1)).await;
        assert!(search.await.is_err());
        let left = providers(&village.dht(2), object).await;
        assert_eq!(left, Err(FindProvidersError::Left));
    });
}

#[test]
fn members_meet_by_a_suggestion_and_by_sessions_that_others_began() {
    in_world(8, Link::wan(), |sim, world| async move {
        let one = builder(&world, 1, options()).start().await.unwrap();
        let two = builder(&world, 2, options()).start().await.unwrap();
        let three = builder(&world, 3, options()).start().await.unwrap();
        two.dht().unwrap().suggest(address(1));
        three.connect(address(1)).await.unwrap();
        sim.sleep(Duration::from_secs(60)).await;
        let object = Address::of(b"object");
        one.dht().unwrap().announce(object).await.unwrap();
        for node in [&two, &three] {
            let found = providers(&node.dht().unwrap(), object).await.unwrap();
            assert_eq!(found, BTreeSet::from([one.id()]));
        }
    });
}
