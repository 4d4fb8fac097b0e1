//! A plan, the sessions and the rooms as text for people. Pure: the terminal, and whether it has colours, is the
//! caller's matter.
//!
//! The summary comes first and last, because a long plan scrolls away; only what changes is printed; sessions in
//! step and those that wait are counted. Titles and names come from the datatracker, where anybody who chairs a
//! group can type them, so no text reaches a line but through [`page`], which takes every control character
//! out. Colours repeat what `+ - ~ !` say already.

mod changes;
mod explained;
mod page;
mod rest;
mod sessions;
mod words;

use std::collections::BTreeMap;

pub(crate) use self::page::{Page, Paint};
pub(crate) use self::words::{counted, moment, scope_arguments, when};
use super::types::Plan;
use crate::model::{Scope, Session, SessionId, Snapshot};

pub use explained::explained_text;
pub use sessions::{rooms_text, sessions_text};

/// How a text is laid out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours are written.
    pub colour: bool,
    /// The terminal's columns; titles are shortened to fit. None = nothing is shortened.
    pub width: Option<usize>,
    /// What the plan was asked for: the command at the end must ask for the same.
    pub scope: Scope,
    /// The plan is being carried out: no command to do so stands at the end.
    pub is_under_way: bool,
}

/// The whole plan for a person, ending in a newline.
pub fn plan_text(plan: &Plan, snapshot: &Snapshot, style: &Style) -> String {
    let sessions: BTreeMap<SessionId, &Session> =
        snapshot.sessions.iter().map(|session| (session.id, session)).collect();
    let mut page = Page::new(style);
    page.line(Paint::Bold, format!("Plan as of {} UTC", plan.as_of.format("%a %Y-%m-%d %H:%M:%S")));
    page.line(Paint::Plain, summary(plan));
    changes::write(&mut page, plan, &sessions);
    rest::refusals(&mut page, plan, &sessions);
    rest::waits(&mut page, plan, &sessions);
    page.blank();
    page.line(Paint::Plain, summary(plan));
    if !plan.changes.is_empty() && !style.is_under_way {
        let arguments = scope_arguments(&style.scope);
        page.line(
            Paint::Bold,
            format!("To do this: meetsync resync{arguments} --plan {}", plan.hash.short()),
        );
    }
    page.finish()
}

/// The plan in one line.
fn summary(plan: &Plan) -> String {
    let sum = plan.summary;
    let sessions = counted(sum.sessions, "session", "sessions");
    let mut parts = vec![
        format!("{sessions}: {} in the window", sum.in_window),
        format!("{} in step", sum.in_step),
        format!("{} to change", sum.to_change),
    ];
    for (number, word) in [(sum.in_doubt, "in doubt"), (sum.held, "held"), (sum.refused, "refused")] {
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    }
    let to_send = if plan.changes.is_empty() {
        "Nothing to send".to_owned()
    } else {
        format!("{} to send", counted(sum.requests, "request", "requests"))
    };
    format!("{}. {to_send}.", parts.join(", "))
}
