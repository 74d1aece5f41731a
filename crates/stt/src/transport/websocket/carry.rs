//! Carries packets between a tunnel and a WebSocket until one of them ends.
//!
//! Both directions go on at once, in one task. Outwards a burst of the engine's is written and then
//! flushed once; while the peer takes nothing, the tunnel's queue drops what is too old. Inwards a
//! message is read only when the engine has taken the ones before it.
//!
//! spec: REACH-11, REACH-12, REACH-13

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{
    FutureExt, SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

use super::{WebSocket, ending::Ending};
use crate::transport::{link::Tunnel, platform::Platform};

/// Carries packets both ways; `until` may end it. A peer that says or takes nothing for as long as
/// `patience` is given up, and not before a minute. Says why it ended.
pub(crate) async fn carry(
    mut socket: WebSocket,
    tunnel: &Tunnel,
    platform: &Platform,
    patience: Duration,
    until: impl Future<Output = Ending>,
) -> Ending {
    let patience = patience.max(GIVE_UP_AFTER);
    let ending = both_ways(&mut socket, tunnel, platform, patience, until).await;
    let closing = close(socket, tunnel, ending);
    if ending == Ending::Crowded {
        // Its place is another's already: it must not hold anything any more.
        closing.now_or_never();
    } else {
        platform.timeout(CLOSE_WITHIN, closing).await;
    }
    ending
}

async fn both_ways(
    socket: &mut WebSocket,
    tunnel: &Tunnel,
    platform: &Platform,
    patience: Duration,
    until: impl Future<Output = Ending>,
) -> Ending {
    let life = Life::new(platform.now());
    let (sink, stream) = socket.split();
    tokio::select! {
        biased;
        ending = until => ending,
        ending = inward(stream, tunnel, platform, &life) => ending,
        ending = outward(sink, tunnel, platform, &life) => ending,
        ending = watch(platform, patience, &life) => ending,
    }
}

async fn inward(
    mut stream: SplitStream<&mut WebSocket>,
    tunnel: &Tunnel,
    platform: &Platform,
    life: &Life,
) -> Ending {
    while let Some(message) = stream.next().await {
        life.heard(platform.now());
        match message {
            // A copy: what was read is a part of a buffer that would be kept as a whole.
            Ok(Message::Binary(packet)) => tunnel.deliver(Bytes::copy_from_slice(&packet)).await,
            Ok(Message::Text(_)) => return Ending::Text,
            Ok(Message::Close(_)) => return Ending::ByPeer,
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            Err(error) => return Ending::of(&error),
        }
    }
    Ending::ByPeer
}

async fn outward(
    mut sink: SplitSink<&mut WebSocket, Message>,
    tunnel: &Tunnel,
    platform: &Platform,
    life: &Life,
) -> Ending {
    loop {
        let batch = tokio::select! {
            biased;
            batch = tunnel.outbound() => Some(batch),
            () = life.ping.notified() => None,
        };
        life.begins_to_write(platform.now());
        let written = match batch {
            None => sink.send(Message::Ping(Bytes::new())).await,
            Some(mut batch) => 'burst: {
                for _ in 0..BATCHES_A_FLUSH {
                    for packet in batch.datagrams() {
                        if let Err(error) = sink.feed(Message::Binary(packet)).await {
                            break 'burst Err(error);
                        }
                    }
                    match tunnel.try_outbound() {
                        Some(next) => batch = next,
                        None => break,
                    }
                }
                sink.flush().await
            }
        };
        life.has_written();
        if let Err(error) = written {
            return Ending::of(&error);
        }
    }
}

/// Asks for a sign of life in time, and gives up when none comes.
async fn watch(platform: &Platform, patience: Duration, life: &Life) -> Ending {
    loop {
        let now = platform.now();
        let silent = life.silent_for(now);
        if silent >= patience {
            return Ending::Silent;
        }
        let until_next = if silent >= PING_AFTER {
            life.ping.notify_one();
            PING_AFTER
        } else {
            PING_AFTER.saturating_sub(silent)
        };
        platform.sleep(until_next).await;
    }
}

/// Sends what the engine still has to say, the reason, and takes in what is on its way until the
/// peer has closed too.
async fn close(mut socket: WebSocket, tunnel: &Tunnel, ending: Ending) {
    if ending == Ending::ByPeer {
        while let Some(Ok(_)) = socket.next().await {}
        return;
    }
    let Some(code) = ending.code() else {
        return;
    };
    while let Some(batch) = tunnel.try_outbound() {
        for packet in batch.datagrams() {
            if socket.feed(Message::Binary(packet)).await.is_err() {
                return;
            }
        }
    }
    let reason = CloseFrame {
        code,
        reason: "".into(),
    };
    if socket.close(Some(reason)).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}

/// When the peer was last heard, and since when it has taken nothing.
struct Life {
    seen: Mutex<Seen>,
    ping: Notify,
}

struct Seen {
    heard: Instant,
    writing_since: Option<Instant>,
}

impl Life {
    fn new(now: Instant) -> Self {
        let seen = Seen {
            heard: now,
            writing_since: None,
        };
        Self {
            seen: Mutex::new(seen),
            ping: Notify::new(),
        }
    }

    fn heard(&self, now: Instant) {
        self.seen.lock().heard = now;
    }

    fn begins_to_write(&self, now: Instant) {
        self.seen.lock().writing_since = Some(now);
    }

    fn has_written(&self) {
        self.seen.lock().writing_since = None;
    }

    /// A peer that takes nothing is as good as one that says nothing.
    fn silent_for(&self, now: Instant) -> Duration {
        let seen = self.seen.lock();
        let since = seen.writing_since.unwrap_or(now).min(seen.heard);
        now.saturating_duration_since(since)
    }
}

/// What is written before a flush is at most so many batches of the engine's, so that a steady
/// stream of them reaches the peer too.
const BATCHES_A_FLUSH: usize = 64;

/// spec: REACH-13
const PING_AFTER: Duration = Duration::from_secs(20);
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// Until the peer has closed too.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
