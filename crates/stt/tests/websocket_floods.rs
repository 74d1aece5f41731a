//! Who asks a listener for much and gives nothing: what is held of them, how long, and that others
//! come through. On the simulator's clock.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod raw_websocket;
mod support;

use std::{net::SocketAddr, time::Duration};

use raw_websocket::{RawClient, tag};
use stt::{Limits, Node, PathKind};
use stt_sim::{Link, Sim, SimStream};
use support::{World, address, in_world};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const NOT_FOUND: &[u8] =
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Addresses that are not of the nodes' network.
fn strangers(how_many: u16, of: Networks) -> impl Iterator<Item = SocketAddr> {
    (0..how_many).map(move |number| {
        let [high, low] = number.to_be_bytes();
        match of {
            Networks::One => ([192, 0, 2, low], 1_000 + u16::from(high)).into(),
            Networks::Many => ([100, high, low, 1], 1_000).into(),
        }
    })
}

#[derive(Debug, Clone, Copy)]
enum Networks {
    One,
    Many,
}

async fn listener(world: &World, limits: Limits) -> Node {
    let builder = world.builder(1).listen_ws(address(1)).limits(limits);
    world.start(builder).await
}

async fn stream_from(world: &World, stranger: SocketAddr) -> SimStream {
    world.net.connect(stranger, address(1)).await.unwrap()
}

/// Connects, and says a byte a second of a head that never ends. What it was answered, and when it was
/// let go.
async fn drips(sim: Sim, mut stream: SimStream) -> (Vec<u8>, Duration) {
    let began = sim.elapsed();
    let mut answer = Vec::new();
    loop {
        let gone = stream.write_all(b"x").await.is_err();
        let reading = stream.read_buf(&mut answer);
        let read = sim.timeout(Duration::from_secs(1), reading).await;
        if gone || matches!(read, Ok(Ok(0) | Err(_))) {
            return (answer, sim.elapsed().saturating_sub(began));
        }
    }
}

#[test]
fn a_head_that_never_ends_gets_the_answer_of_all_after_five_seconds() {
    in_world(1, Link::wan(), |sim, world| async move {
        let _listener = listener(&world, Limits::default()).await;
        let stranger = strangers(1, Networks::One).next().unwrap();
        let stream = stream_from(&world, stranger).await;
        let (answer, took) = drips(sim, stream).await;
        assert_eq!(answer, NOT_FOUND);
        assert!(took >= Duration::from_secs(4), "{took:?}");
        assert!(took < Duration::from_secs(8), "{took:?}");
    });
}

#[test]
fn heads_that_never_end_keep_no_member_out_wherever_they_come_from() {
    for of in [Networks::One, Networks::Many] {
        in_world(2, Link::wan(), |sim, world| async move {
            let _listener = listener(&world, Limits::default()).await;
            let mut dripping = Vec::new();
            for stranger in strangers(400, of) {
                let stream = stream_from(&world, stranger).await;
                dripping.push(sim.spawn(drips(sim.clone(), stream)));
            }
            world.net.forbid_udp(address(2).ip());
            let member = world.node(2).await;
            let began = sim.elapsed();
            let url = format!("ws://{}", address(1));
            let session = member.connect_ws(&url).await.unwrap();
            assert_eq!(session.stats().path.kind, PathKind::WebSocket);
            let took = sim.elapsed().saturating_sub(began);
            assert!(took < Duration::from_secs(1), "{of:?}: {took:?}");
            for dripped in dripping {
                let (_, took) = dripped.await;
                assert!(took < Duration::from_secs(8), "{of:?}: {took:?}");
            }
        });
    }
}

#[test]
fn who_had_a_session_lately_comes_through_a_flood_from_everywhere() {
    in_world(5, Link::wan(), |sim, world| async move {
        let _listener = listener(&world, Limits::default()).await;
        world.net.forbid_udp(address(2).ip());
        let member = world.node(2).await;
        let url = format!("ws://{}", address(1));
        let session = member.connect_ws(&url).await.unwrap();
        session.close().await.unwrap();
        // Ten a millisecond: all places are taken anew before a request can follow its connection.
        for (number, stranger) in strangers(4_000, Networks::Many).enumerate() {
            let (clock, world) = (sim.clone(), world.clone());
            drop(sim.spawn(async move {
                clock
                    .sleep(Duration::from_micros(100) * number as u32)
                    .await;
                let stream = stream_from(&world, stranger).await;
                clock.sleep(Duration::from_secs(1)).await;
                drop(stream);
            }));
        }
        sim.sleep(Duration::from_millis(100)).await;
        let began = sim.elapsed();
        member.connect_ws(&url).await.unwrap();
        assert!(sim.elapsed().saturating_sub(began) < Duration::from_secs(1));
    });
}

#[test]
fn a_websocket_that_must_make_room_is_gone_at_once_and_told_why() {
    in_world(3, Link::wan(), |sim, world| async move {
        let mut limits = Limits::default();
        limits.half_open = 4;
        let _listener = listener(&world, limits).await;
        let mut clients = Vec::new();
        for stranger in strangers(5, Networks::One) {
            let stream = stream_from(&world, stranger).await;
            let host = address(1).to_string();
            clients.push(RawClient::upgraded_on(stream, &host, &tag(&world.group)).await);
        }
        // It answers nothing, not even the close.
        let began = sim.elapsed();
        let (first, payload) = clients[0].frame_at_last().await.unwrap();
        assert_eq!((first, &payload[..]), (0x88, &1_008_u16.to_be_bytes()[..]));
        assert_eq!(clients[0].frame_at_last().await, None);
        let took = sim.elapsed().saturating_sub(began);
        assert!(took < Duration::from_millis(200), "{took:?}");
    });
}

#[test]
fn upgraded_connections_without_a_session_keep_no_member_out() {
    in_world(4, Link::wan(), |sim, world| async move {
        let mut limits = Limits::default();
        limits.half_open = 16;
        let _listener = listener(&world, limits).await;
        let mut held = Vec::new();
        for stranger in strangers(40, Networks::One) {
            let stream = stream_from(&world, stranger).await;
            let host = address(1).to_string();
            held.push(RawClient::upgraded_on(stream, &host, &tag(&world.group)).await);
        }
        world.net.forbid_udp(address(2).ip());
        let member = world.node(2).await;
        let began = sim.elapsed();
        let url = format!("ws://{}", address(1));
        let session = member.connect_ws(&url).await.unwrap();
        assert_eq!(session.stats().path.kind, PathKind::WebSocket);
        assert!(sim.elapsed().saturating_sub(began) < Duration::from_secs(1));
        // The others end in time, and nothing is left of them.
        for mut client in held {
            while client.frame_at_last().await.is_some() {}
        }
        assert!(
            sim.elapsed() < Duration::from_secs(20),
            "{:?}",
            sim.elapsed()
        );
    });
}
