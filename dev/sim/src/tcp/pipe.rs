//! One direction of a byte stream: what is on its way, and who waits.
//!
//! Invariants: pieces arrive in the order of writing; an empty piece is the end.

use std::{collections::VecDeque, task::Waker};

use super::Way;

/// See the module.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Whose link it goes by.
    pub(super) route: Way,
    /// On its way or there, with the moment of arrival.
    travelling: VecDeque<(u64, Vec<u8>)>,
    /// What could not be sent yet.
    held: VecDeque<Vec<u8>>,
    bytes: usize,
    last_arrival: u64,
    retry_at: u64,
    pub(super) is_cut: bool,
    /// Nobody reads any more.
    pub(super) is_deaf: bool,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Pipe {
    pub(super) fn new(route: Way) -> Self {
        Self {
            route,
            travelling: VecDeque::new(),
            held: VecDeque::new(),
            bytes: 0,
            last_arrival: 0,
            retry_at: 0,
            is_cut: false,
            is_deaf: false,
            reader: None,
            writer: None,
        }
    }

    pub(super) fn room(&self) -> usize {
        WINDOW.saturating_sub(self.bytes)
    }

    /// Takes a piece that is sent as soon as it can be.
    pub(super) fn hold(&mut self, piece: Vec<u8>) {
        self.bytes += piece.len();
        self.held.push_back(piece);
    }

    /// The length of the next piece to be sent.
    pub(super) fn next_to_send(&self) -> Option<usize> {
        Some(self.held.front()?.len())
    }

    /// The next piece is on its way.
    pub(super) fn sent(&mut self, arrival: u64) {
        if let Some(piece) = self.held.pop_front() {
            self.last_arrival = self.last_arrival.max(arrival);
            self.travelling.push_back((self.last_arrival, piece));
        }
    }

    pub(super) fn not_sent(&mut self, now: u64) {
        self.retry_at = now + RETRY;
    }

    /// Fills `out` with what has arrived; `None` if nothing has.
    pub(super) fn read(&mut self, now: u64, out: &mut [u8]) -> Option<usize> {
        let mut filled = 0;
        while let Some((at, piece)) = self.travelling.front_mut() {
            if *at > now || filled == out.len() {
                break;
            }
            if piece.is_empty() {
                // The end stays where it is, to be found again.
                return Some(filled);
            }
            let len = piece.len().min(out.len() - filled);
            out[filled..filled + len].copy_from_slice(&piece[..len]);
            filled += len;
            self.bytes -= len;
            if len == piece.len() {
                self.travelling.pop_front();
            } else {
                piece.drain(..len);
            }
        }
        (filled > 0).then_some(filled)
    }

    /// When a reader has to look again.
    pub(super) fn next_look(&self) -> Option<u64> {
        let arrival = self.travelling.front().map(|(at, _)| *at);
        let retry = (!self.held.is_empty()).then_some(self.retry_at);
        arrival.into_iter().chain(retry).min()
    }

    pub(super) fn may_retry(&self, now: u64) -> bool {
        !self.held.is_empty() && now >= self.retry_at
    }

    pub(super) fn reset(&mut self) -> Vec<Waker> {
        self.is_cut = true;
        let reader = self.reader.take();
        reader.into_iter().chain(self.writer.take()).collect()
    }
}

/// Bytes written and not read.
const WINDOW: usize = 256 << 10;

/// While a link is down: 200 ms.
const RETRY: u64 = 200_000_000;
