//! `stt_fuzz::node_id` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::node_id::body(data));
