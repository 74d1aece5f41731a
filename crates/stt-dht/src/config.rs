//! What can be set, and the defences that a simulation can take away.

use std::time::Duration;

/// Settings of an engine. The defaults are those of a group on the Internet.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Members in a bucket, and members that hold a record: 20. All of a group must agree.
    pub k: usize,
    /// Requests of one query under way at once: 10. Fewer are slower and cheaper.
    pub alpha: usize,
    /// The same for upkeep: 2.
    pub background_alpha: usize,
    /// Requests of one query to members without a session under way at once: 5.
    pub cold_alpha: usize,
    /// Paths of a put that share no member: 3.
    pub paths: usize,
    /// The longest a query takes: 30 s.
    pub query_time: Duration,
    /// The most requests of a query: 200.
    pub query_requests: usize,
    /// Queries under way at once: 1,024; more are refused.
    pub queries: usize,
    /// Records held for others: 100,000.
    pub records: usize,
    /// Bytes of records held for others: 64 MiB.
    pub record_bytes: usize,
    /// Signers' records under one key: 256.
    pub records_a_key: usize,
    /// Records held as a cache: 4,096.
    pub cached_records: usize,
    /// Requests a second that a peer may send: 64; four times as many at once.
    pub requests_a_second: u32,
    /// Records a second that a peer may ask to hold: 64; sixteen times as many at once.
    pub puts_a_second: u32,
    /// The least time between two rounds of republishing: 15 minutes.
    pub least_republish: Duration,
    /// The longest time between two checks of a member: an hour.
    pub longest_check: Duration,
    /// How the engine decides whether it is a server.
    pub serving: Serving,
    /// What is defended. All of it, but in simulations that show what each defence is for.
    pub defences: Defences,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            k: 20,
            alpha: 10,
            background_alpha: 2,
            cold_alpha: 5,
            paths: 3,
            query_time: Duration::from_secs(30),
            query_requests: 200,
            queries: 1_024,
            records: 100_000,
            record_bytes: 64 << 20,
            records_a_key: 256,
            cached_records: 4_096,
            requests_a_second: 64,
            puts_a_second: 64,
            least_republish: Duration::from_secs(15 * 60),
            longest_check: Duration::from_secs(60 * 60),
            serving: Serving::Adaptive,
            defences: Defences::default(),
        }
    }
}

/// How an engine decides whether others may list it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Serving {
    /// A client until three members have dialled it back and 15 minutes passed, and again after
    /// three failures in a row.
    Adaptive,
    /// Always a server: the caller knows that it can be reached.
    Always,
    /// Always a client.
    Never,
}

/// One way in which an engine defends itself or its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defence {
    /// Members that fail checks leave the table, and others take their place.
    Eviction,
    /// Waiting follows the network, and slow members do not hold a query up.
    AdaptiveWaiting,
    /// Puts go by paths that share no member.
    DisjointPaths,
    /// Records go to, and are read from, all members of a region, not the closest alone.
    Region,
    /// Few members of one network in a bucket and in the table.
    Diversity,
    /// Limits on what a peer may ask and make us hold.
    Quotas,
    /// Records go to members that come close, and to others when we leave.
    Handover,
    /// Whoever tells of members that do not answer is not listened to.
    Blame,
    /// Records that were found are left on the way, so that a key in demand is held by many.
    Caching,
    /// Signatures, keys and times of records are looked at before one is held or believed.
    Verification,
    /// Who dialled us is dialled back before it is listed.
    DialBack,
}

/// Which defences are up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defences(u16);

impl Defences {
    /// All but one.
    #[must_use]
    pub const fn without(self, defence: Defence) -> Self {
        Self(self.0 & !(1 << defence as u16))
    }

    /// Whether one is up.
    pub const fn has(self, defence: Defence) -> bool {
        self.0 & (1 << defence as u16) != 0
    }
}

impl Default for Defences {
    fn default() -> Self {
        Self(u16::MAX)
    }
}
