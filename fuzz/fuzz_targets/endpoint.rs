//! `stt_fuzz::endpoint` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::endpoint::body(data));
