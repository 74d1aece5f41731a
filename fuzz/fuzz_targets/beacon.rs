//! `stt_fuzz::beacon` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::beacon::body(data));
