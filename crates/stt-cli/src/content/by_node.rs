//! The side of the command, where a node runs with the data dir: it does what is asked.

use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::{CopyTerms, put::Told, shown::Shown};
use crate::{
    args::{ObjectName, Obtain},
    control::{self, Answer, Conversation, Heard, Request},
    exit::Failure,
    status::Status,
    store::output::Output,
};

/// Has the node take what `source` gives.
pub(super) async fn put(
    conversation: &mut Conversation,
    (source, name): (impl AsyncRead, &str),
    terms: Option<CopyTerms>,
    told: &Told,
) -> Result<(), Failure> {
    say(conversation, &Request::Put { terms }).await?;
    let mut source = std::pin::pin!(source);
    let mut buffer = vec![0; PIECE_LEN];
    loop {
        let read = source.read(&mut buffer).await;
        let count = read.map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
        // Nothing says that there is no more.
        let given = conversation.give(&buffer[..count]).await;
        if given.is_err() || count == 0 {
            // What went wrong, if anything did, is told.
            break;
        }
    }
    control::hear_out(conversation, |answer| told.show(answer)).await
}

/// Asks something that carries no bytes.
pub(super) async fn ask(data_dir: &Path, request: &Request, told: &Told) -> Result<(), Failure> {
    control::ask(data_dir, request, |answer| told.show(answer)).await
}

/// Has the node get an object, and writes it out.
pub(super) async fn get(
    conversation: &mut Conversation,
    asked: &Obtain,
    object: &ObjectName,
    status: Status,
) -> Result<(), Failure> {
    let mut output = Output::open(asked.output.as_deref())?;
    let object = object.text();
    say(conversation, &Request::Get { object }).await?;
    let mut shown = Shown::new(status);
    loop {
        let heard = conversation.hear_any::<Answer>().await;
        match heard.map_err(|error| broken(&error))? {
            Some(Heard::Bytes(bytes)) => {
                if output.write(&bytes)?.is_closed() {
                    return Ok(());
                }
            }
            Some(Heard::Document(Answer::Progress(progress))) => shown.draw(&progress),
            Some(Heard::Document(Answer::Done {})) => break,
            Some(Heard::Document(Answer::Failed { code, message })) => {
                return Err(Answer::failure(code, message));
            }
            Some(Heard::Document(_)) => {}
            None => return Err(Failure::broken_off("the node broke off")),
        }
    }
    shown.end();
    output.finish()
}

async fn say(conversation: &mut Conversation, request: &Request) -> Result<(), Failure> {
    conversation
        .tell(request)
        .await
        .map_err(|error| broken(&error))
}

fn broken(error: &std::io::Error) -> Failure {
    Failure::broken_off(format!("the node broke off: {error}"))
}

const PIECE_LEN: usize = 64 << 10;
