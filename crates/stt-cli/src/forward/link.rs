//! The way to the peer: one session after the other, as long as the command runs.
//!
//! ```text
//! dial --reached--> up --over, closing, or silent when it is wanted--> dial again, after a pause
//! ```
//!
//! A peer that was killed says nothing, so a connection that comes after a silence first makes sure
//! that the session is heard of. If it is not, another session is dialled while the old one still
//! has its idle timeout: what it carries goes on if it lives.

use std::{sync::Mutex, sync::PoisonError, time::Duration};

use stt::{
    CloseReason, ConnectError, Door, Node, RecvStream, SendStream, Session, SessionId, Target,
};
use tokio::{sync::watch, time::Instant};

use super::phase::PhaseWatch;
use crate::{exit::Failure, status::Status};

/// The way to the peer.
#[derive(Debug)]
pub(super) struct Link {
    node: Node,
    target: Target,
    /// Shown to people.
    place: String,
    door: Door,
    /// What a stream says first.
    request: Vec<u8>,
    session: watch::Sender<Option<Session>>,
    /// The session that nothing more is begun on.
    given_up: watch::Sender<Option<SessionId>>,
    /// When the peer was last known to live.
    heard: Mutex<Instant>,
}

/// A stream to the peer's target.
pub(super) type Opened = (Session, (SendStream, RecvStream));

impl Link {
    pub(super) fn new(
        node: Node,
        target: Target,
        place: String,
        door: Door,
        request: Vec<u8>,
    ) -> Self {
        Self {
            node,
            target,
            place,
            door,
            request,
            session: watch::Sender::new(None),
            given_up: watch::Sender::new(None),
            heard: Mutex::new(Instant::now()),
        }
    }

    /// Reaches the peer for the first time.
    pub(super) async fn begin(&self, status: Status) -> Result<(), Failure> {
        let session = self.node.connect(self.target.clone()).await;
        let session = session.map_err(|error| Failure::unreached(error, self.door))?;
        self.use_session(session, status);
        Ok(())
    }

    /// Reaches the peer again whenever the session is lost, until that makes no sense any more.
    pub(super) async fn keep(&self, status: Status) -> Failure {
        loop {
            let session = self.session.borrow().clone();
            if let Some(session) = session {
                let why = self.until_given_up(&session).await;
                self.session.send_replace(None);
                status.note(format_args!(
                    "lost {}: {why}; reaching it again",
                    self.place
                ));
                // What it carries may still come to its end; in order, if the peer is there.
                tokio::spawn(async move { session.close().await });
            }
            if let Err(failure) = self.reach_again(status).await {
                return failure;
            }
        }
    }

    async fn until_given_up(&self, session: &Session) -> String {
        let mut given_up = self.given_up.subscribe();
        tokio::select! {
            biased;
            reason = session.closed() => reason.to_string(),
            _ = given_up.wait_for(|id| *id == Some(session.id())) => "it is silent, or ends".into(),
        }
    }

    async fn reach_again(&self, status: Status) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.node.connect(self.target.clone()).await {
                Ok(session) => {
                    self.use_session(session, status);
                    return Ok(());
                }
                Err(error) if is_for_good(&error) => {
                    return Err(Failure::unreached(error, self.door));
                }
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn use_session(&self, session: Session, status: Status) {
        status.session(&session);
        self.was_heard();
        self.session.send_replace(Some(session));
    }

    /// Opens a stream to the peer's target, on a session that is known to live; waits for one.
    /// `None` if nothing new is begun any more. Cancel safe.
    pub(super) async fn open(&self, phase: &PhaseWatch) -> Option<Opened> {
        tokio::select! {
            biased;
            () = phase.drain() => None,
            opened = self.open_on_some() => opened,
        }
    }

    async fn open_on_some(&self) -> Option<Opened> {
        let mut sessions = self.session.subscribe();
        loop {
            let session = sessions.wait_for(Option::is_some).await.ok()?.clone()?;
            if let Some(streams) = self.open_on(&session).await {
                return Some((session, streams));
            }
            self.given_up.send_replace(Some(session.id()));
            // The one that takes its place, or none.
            sessions.changed().await.ok()?;
        }
    }

    async fn open_on(&self, session: &Session) -> Option<(SendStream, RecvStream)> {
        let before = session.stats().packets_received;
        let (mut send, recv) = session.open_stream().await.ok()?;
        send.write_all(&self.request).await.ok()?;
        if self.is_fresh() || self.is_heard_beyond(session, before).await {
            return Some((send, recv));
        }
        None
    }

    /// Whether the peer is heard of within its time. What asks it is the request.
    async fn is_heard_beyond(&self, session: &Session, before: u64) -> bool {
        let until = Instant::now() + HEARD_WITHIN;
        let mut pause = Duration::from_millis(1);
        while Instant::now() < until && !session.is_closed() {
            tokio::time::sleep(pause).await;
            if session.stats().packets_received > before {
                self.was_heard();
                return true;
            }
            pause = (pause * 2).min(LONGEST_LOOK);
        }
        false
    }

    fn is_fresh(&self) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.elapsed() < FRESH
    }

    fn was_heard(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Whether trying again would change nothing.
fn is_for_good(error: &ConnectError) -> bool {
    matches!(
        error,
        ConnectError::AuthenticationRefused
            | ConnectError::WrongPeer { .. }
            | ConnectError::SelfDial
            | ConnectError::ShutDown
            | ConnectError::Closed(CloseReason::EpochDropped { .. })
    )
}

/// A peer that was heard of this lately is taken to live. A connection after that costs a round trip.
const FRESH: Duration = Duration::from_secs(2);

/// A peer that lives is heard of within this time.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// Between two looks whether it was.
const LONGEST_LOOK: Duration = Duration::from_millis(20);

/// Between dials: at first, and at most. A dial without an answer takes its own time besides.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
