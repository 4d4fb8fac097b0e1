//! The status for a person who was woken up: one sentence first, then what needs a person, who is at work, and what was
//! done last.

use chrono::{DateTime, TimeDelta, Utc};

use super::sessions::InStep;
use super::{Need, Status, Trouble};
use crate::ledger::{Replica, RoomFinding, StandingHold};
use crate::model::{Kind, Mode, SessionId, SubjectKey};
use crate::plan::{Page, Paint, Style, counted, moment};

/// The history is cut to so many lines; JSON has more.
const LINES: usize = 10;

/// A matter names so many of its sessions, and counts the others.
const NAMED: usize = 8;

/// The whole status, ending in a newline.
pub fn status_text(status: &Status, style: &Style) -> String {
    let mut page = Page::new(style);
    let paint = if status.healthy { Paint::Bold } else { Paint::Refused };
    page.line(paint, format!("{} {}", health(status), sum(status)));
    only_observes(&mut page, status);
    provider_is_down(&mut page, status);
    needs_a_person(&mut page, status);
    goes_on_by_itself(&mut page, status);
    rooms(&mut page, status);
    at_work(&mut page, status);
    history(&mut page, status);
    page.finish()
}

fn health(status: &Status) -> String {
    let Some(last) = status.last_complete_pass else {
        return "NOT HEALTHY: no worker has ever completed a pass; meetsync run starts one.".into();
    };
    let ago = span(status.as_of - last);
    if status.healthy {
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
    let Status { sessions, healthy: is_healthy, .. } = *status;
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
    match sessions.needing {
        0 => parts.push("none needs you".into()),
        number => parts.push(counted(number, "needs you", "need you")),
    }
    format!("{}.", parts.join(", "))
}

fn only_observes(page: &mut Page, status: &Status) {
    if status.mode == Some(Mode::Observe) {
        page.line(
            Paint::Changed,
            "The worker only observes (scope.mode = \"observe\"): nothing is sent until that is \"act\".",
        );
    }
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

fn workers_saying<'a>(status: &'a Status, word: &str) -> Vec<&'a str> {
    let says = |replica: &&Replica| replica.provider == word && replica.is_there(status.as_of);
    status.replicas.iter().filter(says).map(|replica| replica.name.as_str()).collect()
}

fn needs_a_person(page: &mut Page, status: &Status) {
    let stopped = !status.healthy && status.last_complete_pass.is_some();
    if !stopped && status.needs_a_person.is_empty() {
        return;
    }
    page.blank();
    page.line(Paint::Bold, "Needs a person");
    if stopped {
        let who = status.last_pass_by.as_deref().map_or_else(String::new, |who| format!(" (it was {who})"));
        page.line(
            Paint::Refused,
            format!("  ! See whether the worker runs, and what it logs{who}; then: meetsync check"),
        );
    }
    for need in &status.needs_a_person {
        let code = need.rule.map_or_else(String::new, |rule| format!(" ({rule})"));
        page.line(Paint::Refused, format!("  ! {}{}{code}", about(need), need.detail));
        page.line(Paint::Plain, format!("      {}", need.way_on));
    }
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

fn goes_on_by_itself(page: &mut Page, status: &Status) {
    let now = status.as_of;
    let mut lines = Vec::new();
    for doubt in &status.in_doubt {
        let what = name(doubt.subject);
        let since = format!("{} ({} ago)", clock(doubt.since, now), span(now - doubt.since));
        lines.push(if doubt.under_way {
            format!("  {what}: being sent since {since}")
        } else {
            let words =
                doubt.words.as_deref().unwrap_or("it was not written down how its last request ended");
            format!(
                "  {what}: in doubt since {since}: {words}{}",
                again(status, doubt.subject.session, doubt.not_before)
            )
        });
    }
    for owed in &status.confirming {
        lines.push(format!(
            "  {}: accepted; one more send, to confirm it, is owed at {}",
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
    for wait in &status.settling {
        let until = wait.until.map_or_else(String::new, |until| format!(" until {}", clock(until, now)));
        let what = name(wait.subject);
        lines.push(format!("  {what}: left to the datatracker's own call{until} (rooms.settle)"));
    }
    for held in &status.holds {
        let what = held.session.map_or_else(|| "everything".to_owned(), |id| format!("session {id}"));
        let hold = &held.hold;
        lines.push(format!(
            "  {what}: held until {}, by {}: {}",
            clock(hold.until, now),
            hold.by,
            hold.reason
        ));
    }
    if lines.is_empty() {
        return;
    }
    page.blank();
    let when = match status.mode {
        _ if !status.healthy => ", once a worker runs",
        Some(Mode::Observe) => ", once the worker may send",
        _ => "",
    };
    page.line(Paint::Bold, format!("Goes on by itself{when}"));
    for line in lines {
        page.line(Paint::Plain, line);
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

fn at_work(page: &mut Page, status: &Status) {
    let now = status.as_of;
    page.blank();
    page.line(Paint::Bold, "At work");
    let (there, gone): (Vec<&Replica>, Vec<&Replica>) =
        status.replicas.iter().partition(|replica| replica.is_there(now));
    if there.is_empty() && status.leases.is_empty() {
        page.line(Paint::Plain, "  nobody");
    }
    for replica in there {
        let Replica { name, version, .. } = replica;
        let (seen, started) = (span(now - replica.seen), clock(replica.started, now));
        let thinks = match replica.provider.as_str() {
            "down" => "; Meetecho does not answer it",
            // It may not have asked.
            _ => "",
        };
        page.line(
            Paint::Plain,
            format!("  {name} (version {version}), seen {seen} ago, there since {started}{thinks}"),
        );
    }
    for lease in &status.leases {
        let (owner, session, left) = (&lease.owner, lease.session, span(lease.until - now));
        page.line(
            Paint::Plain,
            if gone.iter().any(|replica| replica.name == *owner) {
                format!("  session {session} is left alone for {left} more at most: {owner} worked on it, and is gone")
            } else {
                format!("  {owner} works on session {session}, for {left} more at most")
            },
        );
    }
    if gone.is_empty() {
        return;
    }
    page.blank();
    page.line(Paint::Bold, "Gone without a word");
    for replica in gone {
        let (seen, ago) = (clock(replica.seen, now), span(now - replica.seen));
        page.line(Paint::Plain, format!("  {}, last seen at {seen} ({ago} ago)", replica.name));
    }
}

fn history(page: &mut Page, status: &Status) {
    if status.attempts.is_empty() {
        return;
    }
    let now = status.as_of;
    let rows: Vec<Vec<String>> = status
        .attempts
        .iter()
        .take(LINES)
        .map(|attempt| {
            vec![
                clock(attempt.at, now),
                name(attempt.subject),
                attempt.what.clone(),
                attempt.outcome.clone(),
                attempt.who.clone(),
                attempt.words.clone().unwrap_or_default(),
            ]
        })
        .collect();
    page.blank();
    page.table(&["last attempts", "of", "what", "outcome", "by", "words"], &rows);
}

fn name(subject: SubjectKey) -> String {
    name_of(subject.session, subject.kind)
}

fn name_of(session: SessionId, kind: Kind) -> String {
    format!("session {session} {}", kind.as_str())
}

fn words(trouble: &Trouble) -> &str {
    trouble.words.as_deref().unwrap_or("no reason was written down")
}

/// When it is tried again, where anybody can know.
fn again(status: &Status, session: SessionId, not_before: Option<DateTime<Utc>>) -> String {
    let holds = |held: &StandingHold| held.session.is_none_or(|held| held == session);
    match not_before {
        _ if !status.healthy || status.mode == Some(Mode::Observe) => String::new(),
        _ if status.holds.iter().any(holds) => "; held".into(),
        _ if status.provider == Some("down") => "; tried again when Meetecho answers".into(),
        Some(at) if at > status.as_of => format!("; tried again in {}", span(at - status.as_of)),
        _ => String::new(),
    }
}

/// The time of day to the second; with the day where it is not today's.
fn clock(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    if at.date_naive() == now.date_naive() {
        format!("{} UTC", at.format("%H:%M:%S"))
    } else {
        moment(at, now)
    }
}

/// A span in its largest unit or two: `2 s`, `4 min 10 s`, `3 h 5 min`, `2 days`.
fn span(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => counted(usize::try_from(seconds / 86_400).unwrap_or(usize::MAX), "day", "days"),
    }
}

fn two(large: i64, unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {small_unit}") }
}

#[cfg(test)]
mod tests;
