//! The side of a node that runs: commands of its owner about content.

use std::time::{Duration, Instant};

use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use super::{CopyTerms, Household, shown::Progress};
use crate::{
    args::ObjectName,
    control::{Answer, Conversation, Heard},
    exit::Failure,
    teller::Teller,
};

/// Stores the bytes that follow, and lets members have them or others keep them.
pub(crate) async fn put(
    household: &Household,
    terms: Option<&CopyTerms>,
    conversation: &mut Conversation,
) -> Result<(), Failure> {
    let (near, far) = duplex(BUFFER);
    // Broken off, nothing is stored: the other future is dropped before it sees an end.
    let (stored, ()) = {
        let storing = household.store(far, "what came");
        let taking = take(conversation, near);
        tokio::try_join!(biased; storing, taking)?
    };
    let mut teller = Teller::Socket(conversation);
    match terms {
        None => household.publish(stored, &mut teller).await,
        Some(terms) => {
            household
                .replicate(stored.address, terms, &mut teller)
                .await
        }
    }
}

/// Passes on the bytes that come, until the one that says that there are no more.
async fn take(conversation: &mut Conversation, mut to: DuplexStream) -> Result<(), Failure> {
    loop {
        let heard = conversation.hear_any::<Answer>().await;
        match heard.map_err(|error| Failure::usage(error.to_string()))? {
            Some(Heard::Bytes(bytes)) if bytes.is_empty() => return Ok(()),
            Some(Heard::Bytes(bytes)) => {
                let passed = to.write_all(&bytes).await;
                passed.map_err(|error| Failure::other(error.to_string()))?;
            }
            Some(Heard::Document(_)) => return Err(Failure::usage("a document among the bytes")),
            None => return Err(Failure::broken_off("the bytes broke off")),
        }
    }
}

/// Gets an object, and gives out its bytes.
pub(crate) async fn get(
    household: &Household,
    object: &str,
    conversation: &mut Conversation,
) -> Result<(), Failure> {
    let object: ObjectName = object.parse().map_err(Failure::usage)?;
    let mut fetch = household.fetch(&object)?;
    let mut told_at: Option<Instant> = None;
    while let Some(progress) = fetch.next_progress().await {
        if told_at.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            told_at = Some(Instant::now());
            tell(conversation, &Answer::Progress(Progress::from(&progress))).await?;
        }
    }
    tell(
        conversation,
        &Answer::Progress(Progress::from(&fetch.progress())),
    )
    .await?;
    let reference = fetch.finished().await?;
    let storage = household.storage();
    if let ObjectName::Sealed(sealed) = &object {
        let mut reader = storage.open_sealed(sealed).await?;
        while let Some(piece) = reader.next_piece().await.map_err(Failure::unsealed)? {
            give(conversation, &piece).await?;
        }
        return Ok(());
    }
    let mut reader = storage.open_reader(reference).await?;
    while let Some(piece) = reader.next_piece().await? {
        give(conversation, &piece).await?;
    }
    Ok(())
}

async fn give(conversation: &mut Conversation, bytes: &[u8]) -> Result<(), Failure> {
    let given = conversation.give(bytes).await;
    given.map_err(|error| Failure::broken_off(error.to_string()))
}

async fn tell(conversation: &mut Conversation, answer: &Answer) -> Result<(), Failure> {
    let told = conversation.tell(answer).await;
    told.map_err(|error| Failure::broken_off(error.to_string()))
}

/// Bytes on their way from the socket to the storage.
const BUFFER: usize = 1 << 20;

const TELL_EVERY: Duration = Duration::from_millis(200);
