//! Bodies and answers of the seven calls. Pure.
//!
//! Bodies are byte for byte what Python's `json.dumps` makes of the same data: keys in the datatracker's order, a
//! space after comma and colon, ASCII only. Answers are read with more patience than the datatracker has.

use std::collections::BTreeMap;
use std::io;

use chrono::{DateTime, NaiveDateTime, Utc};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{Deck, DeckId, GroupAcronym, RoomSpec, SeenRoom, SessionId};
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
        start_time: room.start.format("%Y-%m-%d %H:%M:%S").to_string(),
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

/// A room as it was listed, with the credential that deletes it. `Debug` does not show that.
#[derive(Debug, Clone)]
pub(super) struct ListedRoom {
    pub(super) room: SeenRoom,
    pub(super) deletion_token: Option<SecretString>,
}

/// `{"tokens": {"mars": "..."}}`. An acronym without a usable token is simply not there.
pub(super) fn parse_tokens(answer: &Value) -> Result<BTreeMap<GroupAcronym, SecretString>, String> {
    let tokens = answer.get("tokens").ok_or("has no `tokens`")?;
    let Some(tokens) = map_or_empty_list(tokens) else {
        return Err("has `tokens` that are not a map".to_owned());
    };
    let usable = |(group, token): (&String, &Value)| {
        let token = token.as_str().filter(|token| !token.is_empty())?;
        Some((GroupAcronym::new(group), SecretString::from(token)))
    };
    Ok(tokens.into_iter().flatten().filter_map(usable).collect())
}

/// `{"rooms": {public id: {"room": {...}, "url", "deletion_token"}}}`, ordered by (`room_id`, `public_id`).
///
/// One room that can't be read spoils the whole list: left out, it would look as if it were not there, and would be
/// made a second time.
pub(super) fn parse_rooms(answer: &Value) -> Result<Vec<ListedRoom>, String> {
    let mut rooms = rooms_in(answer)?
        .into_iter()
        .flatten()
        .map(|(public_id, value)| {
            parse_room(public_id, value).map_err(|what| {
                let id = value.pointer("/room/id").map_or_else(|| "?".to_owned(), plain);
                format!("lists room {id} ({public_id}), which can't be read: {what}")
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    rooms.sort_by(|a, b| (a.room.room_id, &a.room.public_id).cmp(&(b.room.room_id, &b.room.public_id)));
    Ok(rooms)
}

/// The one room of `createRoom`'s answer that has the id that was asked for; whatever else is in there does not count.
pub(super) fn parse_created(answer: &Value, wanted: SessionId) -> Result<SeenRoom, String> {
    let is_wanted = |value: &Value| value.pointer("/room/id").and_then(integer) == Some(wanted.0);
    let mut found = rooms_in(answer)?.into_iter().flatten().filter(|(_, value)| is_wanted(value));
    let (public_id, value) = found.next().ok_or_else(|| format!("does not hold room {wanted}"))?;
    if found.next().is_some() {
        return Err(format!("holds room {wanted} more than once"));
    }
    let listed =
        parse_room(public_id, value).map_err(|what| format!("holds a room that can't be read: {what}"))?;
    Ok(listed.room)
}

fn rooms_in(answer: &Value) -> Result<Option<&Map<String, Value>>, String> {
    let rooms = answer.get("rooms").ok_or("has no `rooms`")?;
    map_or_empty_list(rooms).ok_or_else(|| "has `rooms` that are not a map".to_owned())
}

/// PHP writes an empty map as `[]`: that is Some(None) here, and anything that is no map at all is None.
#[expect(clippy::option_option, reason = "no map at all and an empty one are different answers")]
fn map_or_empty_list(value: &Value) -> Option<Option<&Map<String, Value>>> {
    match value {
        Value::Object(map) => Some(Some(map)),
        Value::Array(items) if items.is_empty() => Some(None),
        _ => None,
    }
}

fn parse_room(public_id: &str, value: &Value) -> Result<ListedRoom, String> {
    let room = value.get("room").ok_or("no `room`")?;
    let room_id = room.get("id").and_then(integer).ok_or("no usable `id`")?;
    let start = room
        .get("start_time")
        .and_then(Value::as_str)
        .and_then(parse_time)
        .ok_or("no usable `start_time`")?;
    let duration_min = room.get("duration").and_then(integer).ok_or("no usable `duration`")?;
    let url = value.get("url").and_then(Value::as_str).filter(|url| !url.is_empty()).ok_or("no `url`")?;
    let description = room.get("description").and_then(Value::as_str).unwrap_or_default();
    let token = value.get("deletion_token").and_then(Value::as_str).filter(|token| !token.is_empty());
    Ok(ListedRoom {
        room: SeenRoom {
            room_id,
            public_id: public_id.to_owned(),
            url: url.to_owned(),
            description: description.to_owned(),
            start,
            duration_min,
        },
        deletion_token: token.map(SecretString::from),
    })
}

/// A whole number, as a number or as text.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn whole(number: f64) -> Option<i64> {
    // Up to here every whole number has a form of its own.
    let exact = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within range")]
    exact.then_some(number as i64)
}

/// `2026-09-14 10:00:00` in UTC; also with a T, a Z or an offset.
fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|time| time.and_utc())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

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

    #[test]
    fn rooms_are_read_with_patience() {
        let answer = json!({"rooms": {
            "b": {"room": {"id": "9", "start_time": "2026-01-01T00:00:00Z", "duration": "30", "x": 1}, "url": "u", "y": 2},
            "a": {"room": {"id": 9, "start_time": "2026-01-01 00:00:00", "duration": 30.0, "description": "d"}, "url": "u",
                  "deletion_token": "del"},
            "c": {"room": {"id": 8, "start_time": "2026-01-01T02:00:00+02:00", "duration": 30}, "url": "u"},
        }});
        let rooms = parse_rooms(&answer).expect("readable");
        let ids: Vec<_> = rooms.iter().map(|r| (r.room.room_id, r.room.public_id.as_str())).collect();
        assert_eq!(ids, [(8, "c"), (9, "a"), (9, "b")]);
        assert!(rooms.iter().all(|r| r.room.start.to_rfc3339() == "2026-01-01T00:00:00+00:00"));
        assert!(rooms.iter().all(|r| r.room.duration_min == 30));
        assert_eq!(rooms[1].deletion_token.as_ref().map(ExposeSecret::expose_secret), Some("del"));
        assert!(!format!("{:?}", rooms[1]).contains("del\""));
    }

    #[test]
    fn an_empty_map_may_be_a_list_but_a_missing_one_is_an_error() {
        assert!(parse_rooms(&json!({"rooms": []})).expect("PHP").is_empty());
        assert!(parse_rooms(&json!({"rooms": {}})).expect("empty").is_empty());
        for bad in
            [json!({}), json!({"rooms": null}), json!({"rooms": [1]}), json!([]), json!("x"), json!(null)]
        {
            assert!(parse_rooms(&bad).is_err(), "{bad}");
            assert!(parse_tokens(&bad).is_err(), "{bad}");
        }
        assert!(parse_tokens(&json!({"tokens": []})).expect("PHP").is_empty());
        assert!(parse_tokens(&json!({"tokens": {"mars": null, "ames": ""}})).expect("a map").is_empty());
    }

    #[test]
    fn one_room_that_cannot_be_read_spoils_the_list_and_is_named() {
        let good =
            json!({"room": {"id": 8, "start_time": "2026-01-01 00:00:00", "duration": 30}, "url": "u"});
        for (key, bad) in [
            ("start_time", json!("tomorrow")),
            ("duration", json!("half an hour")),
            ("duration", json!(30.5)),
            ("start_time", json!(null)),
        ] {
            let mut room = good.clone();
            room["room"][key] = bad;
            let words = parse_rooms(&json!({"rooms": {"a": good, "b": room}})).expect_err("spoiled");
            assert!(words.contains("room 8 (b)") && words.contains(key), "{words}");
        }
    }

    #[test]
    fn of_a_creation_only_the_room_that_was_asked_for_counts() {
        let room = |id: i64| json!({"room": {"id": id, "start_time": "2026-01-01 00:00:00", "duration": 30}, "url": "u"});
        let answer = json!({"rooms": {"a": room(7), "b": room(8), "c": {"room": {}}}});
        assert_eq!(parse_created(&answer, SessionId(8)).expect("there").public_id, "b");
        assert!(parse_created(&answer, SessionId(9)).is_err());
        assert!(parse_created(&json!({"rooms": {"a": room(8), "b": room(8)}}), SessionId(8)).is_err());
    }
}
