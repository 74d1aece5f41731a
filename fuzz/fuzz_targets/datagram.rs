//! `stt_fuzz::datagram` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stt_fuzz::datagram::body(data));
