//! One source of randomness for all threads of a store.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use stc::Entropy;

/// A source that several hands share; cloning gives another hand.
#[derive(Clone)]
pub(crate) struct SharedEntropy(Arc<Mutex<Box<dyn Entropy + Send>>>);

impl SharedEntropy {
    pub(crate) fn new(entropy: Box<dyn Entropy + Send>) -> Self {
        Self(Arc::new(Mutex::new(entropy)))
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().fill(&mut bytes);
        bytes
    }
}

impl Entropy for SharedEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.lock().fill(out);
    }
}

impl fmt::Debug for SharedEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedEntropy(..)")
    }
}
