//! `stt_fuzz::ws_answer` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::ws_answer::body(data));
