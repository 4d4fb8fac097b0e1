//! Decks when things go wrong in the middle: histories of edits and faults, after which both sides must be alike.

use meetsync::demo::sample::scenes::{self, Edit, LIVE};
use meetsync::demo::standin::{Failure, PutRule, RepostRule};
use meetsync::model::Deck;
use meetsync::provider::meetecho::Call;
use serde_json::json;

use crate::support::stage::{Ended, Stage};

async fn stage(materials: &str) -> Stage {
    let mut stage = Stage::with_week().await;
    stage.change_settings(
        "rate = 0\n",
        &format!("rate = 0\nlate_effect = \"0s\"\nmaterials = \"{materials}\"\n"),
    );
    stage
}

async fn resync(stage: &Stage) -> Ended {
    stage.meetsync(&["resync", "--json", "--session", "36001"]).await
}

/// What the datatracker says, and what the provider shows, are the same; and one more resync has nothing to send.
async fn assert_alike(stage: &Stage) {
    let said = stage.meetsync(&["sessions", "--json", "--session", "36001"]).await.expect(0).json();
    let mut wanted: Vec<Deck> = serde_json::from_value(said[0]["decks"].clone()).expect("decks");
    wanted.sort_by_key(|deck| deck.order);
    assert_eq!(stage.standin.decks_of(LIVE), wanted);
    let sent = stage.standin.counts().writes();
    let again = resync(stage).await.expect(0).json();
    assert_eq!((&again["changes"], stage.standin.counts().writes()), (&json!([]), sent), "{again:#}");
}

/// Edits, each followed by a resync in which some calls go wrong; at the end all is well again.
async fn play(stage: &Stage, faults: &[(Call, Failure)]) {
    let edits: [fn() -> Edit; 5] = [
        || scenes::revise_deck(LIVE, 2),
        || scenes::add_deck(LIVE, "Late news"),
        || scenes::remove_deck(LIVE, 1),
        || scenes::last_deck_first(LIVE),
        || scenes::remove_deck(LIVE, 2),
    ];
    resync(stage).await.expect(0);
    for (edit, (call, failure)) in edits.iter().zip(faults.iter().cycle()) {
        stage.database.run(&edit().sql).await;
        stage.standin.fail_next(Some(*call), 2, failure.clone());
        let ended = resync(stage).await;
        assert!([0, 4].contains(&ended.status), "{ended:?}");
        stage.standin.heal();
    }
    // A confirming send may be owed.
    resync(stage).await.expect(0);
    resync(stage).await.expect(0);
    assert_alike(stage).await;
}

const FAULTS: [(Call, Failure); 6] = [
    (Call::SetDecks, Failure::StatusAfterEffect(500)),
    (Call::DeleteDeck, Failure::DropAfter),
    (Call::AddDeck, Failure::StatusAfterEffect(503)),
    (Call::SetDecks, Failure::TooMany { retry_after: 1 }),
    (Call::DeleteDeck, Failure::Status(422)),
    (Call::AddDeck, Failure::TooMany { retry_after: 1 }),
];

#[tokio::test(flavor = "multi_thread")]
async fn histories_with_faults_end_right_whatever_put_and_post_mean() {
    let rules = [
        ("put", PutRule::Upsert, RepostRule::Doubles, 0),
        ("put", PutRule::Replace, RepostRule::Doubles, 3),
        ("calls", PutRule::Upsert, RepostRule::Replaces, 2),
        ("calls", PutRule::Upsert, RepostRule::Doubles, 5),
        ("whole_list", PutRule::Replace, RepostRule::Doubles, 0),
    ];
    for (materials, put, post, first) in rules {
        let stage = stage(materials).await;
        stage.standin.set_put_rule(put);
        stage.standin.set_repost_rule(post);
        let mut faults = FAULTS.to_vec();
        faults.rotate_left(first);
        play(&stage, &faults).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_sent_empties_nothing() {
    let stage = stage("put").await;
    resync(&stage).await.expect(0);
    for _ in 0..3 {
        stage.database.run(&scenes::remove_deck(LIVE, 1).sql).await;
    }
    stage.standin.fail_always(None, Failure::Status(401));
    resync(&stage).await.expect(4);
    let counted = "SELECT count(*) FROM meetsync.attempt WHERE counts_as IS NOT NULL";
    assert_eq!(stage.database.texts(counted).await, ["0"]);
    stage.standin.heal();
    resync(&stage).await.expect(0);
    assert_eq!(stage.database.texts(counted).await, ["1"]);
    assert_alike(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_lost_everything_is_filled_again_when_no_record_is_trusted() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    let (rooms, decks) = (stage.standin.rooms().len(), stage.standin.decks_of(LIVE));
    stage.standin.forget_everything();
    stage.meetsync(&["resync", "--resend"]).await.expect(0);
    assert_eq!((stage.standin.rooms().len(), stage.standin.decks_of(LIVE)), (rooms, decks));
    // A ledger from a backup says that a room stands at another time than it does.
    let older = "UPDATE meetsync.subject SET remote = jsonb_set(remote, '{sent,duration_min}', '7') WHERE session = 36101 AND kind = 'room'";
    stage.database.run(older).await;
    let deleted = stage.standin.counts().delete_room;
    stage.meetsync(&["resync", "--resend"]).await.expect(0);
    let sent = stage.standin.counts().writes();
    stage.meetsync(&["resync"]).await.expect(0);
    assert_eq!((stage.standin.counts().delete_room, stage.standin.counts().writes()), (deleted, sent));
}
