//! The forwarder: a TAP interface at each end, and between them threads that carry each frame over
//! when its time has come.
//!
//! *Bound:* what is under way is at most what the senders send within delay and queue; beyond
//! `MOST` frames a direction loses what comes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tun_rs::{DeviceBuilder, InterruptEvent, Layer, SyncDevice};

use super::frame::packet_len;
use super::pipe::{Counts, Pipe};
use super::profile::Link;
use crate::error::{Attempt, LabError};
use crate::namespace::Namespace;

/// Frames under way in one direction.
const MOST: usize = 200_000;
/// Frames the kernel keeps for us while we are busy.
const KERNEL_QUEUE: u32 = 10_000;
const LARGEST_FRAME: usize = 65_536;

/// A link between two interfaces, which are gone when it is dropped.
pub(crate) struct Forwarder {
    directions: [Arc<Direction>; 2],
    stop: Arc<InterruptEvent>,
    threads: Vec<JoinHandle<()>>,
}

impl Forwarder {
    /// Makes both interfaces and starts to carry, without any hindrance.
    pub(crate) fn start(
        near: (&Namespace, &str),
        far: (&Namespace, &str),
        seed: u64,
    ) -> Result<Self, LabError> {
        let (near, far) = (tap(near)?, tap(far)?);
        let stop = Arc::new(InterruptEvent::new().attempt("make a pipe")?);
        let directions = [0, 1].map(|side| Arc::new(Direction::new(seed * 2 + side)));
        let mut forwarder = Self {
            directions,
            stop,
            threads: Vec::new(),
        };
        let [out, back] = forwarder.directions.clone();
        forwarder.carry(out, near.clone(), far.clone());
        forwarder.carry(back, far, near);
        Ok(forwarder)
    }

    fn carry(&mut self, direction: Arc<Direction>, from: Arc<SyncDevice>, to: Arc<SyncDevice>) {
        let (reader, stop) = (direction.clone(), self.stop.clone());
        self.threads.extend([
            thread::spawn(move || reader.read(&from, &stop)),
            thread::spawn(move || direction.write(&to)),
        ]);
    }

    /// From now on the link is as said: what the near end sends, and what it receives. What is
    /// already under way is not changed.
    pub(crate) fn set(&self, links: [Link; 2]) {
        for (direction, link) in self.directions.iter().zip(links) {
            direction.lock().pipe.link = link;
        }
    }

    /// What became of the packets the near end sent, and of those for it.
    pub(crate) fn counts(&self) -> [Counts; 2] {
        [0, 1].map(|side: usize| self.directions[side].lock().pipe.counts)
    }
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let links = [0, 1].map(|side: usize| self.directions[side].lock().pipe.link);
        formatter.debug_tuple("Forwarder").field(&links).finish()
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = self.stop.trigger();
        for direction in &self.directions {
            direction.lock().is_over = true;
            direction.changed.notify_all();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn tap((namespace, name): (&Namespace, &str)) -> Result<Arc<SyncDevice>, LabError> {
    let make = || {
        let device = DeviceBuilder::new()
            .name(name)
            .layer(Layer::L2)
            .tx_queue_len(KERNEL_QUEUE)
            .build_sync()?;
        device.set_nonblocking(true)?;
        Ok::<_, std::io::Error>(Arc::new(device))
    };
    let action = format!("make the interface {name} in {}", namespace.name());
    namespace.enter(make)?.attempt(action)
}

/// What is under way from one interface to the other.
#[derive(Debug)]
struct Direction {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    pipe: Pipe,
    under_way: VecDeque<(Instant, Vec<u8>)>,
    is_over: bool,
}

impl Direction {
    fn new(seed: u64) -> Self {
        let state = State {
            pipe: Pipe::new(Link::PERFECT, seed),
            under_way: VecDeque::new(),
            is_over: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Until the forwarder is dropped, or the interface is gone with its namespace.
    fn read(&self, from: &SyncDevice, stop: &InterruptEvent) {
        let mut buffer = vec![0; LARGEST_FRAME];
        while let Ok(len) = from.recv_intr(&mut buffer, stop) {
            self.lock().admit(&buffer[..len], Instant::now());
            self.changed.notify_one();
        }
    }

    fn write(&self, to: &SyncDevice) {
        while let Some(frame) = self.next() {
            let _ = to.send(&frame); // an interface that is down takes nothing
        }
    }

    /// Waits for the next frame's time.
    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        while !state.is_over {
            let now = Instant::now();
            let due = state.under_way.front().map(|(due, _)| *due);
            state = match due {
                Some(due) if due <= now => {
                    return state.under_way.pop_front().map(|(_, frame)| frame);
                }
                Some(due) => {
                    let waited = self.changed.wait_timeout(state, due - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.changed.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admit(&mut self, frame: &[u8], now: Instant) {
        let due = match packet_len(frame) {
            Some(bytes) => self.pipe.packet(now, bytes),
            None => Some(self.pipe.of_the_wire(now)),
        };
        if let Some(due) = due.filter(|_| self.under_way.len() < MOST) {
            self.under_way.push_back((due, frame.to_vec()));
        }
    }
}
