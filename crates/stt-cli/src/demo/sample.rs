//! The file that is moved, read piece by piece, and the address its bytes must have on arrival.

use std::{
    io,
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use stt::{RecvStream, SendStream, stc::ContentHasher};
use tokio::{fs::File, io::AsyncReadExt};

/// A file, as it is at the start.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) path: PathBuf,
    pub(super) arrival: Arrival,
}

/// How much came, and its SHA3-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) len: u64,
    pub(super) address: [u8; 32],
}

impl Sample {
    pub(super) async fn open(path: &Path) -> io::Result<Self> {
        let mut pieces = Pieces::of(path).await?;
        let mut hash = Hash::default();
        while let Some(piece) = pieces.next().await? {
            hash.add(&piece);
        }
        Ok(Self {
            path: path.into(),
            arrival: hash.done(),
        })
    }

    pub(super) async fn pieces(&self) -> io::Result<Pieces> {
        Pieces::of(&self.path).await
    }

    /// Writes all of it and finishes the stream.
    pub(super) async fn send(&self, mut stream: SendStream) -> anyhow::Result<()> {
        let mut pieces = self.pieces().await?;
        while let Some(piece) = pieces.next().await? {
            stream.write_bytes(piece).await?;
        }
        Ok(stream.finish()?)
    }

    /// Writes all of it, and does `something` when half is written.
    pub(super) async fn send_and_halfway(
        &self,
        mut stream: SendStream,
        something: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (mut pieces, mut written) = (self.pieces().await?, 0);
        let mut something = Some(something);
        while let Some(mut piece) = pieces.next().await? {
            let before_half = (self.arrival.len / 2).saturating_sub(written);
            written += piece.len() as u64;
            if written > self.arrival.len / 2
                && let Some(something) = something.take()
            {
                let first = piece.split_to(before_half as usize);
                stream.write_bytes(first).await?;
                something()?;
            }
            stream.write_bytes(piece).await?;
        }
        // An empty file has no half.
        if let Some(something) = something {
            something()?;
        }
        Ok(stream.finish()?)
    }

    /// Whether what came is what was sent.
    pub(super) fn check(&self, came: Arrival) -> anyhow::Result<()> {
        anyhow::ensure!(
            came.len == self.arrival.len,
            "{} bytes came of {}",
            came.len,
            self.arrival.len
        );
        anyhow::ensure!(came.address == self.arrival.address, "SHA3-256 differs");
        Ok(())
    }
}

/// A file from its beginning.
pub(super) struct Pieces(File);

impl Pieces {
    async fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path).await?;
        if !file.metadata().await?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        file.set_max_buf_size(PIECE);
        Ok(Self(file))
    }

    /// The next bytes, at most 256 KiB.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = self.0.read_buf(&mut piece).await?;
        Ok((read > 0).then(|| piece.freeze()))
    }
}

/// Reads a stream to its end.
pub(super) async fn receive(mut stream: RecvStream) -> anyhow::Result<Arrival> {
    let mut hash = Hash::default();
    while let Some(bytes) = stream.read_bytes(usize::MAX).await? {
        hash.add(&bytes);
    }
    Ok(hash.done())
}

/// An [`Arrival`] in the making.
#[derive(Default)]
pub(super) struct Hash {
    len: u64,
    hasher: ContentHasher,
}

impl Hash {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.hasher.update(bytes);
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn done(self) -> Arrival {
        Arrival {
            len: self.len,
            address: self.hasher.finish(),
        }
    }
}

/// Bytes read at a time.
const PIECE: usize = 256 * 1_024;
