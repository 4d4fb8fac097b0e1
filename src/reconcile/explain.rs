//! The world as an explanation needs it: everything that a pass looks at, since the guards count over all of it, but of
//! the provider's rooms only those of the sessions that were asked about.

use chrono::{DateTime, Utc};

use super::edges::Edges;
use super::look;
use super::worker::ProviderSeems;
use super::world::{Parts, ReadRooms, ReconcileError, World, read_world};
use crate::ledger::{Ledger, LedgerError, Replica, WorkedOn, is_gone};
use crate::model::{GroupAcronym, RoomsSeen, Scope, Session, SubjectKey};
use crate::plan::{self, Ask, AtWork, Explained, Inputs, Known, ProviderIs, Taken};

/// What the ledger has of others: who is there, and who works on what.
///
/// # Errors
/// The ledger can't be read.
pub async fn at_work(ledger: &Ledger) -> Result<AtWork, LedgerError> {
    let standing = ledger.standing(1).await?;
    let now = standing.asked_at;
    let there: Vec<_> = standing.replicas.iter().filter(|replica| replica.is_there(now)).collect();
    let taken = |WorkedOn { session, owner: by, until, .. }: WorkedOn| {
        let is_cut_off = is_gone(&by, &standing.replicas, now);
        (session, Taken { by, until, is_cut_off })
    };
    let leases = standing.leases.into_iter().map(taken);
    let saying = |what: ProviderSeems| -> Vec<String> {
        let who = there.iter().filter(|replica| replica.provider == what.word());
        who.map(|replica| replica.name.clone()).collect()
    };
    let rejected = saying(ProviderSeems::RejectingUs);
    Ok(AtWork {
        workers: there.iter().map(|replica| replica.name.clone()).collect(),
        provider: if !rejected.is_empty() {
            ProviderIs::RejectingUs(rejected)
        } else if saying(ProviderSeems::Down).is_empty() {
            ProviderIs::Well
        } else {
            ProviderIs::Down
        },
        quiet_until: quiet_until(&standing.replicas, now),
        leases: leases.collect(),
        next_sweep: None,
    })
}

/// The provider asked every worker that is there to leave it alone: when the first of them may ask it again. None: one of
/// them may now, or none is there.
pub(super) fn quiet_until(replicas: &[Replica], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let there = replicas.iter().filter(|replica| replica.is_there(now));
    // None is the least.
    there.map(|replica| replica.quiet_until.filter(|until| now < *until)).min().flatten()
}

/// Reads it, as a worker sees it where one is there. A session that no pass looks at is read by its name, and alone.
///
/// # Errors
/// A session or group that the datatracker doesn't have; a read that failed. Rooms that could not be read are none:
/// then the ledger's record stands in.
pub async fn read_to_explain<E: Edges>(
    parts: &Parts<E>,
    asked: &Scope,
    read_rooms: ReadRooms,
    by_worker: bool,
    now: DateTime<Utc>,
) -> Result<World, ReconcileError> {
    let by_name = Ask { scope: asked.clone(), by_worker, ..Ask::default() };
    let of_all = Ask { by_worker, ..Ask::default() };
    let mut world = read_world(parts, of_all, ReadRooms::No, now).await?;
    if !has_all(&world, asked) {
        let named = read_world(parts, by_name.clone(), ReadRooms::No, now).await?;
        if !asked.sessions.is_empty() {
            world = named;
        }
    }
    if read_rooms != ReadRooms::No {
        let mut groups = plan::groups_to_read(Inputs { ask: &by_name, ..world.inputs() });
        groups.extend(looked_at_first(&world));
        world.rooms = look::rooms_of(&parts.meetecho, groups, parts.max_in_flight).await;
    }
    Ok(world)
}

/// Whose rooms are known by a link alone. The worker looks at them before it plans anything, and so does `plan`: by the
/// link, the guards would count rooms that may not be there.
fn looked_at_first(world: &World) -> Vec<GroupAcronym> {
    let inputs = world.inputs();
    let known = world.snapshot.sessions.iter().map(|session| Known::of(&inputs, session));
    let asking = known.filter(|known| known.asks_for_a_look(world.snapshot.as_of));
    asking.map(|known| known.group.clone()).collect()
}

fn has_all(world: &World, asked: &Scope) -> bool {
    let sessions = &world.snapshot.sessions;
    asked.sessions.iter().all(|id| world.snapshot.session(*id).is_some())
        && asked.groups.iter().all(|group| sessions.iter().any(|session| session.group == *group))
        && asked.meetings.iter().all(|meeting| sessions.iter().any(|session| session.meeting == *meeting))
}

/// The explanations of these sessions, in the order of their ids.
pub fn explain(world: &World, asked: &Scope, at_work: &AtWork) -> Vec<Explained> {
    let plan = world.plan();
    let by_record = plan::make(Inputs { rooms: &RoomsSeen::default(), ..world.inputs() });
    let is_left_by_record = |subject: SubjectKey| {
        let row = world.ledger.get(subject);
        let is_on_record = row.is_some_and(|row| row.room.is_some() && row.doubt_since.is_none());
        is_on_record && !by_record.changes.iter().any(|change| change.subject == subject)
    };
    let is_asked = |session: &&Session| asked.includes(session);
    let sessions = world.snapshot.sessions.iter().filter(is_asked);
    let explained = sessions.map(|session| {
        let mut explained = plan::explain(world.inputs(), &plan, session);
        explained.beside(at_work, is_left_by_record);
        explained
    });
    explained.collect()
}
