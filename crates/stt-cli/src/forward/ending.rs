//! The end of a forward: connections may come to theirs, within a limit.

use std::time::Duration;

use stt::Node;
use tokio::{task::JoinSet, time::Instant};

use super::{phase::Phase, report::Reporter};
use crate::{exit::Failure, rate::count, signals::Signals, status::Status};

/// What ends, and how much time it has.
pub(crate) struct Ending<'a> {
    pub(crate) node: &'a Node,
    pub(crate) phase: &'a Phase,
    pub(crate) reporter: &'a Reporter,
    pub(crate) limit: Duration,
}

/// Lets connections end until the limit or another signal, and says whether all have.
pub(crate) async fn end(
    ending: Ending<'_>,
    connections: &mut JoinSet<()>,
    signals: &mut Signals,
    status: Status,
) -> Result<(), Failure> {
    let Ending {
        node,
        phase,
        reporter,
        limit,
    } = ending;
    match reporter.open() {
        0 => {}
        open => status.note(format_args!(
            "ending; {} may end within {limit:?}; interrupt again to cut off",
            count(open, "connection")
        )),
    }
    phase.drain();
    let until = Instant::now() + limit;
    tokio::select! {
        _ = node.shutdown(limit) => {}
        () = signals.next() => {
            phase.end();
            node.shutdown(Duration::ZERO).await;
        }
    }
    // Their sessions are over. What is left writes its last bytes to a socket.
    let last = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout_at(until.max(Instant::now() + LAST), last)
        .await
        .is_err()
    {
        phase.end();
        let rest = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST, rest).await;
    }
    match reporter.cut_off() {
        0 => Ok(()),
        cut_off => Err(Failure::broken_off(format!(
            "interrupted: {} broken off",
            count(cut_off, "connection")
        ))),
    }
}

/// For connections that know that they are over.
const LAST: Duration = Duration::from_millis(500);
