//! The pages of an index, opened a second time: what is written stays in memory.

use std::collections::BTreeMap;
use std::io;

use parking_lot::Mutex;
use redb::StorageBackend;

use super::pages::{PAGE_LEN, SealedPages};

/// Pages that can be changed without the medium noticing.
#[derive(Debug)]
pub(super) struct Untouched {
    pages: SealedPages,
    changed: Mutex<Changed>,
}

#[derive(Debug)]
struct Changed {
    len: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Untouched {
    pub(super) fn new(pages: SealedPages) -> io::Result<Self> {
        let changed = Changed {
            len: pages.len()?,
            pages: BTreeMap::new(),
        };
        Ok(Self {
            pages,
            changed: Mutex::new(changed),
        })
    }

    /// The page of this number as it would be.
    fn page(&self, changed: &Changed, number: u64) -> io::Result<Vec<u8>> {
        if let Some(page) = changed.pages.get(&number) {
            return Ok(page.clone());
        }
        let start = number * PAGE_LEN as u64;
        let mut page = vec![0; PAGE_LEN];
        if start < self.pages.len()? {
            self.pages.read(start, &mut page)?;
        }
        Ok(page)
    }
}

impl StorageBackend for Untouched {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changed.lock().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changed = self.changed.lock();
        for part in super::pages::parts(offset, out.len()) {
            let page = self.page(&changed, part.page)?;
            out[part.outside].copy_from_slice(&page[part.inside]);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.changed.lock().len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changed = self.changed.lock();
        for part in super::pages::parts(offset, data.len()) {
            let mut page = self.page(&changed, part.page)?;
            page[part.inside].copy_from_slice(&data[part.outside]);
            changed.pages.insert(part.page, page);
        }
        Ok(())
    }
}
