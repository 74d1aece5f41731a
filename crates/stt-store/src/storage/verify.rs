//! Reads everything and names what is damaged.

use std::collections::BTreeMap;
use std::fmt;

use stc::ContentHasher;

use super::{BinaryStorage, Shared};
use crate::error::{Failure, Part, ReadError, VerifyError};
use crate::index::Persist;
use crate::log::{HEADER_LEN, Item, Scan, Segment, scan};
use crate::object::{Address, BLOCK_LEN};

/// What a scrub found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Verified {
    /// Objects that were read.
    pub objects: u64,
    /// Bytes of objects that were read.
    pub bytes: u64,
    /// Everything that is not as it was written.
    pub damage: Vec<Damage>,
}

impl Verified {
    /// Whether nothing is damaged.
    pub fn is_well(&self) -> bool {
        self.damage.is_empty()
    }
}

/// One damaged place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// A part of an object cannot be read. Storing the object again heals it.
    Object {
        /// Which object.
        address: Address,
        /// Which part.
        part: Part,
    },
    /// Bytes of a segment are no record. Objects that need them are named besides; others, and
    /// removals, are safe as long as the index is: rewriting the segment heals it.
    Segment {
        /// The number of the segment.
        segment: u64,
        /// Where the bytes begin in its file.
        from: u64,
        /// Where they end.
        to: u64,
    },
    /// A copy of a segment's header is damaged; the other one serves.
    Header {
        /// The number of the segment.
        segment: u64,
    },
    /// The medium fails to read some of a segment. Objects that need it are named besides.
    Unreadable {
        /// Its number.
        segment: u64,
    },
    /// A segment cannot be read at all.
    LostSegment {
        /// Its number.
        segment: u64,
    },
    /// A copy of the keys is damaged; opening the store again heals it.
    Keys {
        /// 0 for `keys-a`, 1 for `keys-b`.
        copy: u8,
    },
    /// The index is damaged. It is rebuilt when the store is opened again.
    Index,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object { address, part } => write!(f, "object {address}: {part}"),
            Self::Segment { segment, from, to } => {
                write!(f, "segment {segment}: bytes {from} to {to}")
            }
            Self::Header { segment } => write!(f, "segment {segment}: a copy of the header"),
            Self::Unreadable { segment } => {
                write!(f, "segment {segment}: the medium cannot read some of it")
            }
            Self::LostSegment { segment } => write!(f, "segment {segment}: all of it"),
            Self::Keys { copy } => write!(f, "keys: copy {copy}"),
            Self::Index => f.write_str("the index"),
        }
    }
}

impl BinaryStorage {
    /// Reads every byte of the store and names what is damaged. Other calls go on meanwhile.
    ///
    /// A damaged index is thrown away, and the store closed: opening it again rebuilds it.
    ///
    /// # Errors
    /// [`VerifyError`] when what lies below could not be read.
    pub fn verify(&self) -> Result<Verified, VerifyError> {
        let mut found = Verified::default();
        match self.verify_all(&mut found) {
            Err(failure @ Failure::IndexLost) => {
                found.damage.push(Damage::Index);
                self.shared.poison(&failure);
            }
            other => other?,
        }
        Ok(found)
    }

    fn verify_all(&self, found: &mut Verified) -> Result<(), Failure> {
        self.shared.verify_keys(found)?;
        for segment in self.shared.segments.all() {
            let number = segment.header.number;
            match self.shared.verify_segment(&segment, found) {
                // Sectors that the medium does not give back are damage like any other.
                Err(Failure::Io(_)) => found.damage.push(Damage::Unreadable { segment: number }),
                other => other?,
            }
        }
        for segment in &self.shared.lost {
            found.damage.push(Damage::LostSegment { segment: *segment });
        }
        for entry in self.list() {
            self.verify_object(entry?.reference.address, found)?;
        }
        self.shared.verify_index()
    }

    fn verify_object(&self, address: Address, found: &mut Verified) -> Result<(), Failure> {
        let mut reader = match self.open_reader_unused(address) {
            Err(ReadError::Failure(failure)) => return Err(failure),
            // Removed meanwhile.
            Err(_) => return Ok(()),
            Ok(reader) => reader,
        };
        let length = reader.reference().length;
        let mut hasher = ContentHasher::new();
        let mut is_whole = true;
        for start in (0..length.max(1)).step_by(BLOCK_LEN) {
            let end = (start + BLOCK_LEN as u64).min(length);
            match reader.read_range(start..end) {
                Ok(block) => hasher.update(&block),
                Err(ReadError::Damaged { part, .. }) => {
                    is_whole = false;
                    found.damage.push(Damage::Object { address, part });
                    if part == Part::Manifest {
                        break;
                    }
                }
                Err(ReadError::Failure(Failure::Io(_))) => {
                    is_whole = false;
                    let part = Part::Block(start / BLOCK_LEN as u64);
                    found.damage.push(Damage::Object { address, part });
                }
                Err(ReadError::Failure(failure)) => return Err(failure),
                Err(_) => return Ok(()),
            }
        }
        if is_whole && hasher.finish() != *address.as_bytes() {
            let part = Part::Whole;
            self.shared.damaged(address, part);
            found.damage.push(Damage::Object { address, part });
        }
        found.objects += 1;
        found.bytes += length;
        Ok(())
    }
}

impl Shared {
    fn verify_keys(&self, found: &mut Verified) -> Result<(), Failure> {
        let _core = self.core.lock();
        let copies = self.vault.read().is_intact(&*self.backend)?;
        for (copy, is_intact) in (0..).zip(copies) {
            if !is_intact {
                found.damage.push(Damage::Keys { copy });
            }
        }
        Ok(())
    }

    /// Reads every record of a segment, needed or not.
    fn verify_segment(&self, segment: &Segment, found: &mut Verified) -> Result<(), Failure> {
        let number = segment.header.number;
        let mut header = [0; HEADER_LEN as usize];
        segment.file.read_at(0, &mut header)?;
        if !segment.header.is_intact(&header) {
            found.damage.push(Damage::Header { segment: number });
        }
        let Some(row) = self.segment_row(number)? else {
            return Ok(());
        };
        let size = segment.file.size()?;
        let damage = |from: u64, to: u64| Damage::Segment {
            segment: number,
            from,
            to,
        };
        let to = u64::from(row).min(size) as u32;
        let mut damaged = BTreeMap::new();
        let range = Scan {
            from: HEADER_LEN,
            to,
        };
        scan(segment, range, |item| {
            match item {
                Item::Gap { from, to } => {
                    damaged.insert(from, to);
                }
                Item::Record { offset, body, note } => {
                    let has_body = note.kind.has_body();
                    if has_body && segment.read_block(offset, body, &note.root)?.is_none() {
                        damaged.insert(offset, offset + crate::log::HEAD_LEN + body);
                    }
                }
            }
            Ok::<_, Failure>(())
        })?;
        let spans = damaged.into_iter();
        let spans = spans.map(|(from, to)| damage(from.into(), to.into()));
        found.damage.extend(spans);
        if size < u64::from(row) {
            found.damage.push(damage(size, row.into()));
        }
        Ok(())
    }

    /// Where the records of a segment end.
    fn segment_row(&self, number: u64) -> Result<Option<u32>, Failure> {
        let rows = self.watched(self.index()?.view())?.segments()?;
        let row = rows.iter().find(|(known, _)| *known == number);
        Ok(row.map(|(_, row)| row.end))
    }

    fn verify_index(&self) -> Result<(), Failure> {
        // Nobody may write a page while it is read.
        let core = &mut *self.core.lock();
        self.change_and(core, Persist::Now, |_| Ok(()))?;
        let is_intact = self.index()?.is_intact(&self.entropy)?;
        is_intact.then_some(()).ok_or(Failure::IndexLost)
    }
}
