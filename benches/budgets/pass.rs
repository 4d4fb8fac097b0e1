//! A pass in which nothing has changed: read what can matter of ten years of meetings, view the ledger, plan.

use std::time::Instant;

use chrono::{DateTime, Utc};
use meetsync::demo::standin::Standin;
use meetsync::model::RoomsSeen;
use meetsync::plan::Ask;
use meetsync::reconcile::worker::Leave;
use meetsync::reconcile::{self, Parts, ReadRooms, World, read_world};

use crate::house::House;
use crate::table::{Budget, Measured, Table, milliseconds, note};
use crate::{Anything, count};

const PASSES: usize = 100;
const WARM_UP: usize = 20;

pub(crate) async fn measure(house: &House, table: &mut Table) -> Result<(), Anything> {
    let standin = Standin::start().await?;
    house.copy("pass", "ten_years").await?;
    let parts = house.parts("pass", &standin).await?;
    note("Ten years of meetings: bringing rooms and decks in step ...");
    let rooms = bring_in_step(&parts).await?;
    house.run_sql("pass", "ANALYZE").await?;

    let mut took = Took::default();
    let mut statements = 0;
    for pass in 0..WARM_UP + PASSES {
        let before = count::statements();
        let began = Instant::now();
        let mut world = read_world(&parts, Ask::default(), ReadRooms::No, now()).await?;
        let read = began.elapsed();
        world.rooms.clone_from(&rooms);
        let planning = Instant::now();
        let plan = world.plan();
        let planned = planning.elapsed();
        if !plan.changes.is_empty() {
            return Err(format!("{} changes where nothing changed", plan.changes.len()).into());
        }
        statements = count::statements() - before;
        if pass == 0 {
            let sessions = world.snapshot.sessions.len();
            let subjects = world.ledger.subjects.len();
            note(&format!("{sessions} sessions can matter; the ledger tells of {subjects} subjects."));
        }
        if pass >= WARM_UP {
            took.all.push(milliseconds(read + planned));
            took.read.push(milliseconds(read));
            took.plan.push(milliseconds(planned));
        }
    }
    let Took { all, read, plan } = took;
    table.add("a pass, nothing changed", "ms", Budget::AtMost(25.0), Measured::of(all), Some(statements));
    table.add("  of it reading", "ms", Budget::None, Measured::of(read), None);
    table.add("  of it deciding", "ms", Budget::None, Measured::of(plan), None);
    Ok(())
}

#[derive(Default)]
struct Took {
    all: Vec<f64>,
    read: Vec<f64>,
    plan: Vec<f64>,
}

/// Sends everything, and reads the rooms that are there afterwards.
pub(crate) async fn bring_in_step(parts: &Parts) -> Result<RoomsSeen, Anything> {
    let ledger = parts.ledger.as_ref().ok_or("the benchmark's ledger is migrated")?;
    let world: World = read_world(parts, Ask::default(), ReadRooms::Yes, now()).await?;
    let plan = world.plan();
    reconcile::resync(parts, ledger, &world, &plan, None, &Leave::default(), &|_| {}).await?;
    let world = read_world(parts, Ask::default(), ReadRooms::Yes, now()).await?;
    let left = world.plan().changes;
    match left.first() {
        None => Ok(world.rooms),
        Some(change) => Err(format!("{} changes are left, the first: {change:?}", left.len()).into()),
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    meetsync::clock::now()
}
