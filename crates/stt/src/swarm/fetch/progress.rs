//! How far a fetch is, in all and for each provider.

use stc::NodeId;

/// How far a fetch is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FetchProgress {
    /// Bytes of the object, once that is known.
    pub length: Option<u64>,
    /// Bytes of it that are here and verified.
    pub verified: u64,
    /// Those among them that were here before.
    pub resumed: u64,
    /// Bytes of blocks that came for nothing: false, or given up.
    pub discarded: u64,
    /// Everyone that was asked, in the order in which they were named.
    pub providers: Vec<ProviderProgress>,
}

/// What came of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderProgress {
    /// Who it is, once it was reached.
    pub peer: Option<NodeId>,
    /// What it does now.
    pub state: ProviderState,
    /// Bytes of blocks that it sent.
    pub received: u64,
    /// What it sends a second now, in bytes.
    pub rate: u64,
}

/// What a provider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProviderState {
    /// It is being reached.
    Dialling,
    /// It was asked what it has.
    Asked,
    /// It has the object, or some of it.
    Serving,
    /// It does not have it, or another root than the one that is wanted.
    Absent,
    /// It could not be reached.
    Unreached,
    /// Its session ended.
    Lost,
    /// It is asked no more.
    Dropped(Blame),
}

/// What a provider did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blame {
    /// A block or a manifest that is not what its name says.
    FalsePart,
    /// A root that names another object. It had signed that.
    FalseRoot,
    /// It said that it has blocks, and did not give them.
    EmptyPromises,
    /// Answers that break the protocol.
    Breach,
}
