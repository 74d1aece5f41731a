//! The side with the local programs: each connection becomes a stream to the peer's target.

use std::{future::Future, sync::Arc, time::Duration};

use stt::{Accepting, Limits};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

use super::{
    carry::{Cut, carry},
    ending::{Ending, end},
    entrance::Entrance,
    link::Link,
    phase::{Phase, PhaseWatch},
    report::Reporter,
    request,
    socket::Socket,
};
use crate::{
    args::{Entrance as Asked, Forward, PeerPlace},
    exit::Failure,
    member::Member,
    signals::Signals,
    status::Status,
};

/// `stt forward LOCAL REMOTE`.
pub(super) async fn forward(
    local: Asked,
    remote: PeerPlace,
    asked: Forward,
    member: Member,
    limits: Limits,
    status: Status,
) -> Result<(), Failure> {
    let places = std::slice::from_ref(&remote);
    let target = PeerPlace::target(places, &asked.relay, asked.peer)?;
    // Before the peer is dialled: an address that is taken shows at once.
    let entrance = Entrance::open(&local).await?;
    let mut signals = Signals::watch()?;
    let door = member.group.door();
    let mut limits = limits;
    limits.handshake_timeout = asked.timeout;
    let builder = member.builder(&[]).await?.limits(limits);
    let node = builder.accepting(Accepting::Nobody).start().await?;
    let wanted = request::encode(asked.service.as_ref());
    let link = Link::new(node.clone(), target, remote.to_string(), door, wanted);
    tokio::select! {
        reached = link.begin(status) => reached?,
        () = signals.next() => {
            return Err(Failure::broken_off("interrupted before a peer answered"));
        }
    }
    for address in entrance.addresses() {
        status.forwarding(&address, &remote);
    }
    let side = LocalSide {
        link: Arc::new(link),
        hold: asked.hold,
        service: asked.service.map(|name| name.as_str().to_owned()),
        room: Arc::new(Semaphore::new(asked.bounds.connections.get() as usize)),
        reporter: Reporter::new(status, asked.verbose),
    };
    let phase = Phase::running();
    let mut connections = JoinSet::new();
    let ended = tokio::select! {
        () = signals.next() => Ok(()),
        failure = side.link.keep(status) => Err(failure),
        () = side.take_all(&entrance, &mut connections, &phase, status) => Ok(()),
    };
    drop(entrance);
    let ending = Ending {
        node: &node,
        phase: &phase,
        reporter: &side.reporter,
        limit: asked.bounds.drain,
    };
    let drained = end(ending, &mut connections, &mut signals, status).await;
    ended.and(drained)
}

struct LocalSide {
    link: Arc<Link>,
    hold: Duration,
    service: Option<String>,
    room: Arc<Semaphore>,
    reporter: Reporter,
}

impl LocalSide {
    /// Takes connections for ever; as many at a time as there is room for, further ones wait in the
    /// system's queue.
    async fn take_all(
        &self,
        entrance: &Entrance,
        connections: &mut JoinSet<()>,
        phase: &Phase,
        status: Status,
    ) {
        loop {
            // Never closed.
            let Ok(room) = Arc::clone(&self.room).acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                accepted = entrance.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((socket, from)) => {
                    connections.spawn(self.serve(socket, from, phase.watch(), room));
                }
                Err(error) => {
                    status.note(format_args!("cannot take a connection: {error}"));
                    tokio::time::sleep(AFTER_A_FAILURE).await;
                }
            }
        }
    }

    fn serve(
        &self,
        socket: Socket,
        from: String,
        phase: PhaseWatch,
        room: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + use<> {
        let told = self.reporter.began(from, self.service.as_deref());
        let (link, hold) = (Arc::clone(&self.link), self.hold);
        async move {
            let opened = tokio::time::timeout(hold, link.open(&phase)).await;
            let outcome = match opened {
                Err(_) => Err(Cut::Unreached),
                Ok(None) => Err(Cut::Ending),
                Ok(Some((session, streams))) => {
                    carry(&session, streams, &socket, &told.tally, &phase).await
                }
            };
            // The socket is closed by the time that is said.
            drop(socket);
            told.ended(outcome);
            drop(room);
        }
    }
}

/// No descriptors are left, as a rule, and some may be soon.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);
