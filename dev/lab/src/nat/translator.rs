//! A NAT of our own, for the kinds that Linux cannot be: routing sends all IPv4 of a router through
//! a TUN interface, and a thread of ours changes each packet and puts it back.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tun_rs::{DeviceBuilder, InterruptEvent, Layer, SyncDevice};

use super::packet::{End, flow, redirect_error, set_end, told_of};
use super::table::Table;
use super::{Hairpin, NatKind};
use crate::error::{Attempt, LabError};
use crate::namespace::Namespace;

/// The interface that packets go through.
pub(crate) const DEVICE: &str = "nat";
const LARGEST: usize = 65_536;

/// A running NAT. It ends when dropped.
pub(crate) struct Translator {
    state: Arc<Mutex<State>>,
    stop: Arc<InterruptEvent>,
    thread: Option<JoinHandle<()>>,
}

impl Translator {
    /// Starts to translate for a router whose LAN is `lan`.
    pub(crate) fn start(
        namespace: &Namespace,
        kind: NatKind,
        external: Ipv4Addr,
        lan: Ipv4Addr,
    ) -> Result<Self, LabError> {
        let device = tun(namespace)?;
        namespace.ip(&routing(lan))?;
        // What comes back out of the interface has the router's own address.
        let accepts = format!("ipv4/conf/{DEVICE}/accept_local");
        namespace.set(&accepts, "1")?;
        let state = Arc::new(Mutex::new(State::new(kind, external, lan)));
        let stop = Arc::new(InterruptEvent::new().attempt("make a pipe")?);
        let (translating, until) = (state.clone(), stop.clone());
        let thread = thread::spawn(move || translate(&translating, &device, &until));
        Ok(Self {
            state,
            stop,
            thread: Some(thread),
        })
    }

    /// Forgets all mappings; from now on the external address is as said.
    pub(crate) fn restart(&self, external: Ipv4Addr) {
        let mut state = lock(&self.state);
        state.external = external;
        state.table.clear();
    }
}

impl std::fmt::Debug for Translator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let external = lock(&self.state).external;
        formatter
            .debug_tuple("Translator")
            .field(&external)
            .finish()
    }
}

impl Drop for Translator {
    fn drop(&mut self) {
        let _ = self.stop.trigger();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn tun(namespace: &Namespace) -> Result<SyncDevice, LabError> {
    let make = || {
        let device = DeviceBuilder::new()
            .name(DEVICE)
            .layer(Layer::L3)
            .tx_queue_len(10_000)
            .build_sync()?;
        device.set_nonblocking(true)?;
        Ok::<_, std::io::Error>(device)
    };
    let action = format!("make the interface {DEVICE} in {}", namespace.name());
    namespace.enter(make)?.attempt(action)
}

/// UDP, TCP and ICMP of either side go into the interface, though some are for the router's own
/// address; only what the LAN sends to the router itself does not. What comes out goes as usual.
/// Neighbours ask for that address by a protocol without number, and are answered.
fn routing(lan: Ipv4Addr) -> String {
    let mut lines = format!(
        "link set {DEVICE} up
         route add default dev {DEVICE} table 200
         rule add pref 100 lookup local
         rule del pref 0 lookup local
         rule add pref 10 iif lan to {lan}/24 goto 100\n"
    );
    for protocol in ["udp", "tcp", "icmp"] {
        for side in ["lan", "wan"] {
            let _ = writeln!(
                lines,
                "rule add pref 20 iif {side} ipproto {protocol} lookup 200"
            );
        }
    }
    lines
}

fn translate(state: &Mutex<State>, device: &SyncDevice, stop: &InterruptEvent) {
    let mut buffer = vec![0; LARGEST];
    while let Ok(len) = device.recv_intr(&mut buffer, stop) {
        let packet = &mut buffer[..len];
        if lock(state).translate(packet, Instant::now()).is_some() {
            let _ = device.send(packet); // nothing is kept for an interface that is full
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct State {
    kind: NatKind,
    external: Ipv4Addr,
    /// Any address of the LAN, whose network is a /24.
    lan: Ipv4Addr,
    table: Table,
}

impl State {
    fn new(kind: NatKind, external: Ipv4Addr, lan: Ipv4Addr) -> Self {
        let seed = u64::from(u32::from(external));
        Self {
            kind,
            external,
            lan,
            table: Table::new(kind, seed),
        }
    }

    /// Changes a packet so that it goes where it should; nothing, if it goes nowhere.
    fn translate(&mut self, packet: &mut [u8], now: Instant) -> Option<()> {
        let Some(flow) = flow(packet) else {
            return self.translate_error(packet, now);
        };
        let mut remote = flow.source;
        let is_for_us = *flow.destination.ip() == self.external;
        if self.is_inside(*flow.source.ip()) {
            let ends = [flow.source, flow.destination];
            let port = self.table.leave(now, flow.protocol, ends)?;
            remote = SocketAddrV4::new(self.external, port);
            set_end(packet, End::Source, remote)?;
            if !is_for_us {
                return Some(());
            }
            if self.kind.hairpin == Hairpin::Off {
                return None;
            }
        } else if !is_for_us {
            return None;
        }
        let port = flow.destination.port();
        let inside = self.table.enter(now, flow.protocol, port, remote)?;
        set_end(packet, End::Destination, inside)
    }

    fn is_inside(&self, address: Ipv4Addr) -> bool {
        address.octets()[..3] == self.lan.octets()[..3]
    }

    fn translate_error(&self, packet: &mut [u8], now: Instant) -> Option<()> {
        let concerned = told_of(packet).filter(|flow| *flow.source.ip() == self.external)?;
        let port = concerned.source.port();
        let inside = self.table.inside(now, concerned.protocol, port)?;
        redirect_error(packet, inside)
    }
}
