//! Members find each other on a local network: real sockets, on the loopback interface.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use stt::{
    Accepting, Group, LanError, LanOptions, Node, StartError, SystemEntropy, Target,
    dht::{DhtOptions, Serving},
};

/// Far beyond what is expected, so that a busy machine breaks nothing.
const LONG: Duration = Duration::from_secs(30);

/// A port that nobody listens at, so that tests don't hear each other.
fn options() -> LanOptions {
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut options = LanOptions::default();
    options.port = free.local_addr().unwrap().port();
    options
}

fn local() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn start(group: &Group, lan: &LanOptions, accepting: Accepting) -> Node {
    let node = Node::builder(group.clone()).bind(local()).lan(lan.clone());
    node.accepting(accepting).start().await.unwrap()
}

async fn shut_down(nodes: impl IntoIterator<Item = Node>) {
    for node in nodes {
        node.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn members_find_each_other_and_reach_who_was_found() {
    let (group, lan) = (Group::generate(&mut SystemEntropy), options());
    let one = start(&group, &lan, Accepting::Members).await;
    let two = start(&group, &lan, Accepting::Members).await;
    let find = async { tokio::join!(one.neighbour(None), two.neighbour(None)) };
    let (found_two, found_one) = tokio::time::timeout(LONG, find).await.unwrap();
    assert_eq!(found_one.unwrap().peer, one.id());
    let found_two = found_two.unwrap();
    assert_eq!(found_two.peer, two.id());
    assert_eq!(found_two.addresses, two.local_addresses());
    let session = one.connect(Target::from(&found_two)).await.unwrap();
    assert_eq!(session.peer(), two.id());
    shut_down([one, two]).await;
}

#[tokio::test]
async fn who_takes_no_sessions_finds_and_is_not_found() {
    let (group, lan) = (Group::generate(&mut SystemEntropy), options());
    let listener = start(&group, &lan, Accepting::Members).await;
    let seeker = start(&group, &lan, Accepting::Nobody).await;
    let found = tokio::time::timeout(LONG, seeker.neighbour(Some(listener.id()))).await;
    assert_eq!(found.unwrap().unwrap().peer, listener.id());
    // The listener heard the question before it answered.
    assert_eq!(listener.neighbours(), []);
    shut_down([listener, seeker]).await;
}

#[tokio::test]
async fn strangers_are_not_found() {
    let lan = options();
    let group = Group::generate(&mut SystemEntropy);
    let member = start(&group, &lan, Accepting::Members).await;
    let stranger = Group::generate(&mut SystemEntropy);
    let stranger = start(&stranger, &lan, Accepting::Members).await;
    let other = start(&group, &lan, Accepting::Members).await;
    // All three have said the same by the time at which two of them know each other.
    let found = tokio::time::timeout(LONG, async {
        tokio::join!(member.neighbour(None), other.neighbour(None))
    });
    let (by_member, by_other) = found.await.unwrap();
    assert_eq!(by_member.unwrap().peer, other.id());
    assert_eq!(by_other.unwrap().peer, member.id());
    assert_eq!(stranger.neighbours(), []);
    shut_down([member, stranger, other]).await;
}

#[tokio::test]
async fn garbage_and_floods_of_it_keep_nobody_from_being_found() {
    let (group, lan) = (Group::generate(&mut SystemEntropy), options());
    let one = start(&group, &lan, Accepting::Members).await;
    let flood = UdpSocket::bind(local()).unwrap();
    for number in 0..5_000_u32 {
        let length = [0, 1, 288, 289, 305, 306, 1_400][number as usize % 7];
        let _ = flood.send_to(&vec![number as u8; length], (Ipv4Addr::LOCALHOST, lan.port));
    }
    let two = start(&group, &lan, Accepting::Members).await;
    let find = async { tokio::join!(one.neighbour(None), two.neighbour(None)) };
    let (found_two, found_one) = tokio::time::timeout(LONG, find).await.unwrap();
    assert_eq!(found_two.unwrap().peer, two.id());
    assert_eq!(found_one.unwrap().peer, one.id());
    shut_down([one, two]).await;
}

#[tokio::test]
async fn waiting_for_a_neighbour_ends_with_the_node() {
    let (group, lan) = (Group::generate(&mut SystemEntropy), options());
    let node = start(&group, &lan, Accepting::Members).await;
    let waiting = tokio::spawn({
        let node = node.clone();
        async move { node.neighbour(None).await }
    });
    tokio::task::yield_now().await;
    shut_down([node]).await;
    let ended = tokio::time::timeout(LONG, waiting).await.unwrap();
    assert_eq!(ended.unwrap(), None);
}

#[tokio::test]
async fn a_passphrase_is_not_said_on_a_network() {
    let group = Group::from_passphrase("test", "correct horse battery staple").unwrap();
    let refused = Node::builder(group).lan(options()).start().await;
    let refused = refused.err().unwrap();
    assert!(matches!(refused, StartError::Lan(LanError::Passphrase)));
}

#[tokio::test]
async fn members_of_the_local_network_join_each_other_in_the_dht() {
    let (group, lan) = (Group::generate(&mut SystemEntropy), options());
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let node = Node::builder(group.clone()).bind(local()).lan(lan.clone());
        let dht = DhtOptions::new().serving(Serving::Always);
        nodes.push(node.dht(dht).start().await.unwrap());
    }
    let join = async {
        for node in &nodes {
            while node.dht().unwrap().members().len() < 2 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    tokio::time::timeout(LONG * 2, join).await.unwrap();
    shut_down(nodes).await;
}
