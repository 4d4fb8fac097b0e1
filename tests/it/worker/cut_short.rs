//! A look at the rooms of many groups, while the provider goes down.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::{Failure, Standin};
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;
use tokio::sync::Semaphore;

use super::inside::{Gate, Given, Heard, during};
use super::{UNSETTLED, shows, until};
use crate::support::running::{until_none, until_true};
use crate::support::stage::Stage;

/// The groups whose rooms were read, by the tokens that were shown.
fn read(standin: &Standin) -> Vec<String> {
    let log = standin.log();
    let reads = log.iter().filter(|entry| entry.call == Some(Call::FetchRooms));
    reads.map(|entry| entry.bearer.clone().unwrap_or_default()).collect()
}

/// Its second group is answered when the lists of others have found the provider down. The look ends with that: were the
/// next group asked, its answer would be waited for, and there is none before the test lets it through.
#[tokio::test]
async fn a_look_ends_where_the_provider_was_found_down_meanwhile_and_is_made_good() {
    const TITLE: &str = "While rooms are read";
    let stage = Stage::with_week().await;
    let (heard, reads) = (Heard::default(), Arc::new(Semaphore::new(0)));
    let given = Given { heard: heard.clone(), reads: Some(Arc::clone(&reads)), ..Given::default() };
    let live = || (36001..=36005).map(SessionId);
    let story = async {
        until(&stage, "slides are sent", |standin| live().all(|id| !standin.decks_of(id).is_empty())).await;
        until_none("unsettled", async || stage.database.texts(UNSETTLED).await).await;
        reads.add_permits(1);
        until(&stage, "one group is looked at", |standin| read(standin).len() == 1).await;
        stage.standin.fail_always(Some(Call::SetDecks), Failure::Status(503));
        let edits: Vec<_> = live().map(|session| scenes::add_deck(session, TITLE).sql).collect();
        stage.database.run(&edits.join("\n")).await;
        until_true("it is down", async || heard.text().contains("the provider is down")).await;
        assert_eq!(read(&stage.standin).len(), 1);
        reads.add_permits(1);
        until_true("the look ends", async || heard.text().contains("the provider is back")).await;
        assert_eq!(read(&stage.standin).len(), 2);

        stage.standin.heal();
        reads.add_permits(100);
        let all = |standin: &Standin| read(standin).into_iter().collect::<BTreeSet<_>>().len() == 5;
        until(&stage, "all groups are looked at", all).await;
        let shown = |standin: &Standin| live().all(|session| shows(standin, session, TITLE));
        until(&stage, "the lists", shown).await;
    };
    during(&stage, given, story).await;
}

/// A look changes nothing, and may wait for long: the provider asked for quiet, say. Nobody who stops waits with it.
#[tokio::test]
async fn a_look_that_waits_does_not_hold_up_the_end() {
    for waits_for_tokens in [true, false] {
        let stage = Stage::with_week().await;
        stage
            .meetsync(&["hold", "--all", "--until", "1h", "--reason", "only rooms are read"])
            .await
            .expect(0);
        let gate = waits_for_tokens.then(Gate::shut);
        let given =
            Given { tokens: gate.clone(), reads: Some(Arc::new(Semaphore::new(0))), ..Given::default() };
        let told = std::cell::Cell::new(Instant::now());
        let story = async {
            if let Some(gate) = gate {
                until_true("it waits for tokens", async || gate.came.load(Ordering::Relaxed) > 0).await;
            } else {
                let answered = |standin: &Standin| {
                    standin
                        .log()
                        .iter()
                        .any(|entry| entry.call == Some(Call::Tokens) && entry.ended.is_some())
                };
                until(&stage, "it has its tokens, and waits for rooms", answered).await;
            }
            told.set(Instant::now());
        };
        during(&stage, given, story).await;
        // It has five seconds for what is under way.
        assert!(
            told.get().elapsed() < Duration::from_secs(4),
            "{waits_for_tokens}: {:?}",
            told.get().elapsed()
        );
    }
}
