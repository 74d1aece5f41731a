//! The wire of an uplink: two interfaces, and what of theirs must be made again when they are.
//!
//! A wire begins as a pair of veth, which costs nothing. The first time it is to be slow or lossy it
//! becomes a forwarder, whose interfaces have the same names, addresses, routes and rules.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use crate::address::Lease;
use crate::error::LabError;
use crate::link::{Counts, Forwarder, Link};
use crate::namespace::Namespace;
use crate::network::{Network, Place};
use crate::tools;

/// Two interfaces and whatever lies between.
#[derive(Debug)]
pub(crate) struct Wire {
    near: Arc<Namespace>,
    network: Arc<Network>,
    device: String,
    place: Place,
    mtu: Option<u16>,
    /// Another interface of the near end that is as narrow.
    companion: Option<&'static str>,
    rules: BTreeMap<&'static str, Rules>,
    routes: Vec<String>,
    forwarder: Option<Forwarder>,
}

/// What the far end drops: of what the near end sends, and of what is sent to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) out: &'static str,
    pub(crate) back: &'static str,
}

impl Wire {
    pub(crate) fn lay(
        near: Arc<Namespace>,
        network: Arc<Network>,
        device: &str,
    ) -> Result<Self, LabError> {
        let wire = Self {
            place: network.place()?,
            near,
            network,
            device: device.to_owned(),
            mtu: None,
            companion: None,
            rules: BTreeMap::new(),
            routes: Vec::new(),
            forwarder: None,
        };
        tools::ip(&format!(
            "link add {device} netns {} type veth peer name {} netns {}",
            wire.near.name(),
            wire.place.port,
            wire.far().name()
        ))?;
        wire.network.admit(&wire.place)?;
        Ok(wire)
    }

    pub(crate) fn near(&self) -> &Namespace {
        &self.near
    }

    pub(crate) fn device(&self) -> &str {
        &self.device
    }

    /// Whether the interfaces at both ends are up, and have been seen to be by their kernels.
    pub(crate) fn is_whole(&self) -> Result<bool, LabError> {
        let far = self.network.interfaces(&self.place);
        let ends = far.map(|device| (self.far(), device));
        for (namespace, device) in ends.chain([(self.near(), self.device())]) {
            let name = namespace.name();
            let line = tools::ip(&format!("-netns {name} -brief link show dev {device}"))?;
            // A TAP says UNKNOWN: it has no carrier to watch.
            let state = line.split_whitespace().nth(1);
            if !state.is_some_and(|word| ["UP", "UNKNOWN"].contains(&word)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The number of the place at the far end.
    pub(crate) fn number(&self) -> u8 {
        self.place.number
    }

    /// The addresses at the near end.
    pub(crate) fn lease(&self) -> Lease {
        self.place.lease
    }

    /// Takes note of other addresses, and returns those there were.
    pub(crate) fn change_lease(&mut self, keeps_v6: bool) -> Result<Lease, LabError> {
        let old = self.lease();
        let new = self.network.another(self.number(), old)?;
        self.place.lease = new;
        if keeps_v6 {
            self.place.lease.v6 = old.v6;
        }
        Ok(old)
    }

    /// Makes the wire slow or lossy. Returns whether its interfaces are new, and bare.
    pub(crate) fn shape(&mut self, links: [Link; 2]) -> Result<bool, LabError> {
        if let Some(forwarder) = &self.forwarder {
            forwarder.set(links);
            return Ok(false);
        }
        self.near.ip(&format!("link del {}", self.device))?;
        let ends = [
            (&*self.near, &*self.device),
            (self.far(), &*self.place.port),
        ];
        let forwarder = Forwarder::start(ends[0], ends[1], u64::from(self.number()))?;
        forwarder.set(links);
        self.forwarder = Some(forwarder);
        self.restore()?;
        Ok(true)
    }

    fn restore(&self) -> Result<(), LabError> {
        self.network.admit(&self.place)?;
        if let Some(bytes) = self.mtu {
            self.apply_mtu(bytes)?;
        }
        // Kernels before 6.16 forget rules with the interface they were for.
        for (table, rules) in &self.rules {
            self.load(table, *rules)?;
        }
        let routes = self
            .routes
            .iter()
            .try_fold(String::new(), |mut lines, route| {
                writeln!(lines, "route replace {route}").map(|()| lines)
            });
        self.far().ip(&routes.unwrap_or_default())
    }

    pub(crate) fn counts(&self) -> [Counts; 2] {
        let counts = self.forwarder.as_ref().map(Forwarder::counts);
        counts.unwrap_or_default()
    }

    pub(crate) fn set_mtu(&mut self, bytes: u16) -> Result<(), LabError> {
        self.mtu = Some(bytes);
        self.apply_mtu(bytes)
    }

    pub(crate) fn share_mtu(&mut self, device: &'static str) {
        self.companion = Some(device);
    }

    fn apply_mtu(&self, bytes: u16) -> Result<(), LabError> {
        let line = |device: &str| format!("link set {device} mtu {bytes}");
        for device in self.companion.into_iter().chain([&*self.device]) {
            self.near.ip(&line(device))?;
        }
        self.far().ip(&line(&self.place.port))
    }

    /// Puts rules at the far end, in place of those of the same name.
    pub(crate) fn set_rules(&mut self, table: &'static str, rules: Rules) -> Result<(), LabError> {
        self.rules.insert(table, rules);
        self.load(table, rules)
    }

    fn load(&self, table: &str, Rules { out, back }: Rules) -> Result<(), LabError> {
        let port = &self.place.port;
        let table = format!("table netdev {table}-{port}");
        let rules = format!(
            "{table}\ndelete {table}\n{table} {{
               chain from {{ type filter hook ingress device {port} priority 0; {out}
               }}
               chain to {{ type filter hook egress device {port} priority 0; {back}
               }}
             }}"
        );
        self.far().nft(&rules).map(drop)
    }

    /// Adds a route at the far end, such as `2600:1:0:1::/64 via 2600:1::2`.
    pub(crate) fn add_far_route(&mut self, route: String) -> Result<(), LabError> {
        self.far().ip(&format!("route replace {route}"))?;
        self.routes.push(route);
        Ok(())
    }

    fn far(&self) -> &Namespace {
        &self.network.namespace
    }
}
