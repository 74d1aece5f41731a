//! Events within one process: who is called, how often, and what the emitter learns.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed step is a failed test"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::FutureExt;
use parking_lot::Mutex;
use stt::{Event, EventEmitter, HandlerError, NameTooLong, Origin};
use tokio::sync::{Barrier, Semaphore};

type Seen<T> = Arc<Mutex<Vec<T>>>;

#[tokio::test]
async fn every_handler_of_the_name_is_called_once() {
    let emitter = EventEmitter::new();
    let seen: Seen<(&str, Event<String>)> = Arc::default();
    let note = |who| {
        let seen = Arc::clone(&seen);
        move |event| seen.lock().push((who, event))
    };
    emitter.on("reading", note("first")).unwrap();
    emitter.on("reading", note("second")).unwrap();
    emitter.on("other", note("other")).unwrap();
    let report = emitter.emit("reading", "21.5".to_owned()).await.unwrap();
    assert_eq!((report.ran, report.all_well()), (2, true));
    let seen = seen.lock();
    let called: Vec<_> = seen
        .iter()
        .map(|(who, event)| (*who, event.as_str()))
        .collect();
    assert_eq!(called, [("first", "21.5"), ("second", "21.5")]);
    let (_, event) = &seen[0];
    assert_eq!(
        (event.name().as_str(), event.origin()),
        ("reading", Origin::Local)
    );
    // All handlers share one payload.
    assert!(Arc::ptr_eq(&event.payload(), &seen[1].1.payload()));
}

#[tokio::test]
async fn an_event_without_handlers_is_no_error() {
    let emitter = EventEmitter::new();
    let report = emitter.emit("unheard", 1).await.unwrap();
    assert_eq!((report.ran, report.all_well()), (0, true));
    assert!(!emitter.has_handlers("unheard"));
}

#[tokio::test]
async fn a_handler_that_fails_or_panics_stops_nobody_and_the_emitter_is_told() {
    let emitter = EventEmitter::new();
    let ran = Arc::new(AtomicUsize::new(0));
    let panics_at_once = |event: Event<u8>| {
        assert_ne!(*event, 7, "at once");
    };
    let panics_later = |event: Event<u8>| async move {
        tokio::task::yield_now().await;
        assert_ne!(*event, 7, "seven");
    };
    let fails = |_: Event<u8>| Err::<(), _>(std::io::Error::other("no disk"));
    let counted = Arc::clone(&ran);
    let well = move |_: Event<u8>| {
        counted.fetch_add(1, Relaxed);
    };
    let ids = [
        emitter.on("event", panics_at_once).unwrap(),
        emitter.on("event", panics_later).unwrap(),
        emitter.on("event", fails).unwrap(),
        emitter.on("event", well).unwrap(),
    ];
    let report = emitter.emit("event", 7_u8).await.unwrap();
    assert_eq!((report.ran, ran.load(Relaxed)), (4, 1));
    let failed: Vec<_> = report
        .failures
        .iter()
        .map(|failure| failure.handler)
        .collect();
    assert_eq!(failed, ids[..3]);
    let panics = |error: &HandlerError, text: &str| match error {
        HandlerError::Panicked { message } => assert!(message.contains(text), "{message}"),
        other => panic!("{other}"),
    };
    panics(&report.failures[0].error, "at once");
    panics(&report.failures[1].error, "seven");
    assert_eq!(report.failures[2].to_string(), "handler failed: no disk");
    assert!(!report.all_well());
}

#[tokio::test]
async fn a_handler_of_another_type_is_not_called_and_that_is_reported() {
    let emitter = EventEmitter::new();
    let text = emitter
        .on("event", |_: Event<String>| panic_if_called())
        .unwrap();
    let once = emitter
        .once("event", |_: Event<String>| panic_if_called())
        .unwrap();
    emitter.on("event", |_: Event<u32>| {}).unwrap();
    for _ in 0..2 {
        let report = emitter.emit("event", 1_u32).await.unwrap();
        assert_eq!((report.ran, report.all_well()), (1, false));
        // The one that runs once was not called, so it stays.
        let handlers: Vec<_> = report.mismatches.iter().map(|it| it.handler).collect();
        assert_eq!(handlers, [text, once]);
        let mismatch = &report.mismatches[0];
        assert!(mismatch.takes.contains("String"), "{mismatch}");
        assert_eq!(mismatch.given, "u32");
    }
}

fn panic_if_called() {
    panic!("called with another type");
}

#[tokio::test]
async fn a_handler_that_was_taken_off_is_not_called() {
    let emitter = EventEmitter::new();
    let handler = emitter.on("event", |_: Event<u8>| {}).unwrap();
    assert!(emitter.has_handlers("event"));
    assert!(!EventEmitter::new().off(handler), "another emitter's");
    assert!(emitter.off(handler));
    assert!(!emitter.off(handler));
    assert!(!emitter.has_handlers("event"));
    assert_eq!(emitter.emit("event", 1_u8).await.unwrap().ran, 0);
}

#[tokio::test]
async fn handlers_begin_in_order_and_run_side_by_side() {
    const HANDLERS: usize = 100;
    let emitter = EventEmitter::new();
    let (begun, meet): (Seen<usize>, _) = (Arc::default(), Arc::new(Barrier::new(HANDLERS)));
    for number in 0..HANDLERS {
        let (begun, meet) = (Arc::clone(&begun), Arc::clone(&meet));
        let handler = move |_: Event<u8>| {
            begun.lock().push(number);
            let meet = Arc::clone(&meet);
            // None gets past this before all have begun.
            async move {
                meet.wait().await;
            }
        };
        emitter.on("event", handler).unwrap();
    }
    let report = emitter.emit("event", 0_u8).await.unwrap();
    assert_eq!(report.ran, HANDLERS);
    assert!(begun.lock().iter().copied().eq(0..HANDLERS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_runs_once_does_so_however_many_emit_at_once() {
    for _ in 0..50 {
        let emitter = EventEmitter::new();
        let ran = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ran);
        let once = move |_: Event<u8>| async move {
            counted.fetch_add(1, Relaxed);
        };
        let id = emitter.once("event", once).unwrap();
        let emits = (0..8).map(|_| {
            let emitter = emitter.clone();
            tokio::spawn(async move { emitter.emit("event", 1_u8).await.unwrap().ran })
        });
        let mut reported = 0;
        for emit in emits.collect::<Vec<_>>() {
            reported += emit.await.unwrap();
        }
        assert_eq!((reported, ran.load(Relaxed)), (1, 1));
        assert!(!emitter.off(id));
        assert!(!emitter.has_handlers("event"));
    }
}

#[tokio::test]
async fn handlers_may_register_remove_and_emit() {
    let emitter = EventEmitter::new();
    let added = Arc::new(AtomicUsize::new(0));
    let (own, count) = (emitter.clone(), Arc::clone(&added));
    let changes = move |event: Event<u8>| {
        let (own, count) = (own.clone(), Arc::clone(&count));
        async move {
            let id = own.on("event", |_: Event<u8>| {})?;
            assert!(own.off(id));
            let adds = move |_: Event<u8>| {
                count.fetch_add(1, Relaxed);
            };
            own.once("event", adds)?;
            if *event > 0 {
                own.emit("event", *event - 1).await?;
            }
            Ok::<_, NameTooLong>(())
        }
    };
    emitter.on("event", changes).unwrap();
    let emitted = emitter.emit("event", 3_u8);
    let report = tokio::time::timeout(Duration::from_secs(60), emitted).await;
    let report = report.expect("no deadlock").unwrap();
    assert!(report.all_well());
    // Each event reached those registered before it, and not the one it made itself.
    assert_eq!((report.ran, added.load(Relaxed)), (1, 3));
}

/// Emits when it is dropped, and takes something off.
struct UsesEmitter(EventEmitter);

impl Drop for UsesEmitter {
    fn drop(&mut self) {
        let _ = self.0.on("event", |_: Event<u8>| {});
    }
}

#[tokio::test]
async fn what_a_handler_owns_may_use_the_emitter_when_it_is_dropped() {
    let emitter = EventEmitter::new();
    let owned = [UsesEmitter(emitter.clone()), UsesEmitter(emitter.clone())];
    let [first, second] = owned;
    let handler = emitter
        .on("other", move |_: Event<u8>| drop(first.0.clone()))
        .unwrap();
    emitter.off(handler);
    emitter
        .once("other", move |_: Event<u8>| drop(second.0.clone()))
        .unwrap();
    drop(emitter.emit("other", 1_u8).await.unwrap());
    assert_eq!(emitter.emit("event", 1_u8).await.unwrap().ran, 2);
}

#[tokio::test]
async fn an_emit_that_is_dropped_cancels_its_handlers() {
    let emitter = EventEmitter::new();
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let (begins, ends, permits) = (Arc::clone(&begun), Arc::clone(&ended), Arc::clone(&gate));
    let waits = move |_: Event<u8>| {
        begins.fetch_add(1, Relaxed);
        let (ends, permits) = (Arc::clone(&ends), Arc::clone(&permits));
        async move {
            permits.acquire().await.unwrap().forget();
            ends.fetch_add(1, Relaxed);
        }
    };
    emitter.on("event", waits).unwrap();
    let once = emitter
        .once("event", |_: Event<u8>| std::future::pending::<()>())
        .unwrap();

    drop(emitter.emit("event", 1_u8));
    assert_eq!(begun.load(Relaxed), 0, "it was never polled");

    let mut emitting = Box::pin(emitter.emit("event", 1_u8));
    assert!((&mut emitting).now_or_never().is_none());
    drop(emitting);
    gate.add_permits(10);
    tokio::task::yield_now().await;
    assert_eq!((begun.load(Relaxed), ended.load(Relaxed)), (1, 0));
    assert!(!emitter.off(once), "what runs once has run");
    assert_eq!(emitter.emit("event", 1_u8).await.unwrap().ran, 1);
    assert_eq!((begun.load(Relaxed), ended.load(Relaxed)), (2, 1));
}

#[tokio::test]
async fn nothing_is_kept_of_an_event_that_is_over() {
    let emitter = EventEmitter::new();
    emitter.on("event", |_: Event<Arc<u8>>| async {}).unwrap();
    emitter.once("event", |_: Event<Arc<u8>>| {}).unwrap();
    let payload = Arc::new(1_u8);
    drop(emitter.emit("event", Arc::clone(&payload)).await.unwrap());
    assert_eq!(Arc::strong_count(&payload), 1);
}

#[tokio::test]
async fn names_are_any_unicode_up_to_255_bytes() {
    let emitter = EventEmitter::new();
    for name in ["", "θερμοκρασία", "🎈", &"n".repeat(255)] {
        emitter.on(name, |_: Event<u8>| {}).unwrap();
        assert_eq!(emitter.emit(name, 1_u8).await.unwrap().ran, 1, "{name}");
    }
    let longer = "é".repeat(128);
    let refused = NameTooLong { len: 256 };
    let (on, once) = (
        emitter.on(&longer, |_: Event<u8>| {}),
        emitter.once(&longer, |_: Event<u8>| {}),
    );
    assert_eq!((on, once), (Err(refused), Err(refused)));
    assert_eq!(emitter.emit(longer, 1_u8).await.unwrap_err(), refused);
}
