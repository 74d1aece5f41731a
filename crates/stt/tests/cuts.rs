//! A path that is cut, wholly or for large packets, while a stream begins: nothing is lost, and the
//! end is good.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod support;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use stt::{Limits, Node, Session, UserFrameType};
use stt_sim::{Link, Sim, Task};
use support::{World, address, next_hop};

#[test]
fn a_cut_of_eight_seconds_right_after_the_first_message_loses_nothing() {
    cut_after_the_first(Limits::default(), 8, |near| async move {
        near.send_on_stream(1, "x").await.unwrap();
    });
}

#[test]
fn a_cut_of_eight_seconds_right_after_a_stream_was_opened_loses_nothing() {
    cut_after_the_first(Limits::default(), 8, send_one_way);
}

#[test]
fn a_cut_of_ninety_seconds_loses_nothing_where_silence_may_last_longer() {
    let mut limits = Limits::default();
    limits.idle_timeout = Duration::from_secs(300);
    cut_after_the_first(limits, 90, send_one_way);
}

/// The packet that says what a lane or a stream is gets lost, the next one arrives, and then the
/// path is cut for less than the idle timeout.
fn cut_after_the_first<F: Future<Output = ()>>(
    limits: Limits,
    seconds: u64,
    send: impl Fn(Session) -> F,
) {
    let world = World::new(1, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let (_a, acceptor, near, far) = world.pair_with(limits).await;
        sim.sleep(Duration::from_secs(3)).await;
        let lose = |is_down| {
            let change = |link: &mut Link| link.down = is_down;
            world.net.link(address(2), next_hop(), change);
        };
        lose(true);
        send(near.clone()).await;
        sim.sleep(Duration::from_millis(1)).await;
        lose(false);
        send(near.clone()).await;
        sim.sleep(Duration::from_millis(1)).await;
        world.net.partition(next_hop(), address(2));
        sim.sleep(Duration::from_secs(seconds)).await;
        world.net.heal(next_hop(), address(2));
        let arrived = count_what_arrives(&sim, &acceptor, &far);
        let closed = sim.timeout(Duration::from_secs(200), near.close()).await;
        assert_eq!(closed.unwrap(), Ok(()));
        assert_eq!(arrived.load(SeqCst), 2, "the end was called good");
    });
    sim.shutdown();
}

/// What the engine does after a cut looks the same to the receiver: packets come, second after
/// second, but not yet the one that is waited for.
#[test]
fn a_stream_whose_first_packet_is_lost_for_twenty_seconds_among_others_that_arrive_is_not_lost() {
    if support::WAY == support::Way::WebSocket {
        return; // Where bytes keep their order, nothing arrives before what was sent before it.
    }
    let world = World::new(2, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let (_a, acceptor, near, far) = world.pair().await;
        sim.sleep(Duration::from_secs(3)).await;
        let carry = |len| {
            let change = |link: &mut Link| link.mtu = len;
            world.net.link(address(2), next_hop(), change);
        };
        carry(300);
        let mut large = near.open_uni().await.unwrap();
        large.write_all(&[7; 800]).await.unwrap();
        large.finish().unwrap();
        sim.sleep(Duration::from_millis(1)).await;
        send_one_way(near.clone()).await;
        let arrived = count_what_arrives(&sim, &acceptor, &far);
        for _ in 0..20 * 4 {
            near.send_datagram(UserFrameType::try_from(0xff).unwrap(), "still here")
                .unwrap();
            sim.sleep(Duration::from_millis(250)).await;
        }
        assert_eq!(arrived.load(SeqCst), 1, "the small stream alone has come");
        carry(1_472);
        let closed = sim.timeout(Duration::from_secs(60), near.close()).await;
        assert_eq!(closed.unwrap(), Ok(()));
        assert_eq!(arrived.load(SeqCst), 801, "the end was called good");
    });
    sim.shutdown();
}

async fn send_one_way(near: Session) {
    let mut send = near.open_uni().await.unwrap();
    send.write_all(b"x").await.unwrap();
    send.finish().unwrap();
}

/// Counts messages, and bytes of one-way streams.
fn count_what_arrives(sim: &Sim, node: &Node, session: &Session) -> Arc<AtomicUsize> {
    let arrived = Arc::new(AtomicUsize::new(0));
    let (messages, streams) = (Arc::clone(&arrived), Arc::clone(&arrived));
    let mut receiver = node.receive();
    drop::<Task<()>>(sim.spawn(async move {
        while receiver.next().await.is_some() {
            messages.fetch_add(1, SeqCst);
        }
    }));
    let session = session.clone();
    drop(sim.spawn(async move {
        while let Ok(mut recv) = session.accept_uni().await {
            let whole = recv.read_to_end(1_000).await;
            streams.fetch_add(whole.map_or(0, |whole| whole.len()), SeqCst);
        }
    }));
    arrived
}
