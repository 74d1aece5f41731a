//! Reading that stops while a bound is reached.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::ready,
};

/// Resolves when there may be room again.
pub(crate) type Room<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Runs `read` while there is room: `full` gives what to wait for if there is none now. It is asked
/// each time something may be there to read: else all who wait for their peers could read at once.
/// Cancel safe if `read` is.
pub(crate) async fn while_room<'a, F: Future>(
    full: impl Fn() -> Option<Room<'a>>,
    read: F,
) -> F::Output {
    let mut read = pin!(read);
    let mut room: Option<Room<'a>> = None;
    poll_fn(|cx| {
        if room.is_none() {
            room = full();
        }
        if let Some(waiting) = &mut room {
            ready!(waiting.as_mut().poll(cx));
            room = None;
        }
        read.as_mut().poll(cx)
    })
    .await
}
