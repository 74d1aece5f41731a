//! How fast items of 64 bytes come into a peer's endpoint, beside messages on a stream id.
//!
//! ```sh
//! cargo bench -p stt --bench routing
//! ```
//!
//! Two nodes in one process, over loopback, each on the threads of one Tokio runtime. One line a
//! way, best and median of [`ROUNDS`].

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::{
    error::Error,
    future::Future,
    time::{Duration, Instant},
};

use bytes::Bytes;
use stt::{EndpointManager, EndpointOptions, Group, Node, Session, SystemEntropy};
use tokio::sync::mpsc;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let group = Group::generate(&mut SystemEntropy);
    let (near, far) = (node(&group).await?, node(&group).await?);
    let session = near.connect(far.local_addresses()[0]).await?;
    let (here, there) = (EndpointManager::new(), EndpointManager::new());
    there.serve(&far)?;
    there.create("e", EndpointOptions::default())?;
    here.bind_remote("e", &session, "e")?;

    measure("send_on_stream", MANY, || messages(&session, &far)).await?;
    measure("begin_route, answers awaited aside", MANY, || {
        pipelined(&here, &there)
    })
    .await?;
    measure("route_to_endpoint, one after the other", FEW, || {
        one_by_one(&here, &there)
    })
    .await
}

async fn node(group: &Group) -> Outcome<Node> {
    let builder = Node::builder(group.clone()).bind("127.0.0.1:0".parse()?);
    Ok(builder.start().await?)
}

async fn measure<F>(way: &str, count: u32, round: impl Fn() -> F) -> Outcome<()>
where
    F: Future<Output = Outcome<()>>,
{
    round().await?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        round().await?;
        times.push(began.elapsed());
    }
    times.sort();
    let rate = |time: Duration| f64::from(count) / time.as_secs_f64();
    println!(
        "{way}: best {:.0}/s, median {:.0}/s",
        rate(times[0]),
        rate(times[ROUNDS / 2])
    );
    Ok(())
}

async fn messages(session: &Session, far: &Node) -> Outcome<()> {
    let mut receiver = far.receive();
    let receiving = tokio::spawn(async move {
        for _ in 0..MANY {
            receiver.next().await.ok_or("shut down")?;
        }
        Outcome::Ok(())
    });
    let session = session.clone();
    let sending = tokio::spawn(async move {
        for _ in 0..MANY {
            session.send_on_stream(1, ITEM).await?;
        }
        Outcome::Ok(())
    });
    sending.await??;
    receiving.await?
}

async fn pipelined(here: &EndpointManager, there: &EndpointManager) -> Outcome<()> {
    let taking = take(there, MANY);
    let here = here.clone();
    let (routes, mut begun) = mpsc::channel(4_096);
    let routing = tokio::spawn(async move {
        for _ in 0..MANY {
            let route = here.begin_route("e", ITEM).await?;
            routes.send(route).await?;
        }
        Outcome::Ok(())
    });
    while let Some(route) = begun.recv().await {
        route.await?;
    }
    routing.await??;
    taking.await?
}

async fn one_by_one(here: &EndpointManager, there: &EndpointManager) -> Outcome<()> {
    let taking = take(there, FEW);
    for _ in 0..FEW {
        here.route_to_endpoint("e", ITEM).await?;
    }
    taking.await?
}

fn take(there: &EndpointManager, count: u32) -> tokio::task::JoinHandle<Outcome<()>> {
    let there = there.clone();
    tokio::spawn(async move {
        for _ in 0..count {
            there.receive_from("e").await?;
        }
        Ok(())
    })
}

const ITEM: Bytes = Bytes::from_static(&[0x5a; 64]);
const MANY: u32 = 500_000;
const FEW: u32 = 10_000;
const ROUNDS: usize = 5;
