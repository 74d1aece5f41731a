//! A NAT's table: which external port stands for whom, and who may send there. Pure: time comes in
//! as an argument.
//!
//! *Bound:* as many mappings as there are ports; each lets in at most `MOST_OPEN` remote sides.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::{Dependence, NatKind, Ports};
use crate::random::Random;

const FIRST_PORT: u16 = 1024;
const MOST_OPEN: usize = 4096;
/// Draws for a free port before a packet is lost for want of one.
const DRAWS: u32 = 1000;
/// TCP connections are long, and end by themselves.
const TCP_LIFETIME: Duration = Duration::from_secs(7200);

/// The transport of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Protocol {
    Udp,
    Tcp,
}

/// What a mapping, or a permission, depends on of the remote side.
type Remote = (Option<Ipv4Addr>, Option<u16>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    protocol: Protocol,
    inside: SocketAddrV4,
    remote: Remote,
}

#[derive(Debug)]
struct Mapping {
    port: u16,
    used: Instant,
    open: HashMap<Remote, Instant>,
}

#[derive(Debug)]
pub(super) struct Table {
    kind: NatKind,
    mappings: HashMap<Key, Mapping>,
    by_port: HashMap<(Protocol, u16), Key>,
    random: Random,
    last_port: u16,
}

impl Table {
    pub(super) fn new(kind: NatKind, seed: u64) -> Self {
        Self {
            kind,
            mappings: HashMap::new(),
            by_port: HashMap::new(),
            random: Random::new(seed),
            last_port: FIRST_PORT,
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.mappings.clear();
        self.by_port.clear();
    }

    /// The external port of a packet that leaves; none if all are taken.
    pub(super) fn leave(
        &mut self,
        now: Instant,
        protocol: Protocol,
        [inside, remote]: [SocketAddrV4; 2],
    ) -> Option<u16> {
        let key = Key {
            protocol,
            inside,
            remote: part(self.kind.mapping, remote),
        };
        self.expire(now, key);
        if !self.mappings.contains_key(&key) {
            self.insert(now, key)?;
        }
        let permission = part(self.filtering(protocol), remote);
        let lifetime = self.lifetime(protocol);
        let mapping = self.mappings.get_mut(&key)?;
        mapping.used = now;
        if mapping.open.len() >= MOST_OPEN {
            mapping.open.retain(|_, used| now - *used < lifetime);
        }
        if mapping.open.len() < MOST_OPEN {
            mapping.open.insert(permission, now);
        }
        Some(mapping.port)
    }

    /// For whom a packet is that comes in; none if it may not.
    pub(super) fn enter(
        &self,
        now: Instant,
        protocol: Protocol,
        port: u16,
        remote: SocketAddrV4,
    ) -> Option<SocketAddrV4> {
        let (key, mapping) = self.find(now, protocol, port)?;
        let permission = part(self.filtering(protocol), remote);
        let opened = mapping.open.get(&permission)?;
        (now - *opened < self.lifetime(protocol)).then_some(key.inside)
    }

    /// For whom an external port stands, whoever asks.
    pub(super) fn inside(
        &self,
        now: Instant,
        protocol: Protocol,
        port: u16,
    ) -> Option<SocketAddrV4> {
        self.find(now, protocol, port).map(|(key, _)| key.inside)
    }

    fn find(&self, now: Instant, protocol: Protocol, port: u16) -> Option<(&Key, &Mapping)> {
        let key = self.by_port.get(&(protocol, port))?;
        let mapping = self.mappings.get(key)?;
        (now - mapping.used < self.lifetime(protocol)).then_some((key, mapping))
    }

    fn insert(&mut self, now: Instant, key: Key) -> Option<()> {
        let port = self.free_port(now, &key)?;
        self.by_port.insert((key.protocol, port), key);
        let mapping = Mapping {
            port,
            used: now,
            open: HashMap::new(),
        };
        self.mappings.insert(key, mapping);
        Some(())
    }

    fn free_port(&mut self, now: Instant, key: &Key) -> Option<u16> {
        let kept = (self.kind.ports == Ports::Preserved).then_some(key.inside.port());
        if let Some(port) = kept.filter(|port| self.is_free(now, key.protocol, *port)) {
            return Some(port);
        }
        for _ in 0..DRAWS {
            let port = self.draw();
            if self.is_free(now, key.protocol, port) {
                self.last_port = port;
                return Some(port);
            }
        }
        None
    }

    fn draw(&mut self) -> u16 {
        if self.kind.ports == Ports::Sequential {
            self.last_port = self.last_port.checked_add(1).unwrap_or(FIRST_PORT);
            return self.last_port;
        }
        self.random.port(FIRST_PORT)
    }

    /// Whether nobody has the port, or only somebody whose time is over.
    fn is_free(&mut self, now: Instant, protocol: Protocol, port: u16) -> bool {
        if let Some(key) = self.by_port.get(&(protocol, port)).copied() {
            self.expire(now, key);
        }
        !self.by_port.contains_key(&(protocol, port))
    }

    fn expire(&mut self, now: Instant, key: Key) {
        let lifetime = self.lifetime(key.protocol);
        let Some(mapping) = self.mappings.get(&key) else {
            return;
        };
        if now - mapping.used >= lifetime {
            self.by_port.remove(&(key.protocol, mapping.port));
            self.mappings.remove(&key);
        }
    }

    fn lifetime(&self, protocol: Protocol) -> Duration {
        match protocol {
            Protocol::Udp => self.kind.lifetime,
            Protocol::Tcp => TCP_LIFETIME,
        }
    }

    /// TCP comes from whom it was opened to; nothing here punches holes with it.
    fn filtering(&self, protocol: Protocol) -> Dependence {
        match protocol {
            Protocol::Udp => self.kind.filtering,
            Protocol::Tcp => Dependence::AddressAndPortDependent,
        }
    }
}

fn part(dependence: Dependence, remote: SocketAddrV4) -> Remote {
    match dependence {
        Dependence::EndpointIndependent => (None, None),
        Dependence::AddressDependent => (Some(*remote.ip()), None),
        Dependence::AddressAndPortDependent => (Some(*remote.ip()), Some(remote.port())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSIDE: &str = "192.168.1.2:4000";
    const REMOTES: [&str; 3] = ["50.0.1.2:1", "50.0.1.2:2", "50.0.2.2:1"];

    fn endpoint(text: &str) -> SocketAddrV4 {
        text.parse().unwrap()
    }

    fn table(kind: NatKind) -> Table {
        Table::new(kind, 1)
    }

    fn leave(table: &mut Table, now: Instant, inside: &str, remote: &str) -> u16 {
        let ends = [endpoint(inside), endpoint(remote)];
        table.leave(now, Protocol::Udp, ends).unwrap()
    }

    fn enters(table: &Table, now: Instant, port: u16, remote: &str) -> bool {
        let inside = table.enter(now, Protocol::Udp, port, endpoint(remote));
        inside.is_some_and(|inside| inside == endpoint(INSIDE))
    }

    /// How many ports three remote sides see.
    fn ports_seen(mapping: Dependence) -> usize {
        let mut table = table(NatKind::EASY.with_mapping(mapping));
        let now = Instant::now();
        let mut ports = REMOTES.map(|remote| leave(&mut table, now, INSIDE, remote));
        ports.sort_unstable();
        ports.chunk_by(|a, b| a == b).count()
    }

    #[test]
    fn mapping_depends_on_what_it_is_called_after() {
        assert_eq!(ports_seen(Dependence::EndpointIndependent), 1);
        assert_eq!(ports_seen(Dependence::AddressDependent), 2);
        assert_eq!(ports_seen(Dependence::AddressAndPortDependent), 3);
    }

    #[test]
    fn filter_depends_on_what_it_is_called_after() {
        for (filtering, expected) in [
            (Dependence::EndpointIndependent, [true, true, true]),
            (Dependence::AddressDependent, [true, true, false]),
            (Dependence::AddressAndPortDependent, [true, false, false]),
        ] {
            let mut table = table(NatKind::EASY.with_filtering(filtering));
            let now = Instant::now();
            let port = leave(&mut table, now, INSIDE, REMOTES[0]);
            let found = REMOTES.map(|remote| enters(&table, now, port, remote));
            assert_eq!(found, expected, "{filtering:?}");
        }
    }

    #[test]
    fn only_what_leaves_keeps_a_mapping_alive() {
        let mut table = table(NatKind::MODERATE);
        let start = Instant::now();
        let port = leave(&mut table, start, INSIDE, REMOTES[0]);
        let later = |seconds| start + Duration::from_secs(seconds);
        assert!(enters(&table, later(59), port, REMOTES[0]));
        assert!(!enters(&table, later(60), port, REMOTES[0]));
        leave(&mut table, later(50), INSIDE, REMOTES[1]);
        assert!(
            !enters(&table, later(60), port, REMOTES[0]),
            "each remote side on its own"
        );
        assert!(enters(&table, later(109), port, REMOTES[1]));
    }

    #[test]
    fn two_hosts_with_one_port_get_two() {
        let mut table = table(NatKind::EASY);
        let now = Instant::now();
        let first = leave(&mut table, now, INSIDE, REMOTES[0]);
        let second = leave(&mut table, now, "192.168.1.3:4000", REMOTES[0]);
        assert_eq!(first, 4000);
        assert_ne!(second, 4000);
        assert_eq!(
            leave(&mut table, now, "192.168.1.3:4000", REMOTES[2]),
            second
        );
    }

    #[test]
    fn sequential_ports_follow_each_other() {
        let mut table = table(NatKind::STRICT.with_ports(Ports::Sequential));
        let now = Instant::now();
        let ports = REMOTES.map(|remote| leave(&mut table, now, INSIDE, remote));
        assert_eq!([ports[1], ports[2]], [ports[0] + 1, ports[0] + 2]);
    }

    #[test]
    fn random_ports_are_spread() {
        let mut table = table(NatKind::STRICT);
        let now = Instant::now();
        let ports: Vec<u16> = (1..=1000)
            .map(|port| leave(&mut table, now, INSIDE, &format!("50.0.1.2:{port}")))
            .collect();
        assert!(ports.iter().all(|port| *port >= FIRST_PORT));
        assert!(ports.iter().any(|port| *port < 8000) && ports.iter().any(|port| *port > 60_000));
    }

    #[test]
    fn table_that_is_full_loses_and_recovers_when_time_is_over() {
        let mut table = table(NatKind::STRICT.with_ports(Ports::Sequential));
        let now = Instant::now();
        let remote = |number: u32| SocketAddrV4::new(Ipv4Addr::from(number), 1);
        let mut leave =
            |now, number| table.leave(now, Protocol::Udp, [endpoint(INSIDE), remote(number)]);
        let ports = u32::from(u16::MAX - FIRST_PORT) + 1;
        assert!((0..ports).all(|number| leave(now, number).is_some()));
        assert_eq!(leave(now, 70_000), None);
        assert!(leave(now + Duration::from_secs(60), 80_000).is_some());
    }
}
