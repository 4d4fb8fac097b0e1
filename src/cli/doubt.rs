//! Rooms that an earlier run left in doubt: it was killed, or had no answer, and its request may still take effect.
//!
//! Once that time is over, what is there decides. A command waits for it, so that a resync which was cut off and is
//! run again ends right.

use chrono::{DateTime, Utc};

use super::output;
use crate::app::App;
use crate::clock;
use crate::ledger::Ledger;
use crate::model::{Kind, KindFilter, Scope, Why};
use crate::plan::{Ask, Plan, Wait};
use crate::reconcile::{self, ReadRooms, ReconcileError, SubjectResult, World, read_world};

/// Waits for the rooms in doubt, if there are any, and carries out what is then to be done for them.
pub(super) async fn settle(
    app: &App,
    ledger: &Ledger,
    world: &World,
    plan: &Plan,
    reason: Option<&str>,
) -> Result<Vec<SubjectResult>, ReconcileError> {
    let doubtful: Vec<(&Wait, DateTime<Utc>)> = plan
        .waits
        .iter()
        .filter(|wait| wait.subject.kind == Kind::Room && wait.reason == Why::InDoubtConfirming)
        .filter_map(|wait| wait.until.map(|until| (wait, until)))
        .collect();
    let Some(until) = doubtful.iter().map(|(_, until)| *until).max() else { return Ok(Vec::new()) };
    if let Ok(left) = (until - world.now(&app.parts.time)).to_std() {
        let plural = if doubtful.len() == 1 { "room" } else { "rooms" };
        output::note(&format!(
            "meetsync: waiting until {} UTC: an earlier request for {} {plural} may still take effect",
            until.format("%H:%M:%S"),
            doubtful.len()
        ));
        tokio::time::sleep(left).await;
    }
    let sessions = doubtful.iter().map(|(wait, _)| wait.session).collect();
    let scope = Scope { sessions, kinds: KindFilter::RoomsOnly, ..Scope::default() };
    let ask = Ask { scope, ..world.ask.clone() };
    let world = read_world(&app.parts, ask, ReadRooms::Patiently, clock::now()).await?;
    let results = reconcile::resync(&app.parts, ledger, &world, &world.plan(), reason, &|_| ()).await?;
    Ok(results)
}
