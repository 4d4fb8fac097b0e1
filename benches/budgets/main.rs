//! Measures what meetsync promises about speed, against the promises: `scripts/bench/run`.
//!
//! Everything is real but the other two ends: a throwaway PostgreSQL holds the made-up datatracker of
//! `scripts/bench/*.sql`, and the stand-in Meetecho answers. Numbers are of this machine, at this moment; a busy one is
//! slower. An argument that names a part (`pass`, `sessions`, `resync`, `planner`, `latency`, `idle`, `outage`) runs only
//! that; `outage:600` lasts 600 s. It ends with 1 where a budget was missed.

mod count;
mod house;
mod idle;
mod latency;
mod outage;
mod pass;
mod planner;
mod resync;
mod sessions;
mod table;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

use house::House;
use table::Table;

type Anything = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` says so; `cargo test --benches` only wants to see that this can be built.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let asked: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let named = |part: &str| asked.iter().find(|name| name.split(':').next() == Some(part));
    let is_asked = |part: &str| asked.is_empty() || named(part).is_some();
    let away = named("outage").and_then(|name| name.split_once(':')?.1.parse().ok());
    match measure(is_asked, away.map_or(outage::AWAY, Duration::from_secs)) {
        Ok(table) => {
            table.print();
            if table.all_kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            table::note(&format!("The benchmark stopped: {}", table::chain(&*error)));
            ExitCode::FAILURE
        }
    }
}

fn measure(is_asked: impl Fn(&str) -> bool, away: Duration) -> Result<Table, Anything> {
    count::every_statement()?;
    let house = House::open()?;
    // The same kind of runtime as the program's own.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut table = Table::default();
    runtime.block_on(async {
        if ["pass", "sessions", "idle"].into_iter().any(&is_asked) {
            table::note("Ten years of meetings: filling a database ...");
            house.fill("ten_years", include_str!("../../scripts/bench/dataset.sql")).await?;
        }
        if is_asked("pass") {
            pass::measure(&house, &mut table).await?;
        }
        if is_asked("sessions") {
            sessions::measure(&house, &mut table).await?;
        }
        if ["resync", "planner", "outage"].into_iter().any(&is_asked) {
            table::note("200 sessions in their window: filling a database ...");
            house.fill("busy", include_str!("../../scripts/bench/dataset-m.sql")).await?;
        }
        if is_asked("resync") {
            resync::measure(&house, &mut table).await?;
        }
        if is_asked("planner") {
            planner::measure(&house, &mut table).await?;
        }
        if is_asked("idle") {
            idle::measure(&house, &mut table).await?;
        }
        if is_asked("outage") {
            outage::measure(&house, &mut table, away).await?;
        }
        if is_asked("latency") {
            latency::measure(&house, &mut table).await?;
        }
        Ok::<(), Anything>(())
    })?;
    Ok(table)
}
