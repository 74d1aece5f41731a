//! What a node goes on giving to members after a restart: a line an object, in a file of the data dir.
//!
//! ```text
//! ADDRESS:ROOT:LENGTH                  published
//! ADDRESS:ROOT:LENGTH {"copies":3,..}  and kept by others, on these terms
//! ```
//!
//! The key of a sealed object is not in it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use stt::storage::{Address, Reference};

use super::CopyTerms;
use crate::{exit::Failure, private_file};

/// The objects, and where they are written down.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    path: Option<PathBuf>,
    rows: BTreeMap<Address, (Reference, Option<CopyTerms>)>,
}

impl Shelf {
    /// What the last run left; nothing without a file.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Failure> {
        let path = data_dir.join("shelf");
        let mut rows = BTreeMap::new();
        if path.exists() {
            for line in private_file::read(&path)?.lines() {
                let row = row(line).ok_or_else(|| {
                    Failure::usage(format!(
                        "{} has a line that is none: {line}",
                        path.display()
                    ))
                })?;
                rows.insert(row.0.address, row);
            }
        }
        let path = Some(path);
        Ok(Self { path, rows })
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &(Reference, Option<CopyTerms>)> {
        self.rows.values()
    }

    /// Writes an object down, or other terms for it.
    pub(crate) fn put(
        &mut self,
        object: Reference,
        terms: Option<CopyTerms>,
    ) -> Result<(), Failure> {
        self.rows.insert(object.address, (object, terms));
        self.write()
    }

    /// False if it was not there.
    pub(crate) fn remove(&mut self, address: Address) -> Result<bool, Failure> {
        let had = self.rows.remove(&address).is_some();
        self.write()?;
        Ok(had)
    }

    fn write(&self) -> Result<(), Failure> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let lines = self.rows.values().map(|(object, terms)| match terms {
            None => format!("{object}\n"),
            Some(terms) => {
                let terms = serde_json::to_string(terms).unwrap_or_default();
                format!("{object} {terms}\n")
            }
        });
        let text: String = lines.collect();
        let written = if path.exists() {
            private_file::replace(path, &text)
        } else {
            private_file::create(path, &text)
        };
        written.map_err(|error| Failure::unwritten(path.display(), &error))
    }
}

fn row(line: &str) -> Option<(Reference, Option<CopyTerms>)> {
    match line.split_once(' ') {
        None => Some((line.parse().ok()?, None)),
        Some((object, terms)) => {
            let terms = serde_json::from_str(terms).ok()?;
            Some((object.parse().ok()?, Some(terms)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(number: char) -> Reference {
        let hex = number.to_string().repeat(64);
        format!("{hex}:{hex}:7").parse().unwrap()
    }

    #[test]
    fn what_is_on_the_shelf_is_there_at_the_next_start() {
        let directory = tempfile::tempdir().unwrap();
        let terms = CopyTerms {
            copies: 2,
            sealed: false,
            lease_days: 7,
            keepers: vec!["host:1".into()],
        };
        let mut shelf = Shelf::open(directory.path()).unwrap();
        shelf.put(object('a'), None).unwrap();
        shelf.put(object('b'), Some(terms.clone())).unwrap();
        shelf.put(object('c'), None).unwrap();
        assert!(shelf.remove(object('c').address).unwrap());
        assert!(!shelf.remove(object('c').address).unwrap());
        let again = Shelf::open(directory.path()).unwrap();
        let rows: Vec<_> = again.rows().cloned().collect();
        assert_eq!(rows, [(object('a'), None), (object('b'), Some(terms))]);
    }

    #[test]
    fn a_line_that_is_none_is_told_and_nothing_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("shelf");
        private_file::create(&path, "nonsense\n").unwrap();
        assert!(Shelf::open(directory.path()).is_err());
        assert_eq!(std::fs::read_to_string(path).unwrap(), "nonsense\n");
    }
}
