//! How long an edit of a live session takes until its request is there, with the settings' defaults.

use std::time::Duration;

use meetsync::demo::sample;
use meetsync::demo::standin::Standin;

use crate::Anything;
use crate::house::House;
use crate::table::{Budget, Measured, Table, note};
use crate::worker::{Worker, edit_to_request, until_in_step};

const EDITS: usize = 20;
const QUIET: f64 = 2.0;
const POLL: f64 = 2.0;
const OWN: f64 = 0.1;

pub(crate) async fn measure(house: &House, table: &mut Table) -> Result<(), Anything> {
    house.fill("week", sample::WEEK).await?;
    for (name, what, budget, notify) in [
        ("polled", "edit to request", QUIET + POLL + OWN, false),
        ("notified", "  where the database rings", QUIET + OWN, true),
    ] {
        house.copy(name, "week").await?;
        if notify {
            house.run_sql(name, include_str!("../../migrations/optional/notify.sql")).await?;
        }
        note(&format!("{EDITS} edits of a live session, {name} ..."));
        let standin = Standin::start().await?;
        let _worker = Worker::start(house, name, &standin, 5)?;
        until_in_step(house, name, &standin, 11).await?;
        let mut took = Vec::new();
        for number in 0..EDITS {
            // At another moment between two polls each time.
            tokio::time::sleep(Duration::from_millis(100 + (number as u64 * 617) % 2000)).await;
            took.push(edit_to_request(house, name, &standin, number).await?.as_secs_f64());
        }
        table.add(what, "s", Budget::AtMost(budget), Measured::of(took), None);
    }
    Ok(())
}
