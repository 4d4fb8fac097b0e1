//! Whether everything is as it should be by now: what Meetecho shows, against what the datatracker has.

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::model::{Deck, Kind, RoomPowers, RoomTimes, Session, Span, SubjectKey};

use super::far_side::Room;
use super::source::OWN_LINK;
use super::world::World;

impl World {
    /// Whether slides may have been sent at some moment of a stretch of time.
    pub(crate) fn was_open(&self, slot: Span, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        let Some(minutes) = self.settings.notify_minutes else { return true };
        let margin = TimeDelta::minutes(i64::from(minutes));
        slot.start - margin < to && from < slot.end + margin
    }

    fn is_open(&self, slot: Span, now: DateTime<Utc>) -> bool {
        self.was_open(slot, now, now)
    }

    /// What is not as it should be, by now.
    pub(crate) fn trouble(&self) -> Option<String> {
        if self.settings.only_observes {
            return None;
        }
        let now = self.source_now();
        self.source.sessions().iter().find_map(|session| {
            if self.judge.is_held_now(session.id, now) {
                return None;
            }
            self.decks_trouble(session, now).or_else(|| self.room_trouble(session, now))
        })
    }

    pub(crate) fn decks_trouble(&self, session: &Session, now: DateTime<Utc>) -> Option<String> {
        let slot = session.slot?;
        if !may_have_slides(session) || !self.is_open(slot, now) || session.remote_instructions == OWN_LINK {
            return None;
        }
        let wanted: Vec<Deck> = wanted(session).cloned().collect();
        let shown = self.far.shown(session.id);
        if shows(&shown, &wanted) {
            return None;
        }
        let named = |decks: Vec<&Deck>| {
            decks
                .iter()
                .map(|deck| format!("{}-{}@{}", deck.id, deck.rev, deck.order))
                .collect::<Vec<_>>()
                .join(" ")
        };
        Some(format!(
            "session {} shows [{}], and should show [{}]",
            session.id,
            named(shown),
            named(wanted.iter().collect())
        ))
    }

    fn room_trouble(&self, session: &Session, now: DateTime<Utc>) -> Option<String> {
        let settings = &self.settings;
        // The datatracker makes such marks at its own meetings only; what becomes of a room then is nobody's word.
        if !session.is_interim()
            || session.tombstone_for.is_some()
            || settings.powers == RoomPowers::Observe
            || session.remote_instructions == OWN_LINK
        {
            return None;
        }
        if self.is_parked(SubjectKey::room(session.id)) {
            return None;
        }
        let slot = session.slot?;
        let rooms: Vec<&Room> = self.far.rooms_of(session.id).collect();
        let may_take_away = settings.powers == RoomPowers::Full && settings.max_deletes > 5;
        let quiet = TimeDelta::seconds(i64::try_from(settings.quiet_before_s).expect("short"));
        let near = |span: Span| span.start - quiet <= now && !span.is_over(now);
        let id = session.id;
        if session.status.is_cancelled() {
            let stays = rooms.iter().find(|room| !near(room.span()) && !room.span().is_over(now));
            let why = stays.filter(|_| may_take_away && !slot.is_live(now))?;
            return Some(format!("session {id} is cancelled, and still has room {}", why.public_id));
        }
        if slot.is_over(now) {
            return None;
        }
        let [room] = rooms.as_slice() else {
            return Some(format!("session {id} wants a room, and has {}", rooms.len()));
        };
        let wanted = RoomTimes::of(slot);
        if (room.start, room.minutes) != (wanted.start, wanted.duration_min)
            && may_take_away
            && !near(room.span())
            && !near(wanted.span())
        {
            return Some(format!(
                "the room of session {id} is at {}, and should be at {}",
                room.start, wanted.start
            ));
        }
        let link = session.remote_instructions.trim();
        if settings.write_back && link != room.url && !link.contains(&room.public_id) {
            return Some(format!("the link of session {id} is {link:?}, and its room is at {}", room.url));
        }
        None
    }

    /// The provider said no to just this, and is left alone with it for an hour.
    fn is_parked(&self, key: SubjectKey) -> bool {
        let view = self.ledger.view_of(&[key.session].into(), TimeDelta::zero(), self.source_now());
        view.is_ok_and(|view| view.get(key).is_some_and(|row| row.timing.parked))
    }

    /// It failed, and is not tried again before a moment; by a clock that was set back since, that may be long.
    fn is_put_off(&self, key: SubjectKey) -> bool {
        let now = self.source_now();
        let view = self.ledger.view_of(&[key.session].into(), TimeDelta::zero(), now);
        let not_before = view.ok().and_then(|view| view.get(key).and_then(|row| row.timing.not_before));
        not_before.is_some_and(|moment| now < moment)
    }

    /// A session whose slides are sent now, and for another minute at least, and that waits for no room; by its place.
    /// Rather one that is not on yet: for one that is, everything is tried more often.
    pub(crate) fn one_in_its_window(&self) -> Option<usize> {
        let now = self.source_now();
        let later = now + TimeDelta::minutes(1);
        let sessions = self.source.sessions();
        let fits = |session: &Session| {
            session.slot.is_some_and(|slot| self.is_open(slot, now) && self.is_open(slot, later))
                && may_have_slides(session)
                && session.remote_instructions != OWN_LINK
                && !self.is_parked(SubjectKey::room(session.id))
                && !self.is_put_off(SubjectKey::decks(session.id))
                && self.room_trouble(session, now).is_none()
                && !self.judge.is_held_now(session.id, now)
        };
        let is_live = |session: &Session| session.slot.is_some_and(|slot| slot.is_live(now));
        let fitting = sessions.iter().enumerate().filter(|(_, session)| fits(session));
        fitting.min_by_key(|(_, session)| is_live(session)).map(|(place, _)| place)
    }

    /// Whether the ledger still has something to do about a session that is in its window.
    pub(crate) fn is_owing(&self) -> bool {
        let now = self.source_now();
        let sessions = self.source.sessions().iter();
        let open = sessions
            .filter(|session| {
                may_have_slides(session)
                    && session.remote_instructions != OWN_LINK
                    && session.slot.is_some_and(|slot| self.is_open(slot, now))
            })
            .map(|session| session.id)
            .collect();
        self.ledger.view_of(&open, TimeDelta::zero(), now).is_ok_and(|view| {
            view.subjects.iter().any(|(key, row)| {
                (row.doubt_since.is_some() || row.confirming.is_some())
                    && key.kind == Kind::Decks
                    && !self.judge.is_held_now(key.session, now)
            })
        })
    }

    /// Whether between these moments something is due although nobody edited it: a window opens, a room is no longer in use.
    pub(crate) fn something_opens(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        if self.settings.refresh_s > 0 {
            return true;
        }
        let within = |moment: DateTime<Utc>| from <= moment && moment <= to;
        let margin = TimeDelta::minutes(i64::from(self.settings.notify_minutes.unwrap_or(0)));
        let window = provider_window();
        let held = self.judge.holds.iter().any(|hold| within(hold.until));
        let sessions = self.source.sessions().iter();
        let rooms = self.far.rooms.iter().filter(|room| !room.foreign);
        held || rooms.map(|room| room.span().end).any(within)
            || sessions.filter_map(|session| session.slot).any(|slot| {
                [slot.start - margin, slot.start - window, slot.start, slot.end].into_iter().any(within)
            })
    }
}

/// The provider listens so long before the start.
pub(crate) fn provider_window() -> TimeDelta {
    TimeDelta::seconds(40)
}

pub(crate) fn wanted(session: &Session) -> impl Iterator<Item = &Deck> {
    session.decks.iter().filter(|linked| !linked.deleted).map(|linked| &linked.deck)
}

/// Neither cancelled nor only the mark of a session that was moved.
pub(crate) fn may_have_slides(session: &Session) -> bool {
    !session.status.is_cancelled() && session.tombstone_for.is_none()
}

/// The same decks; where they stand is said by their `order`.
pub(crate) fn shows(shown: &[&Deck], wanted: &[Deck]) -> bool {
    shown.len() == wanted.len() && wanted.iter().all(|deck| shown.contains(&deck))
}
