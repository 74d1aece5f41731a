//! What is measured. Each scenario has a server's part and a client's part; the client measures
//! both processes.

mod bulk;
mod idle;
mod load;
mod messages;
mod requests;
mod server;
mod sessions;

use std::{collections::BTreeMap, net::SocketAddr};

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{
    args::{PeerName, Settings},
    peers::{Peer, stt::Stt},
    system::Spent,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// One stream, server to client.
    Bulk,
    /// The same by WebSocket, beside a plain one.
    Websocket,
    /// 64 bytes there and back, a two-way stream each, all on one session.
    Requests,
    /// Full handshake, 64-byte echo, abrupt end; many at a time.
    Sessions,
    /// The same, one after the other.
    SessionsSequential,
    /// As `sessions`, each ended in order, both sides knowing that all arrived. STT alone.
    SessionsOrderly,
    /// Memory of sessions that do nothing.
    Idle,
    /// 64-byte messages on one stream id. STT alone.
    MessagesOneId,
    /// 64-byte messages on 64 stream ids. STT alone.
    MessagesManyIds,
}

/// What the client knows of a run.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) server: SocketAddr,
    pub(crate) server_process: u32,
    pub(crate) scenario: Scenario,
    pub(crate) settings: Settings,
}

/// What came of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) metrics: BTreeMap<String, f64>,
    /// Cores that other processes kept busy meanwhile.
    pub(crate) others: f64,
}

impl Outcome {
    fn new<const N: usize>(spent: &Spent, metrics: [(&str, f64); N]) -> Self {
        let metrics = metrics.map(|(name, value)| (name.to_owned(), value));
        Self {
            metrics: metrics.into(),
            others: spent.others,
        }
    }
}

impl Scenario {
    pub(crate) const ALL: [Self; 9] = [
        Self::Bulk,
        Self::Websocket,
        Self::Requests,
        Self::Sessions,
        Self::SessionsSequential,
        Self::SessionsOrderly,
        Self::Idle,
        Self::MessagesOneId,
        Self::MessagesManyIds,
    ];

    /// Whether a peer has what is measured.
    pub(crate) fn is_offered_by(self, peer: PeerName) -> bool {
        match self {
            Self::SessionsOrderly | Self::MessagesOneId | Self::MessagesManyIds => {
                peer == PeerName::Stt
            }
            Self::Websocket => !matches!(peer, PeerName::Noq | PeerName::Quinn),
            _ => matches!(peer, PeerName::Stt | PeerName::Noq | PeerName::Quinn),
        }
    }

    /// What the others are compared with.
    pub(crate) fn yardstick(self) -> PeerName {
        match self {
            Self::Websocket => PeerName::Tungstenite,
            _ => PeerName::Noq,
        }
    }
}

/// The server's part, for ever.
pub(crate) async fn serve<P: Peer>(peer: P, scenario: Scenario) {
    match scenario {
        Scenario::Bulk | Scenario::Websocket => server::serve(peer, server::Answer::Bulk).await,
        _ => server::serve(peer, server::Answer::Echo).await,
    }
}

/// The server's part of what STT alone has.
pub(crate) async fn serve_stt(stt: Stt, scenario: Scenario) -> Result<()> {
    match scenario {
        Scenario::MessagesOneId | Scenario::MessagesManyIds => messages::serve(&stt).await,
        _ => {
            serve(stt, scenario).await;
            Ok(())
        }
    }
}

/// The client's part.
pub(crate) async fn measure<P: Peer>(peer: P, job: Job) -> Result<Outcome> {
    match job.scenario {
        Scenario::Bulk | Scenario::Websocket => bulk::measure(&peer, &job).await,
        Scenario::Requests => requests::measure(&peer, &job).await,
        Scenario::Idle => idle::measure(&peer, &job).await,
        _ => sessions::measure(&peer, &job).await,
    }
}

/// The client's part of what STT alone has.
pub(crate) async fn measure_stt(stt: Stt, job: Job) -> Result<Outcome> {
    match job.scenario {
        Scenario::MessagesOneId => messages::measure(&stt, &job, 1).await,
        Scenario::MessagesManyIds => messages::measure(&stt, &job, 64).await,
        _ => measure(stt, job).await,
    }
}
