//! Rooms: made, listed, and deleted with the one credential that deletes them.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::model::{Outcome, Why};
use meetsync::provider::meetecho::{Meetecho, MeetechoOptions};
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use super::{
    CREATE, DELETE_ROOM, FETCH, answer, answer_bearer, answer_once, client_of, fault, group, header, listed,
    options_of, received, room, server_with_tokens,
};

#[tokio::test]
async fn a_created_room_is_read_from_the_answer() {
    let server = server_with_tokens().await;
    let other = listed(23, "other");
    let rooms = json!({"rooms": {"3d55bce0-535e-4ba8-bb8e-734911cf3c32": listed(18, "del"), "x": other}});
    answer(&server, CREATE, ResponseTemplate::new(200).set_body_json(rooms)).await;
    let Outcome::Applied(made) = client_of(&server).create_room(&group("acro"), &room(18)).await else {
        panic!("it was made")
    };
    assert_eq!(made.room_id, 18);
    assert_eq!(made.public_id, "3d55bce0-535e-4ba8-bb8e-734911cf3c32");
    assert_eq!(made.start, "2021-09-14T10:00:00Z".parse::<DateTime<Utc>>().expect("a time"));
    assert_eq!(made.times(), room(18).times());
    assert_eq!(made.url, "https://meetings.conf.meetecho.com/interim/?short=18");
}

#[tokio::test]
async fn rooms_are_listed_in_order() {
    let server = server_with_tokens().await;
    let rooms = json!({"rooms": {"b": listed(23, "x"), "a": listed(23, "y"), "c": listed(18, "z")}});
    answer(&server, FETCH, ResponseTemplate::new(200).set_body_json(rooms)).await;
    let Outcome::Applied(rooms) = client_of(&server).fetch_rooms(&group("acro")).await else {
        panic!("readable")
    };
    let ids: Vec<_> = rooms.iter().map(|room| (room.room_id, room.public_id.as_str())).collect();
    assert_eq!(ids, [(18, "c"), (23, "a"), (23, "b")]);
}

#[tokio::test]
async fn a_room_is_deleted_with_its_own_credential_and_no_body() {
    let server = server_with_tokens().await;
    let rooms = json!({"rooms": {"a": listed(18, "delete-this-meeting-please")}});
    answer(&server, FETCH, ResponseTemplate::new(200).set_body_json(rooms)).await;
    answer(&server, DELETE_ROOM, ResponseTemplate::new(200).set_body_json(json!({}))).await;
    let client = client_of(&server);
    assert_eq!(
        client.delete_room(&group("acro"), 18, Some("a"), &|| DateTime::UNIX_EPOCH).await,
        Outcome::Applied(())
    );
    let requests = received(&server, DELETE_ROOM).await;
    assert_eq!(header(&requests[0], "authorization"), Some("bearer delete-this-meeting-please"));
    assert_eq!(header(&requests[0], "content-length"), Some("0"));
    assert_eq!(requests[0].headers.get_all("content-length").iter().count(), 1);
    assert!(requests[0].body.is_empty());
    // Another room of the same id is nobody's business here.
    assert_eq!(
        client.delete_room(&group("acro"), 18, Some("b"), &|| DateTime::UNIX_EPOCH).await,
        Outcome::Applied(())
    );
    // Not listed is done, without a request.
    assert_eq!(
        client.delete_room(&group("acro"), 19, None, &|| DateTime::UNIX_EPOCH).await,
        Outcome::Applied(())
    );
    assert_eq!((client.requests_sent(), client.reads()), (1, 3));
}

/// What was planned on may be long past when the request is made: the room that is listed now is the one that would go.
#[tokio::test]
async fn a_room_in_use_stays() {
    let server = server_with_tokens().await;
    let rooms = json!({"rooms": {"a": listed(18, "del-a")}});
    answer(&server, FETCH, ResponseTemplate::new(200).set_body_json(rooms)).await;
    answer(&server, DELETE_ROOM, ResponseTemplate::new(200)).await;
    let client = client_of(&server);
    let mars = group("mars");
    let slot = room(18).times().span();
    for now in [slot.start, slot.end - TimeDelta::seconds(1)] {
        let outcome = client.delete_room(&mars, 18, None, &|| now).await;
        let words = "the room is in use until 12:10 UTC; nothing takes a running room away";
        assert_eq!(fault(&outcome), ("refused", Why::GuardRoomInProgress, words));
    }
    assert_eq!(client.requests_sent(), 0);
    assert_eq!(client.delete_room(&mars, 18, None, &|| slot.end).await, Outcome::Applied(()));
}

/// Half a second after the rooms were read it opens, and each request waits a second for its turn.
#[tokio::test]
async fn a_room_that_opens_while_its_deletion_waits_for_its_turn_stays() {
    let server = server_with_tokens().await;
    let read_at = Arc::new(OnceLock::new());
    let reading = Arc::clone(&read_at);
    let rooms = move |_: &wiremock::Request| {
        reading.get_or_init(Instant::now);
        ResponseTemplate::new(200).set_body_json(json!({"rooms": {"a": listed(18, "del-a")}}))
    };
    Mock::given(path(FETCH)).respond_with(rooms).mount(&server).await;
    answer(&server, DELETE_ROOM, ResponseTemplate::new(200)).await;
    let options = MeetechoOptions { max_in_flight: 1, rate: 1.0, ..options_of(&server) };
    let client = Meetecho::live(options).expect("loopback");
    let start = room(18).times().start;
    let now = || {
        let since = read_at.get().map_or(Duration::ZERO, Instant::elapsed);
        start - TimeDelta::milliseconds(500) + TimeDelta::from_std(since).expect("short")
    };
    let outcome = client.delete_room(&group("mars"), 18, None, &now).await;
    assert_eq!(fault(&outcome).1, Why::GuardRoomInProgress);
    assert_eq!((client.reads(), client.requests_sent()), (1, 0));
    assert!(received(&server, DELETE_ROOM).await.is_empty());
}

/// Its deletion token was rejected, and by the time the new one is read it is in use.
#[tokio::test]
async fn a_room_that_opens_before_its_second_deletion_stays() {
    let server = server_with_tokens().await;
    let rooms = json!({"rooms": {"a": listed(18, "del-a")}});
    answer(&server, FETCH, ResponseTemplate::new(200).set_body_json(rooms)).await;
    answer(&server, DELETE_ROOM, ResponseTemplate::new(403)).await;
    let client = client_of(&server);
    let start = room(18).times().start;
    let now = || if client.requests_sent() == 0 { start - TimeDelta::seconds(1) } else { start };
    let outcome = client.delete_room(&group("mars"), 18, None, &now).await;
    assert_eq!(fault(&outcome).1, Why::GuardRoomInProgress);
    assert_eq!((client.reads(), client.requests_sent()), (2, 1));
}

#[tokio::test]
async fn of_two_rooms_with_one_id_only_the_one_that_is_named_goes() {
    let server = server_with_tokens().await;
    let rooms = json!({"rooms": {"a": listed(18, "del-a"), "b": listed(18, "del-b")}});
    answer(&server, FETCH, ResponseTemplate::new(200).set_body_json(rooms)).await;
    answer(&server, DELETE_ROOM, ResponseTemplate::new(200)).await;
    let client = client_of(&server);
    for unclear in [None, Some("c")] {
        let outcome = client.delete_room(&group("acro"), 18, unclear, &|| DateTime::UNIX_EPOCH).await;
        assert_eq!(fault(&outcome).1, Why::RoomConflict);
    }
    assert_eq!(client.requests_sent(), 0);
    assert_eq!(
        client.delete_room(&group("acro"), 18, Some("b"), &|| DateTime::UNIX_EPOCH).await,
        Outcome::Applied(())
    );
    assert_eq!(header(&received(&server, DELETE_ROOM).await[0], "authorization"), Some("bearer del-b"));
}

#[tokio::test]
async fn a_rejected_deletion_token_is_read_again() {
    let server = server_with_tokens().await;
    let rooms =
        |token: &str| ResponseTemplate::new(200).set_body_json(json!({"rooms": {"a": listed(18, token)}}));
    answer_once(&server, FETCH, rooms("old")).await;
    answer(&server, FETCH, rooms("new")).await;
    answer_bearer(&server, "bearer new", DELETE_ROOM, ResponseTemplate::new(200)).await;
    answer(&server, DELETE_ROOM, ResponseTemplate::new(403)).await;
    let client = client_of(&server);
    assert_eq!(
        client.delete_room(&group("mars"), 18, None, &|| DateTime::UNIX_EPOCH).await,
        Outcome::Applied(())
    );
    assert_eq!((client.token_calls(), client.reads(), client.requests_sent()), (1, 2, 2));
}
