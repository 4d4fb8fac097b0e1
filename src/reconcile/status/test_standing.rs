//! What the ledger may have when somebody asks for the status, as tests build it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Status;
use crate::ledger::{LastPass, Replica, Standing, State, SubjectStanding};
use crate::model::{NotifyTime, SessionId, SlidesPolicy, Span, SubjectKey};
use crate::plan::test_world;

pub(super) const POLL: Duration = Duration::from_secs(2);

pub(super) fn now() -> DateTime<Utc> {
    "2026-11-17T03:00:00Z".parse().expect("a time")
}

pub(super) fn ago(seconds: i64) -> DateTime<Utc> {
    now() - TimeDelta::seconds(seconds)
}

pub(super) fn pass(ended: i64) -> LastPass {
    LastPass {
        as_of: ago(ended),
        ended_at: ago(ended),
        asked_at: now(),
        took: Duration::from_millis(25),
        who: "run@one/7".into(),
        summary: found(&(1..=9).collect::<Vec<_>>(), &json!({})),
    }
}

/// What a pass that found these in step wrote down, and more.
pub(super) fn found(in_step: &[i64], more: &Value) -> Value {
    let mut summary = json!({
        "sessions": 60, "in_window": 12, "in_step": in_step.len(), "to_change": 0, "in_doubt": 0, "held": 0,
        "refused": 0, "requests": 0, "mode": "act", "in_step_sessions": in_step
    });
    for (key, value) in more.as_object().expect("an object") {
        summary[key] = value.clone();
    }
    summary
}

pub(super) fn subject(key: SubjectKey, state: State) -> SubjectStanding {
    SubjectStanding {
        subject: key,
        state,
        doubt_since: None,
        confirm_at: None,
        not_before: None,
        tries: 0,
        last_error: None,
        burst: None,
        changed_at: ago(60),
        slot: Some(slot(key.session.0)),
    }
}

/// Those from 70 on closed their window a minute ago; the others are on.
pub(super) fn slot(id: i64) -> Span {
    let end = if id < 70 { ago(-60) } else { ago(15 * 60 + 60) };
    Span { start: end - TimeDelta::hours(1), end }
}

pub(super) fn decks(id: i64, state: State) -> SubjectStanding {
    subject(SubjectKey::decks(SessionId(id)), state)
}

pub(super) fn quiet(subjects: Vec<SubjectStanding>) -> Standing {
    Standing {
        asked_at: now(),
        last_pass: Some(pass(2)),
        subjects,
        replicas: vec![Replica {
            name: "run@one/7".into(),
            version: "0.1.0".into(),
            started: ago(90_000),
            seen: ago(2),
            provider: "answers".into(),
            beat_ms: 4_000,
            failing: None,
            refused_settings: None,
            quiet_until: None,
        }],
        leases: Vec::new(),
        holds: Vec::new(),
        attempts: Vec::new(),
    }
}

pub(super) fn status(standing: Standing) -> Status {
    Status::of(standing, POLL, &slides(NotifyTime::Minutes(15)))
}

pub(super) fn slides(notify: NotifyTime) -> SlidesPolicy {
    SlidesPolicy { notify, ..test_world::policy().slides }
}
