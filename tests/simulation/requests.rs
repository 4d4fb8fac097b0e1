//! A request to Meetecho's twin, as far as it matters: which call it is, and what it asks for.

use chrono::{DateTime, NaiveDateTime, Utc};
use meetsync::model::{Deck, DeckId, SessionId};
use meetsync::provider::meetecho::Call;
use meetsync::transport::{self, Request};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::far_side::Room;

const BASE_PATH: &str = "/api/v1/";

/// A request, as far as it matters.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) call: Call,
    pub(crate) bearer: String,
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

    pub(crate) fn words(&self) -> String {
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
impl Asked {
    /// `rooms`: what is there now, since a deletion names its room by nothing but a credential.
    pub(crate) fn parse(number: u64, request: &Request, rooms: &[Room]) -> Self {
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
                let room = rooms.iter().find(|room| room.deletion_token() == bearer);
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
        Self { number, call, bearer, body }
    }
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> T {
    serde_json::from_slice(bytes).expect("a body of the known form")
}
