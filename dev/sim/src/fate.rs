//! What can become of a packet, and how often it did.
//!
//! Invariant: each packet has one fate when it's sent and is counted once under it. One that then
//! arrives at a NAT or a firewall and isn't let in has a second one there, counted too.

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// It arrives, perhaps altered.
    Delivered,
    /// It was put on the network by [`Net::inject`](crate::Net::inject), and arrives.
    Injected,
    /// Lost by chance.
    Lost,
    /// The queue was full.
    QueueFull,
    /// Larger than the link's MTU.
    TooBig,
    /// The link is down or the two ends are partitioned.
    Down,
    /// The sending or the receiving host was killed.
    Dead,
    /// No socket is bound to the destination.
    Unreachable,
    /// A NAT or a firewall didn't let it through, or the host has no UDP.
    Filtered,
}

/// Counts of packets, or bytes of UDP payload where it says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkStats {
    /// Packets handed to the network, injected ones aside.
    pub sent: u64,
    /// Bytes of payload in `sent`.
    pub sent_bytes: u64,
    /// Packets that arrive, copies not counted.
    pub delivered: u64,
    /// Bytes of payload in `delivered`.
    pub delivered_bytes: u64,
    /// Packets with [`Fate::Injected`].
    pub injected: u64,
    /// Packets with [`Fate::Lost`].
    pub lost: u64,
    /// Packets with [`Fate::QueueFull`].
    pub queue_full: u64,
    /// Packets with [`Fate::TooBig`].
    pub too_big: u64,
    /// Packets with [`Fate::Down`].
    pub down: u64,
    /// Packets with [`Fate::Dead`].
    pub dead: u64,
    /// Packets with [`Fate::Unreachable`].
    pub unreachable: u64,
    /// Packets with [`Fate::Filtered`]. Those refused on arrival are in `delivered` as well: they
    /// had come as far as the door.
    pub filtered: u64,
    /// Delivered packets that arrive twice.
    pub duplicated: u64,
    /// Delivered packets that were held back.
    pub reordered: u64,
    /// Delivered packets with a flipped bit.
    pub corrupted: u64,
    /// Delivered packets that were marked "congestion experienced".
    pub marked: u64,
}

impl LinkStats {
    pub(crate) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.sent_bytes += other.sent_bytes;
        self.delivered += other.delivered;
        self.delivered_bytes += other.delivered_bytes;
        self.injected += other.injected;
        self.lost += other.lost;
        self.queue_full += other.queue_full;
        self.too_big += other.too_big;
        self.down += other.down;
        self.dead += other.dead;
        self.unreachable += other.unreachable;
        self.filtered += other.filtered;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.corrupted += other.corrupted;
        self.marked += other.marked;
    }

    pub(crate) fn count(&mut self, fate: Fate, payload: usize) {
        match fate {
            Fate::Delivered => {
                self.delivered += 1;
                self.delivered_bytes += payload as u64;
            }
            Fate::Injected => self.injected += 1,
            Fate::Lost => self.lost += 1,
            Fate::QueueFull => self.queue_full += 1,
            Fate::TooBig => self.too_big += 1,
            Fate::Down => self.down += 1,
            Fate::Dead => self.dead += 1,
            Fate::Unreachable => self.unreachable += 1,
            Fate::Filtered => self.filtered += 1,
        }
    }
}
