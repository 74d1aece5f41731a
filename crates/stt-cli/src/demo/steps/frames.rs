//! Frames of types the application chose: reliable in order, and as datagrams.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use stt::{Delivery, Session, UserFrameType};

use crate::demo::{Seen, pair::Pair};

pub(super) async fn run() -> anyhow::Result<Seen> {
    let pair = Pair::start(None).await?;
    let begun = Instant::now();
    let near = pair.near.clone();
    let sending = tokio::spawn(async move {
        for number in 0..RELIABLE {
            near.send_frame(type_of(number)?, payload(number)).await?;
        }
        anyhow::Ok(())
    });
    for number in 0..RELIABLE {
        let frame = pair.far.receive_frame().await?;
        ensure!(
            frame.delivery == Delivery::Reliable,
            "a datagram nobody sent"
        );
        ensure!(
            frame.frame_type == type_of(number)?,
            "a frame of another type"
        );
        ensure!(
            frame.payload == payload(number),
            "frame {number} came as another"
        );
    }
    sending.await??;
    let datagrams = datagrams(&pair.near, &pair.far).await?;
    let took = begun.elapsed();
    pair.end().await?;
    Ok(Seen {
        what: format!("{RELIABLE} in order, {datagrams} of {DATAGRAMS} datagrams"),
        bytes: Some((u64::from(RELIABLE) + datagrams as u64) * PAYLOAD as u64),
        took,
    })
}

/// Datagrams may be lost, and never altered or doubled. Returns how many came.
async fn datagrams(near: &Session, far: &Session) -> anyhow::Result<usize> {
    let mut came = BTreeSet::new();
    for number in 0..DATAGRAMS {
        near.send_datagram(type_of(number)?, payload(number))?;
        // Those that come go out of the way of the next.
        take(far, &mut came, Duration::ZERO).await?;
    }
    while came.len() < DATAGRAMS as usize && take(far, &mut came, QUIET).await? {}
    ensure!(!came.is_empty(), "no datagram came");
    Ok(came.len())
}

/// Takes one datagram, if it comes within `patience`.
async fn take(far: &Session, came: &mut BTreeSet<u32>, patience: Duration) -> anyhow::Result<bool> {
    let Ok(frame) = tokio::time::timeout(patience, far.receive_frame()).await else {
        return Ok(false);
    };
    let frame = frame?;
    let number = frame
        .payload
        .first_chunk()
        .context("a datagram without number")?;
    let number = u32::from_be_bytes(*number);
    ensure!(frame.delivery == Delivery::Datagram, "a frame nobody sent");
    ensure!(
        frame.frame_type == type_of(number)?,
        "a datagram of another type"
    );
    ensure!(frame.payload == payload(number), "a datagram was altered");
    ensure!(came.insert(number), "a datagram came twice");
    Ok(true)
}

/// All of the user's types in turn, 0x80 to 0xff.
fn type_of(number: u32) -> anyhow::Result<UserFrameType> {
    let frame_type = 0x80 | (number % 0x80) as u8;
    Ok(UserFrameType::try_from(frame_type)?)
}

fn payload(number: u32) -> Vec<u8> {
    let mut payload = vec![number as u8; PAYLOAD];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    payload
}

const RELIABLE: u32 = 1_000;
const DATAGRAMS: u32 = 200;

/// Bytes of each.
const PAYLOAD: usize = 1_000;

/// After this long without a datagram, the rest is lost.
const QUIET: Duration = Duration::from_millis(300);
