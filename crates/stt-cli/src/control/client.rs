//! The side of the command.

use std::{io, path::Path};

use tokio::net::UnixStream;

use super::{Answer, Conversation, Request, socket_in};
use crate::exit::{Exit, Failure};

/// Whether a node seems to run with this data dir: whoever asks finds out.
pub(crate) fn is_there(data_dir: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket_in(data_dir)).is_ok()
}

/// Begins a conversation with the node that runs with this data dir.
pub(crate) async fn reach(data_dir: &Path) -> Result<Conversation, Failure> {
    let stream = UnixStream::connect(socket_in(data_dir)).await;
    let stream = stream.map_err(|error| nobody(data_dir, &error))?;
    Ok(Conversation::new(stream))
}

/// Asks the node that runs with this data dir, and gives each result to `take`.
pub(crate) async fn ask(
    data_dir: &Path,
    request: &Request,
    take: impl FnMut(Answer) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut conversation = reach(data_dir).await?;
    conversation.tell(request).await.map_err(broken)?;
    hear_out(&mut conversation, take).await
}

/// Gives each result of what was asked to `take`.
pub(crate) async fn hear_out(
    conversation: &mut Conversation,
    mut take: impl FnMut(Answer) -> Result<(), Failure>,
) -> Result<(), Failure> {
    loop {
        match conversation.hear().await.map_err(broken)? {
            Some(Answer::Done {}) => return Ok(()),
            Some(Answer::Failed { code, message }) => return Err(Answer::failure(code, message)),
            Some(answer) => take(answer)?,
            None => return Err(Failure::broken_off("the node broke off")),
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what errors are mapped by"
)]
fn broken(error: io::Error) -> Failure {
    Failure::broken_off(format!("the node broke off: {error}"))
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
