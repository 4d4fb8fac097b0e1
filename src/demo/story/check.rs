//! Whether the two sides are the same: what the datatracker says, and what the stand-in shows.
//!
//! This is a judge of its own. It knows nothing of plans, records and windows as the production code has them, and
//! says the rules once more in the plainest way, so that a mistake there can't hide itself here.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::demo::standin::Standin;
use crate::model::{Deck, SeenRoom, Session, SessionId};

/// Slides go out from so long before a session to as long after it, as the demo's settings leave it.
const MARGIN: TimeDelta = TimeDelta::minutes(15);
/// Rooms are made so far ahead.
const HORIZON: TimeDelta = TimeDelta::days(180);
const WITH_ROOM: [&str; 4] = ["apprw", "appr", "scheda", "sched"];
const CALLED_OFF: [&str; 4] = ["canceled", "canceledpa", "deleted", "disappr"];

/// What Meetecho shows to people.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    pub(super) decks: BTreeMap<SessionId, Vec<Deck>>,
    pub(super) rooms: Vec<SeenRoom>,
}

impl Shown {
    pub(super) fn by(standin: &Standin) -> Self {
        let sessions = standin.sessions_with_decks().into_iter();
        Self {
            decks: sessions.map(|session| (session, standin.decks_of(session))).collect(),
            rooms: standin.rooms().into_iter().map(|made| made.room).collect(),
        }
    }
}

/// Each difference as a sentence; none = the sides are the same. `sessions` are all that the datatracker has.
pub(super) fn differences(sessions: &[Session], shown: &Shown, now: DateTime<Utc>) -> Vec<String> {
    let mut found: Vec<String> =
        sessions.iter().flat_map(|session| of_session(session, shown, now)).collect();
    let unknown = |id: i64| sessions.iter().all(|session| session.id.0 != id);
    for room in shown.rooms.iter().filter(|room| unknown(room.room_id)) {
        found.push(format!("Meetecho has room {}, and the datatracker no such session", room.room_id));
    }
    for session in shown.decks.keys().filter(|session| unknown(session.0)) {
        found
            .push(format!("Meetecho shows decks for session {session}, which the datatracker does not have"));
    }
    found
}

/// The differences of one session.
pub(super) fn of_session(session: &Session, shown: &Shown, now: DateTime<Utc>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(wanted) = wanted_decks(session, now) {
        let there = shown.decks.get(&session.id).cloned().unwrap_or_default();
        if there != wanted {
            found.push(format!(
                "session {}: Meetecho shows {}, the datatracker has {}",
                session.id,
                in_words(&there),
                in_words(&wanted)
            ));
        }
    }
    let rooms: Vec<&SeenRoom> = shown.rooms.iter().filter(|room| room.room_id == session.id.0).collect();
    match (wants_room(session, now), rooms.as_slice()) {
        (false, []) => {}
        (true, [room]) => found.extend(of_room(session, room)),
        (true, []) => found.push(format!("session {}: it has no room", session.id)),
        (_, rooms) => found.push(format!("session {}: {} rooms too many", session.id, rooms.len())),
    }
    found
}

/// None = what is shown may be anything: the session is over, and was told what was right at its time.
fn wanted_decks(session: &Session, now: DateTime<Utc>) -> Option<Vec<Deck>> {
    let slot = session.slot.filter(|_| !is_off(session));
    match slot {
        Some(slot) if slot.end + MARGIN <= now => None,
        Some(slot) if slot.start - MARGIN < now => Some(
            session.decks.iter().filter(|deck| !deck.deleted).map(|linked| linked.deck.clone()).collect(),
        ),
        _ => Some(Vec::new()),
    }
}

fn is_off(session: &Session) -> bool {
    CALLED_OFF.contains(&session.status.0.as_str()) || session.tombstone_for.is_some()
}

fn wants_room(session: &Session, now: DateTime<Utc>) -> bool {
    let link = session.remote_instructions.trim();
    let own = link.ends_with(&format!("?session={}", session.id));
    session.meeting_type == "interim"
        && session.tombstone_for.is_none()
        && WITH_ROOM.contains(&session.status.0.as_str())
        && session.slot.is_some_and(|slot| now < slot.end && slot.start < now + HORIZON)
        && (link.is_empty() || own)
}

fn of_room(session: &Session, room: &SeenRoom) -> Option<String> {
    let slot = session.slot?;
    let same_time = room.start.timestamp() == slot.start.timestamp()
        && room.duration_min == (slot.end - slot.start).num_minutes();
    if !same_time {
        let minutes = (slot.end - slot.start).num_minutes();
        return Some(format!(
            "session {}: its room is at {} for {} min, the session at {} for {minutes} min",
            session.id, room.start, room.duration_min, slot.start
        ));
    }
    (session.remote_instructions != room.url).then(|| {
        format!(
            "session {}: its link is {:?}, and the room's address {}",
            session.id, session.remote_instructions, room.url
        )
    })
}

fn in_words(decks: &[Deck]) -> String {
    if decks.is_empty() {
        return "no decks".into();
    }
    decks.iter().map(|deck| format!("{}-{}", deck.id, deck.rev)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeckId, GroupAcronym, LinkedDeck, MeetingNumber, SessionStatus, Span};

    type Plant = fn(&mut Shown);
    type Edit = fn(&mut Session);

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn deck(id: i64, order: i32) -> Deck {
        let id = DeckId(id);
        Deck {
            id,
            title: format!("Deck {id}"),
            url: format!("https://x.example/{id}"),
            rev: "00".into(),
            order,
        }
    }

    fn session(id: i64, kind: &str, starts_in: i64) -> Session {
        let start = now() + TimeDelta::minutes(starts_in);
        Session {
            id: SessionId(id),
            meeting: MeetingNumber::new("127"),
            meeting_type: kind.into(),
            group: GroupAcronym::new("mars"),
            name: String::new(),
            status: SessionStatus("sched".into()),
            slot: Some(Span::of_minutes(start, 60)),
            time_zone: "UTC".into(),
            remote_instructions: String::new(),
            tombstone_for: None,
            modified: now(),
            decks: [deck(1, 1), deck(2, 2)].map(|deck| LinkedDeck { deck, deleted: false }).to_vec(),
        }
    }

    fn url(id: i64) -> String {
        format!("https://meetings.conf.meetecho.com/interim/?session={id}")
    }

    fn room(id: i64, starts_in: i64) -> SeenRoom {
        SeenRoom {
            room_id: id,
            public_id: format!("room-{id}"),
            url: url(id),
            description: "any".into(),
            start: now() + TimeDelta::minutes(starts_in),
            duration_min: 60,
        }
    }

    /// A live session with two decks, one of tomorrow, and an interim with its room: nothing differs.
    fn same_on_both_sides() -> (Vec<Session>, Shown) {
        let interim =
            Session { remote_instructions: url(3), decks: Vec::new(), ..session(3, "interim", 9000) };
        let sessions = vec![session(1, "ietf", -10), session(2, "ietf", 1440), interim];
        let decks = BTreeMap::from([(SessionId(1), vec![deck(1, 1), deck(2, 2)])]);
        (sessions, Shown { decks, rooms: vec![room(3, 9000)] })
    }

    #[test]
    fn the_same_on_both_sides_is_no_difference() {
        let (sessions, shown) = same_on_both_sides();
        assert_eq!(differences(&sessions, &shown, now()), Vec::<String>::new());
    }

    /// Whatever is planted at Meetecho is found, and named.
    #[test]
    fn each_planted_difference_is_found() {
        let plants: [(Plant, &str); 11] = [
            (|shown| shown.decks.clear(), "session 1: Meetecho shows no decks"),
            (
                |shown| drop(shown.decks.get_mut(&SessionId(1)).unwrap().pop()),
                "shows 1-00, the datatracker has 1-00 2-00",
            ),
            (|shown| shown.decks.get_mut(&SessionId(1)).unwrap().push(deck(9, 3)), "1-00 2-00 9-00"),
            (|shown| shown.decks.get_mut(&SessionId(1)).unwrap().reverse(), "2-00 1-00"),
            (|shown| shown.decks.get_mut(&SessionId(1)).unwrap()[0].rev = "01".into(), "1-01 2-00"),
            (
                |shown| drop(shown.decks.insert(SessionId(2), vec![deck(1, 1)])),
                "session 2: Meetecho shows 1-00",
            ),
            (|shown| drop(shown.decks.insert(SessionId(77), vec![deck(1, 1)])), "session 77"),
            (|shown| shown.rooms.clear(), "session 3: it has no room"),
            (|shown| shown.rooms.push(room(3, 9000)), "session 3: 2 rooms too many"),
            (|shown| shown.rooms[0].start += TimeDelta::minutes(1), "session 3: its room is at"),
            (|shown| shown.rooms.push(room(88, 9000)), "Meetecho has room 88"),
        ];
        for (plant, words) in plants {
            let (sessions, mut shown) = same_on_both_sides();
            plant(&mut shown);
            let found = differences(&sessions, &shown, now());
            assert!(found.len() == 1 && found[0].contains(words), "{words:?} in {found:?}");
        }
    }

    #[test]
    fn edits_that_were_not_carried_over_are_found() {
        let edits: [(usize, Edit, &str); 5] = [
            (0, |session| session.decks[1].deleted = true, "the datatracker has 1-00"),
            (0, |session| session.status.0 = "canceled".into(), "the datatracker has no decks"),
            (2, |session| session.status.0 = "canceled".into(), "1 rooms too many"),
            (2, |session| session.remote_instructions.clear(), "its link is \"\""),
            (2, |session| session.remote_instructions = "https://else.example".into(), "1 rooms too many"),
        ];
        for (place, edit, words) in edits {
            let (mut sessions, shown) = same_on_both_sides();
            edit(&mut sessions[place]);
            let found = differences(&sessions, &shown, now());
            assert!(found.len() == 1 && found[0].contains(words), "{words:?} in {found:?}");
        }
    }
}
