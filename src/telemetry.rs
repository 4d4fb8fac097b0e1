//! Log lines: on stderr, never on stdout, and never with a secret in them.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Sets up logging for the process; a second call changes nothing (tests run many commands in one process).
pub fn set_up(json: bool, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let result = if json { builder.json().try_init() } else { builder.with_target(false).try_init() };
    // Only the first of a process can win, and that is the one whose command was typed.
    drop(result);
}
