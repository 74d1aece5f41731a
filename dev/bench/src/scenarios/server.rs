//! A server that answers each stream of each connection in a task of its own.

use anyhow::{Context, Result};
use bytes::Bytes;

use super::{bulk, requests};
use crate::peers::{Connection, Peer, Reader, Writer};

#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// What was asked.
    Echo,
    /// As many bytes as were asked for.
    Bulk,
}

pub(super) async fn serve<P: Peer>(peer: P, answer: Answer) {
    while let Some(attempt) = peer.accept().await {
        tokio::spawn(async move {
            let Ok(connection) = P::establish(attempt).await else {
                return;
            };
            // Ends with the connection.
            while let Ok((writer, reader)) = connection.accept().await {
                tokio::spawn(serve_stream(writer, reader, answer));
            }
        });
    }
}

async fn serve_stream<W: Writer, R: Reader>(writer: W, reader: R, answer: Answer) {
    let served = match answer {
        Answer::Echo => echo(writer, reader).await,
        Answer::Bulk => send_bulk(writer, reader).await,
    };
    if let Err(error) = served {
        eprintln!("server: {error:#}");
    }
}

async fn echo<W: Writer, R: Reader>(mut writer: W, mut reader: R) -> Result<()> {
    let request = reader.read_to_end(requests::BYTES).await?;
    writer.write(request.into()).await?;
    writer.finish()
}

async fn send_bulk<W: Writer, R: Reader>(mut writer: W, mut reader: R) -> Result<()> {
    let wanted = reader.read_to_end(size_of::<u64>()).await?;
    let wanted: [u8; 8] = wanted.try_into().ok().context("not a length")?;
    let mut left = u64::from_be_bytes(wanted);
    let piece = Bytes::from(vec![0x5a; bulk::PIECE_BYTES]);
    while left > 0 {
        let length = left.min(piece.len() as u64);
        writer.write(piece.slice(..length as usize)).await?;
        left -= length;
    }
    writer.finish()
}
