//! What is printed.
#![expect(clippy::print_stdout, reason = "a soak is there to print")]

use std::time::Duration;

use meetsync::demo::standin::LogEntry;

use crate::Anything;
use crate::stage::Stage;

pub(crate) struct Report {
    lines: Vec<(&'static str, String)>,
    wrong: Vec<String>,
}

impl Report {
    pub(crate) async fn new(
        stage: &Stage,
        edits: usize,
        latencies: &[Duration],
        memory: (f64, f64),
        out_of_step: &[String],
    ) -> Result<Self, Anything> {
        let log = stage.standin.log();
        let at_once = at_once(&log);
        let counted = |outcomes: &str| {
            format!("SELECT count(*)::text FROM meetsync.attempt WHERE outcome IN ({outcomes})")
        };
        let attempts = stage.texts("SELECT count(*)::text FROM meetsync.attempt").await?.join("");
        let failed = stage.texts(&counted("'retry', 'in_doubt', 'refused', 'lost'")).await?.join("");
        let seconds = |at: usize| {
            latencies.get(at).map_or("-".to_owned(), |latency| format!("{:.1} s", latency.as_secs_f64()))
        };
        let mut wrong = out_of_step.to_vec();
        wrong.extend(at_once.iter().map(|pair| format!("at once: {pair}")));
        if std::fs::read_to_string(stage.said())?.contains("panicked") {
            wrong.push("a worker panicked".to_owned());
        }
        let lines = vec![
            ("edits", edits.to_string()),
            ("faults", stage.faults.to_string()),
            ("workers killed", stage.killed.to_string()),
            ("requests", log.len().to_string()),
            ("  of them changes", log.iter().filter(|entry| entry.session().is_some()).count().to_string()),
            ("steps", attempts),
            ("  of them to be tried again", failed),
            ("edit to accepted, median", seconds(latencies.len() / 2)),
            ("edit to accepted, worst", seconds(latencies.len().saturating_sub(1))),
            ("memory at the start", format!("{:.1} MiB", memory.0)),
            ("memory at the end", format!("{:.1} MiB", memory.1)),
            ("two requests for one session at once", at_once.len().to_string()),
            ("sessions out of step", out_of_step.len().to_string()),
        ];
        Ok(Self { lines, wrong })
    }

    pub(crate) fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }

    pub(crate) fn print(&self) {
        println!();
        let width = self.lines.iter().map(|(what, _)| what.len()).max().unwrap_or(0);
        for (what, value) in &self.lines {
            println!("{what:<width$}  {value:>12}");
        }
        for wrong in &self.wrong {
            println!("{wrong}");
        }
    }
}

/// Pairs of requests about one session that were under way at once.
fn at_once(log: &[LogEntry]) -> Vec<String> {
    let end = |entry: &LogEntry| entry.ended.unwrap_or(Duration::MAX);
    let mut last = std::collections::BTreeMap::new();
    let mut found = Vec::new();
    for entry in log {
        let Some(session) = entry.session() else { continue };
        if let Some(before) = last.insert(session, entry)
            && end(before) > entry.began
        {
            found.push(format!("session {session}, requests {} and {}", before.seq, entry.seq));
        }
    }
    found
}

/// What goes on, for whoever waits.
pub(crate) fn note(line: &str) {
    println!("{line}");
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
