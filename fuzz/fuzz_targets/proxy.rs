//! `stt_fuzz::proxy` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::proxy::body(data));
