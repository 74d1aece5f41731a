//! A run of segments as one object, and back. Pure. spec: FEED-4, FEED-5.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use stt_wire::limits::MAX_RUN_LEN;

use crate::streaming::Segment;

/// A run that is being made.
#[derive(Debug, Default)]
pub(super) struct Run {
    bytes: BytesMut,
}

impl Run {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How long it will be with one more.
    pub(super) fn len_with(&self, segment: &Segment) -> usize {
        self.bytes.len() + LENGTH_LEN + segment.bytes().len()
    }

    pub(super) fn push(&mut self, segment: &Segment) {
        // No segment is so long that its length would not fit.
        self.bytes.put_u32(segment.bytes().len() as u32);
        self.bytes.put_slice(segment.bytes());
    }

    /// The bytes of all, once it is closed.
    pub(super) fn take(&mut self) -> Bytes {
        self.bytes.split().freeze()
    }
}

/// The object is not a run of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotARun;

/// The segments of a run. Nothing is copied.
pub(super) fn segments_of(mut run: Bytes) -> Result<Vec<Segment>, NotARun> {
    if run.len() > MAX_RUN_LEN {
        return Err(NotARun);
    }
    let mut segments = Vec::new();
    while !run.is_empty() {
        let len = run.try_get_u32().map_err(|_| NotARun)? as usize;
        if len > run.len() {
            return Err(NotARun);
        }
        let segment = Segment::decode(run.split_to(len));
        segments.push(segment.map_err(|_| NotARun)?);
    }
    Ok(segments)
}

const LENGTH_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;
    use stc::StcContext;

    use super::*;
    use crate::BinaryStreamEncoder;

    fn segments(bytes: usize) -> Vec<Segment> {
        let context = StcContext::from_seed(&[7; 32], "run");
        let encoder = BinaryStreamEncoder::builder(&context).segment_size(1_000);
        let mut encoder = encoder.bounded(vec![1; bytes]);
        let mut next = || encoder.next().now_or_never().unwrap();
        std::iter::from_fn(|| next().transpose().unwrap()).collect()
    }

    fn run_of(segments: &[Segment]) -> Bytes {
        let mut run = Run::default();
        for segment in segments {
            let len = run.len_with(segment);
            run.push(segment);
            assert_eq!(run.bytes.len(), len);
        }
        run.take()
    }

    #[test]
    fn segments_come_out_of_a_run_as_they_went_in() {
        let whole = segments(5_000);
        assert!(whole.len() > 4);
        assert_eq!(segments_of(run_of(&whole)), Ok(whole));
        assert_eq!(segments_of(Bytes::new()), Ok(Vec::new()));
    }

    #[test]
    fn what_is_cut_longer_or_something_else_is_no_run() {
        let run = run_of(&segments(100));
        for len in 1..run.len() {
            assert_eq!(segments_of(run.slice(..len)), Err(NotARun), "{len}");
        }
        let longer = [&run[..], &[0]].concat();
        assert_eq!(segments_of(longer.into()), Err(NotARun));
        let mut version = run.to_vec();
        version[4] ^= 1;
        assert_eq!(segments_of(version.into()), Err(NotARun));
        let long = run_of(&segments(MAX_RUN_LEN));
        assert_eq!(segments_of(long), Err(NotARun));
    }

    proptest! {
        #[test]
        fn no_object_makes_the_reader_of_runs_panic(object: Vec<u8>) {
            if let Ok(segments) = segments_of(object.clone().into()) {
                prop_assert_eq!(run_of(&segments), object);
            }
        }
    }
}
