//! A hold that comes when a step was laid out, and not yet begun.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use meetsync::demo::sample::scenes::{LIVE, LIVE_TOO};

use super::inside::{Gate, Given, Heard, during};
use super::{NOTHING, calls_of, passes, until};
use crate::support::running::until_true;
use crate::support::stage::Stage;

/// A task that waits for its group's token is under way already. `hold` says that nothing is sent by itself from now on.
#[tokio::test]
async fn a_step_that_was_laid_out_before_the_hold_came_is_not_begun() {
    for (which, held) in [("one", LIVE.to_string()), ("all", "NULL".to_owned())] {
        let stage = Stage::with_week().await;
        let (gate, heard) = (Gate::shut(), Heard::default());
        let given = Given { tokens: Some(Arc::clone(&gate)), heard: heard.clone(), ..Given::default() };
        let story = async {
            // Sessions that are on now come first, and it is one of them.
            until_true("they wait for tokens", async || gate.came.load(Ordering::Relaxed) >= 4).await;
            let hold = format!(
                "INSERT INTO meetsync.hold (session, until, by_whom, reason, since)
                 VALUES ({held}, now() + interval '1 hour', 'somebody', 'a reason', now())"
            );
            stage.database.run(&hold).await;
            gate.open.add_permits(1000);
            let told = async || {
                heard.text().contains(&format!("put on hold meanwhile subject=meetecho/session/{LIVE}/decks"))
            };
            until_true("it is told", told).await;
            if which == "one" {
                until(&stage, "another is sent", |standin| !standin.decks_of(LIVE_TOO).is_empty()).await;
            }
            passes(&stage, 2).await;
            let log = stage.standin.log();
            assert_eq!(calls_of(&log, LIVE), [], "{which}");
            if which == "all" {
                assert_eq!(stage.standin.counts().writes(), 0);
            }
            let rows = format!(
                "SELECT state FROM meetsync.subject WHERE doubt_since IS NOT NULL AND session = {LIVE}"
            );
            assert_eq!(stage.database.texts(&rows).await, NOTHING);
            stage.database.run("DELETE FROM meetsync.hold").await;
            until(&stage, "it goes on", |standin| !standin.decks_of(LIVE).is_empty()).await;
        };
        during(&stage, given, story).await;
    }
}
