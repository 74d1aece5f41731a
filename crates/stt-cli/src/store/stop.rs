//! The wish to end, as work that blocks sees it: between two pieces.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use crate::exit::Failure;

/// Whether somebody wants this to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn ask(&self) {
        self.0.store(true, Relaxed);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// Fails once the end is wanted.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.is_asked() {
            return Err(interrupted());
        }
        Ok(())
    }

    /// A reader that fails once the end is wanted.
    pub(super) fn watch<R: Read>(&self, reader: R) -> impl Read + use<R> {
        Watched {
            stop: self.clone(),
            reader,
        }
    }
}

pub(super) fn interrupted() -> Failure {
    Failure::broken_off("interrupted")
}

struct Watched<R> {
    stop: Stop,
    reader: R,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_asked() {
            return Err(io::Error::other("interrupted"));
        }
        self.reader.read(out)
    }
}
