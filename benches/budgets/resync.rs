//! A burst: 200 sessions with five decks each have just come into their window, and each answer takes 50 ms.

use std::time::{Duration, Instant};

use meetsync::demo::standin::{Counts, Standin};
use meetsync::plan::{Ask, Plan};
use meetsync::reconcile::worker::Leave;
use meetsync::reconcile::{self, ReadRooms, SubjectOutcome, World, read_world};

use crate::house::{House, MAX_IN_FLIGHT, meetecho};
use crate::pass::now;
use crate::table::{Budget, Measured, Table, note};
use crate::{Anything, count};

const LATENCY: Duration = Duration::from_millis(50);
const SESSIONS: usize = 200;
const RUNS: usize = 5;
/// One round of calls for each eight sessions, after the tokens.
const LEAST: Duration = Duration::from_millis(50 * (SESSIONS.div_ceil(MAX_IN_FLIGHT) as u64 + 1));

pub(crate) async fn measure(house: &House, table: &mut Table) -> Result<(), Anything> {
    let mut times = Vec::new();
    let mut all = Vec::new();
    let mut burst = Burst::default();
    for run in 0..=RUNS {
        let database = format!("resync_{run}");
        house.copy(&database, "busy").await?;
        burst = send(house, &database).await?;
        if run > 0 {
            times.push(burst.sending.as_secs_f64() / LEAST.as_secs_f64());
            all.push(burst.all.as_secs_f64());
        }
    }
    note(&format!("A burst of {SESSIONS} sessions: and the same calls one after another ..."));
    let one_by_one = one_after_another(house).await?;
    let times = Measured::of(times);
    let all = Measured::of(all);
    let of = |times: f64| Budget::AtMost(times);
    table.add("resync of 200 sessions", "x least", of(1.5), times, Some(burst.statements));
    let count = |value: usize| Measured::one(f64::from(u32::try_from(value).unwrap_or(u32::MAX)));
    table.add("  token calls", "", of(3.0), count(burst.counts.tokens), None);
    table.add("  deck calls", "", of(200.0), count(burst.counts.materials()), None);
    table.add("  with reading and planning", "s", Budget::None, all, None);
    let one_by_one = one_by_one.as_secs_f64();
    table.add("  one call after another", "s", Budget::None, Measured::one(one_by_one), None);
    table.add("  how much faster", "x", Budget::None, Measured::one(one_by_one / all.median), None);
    Ok(())
}

#[derive(Default)]
struct Burst {
    /// From the first token call to the last write in the ledger.
    sending: Duration,
    /// With reading and planning.
    all: Duration,
    counts: Counts,
    statements: usize,
}

async fn send(house: &House, database: &str) -> Result<Burst, Anything> {
    let standin = Standin::start().await?;
    standin.set_latency(LATENCY);
    let parts = house.parts(database, &standin).await?;
    let ledger = parts.ledger.as_ref().ok_or("the benchmark's ledger is migrated")?;
    let before = count::statements();
    let began = Instant::now();
    let world = read_world(&parts, Ask::default(), ReadRooms::Yes, now()).await?;
    let plan = world.plan();
    let sending = Instant::now();
    let results = reconcile::resync(&parts, ledger, &world, &plan, None, &Leave::default(), &|_| {}).await?;
    let burst = Burst {
        sending: sending.elapsed(),
        all: began.elapsed(),
        counts: standin.counts(),
        statements: count::statements() - before,
    };
    if results.len() != SESSIONS || results.iter().any(|done| done.outcome != SubjectOutcome::Applied) {
        return Err(format!("not everything was accepted: {:?}", results.first()).into());
    }
    is_there(&standin, &plan)?;
    Ok(burst)
}

/// Speed counts for nothing where the wrong thing arrived.
fn is_there(standin: &Standin, plan: &Plan) -> Result<(), Anything> {
    for change in &plan.changes {
        if Some(standin.decks_of(change.session)) != change.wanted {
            return Err(format!("session {} has other decks than planned", change.session).into());
        }
    }
    Ok(())
}

/// The simplest loop that makes the same calls: nothing is written down, nothing is under way beside another.
async fn one_after_another(house: &House) -> Result<Duration, Anything> {
    let standin = Standin::start().await?;
    standin.set_latency(LATENCY);
    let parts = house.parts("busy", &standin).await?;
    let meetecho = meetecho(&standin, 1)?;
    let began = Instant::now();
    let world: World = read_world(&parts, Ask::default(), ReadRooms::No, now()).await?;
    let plan = world.plan();
    // All tokens in one call, as above: what is compared is the waiting.
    meetecho.prefetch_tokens(&plan.changes.iter().map(|change| change.group.clone()).collect()).await;
    for change in &plan.changes {
        let decks = change.wanted.as_deref().unwrap_or_default();
        let outcome = meetecho.set_decks(&change.group, change.session, decks).await;
        if !matches!(outcome, meetsync::model::Outcome::Applied(())) {
            return Err(format!("not accepted: {outcome:?}").into());
        }
    }
    let took = began.elapsed();
    is_there(&standin, &plan)?;
    Ok(took)
}
