//! Locking that doesn't mind a panic.
//!
//! A simulation that panics is over; what its threads left behind is only dropped or printed. So
//! a poisoned lock is opened like any other, and a failing test shows its own message, not ours.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, poisoned or not.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
