//! The virtual clock and the order of tasks.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use noq::{Runtime, TimeSource};
use stt_sim::{Elapsed, Sim};

type Log = Arc<Mutex<Vec<u32>>>;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What the panic of `f` says.
fn panic_message(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap()
}

#[test]
fn an_hour_passes_at_once() {
    let sim = Sim::new(1);
    let real = std::time::Instant::now();
    sim.block_on(sim.sleep(Duration::from_mins(59)));
    assert_eq!(sim.elapsed(), Duration::from_mins(59));
    assert!(real.elapsed() < Duration::from_secs(1));
}

#[test]
fn timers_fire_in_the_order_of_their_deadlines_then_of_registration() {
    let sim = Sim::new(1);
    let log = Log::default();
    let mut tasks = Vec::new();
    for (name, delay) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
        let (log, sleep) = (log.clone(), sim.sleep(ms(delay)));
        tasks.push(sim.spawn(async move {
            sleep.await;
            log.lock().unwrap().push(name);
        }));
    }
    sim.block_on(async {
        for task in tasks {
            task.await;
        }
    });
    assert_eq!(*log.lock().unwrap(), [2, 4, 3, 1]);
    assert_eq!(sim.elapsed(), ms(30));
}

#[test]
fn tasks_run_in_the_order_in_which_they_were_spawned() {
    let sim = Sim::new(1);
    let log = Log::default();
    for name in 0..5 {
        let log = log.clone();
        sim.spawn(async move { log.lock().unwrap().push(name) });
    }
    sim.block_on(sim.sleep(ms(1)));
    assert_eq!(*log.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn the_clock_stands_still_while_a_task_can_run() {
    let sim = Sim::new(1);
    let mut polls = 0;
    sim.block_on(std::future::poll_fn(|cx| {
        polls += 1;
        if polls == 1000 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    assert_eq!(sim.elapsed(), Duration::ZERO);
}

#[test]
fn a_timeout_ends_what_takes_too_long_and_lets_the_rest_finish() {
    let sim = Sim::new(1);
    sim.block_on(async {
        assert_eq!(sim.timeout(ms(10), sim.sleep(ms(9))).await, Ok(()));
        assert_eq!(sim.timeout(ms(10), sim.sleep(ms(10))).await, Ok(()));
        assert_eq!(sim.timeout(ms(10), sim.sleep(ms(11))).await, Err(Elapsed));
        assert_eq!(sim.timeout(ms(10), pending::<()>()).await, Err(Elapsed));
    });
    assert_eq!(sim.elapsed(), ms(39));
}

#[test]
fn a_timer_that_is_reset_fires_at_its_new_deadline_only() {
    let sim = Sim::new(1);
    let mut timer = sim.new_timer(sim.now() + ms(10));
    sim.block_on(async {
        let fired = std::future::poll_fn(|cx| timer.as_mut().poll(cx));
        assert_eq!(sim.timeout(ms(5), fired).await, Err(Elapsed));
        timer.as_mut().reset(sim.now() + ms(20));
        std::future::poll_fn(|cx| timer.as_mut().poll(cx)).await;
    });
    assert_eq!(sim.elapsed(), ms(25));
}

#[test]
fn a_task_hands_its_result_to_whoever_awaits_it() {
    let sim = Sim::new(1);
    let sleep = sim.sleep(ms(7));
    let task = sim.spawn(async move {
        sleep.await;
        42
    });
    assert!(!task.is_finished());
    assert_eq!(sim.block_on(task), 42);
}

#[test]
fn tasks_that_are_left_go_on_in_the_next_run() {
    let sim = Sim::new(1);
    let sleep = sim.sleep(ms(20));
    let task = sim.spawn(async move {
        sleep.await;
        "done"
    });
    sim.block_on(sim.sleep(ms(10)));
    assert!(!task.is_finished());
    assert_eq!(sim.block_on(task), "done");
    assert_eq!(sim.elapsed(), ms(20));
}

#[test]
fn a_deadlock_panics_with_seed_and_time() {
    let sim = Sim::new(4711);
    let message = panic_message(|| {
        sim.block_on(async {
            sim.sleep(ms(1500)).await;
            pending::<()>().await;
        });
    });
    assert!(message.contains("deadlock"), "{message}");
    assert!(
        message.contains("seed 4711") && message.contains("1.5s"),
        "{message}"
    );
}

#[test]
fn a_run_beyond_the_limit_panics_with_the_seed() {
    let sim = Sim::new(4712);
    sim.limit(Duration::from_secs(5));
    sim.block_on(sim.sleep(Duration::from_secs(5)));
    let message = panic_message(|| {
        sim.block_on(async {
            loop {
                sim.sleep(ms(1)).await;
            }
        });
    });
    assert!(
        message.contains("limit") && message.contains("seed 4712"),
        "{message}"
    );
    assert_eq!(sim.elapsed(), Duration::from_secs(10));
}

#[test]
fn a_loop_in_which_no_time_passes_panics() {
    let sim = Sim::new(4713);
    let message = panic_message(|| {
        sim.block_on(std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
    });
    assert!(
        message.contains("stands still") && message.contains("seed 4713"),
        "{message}"
    );
}

#[test]
fn a_run_inside_a_run_is_refused() {
    let sim = Sim::new(4714);
    let message = panic_message(|| sim.block_on(async { sim.block_on(async {}) }));
    assert!(message.contains("block_on inside block_on"), "{message}");
    sim.block_on(async {});
}

#[test]
fn a_shutdown_drops_tasks_that_hold_the_simulation() {
    let sim = Sim::new(1);
    let (held, clone) = (Arc::new(()), sim.clone());
    let weak = Arc::downgrade(&held);
    sim.spawn(async move {
        clone.sleep(ms(1)).await;
        pending::<()>().await;
        drop(held);
    });
    sim.block_on(sim.sleep(ms(2)));
    assert!(weak.upgrade().is_some());
    sim.shutdown();
    assert!(weak.upgrade().is_none());
}

#[test]
fn wall_clock_time_follows_the_virtual_clock() {
    let sim = Sim::new(1);
    let before = TimeSource::now(&sim);
    sim.block_on(sim.sleep(Duration::from_hours(1)));
    assert_eq!(
        TimeSource::now(&sim).duration_since(before).unwrap(),
        Duration::from_hours(1)
    );
    // 1 January 2027, at midnight.
    let start = before.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(start.as_secs(), 1_798_761_600);
}
