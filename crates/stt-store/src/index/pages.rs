//! Pages of the index, each one sealed by itself: a flipped byte is an error, never a wrong row.
//!
//! Page i of 4,096 bytes lies at 4,145 i. Zeros are a page of zeros. spec: STORE-18, STORE-19.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use redb::StorageBackend;
use stc::StcContext;

use crate::backend::BackendFile;
use crate::entropy::SharedEntropy;
use crate::keys::Generation;

/// Bytes of a page as redb sees it.
pub(super) const PAGE_LEN: usize = 4096;
/// Bytes of a page on the medium.
const SEALED_PAGE_LEN: usize = PAGE_LEN + StcContext::OVERHEAD;

/// What redb takes for a file.
#[derive(Debug)]
pub(super) struct SealedPages {
    file: Arc<dyn BackendFile>,
    keys: Arc<Generation>,
    entropy: SharedEntropy,
    /// Held while a page is changed in part.
    patching: Mutex<()>,
}

impl SealedPages {
    pub(super) fn new(
        file: Arc<dyn BackendFile>,
        keys: Arc<Generation>,
        entropy: SharedEntropy,
    ) -> Self {
        Self {
            file,
            keys,
            entropy,
            patching: Mutex::new(()),
        }
    }

    fn read_page(&self, number: u64) -> io::Result<Vec<u8>> {
        let mut sealed = vec![0; SEALED_PAGE_LEN];
        let at = number * SEALED_PAGE_LEN as u64;
        match self.file.read_at(at, &mut sealed) {
            // Somebody cut it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(io::ErrorKind::InvalidData.into())
            }
            other => other.and_then(|()| open(&self.keys, number, &sealed)),
        }
    }

    fn seal(&self, number: u64, page: &[u8]) -> Vec<u8> {
        let mut entropy = self.entropy.clone();
        let place = number.to_be_bytes();
        self.keys.index.seal(&mut entropy, &place, page)
    }
}

impl StorageBackend for SealedPages {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.size()? / SEALED_PAGE_LEN as u64 * PAGE_LEN as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        for part in parts(offset, out.len()) {
            let page = self.read_page(part.page)?;
            out[part.outside].copy_from_slice(&page[part.inside]);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let pages = len.div_ceil(PAGE_LEN as u64);
        self.file.set_size(pages * SEALED_PAGE_LEN as u64)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        for part in parts(offset, data.len()) {
            let new = &data[part.outside];
            let at = part.page * SEALED_PAGE_LEN as u64;
            if new.len() == PAGE_LEN {
                self.file.write_at(at, &self.seal(part.page, new))?;
                continue;
            }
            let _patching = self.patching.lock();
            let mut page = self.read_page(part.page)?;
            page[part.inside].copy_from_slice(new);
            self.file.write_at(at, &self.seal(part.page, &page))?;
        }
        Ok(())
    }
}

/// Opens every page under `keys` and seals it under `new_keys`.
pub(super) fn copy(
    file: &Arc<dyn BackendFile>,
    keys: &Arc<Generation>,
    target: &Arc<dyn BackendFile>,
    new_keys: &Arc<Generation>,
    entropy: &SharedEntropy,
) -> io::Result<()> {
    let pages = |file: &Arc<_>, keys: &Arc<_>| {
        SealedPages::new(Arc::clone(file), Arc::clone(keys), entropy.clone())
    };
    let (from, to) = (pages(file, keys), pages(target, new_keys));
    let len = from.len()?;
    to.set_len(len)?;
    for number in 0..len / PAGE_LEN as u64 {
        let page = match from.read_page(number) {
            // Torn by a crash and needed by nobody; if it is needed, reading it fails again.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let torn = [0xff; SEALED_PAGE_LEN];
                target.write_at(number * SEALED_PAGE_LEN as u64, &torn)?;
                continue;
            }
            other => other?,
        };
        if page.iter().any(|byte| *byte != 0) {
            to.write(number * PAGE_LEN as u64, &page)?;
        }
    }
    Ok(())
}

fn open(keys: &Generation, number: u64, sealed: &[u8]) -> io::Result<Vec<u8>> {
    if sealed.iter().all(|byte| *byte == 0) {
        return Ok(vec![0; PAGE_LEN]);
    }
    let page = keys.index.open(&number.to_be_bytes(), sealed);
    page.map_err(|_| io::ErrorKind::InvalidData.into())
}

/// A part of a range that lies in one page.
pub(super) struct Part {
    pub(super) page: u64,
    pub(super) inside: std::ops::Range<usize>,
    pub(super) outside: std::ops::Range<usize>,
}

pub(super) fn parts(offset: u64, len: usize) -> impl Iterator<Item = Part> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = (at % PAGE_LEN as u64) as usize;
        let count = (PAGE_LEN - start).min(len - done);
        let part = Part {
            page: at / PAGE_LEN as u64,
            inside: start..start + count,
            outside: done..done + count,
        };
        done += count;
        (count > 0).then_some(part)
    })
}
