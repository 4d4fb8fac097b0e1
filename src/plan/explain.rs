//! Why is it sent, or not? One session, rule by rule, with the values that were used.
//!
//! The answer is the plan's: a change, a refusal, a wait, or nothing of these. Nothing is decided anew here. The rules
//! are computed from what the planner computes with, and a test over random worlds holds the two together: whatever a
//! plan names as the reason, the rule of that name doesn't hold.

mod answer;
mod beside;
mod decks;
mod room;
mod rules;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::inputs::Inputs;
use super::types::Plan;
use crate::model::{GroupAcronym, MeetingNumber, Session, SessionId, Span, SubjectKey, Why};

pub use beside::{AtWork, ProviderIs, REJECTS_US, Taken, View, put_credentials_right};
use rules::Rules;

/// What is to be said of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    pub session: SessionId,
    pub group: GroupAcronym,
    pub meeting: MeetingNumber,
    pub as_of: DateTime<Utc>,
    pub slot: Option<Span>,
    pub time_zone: String,
    /// This session was moved, and only marks the place of that one.
    pub tombstone_for: Option<SessionId>,
    /// Whose next step is told.
    #[serde(default)]
    pub view: View,
    /// Room (interims only), then decks.
    pub subjects: Vec<SubjectExplained>,
}

/// What is to be said of its room, or of its decks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectExplained {
    pub subject: SubjectKey,
    pub answer: ExplainedAnswer,
    /// The code of what stops it; null where nothing does.
    pub why: Option<Why>,
    /// In doubt since.
    pub since: Option<DateTime<Utc>>,
    /// The answer in a sentence, for people.
    pub detail: String,
    /// In the order in which they are asked.
    pub rules: Vec<Rule>,
    /// When the next thing happens by itself; null where nothing will.
    pub next: Option<DateTime<Utc>>,
}

/// How it stands. The first that is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExplainedAnswer {
    /// A request may or may not have taken effect, or one more send is owed after such a request. What was refused since,
    /// and is tried again later, is refused.
    InDoubt,
    /// A plan has a change for it, and it is due.
    WillSend,
    /// A rule forbids it, until a person does something.
    Refused,
    /// Nothing is to be done yet, or nothing ever. A planned change that the worker does not make yet, since edits
    /// still come in or a failure is waited out, is here too; a one-shot makes it at once.
    Waits,
    /// As it should be.
    InStep,
}

/// A sentence that is true or not: `window_open`, `not_held`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub rule: String,
    pub holds: bool,
    /// What it was asked of, for people.
    pub value: String,
}

/// Explains a session of the inputs by the plan that was made from them.
pub fn explain(inputs: Inputs<'_>, plan: &Plan, session: &Session) -> Explained {
    let room = session.is_interim().then(|| {
        let subject = SubjectKey::room(session.id);
        of_subject(inputs, plan, subject, room::rules(inputs, plan, session))
    });
    let subject = SubjectKey::decks(session.id);
    let mut decks = of_subject(inputs, plan, subject, decks::rules(inputs, plan, session));
    decks::outlasted_by_a_hold(inputs, session, &mut decks);
    Explained {
        session: session.id,
        group: session.group.clone(),
        meeting: session.meeting.clone(),
        as_of: plan.as_of,
        slot: session.slot,
        time_zone: session.time_zone.clone(),
        tombstone_for: session.tombstone_for,
        view: if inputs.ask.by_worker { View::Worker } else { View::Resync },
        subjects: room.into_iter().chain([decks]).collect(),
    }
}

fn of_subject(inputs: Inputs<'_>, plan: &Plan, subject: SubjectKey, rules: Rules) -> SubjectExplained {
    let rules = rules.finish();
    let answered = answer::answer(inputs, plan, subject);
    SubjectExplained {
        subject,
        answer: answered.answer,
        why: answered.why,
        since: answered.since,
        detail: answered.in_words(subject, &rules, plan.as_of),
        next: answered.next,
        rules,
    }
}

/// The rule that answers for a code, of a room or of decks. None: the code is of something else.
pub(crate) use rules::exact;
pub(super) use rules::rule_of;
