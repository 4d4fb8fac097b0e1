//! The datatracker as one worker reads it and writes its links, with faults.

use chrono::TimeDelta;
use meetsync::database::DatabaseError;
use meetsync::datatracker::{Look, ReadError, WriteError};
use meetsync::model::{SessionId, Snapshot};
use meetsync::reconcile::edges::{Links, Source};

use crate::history::{Edge, Fault, at};
use crate::mutants::{self, EdgeBug};
use crate::random::Random;
use crate::world::{Life, World};

pub(crate) fn broken(what: &str) -> DatabaseError {
    DatabaseError::Broken { what: what.to_owned(), doing: "calling it".to_owned(), said: "no".to_owned() }
}

/// Its sessions.
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
        let (read, slow, began) = {
            let mut world = life.world.lock();
            world.read_begins(life.worker);
            let (read, slow) = world.read(life.worker, look);
            (read, slow, world.now_ms())
        };
        if slow > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(slow)).await;
        }
        {
            let mut world = life.world.lock();
            let now = world.now_ms();
            world.workers[life.worker].last_read_ms = (began, now);
        }
        life.boundary().await;
        read
    }
}

impl World {
    fn read_begins(&mut self, worker: usize) {
        let now = self.now_ms();
        if now < self.workers[worker].rests_until_ms && !self.is_person(worker) {
            self.violation(format!(
                "worker {worker} reads the datatracker again right after a pass that took long"
            ));
        }
    }

    /// A pass was written down: what it read it does not read again at once. A failed one (its answer may be lost) has a
    /// shorter pause.
    pub(crate) fn pass_ends(&mut self, worker: usize) {
        let (now, shortest_pause_ms) = (self.now_ms(), 700);
        let (began, ended) = self.workers[worker].last_read_ms;
        let rest_ms = (4 * (ended - began)).min(self.settings.poll_ms / 2).min(shortest_pause_ms);
        self.workers[worker].rests_until_ms = now + rest_ms;
    }

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

/// The links of its sessions.
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
