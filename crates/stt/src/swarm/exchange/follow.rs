//! The follower's side of a request for the entries of a feed. spec: FEED-10, FEED-11.

use stt_wire::{
    DecodeError, FeedAnswer, FeedEntry, FeedRequest, RawFrame, StreamKind, VarInt,
    limits::MAX_FEED_ANSWER_LEN,
};

use super::ask::{Answer, Answers, AskError, ask};
use crate::session::Session;

impl Answer for FeedAnswer {
    const KIND: StreamKind = StreamKind::FeedRequest;
    const MAX_LEN: usize = MAX_FEED_ANSWER_LEN;

    fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        Self::decode(frame)
    }
}

/// The entries that a holder tells of.
pub(in crate::swarm) struct Entries(Answers<FeedAnswer>);

/// Asks for the entries of a feed from a number on.
pub(in crate::swarm) async fn follow(
    session: &Session,
    publisher: [u8; 32],
    id: [u8; 16],
    from: u64,
) -> Result<Entries, AskError> {
    let from = VarInt::saturating(from);
    let request = FeedRequest::Follow {
        publisher,
        id,
        from,
    };
    let answers = ask(session, |out| request.encode(out)).await?;
    Ok(Entries(answers))
}

impl Entries {
    /// The next one; `None` when the holder has nothing more to say. Cancel safe.
    pub(in crate::swarm) async fn next(&mut self) -> Result<Option<FeedEntry>, AskError> {
        match self.0.next().await? {
            Some(FeedAnswer::Entry(entry)) => Ok(Some(entry)),
            Some(FeedAnswer::Absent) => Err(AskError::Absent),
            Some(FeedAnswer::Busy { wait }) => Err(AskError::Busy { wait: wait.get() }),
            None => Ok(None),
        }
    }
}
