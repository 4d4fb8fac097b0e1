//! What a worker costs that has nothing to do, on ten years of meetings.

use std::time::{Duration, Instant};

use meetsync::demo::standin::Standin;

use crate::Anything;
use crate::house::House;
use crate::table::{Budget, Measured, Table, note};
use crate::worker::Worker;

const SPAN: Duration = Duration::from_secs(30);

pub(crate) async fn measure(house: &House, table: &mut Table) -> Result<(), Anything> {
    house.copy("idle", "ten_years").await?;
    house.run_sql("idle", "ANALYZE").await?;
    let standin = Standin::start().await?;
    note("Ten years of meetings: a worker brings them in step, and then has nothing to do ...");
    let parts = house.parts("idle", &standin).await?;
    crate::pass::bring_in_step(&parts).await?;
    drop(parts);
    let worker = Worker::start(house, "idle", &standin, 0)?;
    // The sweep of its start is over when nothing more is asked.
    let mut quiet_since = Instant::now();
    let mut seen = standin.log().len();
    while quiet_since.elapsed() < Duration::from_secs(8) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = standin.log().len();
        if now != seen {
            (seen, quiet_since) = (now, Instant::now());
        }
    }
    let before = worker.processor()?;
    let begun = Instant::now();
    tokio::time::sleep(SPAN).await;
    let share = (worker.processor()? - before) / begun.elapsed().as_secs_f64() * 100.0;
    let asked = standin.log().len() - seen;
    let memory = worker.memory("VmRSS")?;
    let anonymous = worker.memory("RssAnon")?;
    let most = worker.memory("VmHWM")?;
    table.add("a worker with nothing to do", "% CPU", Budget::AtMost(0.5), Measured::one(share), None);
    table.add("  its memory", "MiB", Budget::AtMost(20.0), Measured::one(memory), None);
    table.add("    of it its own (no file)", "MiB", Budget::None, Measured::one(anonymous), None);
    table.add("    at most until then", "MiB", Budget::None, Measured::one(most), None);
    let asked = f64::from(u32::try_from(asked).unwrap_or(u32::MAX));
    table.add("  its requests", "", Budget::AtMost(0.0), Measured::one(asked), None);
    Ok(())
}
