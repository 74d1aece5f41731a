//! The side with the targets: each stream of a member becomes a connection to the one it asks for.
//!
//! What a member can do is bounded: what is not in the list is never reached, a stream says within
//! 10 s what it wants, a peer has a number of connections at a time, and a target that does not
//! answer is given up after 10 s.

use std::{collections::HashMap, sync::Arc, time::Duration};

use stt::{Node, RecvStream, SendStream, Session};
use tokio::task::JoinSet;

use super::{
    admission::Admission,
    carry::{Cut, carry, ended, refuse},
    phase::PhaseWatch,
    report::{Reporter, Told},
    request::{self, Why},
    socket::Socket,
};
use crate::{
    args::{Destination, Served, ServiceName},
    exit::Failure,
};

/// What is served, and to whom how much of it.
#[derive(Debug)]
pub(crate) struct Serving {
    targets: HashMap<Option<ServiceName>, Destination>,
    admission: Admission,
    reporter: Reporter,
    phase: PhaseWatch,
}

impl Serving {
    /// Serves `targets`, and `connections` at a time to each peer.
    pub(crate) fn new(
        targets: Vec<Served>,
        connections: u32,
        reporter: Reporter,
        phase: PhaseWatch,
    ) -> Result<Self, Failure> {
        let mut by_name = HashMap::new();
        for Served { name, to } in targets {
            if let Some(before) = by_name.insert(name.clone(), to) {
                let name = name.map_or_else(|| "no name".into(), |name| name.as_str().to_owned());
                return Err(Failure::usage(format!(
                    "two targets have {name}, one of them {before}; write NAME=TARGET"
                )));
            }
        }
        Ok(Self {
            targets: by_name,
            admission: Admission::new(connections),
            reporter,
            phase,
        })
    }

    /// Serves the sessions that others begin with `node`, until it is shut down.
    pub(crate) async fn serve_all(self: Arc<Self>, node: &Node, sessions: &mut JoinSet<()>) {
        loop {
            tokio::select! {
                session = node.accept() => match session {
                    Some(session) => drop(sessions.spawn(Arc::clone(&self).serve(session))),
                    None => return,
                },
                Some(_) = sessions.join_next() => {}
            }
        }
    }

    /// Serves a session to its end, and its connections to theirs.
    async fn serve(self: Arc<Self>, session: Session) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                streams = session.accept_stream() => match streams {
                    Ok(streams) => {
                        let one = Arc::clone(&self).connection(session.clone(), streams);
                        connections.spawn(one);
                    }
                    Err(_) => break,
                },
                Some(_) = connections.join_next() => {}
            }
        }
        while connections.join_next().await.is_some() {}
    }

    async fn connection(self: Arc<Self>, session: Session, streams: (SendStream, RecvStream)) {
        let (send, mut recv) = streams;
        let told = |to: Option<&str>| self.reporter.began(session.peer(), to);
        if self.targets.is_empty() {
            return turn_away(told(None), send, recv, Why::NoService);
        }
        let Some(_admitted) = self.admission.admit(session.peer()) else {
            return turn_away(told(None), send, recv, Why::TooMany);
        };
        let asked = tokio::time::timeout(ASKED_WITHIN, request::read(&mut recv)).await;
        let Ok(Ok(name)) = asked else {
            return turn_away(told(None), send, recv, Why::BadRequest);
        };
        let told = told(name.as_ref().map(ServiceName::as_str));
        let Some(to) = self.targets.get(&name) else {
            return turn_away(told, send, recv, Why::NoService);
        };
        let socket = tokio::select! {
            reached = tokio::time::timeout(REACHED_WITHIN, Socket::connect(to)) => reached,
            cut = ended(&session, &self.phase) => return told.ended(Err(cut)),
        };
        let outcome = match socket {
            Ok(Ok(socket)) => {
                carry(&session, (send, recv), &socket, &told.tally, &self.phase).await
            }
            Ok(Err(error)) => {
                refuse(Some(send), recv, Why::Unreachable);
                Err(Cut::Socket(error))
            }
            Err(_) => {
                refuse(Some(send), recv, Why::Unreachable);
                Err(Cut::Socket(std::io::ErrorKind::TimedOut.into()))
            }
        };
        told.ended(outcome);
    }
}

fn turn_away(told: Told, send: SendStream, recv: RecvStream, why: Why) {
    refuse(Some(send), recv, why);
    told.ended(Err(Cut::Refused(why)));
}

/// A stream says within this time what it wants.
const ASKED_WITHIN: Duration = Duration::from_secs(10);

/// A target answers within this time.
const REACHED_WITHIN: Duration = Duration::from_secs(10);
