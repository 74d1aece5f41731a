//! What a handler gets: the payload, under which name, and from where.

use std::{any::Any, fmt, ops::Deref, sync::Arc};

use stt_wire::Name;

use crate::endpoints::Origin;

/// An event, as a handler sees it. It reads like its payload, which all handlers of the event
/// share. Cheap to clone.
pub struct Event<T> {
    name: Name,
    payload: Arc<T>,
    origin: Origin,
}

impl<T> Event<T> {
    /// The name it was emitted under.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Who emitted it.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The payload, to be kept.
    pub fn payload(&self) -> Arc<T> {
        Arc::clone(&self.payload)
    }
}

impl<T> Deref for Event<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.payload
    }
}

impl<T> Clone for Event<T> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            payload: Arc::clone(&self.payload),
            origin: self.origin,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Event<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("name", &self.name)
            .field("payload", &self.payload)
            .field("origin", &self.origin)
            .finish()
    }
}

/// An event of which nobody has asked the type yet.
#[derive(Clone)]
pub(super) struct Occurrence {
    pub(super) name: Name,
    pub(super) payload: Arc<dyn Any + Send + Sync>,
    pub(super) type_name: &'static str,
    pub(super) origin: Origin,
}

impl Occurrence {
    /// The event as a handler of `T` sees it; `None` if its payload is of another type.
    pub(super) fn of<T: Any + Send + Sync>(&self) -> Option<Event<T>> {
        Some(Event {
            payload: Arc::clone(&self.payload).downcast().ok()?,
            name: self.name.clone(),
            origin: self.origin,
        })
    }
}
