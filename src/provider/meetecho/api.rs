//! The calls as the rest of meetsync sees them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::auth::Auth;
use super::caller::Caller;
use super::judge;
use super::options::{MeetechoOptions, with_slash};
use super::reading::{self, ListedRoom};
use super::wire::{self, Call};
use crate::model::{Deck, DeckId, Fault, GroupAcronym, Outcome, RoomSpec, SeenRoom, SessionId, Why};
use crate::planted::{self, Bug};
use crate::transport::{
    BadEndpoint, Body, DebugLog, FarSide, Live, LiveOptions, Pace, Response, Scrubber, SendError, Transport,
    TwinTransport,
};

/// Meetecho, live or rehearsed. Clones share tokens, pace and counters; [`Meetecho::counting_anew`] counts its own
/// writes.
///
/// What an [`Outcome`] of a write says of the request itself: `Applied`, and `Refused` by an answer, are Meetecho's
/// words; `Retry` is only said where the write was provably not processed (also where it never got that far, for
/// want of a token, and with `credentials_rejected` where Meetecho gives us none for any group); everything else is `InDoubt`. Every fault's words are free of secrets and fit on a line.
#[derive(Debug, Clone)]
pub struct Meetecho {
    inner: Arc<Inner>,
    /// Requests that change something, as far as they were made through this handle.
    writes: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Inner {
    caller: Caller,
    auth: Auth,
}

impl Meetecho {
    /// Speaks to the real one. Connects to nothing yet.
    ///
    /// # Errors
    /// The address is no https address (and not one on this machine, or `allow_http`), or no client can be set up.
    pub fn live(options: MeetechoOptions) -> Result<Self, BadEndpoint> {
        let base = with_slash(options.api_base);
        let live = Live::new(LiveOptions {
            endpoint: base.clone(),
            request_timeout: options.request_timeout,
            allow_http: options.allow_http,
            max_in_flight: options.max_in_flight,
            rate: options.rate,
            longest_hold: options.longest_hold,
        })?;
        let transport = Transport::Live(live);
        Ok(Self::over(Caller::over(transport, base, options.client_id, options.client_secret)))
    }

    /// Logs each request in full, sends nothing, and answers from the rooms that were "made" in this process.
    ///
    /// # Errors
    /// The address is no http or https address.
    pub fn debug(options: MeetechoOptions, log: DebugLog) -> Result<Self, BadEndpoint> {
        let base = with_slash(options.api_base);
        if base.host().is_none() || !matches!(base.scheme(), "http" | "https") {
            return Err(BadEndpoint::NotHttp(base));
        }
        Ok(Self::over(Caller::rehearsing(log, base, options.client_id, options.client_secret)))
    }

    /// Speaks to a Meetecho inside of this process, through everything but the network.
    pub fn twin(options: MeetechoOptions, far_side: Arc<dyn FarSide>) -> Self {
        let pace = Pace::patient(options.max_in_flight, options.rate, options.longest_hold);
        let transport = Transport::Twin(TwinTransport::new(far_side, options.request_timeout, pace));
        let base = with_slash(options.api_base);
        Self::over(Caller::over(transport, base, options.client_id, options.client_secret))
    }

    /// Tells a rehearsal of a room that the real Meetecho is believed to have, so that its deletion can be
    /// rehearsed. The real one knows its rooms: there this does nothing.
    pub fn rehearse_with(&self, group: &GroupAcronym, room: &SeenRoom) {
        if let Some(answers) = self.inner.caller.answers() {
            answers.tell_of(group, room);
        }
    }

    fn over(caller: Caller) -> Self {
        Self { inner: Arc::new(Inner { caller, auth: Auth::default() }), writes: Arc::default() }
    }

    /// The same Meetecho, whose [`Meetecho::requests_sent`] starts at zero: for one step.
    #[must_use]
    pub fn counting_anew(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), writes: Arc::default() }
    }

    /// Fetches the tokens of all these groups in one call, as far as they are not known. Best effort: a failure
    /// shows at the first call that needs the token.
    pub async fn prefetch_tokens(&self, groups: &BTreeSet<GroupAcronym>) {
        self.inner.auth.prefetch(&self.inner.caller, groups).await;
    }

    /// One token call, for this group or for none: do the credentials count?
    pub async fn check_credentials(&self, group: Option<&GroupAcronym>) -> Outcome<()> {
        self.inner.auth.check(&self.inner.caller, group).await
    }

    /// Shows one deck more.
    pub async fn add_deck(&self, group: &GroupAcronym, session: SessionId, deck: &Deck) -> Outcome<()> {
        self.tell(Call::AddDeck, group, wire::add_deck_body(session, deck)).await
    }

    /// Takes one deck away. One that is not there counts as taken away.
    pub async fn delete_deck(&self, group: &GroupAcronym, session: SessionId, deck: DeckId) -> Outcome<()> {
        self.tell(Call::DeleteDeck, group, wire::delete_deck_body(session, deck)).await
    }

    /// Gives the whole list; it may be empty.
    pub async fn set_decks(&self, group: &GroupAcronym, session: SessionId, decks: &[Deck]) -> Outcome<()> {
        self.tell(Call::SetDecks, group, wire::set_decks_body(session, decks)).await
    }

    /// The group's rooms, ordered by (`room_id`, `public_id`). One that can't be read makes it a `Retry` that names
    /// the room, since a room left out would look as if it were not there.
    pub async fn fetch_rooms(&self, group: &GroupAcronym) -> Outcome<Vec<SeenRoom>> {
        let listed = self.list_rooms(group).await;
        listed.map(|rooms| rooms.into_iter().map(|listed| listed.room).collect())
    }

    /// Whether the group's token is at hand.
    pub fn has_token(&self, group: &GroupAcronym) -> bool {
        self.inner.auth.has(group)
    }

    /// Whether Meetecho took our credentials for wrong when it was last asked for a token.
    pub fn rejects_us(&self) -> bool {
        self.inner.auth.is_rejected()
    }

    /// Makes a room. `Applied` only if the answer holds exactly one room of this id. After anything else the caller
    /// must read: a refusal does not prove that there is no such room (datatracker #10689).
    pub async fn create_room(&self, group: &GroupAcronym, room: &RoomSpec) -> Outcome<SeenRoom> {
        let parse = |value: &_| reading::parse_created(value, room.room_id);
        let body = Body::open(wire::create_room_body(room));
        self.with_token(Call::CreateRoom, group, Some(body), |answer, scrubber| {
            judge::with_data(Call::CreateRoom, answer, scrubber, parse)
        })
        .await
    }

    /// Deletes a room with the credential that is read right before. A room that is not listed counts as deleted, and
    /// so does one that another room of the same id has replaced: only the room with this `public_id` is ever
    /// deleted. Without one it is the only room of this id, and none where there are several. A room that is in use
    /// stays, whatever was known of it before: that is `Refused`. `now` is asked when the request's turn has come, which
    /// may be a minute after this was called.
    pub async fn delete_room(
        &self,
        group: &GroupAcronym,
        room_id: i64,
        public_id: Option<&str>,
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
    ) -> Outcome<()> {
        let mut read_again = false;
        loop {
            let rooms = match settled(self.list_rooms(group).await) {
                Ok(rooms) => rooms,
                Err(outcome) => return outcome,
            };
            let room = match the_room(&rooms, room_id, public_id) {
                Ok(Some(room)) => room,
                Ok(None) => return Outcome::Applied(()),
                Err(fault) => return Outcome::Refused(fault),
            };
            let Some(credential) = &room.deletion_token else {
                let words = format!("Meetecho lists room {room_id} without a deletion token");
                return Outcome::Refused(Fault::new(Why::Unsupported, words));
            };
            let times = room.room.times();
            let caller = &self.inner.caller;
            let may_go = || !times.span().is_live(now());
            let answer = caller.call_if(Call::DeleteRoom, Some(credential), None, &self.writes, may_go).await;
            if answer == Err(SendError::Withheld) {
                return Outcome::Refused(Fault::new(Why::GuardRoomInProgress, times.words_in_use()));
            }
            let scrubber = self.inner.auth.scrubber(caller, Some(credential));
            let outcome = judge::acknowledged(Call::DeleteRoom, answer, &scrubber);
            if !is_rejection(&outcome) || read_again {
                return outcome;
            }
            read_again = true;
        }
    }

    /// How many requests that change something may have reached Meetecho, through this handle and its clones.
    pub fn requests_sent(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// How many token calls were made.
    pub fn token_calls(&self) -> u64 {
        self.inner.caller.token_calls()
    }

    /// How many times rooms were read.
    pub fn reads(&self) -> u64 {
        self.inner.caller.reads()
    }

    /// How long Meetecho asked to be left alone from now on (`Retry-After`), if it did.
    pub fn quiet_for(&self) -> Option<Duration> {
        self.inner.caller.quiet_for()
    }

    async fn list_rooms(&self, group: &GroupAcronym) -> Outcome<Vec<ListedRoom>> {
        self.with_token(Call::FetchRooms, group, None, |answer, scrubber| {
            judge::with_data(Call::FetchRooms, answer, scrubber, reading::parse_rooms)
        })
        .await
    }

    async fn tell(&self, call: Call, group: &GroupAcronym, body: String) -> Outcome<()> {
        self.with_token(call, group, Some(Body::open(body)), |answer, scrubber| {
            judge::acknowledged(call, answer, scrubber)
        })
        .await
    }

    /// Calls with the group's token, and once more with a new one if that was rejected. A rejected request was not
    /// processed, so this is never doubt.
    async fn with_token<T>(
        &self,
        call: Call,
        group: &GroupAcronym,
        body: Option<Body>,
        judge: impl Fn(Result<Response, SendError>, &Scrubber) -> Outcome<T>,
    ) -> Outcome<T> {
        let Inner { caller, auth } = &*self.inner;
        let mut renewed = false;
        loop {
            let token = match settled(auth.token(caller, group).await) {
                Ok(token) => token,
                Err(outcome) => return outcome,
            };
            let answer = caller.call(call, Some(&token), body.clone(), &self.writes).await;
            let outcome = judge(answer, &auth.scrubber(caller, Some(&token)));
            if !is_rejection(&outcome) {
                return outcome;
            }
            if !planted::is(Bug::TokenNeverRenewed) {
                auth.forget(group, &token);
            }
            if renewed {
                return outcome;
            }
            renewed = true;
        }
    }
}

/// Among a group's rooms the one that is meant; None where it is not there.
fn the_room<'a>(
    rooms: &'a [ListedRoom],
    room_id: i64,
    public_id: Option<&str>,
) -> Result<Option<&'a ListedRoom>, Fault> {
    let of_id: Vec<_> = rooms.iter().filter(|listed| listed.room.room_id == room_id).collect();
    match of_id.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(*only).filter(|only| public_id.is_none_or(|id| id == only.room.public_id))),
        several => {
            let meant = |listed: &&&ListedRoom| Some(listed.room.public_id.as_str()) == public_id;
            several.iter().find(meant).copied().map(Some).ok_or_else(|| {
                let words =
                    format!("Meetecho lists {} rooms with id {room_id}, none known as ours", several.len());
                Fault::new(Why::RoomConflict, words)
            })
        }
    }
}

fn is_rejection<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Outcome::Refused(fault) if fault.why == Why::CredentialsRejected)
}

/// The value, or the outcome for whoever wanted to go on with it.
fn settled<T, U>(outcome: Outcome<T>) -> Result<T, Outcome<U>> {
    match outcome {
        Outcome::Applied(value) => Ok(value),
        Outcome::Retry { after, fault } => Err(Outcome::Retry { after, fault }),
        Outcome::Refused(fault) => Err(Outcome::Refused(fault)),
        Outcome::InDoubt(fault) => Err(Outcome::InDoubt(fault)),
    }
}
