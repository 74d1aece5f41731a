//! Measures STT beside noq and quinn, the same way for all of them.
//!
//! | | where |
//! |---|---|
//! | the command line | [`args`] |
//! | rounds of runs, each of two processes | [`rounds`], [`children`] |
//! | what is measured | [`scenarios`] |
//! | who is measured | [`peers`] |
//! | CPU time and memory | [`system`] |
//! | tables and JSON | [`report`] |

mod args;
mod children;
mod peers;
mod report;
mod rounds;
mod scenarios;
mod system;

use std::io::{BufRead, Read, stdin};

use anyhow::Result;
use clap::Parser;
use tokio::runtime::{self, Runtime};

use args::{Arguments, Flavor, PeerName, Run, Side};
use peers::{
    Peer, Ticket, Tls,
    noq::Noq,
    quinn::Quinn,
    stt::{Stt, Udp, Ws, Wss},
    tungstenite::Tungstenite,
};
use scenarios::{Job, Outcome, Scenario};

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.side {
        None => report::print(&arguments.plan, &rounds::run(&arguments.plan)?),
        Some(Side::Server(run)) => begin(run)?.block_on(server(run)),
        Some(Side::Client(run)) => {
            let mut line = String::new();
            stdin().lock().read_line(&mut line)?;
            let ticket = Ticket::parse(&line)?;
            let outcome = begin(run)?.block_on(client(run, &ticket))?;
            println!("{}", serde_json::to_string(&outcome)?);
            Ok(())
        }
    }
}

fn begin(run: &Run) -> Result<Runtime> {
    if let Some(cpu) = run.cpu {
        system::pin_to(cpu)?;
    }
    let mut builder = match run.settings.flavor {
        Flavor::MultiThread => runtime::Builder::new_multi_thread(),
        Flavor::CurrentThread => runtime::Builder::new_current_thread(),
    };
    Ok(builder.enable_all().build()?)
}

async fn server(run: &Run) -> Result<()> {
    let (scenario, tls) = (run.scenario, run.settings.tls);
    std::thread::spawn(exit_with_parent);
    match run.peer {
        PeerName::Stt => {
            let (stt, ticket) = Stt::<Udp>::serve(tls).await?;
            println!("{}", ticket.to_line());
            scenarios::serve_stt(stt, scenario).await
        }
        PeerName::Noq => serve::<Noq>(tls, scenario).await,
        PeerName::Quinn => serve::<Quinn>(tls, scenario).await,
        PeerName::SttWs => serve::<Stt<Ws>>(tls, scenario).await,
        PeerName::SttWss => serve::<Stt<Wss>>(tls, scenario).await,
        PeerName::Tungstenite => serve::<Tungstenite>(tls, scenario).await,
    }
}

async fn serve<P: Peer>(tls: Tls, scenario: Scenario) -> Result<()> {
    let (peer, ticket) = P::serve(tls).await?;
    println!("{}", ticket.to_line());
    scenarios::serve(peer, scenario).await;
    Ok(())
}

async fn client(run: &Run, ticket: &Ticket) -> Result<Outcome> {
    let job = Job {
        server: ticket.address,
        server_process: run.server,
        scenario: run.scenario,
        settings: run.settings.clone(),
    };
    let tls = run.settings.tls;
    match run.peer {
        PeerName::Stt => scenarios::measure_stt(Stt::client(tls, ticket).await?, job).await,
        PeerName::Noq => measure::<Noq>(tls, ticket, job).await,
        PeerName::Quinn => measure::<Quinn>(tls, ticket, job).await,
        PeerName::SttWs => measure::<Stt<Ws>>(tls, ticket, job).await,
        PeerName::SttWss => measure::<Stt<Wss>>(tls, ticket, job).await,
        PeerName::Tungstenite => measure::<Tungstenite>(tls, ticket, job).await,
    }
}

async fn measure<P: Peer>(tls: Tls, ticket: &Ticket, job: Job) -> Result<Outcome> {
    scenarios::measure(P::client(tls, ticket).await?, job).await
}

/// A server outlives nobody: its standard input ends when whoever started it does.
fn exit_with_parent() {
    let _ = stdin().lock().read_to_end(&mut Vec::new());
    std::process::exit(0);
}
