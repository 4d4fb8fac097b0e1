//! The world as an explanation needs it: everything that a pass looks at, since the guards count over all of it, but of
//! the provider's rooms only those of the sessions that were asked about.

use chrono::{DateTime, Utc};

use super::edges::Edges;
use super::look;
use super::world::{Parts, ReadRooms, ReconcileError, World, read_world};
use crate::model::{Scope, Session};
use crate::plan::{self, Ask, Explained, Inputs};

/// Reads it. A session that no pass looks at is read by its name, and alone.
///
/// # Errors
/// A session or group that the datatracker doesn't have; a read that failed. Rooms that could not be read are none:
/// then the ledger's record stands in.
pub async fn read_to_explain<E: Edges>(
    parts: &Parts<E>,
    asked: &Scope,
    read_rooms: ReadRooms,
    now: DateTime<Utc>,
) -> Result<World, ReconcileError> {
    let by_name = Ask { scope: asked.clone(), ..Ask::default() };
    let mut world = read_world(parts, Ask::default(), ReadRooms::No, now).await?;
    if !has_all(&world, asked) {
        let named = read_world(parts, by_name.clone(), ReadRooms::No, now).await?;
        if !asked.sessions.is_empty() {
            world = named;
        }
    }
    if read_rooms != ReadRooms::No {
        let groups = plan::groups_to_read(Inputs { ask: &by_name, ..world.inputs() });
        world.rooms = look::rooms_of(&parts.meetecho, groups, parts.max_in_flight).await;
    }
    Ok(world)
}

fn has_all(world: &World, asked: &Scope) -> bool {
    let sessions = &world.snapshot.sessions;
    asked.sessions.iter().all(|id| world.snapshot.session(*id).is_some())
        && asked.groups.iter().all(|group| sessions.iter().any(|session| session.group == *group))
}

/// The explanations of these sessions, in the order of their ids.
pub fn explain(world: &World, asked: &Scope) -> Vec<Explained> {
    let plan = world.plan();
    let is_asked = |session: &&Session| asked.includes(session);
    let sessions = world.snapshot.sessions.iter().filter(is_asked);
    sessions.map(|session| plan::explain(world.inputs(), &plan, session)).collect()
}
