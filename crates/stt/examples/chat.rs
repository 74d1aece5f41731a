//! A chat, on two frame types of its own: lines arrive, all of them and in order; "is typing" is a
//! datagram that may get lost.
//!
//! `cargo run -p stt --example chat`
#![allow(clippy::print_stdout, reason = "a program")]

use std::error::Error;

use stt::{Frame, FrameDispatcher, Group, Node, Session, SystemEntropy};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const LINE: u8 = 0x80;
const TYPING: u8 = 0x81;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let group = Group::generate(&mut SystemEntropy);
    let alice = Node::builder(group.clone())
        .bind("127.0.0.1:0".parse()?)
        .start()
        .await?;
    let bob = Node::builder(group)
        .bind("127.0.0.1:0".parse()?)
        .start()
        .await?;
    let (heard, mut lines) = unbounded_channel();
    listen("alice", &alice, &heard)?;
    listen("bob", &bob, &heard)?;

    let to_alice = bob.connect(alice.local_addresses()[0]).await?;
    let to_bob = alice.accept().await.ok_or("alice stopped")?;
    to_alice.send_datagram(TYPING.try_into()?, "")?;
    for line in ["hello", "do you read me?"] {
        to_alice.send_frame(LINE.try_into()?, line).await?;
    }
    assert_eq!(lines.recv().await.as_deref(), Some("alice heard: hello"));
    assert_eq!(
        lines.recv().await.as_deref(),
        Some("alice heard: do you read me?")
    );
    to_bob
        .send_frame(LINE.try_into()?, "loud and clear")
        .await?;
    assert_eq!(
        lines.recv().await.as_deref(),
        Some("bob heard: loud and clear")
    );

    to_alice.close().await?; // Both know that nothing was lost.
    Ok(())
}

/// Shows what others say to `name`.
fn listen(
    name: &'static str,
    node: &Node,
    heard: &UnboundedSender<String>,
) -> Result<(), Box<dyn Error>> {
    let dispatcher = FrameDispatcher::new();
    let heard = heard.clone();
    dispatcher.register_handler(LINE, move |_: Session, frame: Frame| {
        let line = format!("{name} heard: {}", String::from_utf8_lossy(&frame.payload));
        println!("{line}");
        heard.send(line)
    })?;
    dispatcher.register_handler(TYPING, |from: Session, _: Frame| {
        println!("{:.8} is typing", from.peer().to_string());
    })?;
    dispatcher.on_unhandled(|_, frame| println!("a frame of type {:?}?", frame.frame_type));
    dispatcher.serve(node)?;
    Ok(())
}
