//! What encoder and decoder cost beside the bare cipher, and how late a live stream is on loopback.
//!
//! ```sh
//! cargo bench -p stt --bench segments            # rates, interleaved with the bare AES-256-GCM
//! cargo bench -p stt --bench segments -- live    # 5 KB every 33 ms for 60 s between two nodes
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_sign_loss,
    reason = "a measurement says what it measured, and stops when it cannot"
)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::Bytes;
use stt::stc::segment::{HEADER_LEN, OVERHEAD};
use stt::{
    BinaryStreamDecoder, BinaryStreamEncoder, Group, Node, Segment, StcContext, SystemEntropy,
};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if std::env::args().any(|argument| argument == "live") {
        runtime.block_on(live());
    } else {
        for size in [1_400, 65_536] {
            runtime.block_on(rates(size));
        }
    }
}

/// Rounds of five measurements each, and their medians.
async fn rates(size: usize) {
    let data = Bytes::from(vec![7; DATA]);
    let context = StcContext::from_seed(&[7; 32], "bench");
    let encoder = || {
        BinaryStreamEncoder::builder(&context)
            .segment_size(size)
            .bounded(data.clone())
    };
    let mut segments = Vec::new();
    let mut sealing = encoder();
    while let Some(segment) = sealing.next().await {
        segments.push(segment.unwrap());
    }
    let bare = bare_segments(&segments);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut round = [0.0; 5];
        round[0] = rate(|| bare_seal(&data, size - OVERHEAD));
        round[4] = rate(|| hot_seal(size - OVERHEAD));
        let start = Instant::now();
        let mut encoder = encoder();
        while let Some(segment) = encoder.next().await {
            black_box(segment.unwrap());
        }
        round[1] = megabytes_a_second(start);
        round[2] = rate(|| bare_open(&bare));
        let start = Instant::now();
        let mut decoder = BinaryStreamDecoder::new(&context);
        for segment in &segments {
            decoder
                .receive_segment(segment, segment.sequence())
                .unwrap();
            if let Some(bytes) = decoder.next().await {
                black_box(bytes.unwrap());
            }
        }
        round[3] = megabytes_a_second(start);
        rounds.push(round);
    }
    let of = |pick: &dyn Fn(&[f64; 5]) -> f64| median(rounds.iter().map(pick).collect());
    for (name, bare, ours) in [("seal", 0, 1), ("seal, bare one hot", 4, 1), ("open", 2, 3)] {
        println!(
            "{name:18} {size:6}: bare {:6.0} MB/s, ours {:6.0} MB/s, ratio {:.2}",
            of(&|round| round[bare]),
            of(&|round| round[ours]),
            of(&|round| round[ours] / round[bare]),
        );
    }
}

/// Seals the same bytes into one hot buffer.
fn bare_seal(data: &[u8], len: usize) {
    let (key, mut out, mut tag) = (key(), vec![0; len], [0; 16]);
    for (number, data) in data.chunks_exact(len).enumerate() {
        let aad = Aad::from([0; HEADER_LEN]);
        let sealed =
            key.seal_out_of_place_scatter(nonce(number), aad, data, &mut out, &[], &mut tag);
        sealed.unwrap();
        black_box((&out, &tag));
    }
}

/// Seals one hot buffer in place, again and again: nothing is faster, and nobody has such data.
fn hot_seal(len: usize) {
    let (key, mut body) = (key(), vec![7; len]);
    for number in 0..DATA / len {
        let sealed =
            key.seal_in_place_separate_tag(nonce(number), Aad::from([0; HEADER_LEN]), &mut body);
        let _ = black_box(sealed.unwrap());
    }
}

/// Opens segments of the same lengths into one hot buffer.
fn bare_open(sealed: &[Vec<u8>]) {
    let (key, mut body) = (key(), vec![0; 1 << 20]);
    for (number, sealed) in sealed.iter().enumerate() {
        let (ciphertext, tag) = sealed.split_at(sealed.len() - 16);
        let out = &mut body[..ciphertext.len()];
        let aad = Aad::from([0; HEADER_LEN]);
        let opened = key.open_separate_gather(nonce(number), aad, ciphertext, tag, out);
        opened.unwrap();
        black_box(&out);
    }
}

/// What [`bare_open`] opens.
fn bare_segments(segments: &[Segment]) -> Vec<Vec<u8>> {
    let (key, mut sealed) = (key(), Vec::new());
    for (number, segment) in segments.iter().enumerate() {
        let mut body = vec![7; segment.bytes().len() - OVERHEAD];
        let aad = Aad::from([0; HEADER_LEN]);
        key.seal_in_place_append_tag(nonce(number), aad, &mut body)
            .unwrap();
        sealed.push(body);
    }
    sealed
}

fn key() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap())
}

fn nonce(number: usize) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&(number as u64).to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn rate(work: impl Fn()) -> f64 {
    let start = Instant::now();
    work();
    megabytes_a_second(start)
}

fn megabytes_a_second(start: Instant) -> f64 {
    DATA as f64 / 1e6 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Frames from one node to another over loopback, each with the time it was made.
async fn live() {
    const FRAMES: usize = 1_818;
    let start = Instant::now();
    let group = Group::generate(&mut SystemEntropy);
    let node = |group| {
        Node::builder(group)
            .bind("127.0.0.1:0".parse().unwrap())
            .start()
    };
    let (viewer, camera) = (
        node(group.clone()).await.unwrap(),
        node(group).await.unwrap(),
    );
    let session = camera.connect(viewer.local_addresses()[0]).await.unwrap();
    let mut decoder = BinaryStreamDecoder::new(&viewer.accept().await.unwrap().context("video"));
    let feeder = decoder.feeder();
    tokio::spawn(async move {
        let mut receiver = viewer.receive();
        while let Some(packet) = receiver.next().await {
            let segment = Segment::decode(packet.data).unwrap();
            feeder.ready().await;
            feeder
                .receive_segment(&segment, segment.sequence())
                .unwrap();
        }
    });
    let frames = futures_util::stream::unfold((), move |()| async move {
        tokio::time::sleep(Duration::from_millis(33)).await;
        let mut frame = vec![7; FRAME];
        frame[..8].copy_from_slice(&(start.elapsed().as_nanos() as u64).to_be_bytes());
        Some((Bytes::from(frame), ()))
    });
    let frames = futures_util::StreamExt::take(frames, FRAMES);
    let builder = BinaryStreamEncoder::builder(&session.context("video")).for_session(&session);
    let mut encoder = builder.live(frames);
    tokio::spawn(async move {
        while let Some(segment) = encoder.next().await {
            session.send_on_stream(1, segment.unwrap()).await.unwrap();
        }
    });
    let (mut read, mut delays) = (Vec::new(), Vec::new());
    while let Some(piece) = decoder.next().await {
        read.extend_from_slice(&piece.unwrap());
        while read.len() >= FRAME {
            let made = u64::from_be_bytes(read[..8].try_into().unwrap());
            delays.push((start.elapsed().as_nanos() as u64 - made) as f64 / 1e6);
            read.drain(..FRAME);
        }
    }
    delays.sort_by(f64::total_cmp);
    let at = |share: f64| delays[(delays.len() as f64 * share) as usize];
    let (p50, p99, most) = (at(0.5), at(0.99), delays[delays.len() - 1]);
    println!(
        "{} frames: p50 {p50:.2} ms, p99 {p99:.2} ms, most {most:.2} ms",
        delays.len()
    );
}

/// Bytes of data a measurement.
const DATA: usize = 64 << 20;
const ROUNDS: usize = 15;
const FRAME: usize = 5_000;
