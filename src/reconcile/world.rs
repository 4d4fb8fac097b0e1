//! The world as one pass sees it: snapshot, ledger view, rooms seen, policy. Read once, then only values.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::edges::{Books as _, Edges, Source as _, Time};
use super::look;
use super::real::Real;
pub use crate::datatracker::Range;
use crate::datatracker::{Look, ReadError};
use crate::desired::LOOK_BACK;
use crate::ledger::LedgerError;
use crate::model::{Kind, KindFilter, LedgerView, Policy, RoomsSeen, SessionId, Snapshot};
use crate::plan::{self, Ask, Inputs, Plan};

/// All that a pass works with.
#[derive(Debug)]
pub struct Parts<E: Edges = Real> {
    pub datatracker: E::Source,
    /// None before `meetsync migrate`: then it is as if nothing had ever been sent.
    pub ledger: Option<E::Books>,
    pub meetecho: E::Conference,
    /// None where links are never written: `write_back = false`, or the debug backend.
    pub links: Option<E::Links>,
    pub time: E::Time,
    pub policy: Policy,
    /// Who acts, for leases and the history: command, host and process.
    pub who: String,
    pub lease: Duration,
    pub max_in_flight: usize,
}

/// Whether the rooms at the provider are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadRooms {
    Yes,
    /// And again a moment later where a read failed.
    Patiently,
    No,
}

/// Reading the world failed: nothing is planned on a part of it.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("reading took far too long, and was given up; a database hangs, or something between it and us")]
    TookTooLong,
    #[error("a pass panicked; this is a defect of meetsync, and its log has more")]
    Panicked,
}

/// What one pass knows, and what it was asked.
#[derive(Debug)]
pub struct World {
    pub snapshot: Snapshot,
    pub ledger: LedgerView,
    pub rooms: RoomsSeen,
    pub policy: Policy,
    pub ask: Ask,
    /// When it was read, by the time that only goes forward.
    read_at: Duration,
}

impl World {
    /// A world that was not read just now, but comes from an export.
    pub fn of(snapshot: Snapshot, ledger: LedgerView, rooms: RoomsSeen, policy: Policy, ask: Ask) -> Self {
        Self { snapshot, ledger, rooms, policy, ask, read_at: Duration::ZERO }
    }

    pub fn inputs(&self) -> Inputs<'_> {
        Inputs {
            snapshot: &self.snapshot,
            ledger: &self.ledger,
            rooms: &self.rooms,
            policy: &self.policy,
            ask: &self.ask,
        }
    }

    pub fn plan(&self) -> Plan {
        plan::make(self.inputs())
    }

    /// The plan as `meetsync plan` shows it, where the guards speak: what a person has seen and says yes to.
    pub fn plan_as_seen(&self) -> Plan {
        let ask = Ask { force: false, ..self.ask.clone() };
        plan::make(Inputs { ask: &ask, ..self.inputs() })
    }

    /// The source's clock, carried on: no other clock says when something was sent.
    pub fn now(&self, time: &impl Time) -> DateTime<Utc> {
        let since = time.elapsed().saturating_sub(self.read_at);
        self.snapshot.as_of + TimeDelta::from_std(since).unwrap_or(TimeDelta::zero())
    }
}

/// Which sessions a command looks at: those that are named, or those that can matter.
fn range_of(policy: &Policy, ask: &Ask) -> Range {
    if ask.scope.sessions.is_empty() {
        Range::Around { back: LOOK_BACK, ahead: policy.rooms.horizon }
    } else {
        Range::OnlyNamed
    }
}

/// What a reading may lack and still be of use: of a command that is about one kind alone, the other.
fn not_asked_for_alone(ask: &Ask) -> BTreeSet<Kind> {
    let mut kinds = BTreeSet::from([Kind::Room, Kind::Decks]);
    if ask.push || ask.scope.kinds == KindFilter::SlidesOnly {
        kinds.remove(&Kind::Decks);
    }
    if ask.by_hand || ask.scope.kinds == KindFilter::RoomsOnly {
        kinds.remove(&Kind::Room);
    }
    kinds
}

/// Reads everything that a plan is made from. `now` only helps to find the sessions that the ledger still has open;
/// the plan's *now* is the snapshot's.
pub async fn read_world<E: Edges>(
    parts: &Parts<E>,
    ask: Ask,
    read_rooms: ReadRooms,
    now: DateTime<Utc>,
) -> Result<World, ReconcileError> {
    let range = range_of(&parts.policy, &ask);
    let mut named: BTreeSet<SessionId> = ask.scope.sessions.clone();
    if let (Some(ledger), Range::Around { .. }) = (&parts.ledger, &range) {
        named.extend(ledger.open_sessions(now).await?);
    }
    let look = Look { range, named, must_exist: ask.scope.clone(), may_lack: not_asked_for_alone(&ask) };
    // Not after it: a reading that took its time would put our clock behind the datatracker's, and what is counted from
    // the end of a request (how long it may still come late) would be over too early.
    let read_at = parts.time.elapsed();
    let snapshot = parts.datatracker.snapshot(&look).await?;
    let ledger = match &parts.ledger {
        Some(ledger) => {
            let sessions = snapshot.sessions.iter().map(|session| session.id).collect();
            ledger.view(&sessions, parts.policy.guard.per, snapshot.as_of).await?
        }
        None => LedgerView::default(),
    };
    let mut world =
        World { snapshot, ledger, rooms: RoomsSeen::default(), policy: parts.policy.clone(), ask, read_at };
    if world.ask.scope.kinds.includes(Kind::Room) {
        let groups = || plan::groups_to_read(world.inputs());
        let at_once = parts.max_in_flight;
        world.rooms = match read_rooms {
            ReadRooms::Yes => look::rooms_of(&parts.meetecho, groups(), at_once).await,
            ReadRooms::Patiently => look::rooms_of_patiently(&parts.meetecho, groups(), at_once).await,
            ReadRooms::No => RoomsSeen::default(),
        };
    }
    Ok(world)
}
