//! Networks of real kernels in namespaces: NATs, firewalls, bad links, moves. For root, on Linux.
//!
//! ```no_run
//! use stt_lab::{Lab, NatKind};
//!
//! # fn main() -> Result<(), stt_lab::LabError> {
//! let lab = Lab::new()?;
//! let public = lab.host_public("public")?;
//! let home = lab.nat("home", NatKind::MODERATE)?;
//! let laptop = lab.host_behind("laptop", &home)?;
//!
//! let (inside, outside) = (laptop.udp(4000)?, public.udp(5000)?);
//! let from = stt_lab::seen(&inside, &outside, (public.ipv4(), 5000).into())?;
//! assert_eq!(from.ip(), home.uplink().ipv4());
//! # Ok(())
//! # }
//! ```
//!
//! *Here:* what the world looks like, and what happens to it in a run. `README.md` says how each
//! kind of NAT is made, and what of it is not as in life. *Not here:* what a scenario means; that
//! is in the tests.

#![cfg(target_os = "linux")]

mod address;
mod capture;
mod error;
mod firewall;
mod host;
mod lab;
mod link;
mod namespace;
mod nat;
mod network;
mod probe;
mod process;
mod random;
mod router;
mod tools;
mod uplink;
mod wire;

pub use capture::{Capture, Packet, Transport};
pub use error::{LabError, Unavailable};
pub use firewall::Firewall;
pub use host::Host;
pub use lab::Lab;
pub use link::{Counts, Link, Loss};
pub use nat::{Dependence, Hairpin, Ipv6, NatKind, PortGrants, Ports};
pub use probe::{Findings, hairpin, probe, seen};
pub use process::{Line, Program, Running, Source};
pub use router::Nat;
pub use uplink::Uplink;
