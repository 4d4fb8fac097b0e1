//! What the stand-in remembers, and what each call does to it. No network here.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::LogEntry;
use super::StandinOptions;
use super::faults::{DuplicateRoom, GroupRefusal, LinkForm, PutRule, RepostRule};
use crate::model::{Deck, DeckId, GroupAcronym, SeenRoom, SessionId};
use crate::provider::meetecho::Call;

/// A room with the group that made it.
#[derive(Debug, Clone)]
pub struct StandinRoom {
    pub group: GroupAcronym,
    pub room: SeenRoom,
    pub deletion_token: SecretString,
}

/// An answer before it is written to the wire.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// None = an empty body.
    pub(super) body: Option<Value>,
}

impl Reply {
    pub(super) fn of(status: u16, body: Value) -> Self {
        Self { status, body: Some(body) }
    }

    fn error(status: u16, message: &str) -> Self {
        Self::of(status, json!({ "error": message }))
    }

    fn accepted() -> Self {
        Self { status: 202, body: None }
    }
}

#[derive(Debug)]
pub(super) struct World {
    options: StandinOptions,
    pub(super) tokens: BTreeMap<GroupAcronym, SecretString>,
    pub(super) refused: BTreeMap<GroupAcronym, GroupRefusal>,
    /// By public id.
    rooms: BTreeMap<String, StandinRoom>,
    pub(super) decks: BTreeMap<i64, Vec<Deck>>,
    pub(super) bound: BTreeMap<i64, GroupAcronym>,
    pub(super) log: Vec<LogEntry>,
    pub(super) put_rule: PutRule,
    pub(super) repost_rule: RepostRule,
    pub(super) duplicate_room: DuplicateRoom,
    pub(super) link_form: LinkForm,
}

impl World {
    pub(super) fn new(options: StandinOptions) -> Self {
        Self {
            options,
            tokens: BTreeMap::new(),
            refused: BTreeMap::new(),
            rooms: BTreeMap::new(),
            decks: BTreeMap::new(),
            bound: BTreeMap::new(),
            log: Vec::new(),
            put_rule: PutRule::default(),
            repost_rule: RepostRule::default(),
            duplicate_room: DuplicateRoom::default(),
            link_form: LinkForm::default(),
        }
    }

    pub(super) fn forget(&mut self) {
        self.tokens.clear();
        self.rooms.clear();
        self.decks.clear();
    }

    pub(super) fn set_client_secret(&mut self, secret: SecretString) {
        self.options.client_secret = secret;
    }

    pub(super) fn decks_of(&self, session: SessionId) -> Vec<Deck> {
        let mut decks = self.decks.get(&session.0).cloned().unwrap_or_default();
        decks.sort_by_key(|deck| deck.order);
        decks
    }

    pub(super) fn sessions_with_decks(&self) -> Vec<SessionId> {
        self.decks.iter().filter(|(_, decks)| !decks.is_empty()).map(|(&id, _)| SessionId(id)).collect()
    }

    pub(super) fn rooms(&self) -> Vec<StandinRoom> {
        let mut rooms: Vec<_> = self.rooms.values().cloned().collect();
        // By public id they are ordered already.
        rooms.sort_by_key(|room| room.room.room_id);
        rooms
    }

    pub(super) fn secrets(&self) -> Vec<SecretString> {
        let deletion = self.rooms.values().map(|room| &room.deletion_token);
        self.tokens.values().chain(deletion).chain([&self.options.client_secret]).cloned().collect()
    }

    pub(super) fn refuse_group(&mut self, group: &GroupAcronym, how: GroupRefusal) {
        self.refused.insert(group.clone(), how);
        self.tokens.remove(group);
    }

    pub(super) fn plant(&mut self, group: &GroupAcronym, room: &SeenRoom) -> StandinRoom {
        let made = StandinRoom { group: group.clone(), room: room.clone(), deletion_token: random_token() };
        self.rooms.insert(room.public_id.clone(), made.clone());
        made
    }

    pub(super) fn take_room_away(&mut self, public_id: &str) {
        self.rooms.remove(public_id);
    }

    /// Whose credential this is, in words for the log.
    pub(super) fn bearer_of(&self, bearer: &str) -> String {
        if let Some(group) = self.group_of(bearer) {
            return format!("group {group}");
        }
        self.room_deleted_by(bearer)
            .map_or_else(|| "unknown".to_owned(), |room| format!("deletes room {}", room.room.room_id))
    }

    fn group_of(&self, bearer: &str) -> Option<&GroupAcronym> {
        self.tokens.iter().find(|(_, token)| token.expose_secret() == bearer).map(|(group, _)| group)
    }

    fn room_deleted_by(&self, bearer: &str) -> Option<&StandinRoom> {
        self.rooms.values().find(|room| room.deletion_token.expose_secret() == bearer)
    }

    /// Does what is asked, if the credential is good for it.
    pub(super) fn perform(&mut self, call: Call, bearer: Option<&str>, body: Option<&Value>) -> Reply {
        let nothing = Value::Null;
        let body = body.unwrap_or(&nothing);
        match call {
            Call::Tokens => return self.give_tokens(body),
            Call::DeleteRoom => return self.delete_room(bearer),
            _ => {}
        }
        let Some(group) = bearer.and_then(|bearer| self.group_of(bearer)).cloned() else {
            return Reply::error(401, "unknown token");
        };
        match call {
            Call::FetchRooms => self.fetch_rooms(&group),
            Call::CreateRoom => self.create_room(&group, body),
            _ => self.materials(call, &group, body),
        }
    }

    fn give_tokens(&mut self, body: &Value) -> Reply {
        if body["client"] != self.options.client_id.as_str()
            || body["secret"] != self.options.client_secret.expose_secret()
        {
            return Reply::error(401, "unknown client");
        }
        let Some(groups) = body["wgs"].as_array() else { return Reply::error(400, "no wgs") };
        let groups: Vec<_> = groups.iter().filter_map(Value::as_str).map(GroupAcronym::new).collect();
        for group in &groups {
            if let Some(GroupRefusal::WholeCall(status)) = self.refused.get(group) {
                return Reply::error(*status, &format!("no such group: {group}"));
            }
        }
        let mut given = Map::new();
        for group in groups {
            if !self.refused.contains_key(&group) {
                let token = self.tokens.entry(group.clone()).or_insert_with(random_token);
                given.insert(group.0, token.expose_secret().into());
            }
        }
        Reply::of(200, json!({ "tokens": given }))
    }

    fn fetch_rooms(&self, group: &GroupAcronym) -> Reply {
        let listed: Map<_, _> =
            self.rooms.values().filter(|room| room.group == *group).map(as_listed).collect();
        // An empty map is written as PHP does it.
        let rooms = if listed.is_empty() { json!([]) } else { Value::Object(listed) };
        Reply::of(200, json!({ "group": group.as_str(), "rooms": rooms }))
    }

    fn create_room(&mut self, group: &GroupAcronym, body: &Value) -> Reply {
        let wanted = body["room_id"].as_i64().zip(body["start_time"].as_str()).zip(body["duration"].as_i64());
        let Some(((room_id, start), duration_min)) = wanted else { return Reply::error(400, "not a room") };
        let Some(start) = parse_start(start) else { return Reply::error(400, "not a start_time") };
        if let Some(there) = self.rooms.values().find(|room| room.room.room_id == room_id) {
            return match self.duplicate_room {
                DuplicateRoom::Conflict409 => Reply::error(409, "there is a room with this id"),
                DuplicateRoom::Error500 => Reply::error(500, "duplicate key"),
                DuplicateRoom::Existing200 => created(there),
            };
        }
        let public_id = Uuid::new_v4().to_string();
        let query = match self.link_form {
            LinkForm::Session => format!("session={room_id}"),
            LinkForm::Short => format!("short={public_id}"),
        };
        let room = SeenRoom {
            room_id,
            public_id,
            url: format!("https://meetings.conf.meetecho.com/interim/?{query}"),
            description: body["description"].as_str().unwrap_or_default().to_owned(),
            start,
            duration_min,
        };
        created(&self.plant(group, &room))
    }

    fn delete_room(&mut self, bearer: Option<&str>) -> Reply {
        let Some(bearer) = bearer else { return Reply::error(401, "no token") };
        let Some(public_id) = self.room_deleted_by(bearer).map(|room| room.room.public_id.clone()) else {
            // The real one can't tell a token that is used up from one that never was, and says 404.
            let of_a_group = self.group_of(bearer).is_some();
            return if of_a_group {
                Reply::error(403, "not for rooms")
            } else {
                Reply::error(404, "no such room")
            };
        };
        self.rooms.remove(&public_id);
        Reply::of(200, json!({}))
    }

    fn materials(&mut self, call: Call, group: &GroupAcronym, body: &Value) -> Reply {
        let session: Option<i64> = body["session"].as_str().and_then(|text| text.parse().ok());
        let Some(session) = session else { return Reply::error(400, "session must be a number as text") };
        if self.bound.get(&session).is_some_and(|bound| bound != group) {
            return Reply::error(403, "another group's session");
        }
        let there = self.decks.entry(session).or_default();
        match call {
            Call::SetDecks => {
                let decks: Option<Vec<_>> =
                    body["decks"].as_array().and_then(|decks| decks.iter().map(parse_deck).collect());
                let Some(decks) = decks else { return Reply::error(400, "not a list of decks") };
                match self.put_rule {
                    PutRule::Replace => *there = decks,
                    PutRule::Upsert => {
                        there.retain(|old| decks.iter().all(|new| new.id != old.id));
                        there.extend(decks);
                    }
                }
            }
            Call::AddDeck => {
                let Some(deck) = parse_deck(body) else { return Reply::error(400, "not a deck") };
                if self.repost_rule == RepostRule::Replaces {
                    there.retain(|old| old.id != deck.id);
                }
                there.push(deck);
            }
            _ => {
                let Some(id) = body["id"].as_i64() else { return Reply::error(400, "no id") };
                let before = there.len();
                there.retain(|deck| deck.id.0 != id);
                if there.len() == before {
                    return Reply::error(404, "no such deck");
                }
            }
        }
        Reply::accepted()
    }
}

fn random_token() -> SecretString {
    Uuid::new_v4().simple().to_string().into()
}

fn created(room: &StandinRoom) -> Reply {
    let rooms: Map<_, _> = [as_listed(room)].into_iter().collect();
    Reply::of(200, json!({ "rooms": rooms }))
}

fn as_listed(made: &StandinRoom) -> (String, Value) {
    let SeenRoom { room_id, public_id, url, description, start, duration_min } = &made.room;
    let value = json!({
        "room": {
            "id": room_id,
            "start_time": start.format("%Y-%m-%d %H:%M:%S").to_string(),
            "duration": duration_min,
            "description": description,
        },
        "url": url,
        "deletion_token": made.deletion_token.expose_secret(),
    });
    (public_id.clone(), value)
}

fn parse_start(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok().map(|start| start.and_utc())
}

fn parse_deck(value: &Value) -> Option<Deck> {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    Some(Deck {
        id: DeckId(value["id"].as_i64()?),
        title: text("title")?,
        url: text("url")?,
        rev: text("rev")?,
        order: i32::try_from(value["order"].as_i64()?).ok()?,
    })
}
