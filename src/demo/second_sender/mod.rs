//! What the datatracker itself sends to Meetecho today, for the time of the change-over, when it and meetsync both do.
//!
//! Its views save, and then call Meetecho from within the same web request: once, with a token of that request's own,
//! with 3.01 s of patience, and without a second try. Nothing of meetsync's own client is used here, so that a mistake
//! there can't hide itself here. Only the calls are made; what a view saves before them is the caller's matter.
//!
//! | what somebody did | the calls after the token call |
//! |---|---|
//! | added a deck | POST it |
//! | uploaded a revision | DELETE it, POST it |
//! | changed the order, or pushed | PUT the list |
//! | removed a deck | DELETE it, PUT the list unless it is empty |
//! | asked for an interim, or saved its form | createRoom; its address goes into the session |
//! | cancelled an interim with a link | fetchRooms, deleteRoom of the room with that link |
//!
//! Decks are told from 15 minutes before a session to 15 minutes after it, both ends left out, whatever its status.

mod wire;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;

use crate::clock;
use crate::datatracker::{Datatracker, Look, Range, ReadError};
use crate::model::{Deck, DeckId, Session, SessionId};
use crate::provider::meetecho::Call;

pub use wire::USER_AGENT;

/// `slides_notify_time`, as it is when nobody sets it.
const NOTIFY: TimeDelta = TimeDelta::minutes(15);

/// What somebody did to a session's slides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeckEdit {
    Added(DeckId),
    Revised(DeckId),
    Reordered,
    Removed(DeckId),
}

/// One call and its answer; None = there was none in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub call: Call,
    pub status: Option<u16>,
}

impl Answered {
    /// The datatracker knows two statuses as success; with any other it logs an error, and for rooms it warns whoever
    /// pressed the button.
    pub fn is_success(&self) -> bool {
        matches!(self.status, Some(200 | 202))
    }
}

/// What came of one edit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    /// In their order, without the token call. The first that fails is the last, except for several rooms.
    pub answered: Vec<Answered>,
    /// The addresses that the datatracker saves into its sessions.
    pub links: Vec<(SessionId, String)>,
}

impl Calls {
    /// What makes the datatracker log an error, or show a warning.
    pub fn trouble(&self) -> Vec<Answered> {
        self.answered.iter().filter(|answered| !answered.is_success()).copied().collect()
    }
}

/// The datatracker's side of the wire.
#[derive(Debug, Clone)]
pub struct SecondSender {
    api_base: Url,
    client_id: String,
    client_secret: SecretString,
    datatracker: Datatracker,
}

/// A failed call ends what a view does.
struct Failed;

impl SecondSender {
    /// `api_base` is plain http; `datatracker` is what its views read.
    pub fn new(
        api_base: Url,
        client_id: String,
        client_secret: SecretString,
        datatracker: Datatracker,
    ) -> Self {
        Self { api_base, client_id, client_secret, datatracker }
    }

    /// Somebody changed a session's slides, and it is saved.
    pub async fn decks_edited(&self, id: SessionId, edit: DeckEdit) -> Result<Calls, ReadError> {
        let mut calls = Calls::default();
        let Some(session) = self.session(id).await? else { return Ok(calls) };
        if !is_told(&session, clock::now()) {
            return Ok(calls);
        }
        let Some(token) = self.token(&session, &mut calls).await else { return Ok(calls) };
        // How far it got is in the calls.
        let (Ok(()) | Err(Failed)) = match edit {
            DeckEdit::Added(deck) => self.add(&session, deck, &token, &mut calls).await,
            DeckEdit::Revised(deck) => match self.delete(id, deck, &token, &mut calls).await {
                Ok(()) => self.add(&session, deck, &token, &mut calls).await,
                failed => failed,
            },
            DeckEdit::Reordered => self.put(&session, &token, &mut calls).await,
            DeckEdit::Removed(deck) => match self.delete(id, deck, &token, &mut calls).await {
                // The list is read once more for this.
                Ok(()) => match self.session(id).await?.filter(|session| !session.decks.is_empty()) {
                    Some(session) => self.put(&session, &token, &mut calls).await,
                    None => Ok(()),
                },
                failed => failed,
            },
        };
        Ok(calls)
    }

    /// An interim's form was saved, with its links blank: a room is asked for each of its sessions. The links that come
    /// back are to be saved into them.
    ///
    /// The call sits inside a loop over the form's sessions: with two of them, all is asked for twice.
    pub async fn interim_saved(&self, ids: &[SessionId]) -> Result<Calls, ReadError> {
        let mut calls = Calls::default();
        for _ in ids {
            for id in ids {
                let Some(session) = self.session(*id).await? else { continue };
                let Some(slot) = session.slot else { continue };
                let Some(token) = self.token(&session, &mut calls).await else { return Ok(calls) };
                let body = json!({
                    "room_id": id.0,
                    "description": session.meeting.as_str(),
                    "start_time": slot.start.format("%Y-%m-%d %H:%M:%S").to_string(),
                    "duration": (slot.end - slot.start).num_minutes(),
                    "extrainfo": "",
                });
                let Ok(answer) = self.call(Call::CreateRoom, &token, Some(body), &mut calls).await else {
                    continue;
                };
                calls.links.extend(rooms_in(&answer).next().map(|(url, _)| (*id, url)));
            }
        }
        Ok(calls)
    }

    /// A session of an interim was cancelled.
    pub async fn interim_cancelled(&self, id: SessionId) -> Result<Calls, ReadError> {
        let mut calls = Calls::default();
        let Some(session) = self.session(id).await? else { return Ok(calls) };
        if session.remote_instructions.is_empty() {
            return Ok(calls);
        }
        let Some(token) = self.token(&session, &mut calls).await else { return Ok(calls) };
        let Ok(rooms) = self.call(Call::FetchRooms, &token, None, &mut calls).await else { return Ok(calls) };
        let room = rooms_in(&rooms).find(|(url, _)| *url == session.remote_instructions);
        if let Some((_, deletion_token)) = room {
            // Its status is in the calls.
            let (Ok(_) | Err(Failed)) = self.call(Call::DeleteRoom, &deletion_token, None, &mut calls).await;
        }
        Ok(calls)
    }

    async fn add(
        &self,
        session: &Session,
        id: DeckId,
        token: &SecretString,
        calls: &mut Calls,
    ) -> Result<(), Failed> {
        let Some(deck) = session.decks.iter().map(|linked| &linked.deck).find(|deck| deck.id == id) else {
            return Ok(());
        };
        let mut body = as_json(deck);
        body["session"] = session.id.to_string().into();
        self.call(Call::AddDeck, token, Some(body), calls).await.map(drop)
    }

    async fn delete(
        &self,
        session: SessionId,
        deck: DeckId,
        token: &SecretString,
        calls: &mut Calls,
    ) -> Result<(), Failed> {
        let body = json!({ "session": session.to_string(), "id": deck.0 });
        self.call(Call::DeleteDeck, token, Some(body), calls).await.map(drop)
    }

    async fn put(&self, session: &Session, token: &SecretString, calls: &mut Calls) -> Result<(), Failed> {
        let decks: Vec<Value> = session.decks.iter().map(|linked| as_json(&linked.deck)).collect();
        let body = json!({ "session": session.id.to_string(), "decks": decks });
        self.call(Call::SetDecks, token, Some(body), calls).await.map(drop)
    }

    /// A token for this web request; None where there is none, which ends it.
    async fn token(&self, session: &Session, calls: &mut Calls) -> Option<SecretString> {
        let group = session.group.as_str();
        let body =
            json!({ "client": self.client_id, "secret": self.client_secret.expose_secret(), "wgs": [group] });
        let answer = wire::send(&self.api_base, Call::Tokens, None, Some(&body)).await;
        let token = answer.as_ref().and_then(|answer| answer.body["tokens"][group].as_str());
        if token.is_none() {
            let status = answer.as_ref().map(|answer| answer.status);
            calls.answered.push(Answered { call: Call::Tokens, status });
        }
        token.map(SecretString::from)
    }

    async fn call(
        &self,
        call: Call,
        token: &SecretString,
        body: Option<Value>,
        calls: &mut Calls,
    ) -> Result<Value, Failed> {
        let answer = wire::send(&self.api_base, call, Some(token), body.as_ref()).await;
        let answered = Answered { call, status: answer.as_ref().map(|answer| answer.status) };
        calls.answered.push(answered);
        answer.filter(|_| answered.is_success()).map(|answer| answer.body).ok_or(Failed)
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, ReadError> {
        let look = Look { range: Range::OnlyNamed, named: BTreeSet::from([id]), ..Look::default() };
        Ok(self.datatracker.snapshot(&look).await?.session(id).cloned())
    }
}

fn is_told(session: &Session, now: DateTime<Utc>) -> bool {
    session.slot.is_some_and(|slot| slot.start - NOTIFY < now && now < slot.end + NOTIFY)
}

fn as_json(deck: &Deck) -> Value {
    json!({ "id": deck.id.0, "title": deck.title, "url": deck.url, "rev": deck.rev, "order": deck.order })
}

/// Address and deletion token of each room in an answer.
fn rooms_in(answer: &Value) -> impl Iterator<Item = (String, SecretString)> {
    let rooms = answer["rooms"].as_object().into_iter().flat_map(|rooms| rooms.values());
    rooms.filter_map(|room| {
        let text = |key: &str| room[key].as_str().map(str::to_owned);
        Some((text("url")?, text("deletion_token")?.into()))
    })
}
