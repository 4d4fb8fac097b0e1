//! `sessions --json` of everything: the program itself, from its start to its end, with the most memory that it had.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use meetsync::datatracker::{Look, Range};

use crate::house::House;
use crate::table::{Budget, Measured, Table};
use crate::{Anything, count};

const RUNS: usize = 7;
/// How often the system is asked for the process's memory. It remembers the most, so only the very end can be missed.
const LOOK: Duration = Duration::from_millis(1);

pub(crate) async fn measure(house: &House, table: &mut Table) -> Result<(), Anything> {
    let datatracker = house.datatracker("ten_years")?;
    datatracker.snapshot(&Look::default()).await?;
    let before = count::statements();
    let snapshot = datatracker.snapshot(&Look { range: Range::Everything, ..Look::default() }).await?;
    let statements = count::statements() - before;
    let sessions = snapshot.sessions.len();
    drop((snapshot, datatracker));

    let directory = tempfile::tempdir()?;
    let settings = directory.path().join("meetsync.toml");
    fs::write(
        &settings,
        format!(
            "[datatracker]\ndatabase_url = \"{}\"\n[meetecho]\nclient_id = \"datatracker\"\n[rooms]\npolicy = \"observe\"\n",
            house.url("ten_years")
        ),
    )?;
    let mut times = Vec::new();
    let mut peaks = Vec::new();
    for _ in 0..=RUNS {
        let ran = run(&settings)?;
        if ran.sessions != sessions {
            return Err(format!("{} sessions were printed, of {sessions}", ran.sessions).into());
        }
        times.push(ran.took.as_secs_f64());
        peaks.push(ran.peak_mib);
    }
    // The first one reads the tables into the server's memory.
    let (times, peaks) = (times.split_off(1), peaks.split_off(1));
    table.add("sessions --json", "s", Budget::AtMost(1.5), Measured::of(times), Some(statements));
    table.add("  its memory", "MiB", Budget::AtMost(120.0), Measured::of(peaks), None);
    Ok(())
}

struct Ran {
    took: Duration,
    peak_mib: f64,
    sessions: usize,
}

fn run(settings: &Path) -> Result<Ran, Anything> {
    let began = Instant::now();
    let mut process = Command::new(env!("CARGO_BIN_EXE_meetsync"))
        .env_clear()
        .arg("--config")
        .arg(settings)
        .args(["sessions", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let status = format!("/proc/{}/status", process.id());
    let mut printed = Vec::new();
    let ended = AtomicBool::new(false);
    let (took, peak) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut peak: Option<f64> = None;
            while !ended.load(Ordering::Relaxed) {
                peak = most_memory(&status).or(peak);
                std::thread::sleep(LOOK);
            }
            peak
        });
        let read = process.stdout.take().map(|mut out| out.read_to_end(&mut printed));
        let exit = process.wait();
        let took = began.elapsed();
        ended.store(true, Ordering::Relaxed);
        let peak = watching.join().map_err(|_| "the watching thread panicked")?;
        read.transpose()?;
        match exit? {
            exit if exit.success() => Ok::<_, Anything>((took, peak)),
            exit => Err(format!("meetsync sessions --json: {exit}").into()),
        }
    })?;
    let sessions: Vec<serde::de::IgnoredAny> = serde_json::from_slice(&printed)?;
    let peak_mib = peak.ok_or("no VmHWM in /proc: memory can only be measured on Linux")?;
    Ok(Ran { took, peak_mib, sessions: sessions.len() })
}

/// The most memory that a process has had until now, in MiB.
fn most_memory(status: &str) -> Option<f64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
