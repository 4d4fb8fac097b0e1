//! The datatracker's twin: sessions that are edited, snapshots of them, and the link that is written back.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::datatracker::{Look, Range};
use meetsync::model::{
    Deck, DeckId, GroupAcronym, LinkedDeck, MeetingNumber, SNAPSHOT_VERSION, Session, SessionId,
    SessionStatus, Sibling, Snapshot, Span,
};

use super::history::{History, SessionSetup, What, at, beginning};

mod twins;

pub(crate) use twins::{LinksTwin, SourceTwin, broken};

pub(crate) const LINK_PREFIX: &str = "https://meetings.conf.meetecho.com/interim/";
pub(crate) const OWN_LINK: &str = "https://webex.example.org/meet/room";

/// All versions of the sessions, oldest first, with the moment from which each holds.
#[derive(Debug)]
pub(crate) struct SourceWorld {
    versions: Vec<(u64, Arc<Vec<Session>>)>,
    /// The newest edit.
    pub(crate) edits: usize,
}

impl SourceWorld {
    pub(crate) fn new(history: &History) -> Self {
        let sessions = history.sessions.iter().map(session_of).collect();
        Self { versions: vec![(0, Arc::new(sessions))], edits: 0 }
    }

    pub(crate) fn sessions(&self) -> &[Session] {
        &self.versions.last().expect("there is a first one").1
    }

    pub(crate) fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions().iter().find(|session| session.id == id)
    }

    /// The versions that held at some moment since then, newest first.
    pub(crate) fn since(&self, ms: u64) -> impl Iterator<Item = &[Session]> {
        let mut older = false;
        self.versions
            .iter()
            .rev()
            .take_while(move |(from, _)| !std::mem::replace(&mut older, *from <= ms))
            .map(|(_, sessions)| sessions.as_slice())
    }

    fn version_at(&self, ms: u64) -> Arc<Vec<Session>> {
        let found = self.versions.iter().rev().find(|(from, _)| *from <= ms);
        Arc::clone(&found.unwrap_or(&self.versions[0]).1)
    }

    fn change(&mut self, now_ms: u64, session: usize, edit: impl FnOnce(&mut Session)) {
        let mut sessions = self.sessions().to_vec();
        if let Some(session) = sessions.get_mut(session) {
            edit(session);
        }
        self.versions.push((now_ms, Arc::new(sessions)));
    }

    /// An edit by people; whether it was one.
    /// `touched`: by the datatracker's own clock.
    pub(crate) fn edit(&mut self, now_ms: u64, touched: DateTime<Utc>, what: What) -> bool {
        match what {
            What::AddDeck { session, deck } => self.change(now_ms, session, |session| {
                if session.decks.iter().all(|linked| linked.deck.id.0 != deck) {
                    let order = session.decks.iter().map(|linked| linked.deck.order).max().unwrap_or(0) + 1;
                    session.decks.push(linked(deck, 0, order));
                }
            }),
            What::RemoveDeck { session, place } => self.change(now_ms, session, |session| {
                if let Some(place) = place_in(session, place) {
                    session.decks.remove(place);
                    renumber(session);
                }
            }),
            What::ReviseDeck { session, place } => self.change(now_ms, session, |session| {
                if let Some(place) = place_in(session, place) {
                    let deck = &session.decks[place].deck;
                    let rev: i64 = deck.rev.parse().expect("a number");
                    session.decks[place] = linked(deck.id.0, rev + 1, deck.order);
                }
            }),
            What::RenumberDecks { session, by } => self.change(now_ms, session, |session| {
                let length = session.decks.len().max(1);
                session.decks.rotate_left(by % length);
                renumber(session);
            }),
            What::MarkDeleted { session, place } => self.change(now_ms, session, |session| {
                if let Some(place) = place_in(session, place) {
                    session.decks[place].deleted = !session.decks[place].deleted;
                }
            }),
            What::UnlinkAll { session } => self.change(now_ms, session, |session| session.decks.clear()),
            What::Move { session, by_s } => self.change(now_ms, session, |session| {
                let by = TimeDelta::seconds(by_s);
                session.slot = session.slot.map(|slot| Span::new(slot.start + by, slot.end + by));
                session.modified = touched;
            }),
            What::Cancel { session } => self.change(now_ms, session, |session| {
                session.status = SessionStatus("canceled".into());
                session.modified = touched;
            }),
            What::Restore { session } => self.change(now_ms, session, |session| {
                session.status = SessionStatus("sched".into());
                session.tombstone_for = None;
                session.modified = touched;
            }),
            What::Tombstone { session } => self.change(now_ms, session, |session| {
                session.tombstone_for = Some(SessionId(999));
                session.modified = touched;
            }),
            What::BlankLink { session } => self.change(now_ms, session, |session| {
                session.remote_instructions.clear();
                session.modified = touched;
            }),
            What::OwnLink { session } => self.change(now_ms, session, |session| {
                OWN_LINK.clone_into(&mut session.remote_instructions);
                session.modified = touched;
            }),
            _ => return false,
        }
        self.edits += 1;
        true
    }

    /// As `Writer::write_link`.
    fn write_link(
        &mut self,
        now_ms: u64,
        touched: DateTime<Utc>,
        id: SessionId,
        seen: Option<&str>,
        url: &str,
    ) -> bool {
        let Some(place) = self.sessions().iter().position(|session| session.id == id) else { return false };
        let stands = &self.sessions()[place].remote_instructions;
        if seen.is_some_and(|seen| seen != stands) {
            return stands == url;
        }
        self.change(now_ms, place, |session| {
            url.clone_into(&mut session.remote_instructions);
            session.modified = touched;
        });
        true
    }

    /// `skew`: the datatracker's clock, less the real one.
    fn snapshot(&self, of_ms: u64, as_of: DateTime<Utc>, skew: TimeDelta, look: &Look) -> Snapshot {
        let known_until = at(of_ms) + skew;
        let all = self.version_at(of_ms);
        let in_range = |session: &&Session| match look.range {
            Range::Everything => true,
            Range::OnlyNamed => false,
            Range::Around { back, ahead } => {
                session.slot.is_some_and(|slot| slot.end > as_of - back && slot.start < as_of + ahead)
            }
        };
        let chosen: Vec<&Session> =
            all.iter().filter(|session| in_range(session) || look.named.contains(&session.id)).collect();
        let is_sibling = |session: &&Session| {
            session.is_interim() && chosen.iter().any(|chosen| chosen.meeting == session.meeting)
        };
        let mut siblings: Vec<Sibling> = all
            .iter()
            .filter(is_sibling)
            .filter_map(|session| {
                let start = session.slot?.start;
                Some(Sibling { meeting: session.meeting.clone(), session: session.id, start })
            })
            .collect();
        siblings.sort_by(|a, b| (&a.meeting, a.start, a.session).cmp(&(&b.meeting, b.start, b.session)));
        Snapshot {
            version: SNAPSHOT_VERSION,
            as_of,
            known_until,
            complete: true,
            unread: std::collections::BTreeMap::new(),
            in_range: chosen.iter().filter(|session| in_range(session)).count(),
            sessions: chosen.into_iter().cloned().collect(),
            siblings,
        }
    }
}

fn session_of(setup: &SessionSetup) -> Session {
    let (meeting, kind, status) = if setup.is_interim {
        (format!("interim-2026-{}-01", setup.group), "interim", "sched")
    } else {
        ("126".to_owned(), "ietf", "sched")
    };
    Session {
        id: SessionId(setup.id),
        meeting: MeetingNumber::new(meeting),
        meeting_type: kind.to_owned(),
        group: GroupAcronym::new(setup.group),
        name: String::new(),
        status: SessionStatus(status.into()),
        slot: Some(Span::of_minutes(beginning() + TimeDelta::seconds(setup.start_s), setup.minutes)),
        time_zone: "UTC".into(),
        remote_instructions: if setup.own_link { OWN_LINK.into() } else { String::new() },
        tombstone_for: None,
        modified: beginning() - TimeDelta::days(1),
        decks: setup.decks.iter().zip(1..).map(|(id, order)| linked(*id, 0, order)).collect(),
    }
}

fn linked(id: i64, rev: i64, order: i32) -> LinkedDeck {
    let deck = Deck {
        id: DeckId(id),
        title: format!("Deck {id}"),
        url: format!("https://example.org/{id}-{rev:02}"),
        rev: format!("{rev:02}"),
        order,
    };
    LinkedDeck { deck, deleted: false }
}

fn place_in(session: &Session, place: usize) -> Option<usize> {
    let length = session.decks.len();
    (length > 0).then(|| place % length)
}

fn renumber(session: &mut Session) {
    for (linked, order) in session.decks.iter_mut().zip(1..) {
        linked.deck.order = order;
    }
}
