//! Live video to several viewers at once, and to one who comes late: sealed once for the group,
//! routed to an endpoint at each viewer, kept in a store; viewers tell by events how they fared.
//!
//! `cargo run -p stt --example video_wall`

use std::error::Error;

use bytes::Bytes;
use futures_util::stream;
use stt::{
    BinaryStorage, BinaryStreamDecoder, BinaryStreamEncoder, BridgeOptions, EndpointManager,
    EndpointOptions, Event, EventEmitter, Group, Node, NodeSeed, Segment, SystemEntropy,
    storage::StoreKey,
};
use tokio::sync::mpsc::unbounded_channel;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let (group, directory) = (Group::generate(&mut SystemEntropy), tempfile::tempdir()?);
    let (camera, key) = (node(&group).await?, NodeSeed::generate(&mut SystemEntropy));
    let storage = BinaryStorage::open(directory.path(), StoreKey::Node(&key)).await?;
    let (wall, events) = (EndpointManager::new(), EventEmitter::new());
    let (tell, mut seen) = unbounded_channel();
    events.on("seen", move |video: Event<Bytes>| tell.send(video.len()))?;
    events.bridge_all(&camera, BridgeOptions::new())?;
    for name in ["left", "middle", "right"] {
        let viewer = node(&group).await?;
        let session = camera.connect(viewer.local_addresses()[0]).await?;
        wall.bind_remote(name, &session, "screen")?;
        tokio::spawn(watch(viewer, group.clone()));
    }
    wall.bind_group("wall", ["left", "middle", "right"])?;

    let video: Vec<Bytes> = (0..100)
        .map(|picture| vec![picture; 5_000].into())
        .collect();
    let mut encoder = BinaryStreamEncoder::live(stream::iter(video), &group.context("video")?);
    let mut recording = Vec::new();
    while let Some(segment) = encoder.next().await {
        let segment = segment?.into_bytes();
        recording.push(storage.store(segment.clone()).await?);
        for sent in wall.route_to_group("wall", segment)?.all().await {
            sent.outcome?;
        }
    }
    for _ in 0..3 {
        assert_eq!(seen.recv().await, Some(500_000), "a viewer saw all of it");
    }
    let mut late = BinaryStreamDecoder::new(&group.context("video")?);
    for (segment, sequence) in recording.into_iter().zip(0..) {
        late.receive_segment(storage.retrieve(segment).await?, sequence)?;
    }
    assert_eq!(late.receive_all().await?.len(), 500_000);
    Ok(())
}

/// A viewer: what is routed to its screen is decoded, and at the end an event tells of it.
async fn watch(node: Node, group: Group) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (endpoints, events) = (EndpointManager::new(), EventEmitter::new());
    let mut screen = endpoints.create("screen", EndpointOptions::default())?;
    endpoints.serve(&node)?;
    events.bridge_all(&node, BridgeOptions::new())?;
    let mut decoder = BinaryStreamDecoder::new(&group.context("video")?);
    while let Some(item) = screen.next().await {
        let segment = Segment::decode(item.data)?;
        decoder.receive_segment(&segment, segment.sequence())?;
        if segment.is_last() {
            events.emit("seen", decoder.receive_all().await?).await?;
        }
    }
    Ok(())
}

async fn node(group: &Group) -> Result<Node, Box<dyn Error>> {
    let node = Node::builder(group.clone()).bind("127.0.0.1:0".parse()?);
    Ok(node.start().await?)
}
