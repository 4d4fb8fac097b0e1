//! What goes on by itself: doubt, a send that is owed, what failed and is tried again, what is left to others, holds.

use chrono::{DateTime, Utc};

use super::words::{clock, name, span};
use super::workers_saying;
use crate::ledger::StandingHold;
use crate::model::{Mode, SessionId, SubjectKey};
use crate::plan::{Page, Paint, counted};
use crate::reconcile::status::Status;
use crate::reconcile::status::subjects::{InDoubt, Pending, Trouble};

pub(super) fn goes_on_by_itself(page: &mut Page, status: &Status) {
    let now = status.as_of;
    let mut lines = Vec::new();
    // What was refused needs a person, and is told there.
    let is_parked = |subject: SubjectKey| status.parked.iter().any(|trouble| trouble.subject == subject);
    for doubt in status.in_doubt.iter().filter(|doubt| !is_parked(doubt.subject)) {
        lines.push(format!("  {}: {}", name(doubt.subject), in_doubt(status, doubt)));
    }
    for owed in status.confirming.iter().filter(|owed| !is_parked(owed.subject)) {
        let when = if owed.at > now { "at" } else { "since" };
        lines.push(format!(
            "  {}: accepted; one more send, to confirm it, is owed {when} {}",
            name(owed.subject),
            clock(owed.at, now)
        ));
    }
    for trouble in &status.retrying {
        lines.push(format!(
            "  {}: failed {}: {}{}",
            name(trouble.subject),
            counted(trouble.tries.max(1) as usize, "time", "times"),
            words(trouble),
            again(status, trouble.subject.session, trouble.not_before)
        ));
    }
    for Pending { subject, at, latest } in &status.pending {
        let what = name(*subject);
        lines.push(if now < *at && at < latest {
            let (at, latest) = (clock(*at, now), clock(*latest, now));
            format!(
                "  {what}: waits for edits to stop (slides.quiet): sent at {at}, or at {latest} at the latest"
            )
        } else if now < *at {
            format!(
                "  {what}: waits for edits to stop (slides.quiet): sent at {} at the latest",
                clock(*at, now)
            )
        } else {
            format!("  {what}: was to be sent at {}, and is next", clock(*at, now))
        });
    }
    for wait in &status.settling {
        let until = wait.until.map_or_else(String::new, |until| format!(" until {}", clock(until, now)));
        let what = name(wait.subject);
        lines.push(format!("  {what}: left to the datatracker's own call{until} (rooms.settle)"));
    }
    for held in &status.holds {
        let what = held.session.map_or_else(|| "everything".to_owned(), |id| format!("session {id}"));
        let hold = &held.hold;
        lines.push(format!(
            "  {what}: held until {}, by {}: {}{}",
            clock(hold.until, now),
            hold.by,
            hold.reason,
            behind(status, held)
        ));
    }
    if lines.is_empty() {
        return;
    }
    page.blank();
    let when = match status.mode {
        _ if !status.healthy || !status.is_manned => ", once a worker runs",
        Some(Mode::Observe) => ", once the worker may send",
        _ => "",
    };
    page.line(Paint::Bold, format!("Goes on by itself{when}"));
    for line in lines {
        page.line(Paint::Plain, line);
    }
}

/// Of what is being sent the doubt may be older, so its age says nothing of this request.
fn in_doubt(status: &Status, doubt: &InDoubt) -> String {
    let now = status.as_of;
    let since = format!("in doubt since {} ({} ago)", clock(doubt.since, now), span(now - doubt.since));
    let words = doubt.words.as_deref();
    let known = words.map_or_else(String::new, |words| format!(": {words}"));
    match (doubt.cut_off_until, &doubt.by) {
        (Some(until), _) => format!(
            "was cut off; another worker may go on at {} (in {}); {since}{known}",
            clock(until, now),
            span(until - now)
        ),
        (None, Some(by)) => format!("being sent now, by {by}; {since}{known}"),
        (None, None) => format!(
            "{since}: {}{}",
            words.unwrap_or("it was not written down how its last request ended"),
            again(status, doubt.subject.session, doubt.not_before)
        ),
    }
}

/// What waits for the end of a hold, by the last pass.
fn behind(status: &Status, held: &StandingHold) -> String {
    let is_behind = |subject: &&SubjectKey| held.session.is_none_or(|session| session == subject.session);
    let behind: Vec<&SubjectKey> = status.held_back.iter().filter(is_behind).collect();
    let too_late = too_late(status, held, &behind);
    match (behind.as_slice(), held.session) {
        ([], _) => String::new(),
        (all, Some(_)) => {
            let kinds: Vec<&str> = all.iter().map(|subject| subject.kind.as_str()).collect();
            format!("; a change waits for its end ({}){too_late}", kinds.join(", "))
        }
        (all, None) => {
            format!("; {} for its end{too_late}", counted(all.len(), "change waits", "changes wait"))
        }
    }
}

/// Of slides whose window closes before the hold ends: then nobody sends them any more.
fn too_late(status: &Status, held: &StandingHold, behind: &[&SubjectKey]) -> String {
    let closing = |subject: &&SubjectKey| Some((*status.closing.get(*subject)?, subject.session));
    let late = behind.iter().filter_map(closing).filter(|(closes_at, _)| *closes_at <= held.hold.until);
    let Some((closes_at, id)) = late.min() else { return String::new() };
    let release = if held.session.is_none() { "--all".to_owned() } else { id.to_string() };
    format!(
        "; the window of session {id} closes at {}, before that: meetsync release {release}, or meetsync push {id}",
        clock(closes_at, status.as_of)
    )
}

fn words(trouble: &Trouble) -> &str {
    trouble.words.as_deref().unwrap_or("no reason was written down")
}

/// When it is tried again, where anybody can know.
pub(super) fn again(status: &Status, session: SessionId, not_before: Option<DateTime<Utc>>) -> String {
    let holds = |held: &StandingHold| held.session.is_none_or(|held| held == session);
    match not_before {
        _ if !status.healthy || !status.is_manned || status.mode == Some(Mode::Observe) => String::new(),
        _ if status.holds.iter().any(holds) => "; held".into(),
        _ if status.provider == Some("down") => "; tried again when Meetecho answers".into(),
        _ if !workers_saying(status, "credentials_rejected").is_empty() => {
            "; tried again when Meetecho takes our credentials".into()
        }
        // A pause that was asked for is of all, also of those that were tried before it.
        at => match at.max(status.quiet_until) {
            Some(at) if at > status.as_of => format!("; tried again in {}", span(at - status.as_of)),
            _ => String::new(),
        },
    }
}
