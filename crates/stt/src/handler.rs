//! What an application's handler may be: a plain function or an async one, which may fail or panic.
//!
//! A handler is a closure whose result is a [`HandlerOutput`]. Which of the two it is follows from
//! that result, so both are registered by the same method and neither needs a box of the caller's.

use std::{
    any::Any,
    error::Error,
    future::{Future, ready},
    panic::AssertUnwindSafe,
    pin::Pin,
};

use futures_util::FutureExt;

/// What a handler gives back: `()` or `Result<(), E>`, or a future of either. `E` is any error, or
/// a text.
///
/// A plain function runs where it is called and should be quick; whatever waits should be async.
/// The parameter tells the two apart and is always inferred.
pub trait HandlerOutput<Way>: Send + 'static {
    /// Waits for what the handler has begun.
    #[doc(hidden)]
    fn finish(self) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// A handler that is done when it returns.
#[derive(Debug)]
#[non_exhaustive]
pub struct PlainHandler;

/// A handler that returns a future.
#[derive(Debug)]
#[non_exhaustive]
pub struct AsyncHandler;

/// How a handler failed. It stopped nobody else.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// It returned an error.
    #[error("handler failed: {0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// It panicked.
    #[error("handler panicked: {message}")]
    Panicked {
        /// The text of the panic; empty if it had none.
        message: String,
    },
}

impl HandlerOutput<PlainHandler> for () {
    fn finish(self) -> impl Future<Output = Result<(), HandlerError>> + Send {
        ready(Ok(()))
    }
}

impl<E> HandlerOutput<PlainHandler> for Result<(), E>
where
    E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
{
    fn finish(self) -> impl Future<Output = Result<(), HandlerError>> + Send {
        ready(self.map_err(|error| HandlerError::Failed(error.into())))
    }
}

impl<F, O> HandlerOutput<AsyncHandler> for F
where
    F: Future<Output = O> + Send + 'static,
    O: HandlerOutput<PlainHandler>,
{
    async fn finish(self) -> Result<(), HandlerError> {
        self.await.finish().await
    }
}

/// A handler under way. It does nothing before it is polled.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send>>;

/// Calls a handler at the first poll and keeps its panic to itself.
pub(crate) fn run<O, Way>(call: impl FnOnce() -> O + Send + 'static) -> Running
where
    O: HandlerOutput<Way>,
    Way: 'static,
{
    let handled = async move { call().finish().await };
    // What a panic left behind is the handler's own, and it alone sees it again.
    let caught = AssertUnwindSafe(handled).catch_unwind();
    Box::pin(caught.map(|ended| ended.unwrap_or_else(|panic| Err(panicked(&*panic)))))
}

fn panicked(panic: &(dyn Any + Send)) -> HandlerError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
    HandlerError::Panicked {
        message: message.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome<O: HandlerOutput<Way>, Way: 'static>(
        call: impl FnOnce() -> O + Send + 'static,
    ) -> String {
        match run(call).now_or_never() {
            Some(Ok(())) => "ran".into(),
            Some(Err(error)) => error.to_string(),
            None => "waits".into(),
        }
    }

    #[test]
    fn handlers_are_plain_or_async_and_may_fail() {
        assert_eq!(outcome(|| ()), "ran");
        assert_eq!(outcome(|| async {}), "ran");
        assert_eq!(outcome(|| Err("text")), "handler failed: text");
        let failing = || async { Err(std::fmt::Error) };
        assert_eq!(
            outcome(failing),
            format!("handler failed: {}", std::fmt::Error)
        );
        assert_eq!(outcome(std::future::pending::<()>), "waits");
    }

    fn panics(number: u8) {
        panic!("number {number}");
    }

    fn panics_without_text() {
        std::panic::resume_unwind(Box::new(7));
    }

    #[test]
    fn a_panic_is_an_error_with_its_text() {
        let text = "handler panicked: number 7";
        assert_eq!(outcome(|| panics(7)), text);
        assert_eq!(outcome(|| async { panics(7) }), text);
        assert_eq!(outcome(panics_without_text), "handler panicked: ");
    }
}
