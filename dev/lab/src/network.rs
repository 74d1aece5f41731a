//! What one can attach to: the internet, or the LAN behind a NAT. It hands out numbers.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::address::Lease;
use crate::error::LabError;
use crate::namespace::Namespace;
use crate::nat::Translator;

/// The bridge of a LAN.
const BRIDGE: &str = "lan";
const LAST: u8 = 250;

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) namespace: Arc<Namespace>,
    plan: Plan,
    last: Mutex<u8>,
    /// The NAT of a LAN, if it is of our own making: it lives as long as somebody is attached.
    translator: OnceLock<Translator>,
}

#[derive(Debug)]
enum Plan {
    /// Whoever attaches has a network of its own.
    Internet,
    /// All who attach are on one bridge.
    Lan { depth: u8, v6_number: Option<u8> },
}

/// A place in a network: the far interface, and the first addresses.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) port: String,
    pub(crate) number: u8,
    pub(crate) lease: Lease,
}

impl Network {
    pub(crate) fn internet(namespace: Arc<Namespace>) -> Self {
        Self {
            namespace,
            plan: Plan::Internet,
            last: Mutex::new(0),
            translator: OnceLock::new(),
        }
    }

    /// A LAN, whose bridge is made here.
    pub(crate) fn lan(
        namespace: Arc<Namespace>,
        depth: u8,
        v6_number: Option<u8>,
    ) -> Result<Self, LabError> {
        let lease = Lease::private(depth, v6_number, 1);
        namespace.ip(&format!(
            "link add {BRIDGE} type bridge\nlink set {BRIDGE} up\naddr add {}/24 dev {BRIDGE}\n{}",
            lease.v4,
            v6_line(BRIDGE, lease.v6),
        ))?;
        Ok(Self {
            namespace,
            plan: Plan::Lan { depth, v6_number },
            last: Mutex::new(1),
            translator: OnceLock::new(),
        })
    }

    /// How many NATs lie between this network and the internet.
    pub(crate) fn depth(&self) -> u8 {
        match self.plan {
            Plan::Internet => 0,
            Plan::Lan { depth, .. } => depth,
        }
    }

    /// Keeps the NAT that leads out of a LAN.
    pub(crate) fn keep(&self, translator: Translator) {
        let _ = self.translator.set(translator); // it is made once
    }

    pub(crate) fn translator(&self) -> Option<&Translator> {
        self.translator.get()
    }

    /// The router's address on a LAN.
    pub(crate) fn gateway_v4(&self) -> Ipv4Addr {
        Lease::private(self.depth(), None, 1).gateway_v4
    }

    /// A place for somebody new.
    pub(crate) fn place(&self) -> Result<Place, LabError> {
        let number = self.next()?;
        let lease = match self.plan {
            Plan::Internet => Lease::public(number, 2),
            Plan::Lan { depth, v6_number } => Lease::private(depth, v6_number, number),
        };
        Ok(Place {
            port: format!("to{number}"),
            number,
            lease,
        })
    }

    /// Other addresses for somebody who is here.
    pub(crate) fn another(&self, number: u8, current: Lease) -> Result<Lease, LabError> {
        match self.plan {
            Plan::Internet => {
                let [.., host] = current.v4.octets();
                let host = host.checked_add(1).filter(|host| *host <= LAST);
                let host = host.ok_or(LabError::Full { limit: LAST })?;
                Ok(Lease::public(number, host))
            }
            Plan::Lan { depth, v6_number } => Ok(Lease::private(depth, v6_number, self.next()?)),
        }
    }

    /// Takes the far end of a new uplink in.
    pub(crate) fn admit(&self, place: &Place) -> Result<(), LabError> {
        let Place { port, lease, .. } = place;
        let lines = match self.plan {
            Plan::Internet => format!(
                "addr add {}/24 dev {port}\n{}",
                lease.gateway_v4,
                v6_line(port, lease.gateway_v6)
            ),
            Plan::Lan { .. } => format!("link set {port} master {BRIDGE}\n"),
        };
        self.namespace.ip(&format!("{lines}link set {port} up"))
    }

    /// The interfaces that a packet to a place passes here.
    pub(crate) fn interfaces<'a>(&self, place: &'a Place) -> impl Iterator<Item = &'a str> {
        let bridge = matches!(self.plan, Plan::Lan { .. }).then_some(BRIDGE);
        bridge.into_iter().chain([&*place.port])
    }

    fn next(&self) -> Result<u8, LabError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = last
            .checked_add(1)
            .filter(|number| *number <= LAST)
            .ok_or(LabError::Full { limit: LAST })?;
        Ok(*last)
    }
}

/// The far side of an address: where a default route leads.
pub(crate) fn default_routes(lease: &Lease, device: &str, metric: u32) -> String {
    let v4 = route(lease.gateway_v4, device, metric);
    let v6 = lease
        .gateway_v6
        .map(|gateway: Ipv6Addr| route(gateway, device, metric));
    format!("{v4}{}", v6.unwrap_or_default())
}

fn route(gateway: impl std::fmt::Display, device: &str, metric: u32) -> String {
    format!("route replace default via {gateway} dev {device} metric {metric}\n")
}

pub(crate) fn v4_line(device: &str, address: Ipv4Addr) -> String {
    format!("addr replace {address}/24 dev {device}\n")
}

pub(crate) fn v6_line(device: &str, address: Option<Ipv6Addr>) -> String {
    address.map_or_else(String::new, |address| {
        format!("addr replace {address}/64 dev {device} nodad\n")
    })
}
