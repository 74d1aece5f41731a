//! One message to several sessions: each has it exactly once.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use stt::{Entropy, Node, SystemEntropy};

use crate::demo::{
    Seen,
    pair::{LEAVE_WITHIN, address, new_group, node},
};

pub(super) async fn run() -> anyhow::Result<Seen> {
    let group = new_group();
    let sender = node(&group).await?;
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        let member = node(&group).await?;
        member.connect(address(&sender)?).await?;
        sender.accept().await.context("the sender is gone")?;
        members.push(member);
    }
    let mut message = vec![0; MESSAGE];
    SystemEntropy.fill(&mut message);
    let message = Bytes::from(message);

    let begun = Instant::now();
    let deliveries = sender.send_to_all(STREAM_ID, message.clone()).await;
    let named: BTreeSet<_> = deliveries
        .iter()
        .map(|delivery| delivery.session_id)
        .collect();
    ensure!(
        named.len() == MEMBERS && deliveries.len() == MEMBERS,
        "not each was named once"
    );
    for delivery in deliveries {
        delivery.outcome?;
    }
    for member in &members {
        let packet = member.receive().next().await.context("a member is gone")?;
        ensure!(
            packet.stream_id == STREAM_ID && packet.data == message,
            "another message came"
        );
    }
    let took = begun.elapsed();

    let cut_off = sender.shutdown(END_WITHIN).await;
    ensure!(
        cut_off.is_empty(),
        "{} sessions did not end in order",
        cut_off.len()
    );
    for member in &members {
        ensure!(comes_no_more(member).await, "a message came twice");
    }
    Ok(Seen {
        what: format!("{MEMBERS} of {MEMBERS} have it exactly once"),
        bytes: Some((MEMBERS * MESSAGE) as u64),
        took,
    })
}

/// All sessions have ended in order, so what was sent has come.
async fn comes_no_more(member: &Node) -> bool {
    member.shutdown(LEAVE_WITHIN).await;
    member.receive().next().await.is_none()
}

const MEMBERS: usize = 5;
const STREAM_ID: u64 = 9;

/// Bytes.
const MESSAGE: usize = 1_000_000;

const END_WITHIN: Duration = Duration::from_secs(10);
