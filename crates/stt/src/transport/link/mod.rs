//! One socket for the engine, over everything a packet can travel by.
//!
//! The engine knows one IPv6 socket. Below it are any number of UDP sockets of both families and
//! tunnels (WebSocket connections); each place a packet can go to has an address the engine can
//! hold ([`address`]). So one connection can have paths of all kinds at once and move between them.
//!
//! * [`address`]: which address stands for what;
//! * [`socket`], [`sender`]: the engine's two halves of the socket;
//! * [`sockets`]: the UDP sockets below;
//! * [`probes`]: small datagrams beside the engine, to find ways;
//! * [`crowd`]: many UDP sockets for a moment, to be found at one of them;
//! * [`legs`], [`courier`]: packets of relayed channels in, and out, beside the engine;
//! * [`places`], [`outside`]: where this node can be reached, as it knows and as others see it;
//! * [`detours`]: sessions that ask for a tunnel;
//! * [`tunnel`]: datagrams in and out of something that is not UDP;
//! * [`hold`]: who still needs a tunnel.
//!
//! Invariants: a sender waits only for a kernel's UDP socket, never for a tunnel, and never fails:
//! either would stop or end every path of a connection. A UDP packet never passes for one of a
//! tunnel's.

mod address;
mod courier;
mod crowd;
mod detours;
mod hold;
mod legs;
mod outside;
mod places;
mod probes;
mod sender;
mod socket;
mod sockets;
mod tunnel;

pub use self::{address::PathKind, places::Disclosure};
pub(crate) use self::{
    address::{Local, Place, unmapped},
    courier::Courier,
    crowd::{Crowd, Knock, SocketHold},
    detours::{Route, Wanted},
    hold::Hold,
    legs::{LegEnd, LegTag, Way},
    places::{Places, Said},
    probes::{ArrivedProbe, ProbeQueue, ProbeTags, Spot},
    socket::{Link, LinkSocket},
    tunnel::{Origin, Tunnel},
};
