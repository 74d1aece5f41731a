//! What is printed rather than done: completions, man pages, and single lines of data.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{args::Cli, exit::Failure};

/// `stt completions`.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "stt", &mut script);
    print_bytes(&script)
}

/// `stt man`: the page of the command, or of one of its subcommands, however deep.
pub(crate) fn man(names: &[String]) -> Result<(), Failure> {
    let mut page = Cli::command();
    page.build();
    for (depth, name) in names.iter().enumerate() {
        let below = page.get_subcommands();
        let found = below.filter(|command| command.get_name() == name).cloned();
        page = found.last().ok_or_else(|| {
            Failure::usage(format!(
                "there is no command `{}`",
                names[..=depth].join(" ")
            ))
        })?;
    }
    let mut rendered = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut rendered)
        .map_err(|error| Failure::other(error.to_string()))?;
    print_bytes(&rendered)
}

/// Writes a JSON document, on one line, to standard output.
pub(crate) fn print_json(document: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{document}\n"))
}

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::unwritten("standard output", &error)),
        Ok(()) => Ok(()),
    }
}
