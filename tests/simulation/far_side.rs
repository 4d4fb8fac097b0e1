//! Meetecho's twin: its tokens, rooms and decks, and what each call does to them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use meetsync::model::{Deck, SessionId, Span};
use meetsync::transport::Response;
use serde_json::{Map, Value, json};

use super::history::{Put, SecondRoom, Settings};
use super::requests::{Asked, Body};
use super::source::LINK_PREFIX;
use super::world::World;

pub(crate) const API_BASE: &str = "https://meetecho.example.org/api/v1/";

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "Meetecho's own name for it")]
pub(crate) struct Room {
    pub(crate) public_id: String,
    pub(crate) room_id: i64,
    pub(crate) group: String,
    pub(crate) url: String,
    pub(crate) description: String,
    pub(crate) start: DateTime<Utc>,
    pub(crate) minutes: i64,
    /// Made by nobody of ours.
    pub(crate) foreign: bool,
}

impl Room {
    pub(crate) fn span(&self) -> Span {
        Span::of_minutes(self.start, self.minutes)
    }

    pub(crate) fn deletion_token(&self) -> String {
        format!("deletes-{}", self.public_id)
    }
}

#[derive(Debug)]
pub(crate) struct FarSide {
    put: Put,
    post_doubles: bool,
    second_room: SecondRoom,
    link_names_session: bool,
    tokens: BTreeMap<String, u64>,
    made: u64,
    pub(crate) rooms: Vec<Room>,
    pub(crate) decks: BTreeMap<SessionId, Vec<Deck>>,
    /// Requests that are still to take effect, and when.
    pub(crate) late: Vec<(u64, Asked)>,
    /// All that came, and those that change something.
    pub(crate) requests: u64,
    pub(crate) writes: u64,
    /// Reads of rooms, and calls for tokens.
    pub(crate) reads: u64,
    pub(crate) token_calls: u64,
    /// When the last of them failed; None = it did not.
    pub(crate) failed_ms: Option<u64>,
    pub(crate) in_flight: BTreeMap<SessionId, usize>,
    /// When something last changed.
    pub(crate) changed_ms: u64,
}
impl FarSide {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            put: settings.put,
            post_doubles: settings.post_doubles,
            second_room: settings.second_room,
            link_names_session: settings.link_names_session,
            tokens: BTreeMap::new(),
            made: 0,
            rooms: Vec::new(),
            decks: BTreeMap::new(),
            late: Vec::new(),
            requests: 0,
            writes: 0,
            reads: 0,
            token_calls: 0,
            failed_ms: None,
            in_flight: BTreeMap::new(),
            changed_ms: 0,
        }
    }

    pub(crate) fn shown(&self, session: SessionId) -> Vec<&Deck> {
        let mut decks: Vec<&Deck> = self.decks.get(&session).into_iter().flatten().collect();
        decks.sort_by_key(|deck| (deck.order, deck.id));
        decks
    }

    pub(crate) fn rooms_of(&self, session: SessionId) -> impl Iterator<Item = &Room> {
        self.rooms.iter().filter(move |room| room.room_id == session.0 && !room.foreign)
    }

    pub(crate) fn forget_decks(&mut self) {
        self.decks.clear();
    }

    pub(crate) fn forget_rooms(&mut self) {
        self.rooms.clear();
    }

    pub(crate) fn forget_tokens(&mut self) {
        self.tokens.clear();
    }

    pub(crate) fn foreign_room(&mut self, group: &str, now: DateTime<Utc>) {
        self.made += 1;
        let public_id = format!("foreign-{}", self.made);
        self.rooms.push(Room {
            room_id: 9000 + i64::try_from(self.made).expect("few rooms"),
            group: group.to_owned(),
            url: format!("{LINK_PREFIX}?short={public_id}"),
            public_id,
            description: "somebody's room".to_owned(),
            start: now + chrono::TimeDelta::minutes(10),
            minutes: 60,
            foreign: true,
        });
    }

    pub(crate) fn has_late(&self) -> bool {
        !self.late.is_empty()
    }
    fn group_of(&self, bearer: &str) -> Option<&str> {
        let of = |(group, number): &(&String, &u64)| token(group, **number) == bearer;
        self.tokens.iter().find(of).map(|(group, _)| group.as_str())
    }
}
fn token(group: &str, number: u64) -> String {
    format!("token-{group}-{number}")
}

fn answer(status: u16, body: &Value) -> Response {
    Response {
        status,
        content_type: Some("application/json".to_owned()),
        retry_after: None,
        body: body.to_string().into_bytes(),
    }
}

fn accepted() -> Response {
    Response { status: 202, content_type: None, retry_after: None, body: Vec::new() }
}

pub(crate) fn error(status: u16) -> Response {
    answer(status, &json!({ "error": "as the history wants it" }))
}

impl World {
    /// What the request does, and what is answered.
    pub(crate) fn perform(&mut self, asked: &Asked) -> Response {
        if let Body::Tokens(groups) = &asked.body {
            let far = &mut self.far;
            let mut given = Map::new();
            for group in groups {
                let number = if let Some(number) = far.tokens.get(group) {
                    *number
                } else {
                    far.made += 1;
                    far.tokens.insert(group.clone(), far.made);
                    far.made
                };
                given.insert(group.clone(), token(group, number).into());
            }
            return answer(200, &json!({ "tokens": given }));
        }
        if let Body::Deletion { .. } = asked.body {
            let place = self.far.rooms.iter().position(|room| room.deletion_token() == asked.bearer);
            let Some(place) = place else { return error(404) };
            let room = self.far.rooms.remove(place);
            self.room_was_deleted(asked, &room);
            return answer(200, &json!({}));
        }
        let Some(group) = self.far.group_of(&asked.bearer).map(str::to_owned) else { return error(401) };
        self.perform_for(asked, &group)
    }

    fn perform_for(&mut self, asked: &Asked, group: &str) -> Response {
        match &asked.body {
            Body::None => {
                let rooms: Map<_, _> =
                    self.far.rooms.iter().filter(|room| room.group == group).map(listed).collect();
                let rooms = if rooms.is_empty() { json!([]) } else { Value::Object(rooms) };
                answer(200, &json!({ "rooms": rooms }))
            }
            Body::Room { room_id, description, start, minutes } => {
                let there = self.far.rooms.iter().find(|room| room.room_id == *room_id);
                match (there, self.far.second_room) {
                    (Some(_), SecondRoom::Conflict) => return error(409),
                    (Some(_), SecondRoom::ServerError) => return error(500),
                    (Some(room), SecondRoom::GivesTheFirst) => return created(room),
                    _ => {}
                }
                self.far.made += 1;
                let public_id = format!("room-{}", self.far.made);
                let query = if self.far.link_names_session {
                    format!("session={room_id}&n={}", self.far.made)
                } else {
                    format!("short={public_id}")
                };
                let room = Room {
                    room_id: *room_id,
                    group: group.to_owned(),
                    url: format!("{LINK_PREFIX}?{query}"),
                    public_id,
                    description: description.clone(),
                    start: *start,
                    minutes: *minutes,
                    foreign: false,
                };
                let answer = created(&room);
                self.far.rooms.push(room);
                self.room_was_created(asked, SessionId(*room_id));
                answer
            }
            Body::Add { session, .. } | Body::Delete { session, .. } | Body::Set { session, .. } => {
                let before = self.far.decks.get(session).cloned().unwrap_or_default();
                let there = self.far.decks.entry(*session).or_default();
                let mut status = 202;
                match &asked.body {
                    Body::Add { deck, .. } => {
                        if !self.far.post_doubles {
                            there.retain(|old| old.id != deck.id);
                        }
                        there.push(deck.clone());
                    }
                    Body::Delete { deck, .. } => {
                        there.retain(|old| old.id != *deck);
                        if there.len() == before.len() {
                            status = 404;
                        }
                    }
                    Body::Set { decks, .. } => {
                        match self.far.put {
                            Put::Replaces => there.clear(),
                            Put::Upserts => there.retain(|old| decks.iter().all(|new| new.id != old.id)),
                        }
                        there.extend(decks.iter().cloned());
                    }
                    _ => {}
                }
                self.decks_changed(asked, *session, &before);
                if status == 202 { accepted() } else { error(status) }
            }
            Body::Tokens(_) | Body::Deletion { .. } => error(400),
        }
    }
}

fn created(room: &Room) -> Response {
    let rooms: Map<_, _> = [listed(room)].into_iter().collect();
    answer(200, &json!({ "rooms": rooms }))
}

fn listed(room: &Room) -> (String, Value) {
    let value = json!({
        "room": {
            "id": room.room_id,
            "start_time": room.start.format("%Y-%m-%d %H:%M:%S").to_string(),
            "duration": room.minutes,
            "description": room.description,
        },
        "url": room.url,
        "deletion_token": room.deletion_token(),
    });
    (room.public_id.clone(), value)
}
