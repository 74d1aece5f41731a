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
//! It is stated, with bounds, at the end of the law. Each [`Defence`] can be taken away in a simulation:
//!
//! | defence                        | the test that is red without it                                  |
//! |--------------------------------|------------------------------------------------------------------|
//! | [`Defence::Eviction`]          | `half_of_the_members_may_vanish_at_once`                         |
//! | [`Defence::AdaptiveWaiting`]   | `stale_entries_cost_little_because_waiting_follows_the_network`  |
//! | [`Defence::DisjointPaths`]     | `liars_on_one_path_do_not_keep_a_record_from_those_on_the_others` |
//! | [`Defence::Region`]            | `a_hundred_names_ground_around_a_key_do_not_hide_it`             |
//! | [`Defence::Diversity`]         | `any_number_of_names_in_two_networks_does_not_hide_a_key`        |
//! | [`Defence::Quotas`]            | `flood_of_records_leaves_room_for_others`, `peer_that_asks_on_and_on_is_told_to_wait`, `signer_of_many_records_leaves_room_for_others`, `signers_who_came_first_do_not_keep_others_from_a_key` |
//! | [`Defence::Handover`]          | `records_outlive_their_holders_because_they_are_handed_over`     |
//! | [`Defence::Blame`]             | `who_tells_of_members_that_do_not_exist_is_soon_ignored`         |
//! | [`Defence::Caching`]           | `key_in_demand_is_served_by_many`                                |
//! | [`Defence::Verification`]      | `records_that_are_forged_ended_or_out_of_place_are_not_held`, `records_that_are_forged_ended_or_of_another_key_are_not_believed` |
//! | [`Defence::DialBack`]          | `members_that_cannot_be_dialled_are_not_listed`                  |

mod clock;
mod config;
mod diversity;
mod engine;
mod key;
mod keyring;
mod number;
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
