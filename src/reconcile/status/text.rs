//! The status for a person who was woken up: one sentence first, then what needs a person, who is at work, and what was
//! done last.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Sessions, Status, Trouble};
use crate::ledger::{Replica, RoomFinding};
use crate::model::SubjectKey;
use crate::plan::{Page, Paint, Style, counted, moment};

/// The history is cut to so many lines; JSON has more.
const LINES: usize = 10;

/// A worker that was seen within so many seconds is there: it says so every ten.
const THERE: i64 = 30;

/// The whole status, ending in a newline.
pub fn status_text(status: &Status, style: &Style) -> String {
    let mut page = Page::new(style);
    let paint = if status.healthy { Paint::Bold } else { Paint::Refused };
    let by = if status.healthy { "" } else { "By the ledger, " };
    page.line(paint, format!("{} {by}{}", health(status), sum(status.sessions)));
    provider_is_down(&mut page, status);
    provider_rejects_us(&mut page, status);
    needs_a_person(&mut page, status);
    goes_on_by_itself(&mut page, status);
    window_closed(&mut page, status);
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
fn sum(sessions: Sessions) -> String {
    let is_are = |number: usize| if number == 1 { "is" } else { "are" };
    let mut parts = vec![format!(
        "{} {} in step",
        counted(sessions.in_step, "session", "sessions"),
        is_are(sessions.in_step)
    )];
    for (number, word) in [
        (sessions.under_way, "being sent"),
        (sessions.waiting, "waiting"),
        (sessions.in_doubt, "in doubt"),
        (sessions.window_closed, "over and not in step"),
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

/// As workers that are there see it: what one said that was killed since is no news.
fn provider_is_down(page: &mut Page, status: &Status) {
    let who = workers_saying(status, "down");
    if !who.is_empty() {
        page.line(
            Paint::Refused,
            format!(
                "Meetecho is down, as {} sees it: it is asked one thing at a time until it answers.",
                who.join(" and ")
            ),
        );
    }
}

fn provider_rejects_us(page: &mut Page, status: &Status) {
    let who = workers_saying(status, "credentials_rejected");
    if !who.is_empty() {
        page.line(
            Paint::Refused,
            format!(
                "Meetecho rejects our credentials, and nothing can be sent: put meetecho.client_id and client_secret \
                 right, and send a hangup (kill -HUP) to {}.",
                who.join(" and ")
            ),
        );
    }
}

fn workers_saying<'a>(status: &'a Status, word: &str) -> Vec<&'a str> {
    let says = |replica: &&Replica| {
        replica.provider == word && status.as_of - replica.seen <= TimeDelta::seconds(THERE)
    };
    status.replicas.iter().filter(says).map(|replica| replica.name.as_str()).collect()
}

fn needs_a_person(page: &mut Page, status: &Status) {
    let refused = status.last_pass_summary.as_ref().and_then(|sum| sum.get("refused")?.as_u64()).unwrap_or(0);
    let stopped = !status.healthy && status.last_complete_pass.is_some();
    if !stopped && status.parked.is_empty() && refused == 0 {
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
    for trouble in &status.parked {
        page.line(Paint::Refused, format!("  ! {}: refused: {}", name(trouble.subject), words(trouble)));
        let id = trouble.subject.session;
        page.line(Paint::Plain, format!("      why, and what would help: meetsync explain {id}"));
    }
    if refused > 0 {
        let rules = counted(usize::try_from(refused).unwrap_or(usize::MAX), "thing", "things");
        page.line(
            Paint::Refused,
            format!("  ! The last pass found {rules} that a rule forbids to do: meetsync plan names them"),
        );
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
            format!("  {what}: in doubt since {since}: {words}{}", again(doubt.not_before, now))
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
            again(trouble.not_before, now)
        ));
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
    let when = if status.healthy { "" } else { ", once a worker runs" };
    page.line(Paint::Bold, format!("Goes on by itself{when}"));
    for line in lines {
        page.line(Paint::Plain, line);
    }
}

fn window_closed(page: &mut Page, status: &Status) {
    if status.window_closed.is_empty() {
        return;
    }
    page.blank();
    page.line(Paint::Bold, "Not sent any more");
    for closed in &status.window_closed {
        let what = if closed.was_sent { "confirmed" } else { "sent" };
        let words = closed.words.as_deref().map_or_else(String::new, |words| format!(": {words}"));
        let name = name(closed.subject);
        page.line(Paint::Plain, format!("  {name}: its window closed before this was {what}{words}"));
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
    if status.replicas.is_empty() && status.leases.is_empty() {
        page.line(Paint::Plain, "  nobody");
    }
    for replica in &status.replicas {
        let Replica { name, version, .. } = replica;
        let (seen, started) = (span(now - replica.seen), clock(replica.started, now));
        let thinks = match replica.provider.as_str() {
            "" => String::new(),
            provider => format!("; Meetecho: {provider}"),
        };
        page.line(
            Paint::Plain,
            format!("  {name} (version {version}), seen {seen} ago, there since {started}{thinks}"),
        );
    }
    for lease in &status.leases {
        let left = span(lease.until - now);
        page.line(
            Paint::Plain,
            format!("  {} works on session {}, for {left} more at most", lease.owner, lease.session),
        );
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
    format!("session {} {}", subject.session, subject.kind.as_str())
}

fn words(trouble: &Trouble) -> &str {
    trouble.words.as_deref().unwrap_or("no reason was written down")
}

fn again(not_before: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    match not_before {
        Some(at) if at > now => format!("; tried again in {}", span(at - now)),
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
