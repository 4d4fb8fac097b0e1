//! The stand-in Meetecho, through the real client.

use chrono::DateTime;
use std::time::Duration;

use meetsync::demo::standin::{DuplicateRoom, Failure, GroupRefusal, PutRule, RepostRule, Standin};
use meetsync::model::{Deck, DeckId, GroupAcronym, Outcome, RoomSpec, SessionId, Why};
use meetsync::provider::meetecho::{Call, Meetecho, MeetechoOptions};
use secrecy::ExposeSecret as _;

const SESSION: SessionId = SessionId(35206);

fn client_of(standin: &Standin) -> Meetecho {
    Meetecho::live(MeetechoOptions {
        api_base: standin.base_url.clone(),
        client_id: standin.options.client_id.clone(),
        client_secret: standin.options.client_secret.clone(),
        max_in_flight: 8,
        rate: 0.0,
        longest_hold: Duration::from_mins(1),
        request_timeout: Duration::from_secs(1),
        allow_http: false,
    })
    .expect("loopback")
}

async fn both() -> (Standin, Meetecho, GroupAcronym) {
    let standin = Standin::start().await.expect("a free port");
    let client = client_of(&standin);
    (standin, client, GroupAcronym::new("mars"))
}

fn deck(id: i64, order: i32) -> Deck {
    let url = format!("https://datatracker.ietf.org/meeting/126/materials/slides-126-mars-{id}-00");
    Deck { id: DeckId(id), title: format!("Überblick {id} 🚀"), url, rev: "00".to_owned(), order }
}

fn room(id: i64) -> RoomSpec {
    RoomSpec {
        room_id: SessionId(id),
        description: "interim-2026-mars-01".to_owned(),
        start: "2026-09-14T10:00:00Z".parse().expect("a time"),
        duration_min: 90,
    }
}

fn ids(decks: &[Deck]) -> Vec<i64> {
    decks.iter().map(|deck| deck.id.0).collect()
}

#[tokio::test]
async fn decks_and_rooms_are_remembered() {
    let (standin, client, mars) = both().await;
    let decks = [deck(1, 1), deck(2, 2)];
    assert_eq!(client.set_decks(&mars, SESSION, &decks).await, Outcome::Applied(()));
    assert_eq!(standin.decks_of(SESSION), decks);
    assert_eq!(client.add_deck(&mars, SESSION, &deck(3, 0)).await, Outcome::Applied(()));
    assert_eq!(ids(&standin.decks_of(SESSION)), [3, 1, 2]);
    assert_eq!(client.delete_deck(&mars, SESSION, DeckId(1)).await, Outcome::Applied(()));
    assert_eq!(client.delete_deck(&mars, SESSION, DeckId(1)).await, Outcome::Applied(()), "404 is done");
    assert_eq!(ids(&standin.decks_of(SESSION)), [3, 2]);

    assert_eq!(client.fetch_rooms(&mars).await, Outcome::Applied(vec![]), "an empty map as PHP writes it");
    let Outcome::Applied(made) = client.create_room(&mars, &room(8)).await else { panic!("made") };
    assert_eq!(made.url, "https://meetings.conf.meetecho.com/interim/?session=8");
    assert_eq!(made.times(), room(8).times());
    assert_eq!(client.fetch_rooms(&mars).await, Outcome::Applied(vec![made.clone()]));
    assert_eq!(client.fetch_rooms(&GroupAcronym::new("ames")).await, Outcome::Applied(vec![]));
    assert_eq!(
        client.delete_room(&mars, 8, Some(&made.public_id), &|| DateTime::UNIX_EPOCH).await,
        Outcome::Applied(())
    );
    assert!(standin.rooms().is_empty());

    let counts = standin.counts();
    assert_eq!((counts.tokens, counts.fetch_rooms, counts.writes()), (2, 4, 6));
    assert_eq!(counts.writes() as u64, client.requests_sent());
    let log = standin.log();
    let put = log.iter().find(|entry| entry.call == Some(Call::SetDecks)).expect("sent");
    assert_eq!(
        (put.bearer.as_deref(), put.scheme.as_deref(), put.status),
        (Some("group mars"), Some("bearer"), Some(202))
    );
    let gone = log.iter().find(|entry| entry.call == Some(Call::DeleteRoom)).expect("sent");
    assert_eq!((gone.bearer.as_deref(), gone.content_length.as_deref()), (Some("deletes room 8"), Some("0")));
    let shown = format!("{log:?} {standin:?}");
    assert!(standin.secrets().len() >= 2);
    for secret in standin.secrets() {
        assert!(!shown.contains(secret.expose_secret()), "the log shows a secret");
    }
    standin.stop().await;
}

#[tokio::test]
async fn credentials_are_checked() {
    let (standin, client, mars) = both().await;
    let mut wrong = MeetechoOptions {
        api_base: standin.base_url.clone(),
        client_id: standin.options.client_id.clone(),
        client_secret: "wrong".into(),
        max_in_flight: 1,
        rate: 0.0,
        longest_hold: Duration::from_mins(1),
        request_timeout: Duration::from_secs(5),
        allow_http: false,
    };
    let outcome = Meetecho::live(wrong.clone()).expect("loopback").check_credentials(None).await;
    assert_eq!(outcome.fault().expect("refused").why, Why::CredentialsRejected);
    wrong.client_secret = standin.options.client_secret.clone();
    assert_eq!(Meetecho::live(wrong).expect("loopback").check_credentials(None).await, Outcome::Applied(()));

    standin.bind_session(SESSION, &GroupAcronym::new("ames"));
    let outcome = client.set_decks(&mars, SESSION, &[]).await;
    assert_eq!(outcome.fault().expect("another group's").why, Why::CredentialsRejected);
    assert_eq!(client.set_decks(&GroupAcronym::new("ames"), SESSION, &[]).await, Outcome::Applied(()));

    // A renewed token after all were thrown away.
    standin.reject_tokens();
    let before = client.token_calls();
    assert_eq!(client.set_decks(&mars, SessionId(1), &[]).await, Outcome::Applied(()));
    assert_eq!(client.token_calls(), before + 1);

    for (acronym, how) in [("bad1", GroupRefusal::WholeCall(400)), ("bad2", GroupRefusal::LeftOut)] {
        let bad = GroupAcronym::new(acronym);
        standin.refuse_group(&bad, how);
        let outcome = client.set_decks(&bad, SessionId(1), &[]).await;
        assert_eq!(outcome.fault().expect("refused").why, Why::GroupUnknown);
    }
}

/// What each trouble becomes for a PUT, and whether the list is there afterwards.
#[tokio::test]
async fn troubles_become_outcomes() {
    let cases = [
        (Failure::Status(500), "in_doubt", false),
        (Failure::Status(400), "refused", false),
        (Failure::StatusAfterEffect(503), "in_doubt", true),
        (Failure::Redirect("http://127.0.0.1:1/".to_owned()), "refused", false),
        (Failure::Html, "in_doubt", false),
        (Failure::TruncatedJson, "in_doubt", true),
        (Failure::BrokenJson, "in_doubt", true),
        (Failure::Huge, "in_doubt", true),
        (Failure::Delay(Duration::from_millis(1)), "applied", true),
        (Failure::Delay(Duration::from_mins(1)), "in_doubt", true),
        (Failure::DropBefore, "in_doubt", false),
        (Failure::DropAfter, "in_doubt", true),
        (Failure::Hang, "in_doubt", false),
        (Failure::RejectTokens, "applied", true),
        (Failure::TooMany { retry_after: 1 }, "retry", false),
    ];
    for (failure, word, effect) in cases {
        let (standin, client, mars) = both().await;
        client.prefetch_tokens(&[mars.clone()].into()).await;
        standin.fail_next(Some(Call::SetDecks), 1, failure.clone());
        let outcome = client.set_decks(&mars, SESSION, &[deck(1, 1)]).await;
        assert_eq!(outcome.word(), word, "{failure:?}: {outcome}");
        assert_eq!(!standin.decks_of(SESSION).is_empty(), effect, "{failure:?}");
        assert_eq!(
            client.set_decks(&mars, SESSION, &[deck(1, 1)]).await,
            Outcome::Applied(()),
            "after {failure:?}"
        );
        standin.stop().await;
    }
}

#[tokio::test]
async fn a_late_landing_takes_effect_after_the_client_gave_up() {
    let (standin, client, mars) = both().await;
    client.prefetch_tokens(&[mars.clone()].into()).await;
    standin.fail_next(None, 1, Failure::LateLanding(Duration::from_millis(1600)));
    assert_eq!(client.create_room(&mars, &room(8)).await.word(), "in_doubt");
    assert_eq!(client.fetch_rooms(&mars).await, Outcome::Applied(vec![]), "not there yet");
    standin.until(|standin| !standin.rooms().is_empty()).await;
    assert_eq!(standin.rooms()[0].room.room_id, 8);
}

#[tokio::test]
async fn what_nobody_knows_can_go_either_way() {
    let (standin, client, mars) = both().await;
    standin.plant_decks(SESSION, &[deck(1, 1), deck(2, 2)]);
    standin.set_put_rule(PutRule::Upsert);
    assert_eq!(client.set_decks(&mars, SESSION, &[deck(3, 3)]).await, Outcome::Applied(()));
    assert_eq!(ids(&standin.decks_of(SESSION)), [1, 2, 3]);
    standin.set_put_rule(PutRule::Replace);
    assert_eq!(client.set_decks(&mars, SESSION, &[deck(3, 3)]).await, Outcome::Applied(()));
    assert_eq!(ids(&standin.decks_of(SESSION)), [3]);
    assert_eq!(client.add_deck(&mars, SESSION, &deck(3, 3)).await, Outcome::Applied(()));
    assert_eq!(ids(&standin.decks_of(SESSION)), [3, 3]);
    standin.set_repost_rule(RepostRule::Replaces);
    assert_eq!(client.add_deck(&mars, SESSION, &deck(3, 3)).await, Outcome::Applied(()));
    assert_eq!(ids(&standin.decks_of(SESSION)), [3]);

    let Outcome::Applied(made) = client.create_room(&mars, &room(8)).await else { panic!("made") };
    for (rule, word) in [
        (DuplicateRoom::Conflict409, "refused"),
        (DuplicateRoom::Error500, "in_doubt"),
        (DuplicateRoom::Existing200, "applied"),
    ] {
        standin.set_duplicate_room(rule);
        assert_eq!(client.create_room(&mars, &room(8)).await.word(), word, "{rule:?}");
    }
    assert_eq!(standin.rooms().len(), 1);
    assert_eq!(standin.rooms()[0].room, made);
    standin.forget_everything();
    assert!(standin.rooms().is_empty() && standin.decks_of(SESSION).is_empty());
    assert_eq!(client.fetch_rooms(&mars).await, Outcome::Applied(vec![]), "with a new token");
}

#[tokio::test]
async fn dropping_it_ends_open_requests() {
    let (standin, client, mars) = both().await;
    client.prefetch_tokens(&[mars.clone()].into()).await;
    standin.fail_always(Some(Call::SetDecks), Failure::Hang);
    let base = standin.base_url.clone();
    let hanging = client.set_decks(&mars, SESSION, &[]);
    let dropping = async {
        standin.until(|standin| standin.counts().set_decks == 1).await;
        standin.stop().await;
    };
    let (outcome, ()) = tokio::join!(hanging, dropping);
    assert_eq!(outcome.word(), "in_doubt");
    let address = base.socket_addrs(|| None).expect("an address")[0];
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
