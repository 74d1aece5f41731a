//! Sessions made and ended: full handshake, an echo of 64 bytes, the end.

use anyhow::Result;

use super::{Job, Outcome, Scenario, load, requests};
use crate::peers::{Connection, End, Peer};

pub(super) async fn measure<P: Peer>(peer: &P, job: &Job) -> Result<Outcome> {
    let (width, end) = match job.scenario {
        Scenario::SessionsSequential => (1, End::Abrupt),
        Scenario::SessionsOrderly => (job.settings.at_a_time, End::Orderly),
        _ => (job.settings.at_a_time, End::Abrupt),
    };
    let (peer, server) = (peer.clone(), job.server);
    let operation = move || {
        let peer = peer.clone();
        async move {
            let connection = peer.connect(server).await?;
            requests::request(&connection).await?;
            connection.end(end).await
        }
    };
    let done = load::drive(job, width, operation).await?;
    Ok(Outcome::new(
        &done.spent,
        [
            ("sessions/s", done.per_second()),
            ("p50 us", done.percentile(0.50)?),
            ("p99 us", done.percentile(0.99)?),
            ("server CPU us", done.micros_each(done.spent.server.total)),
            ("client CPU us", done.micros_each(done.spent.client.total)),
        ],
    ))
}
