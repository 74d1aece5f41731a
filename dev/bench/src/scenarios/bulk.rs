//! One stream from the server to the client, as fast as it goes.

use anyhow::{Context, Result, ensure};

use super::{Job, Outcome};
use crate::{
    peers::{Connection, End, Peer, Reader, Writer},
    system::Window,
};

/// What the server writes at a time.
pub(super) const PIECE_BYTES: usize = 64 << 10;

pub(super) async fn measure<P: Peer>(peer: &P, job: &Job) -> Result<Outcome> {
    let measured = job.settings.mib << 20;
    let warm_up = measured / 8;
    let connection = peer.connect(job.server).await?;
    let (mut writer, mut reader) = connection.open().await?;
    let wanted = (warm_up + measured).to_be_bytes();
    writer.write(wanted.to_vec().into()).await?;
    writer.finish()?;
    let warm = read(&mut reader, warm_up).await?;
    let window = Window::open(job.server_process)?;
    let rest = warm_up + measured - warm;
    let read = read(&mut reader, rest).await?;
    let spent = window.close()?;
    ensure!(read == rest, "more came than was asked for");
    connection.end(End::Abrupt).await?;
    let gigabytes = rest as f64 / 1e9;
    Ok(Outcome::new(
        &spent,
        [
            ("Gbit/s", gigabytes * 8.0 / spent.seconds),
            ("sender CPU-s/GB", spent.server.total / gigabytes),
            ("sender CPU-s/GB, kernel", spent.server.system / gigabytes),
            ("receiver CPU-s/GB", spent.client.total / gigabytes),
            ("receiver CPU-s/GB, kernel", spent.client.system / gigabytes),
        ],
    ))
}

/// Reads at least `bytes`, and returns how many.
async fn read(reader: &mut impl Reader, bytes: u64) -> Result<u64> {
    let mut read = 0;
    while read < bytes {
        let piece = reader.read().await?.context("the stream ended early")?;
        read += piece.len() as u64;
    }
    Ok(read)
}
