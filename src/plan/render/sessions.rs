//! The tables of `meetsync sessions` and `meetsync rooms`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::Style;
use super::page::{Page, Paint};
use super::words::{counted, moment, when};
use crate::desired::{Window, WindowState, window};
use crate::model::{NotifyTime, RoomTimes, Session};
use crate::plan::rooms::{RoomReport, RoomState};

/// A row per session, in the order given: what the datatracker says, and when its slides are sent.
pub fn sessions_text<'a>(
    sessions: impl IntoIterator<Item = &'a Session>,
    notify: NotifyTime,
    now: DateTime<Utc>,
    style: &Style,
) -> String {
    let rows: Vec<Vec<String>> =
        sessions.into_iter().map(|session| session_row(session, notify, now)).collect();
    let sum = counted(rows.len(), "session", "sessions");
    let mut page = Page::new(style);
    if !rows.is_empty() {
        page.line(Paint::Plain, &sum);
        page.table(&["session", "meeting", "group", "when", "status", "window", "decks"], &rows);
    }
    page.line(Paint::Plain, &sum);
    page.finish()
}

fn session_row(session: &Session, notify: NotifyTime, now: DateTime<Utc>) -> Vec<String> {
    let slot = session.slot.map_or_else(|| "-".to_owned(), |slot| when(slot, &session.time_zone, now));
    let status = if session.status.0.is_empty() { "-" } else { &session.status.0 };
    let deleted = session.decks.iter().filter(|deck| deck.deleted).count();
    let decks = match deleted {
        0 => session.decks.len().to_string(),
        some => format!("{} ({some} deleted)", session.decks.len()),
    };
    vec![
        session.id.to_string(),
        session.meeting.to_string(),
        session.group.to_string(),
        slot,
        status.to_owned(),
        window_words(window(session, notify, now), now),
        decks,
    ]
}

fn window_words(window: Window, now: DateTime<Utc>) -> String {
    match (window.state, window.opens_at, window.closes_at) {
        (WindowState::Open, _, Some(closes)) => format!("open until {}", moment(closes, now)),
        (WindowState::Open, _, None) => "open".to_owned(),
        (WindowState::Opens, Some(opens), _) => format!("opens {}", moment(opens, now)),
        (WindowState::Opens, None, _) => "opens".to_owned(),
        (WindowState::Closed, ..) => "closed".to_owned(),
        (WindowState::Off, ..) => "off".to_owned(),
        (WindowState::Always, ..) => "always open".to_owned(),
        (WindowState::NotScheduled, ..) => "not scheduled".to_owned(),
        (WindowState::Cancelled, ..) => "cancelled".to_owned(),
    }
}

/// A row per room that is wanted or was seen, in the order given; times in UTC.
pub fn rooms_text(rooms: &[RoomReport], style: &Style) -> String {
    let mut page = Page::new(style);
    let sum = sum_of(rooms);
    if !rooms.is_empty() {
        page.line(Paint::Plain, &sum);
        let rows: Vec<Vec<String>> = rooms.iter().map(room_row).collect();
        page.table(
            &["session", "room", "group", "state", "wanted (UTC)", "found (UTC)", "link", "why"],
            &rows,
        );
    }
    page.line(Paint::Plain, &sum);
    page.finish()
}

/// `9 rooms: 6 present, 1 drifted; not read, and so by the ledger's record: 2 adopted`
fn sum_of(rooms: &[RoomReport]) -> String {
    let count = |is_by_record: bool| -> Option<String> {
        let mut states: BTreeMap<RoomState, usize> = BTreeMap::new();
        for room in rooms.iter().filter(|room| room.is_by_record() == is_by_record) {
            *states.entry(room.state).or_default() += 1;
        }
        let parts: Vec<String> =
            states.iter().map(|(state, number)| format!("{number} {}", word(*state))).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    };
    let unread = count(true).map(|parts| format!("not read, and so by the ledger's record: {parts}"));
    let parts: Vec<String> = count(false).into_iter().chain(unread).collect();
    match rooms.len() {
        0 => "0 rooms".to_owned(),
        number => format!("{}: {}", counted(number, "room", "rooms"), parts.join("; ")),
    }
}

fn room_row(room: &RoomReport) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![
        room.session.map_or_else(dash, |id| id.to_string()),
        room.room_id.to_string(),
        room.group.to_string(),
        word(room.state).to_owned(),
        room.wanted.map_or_else(dash, times),
        room.found.as_ref().map_or_else(dash, |found| times(found.times)),
        room.found.as_ref().map_or_else(dash, |found| found.url.clone()),
        room.reason.clone().unwrap_or_default(),
    ]
}

fn times(times: RoomTimes) -> String {
    format!("{}, {} min", times.start.format("%a %Y-%m-%d %H:%M"), times.duration_min)
}

fn word(state: RoomState) -> &'static str {
    match state {
        RoomState::Wanted => "wanted",
        RoomState::Present => "present",
        RoomState::Adopted => "adopted",
        RoomState::Drifted => "drifted",
        RoomState::Unwanted => "unwanted",
        RoomState::NotOurs => "not ours",
    }
}
