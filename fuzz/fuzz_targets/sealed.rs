//! `stt_fuzz::sealed` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::sealed::body(data));
