//! `stt_fuzz::ws_url` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::ws_url::body(data));
