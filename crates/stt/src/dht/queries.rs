//! Queries under way, and those who wait for their results.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use stc::Entropy;
use stt_dht::{Ended, Found, Now, QueryError, QueryId};
use stt_wire::Record;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::service::{Service, State};

/// Who waits for which query.
#[derive(Debug, Default)]
pub(super) struct Queries {
    waiting: BTreeMap<QueryId, UnboundedSender<Told>>,
}

/// What is told of a query. Records are bounded by what the engine keeps of one: 256 signers.
#[derive(Debug)]
pub(super) enum Told {
    /// A record, perhaps not for the first time.
    Record(Record),
    /// The end of one of the queries.
    Ended(Result<Found, QueryError>),
}

impl Queries {
    pub(super) fn found(&self, query: QueryId, record: Record) {
        if let Some(waiting) = self.waiting.get(&query) {
            // Whoever waited may have gone; then the query ends soon.
            let _ = waiting.send(Told::Record(record));
        }
    }

    pub(super) fn ended(&mut self, ended: Ended) {
        if let Some(waiting) = self.waiting.remove(&ended.query) {
            let _ = waiting.send(Told::Ended(ended.result));
        }
    }

    /// Nothing more will be told.
    pub(super) fn end(&mut self) {
        self.waiting.clear();
    }
}

/// One or several queries for the same; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Asked {
    service: Arc<Service>,
    queries: Vec<QueryId>,
    told: UnboundedReceiver<Told>,
    open: usize,
    has_left: bool,
}

/// The service is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HasLeft;

impl Service {
    /// Begins queries; none once the service has left.
    pub(super) fn begin(
        self: &Arc<Self>,
        begin: impl FnOnce(&mut State, Now, &mut dyn Entropy) -> Vec<QueryId>,
    ) -> Result<Asked, HasLeft> {
        let (teller, told) = unbounded_channel();
        let queries = self.with(|state, now, entropy| {
            if state.has_left {
                return Err(HasLeft);
            }
            let queries = begin(state, now, entropy);
            for query in &queries {
                state.queries.waiting.insert(*query, teller.clone());
            }
            Ok(queries)
        })?;
        let (service, open) = (Arc::clone(self), queries.len());
        Ok(Asked {
            service,
            queries,
            told,
            open,
            has_left: false,
        })
    }
}

impl Asked {
    /// What is told next; nothing once all queries have ended, or the service has.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Told>> {
        if self.open == 0 {
            return Poll::Ready(None);
        }
        let told = ready!(self.told.poll_recv(cx));
        match &told {
            Some(Told::Ended(_)) => self.open -= 1,
            Some(Told::Record(_)) => {}
            None => {
                self.open = 0;
                self.has_left = true;
            }
        }
        Poll::Ready(told)
    }

    /// Whether the service was over before the queries were.
    pub(super) const fn has_left(&self) -> bool {
        self.has_left
    }

    /// The end of the only query.
    pub(super) async fn end(&mut self) -> Result<Result<Found, QueryError>, HasLeft> {
        loop {
            match poll_fn(|cx| self.poll_next(cx)).await {
                Some(Told::Ended(result)) => return Ok(result),
                Some(Told::Record(_)) => {}
                None => return Err(HasLeft),
            }
        }
    }

    /// What was found is enough: the queries end with it.
    pub(super) fn conclude(&self) {
        let queries = &self.queries;
        self.service.with(|state, now, entropy| {
            for query in queries {
                state.engine.conclude(now, *query, entropy);
            }
        });
    }

    pub(super) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The queries go on although nobody waits for them any more.
    pub(super) fn detach(&mut self) {
        self.queries.clear();
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.queries.is_empty() {
            return;
        }
        let queries = &self.queries;
        self.service.with(|state, _, _| {
            for query in queries {
                state.engine.cancel(*query);
                state.queries.waiting.remove(query);
            }
        });
    }
}
