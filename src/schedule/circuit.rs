//! What stands between the worker and a provider that is down: it is probed with one request at a time, not hammered
//! with all that waits for it.
//!
//! *Closed*: everything goes. *Open*: after three failures in a row one step at a time may go, to find out whether
//! the provider lives. Any answer closes it, and then all that waited is due; that is for the caller to do, told by
//! [`Circuit::note`].
//!
//! Time is a [`Duration`] since any fixed moment of a clock that never goes back, handed in by the caller; nothing here
//! waits, looks at a clock or draws a random number. Which failures of a step count as "down" isn't decided here.

use std::time::Duration;

use super::backoff;
use crate::planted::{self, Bug};

/// So many failures in a row, without an answer between them, open the circuit.
const FAILURES_TO_OPEN: u32 = 3;

/// From the opening to the first probe, and from a step that never asked the provider to the next probe.
const SHORTEST: Duration = Duration::from_secs(1);

/// From the start of one probe to the start of the next, while a live session waits.
const WHILE_LIVE: Duration = Duration::from_secs(2);

/// From the end of one probe to the next, at most.
const LONGEST: Duration = Duration::from_secs(30);

/// The shortest and the longest quiet that a provider may ask for.
const QUIET: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// What a `Retry-After` of the provider amounts to: at least a second, at most a minute.
pub fn asked_quiet(retry_after: Duration) -> Duration {
    retry_after.clamp(QUIET.0, QUIET.1)
}

/// The circuit of one provider. It begins closed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Circuit {
    /// In a row, while closed.
    failures: u32,
    open: Option<Open>,
    /// Nothing goes before this.
    quiet_until: Duration,
}

#[derive(Debug, Clone, PartialEq)]
struct Open {
    /// Nothing is probed before this.
    earliest: Duration,
    /// Nor before this, unless a live session waits.
    patient: Duration,
    /// The latest probe.
    probe: Option<Probe>,
    /// How many probes failed since it opened.
    failed: u32,
}

#[derive(Debug, Clone, PartialEq)]
struct Probe {
    began: Duration,
    failed: bool,
}

/// Whether a step may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The circuit is closed: start as many as you like.
    Goes,
    /// The circuit is open: start this one, and no other.
    Probe,
    /// Ask again then. A live session that turns up meanwhile may bring it forward.
    NotBefore(Duration),
    /// The circuit is open and a step is in flight: ask again when it has ended.
    AfterProbe,
}

/// What a step that has ended says about the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It answered. A refusal is an answer.
    Alive,
    /// It did not, or it said that it can't (5xx), or that it is asked too much (429).
    Down,
    /// The step never asked it, so nothing is known.
    NotAsked,
}

/// What an answer did to the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Opened,
    /// All that waited for the provider is due.
    Closed,
}

impl Circuit {
    /// Whether a step may start `now`. `in_flight` counts the steps that have started and not ended; `live_waits` says
    /// whether a session whose time it is waits for the provider.
    pub fn admits(&self, now: Duration, in_flight: usize, live_waits: bool) -> Admission {
        let earliest = match &self.open {
            Some(_) if in_flight > 0 => return Admission::AfterProbe,
            Some(open) => self.quiet_until.max(open.next_probe(live_waits)),
            None => self.quiet_until,
        };
        match &self.open {
            _ if now < earliest => Admission::NotBefore(earliest),
            Some(_) => Admission::Probe,
            None => Admission::Goes,
        }
    }

    /// A step starts, as [`Circuit::admits`] allowed.
    pub fn began(&mut self, now: Duration) {
        if let Some(open) = &mut self.open {
            open.probe = Some(Probe { began: now, failed: false });
            // Should its end never be told, the next one goes by this.
            open.earliest = now.saturating_add(WHILE_LIVE);
            open.patient = now.saturating_add(LONGEST);
        }
    }

    /// A step has ended; one of several parts may be noted part by part. `jitter` in `[0, 1)` spreads the probes of several replicas.
    pub fn note(&mut self, now: Duration, answer: Answer, jitter: f64) -> Option<Turn> {
        let hears = self.open.is_none() || !planted::is(Bug::CircuitNeverCloses);
        let answer = if hears { answer } else { Answer::Down };
        match (answer, &mut self.open) {
            (Answer::Alive, open) => {
                self.failures = 0;
                open.take().map(|_| Turn::Closed)
            }
            (Answer::Down, None) => {
                self.failures = self.failures.saturating_add(1);
                (self.failures >= FAILURES_TO_OPEN).then(|| {
                    self.open = Some(Open::at(now));
                    Turn::Opened
                })
            }
            (Answer::NotAsked, None) => None,
            (_, Some(open)) => {
                open.ended(now, answer, jitter);
                None
            }
        }
    }

    /// The provider asked to be left alone: nothing goes before `until`, open or closed. It never shortens a quiet that
    /// was asked for before.
    pub fn quiet(&mut self, until: Duration) {
        self.quiet_until = self.quiet_until.max(until);
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

impl Open {
    fn at(now: Duration) -> Self {
        let earliest = now.saturating_add(SHORTEST);
        Self { earliest, patient: earliest, probe: None, failed: 0 }
    }

    fn next_probe(&self, live_waits: bool) -> Duration {
        if live_waits { self.earliest } else { self.earliest.max(self.patient) }
    }

    fn ended(&mut self, now: Duration, answer: Answer, jitter: f64) {
        // Steps that were in flight when it opened are no probes: they must not add up to a long wait.
        let Some(probe) = &mut self.probe else { return };
        if answer == Answer::Down {
            // However many parts of it failed, it is one failed probe.
            if !probe.failed {
                probe.failed = true;
                self.failed = self.failed.saturating_add(1);
            }
            // The opening was the first failure, hence one more.
            let wait = backoff::worker(self.failed.saturating_add(1), jitter).min(LONGEST);
            self.earliest = probe.began.saturating_add(WHILE_LIVE);
            self.patient = now.saturating_add(wait);
        } else if !probe.failed {
            self.earliest = probe.began.saturating_add(SHORTEST);
            self.patient = self.earliest;
        }
    }
}

#[cfg(test)]
mod tests;
