//! Speaks a room change to the provider: read before create, delete by the token that was just read, and the URL
//! written back with compare-and-set.
//!
//! createRoom is not idempotent: whatever it answers, an unsuccessful one is followed by a read, and a room that is
//! there then is adopted.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::datatracker::Writer;
use crate::ledger::{CountsAs, Failure, RoomLeft, StepEnd};
use crate::model::{Fault, Outcome, RoomRecord, RoomSpec, RoomTimes, SeenRoom, Why};
use crate::plan::{Change, Operation, RoomRef, leads_to};
use crate::provider::meetecho::Meetecho;

use super::step::{Acted, StepOutcome};

/// Carries out a room change.
pub(super) struct RoomActor<'a> {
    pub(super) meetecho: &'a Meetecho,
    pub(super) links: Option<&'a Writer>,
    pub(super) change: &'a Change,
    /// Our room as it is recorded, fresh under the lease.
    pub(super) record: Option<RoomRecord>,
}

impl RoomActor<'_> {
    pub(super) async fn act(self, now: impl Fn() -> DateTime<Utc>) -> Acted {
        let mut requests = 0;
        let mut record = self.record.clone();
        let mut counts_as = None;
        for operation in &self.change.operations {
            let step = match operation {
                Operation::AdoptRoom { room, shown, .. } => {
                    let (url, public_id) = (room.url.clone(), room.public_id.clone());
                    record = Some(self.recorded(
                        url.unwrap_or_default(),
                        public_id.unwrap_or_default(),
                        *shown,
                        true,
                    ));
                    continue;
                }
                Operation::CreateRoom { room, .. } => {
                    counts_as = Some(CountsAs::RoomCreated);
                    self.create(room, &mut requests).await
                }
                Operation::RecreateRoom { room, old, .. } => {
                    counts_as = Some(CountsAs::RoomDeleted);
                    match self.delete(old, &mut requests).await {
                        Ok(()) => {
                            let before = record.clone();
                            self.create(room, &mut requests).await.map_err(|acted| {
                                let acted = after_deletion(acted, before, now());
                                if requests > 0 { acted.counting(CountsAs::RoomDeleted) } else { acted }
                            })
                        }
                        Err(acted) => Err(acted),
                    }
                }
                Operation::DeleteRoom { room, .. } => match self.delete(room, &mut requests).await {
                    Ok(()) => {
                        // A second room with the same id may go; ours stays on record.
                        let other = record
                            .filter(|ours| room.public_id.as_ref().is_some_and(|id| *id != ours.public_id));
                        let end = match other {
                            Some(record) => StepEnd::RoomIs { record, at: now(), confirming: None },
                            None => StepEnd::RoomGone { at: now(), confirming: None },
                        };
                        return Acted::done(requests, end).counting(CountsAs::RoomDeleted);
                    }
                    Err(acted) => Err(acted),
                },
                _ => continue,
            };
            match step {
                Ok(made) => record = Some(made),
                Err(acted) => return acted,
            }
        }
        let Some(record) = record else {
            return Acted::done(requests, StepEnd::NotProcessed { failure: None });
        };
        let public_id = record.public_id.clone();
        let link_fault = self.write_link(&record).await;
        let end = StepEnd::RoomIs { record, at: now(), confirming: None };
        let mut acted = Acted::done(requests, end).with_room(public_id);
        acted.counts_as = counts_as.filter(|_| requests > 0);
        match link_fault {
            Some(fault) => acted.with_fault(fault),
            None => acted,
        }
    }

    /// Reads first: a room that is there already is adopted, and only a proven absence is followed by a request.
    async fn create(&self, spec: &RoomSpec, requests: &mut usize) -> Result<RoomRecord, Acted> {
        let group = &self.change.group;
        match self.read(spec).await {
            Ok(Some(room)) => return Ok(self.adopted(&room)),
            Ok(None) => {}
            Err(fault) => return Err(not_done(*requests, fault)),
        }
        let outcome = self.meetecho.create_room(group, spec).await;
        *requests += usize::from(!matches!(outcome, Outcome::Retry { .. }));
        let failed = match outcome {
            Outcome::Applied(room) => {
                return Ok(self.recorded(room.url, room.public_id, spec.times(), false));
            }
            other => other,
        };
        if let Ok(Some(room)) = self.read(spec).await {
            return Ok(self.adopted(&room));
        }
        Err(match failed {
            Outcome::InDoubt(fault) => {
                let words = fault.words.clone();
                Acted::in_doubt(
                    *requests,
                    StepEnd::InDoubt { words, sent: BTreeSet::new(), room: RoomLeft::AsBefore },
                    fault,
                )
            }
            Outcome::Retry { after, fault } => {
                let mut acted = not_done(*requests, fault);
                acted.retry_after = after;
                acted
            }
            Outcome::Refused(fault) => refused(*requests, fault),
            Outcome::Applied(_) => unreachable!("an applied createRoom returned above"),
        })
    }

    /// The room with this id at the provider, if it is there; conflicting ones are a refusal.
    async fn read(&self, spec: &RoomSpec) -> Result<Option<SeenRoom>, Fault> {
        let rooms = match self.meetecho.fetch_rooms(&self.change.group).await {
            Outcome::Applied(rooms) => rooms,
            Outcome::Retry { fault, .. } | Outcome::Refused(fault) | Outcome::InDoubt(fault) => {
                return Err(fault);
            }
        };
        let Some(room) = rooms.into_iter().find(|room| room.room_id == spec.room_id.0) else {
            return Ok(None);
        };
        let meeting_name = spec.description.split(", day ").next();
        let fits = room.start == spec.start
            || room.description == spec.description
            || Some(room.description.as_str()) == meeting_name;
        if fits {
            Ok(Some(room))
        } else {
            let words = format!(
                "a room with the id {} is there ({}), and neither its start nor its description fits",
                spec.room_id, room.url
            );
            Err(Fault::new(Why::RoomConflict, words))
        }
    }

    fn adopted(&self, room: &SeenRoom) -> RoomRecord {
        self.recorded(room.url.clone(), room.public_id.clone(), room.times(), true)
    }

    fn recorded(&self, url: String, public_id: String, sent: RoomTimes, adopted: bool) -> RoomRecord {
        // Until the new URL stands in the session, a link to the old one must still count as ours.
        let before = self.record.as_ref().map(|record| record.url.clone());
        RoomRecord {
            former_url: before.filter(|before| *before != url),
            public_id,
            url,
            group: self.change.group.clone(),
            sent,
            adopted,
        }
    }

    async fn delete(&self, room: &RoomRef, requests: &mut usize) -> Result<(), Acted> {
        let outcome =
            self.meetecho.delete_room(&self.change.group, room.room_id.0, room.public_id.as_deref()).await;
        *requests += usize::from(!matches!(outcome, Outcome::Retry { .. }));
        match outcome {
            Outcome::Applied(()) => Ok(()),
            Outcome::InDoubt(fault) => {
                let words = fault.words.clone();
                let end = StepEnd::InDoubt { words, sent: BTreeSet::new(), room: RoomLeft::AsBefore };
                Err(Acted::in_doubt(*requests, end, fault))
            }
            Outcome::Retry { after, fault } => {
                let mut acted = not_done(*requests, fault);
                acted.retry_after = after;
                Err(acted)
            }
            Outcome::Refused(fault) => Err(refused(*requests, fault)),
        }
    }

    /// Compare-and-set: only where the link is still what the plan was made on. A room's URL that stands there
    /// already is left alone.
    async fn write_link(&self, record: &RoomRecord) -> Option<Fault> {
        let links = self.links?;
        let seen = self.change.link.as_deref()?;
        if record.url.is_empty() || leads_to(seen.trim(), &record.url, &record.public_id) {
            return None;
        }
        match links.write_link(self.change.session, seen, &record.url).await {
            Ok(true) => None,
            Ok(false) => Some(Fault::new(
                Why::NotOurs,
                "the room is there, but the session's link was changed in the meantime and was left alone; the next resync looks again",
            )),
            Err(error) => {
                let words = format!(
                    "the room is there, but its link was not written: {}",
                    crate::database::chain(&error)
                );
                Some(Fault::new(Why::WriteBackOff, words))
            }
        }
    }
}

/// The old room of a move is gone, and the new one is not there. What is known of the old one stays on record: its link
/// may stand in the session, and it tells the next step what is missing. Where provably nothing of the new one was
/// processed there is no doubt either, and it can be made at once.
fn after_deletion(acted: Acted, before: Option<RoomRecord>, at: DateTime<Utc>) -> Acted {
    match before {
        Some(record) if acted.outcome == StepOutcome::Retry => {
            Acted { end: StepEnd::RoomIs { record, at, confirming: None }, ..acted }
        }
        _ => acted,
    }
}

fn not_done(requests: usize, fault: Fault) -> Acted {
    let failure = Failure::Retry(fault.words.clone());
    Acted::failed(requests, ended(requests, failure), fault, None)
}

fn refused(requests: usize, fault: Fault) -> Acted {
    let failure = Failure::Refused(fault.words.clone());
    Acted::failed(requests, ended(requests, failure), fault, None)
}

/// Nothing was processed, or something was.
fn ended(requests: usize, failure: Failure) -> StepEnd {
    if requests == 0 {
        return StepEnd::NotProcessed { failure: Some(failure) };
    }
    StepEnd::Partly { failure, sent: BTreeSet::new(), room: RoomLeft::AsBefore }
}
