//! Diagnostics of the library on standard error; none unless asked for.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::exit::{Exit, Failure};

/// Begins to log what `filter` lets through.
pub(crate) fn start(filter: Option<&str>) -> Result<(), Failure> {
    let Some(filter) = filter else { return Ok(()) };
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::new(Exit::Usage, format!("log filter `{filter}`: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    Ok(())
}
