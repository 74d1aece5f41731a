//! Members and content are found, by those who never met the ones that have it.

use std::collections::BTreeSet;

use stt::storage::Address;
use stt_sim::Link;

use crate::{
    support::{address, in_world},
    village::{Village, providers},
};

#[test]
fn members_find_each_other_and_connect_by_name_alone() {
    in_world(1, Link::wan(), |sim, world| async move {
        let village = Village::new(&sim, &world, 12).await;
        for host in 1..=12 {
            assert_eq!(village.dht(host).stats().members, 11, "{host}");
        }
        let found = village.dht(3).find_peer(village.id(9)).await.unwrap();
        assert_eq!(found.addresses[0], address(9));
        let session = village.dht(3).connect(village.id(9)).await.unwrap();
        assert_eq!(session.peer(), village.id(9));
    });
}

#[test]
fn what_was_announced_is_found_by_strangers_also_after_a_fifth_has_died() {
    in_world(2, Link::wan(), |sim, world| async move {
        let village = Village::new(&sim, &world, 30).await;
        let mut objects = Vec::new();
        for number in 0..20_u8 {
            let object = Address::of(&[number]);
            village.dht(2 + number).announce(object).await.unwrap();
            objects.push((object, village.id(2 + number)));
        }
        for (object, holder) in &objects {
            let found = providers(&village.dht(27), *object).await.unwrap();
            assert_eq!(found, BTreeSet::from([*holder]));
        }
        // The announcers of all but the first two objects live on.
        for host in [1, 2, 3, 24, 25, 26] {
            world.net.kill(address(host));
        }
        for (object, holder) in &objects[2..] {
            let found = providers(&village.dht(28), *object).await.unwrap();
            assert_eq!(found, BTreeSet::from([*holder]));
        }
    });
}
