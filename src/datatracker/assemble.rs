//! From rows to sessions: which slots of siblings are official, in which order the decks come, what their URLs are.
//!
//! Pure. The rows come in the order of their statements: sessions by id, siblings by (session, start, type, assignment),
//! decks in any order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{
    Deck, DeckId, GroupAcronym, LinkedDeck, MeetingNumber, Session, SessionId, SessionStatus, Sibling,
};

use super::href::{Hosts, Shape};
use super::rows::{DeckRow, HomeRow, SessionRow, SiblingRow, StateRow};

/// A meeting without a schedule has no official slots at all.
fn is_official(schedule: i64, session: &SessionRow) -> bool {
    Some(schedule) == session.schedule || Some(schedule) == session.base
}

/// The interim meetings that the chosen sessions belong to.
pub(super) fn interims(chosen: &[SessionRow]) -> BTreeSet<i64> {
    chosen.iter().filter(|session| is_interim(session)).map(|session| session.meeting_id).collect()
}

fn is_interim(session: &SessionRow) -> bool {
    session.meeting_type == "interim"
}

/// The slots of the chosen sessions of interim meetings and of `others`, which are the other sessions of these.
pub(super) fn siblings(chosen: &[SessionRow], others: &[SiblingRow]) -> Vec<Sibling> {
    let meetings: BTreeMap<i64, &SessionRow> = chosen
        .iter()
        .filter(|session| is_interim(session))
        .map(|session| (session.meeting_id, session))
        .collect();
    let mut siblings: Vec<_> = chosen
        .iter()
        .filter(|session| is_interim(session))
        .filter_map(|session| Some(sibling(session, session.id, session.slot()?.start)))
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

/// The states of documents that count.
#[derive(Debug, Default)]
pub(super) struct States {
    /// Those of slides that are called `deleted`.
    pub(super) deleted: Vec<i64>,
    /// The reuse policies in the datatracker's order, with their slugs.
    pub(super) policies: Vec<(i64, String)>,
}

impl States {
    pub(super) fn ids(&self) -> Vec<i64> {
        self.deleted.iter().copied().chain(self.policies.iter().map(|(id, _)| *id)).collect()
    }
}

/// What is known of decks beside their rows.
#[derive(Debug)]
pub(super) struct Beside<'a> {
    pub(super) states: &'a States,
    pub(super) document_states: &'a [StateRow],
    /// Links of the same documents to sessions that are not shown.
    pub(super) elsewhere: &'a [HomeRow],
}

/// One document, as far as it is not in its row.
#[derive(Debug, Default, Clone, Copy)]
struct Known<'a> {
    deleted: bool,
    /// The place of its reuse policy in the datatracker's order; of several, `get_state()` sees the last.
    policy: Option<usize>,
    /// The lowest session that it is linked to, and that one's meeting.
    home: Option<(i64, &'a str)>,
}

impl<'a> Known<'a> {
    fn linked_to(&mut self, session: i64, meeting: &'a str) {
        if self.home.is_none_or(|(lowest, _)| session < lowest) {
            self.home = Some((session, meeting));
        }
    }

    fn is_in_state(&mut self, state: i64, states: &States) {
        self.deleted |= states.deleted.contains(&state);
        self.policy = self.policy.max(states.policies.iter().position(|(id, _)| *id == state));
    }
}

/// Puts the decks into their sessions.
pub(super) fn sessions(
    chosen: Vec<SessionRow>,
    mut decks: Vec<DeckRow>,
    beside: &Beside<'_>,
    hosts: &Hosts,
) -> Vec<Session> {
    decks.sort_unstable_by_key(|deck| (deck.session, deck.place, deck.link));
    let known = known(&chosen, &decks, beside);
    let mut linked = Vec::with_capacity(decks.len());
    for deck in decks {
        let known = known.get(&deck.document).copied().unwrap_or_default();
        linked.push((deck.session, finished(deck, known, beside.states, hosts)));
    }
    drop(known);
    let mut linked = linked.into_iter().peekable();
    chosen
        .into_iter()
        .map(|session| {
            let id = session.id;
            let decks =
                std::iter::from_fn(|| linked.next_if(|(owner, _)| *owner == id)).map(|(_, deck)| deck);
            let decks = decks.collect();
            finished_session(session, decks)
        })
        .collect()
}

fn known<'a>(chosen: &'a [SessionRow], decks: &[DeckRow], beside: &Beside<'a>) -> HashMap<i64, Known<'a>> {
    let mut known: HashMap<i64, Known<'_>> = HashMap::with_capacity(decks.len());
    for deck in decks {
        let of_session = chosen.binary_search_by_key(&deck.session, |session| session.id);
        if let Ok(place) = of_session {
            known.entry(deck.document).or_default().linked_to(deck.session, &chosen[place].meeting);
        }
    }
    for link in beside.elsewhere {
        known.entry(link.document).or_default().linked_to(link.session, &link.meeting);
    }
    for row in beside.document_states {
        if let Some(known) = known.get_mut(&row.document) {
            known.is_in_state(row.state, beside.states);
        }
    }
    known
}

fn finished(deck: DeckRow, known: Known<'_>, states: &States, hosts: &Hosts) -> LinkedDeck {
    let url = hosts.href(Shape {
        name: &deck.name,
        rev: &deck.rev,
        external_url: &deck.external_url,
        uploaded_filename: &deck.uploaded_filename,
        reuse_policy: known.policy.map(|place| states.policies[place].1.as_str()),
        home: known.home.map(|(_, meeting)| meeting),
    });
    let sent = Deck { id: DeckId(deck.document), title: deck.title, url, rev: deck.rev, order: deck.place };
    LinkedDeck { deck: sent, deleted: known.deleted }
}

fn finished_session(row: SessionRow, decks: Vec<LinkedDeck>) -> Session {
    let slot = row.slot();
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
