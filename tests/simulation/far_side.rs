//! Meetecho's twin: tokens, rooms and decks, and all that can go wrong with a request.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use meetsync::model::{Deck, DeckId, SessionId, Span};
use meetsync::provider::meetecho::Call;
use meetsync::transport::{self, Request, Response, SendError};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::history::{Down, Edge, Fault, Put, SecondRoom, Settings};
use super::random::Random;
use super::source::LINK_PREFIX;
use super::world::{Life, World};

pub(crate) const API_BASE: &str = "https://meetecho.example.org/api/v1/";
const BASE_PATH: &str = "/api/v1/";

#[derive(Debug, Clone, PartialEq, Eq)]
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

    fn deletion_token(&self) -> String {
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
    late: Vec<(u64, Asked)>,
    /// All that came, and those that change something.
    pub(crate) requests: u64,
    pub(crate) writes: u64,
    in_flight: BTreeMap<SessionId, usize>,
    /// When something last changed.
    pub(crate) changed_ms: u64,
}

/// A request, as far as it matters.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) call: Call,
    bearer: String,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Tokens(Vec<String>),
    None,
    Room {
        room_id: i64,
        description: String,
        start: DateTime<Utc>,
        minutes: i64,
    },
    /// Of a deletion: the room, as far as it is there.
    Deletion {
        room_id: Option<i64>,
    },
    Add {
        session: SessionId,
        deck: Deck,
    },
    Delete {
        session: SessionId,
        deck: DeckId,
    },
    Set {
        session: SessionId,
        decks: Vec<Deck>,
    },
}

impl Asked {
    pub(crate) fn session(&self) -> Option<SessionId> {
        match &self.body {
            Body::Add { session, .. } | Body::Delete { session, .. } | Body::Set { session, .. } => {
                Some(*session)
            }
            Body::Room { room_id, .. } => Some(SessionId(*room_id)),
            Body::Deletion { room_id } => room_id.map(SessionId),
            Body::Tokens(_) | Body::None => None,
        }
    }

    fn words(&self) -> String {
        let ids = |decks: &[Deck]| {
            decks
                .iter()
                .map(|deck| format!("{}-{}@{}", deck.id, deck.rev, deck.order))
                .collect::<Vec<_>>()
                .join(" ")
        };
        match &self.body {
            Body::Tokens(groups) => format!("tokens for {}", groups.join(", ")),
            Body::None => "fetchRooms".to_owned(),
            Body::Room { room_id, start, minutes, .. } => {
                format!("createRoom {room_id} at {} for {minutes} min", start.format("%H:%M:%S"))
            }
            Body::Deletion { room_id } => format!("deleteRoom {room_id:?}"),
            Body::Add { session, deck } => format!("POST deck {} to {session}", deck.id),
            Body::Delete { session, deck } => format!("DELETE deck {deck} from {session}"),
            Body::Set { session, decks } => format!("PUT [{}] to {session}", ids(decks)),
        }
    }
}

#[derive(Deserialize)]
struct TokensBody {
    wgs: Vec<String>,
}

#[derive(Deserialize)]
struct RoomBody {
    room_id: i64,
    description: String,
    start_time: String,
    duration: i64,
}

#[derive(Deserialize)]
struct AddBody {
    session: String,
    #[serde(flatten)]
    deck: Deck,
}

#[derive(Deserialize)]
struct DeleteBody {
    session: String,
    id: i64,
}

#[derive(Deserialize)]
struct SetBody {
    session: String,
    decks: Vec<Deck>,
}

fn session_in(text: &str) -> SessionId {
    SessionId(text.parse().expect("a session's id"))
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

    fn parse(&self, number: u64, request: &Request) -> Asked {
        let path = request.url.path().strip_prefix(BASE_PATH).expect("the API's base");
        let call = Call::ALL
            .into_iter()
            .find(|call| call.method() == request.method && call.path() == path)
            .expect("only these calls are ever made");
        let bearer =
            request.bearer.as_ref().map(|bearer| bearer.expose_secret().to_owned()).unwrap_or_default();
        let bytes = request.body.as_ref().map(transport::Body::bytes).unwrap_or_default();
        let body = match call {
            Call::Tokens => Body::Tokens(read::<TokensBody>(bytes).wgs),
            Call::FetchRooms => Body::None,
            Call::CreateRoom => {
                let room: RoomBody = read(bytes);
                let start = NaiveDateTime::parse_from_str(&room.start_time, "%Y-%m-%d %H:%M:%S");
                Body::Room {
                    room_id: room.room_id,
                    description: room.description,
                    start: start.expect("a start time").and_utc(),
                    minutes: room.duration,
                }
            }
            Call::DeleteRoom => {
                let room = self.rooms.iter().find(|room| room.deletion_token() == bearer);
                Body::Deletion { room_id: room.map(|room| room.room_id) }
            }
            Call::AddDeck => {
                let AddBody { session, deck } = read(bytes);
                Body::Add { session: session_in(&session), deck }
            }
            Call::DeleteDeck => {
                let DeleteBody { session, id } = read(bytes);
                Body::Delete { session: session_in(&session), deck: DeckId(id) }
            }
            Call::SetDecks => {
                let SetBody { session, decks } = read(bytes);
                Body::Set { session: session_in(&session), decks }
            }
        };
        Asked { number, call, bearer, body }
    }

    fn group_of(&self, bearer: &str) -> Option<&str> {
        let of = |(group, number): &(&String, &u64)| token(group, **number) == bearer;
        self.tokens.iter().find(of).map(|(group, _)| group.as_str())
    }
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> T {
    serde_json::from_slice(bytes).expect("a body of the known form")
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

fn error(status: u16) -> Response {
    answer(status, &json!({ "error": "as the history wants it" }))
}

impl World {
    /// What the request does, and what is answered.
    fn perform(&mut self, asked: &Asked) -> Response {
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

    /// Lets everything take effect that had to come late.
    pub(crate) fn land(&mut self) {
        let now = self.now_ms();
        while let Some(place) = self
            .far
            .late
            .iter()
            .enumerate()
            .filter(|(_, (at, _))| *at <= now)
            .min_by_key(|(_, (at, asked))| (*at, asked.number))
            .map(|(place, _)| place)
        {
            let (at, asked) = self.far.late.swap_remove(place);
            self.tell(|| {
                format!("request {} takes effect only now ({at} ms): {}", asked.number, asked.words())
            });
            self.perform(&asked);
        }
    }

    fn begin(&mut self, worker: usize, request: &Request) -> (Asked, Option<Fault>) {
        self.land();
        self.far.requests += 1;
        let asked = self.far.parse(self.far.requests, request);
        self.tell(|| format!("worker {worker}: request {}: {}", asked.number, asked.words()));
        let late_effect = self.settings.late_effect_s * 1000;
        let mut fault =
            self.fault(worker, Edge::Provider(asked.call), |random| menu(random, asked.call, late_effect));
        if let Some((until, how)) = self.provider_down
            && self.now_ms() < until
        {
            fault = Some(match how {
                Down::Refuses => Fault::RefusesConnection,
                Down::Hangs => Fault::RequestLost,
                Down::Fails => Fault::Status { status: 503 },
                Down::AsksForQuiet => Fault::TooMany { retry_after_s: 7 },
            });
        }
        if asked.call.is_write() && fault != Some(Fault::RefusesConnection) {
            self.far.writes += 1;
        }
        if let Some(session) = asked.session().filter(|_| asked.call.is_write()) {
            let in_flight = self.far.in_flight.entry(session).or_default();
            *in_flight += 1;
            let in_flight = *in_flight;
            self.was_sent(&asked, session, in_flight);
        }
        (asked, fault)
    }
}

fn menu(random: &mut Random, call: Call, late_effect_ms: u64) -> Fault {
    let is_write = call.is_write();
    match random.below(16) {
        0 => Fault::RefusesConnection,
        1 | 2 => Fault::RequestLost,
        3 | 4 => Fault::ReplyLost,
        5 | 6 if is_write => Fault::LandsLate { by_ms: random.below(late_effect_ms.saturating_sub(100)) },
        7 => Fault::AnswersLate,
        8 => Fault::Status { status: random.pick(&[400, 403, 409, 500, 502, 503, 500, 503]) },
        9 | 10 => Fault::StatusAfterEffect { status: random.pick(&[500, 502, 504, 201]) },
        11 => Fault::TooMany { retry_after_s: random.pick(&[0, 1, 3, 86_400]) },
        12 => Fault::Html { after_effect: random.percent(50) },
        13 => Fault::Truncated,
        14 if call != Call::Tokens => Fault::TokensExpire,
        _ => Fault::RequestLost,
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

/// Meetecho as one worker reaches it.
#[derive(Debug, Clone)]
pub(crate) struct FarSideTwin(pub(crate) Life);

/// A request that is under way. One that is given up before it took effect may still do so, for a while.
struct UnderWay {
    life: Life,
    asked: Asked,
    took_effect: bool,
    lands_by_ms: Option<u64>,
    is_over: bool,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut world = self.life.world.lock();
        if let Some(session) = self.asked.session().filter(|_| self.asked.call.is_write())
            && let Some(in_flight) = world.far.in_flight.get_mut(&session)
        {
            *in_flight -= 1;
        }
        if let Some(by_ms) = self.lands_by_ms.filter(|_| !self.is_over && !self.took_effect) {
            let at = world.now_ms() + by_ms;
            world.far.late.push((at, self.asked.clone()));
        }
    }
}

impl transport::FarSide for FarSideTwin {
    fn exchange(&self, request: &Request) -> transport::Exchange {
        let (life, request) = (self.0.clone(), request.clone());
        Box::pin(async move {
            life.boundary().await;
            let (asked, fault) = life.world.lock().begin(life.worker, &request);
            if fault == Some(Fault::RefusesConnection) {
                drop(UnderWay {
                    life: life.clone(),
                    asked,
                    took_effect: false,
                    lands_by_ms: None,
                    is_over: true,
                });
                life.boundary().await;
                return Err(SendError::NotSent { words: "connection refused".to_owned() });
            }
            let (mut random, late_effect) = {
                let world = life.world.lock();
                (world.latency(usize::MAX, asked.number), world.settings.late_effect_s * 1000)
            };
            // Who gives up before the answer (a process that is killed) can't know what becomes of it.
            let lands_by_ms = match fault {
                Some(Fault::LandsLate { by_ms }) => Some(by_ms),
                Some(
                    Fault::RequestLost | Fault::Status { .. } | Fault::TooMany { .. } | Fault::TokensExpire,
                ) => None,
                _ => random.percent(50).then(|| random.below(late_effect.saturating_sub(100))),
            };
            let there = random.between(1, 60);
            let back = random.between(1, 60);
            let mut under_way =
                UnderWay { life: life.clone(), asked, took_effect: false, lands_by_ms, is_over: false };
            tokio::time::sleep(Duration::from_millis(there)).await;
            let answer = {
                let mut world = life.world.lock();
                world.land();
                let (answer, took_effect) = world.answer(&under_way.asked, fault);
                under_way.took_effect = took_effect;
                answer
            };
            life.boundary().await;
            let Some(answer) = answer else { std::future::pending().await };
            under_way.is_over = true;
            tokio::time::sleep(Duration::from_millis(back)).await;
            drop(under_way);
            life.boundary().await;
            answer
        })
    }
}

impl World {
    /// What comes back (None = nothing, ever), and whether the request took effect.
    fn answer(&mut self, asked: &Asked, fault: Option<Fault>) -> (Option<Result<Response, SendError>>, bool) {
        let Some(fault) = fault else { return (Some(Ok(self.perform(asked))), true) };
        match fault {
            Fault::RequestLost | Fault::LandsLate { .. } => (None, false),
            Fault::ReplyLost => {
                self.perform(asked);
                (Some(Err(SendError::Unanswered { words: "the connection was closed".to_owned() })), true)
            }
            Fault::AnswersLate => {
                self.perform(asked);
                (None, true)
            }
            Fault::Status { status } => (Some(Ok(error(status))), false),
            Fault::StatusAfterEffect { status } => {
                self.perform(asked);
                (Some(Ok(error(status))), true)
            }
            Fault::TooMany { retry_after_s } => {
                let retry_after = Some(Duration::from_secs(retry_after_s));
                (Some(Ok(Response { retry_after, ..error(429) })), false)
            }
            Fault::Html { after_effect } => {
                if after_effect {
                    self.perform(asked);
                }
                let page = Response {
                    status: 200,
                    content_type: Some("text/html; charset=utf-8".to_owned()),
                    retry_after: None,
                    body: b"<!doctype html><title>Down for maintenance</title>".to_vec(),
                };
                (Some(Ok(page)), after_effect)
            }
            Fault::Truncated => {
                let mut answer = self.perform(asked);
                let body =
                    if answer.body.is_empty() { b"{\"status\": \"accepted\"}".to_vec() } else { answer.body };
                answer.body = body[..body.len() * 2 / 3].to_vec();
                answer.content_type = Some("application/json".to_owned());
                (Some(Ok(answer)), true)
            }
            Fault::TokensExpire => {
                self.far.forget_tokens();
                (Some(Ok(self.perform(asked))), true)
            }
            _ => (Some(Ok(self.perform(asked))), true),
        }
    }
}
