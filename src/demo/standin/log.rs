//! What came in, request by request.

use std::time::Duration;

use serde_json::Value;

use super::Failure;
use crate::model::SessionId;
use crate::provider::meetecho::Call;

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// Counts up from 1 and never starts again.
    pub seq: u64,
    /// When it had come in, counted from the stand-in's start.
    pub began: Duration,
    /// When it was answered, cut off, or given up by the one who asked; None = it is still there.
    pub ended: Option<Duration>,
    /// None = no call of the API.
    pub call: Option<Call>,
    pub method: String,
    pub path: String,
    /// Whose token was shown: `group mars`, `deletes room 8`, `unknown`; None = no `Authorization` at all.
    pub bearer: Option<String>,
    /// The first word of `Authorization`, as it was written.
    pub scheme: Option<String>,
    pub accept: Option<String>,
    /// Which program sent it, as it calls itself: `meetsync/0.1.0`, `python-requests/2.34.2`.
    pub user_agent: Option<String>,
    pub content_type: Option<String>,
    pub content_length: Option<String>,
    /// None = no body, or no JSON. A client's secret is `[redacted]`.
    pub body: Option<Value>,
    /// None = not answered (yet).
    pub status: Option<u16>,
    /// It did what it asks for, at once or late, whatever was answered.
    pub took_effect: bool,
    /// What went wrong with it, as it was told to.
    pub failure: Option<Failure>,
}

impl LogEntry {
    /// Whose decks or room the request would change; None for tokens, reads, and what is not understood.
    pub fn session(&self) -> Option<SessionId> {
        let body = self.body.as_ref();
        let id = match self.call? {
            Call::AddDeck | Call::DeleteDeck | Call::SetDecks => body?["session"].as_str()?.parse().ok()?,
            Call::CreateRoom => body?["room_id"].as_i64()?,
            Call::DeleteRoom => self.bearer.as_deref()?.strip_prefix("deletes room ")?.parse().ok()?,
            Call::Tokens | Call::FetchRooms => return None,
        };
        Some(SessionId(id))
    }
}

/// How many requests of each kind came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub tokens: usize,
    pub fetch_rooms: usize,
    pub create_room: usize,
    pub delete_room: usize,
    pub add_deck: usize,
    pub delete_deck: usize,
    pub set_decks: usize,
}

impl Counts {
    pub(super) fn of(log: &[LogEntry]) -> Self {
        let mut counts = Self::default();
        for call in log.iter().filter_map(|entry| entry.call) {
            *counts.of_call(call) += 1;
        }
        counts
    }

    fn of_call(&mut self, call: Call) -> &mut usize {
        match call {
            Call::Tokens => &mut self.tokens,
            Call::FetchRooms => &mut self.fetch_rooms,
            Call::CreateRoom => &mut self.create_room,
            Call::DeleteRoom => &mut self.delete_room,
            Call::AddDeck => &mut self.add_deck,
            Call::DeleteDeck => &mut self.delete_deck,
            Call::SetDecks => &mut self.set_decks,
        }
    }

    /// Requests about decks.
    pub fn materials(&self) -> usize {
        self.add_deck + self.delete_deck + self.set_decks
    }

    /// Requests that change something.
    pub fn writes(&self) -> usize {
        self.materials() + self.create_room + self.delete_room
    }
}
