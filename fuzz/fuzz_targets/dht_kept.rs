//! `stt_fuzz::dht` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::dht_kept::body(data));
