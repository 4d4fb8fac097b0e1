//! What one may see of the stand-in, and do to it, without a request.

use std::time::Duration;

use secrecy::SecretString;

use super::Standin;
use super::faults::{DuplicateRoom, Failure, GroupRefusal, LinkForm, PutRule, RepostRule, Trouble};
use super::log::{Counts, LogEntry};
use super::world::StandinRoom;
use crate::model::{Deck, GroupAcronym, SeenRoom, SessionId};
use crate::provider::meetecho::Call;

impl Standin {
    /// The decks that a session shows, by their order (those with the same order as they came).
    pub fn decks_of(&self, session: SessionId) -> Vec<Deck> {
        self.shared.lock().world.decks_of(session)
    }

    /// Sessions that show at least one deck.
    pub fn sessions_with_decks(&self) -> Vec<SessionId> {
        self.shared.lock().world.sessions_with_decks()
    }

    /// All rooms, ordered by (room id, public id).
    pub fn rooms(&self) -> Vec<StandinRoom> {
        self.shared.lock().world.rooms()
    }

    /// Every request, in the order of arrival. No token and no secret is in it.
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.lock().world.log.clone()
    }

    /// Empties the log and sets the counts back to zero; rooms, decks and tokens stay.
    pub fn clear_log(&self) {
        self.shared.lock().world.log.clear();
    }

    /// How many requests of each kind are in the log.
    pub fn counts(&self) -> Counts {
        Counts::of(&self.shared.lock().world.log)
    }

    /// The next `times` requests of this kind (None = of any) go wrong in this way. Troubles are used up in the order
    /// in which they were set.
    pub fn fail_next(&self, call: Option<Call>, times: usize, failure: Failure) {
        self.shared.lock().troubles.push_back(Trouble { call, left: times, failure });
    }

    /// Until [`Standin::heal`] every request of this kind goes wrong in this way.
    pub fn fail_always(&self, call: Option<Call>, failure: Failure) {
        self.fail_next(call, usize::MAX, failure);
    }

    /// Nothing listens from now on: open connections are closed, new ones are refused.
    pub fn go_away(&self) {
        self.shared.here.send_replace(false);
    }

    /// Listens again, at the same address.
    pub fn come_back(&self) {
        self.shared.here.send_replace(true);
    }

    /// No more troubles, no latency, and it is there; refused groups stay refused.
    pub fn heal(&self) {
        self.come_back();
        let mut inner = self.shared.lock();
        inner.troubles.clear();
        inner.latency = Duration::ZERO;
    }

    /// Every request that is held takes effect now, in the order of arrival.
    pub fn land_held(&self) {
        let held = std::mem::take(&mut self.shared.lock().held);
        for request in held {
            request.perform(&self.shared);
        }
    }

    /// Every answer takes this long.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.lock().latency = latency;
    }

    /// This group gets no token from now on, in this way; one that it has does not count any more.
    pub fn refuse_group(&self, group: &GroupAcronym, how: GroupRefusal) {
        self.shared.lock().world.refuse_group(group, how);
    }

    pub fn allow_group(&self, group: &GroupAcronym) {
        self.shared.lock().world.refused.remove(group);
    }

    /// All tokens that were given out stop counting: the next use of each is answered with 401.
    pub fn reject_tokens(&self) {
        self.shared.lock().world.tokens.clear();
    }

    /// From now on tokens are given for this secret only; those that were given out stay good.
    pub fn set_client_secret(&self, secret: SecretString) {
        self.shared.lock().world.set_client_secret(secret);
    }

    /// From now on only this group's token may touch this session's materials. Without it any group's may, since
    /// nobody told the stand-in which sessions there are.
    pub fn bind_session(&self, session: SessionId, group: &GroupAcronym) {
        self.shared.lock().world.bound.insert(session.0, group.clone());
    }

    /// Loses rooms, decks and tokens, as after a restart without a backup.
    pub fn forget_everything(&self) {
        self.shared.lock().world.forget();
        self.shared.tell();
    }

    pub fn set_put_rule(&self, rule: PutRule) {
        self.shared.lock().world.put_rule = rule;
    }

    pub fn set_repost_rule(&self, rule: RepostRule) {
        self.shared.lock().world.repost_rule = rule;
    }

    pub fn set_duplicate_room(&self, rule: DuplicateRoom) {
        self.shared.lock().world.duplicate_room = rule;
    }

    /// The form of the addresses of rooms that are made from now on.
    pub fn set_link_form(&self, form: LinkForm) {
        self.shared.lock().world.link_form = form;
    }

    /// Puts a room there as if somebody else had made it, and returns it.
    pub fn plant_room(&self, group: &GroupAcronym, room: &SeenRoom) -> StandinRoom {
        let room = self.shared.lock().world.plant(group, room);
        self.shared.tell();
        room
    }

    /// Takes this room away as if somebody else had deleted it.
    pub fn take_room_away(&self, public_id: &str) {
        self.shared.lock().world.take_room_away(public_id);
        self.shared.tell();
    }

    /// Puts decks there as if somebody else had sent them.
    pub fn plant_decks(&self, session: SessionId, decks: &[Deck]) {
        self.shared.lock().world.decks.insert(session.0, decks.to_vec());
        self.shared.tell();
    }

    /// Every token, deletion token and secret that it knows: what must be found nowhere else.
    pub fn secrets(&self) -> Vec<SecretString> {
        self.shared.lock().world.secrets()
    }
}
