//! What is known of the names of an object's parts: manifests come one by one.
//!
//! Pure: whoever has a manifest hands it over, and it is compared with its name.

use super::manifest::{FAN_OUT, Manifest};
use super::{BLOCK_LEN, Name, ObjectPart, Reference, block_count};

/// The names of an object's parts, as far as they are known.
#[derive(Debug, Clone)]
pub(crate) struct Outline {
    reference: Reference,
    top: Option<Vec<Name>>,
    pages: Vec<Option<Vec<Name>>>,
}

impl Outline {
    /// `None` for an object that is longer than any.
    pub(crate) fn new(reference: Reference) -> Option<Self> {
        let pages = block_count(reference.length).div_ceil(FAN_OUT);
        if pages > FAN_OUT {
            return None;
        }
        Some(Self {
            reference,
            top: None,
            pages: vec![None; pages as usize],
        })
    }

    pub(crate) fn reference(&self) -> &Reference {
        &self.reference
    }

    pub(crate) fn block_count(&self) -> u64 {
        block_count(self.reference.length)
    }

    /// The name of a part, once the manifest that has it is here.
    pub(crate) fn name(&self, part: ObjectPart) -> Option<Name> {
        part.len_in(&self.reference)?;
        let depth = Manifest::depth_of(self.reference.length);
        match (part, depth) {
            (ObjectPart::Block(_), None)
            | (ObjectPart::Page(_), Some(0))
            | (ObjectPart::Top, _) => Some(self.reference.root),
            (ObjectPart::Page(number), _) => self.top.as_ref()?.get(number as usize).copied(),
            (ObjectPart::Block(number), _) => {
                let page = self.pages.get((number / FAN_OUT) as usize)?.as_ref()?;
                page.get((number % FAN_OUT) as usize).copied()
            }
        }
    }

    /// The manifests that are not here and have a known name.
    pub(crate) fn wanted(&self) -> Vec<ObjectPart> {
        match Manifest::depth_of(self.reference.length) {
            None => Vec::new(),
            Some(1) if self.top.is_none() => vec![ObjectPart::Top],
            Some(_) => {
                let missing = (0..).zip(&self.pages).filter(|(_, page)| page.is_none());
                missing
                    .map(|(number, _)| ObjectPart::Page(number))
                    .collect()
            }
        }
    }

    /// The manifest to be learned next for the name of `part`.
    pub(crate) fn wanted_for(&self, part: ObjectPart) -> Option<ObjectPart> {
        let depth = Manifest::depth_of(self.reference.length)?;
        match part {
            _ if depth == 1 && self.top.is_none() => Some(ObjectPart::Top),
            ObjectPart::Block(number) => Some(ObjectPart::Page(number / FAN_OUT)),
            ObjectPart::Page(_) | ObjectPart::Top => None,
        }
    }

    /// Takes in a manifest that was compared with its name; false if it is none.
    pub(crate) fn learn_named(&mut self, part: ObjectPart, bytes: &[u8]) -> bool {
        let length = self.reference.length;
        let page_len = FAN_OUT * BLOCK_LEN as u64;
        let (depth, covered) = match part {
            ObjectPart::Top => (1, length),
            ObjectPart::Page(number) => (0, length.saturating_sub(number * page_len).min(page_len)),
            ObjectPart::Block(_) => return false,
        };
        let Some(manifest) = Manifest::decode(bytes, depth, covered) else {
            return false;
        };
        match part {
            ObjectPart::Page(number) => match self.pages.get_mut(number as usize) {
                Some(page) => *page = Some(manifest.names),
                None => return false,
            },
            _ => self.top = Some(manifest.names),
        }
        true
    }

    /// Every name of the object, manifests first; `None` as long as one is not known.
    pub(crate) fn all(&self) -> Option<Vec<Name>> {
        let mut names = Vec::new();
        if Manifest::depth_of(self.reference.length) == Some(1) {
            names.push(self.reference.root);
        }
        if Manifest::depth_of(self.reference.length).is_some() {
            for number in 0..self.pages.len() as u64 {
                names.push(self.name(ObjectPart::Page(number))?);
            }
        }
        for number in 0..self.block_count() {
            names.push(self.name(ObjectPart::Block(number))?);
        }
        Some(names)
    }
}
