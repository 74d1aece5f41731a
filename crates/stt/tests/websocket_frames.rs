//! A listener against clients made by hand: what RFC 6455 forbids, what it allows and nobody does.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod raw_websocket;

use std::time::Duration;

use raw_websocket::{RawClient, listener, tag};
use stt::{Group, Limits, SystemEntropy};

const BINARY: u8 = 0x2;
const TEXT: u8 = 0x1;
const CONTINUATION: u8 = 0x0;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FIN: u8 = 0x80;

/// The first byte of a frame, and what is in it.
type Frame<'a> = (u8, &'a [u8]);

fn group() -> Group {
    Group::generate(&mut SystemEntropy)
}

#[tokio::test]
async fn what_the_rfc_forbids_is_answered_with_its_code() {
    let group = group();
    let (_node, address) = listener(&group, Limits::default()).await;
    let long = vec![0; 126];
    let breaches: [(&str, u16, Vec<Frame<'_>>); 9] = [
        ("a reserved bit", 1002, vec![(FIN | 0x40 | BINARY, b"x")]),
        ("a reserved opcode", 1002, vec![(FIN | 0x3, b"x")]),
        ("a reserved control opcode", 1002, vec![(FIN | 0xb, b"x")]),
        ("a ping in fragments", 1002, vec![(PING, b"x")]),
        ("a long ping", 1002, vec![(FIN | PING, &long)]),
        (
            "a continuation of nothing",
            1002,
            vec![(FIN | CONTINUATION, b"x")],
        ),
        (
            "a message within a message",
            1002,
            vec![(BINARY, b"x"), (FIN | BINARY, b"y")],
        ),
        ("text", 1003, vec![(FIN | TEXT, b"x")]),
        ("text that is none", 1007, vec![(FIN | TEXT, b"\xff")]),
    ];
    for (what, code, frames) in breaches {
        let mut client = RawClient::upgraded(&address, &tag(&group)).await;
        for (first, payload) in frames {
            client.send(first, payload).await;
        }
        assert_eq!(client.close_code().await, Some(code), "{what}");
    }
}

#[tokio::test]
async fn a_frame_without_mask_is_refused() {
    let group = group();
    let (_node, address) = listener(&group, Limits::default()).await;
    let mut client = RawClient::upgraded(&address, &tag(&group)).await;
    client.send_raw(&[FIN | BINARY, 1, b'x']).await;
    assert_eq!(client.close_code().await, Some(1002));
}

#[tokio::test]
async fn a_message_longer_than_any_packet_is_refused_before_it_is_read() {
    let group = group();
    let (_node, address) = listener(&group, Limits::default()).await;
    let mut client = RawClient::upgraded(&address, &tag(&group)).await;
    // The head alone: 2^62 bytes are announced.
    client
        .send_raw(&[FIN | BINARY, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])
        .await;
    assert_eq!(client.close_code().await, Some(1009));

    let mut client = RawClient::upgraded(&address, &tag(&group)).await;
    client.send(BINARY, &vec![0; 40_000]).await;
    client.send(FIN | CONTINUATION, &vec![0; 40_000]).await;
    assert_eq!(client.close_code().await, Some(1009), "in fragments");
}

#[tokio::test]
async fn fragments_that_never_end_are_refused_when_they_are_too_many_or_too_late() {
    let group = group();
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(500);
    let (_node, address) = listener(&group, limits).await;
    let mut client = RawClient::upgraded(&address, &tag(&group)).await;
    client.send(BINARY, b"").await;
    let one = RawClient::masked(CONTINUATION, b"x");
    // More than any packet, a byte at a time; the listener hangs up in the middle of it.
    let _ = client.try_send_raw(&one.repeat(70_000)).await;
    assert_eq!(client.close_code().await, Some(1009));

    let mut client = RawClient::upgraded(&address, &tag(&group)).await;
    client.send(BINARY, b"").await;
    let many = RawClient::masked(CONTINUATION, b"").repeat(1_000);
    let endless = async {
        while client.try_send_raw(&many).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), endless).await;
    ended.expect("fragments without bytes are no sign of a session");
}

#[tokio::test]
async fn closes_that_are_none_are_answered_with_their_code() {
    let group = group();
    let (_node, address) = listener(&group, Limits::default()).await;
    for (what, code, payload) in [
        ("half a code", 1002, &[0x03][..]),
        ("a code that is never sent", 1002, &1_005_u16.to_be_bytes()),
        ("another", 1002, &1_006_u16.to_be_bytes()),
        ("no code at all", 1002, &999_u16.to_be_bytes()),
        ("a reason that is no text", 1007, &[0x03, 0xe8, 0xff]),
    ] {
        let mut client = RawClient::upgraded(&address, &tag(&group)).await;
        client.send(FIN | CLOSE, payload).await;
        assert_eq!(client.close_code().await, Some(code), "{what}");
    }
}

#[tokio::test]
async fn lengths_are_read_in_each_of_their_forms_and_none_is_trusted() {
    let group = group();
    let (_node, address) = listener(&group, Limits::default()).await;
    let mut client = RawClient::upgraded(&address, &tag(&group)).await;
    // One byte, which its sender should have announced in one.
    client
        .send_raw(&[FIN | BINARY, 0xfe, 0, 1, 0, 0, 0, 0, b'x'])
        .await;
    let long = [
        &[FIN | BINARY, 0xff, 0, 0, 0, 0, 0, 0, 0, 1][..],
        &[0; 4],
        b"x",
    ]
    .concat();
    client.send_raw(&long).await;
    client.send(FIN | PING, b"read").await;
    assert_eq!(client.frame().await, Some((FIN | PONG, b"read".to_vec())));
    // The top bit must be 0.
    let most = [&[FIN | BINARY, 0xff][..], &[0xff; 8], &[0; 4]].concat();
    client.send_raw(&most).await;
    assert_eq!(client.close_code().await, Some(1009));
}

#[tokio::test]
async fn fragments_with_pings_between_them_are_one_message_and_pings_are_answered() {
    let group = group();
    let (_node, address) = listener(&group, Limits::default()).await;
    let mut client = RawClient::upgraded(&address, &tag(&group)).await;
    client.send(BINARY, b"one ").await;
    client.send(FIN | PING, b"between").await;
    assert_eq!(
        client.frame().await,
        Some((FIN | PONG, b"between".to_vec()))
    );
    client.send(CONTINUATION, b"").await;
    client.send(FIN | CONTINUATION, b"message").await;
    client.send(FIN | BINARY, b"").await;
    client.send(FIN | PONG, b"nobody asked").await;
    client.send(FIN | PING, b"still here").await;
    assert_eq!(
        client.frame().await,
        Some((FIN | PONG, b"still here".to_vec()))
    );
}

#[tokio::test]
async fn a_close_is_answered_with_a_close_and_the_end() {
    let group = group();
    let (_node, address) = listener(&group, Limits::default()).await;
    let mut client = RawClient::upgraded(&address, &tag(&group)).await;
    client.send(FIN | CLOSE, &1_000_u16.to_be_bytes()).await;
    assert_eq!(client.frame().await, Some((FIN | CLOSE, vec![0x03, 0xe8])));
    assert_eq!(client.frame().await, None);
}

#[tokio::test]
async fn a_tag_opens_once_and_no_other_method_path_or_version_does() {
    let group = group();
    let (node, address) = listener(&group, Limits::default()).await;
    let tag = tag(&group);
    let first = RawClient::upgraded(&address, &tag).await;
    let again = RawClient::ask(&address, &tag).await;
    assert!(
        again.1.starts_with("HTTP/1.1 404 Not Found\r\n"),
        "{}",
        again.1
    );
    assert_eq!(node.stats().replayed, 1);
    drop(first);
}

#[tokio::test]
async fn a_websocket_on_which_no_session_comes_is_closed_in_time() {
    let group = group();
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(300);
    let (_node, address) = listener(&group, limits).await;
    let mut client = RawClient::upgraded(&address, &tag(&group)).await;
    client.send(FIN | BINARY, b"\x40 no packet of ours").await;
    assert_eq!(client.close_code().await, Some(1008));
}

#[tokio::test]
async fn a_flood_of_pings_by_one_who_reads_nothing_takes_no_memory_and_ends() {
    let group = group();
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_secs(1);
    let (_node, address) = listener(&group, limits).await;
    let mut client = RawClient::upgraded(&address, &tag(&group)).await;
    let ping = RawClient::masked(FIN | PING, &[b'x'; 125]);
    let burst: Vec<u8> = ping
        .iter()
        .copied()
        .cycle()
        .take(ping.len() * 1_000)
        .collect();
    // Ends with an error at the latest when the listener has given up.
    let flood = async {
        for _ in 0..1_000 {
            if client.try_send_raw(&burst).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), flood)
        .await
        .unwrap();
}
