//! Two nodes over real sockets: the paths an application walks first.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::time::Duration;

use stt::{
    CloseReason, ConnectError, Delivered, Delivery, EndpointManager, EndpointOptions, Group, Node,
    SystemEntropy, Target, UserFrameType,
};

async fn node(group: &Group) -> Node {
    let address = "127.0.0.1:0".parse().unwrap();
    Node::builder(group.clone())
        .bind(address)
        .start()
        .await
        .unwrap()
}

async fn pair() -> (Node, Node, stt::Session, stt::Session) {
    let group = Group::generate(&mut SystemEntropy);
    let (a, b) = (node(&group).await, node(&group).await);
    let to_a = b.connect(a.local_addresses()[0]).await.unwrap();
    let to_b = a.accept().await.unwrap();
    (a, b, to_b, to_a)
}

#[tokio::test]
async fn both_sides_of_a_session_agree_on_its_id_and_know_each_other() {
    let (a, b, to_b, to_a) = pair().await;
    assert_eq!(to_a.id(), to_b.id());
    assert_eq!((to_a.peer(), to_b.peer()), (a.id(), b.id()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_closed_the_moment_it_was_opened_ends_in_order_on_threads_too() {
    let group = Group::generate(&mut SystemEntropy);
    let (a, b) = (node(&group).await, node(&group).await);
    for _ in 0..200 {
        let session = b.connect(a.local_addresses()[0]).await.unwrap();
        session.close().await.unwrap();
        assert_eq!(a.accept().await.unwrap().closed().await, CloseReason::Done);
    }
}

#[tokio::test]
async fn sessions_that_nobody_accepts_are_not_kept_for_ever() {
    let group = Group::generate(&mut SystemEntropy);
    let (a, b) = (node(&group).await, node(&group).await);
    for _ in 0..300 {
        let session = b.connect(a.local_addresses()[0]).await.unwrap();
        session.close().await.unwrap();
    }
    b.shutdown(Duration::from_secs(5)).await;
    a.shutdown(Duration::from_secs(5)).await;
    let mut kept = 0;
    while a.accept().await.is_some() {
        kept += 1;
    }
    assert!(kept <= 65, "{kept}");
}

#[tokio::test]
async fn sends_that_were_given_up_leave_nothing_behind() {
    let (_a, _b, to_b, to_a) = pair().await;
    for _ in 0..200 {
        let sending = to_a.send_on_stream(1, vec![7; 1_000_000]);
        let _ = tokio::time::timeout(Duration::from_millis(1), sending).await;
    }
    // The first is under way and held by the credit; a second would be too.
    let waiting = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert!(waiting < 40, "{waiting} tasks");
    assert!(!to_b.is_closed());
}

#[tokio::test]
async fn bytes_cross_a_two_way_stream_and_an_orderly_end_tells_both() {
    let (_a, _b, to_b, to_a) = pair().await;
    let (mut send, mut recv) = to_a.open_stream().await.unwrap();
    let payload = vec![42; 3_000_000];
    let copy = payload.clone();
    let writer = tokio::spawn(async move {
        send.write_all(&copy).await.unwrap();
        send.finish().unwrap();
    });
    let (mut back, mut from) = to_b.accept_stream().await.unwrap();
    assert_eq!(from.read_to_end(4_000_000).await.unwrap(), payload);
    back.write_all(b"thanks").await.unwrap();
    back.finish().unwrap();
    assert_eq!(recv.read_to_end(100).await.unwrap(), b"thanks");
    writer.await.unwrap();
    to_a.close().await.unwrap();
    assert_eq!(to_b.closed().await, CloseReason::Done);
}

#[tokio::test]
async fn messages_of_every_size_arrive_whole_and_in_order() {
    let (a, _b, _to_b, to_a) = pair().await;
    let sizes = [
        0, 1, 3_999, 4_000, 8_192, 65_536, 65_537, 1_000_000, 20_000_000, 5,
    ];
    let sender = tokio::spawn(async move {
        for size in sizes {
            to_a.send_on_stream(9, vec![size as u8; size])
                .await
                .unwrap();
        }
        to_a.close().await.unwrap();
    });
    let mut receiver = a.receive();
    for size in sizes {
        let packet = receiver.next().await.unwrap();
        assert_eq!((packet.stream_id, packet.data.len()), (9, size));
        assert!(packet.data.iter().all(|byte| *byte == size as u8));
    }
    sender.await.unwrap();
}

#[tokio::test]
async fn frames_travel_reliably_and_as_datagrams() {
    let (_a, _b, to_b, to_a) = pair().await;
    let kind = UserFrameType::try_from(0x80).unwrap();
    to_a.send_frame(kind, "reliable").await.unwrap();
    let frame = to_b.receive_frame().await.unwrap();
    assert_eq!(
        (&frame.payload[..], frame.delivery),
        (&b"reliable"[..], Delivery::Reliable)
    );
    to_a.send_datagram(kind, "fast").unwrap();
    let frame = to_b.receive_frame().await.unwrap();
    assert_eq!(
        (&frame.payload[..], frame.delivery),
        (&b"fast"[..], Delivery::Datagram)
    );
}

#[tokio::test]
async fn a_pinned_peer_that_is_someone_else_is_refused() {
    let group = Group::generate(&mut SystemEntropy);
    let (a, b, c) = (node(&group).await, node(&group).await, node(&group).await);
    let target = Target::from(a.local_addresses()[0]).peer(c.id());
    let refused = b.connect(target).await.unwrap_err();
    assert!(matches!(refused, ConnectError::WrongPeer { actual, .. } if actual == a.id()));
}

#[tokio::test]
async fn dialling_oneself_is_an_error_of_its_own() {
    let a = node(&Group::generate(&mut SystemEntropy)).await;
    let refused = a.connect(a.local_addresses()[0]).await.unwrap_err();
    assert!(matches!(refused, ConnectError::SelfDial));
}

#[tokio::test]
async fn a_wrong_passphrase_is_refused_within_a_second_and_the_right_one_still_enters() {
    let right = Group::from_passphrase("test", "correct horse battery staple").unwrap();
    let wrong = Group::from_passphrase("test", "incorrect horse battery staple").unwrap();
    let a = node(&right).await;
    let (b, stranger) = (node(&right).await, node(&wrong).await);
    let started = std::time::Instant::now();
    let refused = stranger.connect(a.local_addresses()[0]).await.unwrap_err();
    assert!(
        matches!(refused, ConnectError::AuthenticationRefused),
        "{refused:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(1));
    b.connect(a.local_addresses()[0]).await.unwrap();
}

#[tokio::test]
async fn a_node_shut_down_flushes_what_was_sent() {
    let (a, b, to_b, to_a) = pair().await;
    to_a.send_on_stream(1, "last words").await.unwrap();
    let stopping = tokio::spawn(async move { b.shutdown(Duration::from_secs(5)).await });
    assert_eq!(&a.receive().next().await.unwrap().data[..], b"last words");
    assert!(stopping.await.unwrap().is_empty());
    assert_eq!(to_b.closed().await, CloseReason::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_come_to_a_peers_endpoints_over_real_sockets_on_threads() {
    let (_a, b, to_b, to_a) = pair().await;
    let (near, far) = (EndpointManager::new(), EndpointManager::new());
    far.attach(&to_b);
    let mut routers = Vec::new();
    for endpoint in 0..10 {
        let name = format!("endpoint {endpoint}");
        far.create(&name, EndpointOptions::default()).unwrap();
        near.bind_remote(&name, &to_a, &name).unwrap();
        let near = near.clone();
        routers.push(tokio::spawn(async move {
            for item in 0..500_u32 {
                let len = if item % 100 == 0 { 200_000 } else { 64 };
                let mut data = vec![0; len];
                data[..4].copy_from_slice(&item.to_be_bytes());
                let routed = near.route_to_endpoint(&name, data).await;
                assert_eq!(routed, Ok(Delivered));
            }
        }));
    }
    for endpoint in 0..10 {
        for item in 0..500_u32 {
            let received = far.receive_from(&format!("endpoint {endpoint}")).await;
            assert_eq!(received.unwrap().data[..4], item.to_be_bytes());
        }
    }
    for router in routers {
        router.await.unwrap();
    }
    to_a.close().await.unwrap();
    drop(b);
}
