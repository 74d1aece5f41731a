//! The listening side of an upgrade: one request, one answer, the same for everybody who is not
//! let in.
//!
//! spec: REACH-3, REACH-5, REACH-6

use std::{io, time::Duration};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{
    WebSocket,
    answer::{Answer, NOT_FOUND},
    head::read_head,
    request::{Request, Tag},
    upgraded,
};
use crate::transport::{platform::Platform, stream::BoxedStream};

/// Waits for a stream to be dressed (in TLS, say) and reads a request; if `opens` takes its tag, the stream becomes a WebSocket. Otherwise it is
/// closed, after an answer that says nothing.
pub(crate) async fn admit(
    dressing: impl Future<Output = io::Result<BoxedStream>>,
    platform: &Platform,
    opens: impl FnOnce(&Tag) -> bool,
) -> Option<WebSocket> {
    let began = platform.now();
    let dressed = platform.timeout(REQUEST_WITHIN, dressing).await;
    let mut stream = dressed?.ok()?;
    let left = REQUEST_WITHIN.saturating_sub(platform.now().saturating_duration_since(began));
    let read = platform.timeout(left, read_head(&mut stream));
    let read = read.await.and_then(Result::ok);
    let asked = read.and_then(|(head, early)| Some((Request::decode(&head)?, early)));
    let Some((request, early)) = asked.filter(|(request, _)| opens(&request.tag)) else {
        platform.timeout(LEAVE_WITHIN, turn_away(stream)).await;
        return None;
    };
    let answer = Answer::encode(&request);
    let sent = platform.timeout(LEAVE_WITHIN, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await
    });
    sent.await?.ok()?;
    Some(upgraded(stream, early, Role::Server).await)
}

/// What the asker still sends is read: a kernel that drops unread bytes resets the connection, and
/// the answer may be lost with it.
async fn turn_away(mut stream: BoxedStream) {
    if stream.write_all(NOT_FOUND).await.is_ok() && stream.shutdown().await.is_ok() {
        let mut rest = stream.take(DRAIN_BYTES);
        let mut buffer = [0; 1_024];
        while let Ok(1..) = rest.read(&mut buffer).await {}
    }
}

/// From the connection to the end of the request.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);

/// To take an answer.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

const DRAIN_BYTES: u64 = 64 << 10;
