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

mod histories;
mod judge;
mod sender;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use meetsync::database::{ConnectOptions, Database, Tls};
use meetsync::datatracker::{Datatracker, DatatrackerOptions};
use meetsync::demo::sample::scenes::{self, Edit};
use meetsync::demo::second_sender::{Answered, DeckEdit, SecondSender};
use meetsync::demo::standin::{DuplicateRoom, Failure, LinkForm, LogEntry, PutRule, RepostRule, Standin};
use meetsync::model::{DeckId, SessionId};
use meetsync::provider::meetecho::Call;

use self::histories::{INTERIMS, NEW_INTERIMS, SESSIONS, one_of};
use self::judge::{complaints, told, was_on_its_way};
use crate::support::running::{PATIENCE, Running};
use crate::support::stage::{SECRET, Stage};

const QUIET: Duration = Duration::from_secs(2);
const SETTLE: Duration = Duration::from_millis(2500);

/// What nobody but Meetecho knows about Meetecho.
#[derive(Debug, Clone, Copy)]
struct Rules {
    put: PutRule,
    repost: RepostRule,
    duplicate: DuplicateRoom,
    link: LinkForm,
}

struct Beside {
    stage: Stage,
    sender: SecondSender,
    /// The database as the datatracker's web pages write it.
    pages: tokio_postgres::Client,
}

impl Beside {
    async fn with(rules: Rules, quiet: Duration) -> Self {
        let mut stage = Stage::with_week().await;
        stage.change_settings("[scope]", "poll = \"400ms\"\n[scope]");
        let settle = format!("policy = \"full\"\nsettle = \"{}ms\"\n", SETTLE.as_millis());
        stage.change_settings("policy = \"full\"\n", &settle);
        stage.change_settings("max_creates = 50", "max_creates = 500\nmax_deletes = 500");
        stage.add_settings(&format!(
            "[slides]\nquiet = \"{}ms\"\nmax_wait = \"60s\"\n[log]\nfilter = \"warn\"\n",
            quiet.as_millis()
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

fn reader(url: String) -> Datatracker {
    let database = Database::new(ConnectOptions {
        what: "the datatracker's database".to_owned(),
        setting: "datatracker.database_url".to_owned(),
        url: url.into(),
        tls: Tls::Disable,
        read_only: false,
        statement_timeout: None,
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

/// All histories of one world; returns how many counted, how many there were, and what could not be avoided.
async fn world(rules: Rules, seed: u64) -> (usize, usize, usize) {
    let beside = Beside::with(rules, QUIET).await;
    let worker = Running::start(&beside.stage);
    beside.until_in_step().await;
    // Requests overlap.
    beside.stage.standin.set_latency(Duration::from_millis(150));
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

/// What can't be avoided, made to happen: a list of ours is planned, held up on its way, and arrives after the
/// datatracker has added a deck.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_on_its_way_costs_a_deck_for_a_moment_only() {
    let rules = Rules {
        put: PutRule::Replace,
        repost: RepostRule::Doubles,
        duplicate: DuplicateRoom::Conflict409,
        link: LinkForm::Session,
    };
    let beside = Beside::with(rules, Duration::from_secs(4)).await;
    let worker = Running::start(&beside.stage);
    beside.until_in_step().await;
    let standin = &beside.stage.standin;
    let session = scenes::LIVE;
    let about = |log: Vec<LogEntry>| -> Vec<LogEntry> {
        log.into_iter().filter(|entry| entry.session() == Some(session)).collect()
    };
    let first = about(standin.log()).len();

    standin.reject_tokens();
    standin.fail_next(Some(Call::Tokens), 1, Failure::Delay(Duration::from_millis(1500)));
    beside.save(&scenes::revise_deck(session, 1)).await;
    let is_held_up = |standin: &Standin| {
        let log = standin.log();
        let refused = log.iter().position(|entry| entry.status == Some(401));
        refused.is_some_and(|at| log[at..].iter().any(|entry| entry.call == Some(Call::Tokens)))
    };
    within(standin.until(is_held_up)).await;
    beside.save(&scenes::add_deck(session, "Late news")).await;
    let decks = beside.decks(session).await;
    let added = *decks.last().unwrap();
    let calls = beside.sender.decks_edited(session, DeckEdit::Added(added)).await.unwrap();
    assert_eq!(calls.trouble(), [], "the datatracker's call came first");
    let shows = |standin: &Standin| standin.decks_of(session).iter().any(|deck| deck.id == added);
    assert!(shows(standin));
    within(standin.until(|standin| !shows(standin))).await;

    let (place, _) = one_of(&decks, decks.len() as u64 - 1);
    beside.save(&scenes::revise_deck(session, place)).await;
    let calls = beside.sender.decks_edited(session, DeckEdit::Revised(added)).await.unwrap();
    let trouble = [Answered { call: Call::DeleteDeck, status: Some(404) }];
    assert_eq!(calls.trouble(), trouble, "it can't be helped");
    let log = about(standin.log());
    let log: Vec<&LogEntry> = log[first..].iter().collect();
    assert!(was_on_its_way(&log, log.len() - 1), "{}", told(&log));
    let others: Vec<&LogEntry> = log.iter().copied().filter(|entry| entry.status != Some(202)).collect();
    assert!(!was_on_its_way(&others, others.len() - 1), "it takes a list of ours to excuse it");

    within(standin.until(shows)).await;
    beside.until_in_step().await;
    beside.stage.expect_in_step().await;
    worker.stop().await.expect(0);
}

/// Edits that don't stop are cut in on, here right after the newest of them; the datatracker's call for it comes later,
/// and what it doubles is put right by one more list.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_doubled_because_edits_did_not_stop_is_put_right() {
    let rules = Rules {
        put: PutRule::Replace,
        repost: RepostRule::Doubles,
        duplicate: DuplicateRoom::Conflict409,
        link: LinkForm::Session,
    };
    let mut beside = Beside::with(rules, QUIET).await;
    beside.stage.change_settings("max_wait = \"60s\"", "max_wait = \"2500ms\"");
    let worker = Running::start(&beside.stage);
    beside.until_in_step().await;
    let standin = &beside.stage.standin;
    let session = scenes::LIVE;
    let times =
        |standin: &Standin, id: DeckId| standin.decks_of(session).iter().filter(|deck| deck.id == id).count();
    let begun = Instant::now();
    let mut count = 0;
    let newest = loop {
        count += 1;
        beside.save(&scenes::add_deck(session, &format!("Deck {count} of many"))).await;
        let newest = *beside.decks(session).await.last().unwrap();
        let sent = standin.until(|standin| times(standin, newest) == 1);
        if tokio::time::timeout(QUIET.mul_f64(0.4), sent).await.is_ok() {
            break newest;
        }
        assert!(begun.elapsed() < PATIENCE, "whoever never stops is never sent");
    };
    let calls = beside.sender.decks_edited(session, DeckEdit::Added(newest)).await.unwrap();
    assert_eq!(calls.trouble(), []);
    assert_eq!(times(standin, newest), 2, "that is the trouble");
    within(standin.until(|standin| times(standin, newest) == 1)).await;
    beside.until_in_step().await;
    beside.stage.expect_in_step().await;
    worker.stop().await.expect(0);
}

async fn within(fact: impl Future<Output = ()>) {
    tokio::time::timeout(PATIENCE, fact).await.expect("it comes true");
}
