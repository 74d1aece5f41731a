//! Leases end, and so do requests that nobody goes on with.

use std::time::Duration;

use stt::ReplicateOptions;
use stt_sim::Link;

use crate::keepers::{MIB, Owner, keepers, kept_by};
use crate::support::{address, in_world, payload};
use crate::village::Village;

#[test]
fn a_copy_is_renewed_as_long_as_its_owner_wants_it_and_removed_when_its_lease_is_over() {
    in_world(51, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let keepers = keepers(&sim, &world, 20..22, 64 * MIB).await;
        let owner = Owner::new(&sim, &world, 30).await;
        let object = owner.store(&payload(3, 1 << 20)).await;
        let mut options = ReplicateOptions::copies(2);
        options.lease = Duration::from_secs(300);
        let mut replication = owner.replicate_with(object, options).await;
        replication.placed().await.unwrap();
        sim.sleep(Duration::from_secs(1_500)).await;
        assert!(keepers.iter().all(|keeper| keeper.kept().1 == 1));
        drop(replication);
        sim.sleep(Duration::from_secs(400)).await;
        for keeper in &keepers {
            assert_eq!(keeper.kept(), (0, 0));
            assert_eq!(keeper.storage.stats().await.unwrap().objects, 0);
        }
    });
}

#[test]
fn an_owner_that_is_cut_off_while_it_gives_leaves_room_for_others() {
    in_world(52, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let keepers = keepers(&sim, &world, 20..21, 24 * MIB).await;
        let slow = Owner::new(&sim, &world, 30).await;
        world.net.link(address(30).ip(), address(20).ip(), |link| {
            *link = Link {
                rate: 1_000_000,
                ..Link::wan()
            };
        });
        let object = slow.store(&payload(3, 20 << 20)).await;
        let mut options = ReplicateOptions::copies(1);
        options.sealing = stt::Sealing::AsItIs;
        let never = slow.replicate_with(object, options).await;
        sim.sleep(Duration::from_secs(10)).await;
        assert_eq!(keepers[0].kept(), (20 * MIB, 0), "room is kept for it");
        world.net.kill(address(30).ip());
        sim.sleep(Duration::from_secs(120)).await;
        assert_eq!(keepers[0].kept(), (0, 0));
        drop(never);
        let other = Owner::new(&sim, &world, 31).await;
        let object = other.store(&payload(4, 20 << 20)).await;
        let mut replication = other.replicate(object, 1).await;
        replication.placed().await.unwrap();
        assert_eq!(kept_by(&replication), [keepers[0].node.id()]);
    });
}
