//! What would be done, session by session: `+` new, `-` gone, `~` changed, and only the fields that change.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use unicode_width::UnicodeWidthStr as _;

use super::page::{Page, Paint, harmless, padded, shortened};
use super::words::{counted, from_to, when};
use crate::model::{Deck, RoomSpec, RoomTimes, Session, SessionId};
use crate::plan::types::{Change, DeckRef, Operation, Plan};

/// Longer names are shortened to this many columns where the width is limited.
const WIDEST_NAME: usize = 48;
/// A whole list names so many decks, and counts the others.
const NAMED_DECKS: usize = 6;

/// One printed line of a change: a mark, what it is about, and what happens to it.
struct Line {
    paint: Paint,
    mark: char,
    name: String,
    text: String,
}

impl Line {
    fn new(paint: Paint, mark: char, name: impl AsRef<str>, text: impl Into<String>) -> Self {
        Self { paint, mark, name: harmless(name.as_ref()), text: text.into() }
    }

    fn changed(name: impl AsRef<str>, text: impl Into<String>) -> Self {
        Self::new(Paint::Changed, '~', name, text)
    }
}

pub(super) fn write(page: &mut Page, plan: &Plan, sessions: &BTreeMap<SessionId, &Session>) {
    let mut told: Vec<SessionId> = Vec::new();
    for change in &plan.changes {
        if told.contains(&change.session) {
            continue;
        }
        told.push(change.session);
        page.blank();
        page.line(Paint::Bold, header(change, sessions.get(&change.session).copied(), plan.as_of));
        for part in plan.changes.iter().filter(|other| other.session == change.session) {
            write_change(page, part);
        }
    }
}

fn header(change: &Change, session: Option<&Session>, now: DateTime<Utc>) -> String {
    let zone = session.map_or("", |session| session.time_zone.as_str());
    let when = change.slot.map_or_else(|| "not scheduled".to_owned(), |slot| when(slot, zone, now));
    let group = session.map_or(&change.group, |session| &session.group);
    let meeting = session.map_or("", |session| session.meeting.as_str());
    let name = session.map(|session| session.name.trim()).filter(|name| !name.is_empty());
    let mut text = format!("{group}  {when}  {meeting}  session {}", change.session);
    if let Some(name) = name {
        text.push_str("  ");
        text.push_str(&shortened(&harmless(name), WIDEST_NAME));
    }
    text
}

fn write_change(page: &mut Page, change: &Change) {
    let lines = match (&change.believed, &change.wanted) {
        (Some(believed), Some(wanted)) => deck_lines(believed, wanted),
        (None, Some(wanted)) => whole_list(&change.operations, wanted),
        (_, None) => room_lines(&change.operations),
    };
    let most = page.width.map_or(usize::MAX, |width| (width / 2).clamp(12, WIDEST_NAME));
    let names: Vec<String> = lines.iter().map(|line| shortened(&line.name, most)).collect();
    let column = names.iter().map(|name| name.width()).max().unwrap_or(0);
    for (line, name) in lines.iter().zip(names) {
        page.line(line.paint, format!("  {} {}  {}", line.mark, padded(&name, column), line.text));
    }
    let requests = counted(change.requests(), "request", "requests");
    page.line(Paint::Plain, format!("    {requests}: {}", change.reason));
}

/// The difference of two lists that are both known.
fn deck_lines(believed: &[Deck], wanted: &[Deck]) -> Vec<Line> {
    let find = |list: &[Deck], deck: &Deck| list.iter().find(|other| other.id == deck.id).cloned();
    let mut lines = Vec::new();
    for deck in believed.iter().filter(|deck| find(wanted, deck).is_none()) {
        lines.push(Line::new(Paint::Gone, '-', &deck.title, "gone"));
    }
    for (place, deck) in (1..).zip(wanted) {
        match find(believed, deck) {
            None => {
                lines.push(Line::new(
                    Paint::Added,
                    '+',
                    &deck.title,
                    format!("new, place {place}, rev {}", deck.rev),
                ));
            }
            Some(was) => {
                let fields = changed_fields(&was, deck);
                if !fields.is_empty() {
                    lines.push(Line::changed(&deck.title, fields.join(", ")));
                }
            }
        }
    }
    lines.extend(order_line(believed, wanted));
    lines
}

fn changed_fields(was: &Deck, is: &Deck) -> Vec<String> {
    let mut fields = Vec::new();
    if was.title != is.title {
        fields.push(format!("title was {:?}", was.title));
    }
    if was.rev != is.rev {
        fields.push(format!("rev {} -> {}", was.rev, is.rev));
    } else if was.url != is.url {
        // A new revision has a new address as a matter of course.
        fields.push(format!("url {} -> {}", was.url, is.url));
    }
    fields
}

/// The decks that are in both lists, where they stand in another sequence; or where only their numbers differ.
fn order_line(believed: &[Deck], wanted: &[Deck]) -> Option<Line> {
    let stays = |deck: &&Deck, other: &[Deck]| other.iter().any(|kept| kept.id == deck.id);
    let was: Vec<&Deck> = believed.iter().filter(|deck| stays(deck, wanted)).collect();
    let is: Vec<&Deck> = wanted.iter().filter(|deck| stays(deck, believed)).collect();
    if was.iter().zip(&is).any(|(was, is)| was.id != is.id) {
        let places: Vec<String> = is
            .iter()
            .filter_map(|deck| was.iter().position(|other| other.id == deck.id))
            .map(|place| (place + 1).to_string())
            .collect();
        let text = format!("was {}, now {}", numbers(was.len()), places.join(" "));
        return Some(Line::changed("order", text));
    }
    let same_decks = was.len() == believed.len() && is.len() == wanted.len();
    let renumbered = was.iter().zip(&is).any(|(was, is)| was.order != is.order);
    (same_decks && renumbered).then(|| Line::changed("order", "the same, numbered anew"))
}

fn numbers(count: usize) -> String {
    (1..=count).map(|place| place.to_string()).collect::<Vec<_>>().join(" ")
}

/// Nothing is known of what is shown: what must go, then all that is sent.
fn whole_list(operations: &[Operation], wanted: &[Deck]) -> Vec<Line> {
    let mut lines: Vec<Line> = operations
        .iter()
        .filter_map(|operation| match operation {
            Operation::DeleteDeck { deck, .. } => {
                Some(Line::new(Paint::Gone, '-', name_of(deck), "gone, wherever it may still be"))
            }
            _ => None,
        })
        .collect();
    let named: Vec<String> = wanted
        .iter()
        .take(NAMED_DECKS)
        .map(|deck| format!("{} ({})", shortened(&harmless(&deck.title), WIDEST_NAME), deck.rev))
        .collect();
    let decks = counted(wanted.len(), "deck", "decks");
    let text = match wanted.len() {
        0 => "empty".to_owned(),
        number if number > NAMED_DECKS => {
            format!("{decks}: {} and {} more", named.join(", "), number - NAMED_DECKS)
        }
        _ => format!("{decks}: {}", named.join(", ")),
    };
    lines.push(Line::changed("whole list", text));
    lines
}

fn name_of(deck: &DeckRef) -> String {
    deck.title.clone().unwrap_or_else(|| format!("deck {}", deck.id))
}

fn room_lines(operations: &[Operation]) -> Vec<Line> {
    let writes_a_link =
        operations.iter().any(|operation| matches!(operation, Operation::WriteRoomUrl { .. }));
    let mut lines = Vec::new();
    for operation in operations {
        match operation {
            Operation::CreateRoom { room, .. } => {
                lines.push(Line::new(Paint::Added, '+', "room", spec_words(room)));
            }
            Operation::RecreateRoom { room, was, .. } => {
                let mut text = move_words(*was, room.times());
                if !writes_a_link {
                    text.push_str("; link stays");
                }
                lines.push(Line::changed("room", text));
            }
            Operation::AdoptRoom { room, .. } => {
                let url = room.url.as_deref().unwrap_or("its address is not read yet");
                lines.push(Line::changed("room", format!("is there already, taken as ours: {url}")));
            }
            Operation::DeleteRoom { room, .. } => {
                let url = room.url.as_deref().unwrap_or("its address is not read yet");
                lines.push(Line::new(Paint::Gone, '-', "room", url));
            }
            Operation::EndDoubt { .. } => {
                lines.push(Line::changed("room", "none is there, and none is asked for"));
            }
            Operation::WriteRoomUrl { from, to, .. } => {
                let words = link_words(from, to.as_deref());
                match lines.last_mut() {
                    Some(line) => line.text = format!("{}; {words}", line.text),
                    None => lines.push(Line::changed("room", words)),
                }
            }
            Operation::AddDeck { .. }
            | Operation::ReviseDeck { .. }
            | Operation::DeleteDeck { .. }
            | Operation::ReorderDecks { .. }
            | Operation::ReplaceDecks { .. } => {}
        }
    }
    lines
}

fn spec_words(room: &RoomSpec) -> String {
    format!(
        "{} UTC, {} min, {:?}",
        room.start.format("%a %Y-%m-%d %H:%M"),
        room.duration_min,
        room.description
    )
}

fn move_words(was: RoomTimes, is: RoomTimes) -> String {
    let mut parts = Vec::new();
    if was.start != is.start {
        parts.push(format!("moved {}", from_to(was.start, is.start)));
    }
    if was.duration_min != is.duration_min {
        parts.push(format!("{} -> {} min", was.duration_min, is.duration_min));
    }
    parts.join(", ")
}

fn link_words(from: &str, to: Option<&str>) -> String {
    match (from.trim().is_empty(), to) {
        (true, Some(url)) => format!("link will be written: {url}"),
        (true, None) => "link will be written".to_owned(),
        (false, Some(url)) => format!("link changes: {from} -> {url}"),
        (false, None) => "link changes".to_owned(),
    }
}
