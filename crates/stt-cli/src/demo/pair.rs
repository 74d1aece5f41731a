//! Nodes on the loopback address, and two of them with a session.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use stt::{Group, Limits, Node, NodeSeed, Session, SystemEntropy};

/// A node of `group` on a free port.
pub(super) async fn node(group: &Group) -> anyhow::Result<Node> {
    Ok(Node::builder(group.clone())
        .bind(loopback())
        .start()
        .await?)
}

/// A node that is who `seed` says.
pub(super) async fn node_of(group: &Group, seed: Option<&NodeSeed>) -> anyhow::Result<Node> {
    let mut builder = Node::builder(group.clone()).bind(loopback());
    if let Some(seed) = seed {
        builder = builder.node_seed(NodeSeed::from_bytes(*seed.as_bytes()));
    }
    Ok(builder.start().await?)
}

/// A node that gives up dialling after `patience`.
pub(super) async fn hasty_node(group: &Group, patience: Duration) -> anyhow::Result<Node> {
    let mut limits = Limits::default();
    limits.handshake_timeout = patience;
    let builder = Node::builder(group.clone()).bind(loopback()).limits(limits);
    Ok(builder.start().await?)
}

pub(super) fn new_group() -> Group {
    Group::generate(&mut SystemEntropy)
}

/// Where a node is found.
pub(super) fn address(node: &Node) -> anyhow::Result<SocketAddr> {
    let addresses = node.local_addresses();
    addresses.first().copied().context("a node without address")
}

/// Two nodes of one group with a session between them.
pub(super) struct Pair {
    pub(super) group: Group,
    pub(super) dialler: Node,
    pub(super) listener: Node,
    /// The session as the dialler has it.
    pub(super) near: Session,
    /// The same session as the listener has it.
    pub(super) far: Session,
}

impl Pair {
    pub(super) async fn start(seed: Option<&NodeSeed>) -> anyhow::Result<Self> {
        let group = new_group();
        let listener = node_of(&group, seed).await?;
        let dialler = node(&group).await?;
        let near = dialler.connect(address(&listener)?).await?;
        let far = listener.accept().await.context("the listener is gone")?;
        Ok(Self {
            group,
            dialler,
            listener,
            near,
            far,
        })
    }

    /// Ends in order and says so only if both sides do.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        let (near, far) = tokio::join!(self.near.close(), self.far.close());
        near.context("the dialler's end")?;
        far.context("the listener's end")?;
        self.leave().await;
        Ok(())
    }

    /// Frees the sockets, whatever the sessions do.
    pub(super) async fn leave(self) {
        tokio::join!(
            self.dialler.shutdown(LEAVE_WITHIN),
            self.listener.shutdown(LEAVE_WITHIN)
        );
    }
}

/// A free port of the system's choice.
pub(super) fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// For nodes whose work is done.
pub(super) const LEAVE_WITHIN: Duration = Duration::from_millis(100);
