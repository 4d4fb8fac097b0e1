//! `meetsync run`, as a process of its own between a real database and the stand-in: what it does, through whatever
//! happens to it and to both ends.
//!
//! Everything waits for facts: what the stand-in shows, what the ledger says, what a command answers.

mod clocks;
mod closed;
mod columns;
mod credentials;
mod cut_short;
mod database_away;
mod edits;
mod hangup;
mod held;
mod inside;
mod jumps;
mod killed;
mod long_steps;
mod lost_rooms;
mod outage;
mod panics;
mod pauses;
mod recovery;
mod reloads;
mod replicas;
mod restarted;
mod rooms;
mod silent;
mod stopping;
mod told;
mod unheard;
mod watchdog;
mod whole;
mod windows;
mod wishes;

use std::time::{Duration, Instant};

use meetsync::demo::cluster::{Cluster, Place};
use meetsync::demo::sample;
use meetsync::demo::standin::{LogEntry, Standin};
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;

use crate::support::TestDatabase;
use crate::support::running::{PATIENCE, until_none, until_true};
use crate::support::stage::Stage;

/// The sample week, for a worker that has not much time.
async fn hurried() -> Stage {
    let mut stage = Stage::with_week().await;
    hurry(&mut stage);
    stage
}

fn hurry(stage: &mut Stage) {
    stage.change_settings("[scope]", "poll = \"200ms\"\n[scope]");
    stage.change_settings("rate = 0\n", "rate = 0\nlate_effect = \"1s\"\n");
    stage.change_settings("policy = \"full\"\n", "policy = \"full\"\nsettle = \"0s\"\n");
    stage.add_settings("[slides]\nquiet = \"200ms\"\nmax_wait = \"1s\"\n[ledger]\nlease = \"10s\"\n");
}

/// The same, with a database server of its own, for whoever takes that away.
struct OwnServer {
    stage: Stage,
    cluster: Cluster,
}

impl OwnServer {
    async fn hurried() -> Self {
        Self::hurried_at(&Place::from_env()).await
    }

    async fn hurried_at(place: &Place) -> Self {
        let start = || Cluster::start(place).expect("the tests need a throwaway PostgreSQL");
        let cluster = tokio::task::block_in_place(start);
        sample::create(&cluster, "week").await.expect("a fresh server");
        let mut stage = Stage::not_migrated(TestDatabase::bare().await).await;
        let shared = stage.database.url();
        stage.change_settings(&shared, &cluster.url("week"));
        hurry(&mut stage);
        stage.meetsync(&["migrate"]).await.expect(0);
        Self { stage, cluster }
    }

    async fn run(&self, sql: &str) {
        self.cluster.run_sql("week", sql).await.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        self.cluster.query_texts("week", sql).await.unwrap_or_else(|error| panic!("{error:?}\n{sql}"))
    }
}

/// Waits for a fact at the stand-in.
async fn until(stage: &Stage, fact: &str, holds: impl FnMut(&Standin) -> bool) {
    let found = tokio::time::timeout(PATIENCE, stage.standin.until(holds)).await;
    assert!(found.is_ok(), "never came true: {fact}; {:#?}", stage.standin.counts());
}

/// Waits until a command that reads both sides finds nothing to do, and nothing owed.
async fn until_in_step(stage: &Stage) {
    let begun = Instant::now();
    loop {
        let plan = stage.meetsync(&["plan", "--json"]).await;
        let summary = &plan.json()["summary"];
        if plan.status == 0 && summary["in_doubt"] == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "still not in step: {plan:?}");
    }
}

/// Waits until this many passes came to their end that began after this moment.
async fn passes(stage: &Stage, count: usize) {
    for _ in 0..count {
        let now = one(stage, "SELECT clock_timestamp()::text").await;
        let passed = format!("SELECT 1::text FROM meetsync.pass WHERE as_of > '{now}'");
        until_true("another pass", async || !stage.database.texts(&passed).await.is_empty()).await;
    }
}

/// A pass that had begun before a step ended may wish once more for what is done; the next one takes that back.
async fn until_nothing_is_wished(stage: &Stage) {
    passes(stage, 2).await;
    let wished = "SELECT key FROM meetsync.subject WHERE kind = 'room' AND first_change IS NOT NULL";
    until_none("a wish of before", async || stage.database.texts(wished).await).await;
}

/// One value of the stage's database.
async fn one(stage: &Stage, sql: &str) -> String {
    let mut texts = stage.database.texts(sql).await;
    assert_eq!(texts.len(), 1, "{sql}: {texts:?}");
    texts.remove(0)
}

fn shows(standin: &Standin, session: SessionId, title: &str) -> bool {
    standin.decks_of(session).iter().any(|deck| deck.title == title)
}

/// The calls that would change something of this session.
fn calls_of(log: &[LogEntry], session: SessionId) -> Vec<Call> {
    log.iter().filter(|entry| entry.session() == Some(session)).filter_map(|entry| entry.call).collect()
}

fn how_many(calls: &[Call], call: Call) -> usize {
    calls.iter().filter(|made| **made == call).count()
}

/// What was sent again, or taken back: pairs of requests about one session that were under way at once.
fn at_once(log: &[LogEntry]) -> Vec<String> {
    let end = |entry: &LogEntry| entry.ended.unwrap_or(Duration::MAX);
    let changing: Vec<&LogEntry> = log.iter().filter(|entry| entry.session().is_some()).collect();
    let mut found = Vec::new();
    for (place, one) in changing.iter().enumerate() {
        for other in &changing[place + 1..] {
            if one.session() == other.session() && other.began < end(one) && one.began < end(other) {
                found.push(format!("{:?}: {} and {}", one.session(), one.seq, other.seq));
            }
        }
    }
    found
}

/// Leases of these processes, or of anybody that are not over.
const LEASES: &str = "SELECT session || ' ' || owner FROM meetsync.lease WHERE until > clock_timestamp()";

/// Sessions of which something is not settled.
const UNSETTLED: &str =
    "SELECT key FROM meetsync.subject WHERE state <> 'settled' OR first_change IS NOT NULL";

const NOTHING: [String; 0] = [];
