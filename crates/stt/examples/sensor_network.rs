//! Three sensors, a gateway and a threshold: readings come to the gateway as events and go into its
//! store; one that is too hot becomes an event of its own, which every sensor hears.
//!
//! `cargo run -p stt --example sensor_network`
#![allow(clippy::print_stdout, reason = "a program")]

use std::error::Error;

use bytes::Bytes;
use stt::{
    BinaryStorage, BridgeOptions, Event, EventEmitter, Group, Node, NodeSeed, SystemEntropy,
    storage::StoreKey,
};
use tokio::sync::mpsc::unbounded_channel;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let (group, directory) = (Group::generate(&mut SystemEntropy), tempfile::tempdir()?);
    let seed = NodeSeed::generate(&mut SystemEntropy);
    let store = BinaryStorage::open(directory.path(), StoreKey::Node(&seed)).await?;

    let gateway = node(&group).await?;
    let events = EventEmitter::new();
    events.bridge_all(&gateway, BridgeOptions::new())?;
    let (done, mut stored) = unbounded_channel();
    let (alarm, readings) = (events.clone(), store.clone());
    events.on("reading", move |reading: Event<Bytes>| {
        let (alarm, readings, done) = (alarm.clone(), readings.clone(), done.clone());
        async move {
            let reading = Bytes::clone(&reading);
            readings.store(reading.clone()).await?;
            if std::str::from_utf8(&reading)?.parse::<f32>()? > 60.0 {
                alarm.emit("too hot", reading).await?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(done.send(())?)
        }
    })?;

    let (heard, mut alarms) = unbounded_channel();
    let mut sensors = Vec::new();
    for number in 0..3 {
        let (sensor, heard, node) = (EventEmitter::new(), heard.clone(), node(&group).await?);
        sensor.on("too hot", move |degrees: Event<Bytes>| {
            let degrees = String::from_utf8_lossy(&degrees);
            println!("sensor {number} hears that somewhere it is {degrees} degrees");
            heard.send(number)
        })?;
        let session = node.connect(gateway.local_addresses()[0]).await?;
        sensor.bridge(&session, BridgeOptions::new())?;
        sensors.push((node, sensor));
    }
    for ((_, sensor), last) in sensors.iter().zip(["22", "42", "62"]) {
        for degrees in ["20.5", "21", last] {
            sensor.emit("reading", Bytes::from(degrees)).await?;
        }
    }

    let mut who = [(); 3].map(|()| None);
    for who in &mut who {
        *who = alarms.recv().await;
    }
    who.sort_unstable();
    assert_eq!(who, [Some(0), Some(1), Some(2)], "each heard of it once");
    for _ in 0..9 {
        stored.recv().await;
    }
    assert_eq!(
        store.stats().await?.objects,
        5,
        "the same reading twice is one"
    );
    Ok(())
}

async fn node(group: &Group) -> Result<Node, Box<dyn Error>> {
    let node = Node::builder(group.clone()).bind("127.0.0.1:0".parse()?);
    Ok(node.start().await?)
}
