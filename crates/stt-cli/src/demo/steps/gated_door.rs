//! A node with a random seed is a dead port to whoever lacks it: no byte comes back.
//!
//! Four strangers try: one who sends noise, one who speaks the protocol's version without the seed,
//! one who replays a member's first packets, and a real node with another seed. So that silence
//! means something, a member dials through the same relay first and is answered.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use stt::{ConnectError, Entropy, Node, SystemEntropy};
use tokio::net::UdpSocket;

use crate::demo::{
    Seen,
    pair::{LEAVE_WITHIN, address, hasty_node, loopback, new_group, node},
    relay::CountingRelay,
};

pub(super) async fn run() -> anyhow::Result<Seen> {
    let group = new_group();
    let guarded = node(&group).await?;
    let at = address(&guarded)?;
    let replayed = first_packets_of_a_member(&node(&group).await?, at).await?;
    let begun = Instant::now();
    let mut packets = dial_with_another_seed(at).await?;
    for noise in [random_noise(), noise_of_the_protocol(), replayed] {
        packets += noise.len() as u64;
        ensure!(is_silent(at, &noise).await?, "noise was answered");
    }
    let took = begun.elapsed();
    let begun = guarded.stats().sessions_begun;
    ensure!(begun == 1, "{begun} sessions where one member called");
    guarded.shutdown(LEAVE_WITHIN).await;
    Ok(Seen {
        what: format!("{packets} packets sent, 0 came back"),
        bytes: None,
        took,
    })
}

/// A member through the relay: answered, or the relay proves nothing.
async fn first_packets_of_a_member(member: &Node, at: SocketAddr) -> anyhow::Result<Vec<Vec<u8>>> {
    let relay = CountingRelay::start(at).await?;
    let session = member.connect(relay.address).await?;
    session.close().await?;
    ensure!(relay.back() > 0, "a member was answered by nobody");
    member.shutdown(LEAVE_WITHIN).await;
    Ok(relay.first_packets())
}

/// Returns how many packets met silence.
async fn dial_with_another_seed(at: SocketAddr) -> anyhow::Result<u64> {
    let relay = CountingRelay::start(at).await?;
    let stranger = hasty_node(&new_group(), PATIENCE).await?;
    match stranger.connect(relay.address).await {
        Err(ConnectError::NoAnswer { .. }) => {}
        Err(error) => bail!("a stranger learned: {error}"),
        Ok(_) => bail!("a stranger came in"),
    }
    stranger.shutdown(LEAVE_WITHIN).await;
    ensure!(relay.there() > 0, "the stranger sent nothing");
    ensure!(relay.back() == 0, "{} packets came back", relay.back());
    Ok(relay.there())
}

/// Whether nothing comes back for what is sent.
async fn is_silent(at: SocketAddr, packets: &[Vec<u8>]) -> anyhow::Result<bool> {
    let socket = UdpSocket::bind(loopback()).await?;
    for packet in packets {
        socket.send_to(packet, at).await?;
    }
    let mut answer = [0; 1];
    let answer = socket.recv_from(&mut answer);
    // An answer of the loopback address takes microseconds.
    Ok(tokio::time::timeout(LISTEN_FOR, answer).await.is_err())
}

fn random_noise() -> Vec<Vec<u8>> {
    (0..NOISE)
        .map(|number| random(1 + number * 23 % 1_400))
        .collect()
}

/// First packets by the book: version, lengths and size are right, the seed is missing.
fn noise_of_the_protocol() -> Vec<Vec<u8>> {
    let versions = [*b"STC1", [0, 0, 0, 1], [0; 4], [0x1a; 4]];
    let first = |version: [u8; 4]| {
        let mut packet = random(1_200);
        packet[0] = 0xc3;
        packet[1..5].copy_from_slice(&version);
        packet[5] = 20;
        packet[26] = 0;
        packet[27] = 0;
        packet[28..30].copy_from_slice(&[0x44, 0x90]);
        packet
    };
    versions
        .iter()
        .cycle()
        .take(NOISE)
        .map(|version| first(*version))
        .collect()
}

fn random(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    SystemEntropy.fill(&mut bytes);
    bytes
}

/// Packets of each kind.
const NOISE: usize = 200;

/// How long the stranger dials.
const PATIENCE: Duration = Duration::from_millis(700);
const LISTEN_FOR: Duration = Duration::from_millis(150);
