//! Encoder and decoder between nodes: contexts, streams over sessions, and streams that are cut off.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use stt_sim::Link;
use support::World;

#[test]
fn both_sides_of_a_session_share_its_contexts_and_nobody_else_has_them() {
    let world = World::new(1, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let (dialler, acceptor, near, far) = world.pair().await;
        let name = |session: &stt::Session, label: &str| session.context(label).keyed_hash(b"");
        assert_eq!(name(&near, "video"), name(&far, "video"));
        assert_ne!(name(&near, "video"), name(&near, "audio"));
        let second = acceptor.connect(support::address(2)).await.unwrap();
        assert_ne!(name(&near, "video"), name(&second, "video"));
        let group = world.group.context("video").unwrap();
        assert_ne!(name(&near, "video"), group.keyed_hash(b""));
        drop(dialler);
    });
    sim.shutdown();
}
