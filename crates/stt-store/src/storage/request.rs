//! A change that waits for its turn, and what became of it.

use parking_lot::Mutex;

use crate::error::Failure;
use crate::object::Name;

/// A change of the store.
#[derive(Debug)]
pub(super) enum Request {
    Put(Put),
    Remove([u8; 32]),
    Pin([u8; 32], bool),
    /// Forgets the blocks of an object that is not here.
    Discard([u8; 32]),
}

/// An object to be stored.
#[derive(Debug)]
pub(super) struct Put {
    pub(super) address: [u8; 32],
    pub(super) root: Name,
    pub(super) length: u64,
    pub(super) body: Body,
}

/// The blocks of an object to be stored.
#[derive(Debug)]
pub(super) enum Body {
    /// Its only block, sealed under a generation.
    Whole { sealed: Vec<u8>, generation: u32 },
    /// Blocks and manifests that were appended before, in this era.
    Appended { names: Vec<Name>, era: u64 },
    /// The same, of an object that is not whole yet: root and length are those of a list of them.
    Partial { names: Vec<Name>, era: u64 },
}

impl Body {
    pub(super) fn is_partial(&self) -> bool {
        matches!(self, Self::Partial { .. })
    }
}

/// Why a request was refused. Nothing was changed by it.
#[derive(Debug, Clone)]
pub(super) enum Refusal {
    Unknown,
    Pinned,
    /// Its block was sealed before the master key was rotated.
    Rotated,
    /// Its blocks were taken back when the medium was full.
    TakenBack,
    QuotaTooSmall {
        needed: u64,
        quota: u64,
    },
    QuotaHeld {
        needed: u64,
        held: u64,
        quota: u64,
    },
    Failure(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// A request in the queue.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) request: Request,
    pub(super) answer: Mutex<Option<Result<(), Refusal>>>,
}

impl Ticket {
    pub(super) fn new(request: Request) -> Self {
        Self {
            request,
            answer: Mutex::new(None),
        }
    }
}
