//! Stores what a reader gives; a block is stored while the next one is read.

use std::pin::pin;
use std::sync::Arc;

use stt_store::{Reference, StoreError};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::BinaryStorage;
use super::calls::Calls;

impl BinaryStorage {
    /// Stores everything that `reader` gives, durably, with up to 5 MiB in memory.
    ///
    /// A reader that is slow holds no thread. Closing the store does not wait for the reader: it breaks this off.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then. What the reader fails with is
    /// [`StoreError::Source`].
    ///
    /// # Cancel safety
    /// Dropped before the reader's end, nothing is stored, and what was written is given back.
    /// Dropped after it, the object may be stored, whole.
    pub async fn store_reader(&self, reader: impl AsyncRead) -> Result<Reference, StoreError> {
        let mut reader = pin!(reader);
        let mut first = read_block(&mut reader, Vec::new()).await?;
        if first.len() < BLOCK_LEN {
            // It may wait a while, and counts by its length.
            first.shrink_to_fit();
            return self.store(first).await;
        }
        let mut writer = self.calls.enter()?.store.open_writer();
        let mut block = first;
        while !block.is_empty() {
            let memory = writer.memory();
            let pushing = push(&self.calls, writer, block);
            (writer, block) = tokio::try_join!(pushing, read_block(&mut reader, memory))?;
        }
        self.calls.run(move |_| writer.finish()).await
    }
}

/// Pushes a block. The store counts as used meanwhile, but not while the next block is awaited:
/// a reader that never ends does not keep the store from being closed.
async fn push(
    calls: &Calls,
    mut writer: stt_store::ObjectWriter,
    block: Vec<u8>,
) -> Result<stt_store::ObjectWriter, StoreError> {
    let tenant = calls.enter()?;
    let push = move || {
        writer.push_owned(block)?;
        // If nobody waits any more, the writer goes first.
        Ok::<_, StoreError>((writer, tenant))
    };
    let (writer, _tenant) = calls.run_apart(push).await?;
    Ok(writer)
}

/// A block in `memory`, which is empty; shorter only at the end.
async fn read_block(
    reader: &mut (impl AsyncRead + Unpin),
    memory: Vec<u8>,
) -> Result<Vec<u8>, StoreError> {
    let source = |error| StoreError::Source(Arc::new(error));
    let mut block = memory;
    block.reserve_exact(BLOCK_LEN);
    let mut limited = reader.take(BLOCK_LEN as u64);
    // Asked to read into a full vector, tokio makes it longer first.
    while block.len() < BLOCK_LEN && limited.read_buf(&mut block).await.map_err(source)? > 0 {}
    Ok(block)
}

const BLOCK_LEN: usize = 1 << 20;
