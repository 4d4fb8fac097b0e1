//! A step that panics: its subject's trouble, and nobody else's. A pass that panics: told as one that failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use meetsync::demo::sample::scenes::{self, LIVE, LIVE_TOO};

use super::inside::{Given, Heard, Panics, during};
use super::{NOTHING, shows, until};
use crate::support::running::until_true;
use crate::support::stage::Stage;

async fn a_panic(panics: Panics) {
    let stage = Stage::with_week().await;
    let heard = Heard::default();
    let given = Given { panics, heard: heard.clone(), ..Given::default() };
    let story = async {
        // Beside it, everything goes on.
        until(&stage, "the others are sent", |standin| !standin.decks_of(LIVE_TOO).is_empty()).await;
        until(&stage, "it is sent in the end", |standin| {
            let sent = standin.log().iter().filter(|entry| entry.session() == Some(LIVE)).count();
            // After doubt, one more to confirm.
            sent >= if panics == Panics::BeforeItIsSent { 1 } else { 5 }
        })
        .await;
        stage.database.run(&scenes::add_deck(LIVE, "After all that").sql).await;
        until(&stage, "it goes on as ever", |standin| shows(standin, LIVE, "After all that")).await;
        let unsettled = "SELECT key FROM meetsync.subject WHERE kind = 'decks' AND
                         (state <> 'settled' OR first_change IS NOT NULL OR confirm_at IS NOT NULL)";
        let settled = async || stage.database.texts(unsettled).await.is_empty();
        until_true("all is settled", settled).await;
    };
    during(&stage, given, story).await;

    let attempts = format!(
        "SELECT outcome FROM meetsync.attempt WHERE session = {LIVE} AND words LIKE '%defect%' ORDER BY id"
    );
    let outcome = if panics == Panics::BeforeItIsSent { "retry" } else { "in_doubt" };
    assert_eq!(stage.database.texts(&attempts).await, [outcome; 3]);
    // Its back-off: 1 s, then 2 s, since people wait; less a quarter at the most. The lease of five minutes was given back each time.
    let gaps = format!(
        "SELECT extract(epoch FROM at - lag(at) OVER (ORDER BY id))::float8::text FROM meetsync.attempt
         WHERE session = {LIVE} ORDER BY id OFFSET 1 LIMIT 3"
    );
    let gaps: Vec<f64> = stage.database.texts(&gaps).await.iter().map(|gap| gap.parse().unwrap()).collect();
    for (gap, least) in gaps.iter().zip([0.7, 1.4, 1.4]) {
        assert!(*gap > least, "{gaps:?}");
    }
    let leases = "SELECT session || ' ' || owner FROM meetsync.lease WHERE until > clock_timestamp()";
    assert_eq!(stage.database.texts(leases).await, NOTHING);
    let said = heard.text();
    let named = format!(
        "a step panicked; this is a defect of meetsync, please report it with what was said right before session={LIVE}"
    );
    assert_eq!(said.matches(&named).count(), 3, "{said}");
}

#[tokio::test]
async fn a_panic_before_a_request_is_tried_again_after_a_while() {
    a_panic(Panics::BeforeItIsSent).await;
}

#[tokio::test]
async fn a_panic_after_a_request_leaves_doubt_and_is_tried_again_after_a_while() {
    a_panic(Panics::AfterItWasSent).await;
}

/// Whoever hears of passes hears of this one, too: nothing is begun until one succeeds.
#[tokio::test]
async fn a_pass_that_panics_is_told_as_one_that_failed() {
    let stage = Stage::with_week().await;
    let given = Given { reads_panic: Arc::new(AtomicBool::new(true)), ..Given::default() };
    let (panics, passes) = (Arc::clone(&given.reads_panic), Arc::clone(&given.passes));
    let last = || passes.lock().unwrap().last().cloned();
    let story = async {
        until_true("a pass is told", async || last().is_some()).await;
        let words = last().unwrap().expect("it failed");
        assert!(words.contains("panicked") && words.contains("defect of meetsync"), "{words}");
        assert!(!words.contains("planted"), "that is for the log: {words}");
        panics.store(false, Ordering::Relaxed);
        until_true("the next one succeeds", async || last() == Some(None)).await;
    };
    during(&stage, given, story).await;
}
