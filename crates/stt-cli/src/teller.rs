//! Where the answers to a command go: to the page that the command prints, or to the command of another process.

use crate::{
    control::{Answer, Conversation},
    exit::Failure,
};

/// Somebody who hears answers.
pub(crate) enum Teller<'a> {
    /// This process.
    Page(&'a mut (dyn FnMut(Answer) -> Result<(), Failure> + Send)),
    /// Whoever asked by the control socket.
    Socket(&'a mut Conversation),
}

impl Teller<'_> {
    pub(crate) async fn tell(&mut self, answer: Answer) -> Result<(), Failure> {
        match self {
            Self::Page(show) => show(answer),
            Self::Socket(conversation) => {
                let told = conversation.tell(&answer).await;
                told.map_err(|error| Failure::broken_off(error.to_string()))
            }
        }
    }
}
