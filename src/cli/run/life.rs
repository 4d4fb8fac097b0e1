//! One life of the worker: from settings that were just read to a drain.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::housekeeping::{self, Hand};
use crate::app::{self, App};
use crate::cli::{CliError, output};
use crate::cron::{Ring, Scheduler};
use crate::database::chain;
use crate::ledger::LedgerError;
use crate::model::{SubjectKey, Why};
use crate::plan::Wait;
use crate::reconcile::ReconcileError;
use crate::reconcile::worker::{Bell, Ended, Leave, PassReport, Worker};
use crate::settings::Settings;
use crate::shutdown::{Signal, Signals};
use crate::systemd;

/// Why a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Stopped,
    /// Asked a second time: nothing is waited for.
    AtOnce,
    /// Its settings are to be read again.
    Again,
}

pub(super) async fn live(app: App, settings: &Settings, signals: &mut Signals) -> Result<End, CliError> {
    let may_send = !app.only_observes();
    let is_debug = app.is_debug;
    let ledger = app.parts.ledger.clone().ok_or(LedgerError::NotMigrated)?;
    let options = app::worker_options(settings, may_send);
    let (bell, leave) = (Bell::default(), Leave::default());
    // Kept until the end of this life; a listener that is dropped hears nothing.
    let _changes = app::changes(settings, ring_of(&bell))?;
    let _people = app::operators_ring(settings, ring_of(&bell))?;
    // It wakes us at the moment of a turn; a turn is taken in the ledger, so without it one would only be late.
    let sweep: Ring = ring_of(&bell);
    let _turns = Scheduler::start(vec![(settings.rooms.sweep.clone(), sweep)]).await?;
    let hand = Hand { ledger: ledger.clone(), name: app.parts.who.clone(), keep: settings.ledger.keep };
    let voice = Voice::default();
    tracing::info!(
        mode = if may_send { "act" } else { "observe" },
        debug_backend = is_debug,
        poll_s = settings.datatracker.poll.as_secs_f64(),
        "at work"
    );

    let worker = Worker::new(app.parts, ledger, leave.clone(), options);
    let told = |pass: Result<&PassReport, &ReconcileError>| voice.told(pass);
    let work = worker.run(&bell, &told);
    let house = housekeeping::keep(&hand, &voice.last_as_of);
    tokio::pin!(work, house);
    let mut end = None;
    let ended = loop {
        tokio::select! {
            ended = &mut work => break ended,
            () = &mut house => {}
            signal = signals.next() => match (signal, end) {
                (Signal::Stop, Some(End::Stopped)) => return Ok(End::AtOnce),
                (Signal::Stop, _) => {
                    tracing::info!(grace_s = settings.shutdown.grace.as_secs_f64(), "asked to stop");
                    end = Some(End::Stopped);
                    systemd::stopping();
                    leave.ask();
                }
                (Signal::Hangup, None) => {
                    tracing::info!("asked to read the settings again");
                    end = Some(End::Again);
                    leave.ask();
                }
                (Signal::Hangup, Some(_)) => {}
            },
        }
    };
    if ended == Ended::CutOff {
        output::note("meetsync: what was still under way after shutdown.grace was cut off, and is in doubt");
    }
    hand.gone().await;
    Ok(end.unwrap_or(End::Stopped))
}

fn ring_of(bell: &Bell) -> Ring {
    let bell = bell.clone();
    Arc::new(move || bell.ring())
}

/// What is said of passes: one that fails, and that they succeed again. A good one is not worth a line.
#[derive(Debug, Default)]
struct Voice {
    is_ready: AtomicBool,
    is_failing: AtomicBool,
    refused: Mutex<BTreeSet<(Option<SubjectKey>, Why)>>,
    last_as_of: housekeeping::LastAsOf,
}

impl Voice {
    fn told(&self, pass: Result<&PassReport, &ReconcileError>) {
        // Also by a pass that failed: a restart would not bring a database back.
        systemd::watchdog();
        let report = match pass {
            Err(error) => {
                self.is_failing.store(true, Ordering::Relaxed);
                tracing::error!(error = chain(error), "a pass failed; nothing is begun until one succeeds");
                return;
            }
            Ok(report) => report,
        };
        if self.is_failing.swap(false, Ordering::Relaxed) {
            tracing::info!("passes succeed again");
        }
        if report.is_complete && !self.is_ready.swap(true, Ordering::Relaxed) {
            systemd::ready();
        }
        tracing::debug!(
            took_ms = report.took.as_millis(),
            complete = report.is_complete,
            sessions = report.plan.summary.sessions,
            to_change = report.plan.summary.to_change,
            "pass"
        );
        self.last_as_of.set(report.as_of);
        self.tell_refusals(report);
    }

    /// Each refusal that asks something of a person, and what a window closed on, once for as long as it stands.
    fn tell_refusals(&self, report: &PassReport) {
        let is_as_set = |rule| {
            matches!(
                rule,
                Why::NotOurs | Why::OutOfScope | Why::ObserveOnly | Why::NoDelete | Why::WriteBackOff
            )
        };
        let mut known = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut standing = BTreeSet::new();
        for refusal in report.plan.refusals.iter().filter(|refusal| !is_as_set(refusal.rule)) {
            let line = (refusal.subject, refusal.rule);
            if !known.contains(&line) {
                tracing::warn!(
                    subject = refusal.subject.map(|subject| subject.to_string()),
                    rule = %refusal.rule,
                    detail = refusal.detail,
                    way_on = refusal.way_on,
                    "refused"
                );
            }
            standing.insert(line);
        }
        let unsent = |wait: &&Wait| wait.reason == Why::WindowClosedUnsent;
        for wait in report.plan.waits.iter().filter(unsent) {
            let line = (Some(wait.subject), wait.reason);
            if !known.contains(&line) {
                tracing::warn!(subject = %wait.subject, rule = %wait.reason, "the window closed before this was sent");
            }
            standing.insert(line);
        }
        *known = standing;
    }
}
