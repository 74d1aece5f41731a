//! Who is measured, behind one small trait, so that what is measured is written once.

pub(crate) mod libp2p;
pub(crate) mod stt;

use std::time::Duration;

use anyhow::Result;

/// Members of one group in this process.
pub(crate) trait Village: Sized {
    /// Starts them; returns when all have joined by the first, and know as many as a bucket holds, or looked for them.
    async fn found(count: usize) -> Result<Self>;

    /// Bytes that all members have sent so far.
    fn sent(&self) -> Result<f64>;

    /// Requests that all members have sent so far.
    fn requests(&self) -> u64;

    /// Whether a member has another in its table, so that finding it takes no request.
    fn knows(&self, asker: usize, member: usize) -> bool;

    /// Finds out where a member is. `None` if it was not found.
    async fn find(&self, asker: usize, member: usize) -> Result<Option<Duration>>;

    /// Tells the group who has something. False if that failed.
    async fn provide(&self, provider: usize, key: [u8; 32]) -> Result<bool>;

    /// Searches until the search is over, and returns after which time the provider was found.
    async fn providers(
        &self,
        asker: usize,
        provider: usize,
        key: [u8; 32],
    ) -> Result<Option<Duration>>;
}

/// Members that join at a time.
const JOINING: usize = 16;
