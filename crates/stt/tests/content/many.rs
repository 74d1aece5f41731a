//! Many providers: their links are filled, little comes twice, and those that fail are missed little.

use std::time::Duration;

use stt_sim::Link;

use crate::library::{FETCHER, MIB, carried, holder, object, rate};
use crate::support::{address, in_world};

/// Kilobits a second of eight providers.
const RATES: [u64; 8] = [500, 1_000, 1_500, 2_000, 2_500, 5_000, 7_500, 15_000];

#[test]
fn eight_providers_with_unequal_links_are_used_at_nine_tenths_of_their_sum() {
    in_world(1, Link::wan(), async |sim, world| {
        world.net.all(|link| link.rate = 1_000_000_000);
        let len = 96 * MIB;
        let content = object(1, len);
        let mut holders = Vec::new();
        for (host, kbit) in (1..).zip(RATES) {
            let holder = holder(&world, host).await;
            holder.publish(&content).await;
            rate(&world, host, kbit);
            holders.push(holder);
        }
        let fetcher = holder(&world, FETCHER).await;
        let reference = holders[0]
            .storage
            .reference(stt::storage::Address::of(&content))
            .await
            .unwrap();
        let begun = sim.now();
        let mut fetch = fetcher.fetch(reference, 1..=8);
        fetch.finished().await.unwrap();
        let took = sim.now().duration_since(begun).as_secs_f64();
        let sum = RATES.iter().sum::<u64>() as f64 * 1e3 / 8.0;
        let share = len as f64 / took / sum;
        let progress = fetch.progress();
        let carried: u64 = (1..=8).map(|host| carried(&world, host, FETCHER)).sum();
        let overhead = carried as f64 / len as f64;
        println!("{share:.3} of the sum, {overhead:.3} times the bytes, {progress:?}");
        assert!(share >= 0.9, "{share:.3} of the sum of the rates");
        // Headers of packets, frames and the handshakes are 3 to 4 %.
        assert!(
            overhead < 1.06,
            "{overhead:.3} times the bytes of the object"
        );
        assert!(
            progress.discarded <= len as u64 / 50,
            "{}",
            progress.discarded
        );
        assert!(fetcher.has(&content).await);
    });
}

#[test]
fn all_providers_but_one_may_go_in_mid_fetch() {
    in_world(2, Link::wan(), async |sim, world| {
        let content = object(1, 60 * MIB);
        for host in 1..=8 {
            let holder = holder(&world, host).await;
            holder.publish(&content).await;
            rate(&world, host, 20_000);
        }
        let fetcher = holder(&world, FETCHER).await;
        let address_of = stt::storage::Address::of(&content);
        let mut fetch = fetcher.fetch(address_of, 1..=8);
        while fetch.next_progress().await.unwrap().verified < 20 * MIB as u64 {}
        for host in 2..=8 {
            world.net.kill(address(host).ip());
        }
        let left = fetch.progress().verified;
        let begun = sim.now();
        fetch.finished().await.unwrap();
        let took = sim.now().duration_since(begun).as_secs_f64();
        let alone = (60 * MIB as u64 - left) as f64 / (20e6 / 8.0);
        assert!(
            took < alone * 1.15 + 5.0,
            "{took} s, {alone} s at the pace of the one that is left"
        );
        assert!(fetcher.has(&content).await);
    });
}

#[test]
fn provider_that_falls_silent_and_comes_back_is_used_again() {
    in_world(3, Link::wan(), async |sim, world| {
        let content = object(1, 60 * MIB);
        for host in 1..=2 {
            let holder = holder(&world, host).await;
            holder.publish(&content).await;
            rate(&world, host, 20_000);
        }
        let fetcher = holder(&world, FETCHER).await;
        let mut fetch = fetcher.fetch(stt::storage::Address::of(&content), 1..=2);
        while fetch.next_progress().await.unwrap().verified < 5 * MIB as u64 {}
        world.net.kill(address(1).ip());
        sim.sleep(Duration::from_secs(6)).await;
        let then = fetch.progress().providers[0].received;
        world.net.revive(address(1).ip());
        fetch.finished().await.unwrap();
        let received = fetch.progress().providers[0].received;
        assert!(
            received > then + 5 * MIB as u64,
            "{received}, {then} before"
        );
        assert!(fetcher.has(&content).await);
    });
}
