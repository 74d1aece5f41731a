//! Small requests, each on a two-way stream of its own, many at a time on one session.

use anyhow::{Result, ensure};
use bytes::Bytes;

use super::{Job, Outcome, load};
use crate::peers::{Connection, End, Peer, Reader, Writer};

/// Length of a request and of its response.
pub(super) const BYTES: usize = 64;

pub(super) async fn measure<P: Peer>(peer: &P, job: &Job) -> Result<Outcome> {
    let connection = peer.connect(job.server).await?;
    let shared = connection.clone();
    let operation = move || {
        let connection = shared.clone();
        async move { request(&connection).await }
    };
    let done = load::drive(job, job.settings.in_flight, operation).await?;
    connection.end(End::Abrupt).await?;
    Ok(Outcome::new(
        &done.spent,
        [
            ("requests/s", done.per_second()),
            ("p50 us", done.percentile(0.50)?),
            ("p99 us", done.percentile(0.99)?),
            ("server CPU us", done.micros_each(done.spent.server.total)),
            ("client CPU us", done.micros_each(done.spent.client.total)),
        ],
    ))
}

pub(super) async fn request(connection: &impl Connection) -> Result<()> {
    let (mut writer, mut reader) = connection.open().await?;
    writer.write(Bytes::from_static(&[0x5a; BYTES])).await?;
    writer.finish()?;
    let response = reader.read_to_end(BYTES).await?;
    ensure!(response.len() == BYTES, "a response of another length");
    Ok(())
}
