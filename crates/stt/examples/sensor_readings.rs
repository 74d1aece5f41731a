//! Sensor readings as JSON in the content store: the address of the bytes is how they are found
//! again, and the same bytes are kept once. To STT they are bytes.
//!
//! `cargo run -p stt --example sensor_readings`
#![allow(clippy::print_stdout, reason = "a program")]

use std::error::Error;

use serde_json::{Value, json};
use stt::{BinaryStorage, NodeSeed, SystemEntropy, storage::StoreKey};

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let seed = NodeSeed::generate(&mut SystemEntropy);
    let storage = BinaryStorage::open(directory.path(), StoreKey::Node(&seed)).await?;

    let reading = json!({ "temp": 25.3, "humidity": 60 });
    let stored = storage.store(reading.to_string()).await?;
    println!("stored durably as {}", stored.address);

    let again = storage.store(reading.to_string()).await?;
    assert_eq!(
        again.address, stored.address,
        "the same bytes have one address"
    );
    storage
        .store(json!({ "temp": 25.4, "humidity": 60 }).to_string())
        .await?;
    assert_eq!(storage.stats().await?.objects, 2, "and are kept once");

    storage.close().await?;
    let storage = BinaryStorage::open(directory.path(), StoreKey::Node(&seed)).await?;
    let bytes = storage.retrieve(stored.address).await?;
    assert_eq!(serde_json::from_slice::<Value>(&bytes)?, reading);
    println!(
        "after a restart it reads {}",
        String::from_utf8_lossy(&bytes)
    );

    let stranger = NodeSeed::generate(&mut SystemEntropy);
    storage.close().await?;
    let refused = BinaryStorage::open(directory.path(), StoreKey::Node(&stranger)).await;
    println!(
        "to another seed: {}",
        refused.err().ok_or("a stranger read it")?
    );
    Ok(())
}
