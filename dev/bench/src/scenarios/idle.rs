//! Memory of sessions that did one echo and are then left alone.

use std::time::Duration;

use anyhow::Result;
use tokio::{task::JoinSet, time::sleep};

use super::{Job, Outcome, requests};
use crate::{
    peers::{Connection, End, Peer},
    system::{Window, resident},
};

pub(super) async fn measure<P: Peer>(peer: &P, job: &Job) -> Result<Outcome> {
    let held = job.settings.held;
    let first = begin(peer.clone(), job.clone()).await?;
    let client = resident(std::process::id())?;
    let server = resident(job.server_process)?;
    let mut connections = Vec::with_capacity(held);
    let mut beginning = JoinSet::new();
    for _ in 0..held {
        if beginning.len() >= job.settings.at_a_time
            && let Some(begun) = beginning.join_next().await
        {
            connections.push(begun??);
        }
        beginning.spawn(begin(peer.clone(), job.clone()));
    }
    while let Some(begun) = beginning.join_next().await {
        connections.push(begun??);
    }
    sleep(SETTLE).await;
    let window = Window::open(job.server_process)?;
    sleep(WATCHED).await;
    let spent = window.close()?;
    let each = |before: f64, after: f64| (after - before) / held as f64 / 1_000.0;
    let outcome = Outcome::new(
        &spent,
        [
            ("server KB", each(server, resident(job.server_process)?)),
            ("client KB", each(client, resident(std::process::id())?)),
            (
                "server CPU % of a core",
                spent.server.total / spent.seconds * 100.0,
            ),
        ],
    );
    for connection in connections.iter().chain([&first]) {
        connection.end(End::Abrupt).await?;
    }
    Ok(outcome)
}

async fn begin<P: Peer>(peer: P, job: Job) -> Result<P::Connection> {
    let connection = peer.connect(job.server).await?;
    requests::request(&connection).await?;
    Ok(connection)
}

/// Time for what a handshake leaves behind to go away.
const SETTLE: Duration = Duration::from_secs(3);

const WATCHED: Duration = Duration::from_secs(2);
