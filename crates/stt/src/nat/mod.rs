//! Finding ways to a peer that the session does not use yet.
//!
//! Two members that have a session tell each other where they can be reached (WIRE-130), and probe
//! these places outside the engine: small sealed datagrams (STC-34), each answered with where it came
//! from. So an address translator on either side sees packets leave and lets the other's in. What was
//! answered is a way, and the dialler opens a path on it; the acceptor only answers, and probes to be
//! seen when it has moved.
//!
//! * [`message`]: what a probe says;
//! * [`prober`]: which places are probed when, without any input or output.
//!
//! What a session does with it is in `session/paths`; how probes leave and arrive in
//! `transport/link`.

pub(crate) mod message;
pub(crate) mod prober;
