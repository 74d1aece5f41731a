//! What a fetch does when everybody is honest.

use std::time::Duration;

use stt::storage::{Address, MemoryBackend};
use stt::{FetchError, FetchOptions, ProviderState, PublishError, Sharing, Target};
use stt_sim::Link;

use crate::library::{FETCHER, MIB, carried, holder, object, storage};
use crate::support::{address, in_world};

#[test]
fn objects_of_every_length_are_fetched_by_reference_and_by_address() {
    in_world(1, Link::lan(), async |_, world| {
        let source = holder(&world, 1).await;
        let fetcher = holder(&world, FETCHER).await;
        for (number, len) in [0, 1, MIB, MIB + 1, 3 * MIB + 7].into_iter().enumerate() {
            let by_reference = object(number as u64, len);
            let reference = source.publish(&by_reference).await;
            assert_eq!(fetcher.get(reference, [1]).await.unwrap(), reference);
            assert!(fetcher.has(&by_reference).await);
            let by_address = object(100 + number as u64, len);
            let reference = source.publish(&by_address).await;
            assert_eq!(
                fetcher.get(reference.address, [1]).await.unwrap(),
                reference
            );
            assert!(fetcher.has(&by_address).await);
        }
    });
}

#[test]
fn nothing_is_served_that_was_not_published() {
    in_world(2, Link::lan(), async |_, world| {
        let source = holder(&world, 1).await;
        let fetcher = holder(&world, FETCHER).await;
        let content = object(1, 5_000);
        let stored = source.storage.store(content.clone()).await.unwrap();
        let absent = fetcher.get(stored, [1]).await.unwrap_err();
        assert!(
            matches!(absent, FetchError::NoProviders { absent: 1, .. }),
            "{absent}"
        );
        source.node.publish(stored).await.unwrap();
        assert_eq!(source.node.published(), [stored.address]);
        fetcher.get(stored, [1]).await.unwrap();
        assert!(source.node.unpublish(stored));
        assert!(!source.node.unpublish(stored));
        let other = holder(&world, 101).await;
        assert!(other.get(stored, [1]).await.is_err());
        // Nor from who fetched it.
        assert!(other.get(stored, [FETCHER]).await.is_err());
    });
}

#[test]
fn node_without_storage_says_so_and_serves_nothing() {
    in_world(3, Link::lan(), async |_, world| {
        let bare = world.node(1).await;
        let address_of_nothing = Address::of(b"nothing");
        let published = bare.publish(address_of_nothing).await;
        assert!(matches!(published, Err(PublishError::NoStorage)));
        let fetched = bare.fetch_from(address_of_nothing, [Target::from(address(2))]);
        assert!(matches!(fetched, Err(FetchError::NoStorage)));
        let fetcher = holder(&world, FETCHER).await;
        let refused = fetcher.get(address_of_nothing, [1]).await.unwrap_err();
        assert!(
            matches!(refused, FetchError::NoProviders { absent: 1, .. }),
            "{refused}"
        );
        let missing = fetcher.node.publish(address_of_nothing).await;
        assert!(matches!(missing, Err(PublishError::Storage(_))));
    });
}

#[test]
fn fetch_ends_when_nobody_can_be_reached() {
    in_world(4, Link::lan(), async |_, world| {
        let fetcher = holder(&world, FETCHER).await;
        let fetched = fetcher.get(Address::of(b"x"), [1, 2]).await.unwrap_err();
        assert!(
            matches!(fetched, FetchError::NoProviders { unreached: 2, .. }),
            "{fetched}"
        );
    });
}

#[test]
fn object_that_is_longer_than_allowed_is_not_begun() {
    in_world(5, Link::lan(), async |_, world| {
        let source = holder(&world, 1).await;
        let fetcher = holder(&world, FETCHER).await;
        let reference = source.publish(&object(1, 2 * MIB)).await;
        let mut options = FetchOptions::default();
        options.longest = MIB as u64;
        let targets = [Target::from(address(1))];
        let fetch = fetcher.node.fetch_with(reference.address, targets, options);
        let ended = fetch.unwrap().finished().await.unwrap_err();
        assert!(matches!(ended, FetchError::TooLong { .. }), "{ended}");
        assert!(carried(&world, 1, FETCHER) < 100_000);
    });
}

#[test]
fn fetch_that_was_given_up_is_taken_up_by_the_next() {
    in_world(6, Link::wan(), async |sim, world| {
        let source = holder(&world, 1).await;
        let backend = MemoryBackend::new();
        let kept = storage(&backend).await;
        let builder = world.builder(FETCHER).storage(kept.clone());
        let node = world.start(builder).await;
        let content = object(1, 40 * MIB);
        let reference = source.publish(&content).await;
        let targets = || [Target::from(address(1))];
        let mut fetch = node.fetch_from(reference, targets()).unwrap();
        while fetch.next_progress().await.unwrap().verified < 20 * MIB as u64 {}
        drop(fetch);
        sim.sleep(Duration::from_secs(2)).await;
        let before = carried(&world, 1, FETCHER);
        let mut fetch = node.fetch_from(reference, targets()).unwrap();
        fetch.finished().await.unwrap();
        let progress = fetch.progress();
        assert!(progress.resumed >= 20 * MIB as u64, "{progress:?}");
        let more = carried(&world, 1, FETCHER) - before;
        assert!(more < 22 * MIB as u64, "{more} bytes came again");
        assert!(kept.retrieve(reference).await.unwrap() == content);
    });
}

#[test]
fn who_fetches_shares_what_it_has_and_others_get_it_from_there() {
    in_world(7, Link::wan(), async |_, world| {
        let source = holder(&world, 1).await;
        let first = holder(&world, FETCHER).await;
        let second = holder(&world, 101).await;
        let content = object(1, 30 * MIB);
        let reference = source.publish(&content).await;
        let mut options = FetchOptions::default();
        options.sharing = Sharing::Verified;
        let share = |fetcher: &crate::library::Holder, hosts: &[u8]| {
            let targets = hosts.iter().map(|host| Target::from(address(*host)));
            let fetch = fetcher.node.fetch_with(reference, targets, options.clone());
            fetch.unwrap()
        };
        let mut one = share(&first, &[1]);
        while one.next_progress().await.unwrap().verified < 5 * MIB as u64 {}
        let mut other = share(&second, &[1, FETCHER]);
        let (one, other) = tokio::join!(one.finished(), other.finished());
        assert_eq!((one.unwrap(), other.unwrap()), (reference, reference));
        let between = carried(&world, FETCHER, 101);
        assert!(
            between > 5 * MIB as u64,
            "{between} bytes came from the other fetcher"
        );
        assert!(first.has(&content).await && second.has(&content).await);
        assert_eq!(first.node.published(), [reference.address]);
    });
}

#[test]
fn provider_that_joins_later_is_used_too() {
    in_world(8, Link::wan(), async |_, world| {
        let source = holder(&world, 1).await;
        let late = holder(&world, 2).await;
        let fetcher = holder(&world, FETCHER).await;
        let content = object(1, 30 * MIB);
        let reference = source.publish(&content).await;
        late.publish(&content).await;
        let mut fetch = fetcher.fetch(reference, [1]);
        while fetch.next_progress().await.unwrap().verified == 0 {}
        fetch.add_provider(Target::from(address(2)));
        fetch.finished().await.unwrap();
        let progress = fetch.progress();
        let states: Vec<_> = progress
            .providers
            .iter()
            .map(|provider| provider.state)
            .collect();
        assert_eq!(states, [ProviderState::Serving; 2]);
        assert!(
            progress
                .providers
                .iter()
                .all(|provider| provider.received > 5 * MIB as u64)
        );
    });
}
