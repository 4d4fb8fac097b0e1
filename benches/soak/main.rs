//! Lets two workers run for some minutes through random edits and random faults, and tells how it went: `scripts/soak
//! MINUTES [SEED]`.
//!
//! PostgreSQL is a throwaway one, Meetecho is the stand-in. When the time is over everything is healed, and within a
//! few minutes of calm each session must show what the datatracker says. It ends with 1 where one does not, or where
//! two requests for one session were under way at once.

mod edits;
mod faults;
mod judge;
#[expect(dead_code, reason = "of the simulation's, not all is needed here")]
#[path = "../../tests/simulation/random.rs"]
mod random;
mod report;
mod stage;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use judge::Judge;
use random::Random;
use stage::Stage;

type Anything = Box<dyn std::error::Error>;

/// Between two edits, on average.
const PAUSE_MS: u64 = 400;

/// After the last fault, for leases that must run out, refreshes and sweeps.
const LONGEST_CALM: Duration = Duration::from_mins(3);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` says so; `cargo test --benches` only wants to see that this can be built.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match run(arguments.iter().filter(|argument| !argument.starts_with("--"))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::note(&format!("The soak stopped: {}", report::chain(&*error)));
            ExitCode::FAILURE
        }
    }
}

fn run<'a>(mut arguments: impl Iterator<Item = &'a String>) -> Result<bool, Anything> {
    let usage = "say how long: scripts/soak MINUTES [SEED]";
    let minutes: f64 = arguments.next().ok_or(usage)?.parse().map_err(|_| usage)?;
    let seed = arguments.next().map_or_else(|| Ok(any_seed()), |seed| seed.parse()).map_err(|_| usage)?;
    let length = Duration::try_from_secs_f64(minutes * 60.0).map_err(|_| usage)?;
    report::note(&format!(
        "{minutes} minutes with seed {seed}; the edits and faults are the same with it again."
    ));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(soak(length, seed))
}

fn any_seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0 >> 32
}

async fn soak(length: Duration, seed: u64) -> Result<bool, Anything> {
    let mut stage = Stage::set().await?;
    let judge = Judge::new(&stage)?;
    let mut chance = Random::new(seed, 0);
    judge.until_in_step(&stage, LONGEST_CALM).await?;
    let memory_at_start = stage.memory()?;
    let begun = Instant::now();
    let mut edits = 0_usize;
    let mut next_word = Duration::ZERO;
    let watched = async {
        while begun.elapsed() < length {
            if begun.elapsed() >= next_word {
                report::note(&format!(
                    "{:>4} s: {edits} edits, {} requests",
                    begun.elapsed().as_secs(),
                    stage.requests()
                ));
                next_word += Duration::from_secs(30);
            }
            if let Some(edit) = edits::any(&mut chance, edits) {
                stage.edit(&edit.sql).await?;
                judge.edited(edit.session);
                edits += 1;
            }
            if chance.below(12) == 0 {
                faults::any(&mut stage, &mut chance)?;
            }
            tokio::time::sleep(Duration::from_millis(chance.below(2 * PAUSE_MS))).await;
        }
        stage.heal()
    };
    tokio::select! {
        done = watched => done?,
        never = judge.watch() => never?,
    }
    report::note("Everything is healed; waiting for calm ...");
    let out_of_step = judge.until_in_step(&stage, LONGEST_CALM).await?;
    let calm_memory = stage.memory()?;
    let report = judge.report(&stage, edits, (memory_at_start, calm_memory), &out_of_step).await?;
    stage.stop().await?;
    report.print();
    Ok(report.is_good())
}
