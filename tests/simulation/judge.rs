//! What must hold: after every effect, and when everything is calm.
//!
//! It looks at the twins only (what the datatracker has, what Meetecho shows, what the ledger says), and asks none of the
//! code that decides.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::ledger::{Begun, Lease, Settled};
use meetsync::model::{Deck, Kind, RoomPowers, SessionId, SubjectKey};

use super::far_side::Room;
use super::history::{History, What};
use super::in_step::shows;
use super::requests::Asked;
use super::source::OWN_LINK;
use super::world::World;

mod sent;

/// A clock that goes back by more was set; by less, it is an old state.
const CLOCK_STEP: TimeDelta = TimeDelta::seconds(60);

#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) violations: Vec<String>,
    /// A stalled process sends when it has long lost its lease, and nobody can hinder it.
    stalls: bool,
    /// The provider forgot its decks.
    pub(crate) forgot: bool,
    pub(crate) holds: Vec<HeldFor>,
    /// The most requests for what is to happen; each fault allows for some more.
    most_writes: u64,
    most_reads: u64,
    most_token_calls: u64,
    /// Nothing fails, and the edits of a session don't stop: when it was last sent, or the edits began.
    pub(crate) storm: Option<Storm>,
    /// The newest state of the datatracker that a recorded pass worked from.
    newest_known: Option<DateTime<Utc>>,
    /// Who was last given the right to work on a session.
    leases: BTreeMap<SessionId, Lease>,
}

#[derive(Debug)]
pub(crate) struct Storm {
    pub(crate) session: SessionId,
    pub(crate) waits_since_ms: u64,
}

#[derive(Debug)]
pub(crate) struct HeldFor {
    /// None = all.
    session: Option<SessionId>,
    from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
}

impl Judge {
    pub(crate) fn new(history: &History) -> Self {
        let is_stall = |what: &What| matches!(what, What::Stall { .. });
        Self {
            violations: Vec::new(),
            stalls: history.events.iter().any(|event| is_stall(&event.what)),
            forgot: false,
            holds: Vec::new(),
            most_writes: 40 + 15 * history.events.len() as u64,
            most_reads: 30 + 4 * history.events.len() as u64,
            most_token_calls: 8 + history.events.iter().map(|event| costs_tokens(&event.what)).sum::<u64>(),
            storm: history.is_storm.then(|| Storm {
                session: SessionId(history.sessions[0].id),
                waits_since_ms: history.events.first().map_or(0, |event| event.at_ms),
            }),
            newest_known: None,
            leases: BTreeMap::new(),
        }
    }

    /// Moments are by the datatracker's clock.
    pub(crate) fn hold(&mut self, session: Option<SessionId>, from: DateTime<Utc>, until: DateTime<Utc>) {
        self.release(session, from);
        self.holds.push(HeldFor { session, from, until });
    }

    pub(crate) fn release(&mut self, session: Option<SessionId>, now: DateTime<Utc>) {
        for hold in self.holds.iter_mut().filter(|hold| hold.session == session) {
            hold.until = hold.until.min(now);
        }
    }

    /// By now. When it was set is not asked: the clock may have gone back since.
    pub(crate) fn is_held_now(&self, session: SessionId, now: DateTime<Utc>) -> bool {
        self.holds.iter().any(|hold| hold.session.is_none_or(|held| held == session) && now < hold.until)
    }

    /// All of the time between.
    pub(crate) fn is_held(&self, session: SessionId, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        self.holds.iter().any(|hold| {
            hold.session.is_none_or(|held| held == session) && hold.from <= from && to < hold.until
        })
    }
}

/// How many token calls something that happens may cost: whoever starts anew needs its groups' tokens again, and of a
/// provider that is away they are asked for again and again.
fn costs_tokens(what: &What) -> u64 {
    match what {
        What::Crash { .. } | What::Replace { .. } | What::ForgetTokens | What::Push { .. } => 6,
        What::ProviderDown { .. } => 40,
        _ => 0,
    }
}

impl World {
    pub(crate) fn violation(&mut self, words: impl Into<String>) {
        let words = words.into();
        self.tell(|| format!("VIOLATION: {words}"));
        self.judge.violations.push(format!("{:.3} s: {words}", super::history::seconds(self.now_ms())));
    }

    pub(crate) fn room_was_created(&mut self, asked: &Asked, session: SessionId) {
        self.far.changed_ms = self.now_ms();
        let alive = self.far.rooms_of(session).count();
        self.tell(|| format!("request {} made the room of session {session}", asked.number));
        if alive > 1 {
            self.violation(format!("session {session} has {alive} rooms at once"));
        }
    }

    pub(crate) fn room_was_deleted(&mut self, asked: &Asked, room: &Room) {
        self.far.changed_ms = self.now_ms();
        self.tell(|| format!("request {} deleted room {}", asked.number, room.public_id));
        if room.foreign {
            self.violation(format!("a stranger's room {} was deleted", room.public_id));
        }
    }

    pub(crate) fn decks_changed(&mut self, asked: &Asked, session: SessionId, before: &[Deck]) {
        let after = self.far.decks.get(&session).cloned().unwrap_or_default();
        if after == before {
            return;
        }
        self.far.changed_ms = self.now_ms();
        if self.told.is_some() {
            let shown: Vec<String> = self
                .far
                .shown(session)
                .iter()
                .map(|deck| format!("{}-{}@{}", deck.id, deck.rev, deck.order))
                .collect();
            self.tell(|| format!("request {}: session {session} shows [{}]", asked.number, shown.join(" ")));
        }
        self.check_belief(SubjectKey::decks(session));
    }

    /// What the ledger believes to be in step is in step.
    pub(crate) fn check_belief(&mut self, key: SubjectKey) {
        if key.kind != Kind::Decks || self.judge.stalls {
            return;
        }
        let session = key.session;
        let now = self.now();
        let view = match self.ledger.view_of(&[session].into(), TimeDelta::zero(), now) {
            Ok(view) => view,
            Err(error) => return self.violation(format!("the ledger can't be read: {error}")),
        };
        let Some(row) = view.get(key) else { return };
        let Some(accepted) =
            row.accepted.as_ref().filter(|_| row.doubt_since.is_none() && row.confirming.is_none())
        else {
            return;
        };
        // One that forgot its decks is not known to have done so before the whole list goes out again.
        if self.judge.forgot {
            return;
        }
        if !shows(&self.far.shown(session), &accepted.decks) {
            self.violation(format!(
                "the ledger is sure that session {session} shows what was accepted, and it does not"
            ));
        }
    }

    pub(crate) fn link_was_written(&mut self, session: SessionId, before: &str) {
        self.far.changed_ms = self.now_ms();
        if before == OWN_LINK {
            self.violation(format!("a person's own link of session {session} was replaced"));
        }
        if !self.settings.write_back
            || self.settings.only_observes
            || self.settings.powers == RoomPowers::Observe
        {
            self.violation("a link was written, and none may be");
        }
    }

    /// A pass was recorded.
    pub(crate) fn pass_was_recorded(&mut self, known_until: DateTime<Utc>) {
        if self
            .judge
            .newest_known
            .is_some_and(|newest| known_until < newest && newest - known_until <= CLOCK_STEP)
        {
            self.violation("a pass was recorded that knew an older state than one before it");
        }
        self.judge.newest_known = Some(known_until);
    }

    /// The datatracker's clock went back by so little that its states look old for a while.
    pub(crate) fn is_fenced_off(&self) -> bool {
        let now = self.source_now();
        self.judge.newest_known.is_some_and(|newest| now < newest && newest - now <= CLOCK_STEP)
    }

    /// A step begins. Whatever the clocks of those who ask may have been so far, a hold stops it from its first moment on.
    pub(crate) fn check_hold(&mut self, worker: usize, session: SessionId) {
        let now = self.now_ms();
        let (_, latest) = self.by_source(now, now);
        if !self.is_person(worker) && self.judge.is_held_now(session, latest) {
            self.violation(format!("a step of session {session} was begun, which is held"));
        }
    }

    /// Somebody was given the right to work on a session.
    pub(crate) fn lease_was_given(&mut self, lease: &Lease) {
        self.judge.leases.insert(lease.session, lease.clone());
    }

    /// A step was settled, or put back.
    pub(crate) fn step_was_settled(&mut self, lease: &Lease, settled: Settled) {
        if settled == Settled::Done && self.judge.leases.get(&lease.session) != Some(lease) {
            self.violation(format!("a step of session {} was settled by who lost its lease", lease.session));
        }
    }

    /// A wish that came during a step is still to be carried out after it.
    pub(crate) fn check_wish(&mut self, begun: &Begun, settled: Settled) {
        let view = self.ledger.view_of(&[begun.key.session].into(), TimeDelta::zero(), self.now());
        let Ok(view) = view else { return };
        let Some(row) = view.get(begun.key).filter(|_| settled == Settled::Done) else { return };
        let is_newer = row.timing.generation != begun.before.timing.generation && row.timing.digest.is_some();
        if is_newer && row.timing.burst.is_none() {
            self.violation(format!("a step of {} settled a wish that is newer than its own", begun.key));
        }
    }

    /// Edits of a session don't stop, and nothing fails.
    pub(crate) fn check_storm(&mut self) {
        let now = self.now_ms();
        let longest = self.settings.max_wait_ms + self.settings.poll_ms + 4000;
        if let Some(storm) = self.judge.storm.as_ref().filter(|storm| storm.waits_since_ms + longest < now) {
            let words = format!(
                "session {} is edited all the time, and nothing was sent since {} ms",
                storm.session, storm.waits_since_ms
            );
            self.violation(words);
            self.judge.storm = None;
        }
    }

    /// Requests are bounded by what was edited and what failed.
    pub(crate) fn check_bound(&mut self) {
        let struck = self.struck.len() as u64;
        let most = self.judge.most_writes + 6 * struck;
        if self.settings.refresh_s == 0 && self.far.writes > most {
            let words =
                format!("{} requests were sent, and {most} are the most for what happened", self.far.writes);
            self.violation(words);
        }
        let most = self.judge.most_token_calls + 4 * struck;
        if self.far.token_calls > most {
            let words = format!(
                "{} token calls were made, and {most} are the most for what happened",
                self.far.token_calls
            );
            self.violation(words);
        }
        // Each sweep reads every group once.
        let sweeps = self.now_ms() / 1000 / self.settings.sweep_s + 1;
        let most = self.judge.most_reads + 2 * struck + 2 * sweeps;
        if self.far.reads > most {
            let words = format!(
                "rooms were read and tokens asked for {} times, and {most} are the most for what happened",
                self.far.reads
            );
            self.violation(words);
        }
    }
}
