//! A pause that the provider asked for: nobody is begun before it is over. Whoever were, would only wait for its end
//! with a lease and a doubt mark, and be in doubt of what was never sent.

use std::time::Duration;

use meetsync::demo::sample::scenes::{self, INTERIM, LIVE};
use meetsync::demo::standin::{Failure, LogEntry};
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;

use super::{NOTHING, hurried, one, passes, shows, until, until_in_step, until_nothing_is_wished};
use crate::support::running::{Running, until_true};
use crate::support::stage::Stage;

const TITLE: &str = "Not so fast";

/// In seconds.
const PAUSE: u64 = 12;

/// From here on each lease that somebody takes is written down, and nobody can give the one of this session back before
/// [`let_it_end`]: its step has heard the answer, and has not ended.
async fn watch(stage: &Stage, session: SessionId) {
    stage
        .database
        .run(&format!(
            "CREATE TABLE public.leased (session bigint, at timestamptz DEFAULT clock_timestamp());
             CREATE TABLE public.slow AS SELECT {session} AS session;
             CREATE FUNCTION public.lease_taken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO public.leased (session) VALUES (new.session); RETURN new; END $$;
             CREATE FUNCTION public.lease_given_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 WHILE EXISTS (SELECT FROM public.slow WHERE session = old.session) LOOP
                     PERFORM pg_sleep(0.05); END LOOP; RETURN old; END $$;
             CREATE TRIGGER taken BEFORE INSERT ON meetsync.lease
                 FOR EACH ROW EXECUTE FUNCTION public.lease_taken();
             CREATE TRIGGER given_back BEFORE DELETE ON meetsync.lease
                 FOR EACH ROW EXECUTE FUNCTION public.lease_given_back();"
        ))
        .await;
}

async fn let_it_end(stage: &Stage) {
    stage.database.run("DELETE FROM public.slow").await;
}

async fn until_too_many(stage: &Stage) {
    until(stage, "it is told to wait", |standin| standin.log().iter().any(is_too_many)).await;
}

fn is_too_many(entry: &LogEntry) -> bool {
    entry.status == Some(429)
}

/// What came after the answer that asked for the pause, and before it was over.
fn in_the_pause(log: &[LogEntry]) -> Vec<String> {
    let asked = log.iter().position(is_too_many).expect("it was told to wait");
    let over = log[asked].began + Duration::from_secs(PAUSE);
    let early = log[asked + 1..].iter().filter(|entry| entry.began < over);
    early.map(|entry| format!("{entry:?}")).collect()
}

/// The sessions of the leases that were taken from this moment on, until the pause was over at the earliest.
async fn leased(stage: &Stage, begun: &str) -> Vec<String> {
    let early = format!(
        "SELECT session::text FROM public.leased
         WHERE at < '{begun}'::timestamptz + interval '{PAUSE} seconds' ORDER BY at"
    );
    stage.database.texts(&early).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_begun_in_a_pause_that_the_provider_asked_for() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    watch(&stage, LIVE).await;
    let before = stage.requests();
    stage.standin.fail_next(Some(Call::SetDecks), 1, Failure::TooMany { retry_after: PAUSE });
    let begun = one(&stage, "SELECT clock_timestamp()::text").await;
    stage.database.run(&scenes::add_deck(LIVE, TITLE).sql).await;
    until_too_many(&stage).await;

    // Edited in the pause, with decks and without.
    let others = || (36002..=36006).map(SessionId);
    let edits: Vec<_> = others().map(|session| scenes::add_deck(session, TITLE).sql).collect();
    stage.database.run(&edits.join("\n")).await;
    let wished = "SELECT session::text FROM meetsync.subject WHERE session BETWEEN 36002 AND 36006
                  AND kind = 'decks' AND first_change IS NOT NULL";
    until_true("they are wished", async || stage.database.texts(wished).await.len() == 5).await;
    passes(&stage, 2).await;
    let_it_end(&stage).await;
    until_true("it is told", async || {
        let told = stage.meetsync(&["status"]).await.stdout;
        let pause = told.lines().find(|line| line.starts_with("Meetecho asked run@"));
        pause.is_some_and(|line| line.ends_with(": nothing is sent by it before that."))
    })
    .await;

    let all = || others().chain([LIVE]);
    until(&stage, "all are shown", |standin| all().all(|session| shows(standin, session, TITLE))).await;
    until_in_step(&stage).await;
    worker.stop().await.expect(0);
    assert_eq!(in_the_pause(&stage.standin.log()[before..]), NOTHING);
    assert_eq!(leased(&stage, &begun).await, [LIVE.to_string()]);
    let doubts = "SELECT session::text FROM meetsync.attempt WHERE outcome IN ('in_doubt', 'lost')";
    assert_eq!(stage.database.texts(doubts).await, NOTHING);
}

/// After a few tries the slides do not wait for their room any more; but for the provider they do.
#[tokio::test(flavor = "multi_thread")]
async fn slides_are_not_begun_in_a_pause_that_was_asked_for_at_their_room() {
    let mut stage = hurried().await;
    stage.change_settings("[slides]\n", "[slides]\nslides_notify_time = \"always\"\n");
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    until_nothing_is_wished(&stage).await;
    worker.stop().await.expect(0);
    let failed =
        format!("UPDATE meetsync.subject SET attempts = 5 WHERE session = {INTERIM} AND kind = 'room'");
    stage.database.run(&failed).await;
    watch(&stage, SessionId(0)).await;
    let before = stage.requests();
    stage.standin.fail_next(Some(Call::DeleteRoom), 1, Failure::TooMany { retry_after: PAUSE });
    let edits = [scenes::move_interim(INTERIM, 60), scenes::add_deck(INTERIM, TITLE)];
    stage.database.run(&edits.map(|edit| edit.sql).join("\n")).await;
    let begun = one(&stage, "SELECT clock_timestamp()::text").await;
    let worker = Running::start(&stage);
    until_too_many(&stage).await;
    until(&stage, "the slides are shown", |standin| shows(standin, INTERIM, TITLE)).await;
    until_in_step(&stage).await;
    worker.stop().await.expect(0);
    assert_eq!(in_the_pause(&stage.standin.log()[before..]), NOTHING);
    assert_eq!(leased(&stage, &begun).await, [INTERIM.to_string()]);
}
