//! Speaks a room change to the provider: read before create, delete by the token that was just read, and the URL
//! written back with compare-and-set.
//!
//! createRoom is not idempotent: whatever it answers, an unsuccessful one is followed by a read, and a room that is
//! there then is adopted.
//!
//! A move that got as far as its deletion leaves the record as it was. That is no lie, since a record whose room is
//! gone is read as such every time; and its address must not be forgotten, for the session's link still leads there.

use chrono::{DateTime, Utc};

use crate::ledger::{CountsAs, Failure, Lease, Settled, StepEnd};
use crate::model::{Fault, MeetingNumber, Outcome, RoomRecord, RoomSpec, RoomTimes, SeenRoom, Why};
use crate::plan::{Change, Operation, RoomRef, fits, leads_to};
use crate::planted::{self, Bug};

use super::acted::Acted;
use super::edges::{Books, Conference, Links};

mod ending;

use ending::{ended, not_made, not_processed, not_read_after};

/// Carries out a room change.
pub(super) struct RoomActor<'a, C, L, B> {
    /// Counts this step's requests.
    pub(super) meetecho: &'a C,
    pub(super) links: Option<&'a L>,
    pub(super) ledger: &'a B,
    pub(super) lease: &'a Lease,
    pub(super) change: &'a Change,
    pub(super) meeting: Option<&'a MeetingNumber>,
    /// Our room as it is recorded: fresh under the lease at first, then as this step leaves it.
    pub(super) record: Option<RoomRecord>,
    /// What the ledger has as our room by now.
    pub(super) noted: Option<RoomRecord>,
    /// What the guards must count, also of a step that fails or is cut short later.
    pub(super) counts_as: Option<CountsAs>,
}

impl<C: Conference, L: Links, B: Books> RoomActor<'_, C, L, B> {
    /// The operations in their order; the first that fails ends it.
    pub(super) async fn act(&mut self, now: impl Fn() -> DateTime<Utc> + Send + Sync) -> Acted {
        for operation in &self.change.operations {
            let done = match operation {
                Operation::AdoptRoom { room, shown, .. } => self.adopt_seen(room, *shown).await,
                Operation::CreateRoom { room, .. } => self.create(room, false).await,
                Operation::RecreateRoom { room, old, .. } => match self.delete(old, &now).await {
                    Ok(()) => self.create(room, true).await,
                    failed => failed,
                },
                Operation::DeleteRoom { room, .. } => match self.delete(room, &now).await {
                    Ok(()) => return Acted::done(self.after_deletion(room, now())),
                    failed => failed,
                },
                Operation::EndDoubt { .. } => match self.see_none().await {
                    Ok(()) => {
                        let record = self.record.clone();
                        return Acted::done(StepEnd::RoomGone { record, at: now(), confirming: None });
                    }
                    failed => failed,
                },
                Operation::WriteRoomUrl { to: Some(url), .. } => {
                    if let Some(record) = &mut self.record {
                        record.url.clone_from(url);
                    }
                    Ok(())
                }
                _ => Ok(()),
            };
            if let Err(acted) = done {
                return *acted;
            }
        }
        let Some(record) = self.record.clone() else {
            return Acted::done(StepEnd::NotProcessed { failure: None });
        };
        let link_fault = self.write_link(&record).await;
        let public_id = record.public_id.clone();
        let acted = Acted::done(StepEnd::RoomIs { record, at: now(), confirming: None }).with_room(public_id);
        match link_fault {
            Some(fault) => acted.with_fault(fault),
            None => acted,
        }
    }

    /// Reads first: a room that is there already is adopted, and only a proven absence is followed by a request.
    async fn create(&mut self, spec: &RoomSpec, again: bool) -> Result<(), Box<Acted>> {
        let group = &self.change.group;
        if !planted::is(Bug::CreateWithoutRead)
            && let Some(room) = self.read(spec, again).await?
        {
            self.adopt(&room);
            return Ok(());
        }
        let before = self.meetecho.requests_sent();
        let outcome = self.meetecho.create_room(group, spec).await;
        let was_sent = self.meetecho.requests_sent() > before;
        if let Outcome::Applied(room) = outcome {
            self.count_creation(again);
            self.record = Some(self.recorded(room.url, room.public_id, spec.times(), false));
            return Ok(());
        }
        let rooms = match self.meetecho.fetch_rooms(group).await {
            Outcome::Applied(rooms) => rooms,
            unread => return not_read_after(outcome, was_sent, unread.fault()),
        };
        match self.ours_of(rooms, spec, again) {
            Ok(Some(room)) => {
                if matches!(outcome, Outcome::InDoubt(_)) {
                    self.count_creation(again);
                }
                self.adopt(&room);
                Ok(())
            }
            // A move may begin in doubt, and what that is about may still come.
            Ok(None) if !again => not_made(outcome),
            Ok(None) | Err(_) => ended(outcome),
        }
    }

    /// A move counts as its deletion, whichever try made that.
    fn count_creation(&mut self, again: bool) {
        if !again {
            self.counts_as.get_or_insert(CountsAs::RoomCreated);
        }
    }

    async fn read(&self, spec: &RoomSpec, again: bool) -> Result<Option<SeenRoom>, Box<Acted>> {
        match self.meetecho.fetch_rooms(&self.change.group).await {
            Outcome::Applied(rooms) => self.ours_of(rooms, spec, again),
            failed => ended(failed).map(|()| None),
        }
    }

    /// The room with this id among those of its group, if it is there; one that does not fit is a refusal. `again`:
    /// right after a deletion, when only the wanted times tell a new room from the one that should be gone.
    fn ours_of(
        &self,
        rooms: Vec<SeenRoom>,
        spec: &RoomSpec,
        again: bool,
    ) -> Result<Option<SeenRoom>, Box<Acted>> {
        let mut rooms: Vec<_> = rooms.into_iter().filter(|room| room.room_id == spec.room_id.0).collect();
        let is_ours = |room: &SeenRoom| {
            if again {
                room.times() == spec.times()
            } else {
                self.meeting.is_some_and(|meeting| fits(room, spec, meeting))
            }
        };
        if let Some(place) = rooms.iter().position(is_ours) {
            return Ok(Some(rooms.swap_remove(place)));
        }
        let Some(room) = rooms.first() else { return Ok(None) };
        if again {
            let words = format!("the old room was deleted, but is still listed ({})", room.url);
            return Err(not_processed(Failure::Retry(words.clone()), Fault::new(Why::RetryWait, words)));
        }
        let words = format!(
            "a room with the id {} is there ({}), and neither its start nor its description fits",
            spec.room_id, room.url
        );
        let fault = Fault::new(Why::RoomConflict, words);
        Err(not_processed(Failure::Refused(fault.words.clone()), fault))
    }

    /// Reads once more: what the plan saw may be gone by now, and another room in its place, which somebody else has on
    /// record.
    async fn adopt_seen(&mut self, room: &RoomRef, shown: RoomTimes) -> Result<(), Box<Acted>> {
        let rooms = match self.meetecho.fetch_rooms(&self.change.group).await {
            Outcome::Applied(rooms) => rooms,
            failed => return ended(failed),
        };
        let public_id = room.public_id.clone().unwrap_or_default();
        if rooms.iter().any(|seen| seen.public_id == public_id) {
            self.record = Some(self.recorded(room.url.clone().unwrap_or_default(), public_id, shown, true));
            return Ok(());
        }
        let words = "the room that was to be adopted is gone by now";
        Err(not_processed(Failure::Retry(words.into()), Fault::new(Why::RetryWait, words)))
    }

    /// Reads once more: what nobody asks for any more must not be forgotten while it is there.
    async fn see_none(&self) -> Result<(), Box<Acted>> {
        let rooms = match self.meetecho.fetch_rooms(&self.change.group).await {
            Outcome::Applied(rooms) => rooms,
            failed => return ended(failed),
        };
        match rooms.iter().find(|room| room.room_id == self.change.session.0) {
            None => Ok(()),
            Some(room) => {
                let words = format!("a room of this session is there by now ({})", room.url);
                Err(not_processed(Failure::Retry(words.clone()), Fault::new(Why::RetryWait, words)))
            }
        }
    }

    fn adopt(&mut self, room: &SeenRoom) {
        self.record = Some(self.recorded(room.url.clone(), room.public_id.clone(), room.times(), true));
    }

    fn recorded(&self, url: String, public_id: String, sent: RoomTimes, adopted: bool) -> RoomRecord {
        RoomRecord {
            former_url: self.former_url().filter(|former| *former != url),
            public_id,
            url,
            group: self.change.group.clone(),
            sent,
            adopted,
            gone: false,
        }
    }

    /// Until the new URL stands in the session, a link to an old one must still count as ours: the one that stands
    /// there, if we know it, else the latest.
    fn former_url(&self) -> Option<String> {
        let record = self.record.as_ref()?;
        let link = self.change.link.as_deref().map(str::trim);
        let stands = record.former_url.as_ref().filter(|former| Some(former.as_str()) == link);
        Some(stands.unwrap_or(&record.url).clone())
    }

    async fn delete(
        &mut self,
        room: &RoomRef,
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
    ) -> Result<(), Box<Acted>> {
        let before = (self.meetecho.requests_sent(), self.counts_as);
        // It counts from here on, should the step be cut short; a room that was not there takes it back.
        self.counts_as = Some(CountsAs::RoomDeleted);
        let (id, public_id) = (room.room_id.0, room.public_id.as_deref());
        let outcome = self.meetecho.delete_room(&self.change.group, id, public_id, now).await;
        let was_sent = self.meetecho.requests_sent() > before.0;
        if !was_sent || matches!(outcome, Outcome::Refused(_) | Outcome::Retry { .. }) {
            self.counts_as = before.1;
        }
        ended(outcome)
    }

    /// A second room with the same id may go; ours stays on record.
    fn after_deletion(&self, room: &RoomRef, at: DateTime<Utc>) -> StepEnd {
        let was_another = |ours: &RoomRecord| room.public_id.as_ref().is_some_and(|id| *id != ours.public_id);
        match &self.record {
            Some(ours) if was_another(ours) && !ours.gone => {
                StepEnd::RoomIs { record: ours.clone(), at, confirming: None }
            }
            Some(ours) => StepEnd::RoomGone { record: Some(ours.clone()), at, confirming: None },
            None => {
                let times = self.change.slot.map(RoomTimes::of);
                let record = room.url.clone().zip(times).map(|(url, times)| {
                    self.recorded(url, room.public_id.clone().unwrap_or_default(), times, true)
                });
                StepEnd::RoomGone { record, at, confirming: None }
            }
        }
    }

    /// Why the room could not be put on record.
    async fn note(&mut self, record: &RoomRecord) -> Option<String> {
        if self.noted.as_ref() == Some(record) {
            return None;
        }
        match self.ledger.note_room(self.lease, self.change.subject, record).await {
            Ok(Settled::Done) => {
                self.noted = Some(record.clone());
                None
            }
            Ok(Settled::Lost) => Some(
                "the room is there, and another meetsync took the session over before its link was written"
                    .into(),
            ),
            Err(error) => Some(format!(
                "the room is there, but could not be put on record, so its link was not written: {}",
                crate::database::chain(&error)
            )),
        }
    }

    /// Compare-and-set: only where the link is still what the plan was made on. A room's URL that stands there
    /// already is left alone. The room is on record first: a link that nobody knows to be ours, to a room that is
    /// lost before this step ends, would stand for ever.
    async fn write_link(&mut self, record: &RoomRecord) -> Option<(Failure, Fault)> {
        let links = self.links?;
        let seen = self.change.link.as_deref()?;
        if record.url.is_empty() || leads_to(seen.trim(), &record.url, &record.public_id) {
            return None;
        }
        if let Some(words) = self.note(record).await {
            return Some((Failure::Retry(words.clone()), Fault::new(Why::WriteBackOff, words)));
        }
        match links.write_link(self.change.session, seen, &record.url).await {
            Ok(true) => None,
            Ok(false) => {
                let words = "the room is there, but the session's link was changed in the meantime and was left alone; the next look decides anew";
                Some((Failure::Refused(words.into()), Fault::new(Why::NotOurs, words)))
            }
            Err(error) => {
                let words = format!(
                    "the room is there, but its link was not written: {}",
                    crate::database::chain(&error)
                );
                Some((Failure::Retry(words.clone()), Fault::new(Why::WriteBackOff, words)))
            }
        }
    }
}
