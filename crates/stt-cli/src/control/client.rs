//! The side of the command.

use std::{io, path::Path};

use tokio::net::UnixStream;

use super::{Answer, Conversation, Request, socket_in};
use crate::exit::{Exit, Failure};

/// Asks the node that runs with this data dir, and gives each result to `take`.
pub(crate) async fn ask(
    data_dir: &Path,
    request: &Request,
    mut take: impl FnMut(Answer) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stream = UnixStream::connect(socket_in(data_dir)).await;
    let stream = stream.map_err(|error| nobody(data_dir, &error))?;
    let mut conversation = Conversation::new(stream);
    let broken = |error: io::Error| Failure::broken_off(format!("the node broke off: {error}"));
    conversation.tell(request).await.map_err(broken)?;
    loop {
        match conversation.hear().await.map_err(broken)? {
            Some(Answer::Done {}) => return Ok(()),
            Some(Answer::Failed { code, message }) => return Err(Answer::failure(code, message)),
            Some(answer) => take(answer)?,
            None => return Err(Failure::broken_off("the node broke off")),
        }
    }
}

fn nobody(data_dir: &Path, error: &io::Error) -> Failure {
    let data_dir = data_dir.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::new(
            Exit::NoAnswer,
            format!(
                "no node runs with {data_dir}; start one with `stt node`, or name members to ask with --bootstrap"
            ),
        ),
        _ => Failure::other(format!("cannot ask the node of {data_dir}: {error}")),
    }
}
