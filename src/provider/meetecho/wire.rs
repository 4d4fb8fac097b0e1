//! The seven calls and their bodies. Pure.
//!
//! Bodies are byte for byte what Python's `json.dumps` makes of the same data: keys in the datatracker's order, a
//! space after comma and colon, ASCII only.

use std::io;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::model::{Deck, DeckId, GroupAcronym, RoomSpec, SessionId};
use crate::transport::Method;

/// The calls of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    Tokens,
    FetchRooms,
    CreateRoom,
    DeleteRoom,
    AddDeck,
    DeleteDeck,
    SetDecks,
}

impl Call {
    pub const ALL: [Self; 7] = [
        Self::Tokens,
        Self::FetchRooms,
        Self::CreateRoom,
        Self::DeleteRoom,
        Self::AddDeck,
        Self::DeleteDeck,
        Self::SetDecks,
    ];

    pub fn method(self) -> Method {
        match self {
            Self::FetchRooms => Method::Get,
            Self::Tokens | Self::CreateRoom | Self::DeleteRoom | Self::AddDeck => Method::Post,
            Self::DeleteDeck => Method::Delete,
            Self::SetDecks => Method::Put,
        }
    }

    /// Relative to the API's base address, which ends in a slash.
    pub fn path(self) -> &'static str {
        match self {
            Self::Tokens => "auth/ietfservice/tokens",
            Self::FetchRooms => "meeting/interim/fetchRooms",
            Self::CreateRoom => "meeting/interim/createRoom",
            Self::DeleteRoom => "meeting/interim/deleteRoom",
            Self::AddDeck | Self::DeleteDeck | Self::SetDecks => "materials",
        }
    }

    /// Whether it changes rooms or materials. Asking for a token changes nothing that we care about.
    pub fn is_write(self) -> bool {
        !matches!(self, Self::Tokens | Self::FetchRooms)
    }

    /// Whether it takes away, so that "not found" means "done".
    pub(super) fn removes(self) -> bool {
        matches!(self, Self::DeleteRoom | Self::DeleteDeck)
    }
}

/// `2026-09-14 10:00:00`, in UTC.
pub(super) fn start_time(start: DateTime<Utc>) -> String {
    start.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `{"client", "secret", "wgs"}`
#[derive(Serialize)]
struct TokensBody<'a> {
    client: &'a str,
    secret: &'a str,
    wgs: Vec<&'a str>,
}

pub(super) fn tokens_body<'a>(
    client: &str,
    secret: &str,
    groups: impl IntoIterator<Item = &'a GroupAcronym>,
) -> String {
    to_json(&TokensBody { client, secret, wgs: groups.into_iter().map(GroupAcronym::as_str).collect() })
}

/// `extrainfo` is a message for Meetecho's staff; the datatracker always sends it empty.
#[derive(Serialize)]
struct CreateRoomBody<'a> {
    room_id: i64,
    description: &'a str,
    start_time: String,
    duration: i64,
    extrainfo: &'a str,
}

pub(super) fn create_room_body(room: &RoomSpec) -> String {
    to_json(&CreateRoomBody {
        room_id: room.room_id.0,
        description: &room.description,
        start_time: start_time(room.start),
        duration: room.duration_min,
        extrainfo: "",
    })
}

/// Here the title comes before the id; in a list (see [`DeckInList`]) it is the other way round.
#[derive(Serialize)]
struct AddDeckBody<'a> {
    session: String,
    title: &'a str,
    id: i64,
    url: &'a str,
    rev: &'a str,
    order: i32,
}

pub(super) fn add_deck_body(session: SessionId, deck: &Deck) -> String {
    to_json(&AddDeckBody {
        session: session.to_string(),
        title: &deck.title,
        id: deck.id.0,
        url: &deck.url,
        rev: &deck.rev,
        order: deck.order,
    })
}

#[derive(Serialize)]
struct DeleteDeckBody {
    session: String,
    id: i64,
}

pub(super) fn delete_deck_body(session: SessionId, deck: DeckId) -> String {
    to_json(&DeleteDeckBody { session: session.to_string(), id: deck.0 })
}

#[derive(Serialize)]
struct DeckInList<'a> {
    id: i64,
    title: &'a str,
    url: &'a str,
    rev: &'a str,
    order: i32,
}

#[derive(Serialize)]
struct SetDecksBody<'a> {
    session: String,
    decks: Vec<DeckInList<'a>>,
}

pub(super) fn set_decks_body(session: SessionId, decks: &[Deck]) -> String {
    let decks = decks
        .iter()
        .map(|deck| DeckInList {
            id: deck.id.0,
            title: &deck.title,
            url: &deck.url,
            rev: &deck.rev,
            order: deck.order,
        })
        .collect();
    to_json(&SetDecksBody { session: session.to_string(), decks })
}

/// `json.dumps` with Python's defaults.
fn to_json<T: Serialize>(value: &T) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, LikePython);
    value.serialize(&mut serializer).expect("plain data with text keys always has a JSON form");
    String::from_utf8(bytes).expect("only ASCII is written")
}

struct LikePython;

impl serde_json::ser::Formatter for LikePython {
    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for c in text.chars() {
            if matches!(c, ' '..='~') {
                writer.write_all(&[c as u8])?;
            } else {
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn text_is_escaped_as_python_does() {
        let deck = Deck {
            id: DeckId(2),
            title: "é 日 🚀 \"q\" \\ / \u{7f} \u{1f} \n\r\t\u{8}\u{c} \u{2028} ~".to_owned(),
            url: String::new(),
            rev: "00".to_owned(),
            order: -1,
        };
        // json.dumps of the same text, from a Python prompt.
        let title = r#""\u00e9 \u65e5 \ud83d\ude80 \"q\" \\ / \u007f \u001f \n\r\t\b\f \u2028 ~""#;
        let body = add_deck_body(SessionId(1), &deck);
        assert_eq!(
            body,
            format!(r#"{{"session": "1", "title": {title}, "id": 2, "url": "", "rev": "00", "order": -1}}"#)
        );
        let back: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(back["title"], deck.title.as_str());
    }
}
