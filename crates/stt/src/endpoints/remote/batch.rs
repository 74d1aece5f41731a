//! One write to an endpoint stream: as many frames as wait and fit.

use bytes::{Bytes, BytesMut};
use stt_wire::EndpointFrame;

use super::attachment::Item;

/// Chunks for the engine, and what is over once it has them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) chunks: Vec<Bytes>,
    tail: BytesMut,
    bytes: usize,
    /// Dropped when the batch is written: an orderly end waits for that.
    completed: Vec<Item>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES
    }

    /// With this batch all of an item is sent.
    pub(super) fn completes(&mut self, item: Option<Item>) {
        self.completed.extend(item);
    }

    /// Small frames are joined, large ones not copied.
    pub(super) fn push(&mut self, frame: &EndpointFrame) {
        let before = self.tail.len();
        frame.encode_header(&mut self.tail);
        self.bytes += self.tail.len() - before + frame.payload().len();
        match frame {
            EndpointFrame::Item(payload)
            | EndpointFrame::ItemStart { payload, .. }
            | EndpointFrame::ItemMore(payload)
                if payload.len() >= COPY_BELOW =>
            {
                self.chunks.push(self.tail.split().freeze());
                self.chunks.push(payload.clone());
            }
            other => self.tail.extend_from_slice(other.payload()),
        }
    }

    pub(super) fn joined(mut self) -> Self {
        if !self.tail.is_empty() {
            self.chunks.push(self.tail.split().freeze());
        }
        self
    }
}

/// Most bytes of one write, more or less.
const BATCH_BYTES: usize = 256 * 1_024;

/// Below this a copy is cheaper than a chunk of its own.
const COPY_BELOW: usize = 4 * 1_024;
