//! A subject's answer, taken from the plan.

use chrono::{DateTime, Utc};

use super::rules::{doubt_words, exact, refusals, rule_of};
use super::{ExplainedAnswer, Rule};
use crate::model::{Kind, Mode, Remembered, SubjectKey, Why};
use crate::plan::inputs::Inputs;
use crate::plan::make::is_left_unconfirmed;
use crate::plan::render::counted;
use crate::plan::timing::{Due, due};
use crate::plan::types::{Change, Operation, Plan, Refusal, Wait};
use crate::plan::unsent::{push_it, unsent_words};

/// Of a change that the worker does not make yet.
pub(super) const BY_HAND: &str = "; a resync or push by hand doesn't wait";

/// Of a session for which nothing is sent as it is now.
const NOT_CONFIRMED: &str =
    "; the list accepted last was not confirmed, and is not before something is sent again";

/// The answer, and what it was taken from.
#[derive(Debug)]
pub(super) struct Answered<'a> {
    pub(super) answer: ExplainedAnswer,
    pub(super) why: Option<Why>,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) next: Option<DateTime<Utc>>,
    row: Option<&'a Remembered>,
    change: Option<&'a Change>,
    refusal: Option<&'a Refusal>,
    wait: Option<&'a Wait>,
    /// It was refused, and is tried again later.
    is_parked: bool,
}

pub(super) fn answer<'a>(inputs: Inputs<'a>, plan: &'a Plan, subject: SubjectKey) -> Answered<'a> {
    let row = inputs.ledger.get(subject);
    let change = plan.changes.iter().find(|change| change.subject == subject);
    let wait = plan.waits.iter().find(|wait| wait.subject == subject);
    // What is refused of all says nothing of a subject that waits: there is nothing to refuse.
    let refusal = refusals(plan, subject).find(|refusal| refusal.subject.is_some() || wait.is_none());
    let observes = inputs.policy.scope.mode == Mode::Observe;
    let since = row.and_then(|row| row.doubt_since);
    let owed = row.and_then(|row| row.confirming).filter(|_| !is_left_unconfirmed(&plan.waits, subject));
    let moment = change.filter(|_| !observes).map(|_| due(row, &inputs.policy.slides, plan.as_of));
    let comes = moment.map(|due| match due {
        Due::Now => plan.as_of,
        Due::At(moment, _) => moment,
    });
    let until = wait.and_then(|wait| wait.until);
    let is_parked = row.is_some_and(|row| row.timing.parked) && matches!(moment, Some(Due::At(..)));
    let is_unsent = wait.is_some_and(|wait| wait.reason == Why::WindowClosedUnsent);
    let (answer, why, next) = if is_unsent {
        // Nothing of it goes on by itself.
        let is_in_doubt = since.is_some() || owed.is_some();
        let answer = if is_in_doubt { ExplainedAnswer::InDoubt } else { ExplainedAnswer::Refused };
        (answer, Some(Why::WindowClosedUnsent), None)
    } else if !is_parked && (since.is_some() || owed.is_some()) {
        let next =
            comes.or(until).or(owed.map(|owed| owed.at).filter(|_| change.is_none() && refusal.is_none()));
        (ExplainedAnswer::InDoubt, Some(Why::InDoubtConfirming), next)
    } else if change.is_some() && observes {
        (ExplainedAnswer::Refused, Some(Why::ObserveOnly), None)
    } else if let Some(Due::At(moment, why)) = moment {
        // Until it is tried again, the refusal stands, and a person may have to see to it.
        if is_parked {
            (ExplainedAnswer::Refused, Some(refused_for(row).0), Some(moment))
        } else {
            (ExplainedAnswer::Waits, Some(why), Some(moment))
        }
    } else if change.is_some() {
        (ExplainedAnswer::WillSend, None, comes)
    } else if let Some(refusal) = refusal {
        (ExplainedAnswer::Refused, Some(refusal.rule), None)
    } else if let Some(wait) = wait {
        (ExplainedAnswer::Waits, Some(wait.reason), until)
    } else {
        (ExplainedAnswer::InStep, None, None)
    };
    Answered { answer, why, since, next, row, change, refusal, wait, is_parked }
}

impl Answered<'_> {
    /// A sentence without its end.
    pub(super) fn in_words(&self, subject: SubjectKey, rules: &[Rule], now: DateTime<Utc>) -> String {
        match self.answer {
            _ if self.why == Some(Why::WindowClosedUnsent) => {
                let what = unsent_words(self.since.is_some());
                let doubt = self.since.map_or_else(String::new, |since| {
                    format!("since {} UTC, {}; ", exact(since), doubt_words(self.row))
                });
                format!("{doubt}{what}; needs a person; {}", push_it(subject.session))
            }
            ExplainedAnswer::InDoubt => self.doubt_in_words(subject, rules),
            ExplainedAnswer::Refused if self.is_parked => {
                let words = self.refusal_in_words();
                format!(
                    "it was refused: {}; to try at once: meetsync resync --session {}",
                    words, subject.session
                )
            }
            ExplainedAnswer::Refused if self.change.is_some() => {
                "scope.mode is \"observe\", and nothing is sent until it is \"act\"".into()
            }
            ExplainedAnswer::Waits if self.change.is_some() => {
                format!("{}{BY_HAND}", self.what_comes(subject, rules))
            }
            ExplainedAnswer::Waits if self.row.is_some_and(|row| row.confirming.is_some()) => {
                format!("{}{NOT_CONFIRMED}", self.what_comes(subject, rules))
            }
            ExplainedAnswer::WillSend | ExplainedAnswer::Refused | ExplainedAnswer::Waits => {
                self.what_comes(subject, rules)
            }
            ExplainedAnswer::InStep => match rules.iter().find(|rule| !rule.holds) {
                // A rule that stops what isn't there to be stopped.
                Some(rule) if subject.kind == Kind::Room => format!("nothing to do; {}", rule.value),
                _ => {
                    let at = self.row.and_then(|row| row.accepted.as_ref()).map(|accepted| accepted.at);
                    at.filter(|_| subject.kind == Kind::Decks).map_or_else(
                        || "as it should be".into(),
                        |at| format!("sent, and accepted {} UTC", day_or_time(at, now)),
                    )
                }
            },
        }
    }

    /// What was said, what to do about it, and what it leaves open.
    fn refusal_in_words(&self) -> String {
        let (why, words) = refused_for(self.row);
        let way_on = match why {
            Why::CredentialsRejected => {
                "; it gives us tokens, and does not take them for this: ask there what meetecho.client_id may do"
            }
            Why::GroupUnknown => "; Meetecho has to know this group: ask there",
            _ => "",
        };
        let doubt = self.since.map_or_else(String::new, |since| {
            format!("; what is there is in doubt since {} UTC", exact(since))
        });
        format!("{words}{way_on}{doubt}")
    }

    fn doubt_in_words(&self, subject: SubjectKey, rules: &[Rule]) -> String {
        let what = match self.since {
            Some(since) => format!("since {} UTC, {}", exact(since), doubt_words(self.row)),
            None => "the last list was accepted, but an earlier request may still take effect".into(),
        };
        let then = self.change.map_or_else(|| self.what_comes(subject, rules), spoken);
        format!("{what}; then: {then}")
    }

    /// What the plan says will be done, or why not.
    fn what_comes(&self, subject: SubjectKey, rules: &[Rule]) -> String {
        if let Some(change) = self.change {
            return format!("{} ({})", change.reason, spoken(change));
        }
        if let Some(refusal) = self.refusal {
            return format!("{}; way on: {}", refusal.detail, refusal.way_on);
        }
        match self.wait {
            Some(Wait { reason: Why::InDoubtConfirming, until: Some(until), .. }) => {
                format!("looked at again at {} UTC", exact(*until))
            }
            Some(Wait { reason: Why::InDoubtConfirming, until: None, .. }) => {
                "a look at Meetecho's rooms tells".into()
            }
            Some(wait) => rule_of(subject.kind, wait.reason)
                .and_then(|name| rules.iter().find(|rule| rule.rule == name))
                .map_or_else(|| wait.reason.to_string(), |rule| rule.value.clone()),
            None => "nothing is to be done".into(),
        }
    }
}

/// Why a row was refused, and the words of that.
fn refused_for(row: Option<&Remembered>) -> (Why, &str) {
    match row.and_then(|row| row.last_error.as_deref()) {
        // Rows of before have no code.
        Some(text) => Why::and_words(text).unwrap_or((Why::Unsupported, text)),
        None => (Why::Unsupported, "no reason was written down"),
    }
}

/// `add_deck, 1 request`
fn spoken(change: &Change) -> String {
    let operations: Vec<&str> = change.operations.iter().map(Operation::name).collect();
    format!("{}, {}", operations.join(", "), counted(change.requests(), "request", "requests"))
}

fn day_or_time(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    if at.date_naive() == now.date_naive() { at.format("%H:%M:%S").to_string() } else { exact(at) }
}
