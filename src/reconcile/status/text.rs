//! The status for a person who was woken up: one sentence first, then what needs a person, who is at work, and what was
//! done last.

use super::sessions::InStep;
use super::{FailingPasses, Status};
use crate::ledger::{Replica, RoomFinding};
use crate::model::{Kind, Mode, SubjectKey};
use crate::plan::{Page, Paint, Style, Summary, counted};
use crate::reconcile::pass_summary::Need;

mod at_work;
mod by_itself;
mod words;

use at_work::{at_work, history};
use by_itself::{again, goes_on_by_itself};
use words::{clock, name_of, span};

/// A matter names so many of its sessions, and counts the others.
const NAMED: usize = 8;

/// The whole status, ending in a newline.
pub fn status_text(status: &Status, style: &Style) -> String {
    let mut page = Page::new(style);
    let is_well = status.healthy && status.is_manned && status.failing.is_none();
    let paint = if is_well { Paint::Bold } else { Paint::Refused };
    page.line(paint, format!("{}{} {}", failing(status), health(status), sum(status)));
    only_observes(&mut page, status);
    provider_is_down(&mut page, status);
    provider_asked_for_quiet(&mut page, status);
    needs_a_person(&mut page, status);
    goes_on_by_itself(&mut page, status);
    rooms(&mut page, status);
    at_work(&mut page, status);
    history(&mut page, status);
    page.finish()
}

/// Comes first, and at once: a last pass is called old only after a while.
fn failing(status: &Status) -> String {
    let Some(FailingPasses { workers, since, passes, .. }) = &status.failing else { return String::new() };
    let (who, long) = (workers.join(" and "), span(status.as_of - *since));
    let passes = if *passes == 1 { "the last one".to_owned() } else { format!("{passes} in a row") };
    format!("PASSES FAIL: of {who} {passes}, for {long}; it sends nothing more until one succeeds. ")
}

fn health(status: &Status) -> String {
    let Some(last) = status.last_complete_pass else {
        return "NOT HEALTHY: no worker has ever completed a pass; meetsync run starts one.".into();
    };
    let ago = span(status.as_of - last);
    if status.healthy && !status.is_manned {
        format!("NOBODY IS AT WORK: the last pass was {ago} ago, and no worker is there to make another.")
    } else if status.healthy {
        format!("The worker's last pass was {ago} ago.")
    } else {
        format!(
            "NOT HEALTHY: the worker's last pass was {ago} ago, and none should be older than {}.",
            span(status.patience)
        )
    }
}

/// `40 sessions are in step, 1 is in doubt, 2 need you.`
fn sum(status: &Status) -> String {
    let Status { sessions, .. } = *status;
    let is_healthy = status.healthy && status.is_manned && status.failing.is_none();
    let is_are = |number: usize| if number == 1 { "is" } else { "are" };
    let count = |number| counted(number, "session", "sessions");
    let mut parts = vec![match sessions.in_step {
        InStep::Planned(number) if is_healthy => format!("{} {} in step", count(number), is_are(number)),
        InStep::Planned(number) => {
            let was_were = if number == 1 { "was" } else { "were" };
            format!("By what it found then, {} {was_were} in step", count(number))
        }
        InStep::NothingOpen(0) => "By the ledger alone".to_owned(),
        InStep::NothingOpen(number) => {
            format!("By the ledger alone, nothing is open for {}", count(number))
        }
    }];
    let would_change = observed(status).map_or(0, |sums| sums.to_change);
    for (number, word) in [
        (sessions.under_way, "being sent"),
        (sessions.waiting, "waiting"),
        (sessions.held, "held"),
        (sessions.in_doubt, "in doubt"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {} {word}", is_are(number)));
        }
    }
    match would_change {
        0 => {}
        number => parts.push(format!("{number} would be changed")),
    }
    match sessions.needing {
        0 => parts.push("none needs you".into()),
        number => parts.push(counted(number, "needs you", "need you")),
    }
    format!("{}.", parts.join(", "))
}

/// What the plan of a worker that only observes comes to.
fn observed(status: &Status) -> Option<&Summary> {
    let summary = status.summary.as_ref()?;
    (status.mode == Some(Mode::Observe)).then_some(&summary.sums)
}

fn only_observes(page: &mut Page, status: &Status) {
    let Some(sums) = observed(status) else { return };
    page.line(
        Paint::Changed,
        "The worker only observes (scope.mode = \"observe\"): nothing is sent until that is \"act\".",
    );
    page.line(
        Paint::Plain,
        format!(
            "By its last pass {} would be changed with {}, and {} in step: as meetsync plan has it, which asks Meetecho for \
             its rooms as well. Above, each session is counted once, by what is most urgent about it.",
            counted(sums.to_change, "session", "sessions"),
            counted(sums.requests, "request", "requests"),
            counted(sums.in_step, "is", "are"),
        ),
    );
}

/// As workers that are there see it.
fn provider_is_down(page: &mut Page, status: &Status) {
    let who = workers_saying(status, "down");
    if !who.is_empty() {
        page.line(
            Paint::Refused,
            format!(
                "Meetecho does not answer, as {} sees it: it is asked one thing at a time, and all that is to be sent waits \
                 until it answers.",
                who.join(" and ")
            ),
        );
    }
}

/// Of each worker by itself: another one may not have been asked, and goes on.
fn provider_asked_for_quiet(page: &mut Page, status: &Status) {
    let now = status.as_of;
    for replica in status.replicas.iter().filter(|replica| replica.is_there(now)) {
        let Some(until) = replica.quiet_until.filter(|until| now < *until) else { continue };
        page.line(
            Paint::Changed,
            format!(
                "Meetecho asked {} to leave it alone until {} (for {} more): nothing is sent by it before that.",
                replica.name,
                clock(until, now),
                span(until - now)
            ),
        );
    }
}

fn workers_saying<'a>(status: &'a Status, word: &str) -> Vec<&'a str> {
    let says = |replica: &&Replica| replica.provider == word && replica.is_there(status.as_of);
    status.replicas.iter().filter(says).map(|replica| replica.name.as_str()).collect()
}

fn needs_a_person(page: &mut Page, status: &Status) {
    if status.needs_a_person.is_empty() {
        return;
    }
    page.blank();
    page.line(Paint::Bold, "Needs a person");
    for need in &status.needs_a_person {
        let code = need.rule.map_or_else(String::new, |rule| format!(" ({rule})"));
        let again = refused_again(status, need);
        page.line(Paint::Refused, format!("  ! {}{}{code}{again}", about(need), need.detail));
        page.line(Paint::Plain, format!("      {}", need.way_on));
    }
}

/// When what was refused is tried again by itself.
fn refused_again(status: &Status, need: &Need) -> String {
    let is_of = |subject: SubjectKey| {
        need.rule.is_none() && need.kind == Some(subject.kind) && need.sessions.contains(&subject.session)
    };
    let parked = status.parked.iter().find(|trouble| is_of(trouble.subject));
    parked
        .filter(|parked| parked.not_before.is_some())
        .map_or_else(String::new, |parked| again(status, parked.subject.session, parked.not_before))
}

/// `session 36103 room: `, `sessions 36103, 36104 and 9 more, rooms: `
fn about(need: &Need) -> String {
    let mut sessions = need.sessions.iter();
    match (need.sessions.len(), need.kind, sessions.next()) {
        (1, Some(kind), Some(id)) => format!("{}: ", name_of(*id, kind)),
        (1, None, Some(id)) => format!("session {id}: "),
        (0, _, _) | (_, _, None) => String::new(),
        (number, kind, _) => {
            let named: Vec<String> = need.sessions.iter().take(NAMED).map(ToString::to_string).collect();
            let more = if number > NAMED { format!(" and {} more", number - NAMED) } else { String::new() };
            let kind = match kind {
                Some(Kind::Room) => ", rooms",
                Some(Kind::Decks) => ", decks",
                None => "",
            };
            format!("sessions {}{more}{kind}: ", named.join(", "))
        }
    }
}

/// Nobody puts these right by himself.
fn rooms(page: &mut Page, status: &Status) {
    if status.rooms.is_empty() {
        return;
    }
    page.blank();
    page.line(Paint::Bold, "Rooms that are not as they should be (meetsync rooms looks anew)");
    for group in &status.rooms {
        let ago = span(status.as_of - group.looked_at);
        for finding in &group.findings {
            let RoomFinding { session, room_id, state, url, words } = finding;
            let whose = session.map_or_else(|| format!("room {room_id}"), |id| format!("session {id} room"));
            let url = url.as_deref().map_or_else(String::new, |url| format!(" {url}"));
            page.line(
                Paint::Plain,
                format!("  {whose} ({}): {state}: {words};{url} as seen {ago} ago", group.group),
            );
        }
    }
}

#[cfg(test)]
mod tests;
