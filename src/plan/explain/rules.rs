//! Rules by name, those that every subject is asked first, and which rule answers for which code.

use chrono::{DateTime, Utc};

use super::Rule;
use crate::model::{
    GroupAcronym, Kind, MeetingNumber, Mode, Remembered, RoomTimes, Session, SubjectKey, Why,
};
use crate::plan::inputs::Inputs;
use crate::plan::make::is_left_unconfirmed;
use crate::plan::policy::is_in_scope;
use crate::plan::render::{counted, when};
use crate::plan::types::{Plan, Refusal};

/// Rules in the making.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    pub(super) fn add(&mut self, rule: &str, holds: bool, value: impl Into<String>) {
        self.rules.push(Rule { rule: rule.to_owned(), holds, value: value.into() });
    }

    pub(super) fn finish(self) -> Vec<Rule> {
        self.rules
    }
}

/// The rule that doesn't hold where a plan names this code.
pub(in crate::plan) fn rule_of(kind: Kind, why: Why) -> Option<&'static str> {
    Some(match why {
        Why::SourceIncomplete => "source_complete",
        Why::SourceLagging => "source_up_to_date",
        Why::ObserveOnly if kind == Kind::Decks => "mode_act",
        Why::OutOfScope => "in_scope",
        Why::Tombstone => "not_a_tombstone",
        Why::Cancelled => "not_cancelled",
        Why::NotOnMeetecho => "on_meetecho",
        Why::NotScheduled => "scheduled",
        Why::OutsideWindow if kind == Kind::Room => "within_horizon",
        Why::OutsideWindow | Why::NotificationsOff | Why::WindowClosedUnsent => "window_open",
        Why::NoDecks => "has_decks",
        Why::Held => "not_held",
        Why::NotOurs | Why::LinkUnmatched => "link_blank_or_ours",
        Why::Settling => "settled",
        Why::RoomConflict => "no_other_room",
        Why::WaitingBurst => "burst_over",
        Why::Unsupported => "not_parked",
        Why::RetryWait => "no_retry_wait",
        Why::RateLimited => "no_pause_asked",
        Why::WriteBackOff => "write_back_on",
        Why::NoDelete | Why::ObserveOnly => "rooms_policy",
        why if why.is_guard() => "within_guards",
        _ => return None,
    })
}

/// What is asked of every subject: of the reading, the settings, and the session itself.
/// `unread` says why nothing of the subject could be read.
pub(super) fn common(inputs: Inputs<'_>, session: &Session, unread: Option<String>) -> Rules {
    let mut rules = Rules::default();
    let read = format!("the datatracker as of {} UTC", exact(inputs.now()));
    let is_complete = inputs.snapshot.complete && unread.is_none();
    rules.add("source_complete", is_complete, unread.unwrap_or(read));
    let lag = match inputs.snapshot.lag() {
        None => "not behind its primary".to_owned(),
        Some(lag) => format!("a standby, {} s behind its primary or more", lag.num_seconds()),
    };
    rules.add("source_up_to_date", inputs.snapshot.lag().is_none(), lag);
    let mode = match inputs.policy.scope.mode {
        Mode::Act => "scope.mode = \"act\"",
        Mode::Observe => "scope.mode = \"observe\": nothing is sent, by no command",
    };
    rules.add("mode_act", inputs.policy.scope.mode == Mode::Act, mode);
    rules.add("in_scope", is_in_scope(session, inputs.policy), scope_words(inputs, session));
    rules.add(
        "not_a_tombstone",
        session.tombstone_for.is_none(),
        match session.tombstone_for {
            Some(moved) => format!("it was moved, and only marks its old place: meetsync explain {moved}"),
            None => "it stands for itself".into(),
        },
    );
    rules
}

fn scope_words(inputs: Inputs<'_>, session: &Session) -> String {
    let scope = &inputs.policy.scope;
    let list = |names: Vec<&str>| if names.is_empty() { "all".to_owned() } else { names.join(", ") };
    format!(
        "group {} of meeting {}; scope.groups: {}, scope.meetings: {}",
        session.group,
        session.meeting,
        list(scope.groups.iter().map(GroupAcronym::as_str).collect()),
        list(scope.meetings.iter().map(MeetingNumber::as_str).collect())
    )
}

/// Whether there is a slot, and when.
pub(super) fn scheduled(rules: &mut Rules, inputs: Inputs<'_>, session: &Session) {
    let value = match session.slot {
        Some(slot) => when(slot, &session.time_zone, inputs.now()),
        None => "it has no official slot".into(),
    };
    rules.add("scheduled", session.slot.is_some(), value);
}

/// A hold of a person's.
pub(super) fn held(rules: &mut Rules, inputs: Inputs<'_>, session: &Session) {
    let value = match inputs.ledger.hold_of(session.id, inputs.now()) {
        Some(hold) => {
            format!("held until {} UTC by {}: {}", exact(hold.until), hold.by, hold.reason)
        }
        None => "nobody holds it".into(),
    };
    rules.add("not_held", !inputs.is_held(session.id), value);
}

/// Whether it is known what became of every request.
pub(super) fn doubt(rules: &mut Rules, plan: &Plan, subject: SubjectKey, row: Option<&Remembered>) {
    let since = row.and_then(|row| row.doubt_since);
    let value = match since {
        Some(since) => format!("in doubt since {} UTC: {}", exact(since), doubt_words(row)),
        None => "every request that was sent had an answer".into(),
    };
    rules.add("no_doubt", since.is_none(), value);
    let owed = row.and_then(|row| row.confirming);
    let is_left = is_left_unconfirmed(&plan.waits, subject);
    let value = match owed {
        Some(_) if is_left => "none by now; the list accepted last was not confirmed".into(),
        Some(owed) => format!("one more send, to confirm the last, is owed at {} UTC", exact(owed.at)),
        None => "no confirming send is owed".into(),
    };
    rules.add("nothing_owed", owed.is_none() || is_left, value);
}

/// Why it is in doubt, as it was written down.
pub(super) fn doubt_words(row: Option<&Remembered>) -> String {
    row.and_then(|row| row.last_error.clone()).unwrap_or_else(|| {
        "a request is under way, or whoever made it was stopped before its answer came".into()
    })
}

/// What the guards said of it.
pub(super) fn guards(rules: &mut Rules, plan: &Plan, subject: SubjectKey) {
    let refusal = refusals(plan, subject).find(|refusal| refusal.rule.is_guard());
    rules.add("within_guards", refusal.is_none(), refused_words(refusal, "no limit stands in the way"));
}

/// A rule that only the planner can answer for: it holds where nothing was refused by it.
pub(super) fn unrefused(rules: &mut Rules, plan: &Plan, subject: SubjectKey, rule: &str, else_: &str) {
    let refusal = refusals(plan, subject).find(|refusal| rule_of(subject.kind, refusal.rule) == Some(rule));
    rules.add(rule, refusal.is_none(), refused_words(refusal, else_));
}

/// What the plan refused of a subject, or of all.
pub(super) fn refusals(plan: &Plan, subject: SubjectKey) -> impl Iterator<Item = &Refusal> {
    plan.refusals.iter().filter(move |refusal| match refusal.subject {
        Some(other) => other == subject,
        None => matches!(refusal.rule, Why::SourceIncomplete | Why::SourceLagging | Why::GuardEmptySource),
    })
}

fn refused_words(refusal: Option<&Refusal>, else_: &str) -> String {
    refusal
        .map_or_else(|| else_.to_owned(), |refusal| format!("{}; way on: {}", refusal.detail, refusal.way_on))
}

/// What holds the worker back from a planned change. The one-shots don't wait for it.
pub(super) fn timing(rules: &mut Rules, inputs: Inputs<'_>, row: Option<&Remembered>) {
    let policy = &inputs.policy.slides;
    let timing = row.map(|row| row.timing.clone()).unwrap_or_default();
    let now = inputs.now();
    let due = timing.burst.map(|burst| (burst, burst.due(policy.quiet, policy.max_wait)));
    let value = match due {
        Some((burst, due)) => format!(
            "changes from {} to {} UTC; due at {} UTC (slides.quiet, slides.max_wait)",
            burst.first.format("%H:%M:%S"),
            burst.last.format("%H:%M:%S"),
            exact(due)
        ),
        None => "no change is waiting to be sent".into(),
    };
    rules.add("burst_over", due.is_none_or(|(_, due)| due <= now), value);
    let tries = counted(timing.tries as usize, "try", "tries");
    let value = match timing.not_before {
        Some(at) => format!("after {tries} that did not succeed, not before {} UTC", exact(at)),
        None => "no failure is waited out".into(),
    };
    rules.add("no_retry_wait", timing.not_before.is_none_or(|at| at <= now), value);
    let error = row.and_then(|row| row.last_error.as_deref()).unwrap_or("no reason was written down");
    let value = if timing.parked { format!("it was refused: {error}") } else { "it was not refused".into() };
    rules.add("not_parked", !timing.parked, value);
}

/// To the second: doubt and bursts are a matter of seconds, and people compare it with their clock.
pub(crate) fn exact(moment: DateTime<Utc>) -> String {
    moment.format("%a %Y-%m-%d %H:%M:%S").to_string()
}

pub(super) fn times(times: RoomTimes) -> String {
    format!("{} UTC for {} min", exact(times.start), times.duration_min)
}

pub(super) fn decks_number(number: usize) -> String {
    counted(number, "deck", "decks")
}
