//! Which group a command belongs to, and who it is there.

use std::path::Path;

use stt::{Group, Node, NodeBuilder, NodeSeed};

use crate::{
    args::{Bind, SeedSource},
    data_dir::node_seed_or_fresh,
    exit::Failure,
    seed,
    status::Status,
};

/// A member of a group.
pub(crate) struct Member {
    pub(crate) group: Group,
    pub(crate) seed: NodeSeed,
}

impl Member {
    /// A passphrase takes 0.2 s: call it before nodes run.
    pub(crate) fn find(
        source: &SeedSource,
        data_dir: Option<&Path>,
        status: Status,
    ) -> Result<Self, Failure> {
        let group = seed::group(source)?;
        let seed = node_seed_or_fresh(data_dir, status)?;
        Ok(Self { group, seed })
    }

    /// A node of it, bound as asked.
    pub(crate) async fn builder(self, binds: &[Bind]) -> Result<NodeBuilder, Failure> {
        let mut builder = Node::builder(self.group).node_seed(self.seed);
        for asked in binds {
            builder = asked.apply(builder).await?;
        }
        Ok(builder)
    }
}
