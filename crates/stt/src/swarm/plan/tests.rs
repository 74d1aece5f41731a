//! The plan alone: no node, no clock, no network but a few numbers.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use proptest::prelude::*;

use super::*;

const ROUND_TRIP: Duration = Duration::from_millis(50);

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn plan(blocks: u64, providers: u32) -> Plan {
    let mut plan = Plan::new(blocks << 20, 7);
    for id in 0..providers {
        plan.join(ProviderId(id), ROUND_TRIP, at(0));
        plan.gains(ProviderId(id), 0, blocks);
    }
    plan
}

fn orders(plan: &mut Plan, now: Duration) -> Vec<Order> {
    std::iter::from_fn(|| plan.poll(now)).take(1_000).collect()
}

fn fetch(provider: u32, block: u64, from: usize) -> Order {
    Order::Fetch {
        provider: ProviderId(provider),
        block,
        from,
    }
}

#[test]
fn who_was_never_tried_is_asked_for_one_block_and_in_the_order_of_the_object() {
    let mut plan = plan(10, 2);
    assert_eq!(orders(&mut plan, at(0)), [fetch(0, 0, 0), fetch(1, 1, 0)]);
}

#[test]
fn rarest_block_goes_first_when_somebody_has_only_some() {
    let mut plan = Plan::new(10 << 20, 7);
    for id in 0..3 {
        plan.join(ProviderId(id), ROUND_TRIP, at(0));
    }
    plan.gains(ProviderId(0), 0, 10);
    plan.gains(ProviderId(1), 0, 9);
    plan.gains(ProviderId(2), 0, 9);
    let first = orders(&mut plan, at(0)).into_iter().find(|order| {
        matches!(
            order,
            Order::Fetch {
                provider: ProviderId(0),
                ..
            }
        )
    });
    assert_eq!(first, Some(fetch(0, 9, 0)));
}

#[test]
fn what_would_come_last_is_taken_over_where_it_stopped() {
    let mut plan = plan(2, 2);
    assert_eq!(orders(&mut plan, at(0)).len(), 2);
    // The first one is ten times as fast.
    plan.sample(
        [(ProviderId(0), 0, 1 << 20), (ProviderId(1), 1, 100_000)],
        at(1_000),
    );
    plan.ended(ProviderId(0), 0, End::Whole, at(1_000));
    plan.kept(0);
    let cancel = Order::Cancel {
        provider: ProviderId(1),
        block: 1,
    };
    assert_eq!(orders(&mut plan, at(1_000)), [cancel]);
    let end = End::Cut { at_hand: 110_000 };
    plan.ended(ProviderId(1), 1, end, at(1_000));
    assert_eq!(orders(&mut plan, at(1_000)), [fetch(0, 1, 110_000)]);
}

#[test]
fn silent_provider_loses_what_it_was_asked_for_and_rests() {
    let mut plan = plan(4, 2);
    assert_eq!(orders(&mut plan, at(0)).len(), 2);
    for second in 1..=3 {
        plan.sample([(ProviderId(0), 0, second * 100_000)], at(second * 1_000));
    }
    let cancel = Order::Cancel {
        provider: ProviderId(1),
        block: 1,
    };
    assert_eq!(plan.poll(at(3_000)), Some(cancel));
    plan.ended(ProviderId(1), 1, End::Cut { at_hand: 0 }, at(3_000));
    let asked = orders(&mut plan, at(3_000));
    let is_of_other = |order: &Order| {
        matches!(
            order,
            Order::Fetch {
                provider: ProviderId(0),
                ..
            }
        )
    };
    assert!(asked.iter().all(is_of_other), "{asked:?}");
}

#[test]
fn false_block_of_several_is_wanted_from_one_alone() {
    let mut plan = plan(1, 1);
    assert_eq!(orders(&mut plan, at(0)), [fetch(0, 0, 0)]);
    plan.ended(ProviderId(0), 0, End::Whole, at(100));
    plan.wanted_again(0, true);
    assert_eq!(orders(&mut plan, at(100)), [fetch(0, 0, 0)]);
    plan.ended(ProviderId(0), 0, End::Cut { at_hand: 500 }, at(200));
    assert_eq!(orders(&mut plan, at(200)), [fetch(0, 0, 0)]);
}

/// What may happen to a plan.
#[derive(Debug, Clone)]
enum Step {
    Join(u32),
    Leave(u32),
    Gain(u32, u64, u64),
    Sample(u64),
    Land(usize, u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4_u32).prop_map(Step::Join),
        (0..4_u32).prop_map(Step::Leave),
        (0..4_u32, 0..12_u64, 1..12_u64)
            .prop_map(|(id, first, count)| Step::Gain(id, first, count)),
        (0..2_000_000_u64).prop_map(Step::Sample),
        (0..8_usize, 0..5_u8).prop_map(|(flight, end)| Step::Land(flight, end)),
        (0..5_000_u64).prop_map(Step::Wait),
    ]
}

/// Does the steps, checks what must hold on the way, and returns all orders.
fn walk(steps: &[Step]) -> Vec<Order> {
    let mut plan = Plan::new(12 << 20, 3);
    let mut flying: Vec<(ProviderId, u64)> = Vec::new();
    let (mut now, mut all) = (0, Vec::new());
    for step in steps {
        match *step {
            Step::Join(id) => plan.join(ProviderId(id), ROUND_TRIP, at(now)),
            Step::Leave(id) => plan.leave(ProviderId(id)),
            Step::Gain(id, first, count) => {
                plan.gains(ProviderId(id), first, count);
            }
            Step::Sample(bytes) => {
                let received = flying.iter().map(|(id, block)| (*id, *block, bytes));
                plan.sample(received, at(now));
            }
            Step::Land(number, end) => {
                if flying.is_empty() {
                    continue;
                }
                let (id, block) = flying.remove(number % flying.len());
                let end = match end {
                    0 => End::Whole,
                    1 => End::Cut { at_hand: 70_000 },
                    2 => End::Absent,
                    3 => End::Busy {
                        until: at(now + 500),
                    },
                    _ => End::Cut { at_hand: 0 },
                };
                plan.ended(id, block, end, at(now));
                if end == End::Whole {
                    if now % 3 == 0 {
                        plan.wanted_again(block, now % 2 == 0);
                    } else {
                        plan.kept(block);
                    }
                }
            }
            Step::Wait(millis) => now += millis,
        }
        let orders = orders(&mut plan, at(now));
        assert!(orders.len() < 1_000, "orders without end");
        for order in &orders {
            match *order {
                Order::Fetch {
                    provider, block, ..
                } => {
                    assert!(
                        flying.iter().all(|(_, other)| *other != block),
                        "two flights"
                    );
                    flying.push((provider, block));
                }
                Order::Cancel { provider, block } => {
                    // As the driver does: at once.
                    let place = flying
                        .iter()
                        .position(|flight| *flight == (provider, block));
                    flying.remove(place.unwrap());
                    plan.ended(provider, block, End::Cut { at_hand: 5_000 }, at(now));
                }
            }
        }
        all.extend(orders);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn block_has_at_most_one_flight_and_the_same_inputs_give_the_same_orders(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        prop_assert_eq!(walk(&steps), walk(&steps));
    }
}
