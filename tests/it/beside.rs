//! The worker beside a datatracker that still calls Meetecho by itself, as during the change-over: many histories of
//! edits, with the datatracker's own calls before, after and while the worker sends.
//!
//! What is held, with `materials = "put"`, whatever Meetecho makes of a list and of a deck that it has already:
//! - at the end nothing is doubled, nothing is missing, every list is right, every room is there once, with its link;
//! - we never ask for a room that is there, and leave alone the room and the link that the datatracker made;
//! - the datatracker gets no answer because of us that it would log or warn about (all but 200 and 202).
//!
//! This rests on two spans: `slides.quiet` and `rooms.settle` after an edit the worker sends nothing about it, and the
//! datatracker's call is made within the web request that saved the edit, long before. What can't be avoided, because
//! neither sender can know what the other has on its way:
//! - a list of ours that was planned just before an edit may arrive just after the datatracker's call for it. Until our
//!   next list, at most `slides.quiet` and a moment later, the new deck is missing (where a list replaces), or, where it
//!   fell between the DELETE and the POST of a revision, may be there twice. Somebody who revises or removes the same
//!   deck within that time makes the datatracker send a DELETE for what is not there, which is answered with 404. The
//!   histories count these, and let nothing else pass;
//! - the datatracker asks for a room again whenever a form is saved, though it has one: that is refused with or without
//!   us (datatracker #10689). Its link is then blank, until the worker puts it back. Where the interim is cancelled before
//!   the worker has seen so much as the link, nobody knows whose room it is: the datatracker forgets it, and we leave
//!   rooms that we don't know alone.
//!
//! Rooms wait for `slides.quiet` too, so a short `rooms.settle` alone does no harm.
//!
//! A call of the datatracker's that comes later than `slides.quiet` is not promised anything; a history in which this
//! machine was so slow is not counted, and most must count.
#![expect(clippy::disallowed_methods, reason = "the histories take their time, as people do")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use meetsync::database::{ConnectOptions, Database, Tls};
use meetsync::datatracker::{Datatracker, DatatrackerOptions};
use meetsync::demo::sample::scenes::{self, Edit};
use meetsync::demo::second_sender::{Answered, Calls, DeckEdit, SecondSender, USER_AGENT};
use meetsync::demo::standin::{DuplicateRoom, LinkForm, LogEntry, PutRule, RepostRule};
use meetsync::model::{Deck, DeckId, SessionId};
use meetsync::provider::meetecho::Call;
use serde_json::json;

use crate::support::running::{PATIENCE, Running};
use crate::support::stage::{SECRET, Stage};

const QUIET: Duration = Duration::from_millis(2000);
const SETTLE: Duration = Duration::from_millis(2500);

/// Sessions with slides in their window, the live ones and those around them.
const SESSIONS: std::ops::RangeInclusive<i64> = 36001..=36007;
/// Interims whose rooms the worker has made, and new ones that the datatracker makes rooms for.
const INTERIMS: std::ops::RangeInclusive<i64> = 36101..=36102;
const NEW_INTERIMS: std::ops::RangeInclusive<i64> = 37001..=37003;
const GROUPS: [&str; 3] = ["oauth", "quic", "moq"];

/// What nobody but Meetecho knows about Meetecho.
#[derive(Debug, Clone, Copy)]
struct Rules {
    put: PutRule,
    repost: RepostRule,
    duplicate: DuplicateRoom,
    link: LinkForm,
}

/// A random sequence that is the same each time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn millis(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.roll(most))
    }

    /// Sometimes right after the last edit, sometimes just when the worker sends that one, sometimes later.
    fn pause(&mut self, span: Duration) -> Duration {
        match self.roll(4) {
            0 => self.millis(150),
            1 | 2 => span + self.millis(500),
            _ => self.millis(3000),
        }
    }
}

/// One session's history, as far as the datatracker's own calls went.
#[derive(Debug, Default)]
struct History {
    session: i64,
    /// What was done, in words.
    edits: Vec<String>,
    /// Answers that make the datatracker log an error or warn.
    troubles: Vec<Answered>,
    /// The same, where the datatracker alone would have got it too.
    its_own: usize,
    /// From a save to the end of the calls for it, at most.
    slowest: Duration,
}

struct Beside {
    stage: Stage,
    sender: SecondSender,
    /// The database as the datatracker's web pages write it.
    pages: tokio_postgres::Client,
}

impl Beside {
    async fn with(rules: Rules) -> Self {
        let mut stage = Stage::with_week().await;
        stage.change_settings("[scope]", "poll = \"400ms\"\n[scope]");
        let settle = format!("policy = \"full\"\nsettle = \"{}ms\"\n", SETTLE.as_millis());
        stage.change_settings("policy = \"full\"\n", &settle);
        stage.change_settings("max_creates = 50", "max_creates = 500\nmax_deletes = 500");
        stage.add_settings(&format!(
            "[slides]\nquiet = \"{}ms\"\nmax_wait = \"60s\"\n[log]\nfilter = \"warn\"\n",
            QUIET.as_millis()
        ));
        stage.standin.set_put_rule(rules.put);
        stage.standin.set_repost_rule(rules.repost);
        stage.standin.set_duplicate_room(rules.duplicate);
        stage.standin.set_link_form(rules.link);
        let (base, options) = (stage.standin.base_url.clone(), &stage.standin.options);
        let sender =
            SecondSender::new(base, options.client_id.clone(), SECRET.into(), reader(stage.database.url()));
        let (pages, connection) =
            tokio_postgres::connect(&stage.database.url(), tokio_postgres::NoTls).await.unwrap();
        // It ends with `pages`.
        tokio::spawn(connection);
        Self { stage, sender, pages }
    }

    async fn save(&self, edit: &Edit) {
        self.pages.batch_execute(&edit.sql).await.unwrap();
    }

    /// The session's decks in their order.
    async fn decks(&self, session: SessionId) -> Vec<DeckId> {
        let sql = format!(
            r#"SELECT document_id FROM meeting_session_materials WHERE session_id = {session} ORDER BY "order", id"#
        );
        let rows = self.pages.query(&sql, &[]).await.unwrap();
        rows.iter().map(|row| DeckId(row.get::<_, i32>(0).into())).collect()
    }

    /// Chairs at work on one session.
    async fn slides(&self, id: i64, seed: u64) -> History {
        let session = SessionId(id);
        let mut dice = Dice(seed);
        let mut history = History { session: id, ..History::default() };
        for number in 0..3 + dice.roll(2) {
            tokio::time::sleep(dice.pause(QUIET)).await;
            let decks = self.decks(session).await;
            let many = decks.len() as u64;
            let (edit, named) = match dice.roll(4) {
                0 => (scenes::add_deck(session, &format!("Deck {number}")), None),
                1 if many > 1 => {
                    let (place, deck) = one_of(&decks, dice.roll(many));
                    (scenes::revise_deck(session, place), Some(DeckEdit::Revised(deck)))
                }
                2 if many > 1 => (scenes::last_deck_first(session), Some(DeckEdit::Reordered)),
                3 if many > 1 => {
                    let (place, deck) = one_of(&decks, dice.roll(many));
                    (scenes::remove_deck(session, place), Some(DeckEdit::Removed(deck)))
                }
                _ => (scenes::add_deck(session, &format!("One more deck {number}")), None),
            };
            let began = Instant::now();
            self.save(&edit).await;
            let what = match named {
                Some(what) => what,
                None => DeckEdit::Added(*self.decks(session).await.last().unwrap()),
            };
            tokio::time::sleep(dice.millis(200)).await;
            let calls = self.sender.decks_edited(session, what).await.unwrap();
            assert!(!calls.answered.is_empty(), "the session is in its window");
            history.troubles.extend(calls.trouble());
            history.edits.push(format!("{what:?} -> {:?}", statuses(&calls)));
            history.slowest = history.slowest.max(began.elapsed());
        }
        history
    }

    /// An interim's form is saved now and then, and in the end some are cancelled.
    async fn interim(&self, id: i64, seed: u64) -> History {
        let session = SessionId(id);
        let mut dice = Dice(seed);
        let mut history = History { session: id, ..History::default() };
        let mut is_new = NEW_INTERIMS.contains(&id);
        for _ in 0..2 + dice.roll(2) {
            tokio::time::sleep(dice.pause(SETTLE)).await;
            let had_a_room = self.stage.standin.rooms().iter().any(|made| made.room.room_id == id) && !is_new;
            let group = GROUPS[usize::try_from(id).unwrap() % GROUPS.len()];
            let day = 20 + u32::try_from(id % 50).unwrap();
            let (words, edit) = match dice.roll(3) {
                _ if std::mem::take(&mut is_new) => {
                    ("asked for", scenes::new_interim(session, group, day, 15))
                }
                0 => ("form saved", scenes::blank_link(session)),
                1 => {
                    let mut edit = scenes::move_interim(session, 30);
                    edit.sql.push_str(&scenes::blank_link(session).sql);
                    ("moved", edit)
                }
                _ => ("cancelled", scenes::cancel(session)),
            };
            let began = Instant::now();
            self.save(&edit).await;
            tokio::time::sleep(dice.millis(200)).await;
            let calls = if words == "cancelled" {
                self.sender.interim_cancelled(session).await.unwrap()
            } else {
                let calls = self.sender.interim_saved(&[session]).await.unwrap();
                for (session, link) in &calls.links {
                    self.save(&scenes::save_link(*session, link)).await;
                }
                calls
            };
            let is_its_own = |trouble: &Answered| trouble.call == Call::CreateRoom && had_a_room;
            let (own, ours): (Vec<Answered>, Vec<Answered>) =
                calls.trouble().into_iter().partition(is_its_own);
            history.its_own += own.len();
            history.troubles.extend(ours);
            history.edits.push(format!("{words} -> {:?}", statuses(&calls)));
            history.slowest = history.slowest.max(began.elapsed());
            if words == "cancelled" {
                break;
            }
        }
        history
    }

    /// Waits until a command that reads both sides finds nothing to do, nothing owed and nothing that settles.
    async fn until_in_step(&self) {
        let begun = Instant::now();
        loop {
            let ended = self.stage.meetsync(&["plan", "--json"]).await;
            let plan = ended.json();
            let settles = |wait: &serde_json::Value| wait["reason"] == "settling";
            let is_settling = plan["waits"].as_array().unwrap().iter().any(settles);
            if ended.status == 0 && plan["summary"]["in_doubt"] == 0 && !is_settling {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "still not in step: {ended:?}");
        }
    }
}

/// A deck, and its place counted from 1.
fn one_of(decks: &[DeckId], index: u64) -> (u32, DeckId) {
    (u32::try_from(index + 1).unwrap(), decks[usize::try_from(index).unwrap()])
}

fn statuses(calls: &Calls) -> Vec<(Call, Option<u16>)> {
    calls.answered.iter().map(|answered| (answered.call, answered.status)).collect()
}

fn reader(url: String) -> Datatracker {
    let database = Database::new(ConnectOptions {
        what: "the datatracker's database".to_owned(),
        setting: "datatracker.database_url".to_owned(),
        url: url.into(),
        tls: Tls::Disable,
        read_only: false,
        max_connections: 4,
    });
    let options = DatatrackerOptions {
        schema: None,
        base_url: "https://datatracker.ietf.org".to_owned(),
        archive_url: "https://www.ietf.org".to_owned(),
        statement_timeout: Duration::from_secs(20),
        lock_timeout: Duration::from_secs(5),
    };
    Datatracker::new(database.unwrap(), options)
}

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
fn was_on_its_way(log: &[&LogEntry], delete: usize) -> bool {
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
fn complaints(histories: &[History], log: &[LogEntry], unavoidable: &mut usize) -> String {
    let mut found = String::new();
    for history in histories {
        let id = history.session;
        let is_about = |entry: &&LogEntry| {
            entry.body.as_ref().is_some_and(|body| body["session"] == id.to_string() || body["room_id"] == id)
        };
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

fn told(log: &[&LogEntry]) -> String {
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

/// All histories of one world; returns how many counted, how many there were, and what could not be avoided.
async fn world(rules: Rules, seed: u64) -> (usize, usize, usize) {
    let beside = Beside::with(rules).await;
    let worker = Running::start(&beside.stage);
    beside.until_in_step().await;
    // Requests overlap.
    beside.stage.standin.set_latency(Duration::from_millis(30));
    let seed_of = |id: i64| seed.wrapping_mul(1_000_003).wrapping_add(u64::try_from(id).unwrap());
    let slides = join_all(SESSIONS.map(|id| beside.slides(id, seed_of(id))));
    let interims = join_all(INTERIMS.chain(NEW_INTERIMS).map(|id| beside.interim(id, seed_of(id))));
    let (mut histories, interims) = join(slides, interims).await;
    histories.extend(interims);
    beside.until_in_step().await;

    let all = histories.len();
    let slow: BTreeSet<i64> = histories
        .iter()
        .filter(|history| history.slowest > QUIET.mul_f64(0.8))
        .map(|history| history.session)
        .collect();
    histories.retain(|history| !slow.contains(&history.session));
    let mut unavoidable = 0;
    let wrong = complaints(&histories, &beside.stage.standin.log(), &mut unavoidable);
    assert!(wrong.is_empty(), "{rules:?}, seed {seed}:\n{wrong}");
    beside.expect_adopted(&histories).await;
    let left_alone = beside.expect_right(&histories).await;
    if slow.is_empty() && left_alone == 0 {
        beside.stage.expect_in_step().await;
    }
    let ended = worker.stop().await.expect(0);
    assert!(!ended.stderr.contains("ERROR"), "{}", ended.stderr);
    (histories.len(), all, unavoidable)
}

impl Beside {
    /// Lists down to the last field, and rooms with their times and links: once each, or not at all. Returns how many
    /// rooms of cancelled interims were left alone.
    async fn expect_right(&self, histories: &[History]) -> usize {
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
    async fn expect_adopted(&self, histories: &[History]) {
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

#[tokio::test(flavor = "multi_thread")]
async fn two_senders_get_along_whatever_meetecho_makes_of_it() {
    use DuplicateRoom::{Conflict409, Error500, Existing200};
    let rules = |put, repost, duplicate, link| Rules { put, repost, duplicate, link };
    let worlds = [
        rules(PutRule::Replace, RepostRule::Doubles, Conflict409, LinkForm::Session),
        rules(PutRule::Upsert, RepostRule::Doubles, Error500, LinkForm::Short),
        rules(PutRule::Replace, RepostRule::Replaces, Existing200, LinkForm::Session),
        rules(PutRule::Upsert, RepostRule::Replaces, Conflict409, LinkForm::Short),
    ];
    let seed = std::env::var("MEETSYNC_TEST_SEED").map_or(1, |seed| seed.parse().unwrap());
    let ended = join_all((seed..).zip(worlds).map(|(seed, rules)| world(rules, seed))).await;
    let sum = |of: fn(&(usize, usize, usize)) -> usize| ended.iter().map(of).sum::<usize>();
    let (counted, all, unavoidable) = (sum(|end| end.0), sum(|end| end.1), sum(|end| end.2));
    println!(
        "{counted} of {all} histories counted; a list of ours that was on its way cost {unavoidable} DELETEs"
    );
    assert!(counted * 2 > all, "only {counted} of {all} histories were fast enough to count");
    assert!(unavoidable <= counted / 8, "{unavoidable} in {counted} histories is more than a rare race");
}
