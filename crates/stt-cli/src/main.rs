//! The command `stt`: encrypted pipes between peers that share a seed, and an encrypted store.
//!
//! ```text
//! args    what may be asked             seed      making, keeping and finding a group's seed
//! exit    how the command may end       data_dir  what a node keeps: who it is
//! member  which group, and who in it    pipe      listen and connect
//! teller  where answers go              doctor    what this network lets through
//! status  lines on standard error       forward   connections of other programs
//! pages   man page, completions         store     bytes kept on this machine
//! content put, get, replicate: for members
//! demo    the main job, seen and checked    node      a node that runs until it is stopped
//! control what commands ask of that node    network   members and providers, found
//! ```
//!
//! Standard output carries data and nothing else; what a person should know goes to standard error.

mod args;
mod content;
mod control;
mod data_dir;
mod demo;
mod doctor;
mod exit;
mod forward;
mod log;
mod member;
mod network;
mod node;
mod pages;
mod pipe;
mod private_file;
mod rate;
mod runtime;
mod seed;
mod signals;
mod standard;
mod status;
mod store;
mod teller;

use std::io::{self, Write};

use crate::{
    args::{Cli, Command},
    exit::{Exit, Failure},
    runtime::Threads,
    status::Status,
};

fn main() {
    let cli = Cli::read();
    let status = Status::new(cli.json);
    let exit = match run(cli, status) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            status.failed(&failure);
            failure.exit
        }
    };
    // A thread may still wait for standard input, which would keep a process that merely returned.
    let _ = io::stdout().flush();
    std::process::exit(exit.code());
}

fn run(cli: Cli, status: Status) -> Result<(), Failure> {
    log::start(cli.log.as_deref())?;
    let data_dir = cli.data_dir;
    match cli.command {
        Command::Seed(asked) => seed::run(asked, status),
        Command::Id => data_dir::id(data_dir.as_deref(), status),
        Command::Put(asked) => runtime::run(Threads::Many, content::put(asked, data_dir, status)),
        Command::Get(asked) => runtime::run(Threads::Many, content::get(asked, data_dir, status)),
        Command::Replicate(asked) => {
            runtime::run(Threads::Many, content::replicate(asked, data_dir, status))
        }
        Command::Store(asked) => runtime::run(Threads::One, store::run(asked, data_dir, status)),
        Command::Listen(asked) => runtime::run(
            Threads::One,
            pipe::listen(asked, data_dir.as_deref(), status),
        ),
        Command::Connect(asked) => runtime::run(
            Threads::One,
            pipe::connect(asked, data_dir.as_deref(), status),
        ),
        Command::Forward(asked) => runtime::run(
            Threads::Many,
            forward::forward(*asked, data_dir.as_deref(), status),
        ),
        Command::Node(asked) => runtime::run(
            Threads::Many,
            node::node(asked, data_dir.as_deref(), status),
        ),
        Command::Doctor(asked) => runtime::run(
            Threads::One,
            doctor::doctor(*asked, data_dir.as_deref(), status),
        ),
        Command::Peers(asked) => runtime::run(
            Threads::One,
            network::peers(asked, data_dir.as_deref(), status),
        ),
        Command::Find(asked) => runtime::run(
            Threads::One,
            network::find(asked, data_dir.as_deref(), status),
        ),
        Command::Demo(asked) => {
            let shape = demo::Shape::wanted(cli.json);
            runtime::run(Threads::Many, demo::run(asked, data_dir.as_deref(), shape))
        }
        Command::Completions { shell } => pages::completions(shell),
        Command::Man { command } => pages::man(&command),
    }
}
