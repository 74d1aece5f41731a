//! Copies last: keepers that are gone are replaced, those that come back are not, and restarts cost nothing.

use std::time::Duration;

use stt::{CopyState, ReplicateOptions, Replication, Sealing, storage::MemoryBackend};
use stt_sim::Link;

use crate::keepers::{Keeper, MIB, Owner, keepers, kept_by};
use crate::support::{address, in_world, payload};
use crate::village::Village;

/// Checks every minute, and replaces after five.
fn impatient(copies: usize) -> ReplicateOptions {
    let mut options = ReplicateOptions::copies(copies);
    options.check_every = Duration::from_secs(60);
    options.patience = Duration::from_secs(300);
    options
}

fn is_away(replication: &Replication) -> bool {
    let copies = replication.status().copies;
    let mut states = copies.iter().map(|copy| copy.state);
    states.any(|state| matches!(state, CopyState::Away { .. }))
}

#[test]
fn a_copy_whose_keeper_is_gone_is_replaced_and_one_whose_keeper_comes_back_is_not() {
    in_world(41, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 8).await;
        let keepers = keepers(&sim, &world, 20..25, 64 * MIB).await;
        let owner = Owner::new(&sim, &world, 30).await;
        let object = owner.store(&payload(3, 2 << 20)).await;
        let mut replication = owner.replicate_with(object, impatient(3)).await;
        replication.placed().await.unwrap();
        let first = kept_by(&replication);
        let host = |keeper: &Keeper| {
            20 + keepers
                .iter()
                .position(|it| it.node.id() == keeper.node.id())
                .unwrap() as u8
        };
        let of_copy = |id| {
            keepers
                .iter()
                .find(|keeper| keeper.node.id() == id)
                .unwrap()
        };

        // One that sleeps for three minutes is noticed, and waited for.
        let sleeper = address(host(of_copy(first[0]))).ip();
        world.net.kill(sleeper);
        sim.sleep(Duration::from_secs(180)).await;
        assert!(is_away(&replication), "{:?}", replication.status());
        world.net.revive(sleeper);
        sim.sleep(Duration::from_secs(240)).await;
        assert!(!is_away(&replication), "{:?}", replication.status());
        assert_eq!(kept_by(&replication), first);

        // One that is gone is replaced.
        let gone = of_copy(first[1]);
        world.net.kill(address(host(gone)).ip());
        sim.sleep(Duration::from_secs(900)).await;
        let then = kept_by(&replication);
        assert_eq!(then.len(), 3);
        assert!(
            !then.contains(&gone.node.id()),
            "{:?}",
            replication.status()
        );
        assert_eq!(replication.status().kept(), 3);
    });
}

#[test]
fn a_copy_that_its_keeper_lost_is_noticed_by_its_proof_and_replaced() {
    in_world(42, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let keepers = keepers(&sim, &world, 20..23, 64 * MIB).await;
        let owner = Owner::new(&sim, &world, 30).await;
        let object = owner.store(&payload(3, 2 << 20)).await;
        let mut replication = owner.replicate_with(object, impatient(2)).await;
        replication.placed().await.unwrap();
        let first = kept_by(&replication);
        let forgetful = keepers
            .iter()
            .find(|keeper| keeper.node.id() == first[0])
            .unwrap();
        let kept = replication.object().address;
        forgetful.storage.unpin(kept).await.unwrap();
        forgetful.storage.remove(kept).await.unwrap();
        sim.sleep(Duration::from_secs(120)).await;
        let then = kept_by(&replication);
        assert_eq!(replication.status().kept(), 2);
        assert!(!then.contains(&first[0]), "{then:?}");
    });
}

#[test]
fn leases_outlive_a_restart_of_the_keeper_and_what_has_none_is_removed() {
    in_world(43, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let (backend, directory) = (MemoryBackend::new(), tempfile::tempdir().unwrap());
        let data_dir = Some(directory.path());
        let keeper = Keeper::with(&world, 20, &backend, data_dir, |offer| offer, 64 * MIB).await;
        sim.sleep(Duration::from_secs(60)).await;
        let owner = Owner::new(&sim, &world, 30).await;
        let object = owner.store(&payload(3, 3 << 20)).await;
        let mut replication = owner.replicate_with(object, impatient(1)).await;
        replication.placed().await.unwrap();
        let kept = keeper.kept();
        keeper.storage.store(payload(9, 500_000)).await.unwrap();

        keeper.node.shutdown(Duration::from_secs(1)).await;
        keeper.storage.close().await.unwrap();
        let again = Keeper::with(&world, 21, &backend, data_dir, |offer| offer, 64 * MIB).await;
        sim.sleep(Duration::from_secs(180)).await;
        assert_eq!(again.kept(), kept);
        assert_eq!(again.storage.stats().await.unwrap().objects, 1);
        assert_eq!(replication.status().kept(), 1, "{:?}", replication.status());
        assert_eq!(kept_by(&replication), [again.node.id()]);
    });
}

#[test]
fn an_owner_that_was_restarted_finds_its_copies_again_without_sending_anything() {
    in_world(44, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 8).await;
        let keepers = keepers(&sim, &world, 20..25, 64 * MIB).await;
        let owner = Owner::new(&sim, &world, 30).await;
        let object = owner.store(&payload(3, 4 << 20)).await;
        let mut replication = owner.replicate(object, 3).await;
        replication.placed().await.unwrap();
        let first = kept_by(&replication);
        drop(replication);
        let sent = |world: &crate::support::World| -> u64 {
            (20..25)
                .map(|host| {
                    let stats = world.net.stats(address(30).ip(), address(host).ip());
                    stats.delivered_bytes
                })
                .sum()
        };
        let before = sent(&world);
        let sealed = owner.node.published();
        let mut options = ReplicateOptions::copies(3);
        options.sealing = Sealing::AsItIs;
        let mut replication = owner.replicate_with(sealed[0], options).await;
        replication.placed().await.unwrap();
        assert_eq!(kept_by(&replication), first);
        assert!(sent(&world) - before < 100_000, "{}", sent(&world) - before);
        assert_eq!(
            keepers.iter().filter(|keeper| keeper.kept().1 == 1).count(),
            3
        );
    });
}
