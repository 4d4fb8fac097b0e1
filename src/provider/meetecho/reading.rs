//! Reads answers, with more patience than the datatracker has. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::model::{GroupAcronym, SeenRoom, SessionId};

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
