//! Members that are asked: where, and what came of it.

use std::{net::SocketAddr, time::Duration};

use serde::Serialize;
use stt::{Door, Node, PathKind, Session, Target};
use tokio::{task::JoinSet, time::Instant};

use super::surroundings::milliseconds;
use crate::exit::{Exit, Failure};

/// A member that is to be asked.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) target: Target,
}

/// Who named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// The command line.
    Via,
    /// A beacon on the local network.
    Neighbour,
    /// The node that runs here.
    Running,
}

/// What came of it.
pub(super) struct Asked {
    name: String,
    source: Source,
    outcome: Result<Session, Failure>,
}

/// The same as a document.
#[derive(Debug, Serialize)]
pub(super) struct Member {
    pub(super) place: String,
    pub(super) source: Source,
    #[serde(flatten)]
    pub(super) said: Said,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Said {
    Answered(Answered),
    Silent {
        error: String,
        #[serde(skip)]
        exit: Exit,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct Answered {
    pub(super) node: String,
    #[serde(flatten)]
    pub(super) path: Path,
    /// Where the member sees this node.
    pub(super) sees_us_at: Option<SocketAddr>,
    /// Whether it has said where it is to be reached by UDP.
    pub(super) tells_udp: bool,
}

/// The path that a session goes by.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Path {
    #[serde(rename = "path")]
    pub(super) kind: Kind,
    pub(super) address: Option<SocketAddr>,
    pub(super) round_trip_ms: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Udp,
    WebSocket,
    Relay,
}

/// Begins to ask. A dial ends within the node's handshake timeout.
pub(super) fn ask(node: &Node, door: Door, places: Vec<Place>, asking: &mut JoinSet<Asked>) {
    for place in places {
        let node = node.clone();
        asking.spawn(async move {
            let reached = node.connect(place.target).await;
            Asked {
                name: place.name,
                source: place.source,
                outcome: reached.map_err(|error| Failure::unreached(error, door)),
            }
        });
    }
}

/// Waits until all have been asked, and those that answered have said what they have to.
pub(super) async fn all(asking: &mut JoinSet<Asked>, until: Instant) -> Vec<Member> {
    let mut asked = Vec::new();
    while let Ok(Some(Ok(one))) = tokio::time::timeout_at(until, asking.join_next()).await {
        asked.push(one);
    }
    settle(&asked, until).await;
    asked.into_iter().map(Member::from).collect()
}

/// A session says within moments where its peer sees us, and goes over to UDP if that works.
async fn settle(asked: &[Asked], until: Instant) {
    let started = Instant::now();
    loop {
        let waited = started.elapsed();
        let sessions = asked.iter().filter_map(|one| one.outcome.as_ref().ok());
        let is_done = |session: &Session| {
            session.is_closed()
                || match session.stats().path.kind {
                    PathKind::Udp => session.seen_at().is_some() || waited >= SEEN_WITHIN,
                    _ => waited >= UDP_WITHIN,
                }
        };
        if sessions.into_iter().all(is_done) || Instant::now() >= until {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl From<Asked> for Member {
    fn from(asked: Asked) -> Self {
        let said = match asked.outcome {
            Ok(session) => Said::Answered(Answered {
                node: session.peer().to_string(),
                path: Path::of(&session),
                sees_us_at: session.seen_at(),
                tells_udp: session
                    .peer_network()
                    .is_some_and(|told| !told.interfaces.is_empty() || !told.outside.is_empty()),
            }),
            Err(failure) => Said::Silent {
                error: failure.message,
                exit: failure.exit,
            },
        };
        Self {
            place: asked.name,
            source: asked.source,
            said,
        }
    }
}

impl Member {
    pub(super) fn answered(&self) -> Option<&Answered> {
        match &self.said {
            Said::Answered(answered) => Some(answered),
            Said::Silent { .. } => None,
        }
    }
}

impl Path {
    pub(super) fn of(session: &Session) -> Self {
        let stats = session.stats();
        Self {
            kind: match stats.path.kind {
                PathKind::WebSocket => Kind::WebSocket,
                PathKind::Relay => Kind::Relay,
                _ => Kind::Udp,
            },
            address: stats.path.remote,
            round_trip_ms: milliseconds(stats.round_trip),
        }
    }
}

const SEEN_WITHIN: Duration = Duration::from_secs(1);
/// A session through a tunnel probes at once; what gets through is a matter of round trips.
const UDP_WITHIN: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(20);
