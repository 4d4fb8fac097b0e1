//! Whether both senders got along: what the datatracker was answered, and what Meetecho shows in the end.

use std::fmt::Write as _;

use meetsync::demo::second_sender::USER_AGENT;
use meetsync::demo::standin::LogEntry;
use meetsync::model::{Deck, SessionId};
use meetsync::provider::meetecho::Call;
use serde_json::json;

use super::Beside;
use super::histories::{History, NEW_INTERIMS, SESSIONS};

fn is_the_datatrackers(entry: &LogEntry) -> bool {
    entry.user_agent.as_deref() == Some(USER_AGENT)
}

/// Whether a request names this deck.
fn has(entry: &LogEntry, deck: i64) -> bool {
    let Some(body) = &entry.body else { return false };
    let listed = body["decks"].as_array().is_some_and(|decks| decks.iter().any(|one| one["id"] == deck));
    body["id"] == deck || listed
}

/// The one thing that can't be avoided, see above: the datatracker's DELETE found nothing, because a list of ours
/// without the deck came in after the datatracker's own call for it, and no list of ours with it since.
pub(super) fn was_on_its_way(log: &[&LogEntry], delete: usize) -> bool {
    let Some(deck) = log[delete].body.as_ref().and_then(|body| body["id"].as_i64()) else { return false };
    // What came in at the same time may have been first.
    let before = &log[..(delete + 2).min(log.len())];
    let told = before[..delete].iter().rposition(|entry| {
        is_the_datatrackers(entry) && has(entry, deck) && entry.call != Some(Call::DeleteDeck)
    });
    let Some(told) = told else { return false };
    let lists = before[told..]
        .iter()
        .filter(|entry| entry.call == Some(Call::SetDecks) && !is_the_datatrackers(entry));
    let lists: Vec<bool> = lists.map(|entry| has(entry, deck)).collect();
    !lists.is_empty() && lists.iter().all(|has_it| !has_it)
}

/// What is wrong with how a world ended, or with what the datatracker was answered on the way.
pub(super) fn complaints(histories: &[History], log: &[LogEntry], unavoidable: &mut usize) -> String {
    let mut found = String::new();
    for history in histories {
        let id = history.session;
        let is_about = |entry: &&LogEntry| entry.session() == Some(SessionId(id));
        let about: Vec<&LogEntry> = log.iter().filter(is_about).collect();
        let missed = (0..about.len()).filter(|at| {
            let entry = about[*at];
            is_the_datatrackers(entry)
                && entry.call == Some(Call::DeleteDeck)
                && entry.status == Some(404)
                && was_on_its_way(&about, *at)
        });
        let missed = missed.count();
        *unavoidable += missed;
        if history.troubles.len() > missed {
            writeln!(found, "{history:#?}, of which {missed} can't be avoided\n{}", told(&about)).unwrap();
        }
        let in_vain = |entry: &&&LogEntry| entry.call == Some(Call::CreateRoom) && entry.status != Some(200);
        if about.iter().filter(in_vain).any(|entry| !is_the_datatrackers(entry)) {
            writeln!(found, "we asked for a room that is there: {history:#?}\n{}", told(&about)).unwrap();
        }
    }
    found
}

pub(super) fn told(log: &[&LogEntry]) -> String {
    let line = |entry: &&LogEntry| {
        let who = if is_the_datatrackers(entry) { "the datatracker" } else { "meetsync" };
        let ids = entry.body.as_ref().map(|body| match body["decks"].as_array() {
            Some(decks) => json!(decks.iter().map(|deck| &deck["id"]).collect::<Vec<_>>()),
            None => body["id"].clone(),
        });
        format!("  {:?} {:?} {} by {who}\n", entry.call, entry.status, ids.unwrap_or_default())
    };
    log.iter().map(line).collect()
}

impl Beside {
    /// Lists down to the last field, and rooms with their times and links: once each, or not at all. Returns how many
    /// rooms of cancelled interims were left alone.
    pub(super) async fn expect_right(&self, histories: &[History]) -> usize {
        let mut left_alone = 0;
        let sessions = self.stage.meetsync(&["sessions", "--json"]).await.expect(0).json();
        for history in histories {
            let id = history.session;
            let is_it = |session: &&serde_json::Value| session["session"] == id;
            let session = sessions.as_array().unwrap().iter().find(is_it).unwrap();
            if SESSIONS.contains(&id) {
                let decks = session["decks"].as_array().unwrap().iter();
                let wanted: Vec<Deck> =
                    decks.map(|deck| serde_json::from_value(deck.clone()).unwrap()).collect();
                assert_eq!(self.stage.standin.decks_of(SessionId(id)), wanted, "{history:#?}");
                continue;
            }
            let rooms = self.stage.standin.rooms().into_iter().filter(|made| made.room.room_id == id);
            let shown: Vec<_> = rooms.map(|made| (json!(made.room.start), json!(made.room.url))).collect();
            let wanted = (session["start"].clone(), session["remote_instructions"].clone());
            let wanted = if session["status"] == "canceled" { vec![] } else { vec![wanted] };
            let attempts = self.attempts_at_room(id).await;
            if wanted.is_empty() && shown.len() == 1 && attempts.is_empty() {
                left_alone += 1;
                continue;
            }
            assert_eq!(shown, wanted, "{attempts:?}, {history:#?}");
        }
        left_alone
    }

    async fn attempts_at_room(&self, id: i64) -> Vec<String> {
        let sql = format!(
            "SELECT what FROM meetsync.attempt WHERE key LIKE '%room%' AND session = {id} ORDER BY id"
        );
        self.stage.database.texts(&sql).await
    }

    /// A room that the datatracker made, and nobody edited since, is on record, and its link is as it was written.
    pub(super) async fn expect_adopted(&self, histories: &[History]) {
        for history in histories.iter().filter(|history| NEW_INTERIMS.contains(&history.session)) {
            let id = history.session;
            let attempts = self.attempts_at_room(id).await;
            let is_ours = |what: &&String| what.contains("create_room") || what.contains("write_room_url");
            let ours = attempts.iter().filter(is_ours).count();
            if history.edits.iter().skip(1).all(|edit| edit.starts_with("cancelled")) {
                assert_eq!(ours, 0, "the datatracker made this room: {attempts:?}, {history:#?}");
            }
        }
    }
}
