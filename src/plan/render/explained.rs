//! One session's explanation: the answer first, then rule by rule.

use chrono::TimeDelta;

use super::Style;
use super::page::{Page, Paint, padded};
use super::words::{moment, when};
use crate::plan::explain::{Explained, ExplainedAnswer, SubjectExplained, View, rule_of};

/// The explanation of some sessions, one after another.
pub fn explained_text(all: &[Explained], style: &Style) -> String {
    let mut page = Page::new(style);
    for (index, explained) in all.iter().enumerate() {
        if index > 0 {
            page.blank();
        }
        let Explained { session, group, meeting, .. } = explained;
        let when = explained.slot.map_or_else(
            || "not scheduled".to_owned(),
            |slot| when(slot, &explained.time_zone, explained.as_of),
        );
        page.line(Paint::Bold, format!("{group}  {when}  {meeting}  session {session}"));
        if let Some(real) = explained.tombstone_for {
            page.line(
                Paint::Changed,
                format!("  This is a tombstone. The session itself: meetsync explain {real}"),
            );
        }
        for subject in &explained.subjects {
            write(&mut page, explained, subject);
        }
    }
    page.line(
        Paint::Plain,
        match all.first().map(|explained| explained.view) {
            Some(View::Worker) => "This is what the worker at work does by itself.",
            Some(View::Resync) => {
                "No worker is at work: this is what meetsync resync does when somebody runs it."
            }
            None => "",
        },
    );
    page.finish()
}

fn write(page: &mut Page, explained: &Explained, subject: &SubjectExplained) {
    let paint = match subject.answer {
        ExplainedAnswer::InDoubt | ExplainedAnswer::Refused => Paint::Refused,
        ExplainedAnswer::WillSend => Paint::Changed,
        ExplainedAnswer::Waits | ExplainedAnswer::InStep => Paint::Bold,
    };
    let code = subject.why.map_or_else(String::new, |why| format!(" ({why})"));
    let next = match (subject.answer, subject.next) {
        (_, None) => String::new(),
        (ExplainedAnswer::WillSend, Some(at)) if at <= explained.as_of => by_whom("", explained.view),
        (ExplainedAnswer::InDoubt, Some(at)) if at <= explained.as_of => {
            by_whom(", tried again", explained.view)
        }
        (ExplainedAnswer::InDoubt, Some(at)) => format!(", next {} UTC", at.format("%a %H:%M:%S")),
        (ExplainedAnswer::Refused, Some(at)) => format!(", tried again {} UTC", at.format("%a %H:%M:%S")),
        // A burst is a matter of seconds.
        (_, Some(at)) if at - explained.as_of < TimeDelta::minutes(10) => {
            format!(" until {} UTC", at.format("%a %H:%M:%S"))
        }
        (_, Some(at)) => format!(" until {}", moment(at, explained.as_of)),
    };
    let kind = subject.subject.kind.as_str();
    page.line(paint, format!("{kind}: {}{next}{code}: {}", word(subject.answer), subject.detail));
    // Only what was refused by its own request is refused and tried again, whatever the code of that is.
    let is_parked = subject.answer == ExplainedAnswer::Refused && subject.next.is_some();
    let decisive = if is_parked {
        Some("not_parked")
    } else {
        subject.why.and_then(|why| rule_of(subject.subject.kind, why))
    };
    let column = subject.rules.iter().map(|rule| rule.rule.len()).max().unwrap_or(0);
    for rule in &subject.rules {
        // Doubt has two rules, and no code of its own for each.
        let of_doubt = subject.answer == ExplainedAnswer::InDoubt
            && matches!(rule.rule.as_str(), "no_doubt" | "nothing_owed");
        let decides = !rule.holds && (of_doubt || decisive == Some(rule.rule.as_str()));
        let (sign, paint) = match (rule.holds, decides) {
            (true, _) => ("  yes ", Paint::Plain),
            (false, true) => ("! no  ", Paint::Refused),
            (false, false) => ("  no  ", Paint::Plain),
        };
        page.line(paint, format!("{sign} {}  {}", padded(&rule.rule, column), rule.value));
    }
}

/// Where no worker is there, nothing happens by itself.
fn by_whom(what: &str, view: View) -> String {
    match view {
        View::Worker => format!("{what} now"),
        View::Resync => format!("{what} by a resync"),
    }
}

fn word(answer: ExplainedAnswer) -> &'static str {
    match answer {
        ExplainedAnswer::InDoubt => "in doubt",
        ExplainedAnswer::WillSend => "will be sent",
        ExplainedAnswer::Refused => "refused",
        ExplainedAnswer::Waits => "waits",
        ExplainedAnswer::InStep => "in step",
    }
}
