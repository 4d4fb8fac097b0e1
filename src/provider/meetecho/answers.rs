//! The other side of a rehearsal: what Meetecho would have answered, from the rooms "made" in this process and those
//! it was told of.
//!
//! It asks nothing of the real Meetecho, and every answer is a success as far as that is possible, so
//! that each path runs to its end.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

use super::wire::{self, Call};
use crate::model::{GroupAcronym, SeenRoom};
use crate::transport::{Request, Response};

/// Rooms by (group token, public id).
#[derive(Debug, Default)]
pub(super) struct Answers {
    rooms: Mutex<Rooms>,
}

type Rooms = BTreeMap<(String, String), Value>;

impl Answers {
    /// A room of the real Meetecho, as it is known from elsewhere.
    pub(super) fn tell_of(&self, group: &GroupAcronym, room: &SeenRoom) {
        let value = json!({
            "room": {
                "id": room.room_id,
                "start_time": wire::start_time(room.start),
                "duration": room.duration_min,
                "description": room.description,
            },
            "url": room.url,
            "deletion_token": deletion_token(&room.public_id),
        });
        self.rooms().insert((group_token(group.as_str()), room.public_id.clone()), value);
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer(&self, call: Call, base: &Url, request: &Request) -> Response {
        let mut rooms = self.rooms();
        let body: Value = request
            .body
            .as_ref()
            .and_then(|body| serde_json::from_slice(body.bytes()).ok())
            .unwrap_or(Value::Null);
        let bearer = request.bearer.as_ref().map(SecretString::expose_secret).unwrap_or_default();
        match call {
            Call::Tokens => {
                let groups = body["wgs"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let tokens: Map<_, _> =
                    groups.map(|group| (group.to_owned(), group_token(group).into())).collect();
                respond(200, &json!({ "tokens": tokens }))
            }
            Call::FetchRooms => {
                let of_group = rooms.iter().filter(|((token, _), _)| token == bearer);
                let listed: Map<_, _> =
                    of_group.map(|((_, public_id), room)| (public_id.clone(), room.clone())).collect();
                respond(200, &json!({ "rooms": listed }))
            }
            Call::CreateRoom => {
                let Some(id) = body["room_id"].as_i64() else { return respond(400, &json!({})) };
                if rooms.values().any(|room| room["room"]["id"] == id) {
                    return respond(409, &json!({"error": "there is a room with this id"}));
                }
                let url = base.join(&format!("/interim/?session={id}")).map(String::from).unwrap_or_default();
                let public_id = format!("rehearsal-{id}");
                let room = json!({
                    "room": {
                        "id": id,
                        "start_time": body["start_time"],
                        "duration": body["duration"],
                        "description": body["description"],
                    },
                    "url": url,
                    "deletion_token": deletion_token(&public_id),
                });
                rooms.insert((bearer.to_owned(), public_id.clone()), room.clone());
                respond(200, &json!({ "rooms": { public_id: room } }))
            }
            Call::DeleteRoom => {
                let before = rooms.len();
                rooms.retain(|(_, public_id), _| deletion_token(public_id) != bearer);
                respond(if rooms.len() < before { 200 } else { 404 }, &json!({}))
            }
            Call::AddDeck | Call::DeleteDeck | Call::SetDecks => {
                Response { status: 202, content_type: None, retry_after: None, body: Vec::new() }
            }
        }
    }
}

fn group_token(group: &str) -> String {
    format!("rehearsal-token-{group}")
}

fn deletion_token(public_id: &str) -> String {
    format!("rehearsal-deletion-token-{public_id}")
}

fn respond(status: u16, body: &Value) -> Response {
    Response {
        status,
        content_type: Some("application/json".to_owned()),
        retry_after: None,
        body: body.to_string().into_bytes(),
    }
}
