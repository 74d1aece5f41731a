//! Segments that arrive in any order, twice, changed or never: the bytes are right, or the loss is told.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "support/segments.rs"]
mod segments;

use proptest::prelude::*;
use segments::{all, builder, bytes, context, shuffle};
use stt::BinaryStreamEncoder;
use stt::streaming::DecodeError;

/// What happens to a segment on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    Twice,
    Lost,
    Tampered { bit: u16 },
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::Arrives),
        2 => Just(Fate::Twice),
        1 => Just(Fate::Lost),
        1 => any::<u16>().prop_map(|bit| Fate::Tampered { bit }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens on the way: equal bytes if all came, else the first hole, and never a
    /// wrong byte.
    #[test]
    fn whatever_happens_on_the_way_the_bytes_are_right_or_the_loss_is_told(
        fates in prop::collection::vec(fate(), 1..60),
        order: u64,
        is_bounded: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let data = bytes(fates.len() * 213 - 8);
            let make = BinaryStreamEncoder::builder(&context()).segment_size(256);
            let segments = if is_bounded {
                all(make.bounded(data.clone())).await
            } else {
                all(make.live_reader(std::io::Cursor::new(data.clone()))).await
            };
            let fate_of = |sequence: usize| fates.get(sequence).copied().unwrap_or(Fate::Arrives);
            let mut arriving = Vec::new();
            for (i, segment) in segments.iter().enumerate() {
                let times = match fate_of(i) { Fate::Lost => 0, Fate::Twice => 2, _ => 1 };
                arriving.extend(std::iter::repeat_n(i, times));
                prop_assert_eq!(segment.sequence(), i as u64);
            }
            shuffle(&mut arriving, order);
            let mut decoder = builder().build();
            let mut seen = std::collections::BTreeSet::new();
            for i in arriving {
                let mut bytes = segments[i].bytes().to_vec();
                if let Fate::Tampered { bit } = fate_of(i) {
                    let bit = usize::from(bit) % (bytes.len() * 8);
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    prop_assert!(decoder.receive_segment(&bytes, i as u64).is_err());
                } else {
                    let received = decoder.receive_segment(&bytes, i as u64);
                    prop_assert_eq!(received.is_ok(), seen.insert(i));
                }
            }
            let missing = (0..segments.len()).find(|i| !seen.contains(i));
            let mut read = Vec::new();
            decoder.end_input();
            let mut end = None;
            while let Some(piece) = decoder.next().await {
                match piece {
                    Ok(piece) => read.extend_from_slice(&piece),
                    Err(error) => end = Some(error),
                }
            }
            prop_assert!(data.starts_with(&read));
            let above = missing.and_then(|missing| seen.range(missing..).next());
            match (missing, above) {
                (None, _) => prop_assert_eq!((read, end), (data, None)),
                (Some(missing), Some(&above)) => {
                    let sequences = missing as u64..above as u64;
                    prop_assert_eq!(end, Some(DecodeError::Lost { sequences }));
                }
                (Some(missing), None) => {
                    let (next, bytes) = (missing as u64, read.len() as u64);
                    prop_assert_eq!(end, Some(DecodeError::Truncated { next, bytes }));
                }
            }
            Ok(())
        })?;
    }
}
