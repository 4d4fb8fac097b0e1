//! What goes on beside an explanation: a worker that is there, somebody who works on the session just now, a provider that
//! does not answer, or does not let us in. A plan knows nothing of these, and yet they say when the next step comes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::answer::BY_HAND;
use super::rules::exact;
use super::{Explained, ExplainedAnswer, Rule, SubjectExplained};
use crate::model::{Kind, SessionId, SubjectKey, Why};

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

/// How the provider is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProviderIs {
    /// As far as anybody says.
    #[default]
    Well,
    Down,
    /// It answers, and takes the credentials of these workers for wrong.
    RejectingUs(Vec<String>),
}

/// What is wrong where the provider rejects us.
pub const REJECTS_US: &str =
    "Meetecho rejects our credentials (client_id and client_secret), and nothing can be sent";

/// What a person does then, so that these workers go on.
pub fn put_credentials_right(workers: &[impl AsRef<str>]) -> String {
    let workers: Vec<&str> = workers.iter().map(AsRef::as_ref).collect();
    format!(
        "put meetecho.client_id and client_secret right, and send a hangup (kill -HUP) to {}",
        workers.join(" and ")
    )
}

/// Nobody else works on the session, until then at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub by: String,
    pub until: DateTime<Utc>,
    /// Whoever it was can't be at it any more.
    pub is_cut_off: bool,
}

/// What the ledger has of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AtWork {
    /// Whoever is there.
    pub workers: Vec<String>,
    /// As one of them sees it.
    pub provider: ProviderIs,
    /// It asked every worker that is there to leave it alone, and the first of them may ask it again then. Not over.
    pub quiet_until: Option<DateTime<Utc>>,
    /// Who has a session now.
    pub leases: BTreeMap<SessionId, Taken>,
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
                let is_seen = self.view == View::Worker;
                let quiet_until = at_work.quiet_until.filter(|_| is_seen);
                let as_seen = Some(&at_work.provider).filter(|_| is_seen).unwrap_or(&ProviderIs::Well);
                provider(subject, as_seen, quiet_until, now);
                if let (ProviderIs::Well, Some(until)) = (as_seen, quiet_until) {
                    left_alone(subject, until, now);
                }
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

fn someone_works_on_it(subject: &mut SubjectExplained, lease: Option<&Taken>, now: DateTime<Utc>) {
    let value = match lease {
        Some(Taken { by, until, is_cut_off: true }) => format!(
            "{by} worked on this session, and was cut off; another worker may go on at {} UTC",
            exact(*until)
        ),
        Some(Taken { by, until, is_cut_off: false }) => {
            format!("{by} works on this session, until {} UTC at most", exact(*until))
        }
        None => "nobody works on this session just now".into(),
    };
    subject.rules.push(Rule { rule: "nobody_at_it".into(), holds: lease.is_none(), value: value.clone() });
    let Some(Taken { until, .. }) = lease else { return };
    let is_next = matches!(subject.answer, ExplainedAnswer::WillSend | ExplainedAnswer::InDoubt);
    if is_next && subject.next.is_none_or(|next| next <= now) {
        subject.next = Some(*until);
        subject.detail = format!("{value}; {}", subject.detail);
    }
}

/// What would be sent before the end of a pause that the provider asked for waits for that, whether or not it was tried.
fn left_alone(subject: &mut SubjectExplained, until: DateTime<Utc>, now: DateTime<Utc>) {
    let value = format!("Meetecho asked to be left alone until {} UTC", exact(until));
    subject.rules.push(Rule {
        rule: "no_pause_asked".into(),
        holds: false,
        value: format!("{value} (Retry-After), and nothing is sent before that"),
    });
    let is_sent = matches!(subject.answer, ExplainedAnswer::WillSend | ExplainedAnswer::InDoubt)
        || matches!(subject.why, Some(Why::RetryWait | Why::WaitingBurst));
    if !is_sent || subject.next.is_none_or(|next| next < now || next >= until) {
        return;
    }
    if subject.answer != ExplainedAnswer::InDoubt {
        subject.answer = ExplainedAnswer::Waits;
        subject.why = Some(Why::RateLimited);
    }
    subject.next = Some(until);
    subject.detail = format!("{value}; {}", subject.detail.replace(BY_HAND, ""));
}

/// What is to be sent waits until the provider answers, or lets us in; nobody knows when that is.
fn provider(
    subject: &mut SubjectExplained,
    provider: &ProviderIs,
    quiet_until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) {
    let mut add = |rule: &str, holds, value: &str| {
        subject.rules.push(Rule { rule: rule.into(), holds, value: value.into() });
    };
    let trouble = match provider {
        ProviderIs::Well => {
            add("provider_answers", true, "no worker says that Meetecho does not answer");
            None
        }
        ProviderIs::Down => {
            let value =
                "Meetecho does not answer, and is asked one thing at a time; this waits until it answers";
            add("provider_answers", false, value);
            Some(quiet_until.map_or_else(
                || value.to_owned(),
                |until| {
                    format!(
                        "Meetecho asked to be left alone until {} UTC, again and again, and is asked one thing at a time after \
                         that; this waits until it answers",
                        exact(until)
                    )
                },
            ))
        }
        ProviderIs::RejectingUs(workers) => {
            let value = format!("{REJECTS_US}; {}", put_credentials_right(workers));
            add("provider_answers", true, "Meetecho answers");
            add("credentials_accepted", false, &value);
            Some(value)
        }
    };
    let is_unsent = subject.why == Some(Why::WindowClosedUnsent);
    let is_sent = matches!(subject.answer, ExplainedAnswer::WillSend | ExplainedAnswer::InDoubt)
        || subject.why == Some(Why::RetryWait);
    if let Some(trouble) = trouble
        && is_sent
        && !is_unsent
        && subject.next.is_none_or(|next| next >= now)
    {
        subject.next = None;
        // By hand it would fail as well.
        subject.detail = format!("{trouble}; {}", subject.detail.replace(BY_HAND, ""));
    }
}
