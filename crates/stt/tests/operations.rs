//! Any sequence of operations, on a path that is cut, slowed and lossy, against a simple model:
//! what arrives is what was sent, whole and in order, and a good end means all of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

#[path = "support/party.rs"]
mod party;
#[path = "support/rotation.rs"]
mod rotation;
mod support;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use party::{LINES, Party, Sent, Side, Step};
use proptest::prelude::*;
use rotation::next_epoch;
use stt::{CloseReason, Limits, Session};
use stt_sim::{Link, Sim};
use support::{World, address, next_hop};

#[derive(Debug, Clone)]
enum Around {
    Sleep(u64),
    Partition,
    Heal,
    Change {
        loss: f64,
        reorder: f64,
        latency: u64,
    },
    Rotate,
}

#[derive(Debug, Clone)]
enum Operation {
    Of(Side, Step),
    World(Around),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close(Side),
    CloseBoth,
    Abort(Side),
}

fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Dialler), Just(Side::Acceptor)]
}

fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => 0..300_usize,
        2 => 300..20_000_usize,
        1 => 20_000..400_000_usize,
    ]
}

fn operations() -> impl Strategy<Value = Operation> {
    let step = prop_oneof![
        3 => any::<bool>().prop_map(|two_way| Step::Open { two_way }),
        8 => (0..8_usize, lengths()).prop_map(|(stream, len)| Step::Write { stream, len }),
        2 => (0..8_usize).prop_map(|stream| Step::Finish { stream }),
        1 => (0..8_usize).prop_map(|stream| Step::Reset { stream }),
        1 => (0..8_usize).prop_map(|stream| Step::Stop { stream }),
        1 => any::<bool>().prop_map(Step::Stall),
        8 => (0..5_u64, lengths()).prop_map(|(id, len)| Step::Message { id, len }),
        3 => lengths().prop_map(|len| Step::Frame { len }),
        1 => Just(Step::Datagram),
        1 => Just(Step::UpdateKeys),
    ];
    let world = prop_oneof![
        6 => (0..400_u64).prop_map(Around::Sleep),
        1 => Just(Around::Partition),
        2 => Just(Around::Heal),
        2 => (0.0..0.15, 0.0..0.3, 1..150_u64).prop_map(|(loss, reorder, latency)| {
            Around::Change { loss, reorder, latency }
        }),
        1 => Just(Around::Rotate),
        1 => (400..8_000_u64).prop_map(Around::Sleep),
    ];
    prop_oneof![
        5 => (sides(), step).prop_map(|(side, step)| Operation::Of(side, step)),
        2 => world.prop_map(Operation::World),
    ]
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        3 => sides().prop_map(End::Close),
        2 => Just(End::CloseBoth),
        1 => sides().prop_map(End::Abort),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(64),
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::Direct(concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/operations.txt")))),
        max_shrink_iters: std::env::var("PROPTEST_MAX_SHRINK_ITERS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000),
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_done_what_arrives_is_what_was_sent_and_a_good_end_means_all_of_it(
        seed in any::<u64>(),
        operations in prop::collection::vec(operations(), 1..80),
        end in ends(),
    ) {
        play(seed, operations, end);
    }
}

fn play(seed: u64, operations: Vec<Operation>, end: End) {
    let world = Arc::new(World::new(seed, Link::wan()));
    let sim = world.sim.clone();
    sim.limit(Duration::from_secs(3_600));
    sim.block_on(play_in(sim.clone(), Arc::clone(&world), operations, end));
    sim.shutdown();
}

#[expect(
    clippy::too_many_lines,
    reason = "one case, told from its beginning to its end"
)]
async fn play_in(sim: Sim, world: Arc<World>, operations: Vec<Operation>, end: End) {
    let (a, b, near, far) = world.pair_with(Limits::default()).await;
    let (from_a, from_b) = (Arc::default(), Arc::default());
    let mut parties = [
        Party::new(&sim, &a, &near, &from_a, &from_b),
        Party::new(&sim, &b, &far, &from_b, &from_a),
    ];
    let mut numbers = [BTreeMap::new(), BTreeMap::new()];
    let mut group = world.group.clone();
    // Well below the idle timeout.
    let mut cut_at = None;
    for operation in operations {
        match operation {
            Operation::Of(side, step) => {
                let side = side as usize;
                parties[side].step(step, &mut numbers[side]).await;
            }
            Operation::World(Around::Sleep(millis)) => {
                sim.sleep(Duration::from_millis(millis)).await;
                if cut_at.is_some_and(|at| sim.elapsed().saturating_sub(at) > LONGEST_CUT) {
                    world.net.heal(next_hop(), address(2));
                    cut_at = None;
                }
            }
            Operation::World(Around::Partition) => {
                world.net.partition(next_hop(), address(2));
                cut_at.get_or_insert_with(|| sim.elapsed());
            }
            Operation::World(Around::Heal) => {
                world.net.heal(next_hop(), address(2));
                cut_at = None;
            }
            Operation::World(Around::Change {
                loss,
                reorder,
                latency,
            }) => {
                world.net.all(|link| {
                    link.loss = loss;
                    link.reorder = reorder;
                    link.latency = Duration::from_millis(latency);
                });
            }
            Operation::World(Around::Rotate) => {
                group = next_epoch(&world.sim, &group);
                for node in [&a, &b] {
                    node.rotate(&group, Duration::from_secs(7_200)).unwrap();
                }
            }
        }
    }
    world.net.heal(next_hop(), address(2));
    for party in &mut parties {
        party.finish_all();
        *party.is_stalled.lock() = false;
    }
    sim.sleep(Duration::from_secs(1)).await;
    match end {
        End::Abort(side) => {
            parties[side as usize].session.abort(3, "enough");
            near.closed().await;
            far.closed().await;
            return;
        }
        End::Close(_) | End::CloseBoth => {}
    }
    // Lines may still wait for credit; nothing more may begin once the end has.
    for task in parties
        .iter_mut()
        .flat_map(|party| party.tasks.split_off(TASKS_THAT_STAY))
    {
        task.await;
    }
    for task in parties
        .iter_mut()
        .flat_map(|party| party.tasks.drain(..=LINES))
    {
        task.await;
    }
    let closing = |session: Session, closes: bool| async move {
        if closes {
            session.close().await.err().unwrap_or(CloseReason::Done)
        } else {
            session.closed().await
        }
    };
    let (here, there) = tokio::join!(
        closing(near.clone(), end != End::Close(Side::Acceptor)),
        closing(far.clone(), end != End::Close(Side::Dialler)),
    );
    assert_eq!([here, there], [CloseReason::Done, CloseReason::Done]);
    // Messages were taken before the end; the tasks that took them have put them down.
    sim.sleep(Duration::from_secs(1)).await;
    check_all_arrived(&from_a.lock());
    check_all_arrived(&from_b.lock());
}

fn check_all_arrived(sent: &Sent) {
    let queues = sent.messages.values().chain([&sent.frames]);
    for queue in queues {
        assert_eq!(queue.arrived, queue.sent.len());
    }
    for (id, stream) in &sent.streams {
        let is_whole = stream.ended || stream.reset || stream.stopped;
        assert!(is_whole, "stream {id} was not read to its end: {stream:?}");
    }
}

/// With the longest sleep on top this is 11 s. After a cut of 13 s the engine's next probe may come
/// later than the idle timeout, and the session is rightly over.
const LONGEST_CUT: Duration = Duration::from_secs(3);

/// Lines, and the receivers of messages, frames and both kinds of streams.
const TASKS_THAT_STAY: usize = LINES + 1 + 4;
