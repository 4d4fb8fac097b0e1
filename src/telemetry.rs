//! Log lines: on stderr, never on stdout, and never with a secret in them.
//!
//! Whoever read them may go away (`meetsync run 2>&1 | head`). The work is worth more than its log, so a line that can't
//! be written is lost, and nothing else: the library would tell of that failure on stderr once more, and panic there.

use std::io::{self, IsTerminal, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// The scheduler tells at `info` how it is built, which says nothing to those who run the worker. A filter that names
/// it has the last word.
const QUIETER: &str = "tokio_cron_scheduler=warn";

/// Whether lines are JSON, as far as it is known by now.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Says how lines look, before there are settings to set logging up by, or where they can't be used.
pub fn expect(json: bool) {
    IS_JSON.store(json, Ordering::Relaxed);
}

/// Why a command could not do its work: its last line, in the form of the log's and whatever its filter.
pub fn last_line(words: &str) {
    if IS_JSON.load(Ordering::Relaxed) {
        let subscriber = fmt().json().with_writer(io::stderr).log_internal_errors(false).finish();
        tracing::subscriber::with_default(subscriber, || tracing::error!("{words}"));
    } else {
        // Nobody is left to tell where stderr is closed.
        let _ = writeln!(io::stderr().lock(), "meetsync: {words}");
    }
}

/// Sets up logging for the process; a second call changes nothing (tests run many commands in one process).
pub fn set_up(json: bool, filter: &str) {
    expect(json);
    let filter = directives(filter);
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .log_internal_errors(false);
    let result = if json { builder.json().try_init() } else { builder.with_target(false).try_init() };
    // Only the first of a process can win, and that is the one whose command was typed.
    drop(result);
}

fn directives(filter: &str) -> EnvFilter {
    EnvFilter::try_new(format!("{QUIETER},{filter}")).unwrap_or_else(|_| EnvFilter::new("info"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::{Level, enabled, subscriber::with_default};

    #[test]
    fn the_scheduler_says_nothing_below_a_warning_unless_it_is_asked_to() {
        for (filter, info, warn, ours) in [
            ("info", false, true, true),
            ("trace", false, true, true),
            ("error", false, true, false),
            ("info,tokio_cron_scheduler=info", true, true, true),
            ("tokio_cron_scheduler=off", false, false, false),
        ] {
            let subscriber = fmt().with_env_filter(directives(filter)).finish();
            with_default(subscriber, || {
                assert_eq!(enabled!(target: "tokio_cron_scheduler", Level::INFO), info, "{filter}");
                assert_eq!(enabled!(target: "tokio_cron_scheduler", Level::WARN), warn, "{filter}");
                assert_eq!(enabled!(target: "meetsync", Level::INFO), ours, "{filter}");
            });
        }
    }
}
