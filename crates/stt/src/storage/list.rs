//! The objects of a store, one by one.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use stt_store::{Entry, Failure};

use super::BinaryStorage;
use super::calls::Calls;

/// The objects of a store in the order of their addresses; a few hundred in memory at a time.
///
/// Also a [`Stream`].
pub struct Entries {
    calls: Calls,
    page: std::vec::IntoIter<Result<Entry, Failure>>,
    source: Source,
}

type Page = (stt_store::Entries, Vec<Result<Entry, Failure>>);

enum Source {
    Idle(stt_store::Entries),
    Loading(Pin<Box<dyn Future<Output = Result<Page, Failure>> + Send>>),
    Done,
}

impl BinaryStorage {
    /// The objects that are here, in the order of their addresses.
    ///
    /// An object that comes or goes meanwhile may be in it or not.
    ///
    /// # Errors
    /// [`Failure::Closed`].
    pub fn list(&self) -> Result<Entries, Failure> {
        Ok(Entries {
            calls: self.calls.clone(),
            page: Vec::new().into_iter(),
            source: Source::Idle(self.calls.enter()?.store.list()),
        })
    }
}

impl Entries {
    /// The next object; `None` at the end.
    ///
    /// # Errors
    /// [`Failure`] of what lies below; the end comes after it.
    ///
    /// # Cancel safety
    /// Cancel safe: no object is left out.
    pub async fn next(&mut self) -> Option<Result<Entry, Failure>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Entry, Failure>>> {
        loop {
            if let Some(entry) = self.page.next() {
                return Poll::Ready(Some(entry));
            }
            match std::mem::replace(&mut self.source, Source::Done) {
                Source::Done => return Poll::Ready(None),
                Source::Idle(entries) => self.source = Source::Loading(load(&self.calls, entries)),
                Source::Loading(mut loading) => match loading.as_mut().poll(cx) {
                    Poll::Pending => {
                        self.source = Source::Loading(loading);
                        return Poll::Pending;
                    }
                    Poll::Ready(page) => {
                        let (entries, page) = match page {
                            Err(failure) => return Poll::Ready(Some(Err(failure))),
                            Ok(page) => page,
                        };
                        if !page.is_empty() {
                            self.source = Source::Idle(entries);
                        }
                        self.page = page.into_iter();
                    }
                },
            }
        }
    }
}

/// The next page.
fn load(
    calls: &Calls,
    mut entries: stt_store::Entries,
) -> Pin<Box<dyn Future<Output = Result<Page, Failure>> + Send>> {
    let calls = calls.clone();
    Box::pin(async move {
        let load = move || {
            let page = entries.by_ref().take(PAGE_LEN).collect();
            Ok::<_, Failure>((entries, page))
        };
        calls.run_apart(load).await
    })
}

impl Stream for Entries {
    type Item = Result<Entry, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(ready!(self.poll(cx)))
    }
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entries").finish_non_exhaustive()
    }
}

const PAGE_LEN: usize = 256;
