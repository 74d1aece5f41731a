//! Traffic keys change in mid-transfer and nobody notices.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod support;

use std::time::Duration;

use stt::{KeyUpdate, KeyUpdatePolicy, Limits, Session, UserFrameType};
use stt_sim::Link;
use support::{WAY, Way, address, in_world, next_hop, payload, transfer};

const MIB: usize = 1 << 20;

#[test]
fn keys_change_after_so_many_packets() {
    // 20 MiB at 10 Mbit/s take 17 s, in which the policy is looked at three times. The first look
    // finds the change that the engine makes by itself within its first thousand packets.
    let mut policy = never();
    policy.packets = match support::WAY {
        // They are larger there.
        support::Way::WebSocket => 500,
        _ => 4_000,
    };
    assert_eq!(updates_in_a_transfer(1, policy), (2, 0));
}

#[test]
fn keys_change_after_so_many_bytes() {
    let mut policy = never();
    policy.bytes = MIB as u64;
    assert_eq!(updates_in_a_transfer(2, policy), (2, 0));
}

#[test]
fn keys_change_after_so_much_time() {
    let mut policy = never();
    policy.interval = Duration::from_secs(8);
    let (writer, reader) = updates_in_a_transfer(3, policy);
    if WAY == Way::Udp {
        return assert_eq!((writer, reader), (1, 1));
    }
    // Sessions begin a little later there, so that one side may look first, and change them for both.
    assert!((1..=2).contains(&(writer + reader)), "{writer}, {reader}");
}

#[test]
fn keys_stay_as_long_as_the_policy_says() {
    assert_eq!(updates_in_a_transfer(4, never()), (0, 0));
}

fn never() -> KeyUpdatePolicy {
    let mut policy = KeyUpdatePolicy::default();
    policy.packets = u64::MAX;
    policy.bytes = u64::MAX;
    policy.interval = Duration::from_secs(1 << 30);
    policy
}

/// Of the one who writes, and of the one who reads and sends little but acknowledgements.
fn updates_in_a_transfer(seed: u64, policy: KeyUpdatePolicy) -> (u64, u64) {
    let link = Link {
        rate: 10_000_000,
        ..Link::wan()
    };
    in_world(seed, link, |_sim, world| async move {
        let mut limits = Limits::default();
        limits.key_update = policy;
        let (_a, _b, near, far) = world.pair_with(limits).await;
        transfer(&near, &far, payload(1, 20 * MIB)).await;
        let updates = |session: &Session| session.stats().key_updates;
        (updates(&near), updates(&far))
    })
}

#[test]
fn fifty_updates_from_both_sides_at_once_over_a_bad_path_leave_every_byte_equal() {
    let link = Link {
        loss: 0.05,
        reorder: 0.2,
        duplicate: 0.05,
        ..Link::wan()
    };
    for gap in [0, 3, 40, 400] {
        in_world(5 + gap, link.clone(), |sim, world| async move {
            let (_a, _b, near, far) = world.pair().await;
            let updating = [near.clone(), far.clone()].map(|session| {
                let clock = sim.clone();
                sim.spawn(async move {
                    for _ in 0..50 {
                        session.update_keys();
                        clock.sleep(Duration::from_millis(gap)).await;
                    }
                })
            });
            transfer(&near, &far, payload(1, 4 * MIB)).await;
            for task in updating {
                task.await;
            }
            transfer(&far, &near, payload(1, MIB)).await;
            near.close().await.unwrap();
        });
    }
}

#[test]
fn updates_on_demand_are_counted_where_they_were_asked_for() {
    in_world(20, Link::wan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        for _ in 0..5 {
            near.update_keys();
            transfer(&near, &far, payload(1, 10_000)).await;
            sim.sleep(Duration::from_secs(2)).await;
        }
        assert_eq!((near.stats().key_updates, far.stats().key_updates), (5, 0));
    });
}

/// The next change has to wait for the peer's answer to the one before.
#[test]
fn an_update_that_could_not_happen_is_not_counted() {
    in_world(21, Link::wan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        transfer(&near, &far, payload(1, 10_000)).await;
        sim.sleep(Duration::from_secs(2)).await;
        for _ in 0..10 {
            near.update_keys();
        }
        assert_eq!(near.stats().key_updates, 1);
    });
}

/// The peer, who began it, doesn't know yet that the other has followed, and could not follow twice.
#[test]
fn keys_that_change_again_in_a_cut_right_after_the_peers_change_leave_the_session_whole() {
    for both in [false, true] {
        in_world(22, Link::wan(), |sim, world| async move {
            let (_a, _b, near, far) = world.pair().await;
            transfer(&near, &far, payload(1, 10_000)).await;
            sim.sleep(Duration::from_secs(2)).await;
            let cut = |is_down| {
                let change = |link: &mut Link| link.down = is_down;
                world.net.link(address(2), next_hop(), change);
            };
            cut(true);
            if both {
                assert_eq!(near.update_keys(), KeyUpdate::Begun);
            }
            assert_eq!(far.update_keys(), KeyUpdate::Begun);
            far.send_datagram(UserFrameType::try_from(0xff).unwrap(), "under new keys")
                .unwrap();
            sim.sleep(Duration::from_secs(4)).await;
            assert_eq!(near.update_keys(), KeyUpdate::UnderWay);
            cut(false);
            transfer(&near, &far, payload(1, 10_000)).await;
            sim.sleep(Duration::from_secs(2)).await;
            assert_eq!(near.update_keys(), KeyUpdate::Begun);
            transfer(&far, &near, payload(1, 10_000)).await;
            near.close().await.unwrap();
        });
    }
}
