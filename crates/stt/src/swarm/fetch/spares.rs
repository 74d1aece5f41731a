//! Memory of blocks that are done with, used again by those to come: a fresh MiB costs the kernel more than a copy into it.

use std::sync::Arc;

use parking_lot::Mutex;

/// A handle: clones share the memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Spares(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spares {
    /// Memory for a block, empty.
    pub(super) fn take(&self) -> Vec<u8> {
        self.0.lock().pop().unwrap_or_default()
    }

    /// Gives a block back; its memory is spare once nobody else has it.
    pub(super) fn give(&self, block: Arc<Vec<u8>>) {
        let Some(mut memory) = Arc::into_inner(block) else {
            return;
        };
        memory.clear();
        let mut spares = self.0.lock();
        if spares.len() < MOST {
            spares.push(memory);
        }
    }
}

/// Blocks' memory that is kept: more than one provider has under way.
const MOST: usize = 32;
