//! The owner's side of a request to keep a copy, or to prove that one is there.
//!
//! *spec:* COPY-1 to COPY-9.

use std::time::Duration;

use stt_wire::{
    Declined, DecodeError, KeepAnswer, KeepRequest, RawFrame, StreamKind, VarInt,
    limits::MAX_KEEP_ANSWER_LEN,
};

use super::ask::{Answer, Answers, AskError, ask};
use crate::session::Session;
use crate::storage::Reference;
use crate::transport::platform::Platform;

impl Answer for KeepAnswer {
    const KIND: StreamKind = StreamKind::KeepRequest;
    const MAX_LEN: usize = MAX_KEEP_ANSWER_LEN;

    fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        Self::decode(frame)
    }
}

/// Why no copy is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::swarm) enum NotKept {
    Declined(Declined),
    Busy {
        wait: Duration,
    },
    /// Nothing was heard for too long.
    Silent,
    /// It does not have it.
    Absent,
    Ask(AskError),
}

impl From<AskError> for NotKept {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Busy { wait } => Self::Busy {
                wait: Duration::from_millis(wait),
            },
            AskError::Absent => Self::Absent,
            error => Self::Ask(error),
        }
    }
}

/// Has a peer keep a copy; says for how long it will. `coming` hears how many bytes are there.
pub(in crate::swarm) async fn keep(
    session: &Session,
    object: &Reference,
    lease: Duration,
    coming: impl Fn(u64),
) -> Result<Duration, NotKept> {
    let request = KeepRequest::Keep {
        address: *object.address.as_bytes(),
        root: object.root,
        length: VarInt::saturating(object.length),
        lease: VarInt::saturating(lease.as_secs()),
    };
    let platform = &session.core().platform;
    let mut answers: Answers<KeepAnswer> = ask(session, |out| request.encode(out)).await?;
    loop {
        match next(platform, &mut answers).await? {
            KeepAnswer::Keeping { here } => coming(here.get()),
            KeepAnswer::Kept { lease: granted } => {
                // spec: COPY-2: it may be less than was asked for.
                return Ok(Duration::from_secs(granted.get()).min(lease));
            }
            other => return Err(refused(&answers, other)),
        }
    }
}

/// Has a peer prove that it has a block: the hash of the block under this salt.
pub(in crate::swarm) async fn prove(
    session: &Session,
    object: &Reference,
    block: u64,
    salt: [u8; 32],
) -> Result<[u8; 32], NotKept> {
    let request = KeepRequest::Prove {
        address: *object.address.as_bytes(),
        root: object.root,
        block: VarInt::saturating(block),
        salt,
    };
    let platform = &session.core().platform;
    let mut answers: Answers<KeepAnswer> = ask(session, |out| request.encode(out)).await?;
    match next(platform, &mut answers).await? {
        KeepAnswer::Proof { hash } => Ok(hash),
        other => Err(refused(&answers, other)),
    }
}

async fn next(
    platform: &Platform,
    answers: &mut Answers<KeepAnswer>,
) -> Result<KeepAnswer, NotKept> {
    let heard = platform.timeout(SILENCE, answers.next()).await;
    match heard.ok_or(NotKept::Silent)?? {
        Some(answer) => Ok(answer),
        None => Err(answers.broken(DecodeError::Truncated).into()),
    }
}

/// What else may come, or must not.
fn refused(answers: &Answers<KeepAnswer>, answer: KeepAnswer) -> NotKept {
    match answer {
        KeepAnswer::Declined { reason } => NotKept::Declined(reason),
        KeepAnswer::Absent => NotKept::Absent,
        KeepAnswer::Busy { wait } => NotKept::Busy {
            wait: Duration::from_millis(wait.get()),
        },
        KeepAnswer::Keeping { .. } | KeepAnswer::Kept { .. } | KeepAnswer::Proof { .. } => {
            answers.broken(DecodeError::Truncated).into()
        }
    }
}

/// spec: COPY-3.
const SILENCE: Duration = Duration::from_secs(15);
