//! Small messages from one node to another, on one stream id or on many.
//!
//! How many there will be is said on a two-way stream, which the server answers when all were
//! received.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use stt::Session;
use tokio::task::JoinSet;

use super::{Job, Outcome};
use crate::{
    peers::{Connection, End, Peer, Reader, Writer, stt::Stt},
    system::Window,
};

pub(super) async fn serve(stt: &Stt) -> Result<()> {
    let session = Peer::accept(stt).await.context("no session came")?;
    let mut packets = stt.0.receive();
    while let Ok((mut writer, mut reader)) = session.accept_stream().await {
        let wanted = Reader::read_to_end(&mut reader, size_of::<u64>()).await?;
        let wanted: [u8; 8] = wanted.try_into().ok().context("not a number")?;
        for _ in 0..u64::from_be_bytes(wanted) {
            let packet = packets.next().await.context("node shut down")?;
            ensure!(packet.data.len() == BYTES, "a message of another length");
        }
        Writer::write(&mut writer, Bytes::from_static(b"all")).await?;
        Writer::finish(&mut writer)?;
    }
    // Stay until told to go.
    std::future::pending().await
}

pub(super) async fn measure(stt: &Stt, job: &Job, ids: u64) -> Result<Outcome> {
    let session = Peer::connect(stt, job.server).await?;
    let each = job.settings.messages / ids;
    exchange(&session, ids, each / 8).await?;
    let window = Window::open(job.server_process)?;
    exchange(&session, ids, each).await?;
    let spent = window.close()?;
    session.end(End::Abrupt).await?;
    let count = (each * ids) as f64;
    Ok(Outcome::new(
        &spent,
        [
            ("messages/s", count / spent.seconds),
            ("sender CPU us", spent.client.total * 1e6 / count),
            ("receiver CPU us", spent.server.total * 1e6 / count),
        ],
    ))
}

async fn exchange(session: &Session, ids: u64, each: u64) -> Result<()> {
    let (mut writer, mut reader) = session.open_stream().await?;
    let count = (ids * each).to_be_bytes();
    Writer::write(&mut writer, count.to_vec().into()).await?;
    Writer::finish(&mut writer)?;
    let mut senders = JoinSet::new();
    for id in 0..ids {
        let session = session.clone();
        senders.spawn(async move {
            for _ in 0..each {
                let message = Bytes::from_static(&[0x5a; BYTES]);
                session.send_on_stream(id, message).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    Reader::read_to_end(&mut reader, BYTES).await?;
    Ok(())
}

const BYTES: usize = 64;
