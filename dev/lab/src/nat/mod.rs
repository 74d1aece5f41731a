//! NATs: what kinds there are, in the words of RFC 4787, and which of them Linux can be.

mod grants;
mod packet;
mod rules;
mod table;
mod translator;

use std::time::Duration;

pub use grants::PortGrants;
pub(crate) use rules::{kernel_rules, v6_rules};
pub(crate) use translator::{DEVICE as OWN_DEVICE, Translator};

/// How a NAT translates UDP. The words are those of RFC 4787, sections 4 to 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NatKind {
    /// Which destinations share one external port of an internal one.
    pub mapping: Dependence,
    /// Who may send to an external port.
    pub filtering: Dependence,
    /// How an external port is chosen.
    pub ports: Ports,
    /// Whether hosts inside reach each other by external addresses.
    pub hairpin: Hairpin,
    /// How long a mapping lives without a packet. Linux counts whole seconds.
    pub lifetime: Duration,
}

/// On what of the remote side a decision depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Dependence {
    /// On nothing: all remote endpoints are alike.
    EndpointIndependent,
    /// On the remote address.
    AddressDependent,
    /// On the remote address and port.
    AddressAndPortDependent,
}

/// How an external port is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ports {
    /// The internal one, where it is free.
    Preserved,
    /// Any from 1,024.
    Random,
    /// The one after the last that was chosen, so that whoever saw one can guess the next.
    Sequential,
}

/// Whether hosts inside reach each other by external addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hairpin {
    /// They do, and see each other's external addresses.
    On,
    /// Such packets vanish.
    Off,
}

/// What a NAT does with IPv6, which it never translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ipv6 {
    /// There is none inside.
    None,
    /// Hosts inside have public addresses; who has not been sent anything cannot send in.
    Firewalled,
    /// Hosts inside have public addresses, open to all.
    Open,
}

impl NatKind {
    /// "Full cone": anyone may answer. Ports kept, no hairpin, 60 s.
    pub const EASY: Self = Self {
        mapping: Dependence::EndpointIndependent,
        filtering: Dependence::EndpointIndependent,
        ports: Ports::Preserved,
        hairpin: Hairpin::Off,
        lifetime: Duration::from_secs(60),
    };

    /// "Port-restricted cone", what most homes have: one port for all, open to whom we wrote.
    pub const MODERATE: Self = Self {
        filtering: Dependence::AddressAndPortDependent,
        ..Self::EASY
    };

    /// "Symmetric", as of carriers and offices: a new random port for each remote endpoint.
    pub const STRICT: Self = Self {
        mapping: Dependence::AddressAndPortDependent,
        ports: Ports::Random,
        ..Self::MODERATE
    };

    /// The same, with another mapping.
    #[must_use]
    pub const fn with_mapping(self, mapping: Dependence) -> Self {
        Self { mapping, ..self }
    }

    /// The same, with another filter.
    #[must_use]
    pub const fn with_filtering(self, filtering: Dependence) -> Self {
        Self { filtering, ..self }
    }

    /// The same, with ports chosen otherwise.
    #[must_use]
    pub const fn with_ports(self, ports: Ports) -> Self {
        Self { ports, ..self }
    }

    /// The same, with or without hairpin.
    #[must_use]
    pub const fn with_hairpin(self, hairpin: Hairpin) -> Self {
        Self { hairpin, ..self }
    }

    /// The same, with mappings that live longer or shorter.
    #[must_use]
    pub const fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Whether Linux's connection tracking can be this kind.
    ///
    /// It keeps the internal port where it can, for all destinations alike, or draws one for each
    /// connection; it knows nothing between. Only what keeps ports can be told where to let in.
    pub(crate) fn is_of_linux(&self) -> bool {
        match self.mapping {
            Dependence::EndpointIndependent => self.ports == Ports::Preserved,
            Dependence::AddressDependent => false,
            Dependence::AddressAndPortDependent => {
                self.ports == Ports::Random
                    && self.filtering == Dependence::AddressAndPortDependent
                    && self.hairpin == Hairpin::Off
            }
        }
    }
}
