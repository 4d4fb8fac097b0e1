//! Token calls that are refused: for want of the right credentials, or for one group's sake.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::{Failure, GroupRefusal, LogEntry, Standin};
use meetsync::model::{GroupAcronym, SessionId};
use meetsync::provider::meetecho::Call;

use super::inside::{Given, during};
use super::{NOTHING, UNSETTLED, calls_of, hurried, one, shows, until, until_in_step};
use crate::support::running::{Running, until_none, until_true};
use crate::support::stage::Stage;

const PARKED: &str = "SELECT key || ': ' || last_error FROM meetsync.subject WHERE state = 'parked'";
const TITLE: &str = "While we were strangers";

/// Slides of all these are sent whenever they change; the first five are live.
fn sessions() -> Vec<SessionId> {
    (36001..=36020).map(SessionId).collect()
}

async fn everybody_always() -> Stage {
    let mut stage = hurried().await;
    stage.change_settings("[slides]\n", "[slides]\nslides_notify_time = \"always\"\n");
    stage
}

async fn change_them_all(stage: &Stage) {
    let edits: Vec<_> = sessions().into_iter().map(|session| scenes::add_deck(session, TITLE).sql).collect();
    stage.database.run(&edits.join("\n")).await;
}

fn token_calls(log: &[LogEntry]) -> Vec<&LogEntry> {
    log.iter().filter(|entry| entry.call == Some(Call::Tokens)).collect()
}

/// Nobody is parked, everybody is tried again, and the calls are as few as of a provider that is down.
async fn expect_patience(stage: &Stage, worker: &Running, from: usize) {
    worker.says("the provider rejects client_id and client_secret", 1).await;
    let until_opened = token_calls(&stage.standin.log()[from..]).len();
    // Each of the eight steps under way may ask for its own group once, or one common call is made and two in its stead;
    // then a witness shows that it is about us.
    assert!(until_opened <= 10, "{until_opened} token calls before it was noticed");
    let probed = stage.standin.log().len();
    until(stage, "it is probed", |standin| token_calls(&standin.log()[probed..]).len() >= 4).await;
    let log = stage.standin.log();
    for pair in token_calls(&log[probed..]).windows(2) {
        let gap = pair[1].began.saturating_sub(pair[0].began);
        // They are two seconds apart where they are sent; on the way here a busy machine may move each.
        assert!(gap > Duration::from_millis(1300), "{gap:?} between two probes");
    }
    assert_eq!(stage.database.texts(PARKED).await, NOTHING);
    let status = stage.meetsync(&["status"]).await;
    assert!(status.stdout.contains("Meetecho rejects our credentials"), "{status:?}");
    let error = "SELECT DISTINCT last_error FROM meetsync.subject WHERE last_error IS NOT NULL";
    let errors = stage.database.texts(error).await;
    assert!(!errors.is_empty() && errors.iter().all(|words| words.contains("client_secret")), "{errors:?}");
    assert!(worker.said().contains("why=credentials_rejected"), "{}", worker.said());
    assert!(!worker.said().contains("group_unknown"), "{}", worker.said());
}

async fn expect_all(stage: &Stage, from: usize) {
    let all = |standin: &Standin| sessions().iter().all(|session| shows(standin, *session, TITLE));
    until(stage, "all are shown", all).await;
    until_none("owed", async || stage.database.texts(UNSETTLED).await).await;
    until_in_step(stage).await;
    // One that still had a token of before is told first that it no longer counts.
    let mut log = stage.standin.log().split_off(from);
    log.retain(|entry| entry.status != Some(401));
    let order: Vec<_> = log.iter().filter_map(LogEntry::session).collect();
    // Eight go at once, live ones before the others; who of them is heard first is chance.
    let live: BTreeSet<i64> = order.iter().take(8 + 5).map(|session| session.0).collect();
    assert!((36001..=36005).all(|session| live.contains(&session)), "live ones first: {order:?}");
    for session in sessions() {
        assert_eq!(calls_of(&log, session), [Call::SetDecks], "{session}");
    }
}

/// Whatever the status: nobody gets a token any more.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_parked_for_credentials_that_are_rejected() {
    for status in [401, 400] {
        let stage = everybody_always().await;
        let worker = Running::start(&stage);
        until_in_step(&stage).await;
        let before = stage.requests();
        stage.standin.fail_always(Some(Call::Tokens), Failure::Status(status));
        stage.standin.reject_tokens();
        change_them_all(&stage).await;
        expect_patience(&stage, &worker, before).await;
        let healed = stage.requests();
        stage.standin.heal();
        expect_all(&stage, healed).await;
        worker.stop().await.expect(0);
        stage.expect_in_step().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_put_right_counts_from_the_next_hangup_or_start() {
    let mut stage = everybody_always().await;
    let right = "canary-secret-5f1c";
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    worker.stop().await.expect(0);
    stage.standin.reject_tokens();
    stage.change_settings(right, "mistyped-canary");
    change_them_all(&stage).await;
    let (before, worker) = (stage.requests(), Running::start(&stage));
    expect_patience(&stage, &worker, before).await;
    // A start with the wrong one changes nothing.
    worker.stop().await.expect(0);
    let (before, worker) = (stage.requests(), Running::start(&stage));
    expect_patience(&stage, &worker, before).await;
    let put_right = stage.requests();
    stage.change_settings("mistyped-canary", right);
    worker.signal("HUP");
    expect_all(&stage, put_right).await;
    let ended = worker.stop().await.expect(0);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    stage.expect_in_step().await;
}

/// What failed a moment ago under the old settings is tried at once, and not when its back-off is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_puts_nothing_off() {
    let stage = everybody_always().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    worker.stop().await.expect(0);
    let later = "UPDATE meetsync.subject SET due_at = clock_timestamp() + interval '1 hour', attempts = 9
                 WHERE kind = 'decks'";
    stage.database.run(later).await;
    change_them_all(&stage).await;
    let (before, worker) = (stage.requests(), Running::start(&stage));
    expect_all(&stage, before).await;
    worker.stop().await.expect(0);
}

async fn group_of(stage: &Stage, session: SessionId) -> GroupAcronym {
    let sql = format!(
        "SELECT g.acronym FROM public.meeting_session s JOIN public.group_group g ON g.id = s.group_id
         WHERE s.id = {session}"
    );
    GroupAcronym::new(one(stage, &sql).await)
}

/// A group that Meetecho does not know is its own sessions' trouble, however Meetecho says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_unknown_stops_and_delays_nobody_else() {
    for how in [GroupRefusal::WholeCall(403), GroupRefusal::WholeCall(400), GroupRefusal::LeftOut] {
        let stage = everybody_always().await;
        let unknown = group_of(&stage, SessionId(36001)).await;
        stage.standin.refuse_group(&unknown, how);
        change_them_all(&stage).await;
        let worker = Running::start(&stage);
        let mut others = Vec::new();
        for session in sessions() {
            if group_of(&stage, session).await != unknown {
                others.push(session);
            }
        }
        assert!(others.len() >= 10 && others.contains(&SessionId(36002)), "{others:?}");
        let all = |standin: &Standin| others.iter().all(|session| shows(standin, *session, TITLE));
        until(&stage, "all others are shown", all).await;
        worker.says("why=group_unknown", 1).await;
        let parked = stage.database.texts(PARKED).await;
        assert!(!parked.is_empty(), "{how:?}");
        assert!(parked.iter().all(|line| line.contains(unknown.as_str())), "{how:?} {parked:?}");
        // So that whoever asks later is told the same as the log.
        assert!(parked.iter().all(|line| line.contains(": group_unknown: ")), "{how:?} {parked:?}");
        let told = stage.meetsync(&["explain", "36001"]).await.expect(0).stdout;
        assert!(told.contains("refused, tried again") && told.contains("(group_unknown)"), "{told}");
        let log = stage.standin.log();
        let of_others: BTreeSet<_> = log.iter().filter_map(LogEntry::session).collect();
        assert!(!of_others.contains(&SessionId(36001)), "nothing was sent for it");
        assert!(!worker.said().contains("credentials_rejected"), "{how:?} {}", worker.said());
        worker.stop().await.expect(0);
    }
}

/// A session whose token is at hand does not wait for a token call about others that are due.
#[tokio::test]
async fn whoever_has_a_token_waits_for_nobody_elses() {
    let stage = Stage::with_week().await;
    let given = Given::default();
    let stuck = given.stuck.clone();
    let story = async {
        let settled = async || stage.database.texts(UNSETTLED).await.is_empty();
        until(&stage, "it is sent", |standin| !standin.decks_of(scenes::LIVE).is_empty()).await;
        until_true("all is settled", settled).await;
        stuck.store(true, Ordering::Relaxed);
        stage.database.run(&scenes::add_deck(scenes::LIVE, TITLE).sql).await;
        until(&stage, "it is shown", |standin| shows(standin, scenes::LIVE, TITLE)).await;
        until_true("all is settled", settled).await;
    };
    during(&stage, given, story).await;
}
