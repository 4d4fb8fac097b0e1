//! What goes on only when a person does something, each with its way on.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::FailingPasses;
use super::subjects::{Trouble, WindowClosed};
use crate::ledger::{RefusedSettings, Replica};
use crate::model::{SubjectKey, Why};
use crate::plan::{self, exact};
use crate::reconcile::ReconcileError;
use crate::reconcile::pass_summary::{Need, PassSummary};

/// What was refused (by the provider, or by ourselves right before the request), what a rule forbids, and what nobody sends any more.
pub(super) fn needs(summary: Option<&PassSummary>, parked: &[Trouble], over: &[WindowClosed]) -> Vec<Need> {
    let of = |rule, subject: SubjectKey, detail, way_on| Need {
        rule,
        kind: Some(subject.kind),
        sessions: [subject.session].into(),
        detail,
        way_on,
    };
    let parked = parked.iter().map(|trouble| {
        let id = trouble.subject.session;
        let words = trouble.words.as_deref().unwrap_or("no reason was written down");
        let way_on = format!(
            "what was refused: meetsync explain {id}; to try at once: meetsync resync --session {id}"
        );
        of(None, trouble.subject, format!("it was refused: {words}"), way_on)
    });
    let refused = summary.into_iter().flat_map(|summary| summary.needs_a_person.clone());
    let over = over.iter().map(|closed| {
        let what = plan::unsent_words(closed.was_sent);
        let words = closed.words.as_deref().map_or_else(String::new, |words| format!(" ({words})"));
        of(Some(closed.why), closed.subject, format!("{what}{words}"), closed.way_on.clone())
    });
    parked.chain(refused).chain(over).collect()
}

/// What there is to be done where nobody goes on with the work. `who` made the last pass, where there ever was one.
pub(super) fn at_work(is_manned: bool, is_healthy: bool, who: Option<&str>) -> Option<Need> {
    let (detail, way_on) = if is_manned {
        // One that only just began has not had its time.
        let who = who.filter(|_| !is_healthy)?;
        (
            format!("the worker has completed no pass lately (the last one was of {who})"),
            "see whether the worker runs, and what it logs; then: meetsync check",
        )
    } else {
        let last = who.map_or_else(String::new, |who| format!(" (the last one was {who})"));
        (
            format!("no worker is at work{last}, and nothing goes on by itself until one is"),
            "start one: meetsync run, or its service; why one ended is in its log; then: meetsync check",
        )
    };
    Some(Need { rule: None, kind: None, sessions: BTreeSet::new(), detail, way_on: way_on.into() })
}

/// The worker runs, and can do nothing.
pub(super) fn passes_fail(failing: &FailingPasses) -> Need {
    Need {
        rule: None,
        kind: None,
        sessions: BTreeSet::new(),
        detail: format!("passes fail: {}", failing.words),
        way_on: way_on(failing).into(),
    }
}

/// Nothing that `check` looks at is wrong where a pass panicked.
fn way_on(failing: &FailingPasses) -> &'static str {
    if failing.words == ReconcileError::Panicked.to_string() {
        "report it with what the worker's log says right before; it tries again by itself, and a restart may help \
         meanwhile"
    } else {
        "what can't be read: meetsync check; once that is right the worker goes on by itself, without a restart"
    }
}

/// Somebody changed the settings, and may think that they count.
pub(super) fn old_settings(replicas: &[Replica], now: DateTime<Utc>) -> impl Iterator<Item = Need> {
    let there = replicas.iter().filter(move |replica| replica.is_there(now));
    there.filter_map(|replica| Some((&replica.name, replica.refused_settings.as_ref()?))).map(
        |(name, RefusedSettings { words, since })| Need {
            rule: None,
            kind: None,
            sessions: BTreeSet::new(),
            detail: format!(
                "{name} goes on with its settings of before, since {} UTC: the new ones can't be used: {words}",
                exact(*since)
            ),
            way_on: format!("put them right (meetsync check), and send a hangup (kill -HUP) to {name}"),
        },
    )
}

/// By the workers that are there: what one said that was killed since is no news.
pub(super) fn rejects_us(replicas: &[Replica], now: DateTime<Utc>) -> Option<Need> {
    let says_so = |replica: &&Replica| replica.is_there(now) && replica.provider == "credentials_rejected";
    let who: Vec<&str> = replicas.iter().filter(says_so).map(|replica| replica.name.as_str()).collect();
    (!who.is_empty()).then(|| Need {
        rule: Some(Why::CredentialsRejected),
        kind: None,
        sessions: BTreeSet::new(),
        detail: plan::REJECTS_US.into(),
        way_on: plan::put_credentials_right(&who),
    })
}
