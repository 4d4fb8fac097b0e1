//! What goes on beside an explanation: a worker that is there, somebody who works on the session just now, a provider that
//! does not answer. A plan knows nothing of these, and yet they say when the next step comes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::rules::exact;
use super::{Explained, ExplainedAnswer, Rule, SubjectExplained};
use crate::model::{Kind, SessionId, SubjectKey};

/// Whose next step an explanation tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// No worker is there: what `meetsync resync` would do now.
    #[default]
    Resync,
    /// What the worker does that is at work.
    Worker,
}

/// What the ledger has of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AtWork {
    /// Whoever is there.
    pub workers: Vec<String>,
    /// As one of them sees it.
    pub provider_is_down: bool,
    /// Who works on a session now, and until when at most.
    pub leases: BTreeMap<SessionId, (String, DateTime<Utc>)>,
    /// When the worker next compares all rooms.
    pub next_sweep: Option<DateTime<Utc>>,
}

impl Explained {
    /// Puts in what goes on beside it. `by_record`: whether a room's subject is left alone by a pass, which goes by the
    /// ledger's record and does not look at Meetecho's rooms.
    pub fn beside(&mut self, at_work: &AtWork, is_left_by_record: impl Fn(SubjectKey) -> bool) {
        let now = self.as_of;
        let lease = at_work.leases.get(&self.session);
        for subject in &mut self.subjects {
            if self.view == View::Worker && is_left_by_record(subject.subject) {
                found_by_the_sweep(subject, at_work.next_sweep);
            }
            someone_works_on_it(subject, lease, now);
            if lease.is_none() {
                provider(subject, at_work.provider_is_down && self.view == View::Worker, now);
            }
        }
    }
}

/// What is wrong at Meetecho, and right by the record.
fn found_by_the_sweep(subject: &mut SubjectExplained, next_sweep: Option<DateTime<Utc>>) {
    if subject.subject.kind != Kind::Room || subject.answer != ExplainedAnswer::WillSend {
        return;
    }
    let when = next_sweep.map_or_else(String::new, |at| format!(" ({} UTC)", exact(at)));
    subject.answer = ExplainedAnswer::Waits;
    subject.next = next_sweep;
    subject.detail = format!(
        "{}; the worker sees that when it next compares all rooms{when}; at once: meetsync resync --session {} --rooms-only",
        subject.detail, subject.subject.session
    );
    subject.rules.push(Rule {
        rule: "rooms_compared".into(),
        holds: false,
        value: format!("a pass goes by the ledger's record; rooms are compared by rooms.sweep{when}"),
    });
}

fn someone_works_on_it(
    subject: &mut SubjectExplained,
    lease: Option<&(String, DateTime<Utc>)>,
    now: DateTime<Utc>,
) {
    let value = match lease {
        Some((owner, until)) => format!("{owner} works on this session, until {} UTC at most", exact(*until)),
        None => "nobody works on this session just now".into(),
    };
    subject.rules.push(Rule { rule: "nobody_at_it".into(), holds: lease.is_none(), value: value.clone() });
    let Some((_, until)) = lease else { return };
    let is_next = matches!(subject.answer, ExplainedAnswer::WillSend | ExplainedAnswer::InDoubt);
    if is_next && subject.next.is_none_or(|next| next <= now) {
        subject.next = Some(*until);
        subject.detail = format!("{value}; {}", subject.detail);
    }
}

/// What is to be sent waits until the provider answers; nobody knows when that is.
fn provider(subject: &mut SubjectExplained, is_down: bool, now: DateTime<Utc>) {
    let value = if is_down {
        "Meetecho does not answer, and is asked one thing at a time; this waits until it answers"
    } else {
        "no worker says that Meetecho does not answer"
    };
    subject.rules.push(Rule { rule: "provider_answers".into(), holds: !is_down, value: value.into() });
    let is_sent = matches!(subject.answer, ExplainedAnswer::WillSend | ExplainedAnswer::InDoubt)
        || subject.why == Some(crate::model::Why::RetryWait);
    if is_down && is_sent && subject.next.is_none_or(|next| next >= now) {
        subject.next = None;
        subject.detail = format!("{value}; {}", subject.detail);
    }
}
