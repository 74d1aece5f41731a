//! One master key and what is derived from it. spec: STORE-8.

use stc::{Secret, StcContext};

/// The keys of one generation.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) number: u32,
    pub(crate) master: Secret<32>,
    pub(crate) root: StcContext,
    pub(crate) record: StcContext,
    pub(crate) block: StcContext,
    pub(crate) index: StcContext,
}

impl Generation {
    pub(crate) fn new(number: u32, master: Secret<32>) -> Self {
        let root = StcContext::from_seed(master.as_bytes(), "stt store");
        Self {
            number,
            record: root.derive("record"),
            block: root.derive("block"),
            index: root.derive("index"),
            root,
            master,
        }
    }
}
