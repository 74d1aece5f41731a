//! Kademlia without I/O: how the members of a group find each other, and content.
//!
//! ```text
//!   requests, answers, time, randomness --> [Engine] --> requests, answers, results
//!                                              |
//!              Table: who is there             |   Store: records held for others
//!              Query: whom to ask next --------+   Keyring: places, signatures
//! ```
//!
//! [`Engine`] is one member's part. It has four verbs, [`Engine::handle_input`],
//! [`Engine::handle_timeout`], [`Engine::poll_output`] and [`Engine::poll_timeout`], and commands
//! that begin queries, each of which ends with [`Output::Ended`].
//!
//! The crate is pure: no clock, no socket, no randomness of its own, no threads. The same inputs in
//! the same order give the same outputs, byte for byte. The law is `spec/dht.md`.
//!
//! # What a hostile member can do
//!
//! | it                                  | costs others                                                                  |
//! |-------------------------------------|-------------------------------------------------------------------------------|
//! | names members that are not there    | four failed dials a query, then it is not listened to ([`Defence::Blame`])     |
//! | lies about who is closest           | some requests: honest members are asked too                                   |
//! | gives records of others, old or changed ones | nothing: signatures, dates and keys are checked, and it counts as failed |
//! | announces content that it does not have | one try to fetch each; the search goes on meanwhile                       |
//! | floods with requests or records     | its own share: rates a peer, fair shares a signer                             |
//! | is slow                             | about what 95 of 100 answers take, then somebody else is asked too            |
//! | grinds identities around a key      | more requests; while honest members are in the region, they are found         |
//!
//! What stays: who has many identities in many networks, more than there are honest members in a region,
//! owns the keys there: it can hide records. A seed that is shared lets each who has it make
//! identities without limit. And each member sees which keys others ask it for, and who asks.

mod clock;
mod config;
mod diversity;
mod engine;
mod key;
mod keyring;
mod outcome;
mod pace;
mod query;
mod size;
mod store;
mod table;

pub use clock::{Moment, Now};
pub use config::{Config, Defence, Defences, Serving};
pub use engine::{Dialled, Engine, Input, Output, Over, RequestId, Token};
pub use key::{Distance, Key};
pub use keyring::{GroupKeyring, Keyring, Sealer};
pub use outcome::{Effort, Ended, Found, QueryError, QueryId};
