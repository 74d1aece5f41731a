//! `stt_fuzz::ws_request` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::ws_request::body(data));
