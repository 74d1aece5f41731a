//! Endpoints of one node: queues, what happens when they are full, and what removing one means.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::{
    collections::BTreeSet,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use stt::{
    BindError, Delivered, EndpointManager, EndpointOptions, EndpointReceiver, Name, NameTooLong,
    Origin, ReceiveError, Refusal, RouteError, WhenFull,
};

/// Polls a future that can only be woken by what the test does next.
fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn full(when_full: WhenFull) -> (EndpointManager, EndpointReceiver) {
    let manager = EndpointManager::new();
    let options = EndpointOptions::default().items(2).when_full(when_full);
    let receiver = manager.create("e", options).unwrap();
    for item in ["0", "1"] {
        let routed = poll(pin!(manager.route_to_endpoint("e", item)));
        assert_eq!(routed, Poll::Ready(Ok(Delivered)));
    }
    (manager, receiver)
}

fn refused(refusal: Refusal) -> Result<Delivered, RouteError> {
    Err(RouteError::Refused(refusal))
}

#[tokio::test]
async fn each_item_comes_to_one_consumer_and_in_order_to_each() {
    let manager = EndpointManager::new();
    let receiver = manager.create("e", EndpointOptions::default()).unwrap();
    let consumers: Vec<_> = (0..4)
        .map(|_| {
            let mut receiver = receiver.clone();
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some(item) = receiver.next().await {
                    assert_eq!(item.from, Origin::Local);
                    let number = u32::from_be_bytes(item.data[..].try_into().unwrap());
                    taken.push(number);
                    tokio::task::yield_now().await;
                }
                taken
            })
        })
        .collect();
    for number in 0..5_000_u32 {
        let data = number.to_be_bytes().to_vec();
        manager.route_to_endpoint("e", data).await.unwrap();
    }
    drop(manager);
    let mut all = BTreeSet::new();
    for consumer in consumers {
        let taken = consumer.await.unwrap();
        assert!(taken.is_sorted());
        assert!(taken.iter().all(|number| all.insert(*number)), "twice");
    }
    assert_eq!(all.len(), 5_000);
}

#[tokio::test]
async fn a_stalled_consumer_delays_no_other_endpoint() {
    let manager = EndpointManager::new();
    for endpoint in 0..100 {
        let name = format!("endpoint {endpoint}");
        manager.create(name, EndpointOptions::default()).unwrap();
    }
    // Nobody takes anything from number 7: its router waits at the 1,025th item.
    let stalled = manager.clone();
    let stuck = tokio::spawn(async move {
        for _ in 0..1_025 {
            let routed = stalled.route_to_endpoint("endpoint 7", "item").await;
            assert_eq!(routed, refused(Refusal::NoSuchEndpoint).or(Ok(Delivered)));
        }
    });
    for endpoint in (0..100).filter(|endpoint| *endpoint != 7) {
        let name = format!("endpoint {endpoint}");
        for number in 0..1_000_u32 {
            let data = number.to_be_bytes().to_vec();
            manager.route_to_endpoint(&name, data).await.unwrap();
        }
        for number in 0..1_000_u32 {
            let item = manager.receive_from(&name).await.unwrap();
            assert_eq!(item.data[..], number.to_be_bytes());
        }
    }
    while manager.stats("endpoint 7").unwrap().waiting < 1_024 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!stuck.is_finished());
    manager.receive_from("endpoint 7").await.unwrap();
    stuck.await.unwrap();
}

#[test]
fn routers_wait_for_room_in_the_order_they_came() {
    let (manager, mut receiver) = full(WhenFull::Wait);
    let mut first = pin!(manager.route_to_endpoint("e", "2"));
    let mut second = pin!(manager.route_to_endpoint("e", "3"));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!(taken(&mut receiver), "0");
    assert!(poll(second.as_mut()).is_pending(), "it overtook the first");
    assert_eq!(poll(first.as_mut()), Poll::Ready(Ok(Delivered)));
    assert_eq!(taken(&mut receiver), "1");
    assert_eq!(poll(second.as_mut()), Poll::Ready(Ok(Delivered)));
    assert_eq!(taken(&mut receiver), "2");
    assert_eq!(taken(&mut receiver), "3");
}

#[test]
fn a_newcomer_does_not_overtake_those_in_line() {
    let (manager, mut receiver) = full(WhenFull::Wait);
    let mut first = pin!(manager.route_to_endpoint("e", "2"));
    assert!(poll(first.as_mut()).is_pending());
    taken(&mut receiver);
    let mut newcomer = pin!(manager.route_to_endpoint("e", "3"));
    assert!(poll(newcomer.as_mut()).is_pending());
    assert!(poll(first.as_mut()).is_ready());
}

#[test]
fn a_router_that_gives_up_leaves_nothing_behind() {
    let (manager, mut receiver) = full(WhenFull::Wait);
    let mut patient = pin!(manager.route_to_endpoint("e", "3"));
    {
        let mut gives_up = pin!(manager.route_to_endpoint("e", "2"));
        assert!(poll(gives_up.as_mut()).is_pending());
        assert!(poll(patient.as_mut()).is_pending());
    }
    taken(&mut receiver);
    assert!(poll(patient.as_mut()).is_ready());
    assert_eq!(
        [taken(&mut receiver), taken(&mut receiver)],
        ["1".to_owned(), "3".to_owned()]
    );
    assert_eq!(manager.stats("e").unwrap().delivered, 3);
}

#[test]
fn a_consumer_that_gives_up_takes_nothing() {
    let manager = EndpointManager::new();
    let mut receiver = manager.create("e", EndpointOptions::default()).unwrap();
    let mut other = receiver.clone();
    let mut patient = pin!(other.next());
    {
        let mut gives_up = pin!(receiver.next());
        assert!(poll(gives_up.as_mut()).is_pending());
        assert!(poll(patient.as_mut()).is_pending());
        assert!(poll(pin!(manager.route_to_endpoint("e", "1"))).is_ready());
    }
    assert!(matches!(poll(patient.as_mut()), Poll::Ready(Some(item)) if item.data == "1"));
}

#[test]
fn a_full_queue_drops_its_oldest_and_counts_them() {
    let (manager, mut receiver) = full(WhenFull::DropOldest);
    for item in ["2", "3", "4"] {
        let routed = poll(pin!(manager.route_to_endpoint("e", item)));
        assert_eq!(routed, Poll::Ready(Ok(Delivered)));
    }
    let stats = manager.stats("e").unwrap();
    assert_eq!((stats.dropped, stats.delivered, stats.waiting), (3, 5, 2));
    assert_eq!(
        [taken(&mut receiver), taken(&mut receiver)],
        ["3".to_owned(), "4".to_owned()]
    );
}

#[test]
fn a_full_queue_refuses_and_counts_that() {
    let (manager, mut receiver) = full(WhenFull::Refuse);
    let routed = poll(pin!(manager.route_to_endpoint("e", "2")));
    assert_eq!(routed, Poll::Ready(refused(Refusal::Full)));
    assert_eq!(manager.stats("e").unwrap().refused, 1);
    taken(&mut receiver);
    let routed = poll(pin!(manager.route_to_endpoint("e", "3")));
    assert_eq!(routed, Poll::Ready(Ok(Delivered)));
}

#[tokio::test]
async fn bytes_bound_a_queue_as_items_do() {
    for when_full in [WhenFull::Wait, WhenFull::DropOldest, WhenFull::Refuse] {
        let manager = EndpointManager::new();
        let options = EndpointOptions::default().bytes(100).when_full(when_full);
        manager.create("e", options).unwrap();
        let long = manager.route_to_endpoint("e", vec![0; 101]).await;
        assert_eq!(long, refused(Refusal::TooLong { len: 101 }));
        manager.route_to_endpoint("e", vec![0; 60]).await.unwrap();
        let routed = poll(pin!(manager.route_to_endpoint("e", vec![0; 41])));
        match when_full {
            WhenFull::Wait => assert!(routed.is_pending()),
            WhenFull::DropOldest => assert_eq!(routed, Poll::Ready(Ok(Delivered))),
            WhenFull::Refuse => assert_eq!(routed, Poll::Ready(refused(Refusal::Full))),
        }
        assert!(manager.stats("e").unwrap().waiting_bytes <= 100);
    }
}

#[test]
fn an_endpoint_that_is_removed_refuses_those_who_wait_and_gives_its_items_back() {
    let (manager, mut receiver) = full(WhenFull::Wait);
    let mut routers = [
        Box::pin(manager.route_to_endpoint("e", "2")),
        Box::pin(manager.route_to_endpoint("e", "3")),
    ];
    for router in &mut routers {
        assert!(poll(router.as_mut()).is_pending());
    }
    let left = manager.remove("e").unwrap();
    assert_eq!([&left[0].data, &left[1].data], ["0", "1"]);
    for router in &mut routers {
        let routed = poll(router.as_mut());
        assert_eq!(routed, Poll::Ready(refused(Refusal::NoSuchEndpoint)));
    }
    assert_eq!(poll(pin!(receiver.next())), Poll::Ready(None));
    assert_eq!(manager.remove("e"), None);
    assert_eq!(manager.stats("e"), None);
}

#[tokio::test]
async fn who_waits_to_receive_hears_that_the_endpoint_is_gone() {
    let manager = EndpointManager::new();
    manager.create("e", EndpointOptions::default()).unwrap();
    let waiting = manager.clone();
    let waiting = tokio::spawn(async move { waiting.receive_from("e").await });
    tokio::task::yield_now().await;
    manager.remove("e");
    assert_eq!(waiting.await.unwrap(), Err(ReceiveError::NoSuchEndpoint));
    let none = manager.receive_from("e").await;
    assert_eq!(none, Err(ReceiveError::NoSuchEndpoint));
    let routed = manager.route_to_endpoint("e", "1").await;
    assert_eq!(routed, refused(Refusal::NoSuchEndpoint));
}

#[tokio::test]
async fn a_receiver_outlives_the_manager_until_everything_is_taken() {
    let manager = EndpointManager::new();
    let mut receiver = manager.create("e", EndpointOptions::default()).unwrap();
    manager.route_to_endpoint("e", "last").await.unwrap();
    drop(manager);
    assert_eq!(receiver.next().await.unwrap().data, "last");
    assert_eq!(receiver.next().await, None);
}

#[tokio::test]
async fn names_are_any_unicode_up_to_255_bytes_and_stand_for_one_thing() {
    let manager = EndpointManager::new();
    for name in ["", "\0", "ὄνομα", "🎈\u{202e}", &"n".repeat(255)] {
        let receiver = manager.create(name, EndpointOptions::default()).unwrap();
        assert_eq!(receiver.name(), &Name::try_from(name).unwrap());
        manager.route_to_endpoint(name, "x").await.unwrap();
        let again = manager.create(name, EndpointOptions::default());
        assert!(matches!(again, Err(BindError::Taken)));
    }
    let long = manager.create("é".repeat(128), EndpointOptions::default());
    let too_long = BindError::NameTooLong(NameTooLong { len: 256 });
    assert_eq!(long.map(|_| ()), Err(too_long));
    let routed = manager.route_to_endpoint(&"é".repeat(128), "x").await;
    assert_eq!(routed, refused(Refusal::NoSuchEndpoint));
}

fn taken(receiver: &mut EndpointReceiver) -> String {
    match poll(pin!(receiver.next())) {
        Poll::Ready(Some(item)) => String::from_utf8(item.data.to_vec()).unwrap(),
        other => unreachable!("{other:?}"),
    }
}
