//! Frames on the control socket.
//!
//! ```text
//! kind u8 | length u32, big-endian | payload, at most 64 KiB
//!   0x00    a document: JSON, UTF-8
//!   0x01    bytes; none of them says that there are no more
//! ```

use std::{error::Error, io};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// Two sides that exchange frames.
pub(crate) struct Conversation(UnixStream);

/// What came, where both may come.
#[derive(Debug)]
pub(crate) enum Heard<T> {
    Document(T),
    Bytes(Vec<u8>),
}

#[derive(Debug, PartialEq, Eq)]
enum Frame {
    Document(Vec<u8>),
    Bytes(Vec<u8>),
}

impl Conversation {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self(stream)
    }

    /// Sends a document.
    pub(crate) async fn tell(&mut self, document: &impl Serialize) -> io::Result<()> {
        let payload = serde_json::to_vec(document).map_err(io::Error::other)?;
        self.write(DOCUMENT, &payload).await
    }

    /// The next document; `None` when the other side has gone. Bytes are no document.
    pub(crate) async fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        match self.read().await? {
            None => Ok(None),
            Some(Frame::Document(payload)) => {
                let document = serde_json::from_slice(&payload);
                document.map(Some).map_err(malformed)
            }
            Some(Frame::Bytes(_)) => Err(malformed("bytes where a document belongs")),
        }
    }

    /// The next document or bytes; `None` when the other side has gone.
    pub(crate) async fn hear_any<T: DeserializeOwned>(&mut self) -> io::Result<Option<Heard<T>>> {
        match self.read().await? {
            None => Ok(None),
            Some(Frame::Document(payload)) => {
                let document = serde_json::from_slice(&payload);
                document.map(Heard::Document).map(Some).map_err(malformed)
            }
            Some(Frame::Bytes(bytes)) => Ok(Some(Heard::Bytes(bytes))),
        }
    }

    /// Sends bytes, in as many frames as it takes; none of them in one frame.
    pub(crate) async fn give(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return self.write(BYTES, bytes).await;
        }
        for piece in bytes.chunks(MAX_LEN) {
            self.write(BYTES, piece).await?;
        }
        Ok(())
    }

    async fn write(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        if payload.len() > MAX_LEN {
            return Err(malformed("a frame that is too long"));
        }
        let mut frame = Vec::with_capacity(HEADER_LEN + payload.len());
        frame.push(kind);
        frame.extend((payload.len() as u32).to_be_bytes());
        frame.extend_from_slice(payload);
        self.0.write_all(&frame).await
    }

    async fn read(&mut self) -> io::Result<Option<Frame>> {
        let mut header = [0; HEADER_LEN];
        match self.0.read_exact(&mut header[..1]).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        self.0.read_exact(&mut header[1..]).await?;
        let [kind, length @ ..] = header;
        let len = u32::from_be_bytes(length) as usize;
        if len > MAX_LEN {
            return Err(malformed("a frame that is too long"));
        }
        let mut payload = vec![0; len];
        self.0.read_exact(&mut payload).await?;
        match kind {
            DOCUMENT => Ok(Some(Frame::Document(payload))),
            BYTES => Ok(Some(Frame::Bytes(payload))),
            _ => Err(malformed("a frame of an unknown kind")),
        }
    }
}

fn malformed(why: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

const DOCUMENT: u8 = 0x00;
const BYTES: u8 = 0x01;
const HEADER_LEN: usize = 5;
const MAX_LEN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    async fn heard(bytes: &[u8]) -> io::Result<Option<Value>> {
        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(bytes).await.unwrap();
        drop(near);
        Conversation::new(far).hear().await
    }

    #[tokio::test]
    async fn documents_come_as_they_were_told() {
        let (near, far) = UnixStream::pair().unwrap();
        let (mut near, mut far) = (Conversation::new(near), Conversation::new(far));
        near.tell(&json!({"ask": "peers"})).await.unwrap();
        let told: Option<Value> = far.hear().await.unwrap();
        assert_eq!(told, Some(json!({"ask": "peers"})));
        drop(near);
        assert_eq!(far.hear::<Value>().await.unwrap(), None);
        let long = "x".repeat(MAX_LEN);
        assert!(far.tell(&long).await.is_err());
    }

    #[tokio::test]
    async fn what_is_no_document_is_refused() {
        assert_eq!(heard(&[]).await.unwrap(), None);
        for bad in [
            &[0, 0, 0][..],
            &[0, 0, 0, 0, 2, b'{'],
            &[0, 0, 0, 0, 1, b'{'],
            &[0, 0, 0, 0, 1, 0xff],
            &[1, 0, 0, 0, 1, b'1'],
            &[2, 0, 0, 0, 1, b'1'],
            &[0, 0, 1, 0, 1],
            &[0, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(heard(bad).await.is_err(), "{bad:?}");
        }
    }
}
