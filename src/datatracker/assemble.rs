//! From rows to sessions: which slot is official, in which order the decks come, what their URLs are.
//!
//! Pure. The rows come in the order of their statements: slots by (session, start, type, assignment), sessions by id,
//! decks in any order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{
    Deck, DeckId, GroupAcronym, LinkedDeck, MeetingNumber, Session, SessionId, SessionStatus, Sibling, Span,
};

use super::href::{Hosts, Shape};
use super::rows::{DeckRow, HomeRow, SessionRow, SiblingRow, SlotRow};

/// A session whose decks are not known yet.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) row: SessionRow,
    pub(super) slot: Option<Span>,
}

/// Gives each session its official slot: the first one that is in its meeting's schedule, or in that one's base.
pub(super) fn with_slots(sessions: Vec<SessionRow>, slots: &[SlotRow]) -> Vec<Chosen> {
    let mut chosen: Vec<_> = sessions.into_iter().map(|row| Chosen { row, slot: None }).collect();
    for slot in slots {
        let Ok(place) = chosen.binary_search_by_key(&slot.session, |session| session.row.id) else {
            continue;
        };
        let session = &mut chosen[place];
        if session.slot.is_none() && is_official(slot.schedule, &session.row) {
            session.slot = Some(Span::new(slot.starts, slot.ends));
        }
    }
    chosen
}

/// A meeting without a schedule has no official slots at all.
fn is_official(schedule: i64, session: &SessionRow) -> bool {
    Some(schedule) == session.schedule || Some(schedule) == session.base
}

/// The interim meetings that the chosen sessions belong to.
pub(super) fn interims(chosen: &[Chosen]) -> BTreeSet<i64> {
    chosen.iter().filter(|session| is_interim(&session.row)).map(|session| session.row.meeting_id).collect()
}

fn is_interim(session: &SessionRow) -> bool {
    session.meeting_type == "interim"
}

/// The slots of the chosen sessions of interim meetings and of `others`, which are the other sessions of these.
pub(super) fn siblings(chosen: &[Chosen], others: &[SiblingRow]) -> Vec<Sibling> {
    let meetings: BTreeMap<i64, &SessionRow> = chosen
        .iter()
        .filter(|session| is_interim(&session.row))
        .map(|session| (session.row.meeting_id, &session.row))
        .collect();
    let mut siblings: Vec<_> = chosen
        .iter()
        .filter(|session| is_interim(&session.row))
        .filter_map(|session| Some(sibling(&session.row, session.row.id, session.slot?.start)))
        .collect();
    let mut last = None;
    for other in others {
        let Some(&meeting) = meetings.get(&other.meeting_id) else { continue };
        if last != Some(other.session) && is_official(other.schedule, meeting) {
            last = Some(other.session);
            siblings.push(sibling(meeting, other.session, other.starts));
        }
    }
    siblings.sort_by(|left, right| {
        (&left.meeting, left.start, left.session).cmp(&(&right.meeting, right.start, right.session))
    });
    siblings
}

fn sibling(meeting: &SessionRow, session: i64, start: chrono::DateTime<chrono::Utc>) -> Sibling {
    Sibling { meeting: MeetingNumber::new(&meeting.meeting), session: SessionId(session), start }
}

/// The sessions outside of `chosen` at which a deck that we show was first shown.
pub(super) fn foreign_homes(chosen: &[Chosen], decks: &[DeckRow]) -> BTreeSet<i64> {
    decks
        .iter()
        .filter_map(|deck| deck.home)
        .filter(|home| chosen.binary_search_by_key(home, |session| session.row.id).is_err())
        .collect()
}

/// Puts the decks into their sessions.
pub(super) fn sessions(
    chosen: Vec<Chosen>,
    mut decks: Vec<DeckRow>,
    homes: &[HomeRow],
    hosts: &Hosts,
) -> Vec<Session> {
    decks.sort_unstable_by_key(|deck| (deck.session, deck.place, deck.link));
    let foreign: HashMap<i64, &str> =
        homes.iter().map(|home| (home.session, home.meeting.as_str())).collect();
    let meeting_of = |session: i64| match chosen.binary_search_by_key(&session, |chosen| chosen.row.id) {
        Ok(place) => Some(chosen[place].row.meeting.as_str()),
        Err(_) => foreign.get(&session).copied(),
    };
    let mut linked = Vec::with_capacity(decks.len());
    for deck in decks {
        let home = deck.home.and_then(meeting_of);
        linked.push((deck.session, finished(deck, home, hosts)));
    }
    let mut linked = linked.into_iter().peekable();
    chosen
        .into_iter()
        .map(|session| {
            let id = session.row.id;
            let mut decks = Vec::new();
            while let Some((owner, deck)) = linked.next_if(|(owner, _)| *owner <= id) {
                if owner == id {
                    decks.push(deck);
                }
            }
            finished_session(session, decks)
        })
        .collect()
}

fn finished(deck: DeckRow, home: Option<&str>, hosts: &Hosts) -> LinkedDeck {
    let url = hosts.href(Shape {
        name: &deck.name,
        rev: &deck.rev,
        external_url: &deck.external_url,
        uploaded_filename: &deck.uploaded_filename,
        reuse_policy: deck.reuse_policy.as_deref(),
        home,
    });
    let sent = Deck { id: DeckId(deck.document), title: deck.title, url, rev: deck.rev, order: deck.place };
    LinkedDeck { deck: sent, deleted: deck.deleted }
}

fn finished_session(Chosen { row, slot }: Chosen, decks: Vec<LinkedDeck>) -> Session {
    Session {
        id: SessionId(row.id),
        meeting: MeetingNumber(row.meeting),
        meeting_type: row.meeting_type,
        group: GroupAcronym(row.group),
        name: row.name,
        status: SessionStatus(row.status),
        slot,
        time_zone: row.time_zone,
        remote_instructions: row.remote_instructions,
        tombstone_for: row.tombstone_for.map(SessionId),
        modified: row.modified,
        decks,
    }
}
