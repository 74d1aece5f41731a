//! One provider: reached, asked what it has, and listened to while it gains more.

use std::time::Duration;

use stt_wire::{ContentAnswer, Spans};
use tokio::sync::mpsc;

use super::Provider;
use super::driver::Event;
use crate::node::Node;
use crate::session::Session;
use crate::storage::{Address, Reference};
use crate::swarm::exchange::ask::{Answers, AskError, look};
use crate::swarm::plan::ProviderId;
use crate::swarm::shelves::is_claimed_by;
use crate::transport::platform::Platform;

/// What happened to a provider.
#[derive(Debug)]
pub(super) enum News {
    Reached(Session),
    /// It signed that the object is this.
    Claimed(Reference),
    Has(Spans),
    Absent,
    Breach,
    Unreached,
    Lost,
    /// Nothing more will be heard of it.
    Over,
}

/// How attending to a provider ended.
enum Parting {
    /// It may come back.
    Lost,
    /// There is nothing more to be had.
    Done(News),
}

/// Attends to one provider until the fetch is over.
pub(super) struct Attendant {
    pub(super) id: ProviderId,
    pub(super) provider: Provider,
    pub(super) node: Node,
    pub(super) platform: Platform,
    pub(super) address: Address,
    pub(super) events: mpsc::Sender<Event>,
}

impl Attendant {
    pub(super) async fn run(self) {
        let events = self.events.clone();
        tokio::select! {
            biased;
            () = events.closed() => {}
            () = self.attend() => {}
        }
    }

    async fn attend(self) {
        let mut has_met = false;
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let is_last = attempt == ATTEMPTS || matches!(self.provider, Provider::Session(_));
            match self.attend_once(&mut has_met).await {
                Parting::Done(news) => {
                    self.tell(news).await;
                    break;
                }
                Parting::Lost if is_last => break,
                Parting::Lost => {}
            }
            self.platform.sleep(pause).await;
            pause *= 2;
        }
        self.tell(News::Over).await;
    }

    async fn attend_once(&self, has_met: &mut bool) -> Parting {
        let Some(session) = self.provider.reach(&self.node).await else {
            // Who was there once may come back.
            if !*has_met {
                return Parting::Done(News::Unreached);
            }
            self.tell(News::Unreached).await;
            return Parting::Lost;
        };
        *has_met = true;
        self.tell(News::Reached(session.clone())).await;
        let parting = self.listen(&session).await;
        if matches!(parting, Parting::Lost) {
            self.tell(News::Lost).await;
        }
        parting
    }

    async fn listen(&self, session: &Session) -> Parting {
        let mut answers = loop {
            match look(session, self.address).await {
                Ok((claim, signature, answers)) => {
                    if !is_claimed_by(session.peer(), &claim, &signature) {
                        return Parting::Done(News::Breach);
                    }
                    self.tell(News::Claimed(claim)).await;
                    break answers;
                }
                Err(AskError::Busy { wait }) => {
                    let wait = Duration::from_millis(wait).clamp(MIN_WAIT, MAX_WAIT);
                    self.platform.sleep(wait).await;
                }
                Err(AskError::Absent | AskError::Refused) => return Parting::Done(News::Absent),
                Err(AskError::Broken | AskError::WrongLength) => {
                    return Parting::Done(News::Breach);
                }
                Err(AskError::Lost | AskError::Reset) => return Parting::Lost,
            }
        };
        match self.hear_all(&mut answers).await {
            Ok(()) | Err(AskError::Lost | AskError::Reset | AskError::Refused) => {}
            Err(_) => return Parting::Done(News::Breach),
        }
        session.closed().await;
        Parting::Lost
    }

    async fn hear_all(&self, answers: &mut Answers<ContentAnswer>) -> Result<(), AskError> {
        while let Some(answer) = answers.next().await? {
            match answer {
                ContentAnswer::Have(spans) => self.tell(News::Has(spans)).await,
                _ => return Err(AskError::Broken),
            }
        }
        Ok(())
    }

    async fn tell(&self, news: News) {
        // Once the driver is gone, so are we.
        let _ = self.events.send(Event::Member(self.id, news)).await;
    }
}

/// How often a provider is reached again, the first time among them.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MIN_WAIT: Duration = Duration::from_millis(50);
const MAX_WAIT: Duration = Duration::from_secs(10);
