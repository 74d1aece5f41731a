//! What is said on standard error: one line each, for people or, with `--json`, for programs.
//!
//! A standard error that nobody reads is no reason to fail: what can't be said isn't.

use std::{
    fmt::Display,
    io::{self, Write},
    time::Duration,
};

use serde_json::{Value, json};
use stt::{
    AddressMapped, CloseReason, Event, Node, NodeId, Relay, Session, SessionClosed, SessionOpened,
};

use crate::exit::Failure;

/// How lines on standard error are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Sentences.
    Human,
    /// One JSON object a line.
    Json,
}

/// What a session has carried, in bytes of the application.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carried {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) after: Duration,
}

impl Status {
    pub(crate) fn new(json: bool) -> Self {
        if json { Self::Json } else { Self::Human }
    }

    pub(crate) fn listening(self, address: impl Display, node: NodeId) {
        write(&self.listening_line(address, node));
    }

    /// Where a node listens, and who it is.
    pub(crate) fn listening_line(self, address: impl Display, node: NodeId) -> String {
        self.line(
            format_args!("listening on {address} as {node}"),
            || json!({"event": "listening", "address": address.to_string(), "node": node.to_string()}),
        )
    }

    /// Tells once when members reach this node through the relay.
    pub(crate) fn follow_relay(self, relay: Relay, node: NodeId) {
        tokio::spawn(async move {
            if relay.registered().await {
                let at = relay.target();
                self.say(
                    format_args!("waiting at the relay {at} as {node}"),
                    || json!({"event": "registered", "relay": at.to_string(), "node": node.to_string()}),
                );
            }
        });
    }

    /// From now on, tells where a router lets others in.
    pub(crate) fn follow_mapping(self, node: &Node) {
        let id = node.id();
        let tell = move |mapped: Event<AddressMapped>| {
            if let Some(address) = mapped.address {
                self.listening(address, id);
            }
        };
        // Its name is short enough.
        let _ = node.events().on(AddressMapped::NAME, tell);
    }

    /// From now on, tells of each session of the node as it opens and closes.
    pub(crate) fn follow_sessions(self, node: &Node) {
        let events = node.events();
        // Their names are short enough.
        let _ = events.on(SessionOpened::NAME, move |opened: Event<SessionOpened>| {
            self.session(&opened.session);
        });
        let _ = events.on(SessionClosed::NAME, move |closed: Event<SessionClosed>| {
            self.session_over(&closed);
        });
    }

    fn session_over(self, closed: &SessionClosed) {
        let (id, peer, reason) = (closed.session, closed.peer, &closed.reason);
        self.say(
            format_args!("session {id} with {peer} over: {reason}"),
            || {
                json!({
                    "event": "session_closed",
                    "id": id.to_string(),
                    "peer": peer.to_string(),
                    "ok": *reason == CloseReason::Done,
                    "reason": reason.to_string(),
                })
            },
        );
    }

    pub(crate) fn session(self, session: &Session) {
        let (id, peer) = (session.id(), session.peer());
        let address = session.stats().path.remote;
        let address = address.map_or_else(|| "an unknown address".into(), |at| at.to_string());
        self.say(
            format_args!("session {id} with {peer} at {address}"),
            || {
                json!({
                    "event": "session",
                    "id": id.to_string(),
                    "peer": peer.to_string(),
                    "address": address,
                })
            },
        );
    }

    /// A session is over, in order or broken off.
    pub(crate) fn closed(self, session: &Session, carried: Carried, broken: Option<&impl Display>) {
        let id = session.id();
        let Carried {
            sent,
            received,
            after,
        } = carried;
        let how = broken.map_or_else(|| "done".into(), |broken| format!("broken off: {broken}"));
        self.say(
            format_args!(
                "session {id} {how}; sent {sent} bytes, received {received} in {after:.1?}"
            ),
            || {
                json!({
                    "event": "closed",
                    "id": id.to_string(),
                    "ok": broken.is_none(),
                    "reason": how,
                    "sent": sent,
                    "received": received,
                    "seconds": after.as_secs_f64(),
                })
            },
        );
    }

    /// Connections that come to `local` go to the peer.
    pub(crate) fn forwarding(self, local: &str, to: impl Display) {
        self.say(
            format_args!("forwarding {local} to {to}"),
            || json!({"event": "forwarding", "local": local, "to": to.to_string()}),
        );
    }

    /// Something a person may want to know.
    pub(crate) fn note(self, what: impl Display) {
        self.say(
            format_args!("{what}"),
            || json!({"event": "note", "message": what.to_string()}),
        );
    }

    /// Why the command ends. A program hears the exit code in any case, a person nothing twice.
    pub(crate) fn failed(self, failure: &Failure) {
        if failure.is_told && self == Self::Human {
            return;
        }
        let (code, message) = (failure.exit.code(), &failure.message);
        self.say(
            format_args!("stt: {message}"),
            || json!({"event": "error", "code": code, "message": message}),
        );
    }

    /// One line: a sentence, or the object made for it.
    pub(crate) fn say(self, sentence: impl Display, object: impl FnOnce() -> Value) {
        write(&self.line(sentence, object));
    }

    fn line(self, sentence: impl Display, object: impl FnOnce() -> Value) -> String {
        match self {
            Self::Human => format!("{sentence}\n"),
            Self::Json => format!("{}\n", object()),
        }
    }
}

fn write(line: &str) {
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
