//! `stt_fuzz::store_manifest` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::store_manifest::body(data));
