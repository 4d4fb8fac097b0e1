//! Many histories on several threads, their sums, and the story of the first that fails.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::arguments::Arguments;
use super::generate::{Kind, history};
use super::history::{Faults, History, Put, seconds};
use super::play::{Played, play};
use super::shorten::shorten;

/// What some histories came to.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    histories: u64,
    failed: u64,
    edits: u64,
    writes: u64,
    slowest_ms: u64,
}

impl Sums {
    fn add(&mut self, played: &Played) {
        self.histories += 1;
        self.failed += u64::from(played.verdict.is_some());
        self.edits += played.edits as u64;
        self.writes += played.writes;
        self.slowest_ms = self.slowest_ms.max(played.converged_ms);
    }
}

/// The rows of the table: by rate of faults.
const RATES: [(u64, &str); 4] = [(0, "none"), (10, "10 %"), (30, "30 %"), (60, "60 %")];

/// Plays one, and tells it. Whether it went well.
pub(crate) fn one(seed: u64, kind: Kind) -> bool {
    let history = history(seed, kind);
    println!("Seed {seed}:");
    let played = play(&history, true);
    tell(&history, &played);
    played.verdict.is_none()
}

/// Plays many. Whether all went well.
pub(crate) fn many(arguments: &Arguments, kind: Kind) -> bool {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let sums = Mutex::new([Sums::default(); RATES.len()]);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| {
                let mut own = [Sums::default(); RATES.len()];
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= arguments.histories {
                        break;
                    }
                    let history = history(arguments.seed + number, kind);
                    let played = play(&history, false);
                    let Faults::Drawn { percent } = history.faults else { unreachable!("it was drawn") };
                    let row = RATES.iter().position(|(rate, _)| *rate == percent).unwrap_or(0);
                    own[row].add(&played);
                    if let Some(verdict) = played.verdict {
                        failed.lock().expect("not poisoned").push((history.seed, verdict));
                    }
                }
                let mut sums = sums.lock().expect("not poisoned");
                for (sum, own) in sums.iter_mut().zip(own) {
                    sum.histories += own.histories;
                    sum.failed += own.failed;
                    sum.edits += own.edits;
                    sum.writes += own.writes;
                    sum.slowest_ms = sum.slowest_ms.max(own.slowest_ms);
                }
            });
        }
    });
    let sums = sums.into_inner().expect("not poisoned");
    table(&sums, began);
    let mut failed = failed.into_inner().expect("not poisoned");
    failed.sort();
    if let Some((seed, _)) = failed.first() {
        for (seed, verdict) in failed.iter().take(24) {
            println!("  seed {seed}: {verdict}");
        }
        story(&history(*seed, kind), kind);
    }
    failed.is_empty()
}

fn table(sums: &[Sums], began: Instant) {
    println!("faults    histories   not in step   requests per edit   slowest to come into step");
    for ((_, rate), sums) in RATES.iter().zip(sums).filter(|(_, sums)| sums.histories > 0) {
        println!(
            "{rate:>6}  {:>11}   {:>11}   {:>17.2}   {:>23.1} s",
            sums.histories,
            sums.failed,
            ratio(sums.writes, sums.edits),
            seconds(sums.slowest_ms)
        );
    }
    let all: u64 = sums.iter().map(|sums| sums.histories).sum();
    let took = began.elapsed().as_secs_f64();
    println!("{all} histories in {took:.1} s: {:.0} a second", ratio(all, 1) / took);
}

#[expect(clippy::cast_precision_loss, reason = "to be read by people")]
fn ratio(of: u64, to: u64) -> f64 {
    of as f64 / to.max(1) as f64
}

/// What a line says, without its time.
fn after_time(line: &str) -> &str {
    line.split_once(" s  ").map_or(line, |(_, words)| words)
}

/// A history and what came of it, for a person.
pub(crate) fn tell(history: &History, played: &Played) {
    print!("{history}");
    println!("  what happened:");
    let same = |a: &&String, b: &&String| after_time(a) == after_time(b);
    let lines: Vec<&String> = played.told.iter().collect();
    for run in lines.chunk_by(same) {
        println!("{}", run[0]);
        if let [_, .., last] = run {
            println!(
                "             and {} times more, until {}",
                run.len() - 1,
                last[..last.len() - after_time(last).len()].trim()
            );
        }
    }
    println!("  verdict: {}", played.verdict.as_deref().unwrap_or("in step, and stays"));
}

/// The shortest history that still fails, told to a person, and the command that plays the first one.
fn story(failed: &History, kind: Kind) {
    println!("\nThe first that failed is seed {}. The shortest history found that still fails:", failed.seed);
    let (shortest, played) = shorten(failed);
    tell(&shortest, &played);
    let faults = kind.percent.map_or(String::new(), |percent| format!(" --faults {percent}"));
    let put = match kind.put {
        None => "",
        Some(Put::Replaces) => " --put replace",
        Some(Put::Upserts) => " --put upsert",
    };
    println!(
        "  all of it: cargo test --profile simulation --features planted --test simulation -- --only {}{faults}{put}",
        failed.seed
    );
}
