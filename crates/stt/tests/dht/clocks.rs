//! Members whose clocks are wrong, by ten minutes either way, find each other and content as any others do.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use stt::{Node, storage::Address};
use stt_sim::Link;

use crate::{
    support::{World, in_world},
    village::{builder, joining, options, providers},
};

/// What a member's clock is wrong by, in seconds: ten minutes either way, less what a message may take, and in between.
fn error(host: u8) -> i64 {
    [-595, 595, 0, 300, -300][usize::from(host) % 5]
}

async fn member(world: &Arc<World>, host: u8) -> Node {
    let options = if host == 1 { options() } else { joining(1) };
    let sim = world.sim.clone();
    let clock = move || {
        let now = noq::TimeSource::now(&sim);
        let wrong = Duration::from_secs(error(host).unsigned_abs());
        if error(host) < 0 {
            now - wrong
        } else {
            now + wrong
        }
    };
    let platform = world.platform_of(host).wall_clock(clock);
    let builder = builder(world, host, options).platform(platform);
    builder.start().await.unwrap()
}

#[test]
fn members_with_clocks_that_are_ten_minutes_wrong_find_each_other_and_content_and_forget_in_time() {
    in_world(71, Link::wan(), async |sim, world| {
        let mut members = Vec::new();
        for host in 1..=15 {
            members.push(member(&world, host).await);
        }
        sim.sleep(Duration::from_secs(60)).await;
        let dht = |host: u8| members[usize::from(host) - 1].dht().unwrap();
        // Whoever announces, be it fast or slow, is found by whoever asks, be it fast or slow.
        let object = |host: u8| Address::of(&[host]);
        for host in 1..=5 {
            dht(host).announce(object(host)).await.unwrap();
        }
        let all_are_found = async || {
            for host in 1..=5_u8 {
                for asker in 6..=15 {
                    let found = providers(&dht(asker), object(host)).await.unwrap();
                    let holder = members[usize::from(host) - 1].id();
                    assert_eq!(found, BTreeSet::from([holder]), "{host} by {asker}");
                }
            }
        };
        all_are_found().await;
        for asker in 6..=15 {
            for host in 1..=5_u8 {
                let id = members[usize::from(host) - 1].id();
                assert_eq!(dht(asker).find_peer(id).await.unwrap().node, id);
            }
        }
        // Renewed in time, and withdrawn for everybody.
        sim.sleep(Duration::from_secs(2_400)).await;
        all_are_found().await;
        for host in 1..=5 {
            dht(host).withdraw(object(host)).await.unwrap();
            for asker in 6..=10 {
                assert!(providers(&dht(asker), object(host)).await.is_err());
            }
        }
    });
}
