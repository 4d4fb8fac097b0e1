//! One life of the worker: from settings that can be used to a drain.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::begin;
use super::prepared::Prepared;
use crate::app;
use crate::cli::Context;
use crate::cli::which::unknown_in_scope;
use crate::database::chain;
use crate::datatracker::Datatracker;
use crate::model::{GroupAcronym, SubjectKey, Why};
use crate::plan::{Refusal, Wait};
use crate::reconcile::worker::housekeeping::{self, Hand, Heard, Seen};
use crate::reconcile::worker::{Ended, Leave, PassReport, ProviderSeems, Worker};
use crate::reconcile::{ReconcileError, push_it};
use crate::settings::Settings;
use crate::shutdown::{Signal, Signals};
use crate::systemd;

/// How long the ledger is waited for, to say there that this worker goes.
const LAST_WORD: Duration = Duration::from_secs(3);

/// A datatracker that could not be asked for names is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Why a life ended.
pub(super) enum End {
    /// Asked to stop, and what was under way had its time.
    Stopped(Ended),
    /// Asked a second time: nothing is waited for, and what is under way is cut off.
    AtOnce(Ended),
    /// By other settings, which can be used.
    Next(Box<Prepared>),
}

/// Works until it is asked to stop, or until a hangup brought settings that can be used.
pub(super) async fn live(prepared: Prepared, context: &Context, signals: &mut Signals) -> End {
    let Prepared { app, ledger, settings, bell, listeners, turns } = prepared;
    let may_send = !app.only_observes();
    let mut options = app::worker_options(&settings, may_send);
    options.poll = within_watchdog(options.poll, systemd::watchdog_interval());
    let hand = Hand {
        ledger: ledger.clone(),
        name: app.parts.who.clone(),
        keep: settings.ledger.keep,
        poll: options.poll,
    };
    let voice = Voice::default();
    tracing::info!(
        mode = if may_send { "act" } else { "observe" },
        debug_backend = app.is_debug,
        poll_s = options.poll.as_secs_f64(),
        "at work"
    );
    if !may_send {
        tracing::warn!(
            "scope.mode is \"observe\": this worker reads, plans and records, and sends nothing until it is \"act\""
        );
    }

    let leave = Leave::default();
    let datatracker = app.parts.datatracker.clone();
    let worker = Worker::new(app.parts, ledger, leave.clone(), options);
    let told = |pass: Result<&PassReport, &ReconcileError>| voice.told(pass);
    let work = async {
        let ended = tokio::select! {
            ended = worker.run(&bell, &told) => ended,
            never = housekeeping::keep(&hand, &voice.heard) => match never {},
            never = tell_unknown_names(&datatracker, &settings) => match never {},
        };
        if tokio::time::timeout(LAST_WORD, hand.gone()).await.is_err() {
            tracing::warn!("the ledger did not answer in time that this worker goes");
        }
        ended
    };
    tokio::pin!(work);
    let mut renewal = Renewal::default();
    let mut next: Option<Box<Prepared>> = None;
    let (mut is_stopping, mut over) = (false, None);
    let end = loop {
        if let Some(ended) = over.filter(|_| is_stopping) {
            break End::Stopped(ended);
        }
        if over.is_some()
            && renewal.0.is_none()
            && let Some(next) = next.take()
        {
            break End::Next(next);
        }
        let is_leaving = is_stopping || next.is_some();
        tokio::select! {
            ended = &mut work, if over.is_none() => over = Some(ended),
            renewed = renewal.ended() => if let Some(renewed) = renewed {
                if next.is_none() {
                    tracing::info!("the settings were read again; what is under way comes to its end first");
                }
                next = Some(renewed);
                leave.ask();
            },
            // No pass is made any more, and a drain has its own time limit.
            never = systemd::feed_watchdog(), if is_leaving => match never {},
            signal = signals.next() => match signal {
                Signal::Stop if is_stopping => {
                    break End::AtOnce(Ended { drained: 0, cut_off: worker.under_way() });
                }
                Signal::Stop => {
                    tracing::info!(grace_s = settings.shutdown.grace.as_secs_f64(), "asked to stop");
                    is_stopping = true;
                    renewal = Renewal::default();
                    systemd::stopping();
                    leave.ask();
                }
                Signal::Hangup if is_stopping => {}
                Signal::Hangup => {
                    tracing::info!("asked to read the settings again");
                    renewal = Renewal(Some(Box::pin(begin::renew(context))));
                }
            },
        }
    };
    drop((listeners, turns));
    end
}

/// A name that is misspelt in `[scope]` leaves everything undone that was meant by it.
async fn tell_unknown_names(datatracker: &Datatracker, settings: &Settings) -> Infallible {
    loop {
        match unknown_in_scope(datatracker, settings).await {
            Ok(None) => break,
            Ok(Some(words)) => {
                tracing::warn!("{words}");
                break;
            }
            // Passes say what is wrong with the database.
            Err(_) => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
    std::future::pending().await
}

/// New settings that are being tried; one that is begun anew forgets what it had read.
#[derive(Default)]
struct Renewal<'a>(Option<BoxFuture<'a, Option<Box<Prepared>>>>);

impl Renewal<'_> {
    /// Never ends where nothing is being tried.
    async fn ended(&mut self) -> Option<Box<Prepared>> {
        let Some(renewal) = &mut self.0 else { return std::future::pending().await };
        let renewed = renewal.await;
        self.0 = None;
        renewed
    }
}

/// A pass begins at least twice within what the service manager waits for.
fn within_watchdog(poll: Duration, interval: Option<Duration>) -> Duration {
    interval.map_or(poll, |interval| poll.min(interval / 2))
}

/// What is said of passes: one that fails, and that they succeed again. A good one is not worth a line.
#[derive(Debug, Default)]
struct Voice {
    is_ready: AtomicBool,
    is_failing: AtomicBool,
    refused: Mutex<BTreeSet<Told>>,
    heard: Heard,
    status: Mutex<String>,
}

/// What was told, by what it is about: a subject, a group's rooms, or (neither) everything. Its words may change with every
/// pass.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    subject: Option<SubjectKey>,
    group: Option<GroupAcronym>,
    rule: Why,
}

impl Told {
    fn of(refusal: &Refusal) -> Vec<Self> {
        // Columns are missing for all alike: one line, and not one for each session.
        let subject = refusal.subject.filter(|_| refusal.rule != Why::SourceIncomplete);
        let told = |group| Self { subject, group, rule: refusal.rule };
        if refusal.groups.is_empty() {
            return vec![told(None)];
        }
        refusal.groups.iter().map(|group| told(Some(group.clone()))).collect()
    }
}

impl Voice {
    fn told(&self, pass: Result<&PassReport, &ReconcileError>) {
        // Also by a pass that failed: a restart would not bring a database back.
        systemd::watchdog();
        let report = match pass {
            Err(error) => {
                self.is_failing.store(true, Ordering::Relaxed);
                self.heard.failed(error);
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
        self.heard.set(Seen { as_of: report.as_of, provider: report.provider });
        self.tell_manager(report);
        self.tell_refusals(report);
    }

    /// What `systemctl status` shows, where it changed.
    fn tell_manager(&self, report: &PassReport) {
        let sum = &report.plan.summary;
        let trouble = match report.provider {
            ProviderSeems::Answering => "",
            ProviderSeems::Down => "; Meetecho is down",
            ProviderSeems::RejectingUs => "; Meetecho rejects our credentials",
        };
        let words = format!(
            "{} of {} sessions in step, {} to change{trouble}",
            sum.in_step, sum.sessions, sum.to_change
        );
        let mut known = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if report.is_complete && *known != words {
            systemd::status(&words);
            *known = words;
        }
    }

    /// Each refusal that asks something of a person, and what a window closed on, once for as long as it stands.
    fn tell_refusals(&self, report: &PassReport) {
        let mut known = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut standing = BTreeSet::new();
        for refusal in report.plan.refusals.iter().filter(|refusal| !refusal.rule.is_as_set()) {
            let lines = Told::of(refusal);
            if lines.iter().any(|line| !known.contains(line) && !standing.contains(line)) {
                tracing::warn!(
                    subject = lines[0].subject.map(|subject| subject.to_string()),
                    rule = %refusal.rule,
                    detail = refusal.detail,
                    way_on = refusal.way_on,
                    "refused"
                );
            }
            standing.extend(lines);
        }
        let unsent = |wait: &&Wait| wait.reason == Why::WindowClosedUnsent;
        for wait in report.plan.waits.iter().filter(unsent) {
            let line = Told { subject: Some(wait.subject), group: None, rule: wait.reason };
            if !known.contains(&line) {
                tracing::warn!(
                    subject = %wait.subject,
                    rule = %wait.reason,
                    way_on = push_it(wait.session),
                    "the window closed before this was sent"
                );
            }
            standing.insert(line);
        }
        *known = standing;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::plan::Plan;

    /// Of a pass that found these: how often something was said to be refused.
    fn warnings(voice: &Voice, refusals: &serde_json::Value) -> usize {
        let plan = json!({
            "version": 1, "as_of": "2026-11-17T03:00:00Z", "hash": "", "changes": [], "refusals": refusals, "waits": [],
            "summary": { "sessions": 1, "in_window": 0, "in_step": 0, "to_change": 0, "in_doubt": 0, "held": 0,
                         "refused": 1, "requests": 0 }
        });
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let report = PassReport {
            as_of: plan.as_of,
            took: Duration::ZERO,
            is_complete: true,
            provider: ProviderSeems::Answering,
            plan: Arc::new(plan),
        };
        let (mut said, log) = std::io::pipe().unwrap();
        let log = tracing_subscriber::fmt().with_writer(Arc::new(log)).finish();
        // The log is closed with it; so few lines fit into a pipe.
        tracing::subscriber::with_default(log, || voice.tell_refusals(&report));
        let said = std::io::read_to_string(&mut said).unwrap();
        said.matches("refused").count()
    }

    #[test]
    fn a_refusal_is_said_once_of_each_that_it_is_about() {
        let unread = |groups: &[&str], words: &str| {
            json!({ "subject": null, "session": null, "groups": groups, "rule": "group_unknown",
                    "detail": words, "way_on": "ask there", "operations": [] })
        };
        let room = |id: i64| {
            json!({ "subject": format!("meetecho/session/{id}/room"), "session": id, "rule": "room_conflict",
                    "detail": "another", "way_on": "look", "operations": [] })
        };
        let (mars, moon) = (unread(&["mars"], "404"), unread(&["moon"], "410"));
        let voice = Voice::default();
        assert_eq!(warnings(&voice, &json!([mars, room(1)])), 2);
        assert_eq!(warnings(&voice, &json!([mars, room(1)])), 0);
        assert_eq!(warnings(&voice, &json!([mars, moon, room(1), room(2)])), 2);
        // Groups of one reason are one refusal, and its words name them all.
        assert_eq!(warnings(&voice, &json!([unread(&["mars", "moon"], "410")])), 0);
        assert_eq!(warnings(&voice, &json!([unread(&["mars", "moon", "sun"], "410")])), 1);
        // What was over begins anew.
        assert_eq!((warnings(&voice, &json!([])), warnings(&voice, &json!([mars]))), (0, 1));
    }

    #[test]
    fn a_pass_begins_twice_within_the_watchdogs_interval() {
        let seconds = Duration::from_secs;
        for (poll, interval, expected) in [(2, None, 2), (2, Some(30), 2), (60, Some(30), 15), (60, None, 60)]
        {
            assert_eq!(within_watchdog(seconds(poll), interval.map(seconds)), seconds(expected));
        }
    }
}
