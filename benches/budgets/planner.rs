//! Deciding alone: 20,000 sessions in their window with five decks each, all to be sent, and all in step.

use std::time::Instant;

use meetsync::datatracker::{Look, Range};
use meetsync::desired::LOOK_BACK;
use meetsync::model::{Accepted, LedgerView, Remembered, RoomsSeen, SessionId, Snapshot, SubjectKey};
use meetsync::plan::{Ask, Inputs, Plan, make};

use crate::Anything;
use crate::house::{House, policy};
use crate::table::{Budget, Measured, Table};

const COPIES: i64 = 100;
const ROUNDS: usize = 15;

pub(crate) async fn measure(house: &House, table: &mut Table) -> Result<(), Anything> {
    let range = Range::Around { back: LOOK_BACK, ahead: policy().rooms.horizon };
    let snapshot = house.datatracker("busy")?.snapshot(&Look { range, ..Look::default() }).await?;
    let snapshot = many(&snapshot);
    let nothing = LedgerView::default();
    let first = plan(&snapshot, &nothing);
    if first.changes.len() != snapshot.sessions.len() {
        return Err(format!("{} of {} change", first.changes.len(), snapshot.sessions.len()).into());
    }
    let everything = accepted(&snapshot, &first);
    let left = plan(&snapshot, &everything).changes.len();
    if left > 0 {
        return Err(format!("{left} changes where all is in step").into());
    }
    for (what, ledger) in [("planner, all in step", &everything), ("planner, all to be sent", &nothing)] {
        let speeds = (0..ROUNDS).map(|_| speed(&snapshot, ledger)).collect();
        table.add(what, "sessions/s", Budget::AtLeast(100_000.0), Measured::of(speeds), None);
    }
    Ok(())
}

/// The same sessions again and again, under other ids.
fn many(snapshot: &Snapshot) -> Snapshot {
    let mut many = snapshot.clone();
    for copy in 1..COPIES {
        many.sessions.extend(snapshot.sessions.iter().cloned().map(|mut session| {
            session.id = SessionId(session.id.0 + copy * 1_000_000);
            session
        }));
    }
    many.in_range = many.sessions.len();
    many
}

/// The ledger after everything in a plan was accepted.
fn accepted(snapshot: &Snapshot, plan: &Plan) -> LedgerView {
    let mut ledger = LedgerView::default();
    for change in &plan.changes {
        let decks = change.wanted.clone().unwrap_or_default();
        let epoch = change.epoch.as_ref().map(ToString::to_string).unwrap_or_default();
        let remembered = Remembered {
            may_be_there: decks.iter().map(|deck| deck.id).collect(),
            accepted: Some(Accepted { decks, at: snapshot.as_of, epoch }),
            ..Remembered::default()
        };
        ledger.subjects.insert(SubjectKey::decks(change.session), remembered);
    }
    ledger
}

fn plan(snapshot: &Snapshot, ledger: &LedgerView) -> Plan {
    let (rooms, policy, ask) = (RoomsSeen::default(), policy(), Ask::default());
    make(Inputs { snapshot, ledger, rooms: &rooms, policy: &policy, ask: &ask })
}

/// Sessions per second.
fn speed(snapshot: &Snapshot, ledger: &LedgerView) -> f64 {
    let began = Instant::now();
    let planned = plan(snapshot, ledger);
    let took = began.elapsed();
    std::hint::black_box(planned);
    f64::from(u32::try_from(snapshot.sessions.len()).unwrap_or(u32::MAX)) / took.as_secs_f64()
}
