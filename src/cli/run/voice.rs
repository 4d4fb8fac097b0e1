//! What a worker says of its passes, to whoever reads its log and to the service manager.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::database::chain;
use crate::model::{GroupAcronym, SubjectKey, Why};
use crate::plan::{Refusal, Wait, push_it};
use crate::reconcile::ReconcileError;
use crate::reconcile::worker::housekeeping::{Heard, Seen};
use crate::reconcile::worker::{PassReport, ProviderSeems};
use crate::systemd;

/// What is said of passes: one that fails, and that they succeed again. A good one is not worth a line.
#[derive(Debug, Default)]
pub(super) struct Voice {
    is_ready: AtomicBool,
    is_failing: AtomicBool,
    refused: Mutex<BTreeSet<Told>>,
    pub(super) heard: Heard,
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
    pub(super) fn told(&self, pass: Result<&PassReport, &ReconcileError>) {
        // Also by a pass that failed: a restart would not bring a database back. It may well help where one panicked.
        if !matches!(pass, Err(ReconcileError::Panicked)) {
            systemd::watchdog();
        }
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
        self.heard.set(Seen::of(report));
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
        let is_unread = |told: &Told| told.subject.is_none() && told.rule == Why::SourceIncomplete;
        if known.iter().any(is_unread) && !standing.iter().any(is_unread) {
            tracing::info!("all that is needed of the datatracker can be read again");
        }
        *known = standing;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::plan::Plan;

    /// Of a pass that found these: how often something was said to be refused.
    fn warnings(voice: &Voice, refusals: &serde_json::Value) -> usize {
        said(voice, refusals).matches("refused").count()
    }

    fn said(voice: &Voice, refusals: &serde_json::Value) -> String {
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
            quiet: None,
            plan: Arc::new(plan),
        };
        let (mut said, log) = std::io::pipe().unwrap();
        let log = tracing_subscriber::fmt().with_writer(Arc::new(log)).finish();
        // The log is closed with it; so few lines fit into a pipe.
        tracing::subscriber::with_default(log, || voice.tell_refusals(&report));
        std::io::read_to_string(&mut said).unwrap()
    }

    #[test]
    fn that_all_can_be_read_again_is_said_once() {
        let unread = |id: i64| {
            json!({ "subject": format!("meetecho/session/{id}/decks"), "session": id, "rule": "source_incomplete",
                    "detail": "doc_document is missing", "way_on": "look", "operations": [] })
        };
        let voice = Voice::default();
        let mut times = Vec::new();
        let passes = [json!([]), json!([unread(1), unread(2)]), json!([unread(2)]), json!([]), json!([])];
        for refusals in passes {
            times.push(said(&voice, &refusals).matches("can be read again").count());
        }
        assert_eq!(times, [0, 0, 0, 1, 0]);
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
}
