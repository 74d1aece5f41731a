//! The lab is what it says it is: each NAT, firewall and wire is measured from both sides.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod blocked;
mod captures;
mod doctor;
mod links;
mod members;
mod narrow;
mod nats;
mod neighbours;
mod ports;
mod programs;
mod punching;
mod rates;
mod relay;
mod roaming;
mod suspended;
mod transfer;
mod wires;

use std::io::{self, Write};
use std::time::Duration;

use stt_lab::{Lab, LabError};

/// How long what must happen may take on a busy machine, and how long it is looked for what must not.
const PATIENCE: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(300);

/// A lab, or nothing where there can be none; then the test says so and passes over. With
/// `STT_LAB=required` in the environment it fails instead.
fn lab() -> Option<Lab> {
    match Lab::new() {
        Ok(lab) => Some(lab),
        Err(LabError::Unavailable(reason)) if !is_required() => {
            let _ = writeln!(
                io::stderr(),
                "SKIPPED, nothing was tested, no lab: {reason}"
            );
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn is_required() -> bool {
    std::env::var_os("STT_LAB").is_some_and(|value| value == "required")
}
