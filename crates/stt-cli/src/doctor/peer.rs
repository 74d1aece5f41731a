//! A peer: what is to be expected of a path to it, and what comes of it.

use std::time::Duration;

use serde::Serialize;
use stt::{AddressMapping, Door, NetworkReport, Node, PathKind, Session, Target};
use tokio::time::Instant;

use super::{
    findings::Findings,
    members::Path,
    predict::{Between, Prediction, predict},
    surroundings::milliseconds,
};
use crate::{
    control::Mapping,
    exit::{Exit, Failure},
};

/// A peer that was met.
#[derive(Debug, Serialize)]
pub(super) struct Meeting {
    pub(super) node: String,
    /// The path on which the session began.
    pub(super) first: Path,
    /// How the peer's addresses are translated, as it says.
    pub(super) mapping: Mapping,
    #[serde(flatten)]
    pub(super) predicted: Predicted,
    /// After how long it was direct; nothing if it was not in time.
    pub(super) direct_after_ms: Option<f64>,
    pub(super) watched_ms: f64,
    /// Why the session was over before that; nothing if it was not.
    pub(super) ended: Option<String>,
    /// The path on which the session is now.
    pub(super) last: Path,
}

#[derive(Debug, Serialize)]
pub(super) struct Predicted {
    pub(super) prediction: &'static str,
    pub(super) because: String,
}

/// Meets the peer, says what is to be expected, and watches what comes of it.
pub(super) async fn meet(
    node: &Node,
    door: Door,
    target: Target,
    findings: &Findings,
    until: Instant,
) -> Result<Meeting, Failure> {
    let reached = tokio::time::timeout_at(until, node.connect(target)).await;
    let session = match reached {
        Ok(reached) => reached.map_err(|error| Failure::unreached(error, door))?,
        Err(_) => {
            return Err(Failure::new(
                Exit::NoAnswer,
                "the peer was not reached in time",
            ));
        }
    };
    let began = Instant::now();
    let first = Path::of(&session);
    let between = match session.stats().path.kind {
        PathKind::Udp => Some(Between::Direct),
        _ => None,
    };
    let told = told(&session, until.min(began + TOLD_WITHIN)).await;
    let theirs = told
        .as_ref()
        .map_or(AddressMapping::Unknown, |told| told.mapping);
    let between = between.unwrap_or_else(|| between_us(findings, told.as_ref()));
    let predicted = predict(findings.side(), theirs, between);
    let limit = until.min(began + watched_for(predicted));
    let direct = until_direct(&session, limit).await;
    Ok(Meeting {
        node: session.peer().to_string(),
        first,
        mapping: theirs.into(),
        predicted: Predicted {
            prediction: predicted.name(),
            because: predicted.to_string(),
        },
        direct_after_ms: direct.map(|at| milliseconds(at.saturating_duration_since(began))),
        watched_ms: milliseconds(began.elapsed()),
        ended: ended(&session).await,
        last: Path::of(&session),
    })
}

/// What the peer says of itself.
async fn told(session: &Session, until: Instant) -> Option<NetworkReport> {
    loop {
        let told = session.peer_network();
        if told.is_some() || session.is_closed() || Instant::now() >= until {
            return told;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn between_us(findings: &Findings, told: Option<&NetworkReport>) -> Between {
    let Some(told) = told else {
        return Between::Hidden;
    };
    let ours = || findings.here.seen_at.iter().filter(|at| at.is_ipv4());
    let is_shared = |theirs: &std::net::SocketAddr| ours().any(|our| our.ip() == theirs.ip());
    if told.outside.iter().any(is_shared) {
        Between::SameRouter
    } else {
        Between::Nothing
    }
}

async fn ended(session: &Session) -> Option<String> {
    if session.is_closed() {
        return Some(session.closed().await.to_string());
    }
    None
}

/// When the session was seen to be direct.
async fn until_direct(session: &Session, until: Instant) -> Option<Instant> {
    loop {
        let now = Instant::now();
        if session.stats().path.kind == PathKind::Udp {
            // Its first round trips say little.
            tokio::time::sleep(A_MOMENT.min(until.saturating_duration_since(now))).await;
            return Some(now);
        }
        if session.is_closed() || now >= until {
            return None;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What was predicted is given the time it takes, and the contrary some.
fn watched_for(predicted: Prediction) -> Duration {
    match predicted {
        Prediction::Direct(_) => Duration::from_secs(10),
        Prediction::Likely(_) | Prediction::Open(_) => Duration::from_secs(20),
        Prediction::Indirect(_) => Duration::from_secs(4),
    }
}

/// A peer says where it is some moments after the session began.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
const A_MOMENT: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(10);
