//! The clock of the datatracker's database is set, while the worker runs: by minutes, and in the middle of things.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes::{self, LIVE};
use meetsync::demo::standin::{Failure, Standin};
use meetsync::provider::meetecho::Call;

use super::inside::{Ahead, Given, Heard, during};
use super::{NOTHING, UNSETTLED, one, shows, until};
use crate::support::running::until_true;
use crate::support::stage::Stage;

const TITLE: &str = "By which clock?";

/// Much less than any jump here.
const SOON: Duration = Duration::from_secs(20);

/// An edit whose burst or whose back-off is under way when the clock jumps from one value to another.
async fn a_jump(from: i64, to: i64, failing: bool) {
    let stage = Stage::with_week().await;
    let (heard, ahead) = (Heard::default(), Ahead::default());
    ahead.store(from, Ordering::Relaxed);
    let given = Given { ahead: ahead.clone(), heard: heard.clone(), ..Given::default() };
    let story = async {
        until(&stage, "it is sent", |standin| !standin.decks_of(LIVE).is_empty()).await;
        let settled = async || stage.database.texts(UNSETTLED).await.is_empty();
        until_true("all is settled", settled).await;
        if failing {
            stage.standin.fail_always(Some(Call::SetDecks), Failure::TooMany { retry_after: 0 });
        }
        stage.database.run(&scenes::add_deck(LIVE, TITLE).sql).await;
        let since = if failing {
            // It is put off by the clock of before.
            format!("due_at IS NOT NULL AND attempts > 1 AND session = {LIVE}")
        } else {
            format!("first_change IS NOT NULL AND session = {LIVE}")
        };
        let is_there = format!("SELECT key FROM meetsync.subject WHERE {since}");
        until_true("it is put off", async || !stage.database.texts(&is_there).await.is_empty()).await;
        ahead.store(to, Ordering::Relaxed);
        stage.standin.heal();
        let begun = Instant::now();
        until(&stage, "it is shown", |standin: &Standin| shows(standin, LIVE, TITLE)).await;
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        // And what comes after it.
        stage.database.run(&scenes::add_deck(LIVE, "Afterwards").sql).await;
        until(&stage, "it goes on as ever", |standin: &Standin| shows(standin, LIVE, "Afterwards")).await;
        assert!(begun.elapsed() < SOON * 2, "{:?}", begun.elapsed());
        let owed = format!("{UNSETTLED} AND kind = 'decks'");
        until_true("all is settled", async || stage.database.texts(&owed).await.is_empty()).await;
    };
    during(&stage, given, story).await;
    let leases = "SELECT owner FROM meetsync.lease";
    assert_eq!(stage.database.texts(leases).await, NOTHING);
    let warned = heard.text().matches("the clock of the datatracker's database went back").count();
    assert_eq!(warned, usize::from(to < from), "once: {}", heard.text());
    let twice =
        format!("SELECT count(*)::text FROM meetsync.attempt WHERE session = {LIVE} AND outcome = 'lost'");
    assert_eq!(one(&stage, &twice).await, "0", "leases go by the ledger's clock");
}

#[tokio::test]
async fn a_clock_that_is_set_back_in_the_middle_of_a_burst_holds_up_nobody() {
    a_jump(600, 0, false).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_during_a_back_off_holds_up_nobody() {
    a_jump(600, 0, true).await;
}

#[tokio::test]
async fn a_clock_that_is_set_forward_holds_up_nobody() {
    a_jump(0, 600, false).await;
    a_jump(0, 600, true).await;
}
