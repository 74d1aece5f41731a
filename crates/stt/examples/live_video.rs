//! Live video to one viewer: sealed as the camera makes it, carried as messages, opened as it comes.
//! To STT it is bytes.
//!
//! `cargo run -p stt --example live_video [FILE]`, where FILE is what an encoder made, for example
//! `ffmpeg -f lavfi -i testsrc=duration=2 -c:v libx264 test.h264`. Without one the camera makes up
//! pictures in the shape of H.264.
#![allow(clippy::print_stdout, reason = "a program")]

use std::{error::Error, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use stt::{BinaryStreamDecoder, BinaryStreamEncoder, Group, Node, Segment, SystemEntropy};

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().skip(1).find(|arg| arg.ends_with("264"));
    let video = file.map_or_else(|| Ok(made_up()), std::fs::read)?;
    let group = Group::generate(&mut SystemEntropy);
    let camera = Node::builder(group.clone()).bind("127.0.0.1:0".parse()?);
    let viewer = Node::builder(group).bind("127.0.0.1:0".parse()?);
    let (camera, viewer) = (camera.start().await?, viewer.start().await?);
    let to_viewer = camera.connect(viewer.local_addresses()[0]).await?;
    let to_camera = viewer.accept().await.ok_or("viewer stopped")?;

    let mut encoder = BinaryStreamEncoder::live(pictures(&video), &to_viewer.context("video"));
    let send = async {
        while let Some(segment) = encoder.next().await {
            let segment = segment?.into_bytes();
            to_viewer.send_on_stream(VIDEO, segment).await?;
        }
        Ok::<_, Box<dyn Error>>(to_viewer.close().await?)
    };

    let mut decoder = BinaryStreamDecoder::new(&to_camera.context("video"));
    let feeder = decoder.feeder();
    let receive = async move {
        let mut packets = viewer.receive();
        while let Some(packet) = packets.next().await {
            let segment = Segment::decode(packet.data)?;
            feeder.receive_segment(&segment, segment.sequence())?;
            if segment.is_last() {
                break;
            }
        }
        Ok(())
    };
    let watch = async {
        let mut seen = Vec::new();
        while let Some(bytes) = decoder.next().await {
            seen.extend_from_slice(&bytes?); // Here your H.264 decoder gets to work.
        }
        Ok(seen)
    };

    let ((), (), seen) = tokio::try_join!(send, receive, watch)?;
    assert!(seen == video, "the viewer saw something else");
    println!("{} bytes of video were seen as they came", seen.len());
    Ok(())
}

/// The camera: a picture's worth of bytes every few milliseconds.
fn pictures(video: &[u8]) -> impl Stream<Item = Bytes> + use<> {
    let pictures: Vec<_> = video.chunks(5_000).map(Bytes::copy_from_slice).collect();
    stream::iter(pictures).then(|picture| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        picture
    })
}

/// Slices behind start codes, as in H.264 (Annex B).
fn made_up() -> Vec<u8> {
    let slice = |number: u8| [&[0, 0, 0, 1, 0x65, number][..], &[number | 1; 4_000]].concat();
    (0..60).flat_map(slice).collect()
}

const VIDEO: u64 = 1;
