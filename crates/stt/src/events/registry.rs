//! Who is told of what.
//!
//! *Invariant.* No code of the application runs under the lock of the registry: a handler that is
//! called begins when it is polled, and one that is removed is dropped by the caller.

use std::{
    any::{Any, type_name},
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use stt_wire::Name;

use super::{
    event::{Event, Occurrence},
    report::TypeMismatch,
};
use crate::handler::{self, HandlerOutput, Running};

/// Names a handler of an emitter; no two of the process have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandlerId(u64);

impl HandlerId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Relaxed))
    }
}

/// The handlers of an emitter.
#[derive(Default)]
pub(super) struct Registry {
    /// In the order of registration.
    handlers: BTreeMap<Name, Vec<Registered>>,
    names: BTreeMap<HandlerId, Name>,
}

pub(super) struct Registered {
    id: HandlerId,
    takes: &'static str,
    lasts: Lasts,
    call: Box<Call>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasts {
    UntilRemoved,
    Once,
}

/// Makes a call that begins when it is polled; `None` if the payload is of another type.
type Call = dyn Fn(&Occurrence) -> Option<Running> + Send + Sync;

impl Registry {
    pub(super) fn add<T, O, Way>(
        &mut self,
        name: Name,
        handler: impl Fn(Event<T>) -> O + Send + Sync + 'static,
    ) -> HandlerId
    where
        T: Any + Send + Sync,
        O: HandlerOutput<Way>,
        Way: 'static,
    {
        let handler = Arc::new(handler);
        let call = move |occurrence: &Occurrence| {
            let (event, handler) = (occurrence.of::<T>()?, Arc::clone(&handler));
            Some(handler::run(move || handler(event)))
        };
        self.insert(name, type_name::<T>(), Lasts::UntilRemoved, Box::new(call))
    }

    pub(super) fn add_once<T, O, Way>(
        &mut self,
        name: Name,
        handler: impl FnOnce(Event<T>) -> O + Send + 'static,
    ) -> HandlerId
    where
        T: Any + Send + Sync,
        O: HandlerOutput<Way>,
        Way: 'static,
    {
        let handler = Mutex::new(Some(handler));
        let call = move |occurrence: &Occurrence| {
            let event = occurrence.of::<T>()?;
            let handler = handler.lock().take()?;
            Some(handler::run(move || handler(event)))
        };
        self.insert(name, type_name::<T>(), Lasts::Once, Box::new(call))
    }

    fn insert(
        &mut self,
        name: Name,
        takes: &'static str,
        lasts: Lasts,
        call: Box<Call>,
    ) -> HandlerId {
        let id = HandlerId::next();
        self.names.insert(id, name.clone());
        self.handlers.entry(name).or_default().push(Registered {
            id,
            takes,
            lasts,
            call,
        });
        id
    }

    pub(super) fn remove(&mut self, id: HandlerId) -> Option<Registered> {
        let name = self.names.remove(&id)?;
        let of_name = self.handlers.get_mut(&name)?;
        let at = of_name.iter().position(|registered| registered.id == id)?;
        let removed = of_name.remove(at);
        if of_name.is_empty() {
            self.handlers.remove(&name);
        }
        Some(removed)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.handlers.contains_key(name)
    }

    /// Calls all handlers of an event; those that run once are not called again. What they do
    /// begins when it is polled.
    pub(super) fn call(
        &mut self,
        occurrence: &Occurrence,
    ) -> (Vec<(HandlerId, Running)>, Vec<TypeMismatch>) {
        let (mut called, mut mismatches, mut spent) = (Vec::new(), Vec::new(), Vec::new());
        let of_name = self.handlers.get(&occurrence.name);
        for registered in of_name.into_iter().flatten() {
            let id = registered.id;
            match (registered.call)(occurrence) {
                Some(running) => {
                    called.push((id, running));
                    if registered.lasts == Lasts::Once {
                        spent.push(id);
                    }
                }
                None => mismatches.push(TypeMismatch {
                    handler: id,
                    takes: registered.takes,
                    given: occurrence.type_name,
                }),
            }
        }
        for id in spent {
            // Its handler was taken out of it: nothing of the application's is dropped here.
            self.remove(id);
        }
        (called, mismatches)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.handlers.iter().map(|(name, of)| (name, of.len()));
        f.debug_map().entries(counts).finish()
    }
}
