//! Diagnostics of the library on standard error; none unless asked for.

use std::{
    env,
    io::{self, IsTerminal},
};

use tracing_subscriber::EnvFilter;

use crate::exit::{Exit, Failure};

/// Begins to log what `filter` lets through.
pub(crate) fn start(filter: Option<&str>) -> Result<(), Failure> {
    let Some(filter) = filter else { return Ok(()) };
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::new(Exit::Usage, format!("log filter `{filter}`: {error}")))?;
    let no_colour = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !no_colour)
        .init();
    Ok(())
}
