//! A virtual network and a virtual clock under real nodes.
//!
//! ```text
//!   nodes, endpoints, tests        real code, unchanged
//!        |              |
//!   noq::Runtime   noq::AsyncUdpSocket
//!        |              |
//!      [Sim]  ------  [Net]  --  a Link for each direction
//! ```
//!
//! [`Sim`] is a single-threaded executor whose clock stands still while any task can run and
//! then jumps to the earliest timer: an hour of idle connections takes a fraction of a second.
//! [`Net`] carries packets between sockets bound to made-up addresses, and treats each as the
//! [`Link`] of its direction says; byte streams ([`Net::connect`]) go over the same links.
//!
//! Between hosts there may be doors: a [`Nat`] with hosts behind it ([`Net::nat`],
//! [`Net::behind`]), a [`Firewall`] ([`Net::firewall`]), no UDP at all ([`Net::forbid_udp`]).
//! Whether a packet is let in is decided when it arrives at the door, so that two packets can cross
//! and let each other in. A packet takes one link whatever it crosses: that from the address it has
//! as it comes out of its sender's NATs to the address it is sent to. Between a NAT and the hosts
//! behind it no time passes; hosts behind one NAT reach each other over the link between their own
//! addresses. Links, statistics and recordings name addresses in this sense; a packet that a NAT
//! lets in, and one that is refused on arrival, is recorded a second time there. Partitions hold
//! for the addresses a packet has on either side of a NAT; a killed host is silent behind it, too.
//! Addresses may change under a socket: [`Net::readdress`], [`Net::rebind`].
//!
//! ```
//! use std::time::Duration;
//! use stt_sim::{Link, Net, Sim};
//!
//! let sim = Sim::new(42);
//! let net = Net::new(&sim, Link::lossy(0.01));
//! let socket = net.bind("10.0.0.1:4000".parse()?)?; // for an engine endpoint, with sim.runtime()
//! sim.block_on(async {
//!     net.all(|link| link.latency = Duration::from_millis(80));
//!     sim.sleep(Duration::from_secs(3600)).await;
//! });
//! # assert_eq!(sim.elapsed(), Duration::from_secs(3600));
//! # drop(socket);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants:
//! * *One seed, one run.* Every random number descends from the seed given to [`Sim::new`];
//!   nothing iterates over an unordered map, nothing reads the real clock (an `Instant` is read
//!   once as the origin, and only differences to it are used).
//! * *A run ends.* It returns, or panics with the seed and the virtual time: at a deadlock, at
//!   [`Sim::limit`], or when tasks run forever without time passing.
//! * *Fates are independent.* Each direction draws the same number of random values for each
//!   packet, whatever happens to it, from a sequence of its own: changing one probability, or the
//!   traffic elsewhere, doesn't reshuffle the luck of everybody else.
//!
//! What the code above must do for the first invariant to hold: take time from the runtime and
//! randomness from [`Sim::entropy`] (engine seeds, connection ids, keys), use `biased` in
//! `select!`, start no threads, and not let the order of a `HashMap` reach behaviour.
//!
//! Not here: CPU time (computing costs no virtual time), races between threads, receive buffers
//! that overflow, disks; two hosts with one private address behind different NATs, NATs that
//! overload ports or change between IP versions, ICMP.

mod capture;
mod core;
mod doors;
mod executor;
mod fate;
mod inbox;
mod link;
mod local;
mod lock;
mod nat;
mod net;
mod rng;
mod routes;
mod socket;
mod state;
mod task;
mod tcp;
mod timer;
mod wire;

pub use capture::Packet;
pub use executor::Sim;
pub use fate::{Fate, LinkStats};
pub use link::{Burst, Link};
pub use nat::{Dependence, Firewall, Nat, NatId, Ports, Refresh};
pub use net::{Binder, Net};
pub use rng::{SharedEntropy, SimEntropy};
pub use routes::Place;
pub use task::Task;
pub use tcp::{SimListener, SimStream};
pub use timer::{Elapsed, Sleep};
