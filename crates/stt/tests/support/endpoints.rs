//! Two nodes with a session, and a manager of endpoints at each end.

use std::future::Future;

use stt::{
    Delivered, EndpointManager, EndpointOptions, Limits, Node, Refusal, RouteError, Session,
};
use stt_sim::{Link, Sim};

use crate::support::{World, address};

pub const KIB: usize = 1 << 10;
pub const MIB: usize = 1 << 20;

/// Two nodes, the session between them, and a manager at each end: the acceptor's is served.
pub struct Pair {
    pub sim: Sim,
    pub world: World,
    pub dialler: Node,
    pub acceptor: Node,
    pub to_acceptor: Session,
    pub to_dialler: Session,
    pub near: EndpointManager,
    pub far: EndpointManager,
}

impl Pair {
    /// An endpoint at the acceptor, by the same name at the dialler.
    pub fn endpoint(&self, name: &str, options: EndpointOptions) {
        self.far.create(name, options).unwrap();
        self.bind(name);
    }

    pub fn bind(&self, name: &str) {
        self.near
            .bind_remote(name, &self.to_acceptor, name)
            .unwrap();
    }
}

pub fn run<F: Future<Output = ()>>(seed: u64, link: Link, test: impl FnOnce(Pair) -> F) {
    run_with(seed, link, Limits::default(), test);
}

pub fn run_with<F>(seed: u64, link: Link, limits: Limits, test: impl FnOnce(Pair) -> F)
where
    F: Future<Output = ()>,
{
    let world = World::new(seed, link);
    let sim = world.sim.clone();
    sim.block_on(async {
        let acceptor = world.node_with(1, limits.clone()).await;
        let dialler = world.node_with(2, limits).await;
        let (near, far) = (EndpointManager::new(), EndpointManager::new());
        far.serve(&acceptor).unwrap();
        let to_acceptor = dialler.connect(address(1)).await.unwrap();
        let to_dialler = acceptor.accept().await.unwrap();
        let sim = sim.clone();
        test(Pair {
            sim,
            world,
            dialler,
            acceptor,
            to_acceptor,
            to_dialler,
            near,
            far,
        })
        .await;
    });
    sim.shutdown();
}

pub fn refused(refusal: Refusal) -> Result<Delivered, RouteError> {
    Err(RouteError::Refused(refusal))
}

pub fn number(data: &[u8]) -> u32 {
    u32::from_be_bytes(data[..4].try_into().unwrap())
}

/// An item that says its number.
pub fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut data = vec![7; len.max(4)];
    data[..4].copy_from_slice(&number.to_be_bytes());
    data
}
