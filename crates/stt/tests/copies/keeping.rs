//! Copies are kept by those who offer room, as much as they offer, and nobody reads them without the key.

use std::{io::Read, time::Duration};

use stt::{
    NodeSeed, OfferOptions, PlaceError, ReplicateOptions, Sealing, StartError,
    storage::{MemoryBackend, blocking::SealedReader},
};
use stt_sim::Link;

use crate::keepers::{Keeper, MIB, Owner, keepers, kept_by, storage};
use crate::support::{in_world, payload};
use crate::village::{Village, builder, joining};

#[test]
fn copies_are_kept_sealed_and_read_by_who_has_the_reference_when_the_owner_is_gone() {
    in_world(31, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 8).await;
        let keepers = keepers(&sim, &world, 20..25, 64 * MIB).await;
        let content = payload(3, (5 << 20) + 77);
        let owner = Owner::new(&sim, &world, 30).await;
        let address = owner.store(&content).await;
        let mut replication = owner.replicate(address, 3).await;
        replication.placed().await.unwrap();

        let sealed = replication.sealed().unwrap().clone();
        assert_ne!(sealed.address(), address);
        let by_status = kept_by(&replication);
        let has = |keeper: &&Keeper| keeper.kept() == (sealed.object.length, 1);
        let mut by_keepers: Vec<_> = keepers
            .iter()
            .filter(has)
            .map(|keeper| keeper.node.id())
            .collect();
        by_keepers.sort_unstable();
        assert_eq!(by_status, by_keepers);
        assert_eq!(by_status.len(), 3);

        owner.node.shutdown(Duration::from_secs(1)).await;
        let kept = storage(&MemoryBackend::new()).await;
        let reader = builder(&world, 40, joining(5)).storage(kept.clone());
        let reader = reader.start().await.unwrap();
        sim.sleep(Duration::from_secs(20)).await;
        let mut fetch = reader.fetch(sealed.object).unwrap();
        let fetched = fetch.finished().await.unwrap();
        let ciphertext = kept.retrieve(fetched).await.unwrap();
        let middle = &content[3 << 20..][..64];
        assert!(!ciphertext.windows(64).any(|window| window == middle));
        let mut plain = Vec::new();
        SealedReader::new(&ciphertext[..], &sealed)
            .read_to_end(&mut plain)
            .unwrap();
        assert!(plain == content);
    });
}

#[test]
fn a_keeper_keeps_no_more_than_it_offers_and_too_few_copies_have_a_reason() {
    in_world(32, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let keepers = keepers(&sim, &world, 20..22, 3 * MIB).await;
        let owner = Owner::new(&sim, &world, 30).await;
        let as_it_is = |copies| {
            let mut options = ReplicateOptions::copies(copies);
            options.sealing = Sealing::AsItIs;
            options
        };
        let fits = owner.store(&payload(1, 2 << 20)).await;
        let mut fits = owner.replicate_with(fits, as_it_is(2)).await;
        fits.placed().await.unwrap();
        let too_much = owner.store(&payload(2, 2 << 20)).await;
        let mut too_much = owner.replicate_with(too_much, as_it_is(2)).await;
        let refused = too_much.placed().await.unwrap_err();
        let expected = |error: &PlaceError| {
            matches!(
                error,
                PlaceError::TooFew {
                    wanted: 2,
                    kept: 0,
                    found: 2,
                    declined: 2,
                    ..
                }
            )
        };
        assert!(expected(&refused), "{refused}");
        assert!(keepers.iter().all(|keeper| keeper.kept() == (2 * MIB, 1)));

        // Room that becomes free is found, without anybody asking again.
        fits.release().await;
        assert!(keepers.iter().all(|keeper| keeper.kept() == (0, 0)));
        let found = sim.timeout(Duration::from_secs(1_300), async {
            while too_much.placed().await.is_err() {}
        });
        found.await.expect("copies are placed once there is room");
        assert!(keepers.iter().all(|keeper| keeper.kept() == (2 * MIB, 1)));
    });
}

#[test]
fn one_owner_gets_its_share_of_an_offer_and_others_the_rest() {
    in_world(33, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 6).await;
        let half = |offer: OfferOptions| offer.share(2 * MIB);
        let keeper = Keeper::with(&world, 20, &MemoryBackend::new(), None, half, 4 * MIB).await;
        sim.sleep(Duration::from_secs(60)).await;
        let greedy = Owner::new(&sim, &world, 30).await;
        let mut placed = 0;
        let mut kept = Vec::new();
        for number in 0..4 {
            let object = greedy.store(&payload(number, 900_000)).await;
            let mut replication = greedy.replicate(object, 1).await;
            placed += usize::from(replication.placed().await.is_ok());
            kept.push(replication);
        }
        assert_eq!(placed, 2);
        let other = Owner::new(&sim, &world, 31).await;
        let object = other.store(&payload(9, 900_000)).await;
        let mut replication = other.replicate(object, 1).await;
        replication.placed().await.unwrap();
        assert_eq!(keeper.kept().1, 3);
    });
}

#[test]
fn nobody_keeps_anything_without_having_offered() {
    in_world(34, Link::lan(), async |sim, world| {
        let village = Village::new(&sim, &world, 6).await;
        let owner = Owner::new(&sim, &world, 30).await;
        let object = owner.store(&payload(1, 100_000)).await;
        let mut nobody = owner.replicate(object, 1).await;
        let error = nobody.placed().await.unwrap_err();
        assert!(
            matches!(error, PlaceError::TooFew { found: 0, .. }),
            "{error}"
        );
        // Named, a member without an offer declines, and holds nothing.
        let named = owner
            .node
            .connect(crate::support::address(2))
            .await
            .unwrap();
        let mut options = ReplicateOptions::copies(1);
        options.keepers = vec![(&named).into()];
        let mut named = owner.replicate_with(object, options).await;
        let error = named.placed().await.unwrap_err();
        assert!(
            matches!(
                error,
                PlaceError::TooFew {
                    found: 1,
                    unreached: 1,
                    ..
                }
            ),
            "{error}"
        );
        assert!(village.nodes[1].kept_for_others().is_none());
    });
}

#[test]
fn a_file_of_leases_that_another_node_wrote_is_not_believed_and_the_node_does_not_start() {
    in_world(35, Link::lan(), async |sim, world| {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("leases"), [7; 200]).unwrap();
        let storage = storage(&MemoryBackend::new()).await;
        let offer = OfferOptions::new(storage, MIB).data_dir(directory.path());
        let builder = builder(&world, 20, joining(1)).offer(offer);
        let started = builder
            .node_seed(NodeSeed::from_bytes([2; 32]))
            .start()
            .await;
        assert!(matches!(started, Err(StartError::Leases(_))), "{started:?}");
        drop(sim);
    });
}
