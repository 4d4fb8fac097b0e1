//! The datatracker's twin: sessions that are edited, snapshots of them, and the link that is written back.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::database::DatabaseError;
use meetsync::datatracker::{Look, Range, ReadError, WriteError};
use meetsync::model::{
    Deck, DeckId, GroupAcronym, LinkedDeck, MeetingNumber, SNAPSHOT_VERSION, Session, SessionId,
    SessionStatus, Sibling, Snapshot, Span,
};
use meetsync::reconcile::edges::{Links, Source};

use super::history::{Edge, Fault, History, SessionSetup, What, at, beginning};
use super::mutants::{self, EdgeBug};
use super::random::Random;
use super::world::{Life, World};

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

pub(crate) fn broken(what: &str) -> DatabaseError {
    DatabaseError::Broken { what: what.to_owned(), doing: "calling it".to_owned(), said: "no".to_owned() }
}

/// The datatracker as one worker reads it.
#[derive(Debug, Clone)]
pub(crate) struct SourceTwin(pub(crate) Life);

fn menu(random: &mut Random) -> Fault {
    match random.below(10) {
        0..4 => Fault::FailsBefore,
        4 => Fault::Incomplete,
        5 => Fault::Empty,
        6..8 => Fault::Stale { by_ms: random.between(1, 20_000) },
        _ => Fault::Slow { by_ms: random.between(100, 5000) },
    }
}

impl Source for SourceTwin {
    async fn snapshot(&self, look: &Look) -> Result<Snapshot, ReadError> {
        let life = &self.0;
        life.boundary().await;
        let (read, slow) = life.world.lock().read(life.worker, look);
        if slow > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(slow)).await;
        }
        life.boundary().await;
        read
    }
}

impl World {
    fn read(&mut self, worker: usize, look: &Look) -> (Result<Snapshot, ReadError>, u64) {
        let now = self.now_ms();
        let fault = self.fault(worker, Edge::Source, menu);
        if now < self.source_down_ms || fault == Some(Fault::FailsBefore) {
            return (Err(ReadError::Database(broken("the datatracker's database"))), 0);
        }
        if fault == Some(Fault::Empty) {
            return (Err(ReadError::Empty), 0);
        }
        let mut of_ms = now;
        if let Some(Fault::Stale { by_ms }) = fault {
            of_ms = now.saturating_sub(by_ms);
        }
        if let Some((from, until)) = self.source_lags_from
            && now < until
        {
            of_ms = of_ms.min(from);
        }
        let skew = TimeDelta::milliseconds(self.source_skew_ms);
        let mut snapshot = self.source.snapshot(of_ms, at(now) + skew, skew, look);
        if fault == Some(Fault::Incomplete) {
            snapshot.complete = mutants::is(EdgeBug::PartialReadBelieved);
            for session in &mut snapshot.sessions {
                session.decks.clear();
            }
        }
        let slow = if let Some(Fault::Slow { by_ms }) = fault { by_ms } else { 0 };
        (Ok(snapshot), slow)
    }
}

/// The datatracker's links, as one worker writes them.
#[derive(Debug, Clone)]
pub(crate) struct LinksTwin(pub(crate) Life);

impl Links for LinksTwin {
    async fn write_link(&self, session: SessionId, seen: &str, url: &str) -> Result<bool, WriteError> {
        let life = &self.0;
        life.boundary().await;
        let written = life.world.lock().write_link(life.worker, session, seen, url);
        life.boundary().await;
        written
    }
}

impl World {
    fn write_link(
        &mut self,
        worker: usize,
        session: SessionId,
        seen: &str,
        url: &str,
    ) -> Result<bool, WriteError> {
        let now = self.now_ms();
        let fault = self.fault(worker, Edge::Link, |random| {
            if random.percent(50) { Fault::FailsBefore } else { Fault::FailsAfter }
        });
        let failed = || WriteError::Database(broken("the database of the room links"));
        if now < self.source_down_ms.max(self.links_down_ms) || fault == Some(Fault::FailsBefore) {
            return Err(failed());
        }
        let before = self.source.session(session).map(|session| session.remote_instructions.clone());
        let compared = (!mutants::is(EdgeBug::LinkWithoutCompare)).then_some(seen);
        let touched = self.source_now();
        let written = self.source.write_link(now, touched, session, compared, url);
        if written {
            self.tell(|| format!("worker {worker}: the link of session {session} is now {url}"));
            self.link_was_written(session, &before.unwrap_or_default());
        }
        if fault.is_some() { Err(failed()) } else { Ok(written) }
    }
}
