//! A provider that nobody reaches for a while, with 200 sessions that change meanwhile; each answer takes 50 ms.

use std::time::{Duration, Instant};

use meetsync::demo::standin::Standin;
use meetsync::model::SessionId;

use crate::Anything;
use crate::house::House;
use crate::table::{Budget, Measured, Table, note};
use crate::worker::{Worker, until_in_step};

const SESSIONS: usize = 200;
pub(crate) const AWAY: Duration = Duration::from_secs(45);
const LATENCY: Duration = Duration::from_millis(50);
/// The settings' default of `meetecho.max_in_flight`.
const AT_ONCE: u32 = 4;

pub(crate) async fn measure(house: &House, table: &mut Table, away: Duration) -> Result<(), Anything> {
    house.copy("outage", "busy").await?;
    let standin = Standin::start().await?;
    let _worker = Worker::start(house, "outage", &standin, 0)?;
    until_in_step(house, "outage", &standin, SESSIONS).await?;
    note(&format!("An outage of {} s, with {SESSIONS} sessions changed ...", away.as_secs()));
    standin.go_away();
    let change = "UPDATE public.doc_document SET title = title || ', again' WHERE type_id = 'slides'";
    house.run_sql("outage", change).await?;
    tokio::time::sleep(away).await;

    standin.set_latency(LATENCY);
    let before = standin.counts();
    let back = Instant::now();
    standin.come_back();
    let asked = |standin: &Standin| standin.counts().materials() - before.materials();
    standin.until(|standin| asked(standin) > 0).await;
    let noticed = back.elapsed();
    let is_shown = |standin: &Standin, session: i64| {
        standin.decks_of(SessionId(session)).iter().all(|deck| deck.title.ends_with(", again"))
    };
    standin.until(|standin| (1..=200).all(|session| is_shown(standin, session))).await;
    let all = back.elapsed();
    let least = (LATENCY * u32::try_from(SESSIONS)?.div_ceil(AT_ONCE)).as_secs_f64();
    until_in_step(house, "outage", &standin, SESSIONS).await?;
    let requests = f64::from(u32::try_from(asked(&standin))?);
    let one = |span: Duration| Measured::one(span.as_secs_f64());
    table.add("an outage's end is noticed", "s", Budget::AtMost(2.0), one(noticed), None);
    table.add("  200 changed sessions are right", "s", Budget::AtMost(5.0 + least), one(all), None);
    table.add("  deck calls", "", Budget::AtMost(200.0), Measured::one(requests), None);
    Ok(())
}
