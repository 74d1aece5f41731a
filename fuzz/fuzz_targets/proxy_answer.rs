//! `stt_fuzz::proxy_answer` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::proxy_answer::body(data));
