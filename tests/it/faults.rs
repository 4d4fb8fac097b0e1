//! Meetecho goes wrong in every way that has to be lived with: one clear sentence, the right exit status, the other
//! sessions done all the same, and in step again once it is well.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use meetsync::demo::standin::{Failure, GroupRefusal};
use meetsync::model::GroupAcronym;
use meetsync::provider::meetecho::Call;
use serde_json::Value;

use crate::support::stage::{Ended, Stage};

async fn stage() -> Stage {
    let mut stage = Stage::with_week().await;
    stage.change_settings("rate = 0\n", "rate = 0\nlate_effect = \"1s\"\n");
    stage
}

/// Only where an answer is late on purpose is it soon given up: a machine at work is late by chance.
async fn stage_for(failure: &Failure) -> Stage {
    let mut stage = stage().await;
    if matches!(failure, Failure::Hang | Failure::Delay(_) | Failure::LateLanding(_)) {
        stage.change_settings("rate = 0\n", "rate = 0\nrequest_timeout = \"300ms\"\n");
    }
    stage
}

/// Mostly waiting, so several at once.
async fn all_of<T>(cases: impl IntoIterator<Item = T>, each: impl AsyncFn(T)) {
    stream::iter(cases).for_each_concurrent(4, async |case| each(case).await).await;
}

fn outcomes(ended: &Ended, outcome: &str) -> usize {
    results(ended).iter().filter(|result| result["outcome"] == outcome).count()
}

fn results(ended: &Ended) -> Vec<Value> {
    ended.json()["results"].as_array().expect("a list").clone()
}

/// Every subject that was not done says why, in one line.
fn expect_sentences(ended: &Ended, words: &str) {
    for result in results(ended).iter().filter(|result| result["outcome"] != "applied") {
        let error = result["error"].as_str().unwrap_or_else(|| panic!("{result}"));
        let was_spared = error.contains("not sent: ");
        assert!(!error.contains('\n') && (was_spared || error.contains(words)), "{words}: {error}");
    }
    for line in ended.notes().iter().filter(|line| !line.contains(" WARN ")) {
        assert!(line.starts_with("meetsync: "), "{line}");
    }
}

/// Well again: in step after a resync or two, and silent after that.
async fn expect_healing(stage: &Stage) {
    stage.standin.heal();
    stage.resync_until_done().await;
    stage.expect_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_fault_is_tried_again_within_the_command() {
    let faults = [
        (Call::SetDecks, Failure::Status(500)),
        (Call::SetDecks, Failure::StatusAfterEffect(500)),
        (Call::SetDecks, Failure::TooMany { retry_after: 1 }),
        (Call::SetDecks, Failure::Html),
        (Call::SetDecks, Failure::TruncatedJson),
        (Call::SetDecks, Failure::Huge),
        (Call::SetDecks, Failure::DropBefore),
        (Call::SetDecks, Failure::DropAfter),
        (Call::SetDecks, Failure::Delay(Duration::from_millis(900))),
        (Call::SetDecks, Failure::RejectTokens),
        (Call::Tokens, Failure::Status(500)),
        (Call::FetchRooms, Failure::Html),
        (Call::CreateRoom, Failure::StatusAfterEffect(500)),
        (Call::CreateRoom, Failure::DropAfter),
        (Call::CreateRoom, Failure::TruncatedJson),
        (Call::CreateRoom, Failure::TooMany { retry_after: 1 }),
    ];
    all_of(faults, async |(call, failure)| {
        let stage = stage_for(&failure).await;
        stage.standin.fail_next(Some(call), 1, failure.clone());
        let ended = stage.meetsync(&["resync", "--json"]).await;
        assert_eq!(ended.status, 0, "{call:?} {failure:?}: {ended:?}");
        stage.expect_in_step().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decks_that_are_never_taken_stop_nobody_else() {
    let faults = [
        (Failure::Status(401), "credentials_rejected: ", "refused"),
        (Failure::Status(403), "credentials_rejected: ", "refused"),
        (Failure::Status(422), "unsupported: ", "refused"),
        (Failure::TooMany { retry_after: 0 }, "rate_limited: ", "failed"),
        (Failure::Status(500), "provider_down: ", "in_doubt"),
        (Failure::Html, "a web page", "in_doubt"),
        (Failure::TruncatedJson, "broken JSON", "in_doubt"),
        (Failure::Huge, "provider_down: ", "in_doubt"),
        (Failure::Hang, "timed out", "in_doubt"),
    ];
    all_of(faults, async |(failure, words, outcome)| {
        let stage = stage_for(&failure).await;
        stage.standin.fail_always(Some(Call::SetDecks), failure.clone());
        let ended = stage.meetsync(&["resync", "--json"]).await.expect(4);
        assert_eq!(outcomes(&ended, "applied"), 12, "the rooms: {failure:?} {:#}", ended.json()["results"]);
        assert!(outcomes(&ended, outcome) > 0, "{failure:?} {:#}", ended.json()["results"]);
        if outcome != "in_doubt" {
            expect_sentences(&ended, words);
        }
        expect_healing(&stage).await;
    })
    .await;
}

/// So slow that the command takes Meetecho for dead in each of its rounds, before the rooms had a turn.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_tried_before_comes_behind_who_never_was() {
    let mut stage = Stage::with_week().await;
    stage.change_settings("rate = 0\n", "rate = 0\nrequest_timeout = \"1200ms\"\nmax_in_flight = 2\n");
    stage.standin.fail_always(Some(Call::SetDecks), Failure::Hang);
    let ended = stage.meetsync(&["resync", "--json"]).await.expect(4);
    assert_eq!(outcomes(&ended, "applied"), 12, "the rooms: {:#}", ended.json()["results"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_that_are_never_made_stop_nobody_else() {
    let faults = [
        Failure::Status(401),
        Failure::Status(409),
        Failure::Status(500),
        Failure::Html,
        Failure::Hang,
        Failure::DropBefore,
    ];
    all_of(faults, async |failure| {
        let stage = stage_for(&failure).await;
        stage.standin.fail_always(Some(Call::CreateRoom), failure.clone());
        let ended = stage.meetsync(&["resync", "--json"]).await.expect(4);
        let decks: Vec<_> = results(&ended)
            .into_iter()
            .filter(|result| result["subject"].as_str().unwrap().ends_with("decks"))
            .collect();
        assert!(!decks.is_empty() && decks.iter().all(|result| result["outcome"] == "applied"), "{decks:#?}");
        expect_sentences(&ended, ": ");
        expect_healing(&stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_effect_is_lived_with() {
    for (call, failure) in [
        (Call::SetDecks, Failure::LateLanding(Duration::from_millis(700))),
        (Call::CreateRoom, Failure::LateLanding(Duration::from_millis(700))),
        (Call::CreateRoom, Failure::Delay(Duration::from_millis(700))),
    ] {
        let stage = stage_for(&failure).await;
        stage.standin.fail_next(Some(call), 2, failure);
        stage.meetsync(&["resync", "--json"]).await;
        expect_healing(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_meetecho_is_noticed_soon() {
    let faults = [
        Failure::Hang,
        Failure::Status(500),
        Failure::Html,
        Failure::Huge,
        Failure::DropBefore,
        Failure::Status(401),
        Failure::TooMany { retry_after: 3600 },
    ];
    all_of(faults, async |failure| {
        let stage = stage().await;
        stage.standin.fail_always(None, failure.clone());
        let begun = Instant::now();
        let ended = stage.meetsync(&["resync", "--json"]).await.expect(4);
        let took = begun.elapsed();
        // Two waits of ten seconds, where it asks for an hour.
        let limit = if matches!(failure, Failure::TooMany { .. }) { 25 } else { 20 };
        assert!(took < Duration::from_secs(limit), "{failure:?} took {took:?}");
        assert_eq!(results(&ended).len(), ended.json()["changes"].as_array().unwrap().len());
        assert_eq!(outcomes(&ended, "applied"), 0);
        expect_sentences(&ended, ": ");
        expect_healing(&stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_meetecho_is_a_plan_all_the_same() {
    let mut stage = stage().await;
    let well = stage.meetsync(&["plan", "--json"]).await.expect(2).json();
    let base = stage.standin.base_url.to_string();
    stage.change_settings(&base, "http://127.0.0.1:1/api/v1/");
    let plan = stage.meetsync(&["plan", "--json"]).await.expect(2).json();
    let refusals = plan["refusals"].as_array().unwrap();
    assert!(refusals.iter().any(|refusal| refusal["rule"] == "provider_down"), "{refusals:#?}");
    assert_eq!(plan["changes"], well["changes"], "nothing is known of rooms here: planned unread");
    let begun = Instant::now();
    let ended = stage.meetsync(&["resync", "--json"]).await.expect(4);
    assert!(begun.elapsed() < Duration::from_secs(20));
    expect_sentences(&ended, "provider_down: ");
    stage.meetsync(&["resync"]).await.expect(4);
    let checked = stage.meetsync(&["check"]).await.expect(1);
    assert!(checked.stdout.contains("provider_down"), "{checked:?}");
    stage.change_settings("http://127.0.0.1:1/api/v1/", &base);
    expect_healing(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_group_among_many_stops_only_itself() {
    for how in [GroupRefusal::WholeCall(400), GroupRefusal::WholeCall(403), GroupRefusal::LeftOut] {
        let stage = stage().await;
        let bad = GroupAcronym::new("rats");
        stage.standin.refuse_group(&bad, how);
        let ended = stage.meetsync(&["resync", "--json"]).await.expect(4);
        let not_done: Vec<_> =
            results(&ended).into_iter().filter(|result| result["outcome"] != "applied").collect();
        assert_eq!(not_done.len(), 1, "{how:?} {not_done:#?}");
        let error = not_done[0]["error"].as_str().unwrap();
        assert!(error.starts_with("group_unknown") && error.contains("rats"), "{error}");
        stage.standin.allow_group(&bad);
        expect_healing(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_one_clear_sentence() {
    let mut stage = stage().await;
    stage.change_settings("canary-secret-5f1c", "not-the-secret");
    let ended = stage.meetsync(&["resync", "--json"]).await.expect(4);
    expect_sentences(&ended, "client_secret");
    let tokens = stage.standin.counts().tokens;
    assert!(tokens <= 8, "{tokens} token calls");
    let checked = stage.meetsync(&["check"]).await.expect(1);
    assert!(checked.stdout.contains("credentials_rejected"), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_that_nobody_could_read_are_not_called_looked_at() {
    let stage = stage().await;
    stage.meetsync(&["resync"]).await.expect(0);
    stage.standin.fail_always(Some(Call::FetchRooms), Failure::Status(500));
    let ended = stage.meetsync(&["rooms", "--json"]).await.expect(4);
    let rooms = ended.json();
    let recorded = rooms.as_array().unwrap().iter().filter(|room| room["state"] == "present");
    let reasons: Vec<_> = recorded.map(|room| room["reason"].as_str().unwrap_or_default()).collect();
    assert!(!reasons.is_empty() && reasons.iter().all(|reason| reason.contains("not read")), "{reasons:?}");
    assert_eq!(ended.notes().len(), 1, "the same fault is told once: {ended:?}");
    let text = stage.meetsync(&["rooms"]).await.expect(4).stdout;
    assert!(
        text.starts_with("13 rooms: 1 not ours; not read, and so by the ledger's record: 12 present\n"),
        "{text}"
    );
}
