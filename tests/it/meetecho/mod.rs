//! Meetecho's client against a server that plays a script: bytes on the wire, and what each answer becomes.
//!
//! What all of these tests need stands here: the script's parts, and the values that are sent.

mod answers;
mod connections;
mod recorded;
mod refused_tokens;
mod rehearsal;
mod rooms;
mod tokens;

use std::collections::BTreeMap;
use std::time::Duration;

use meetsync::model::{Deck, DeckId, GroupAcronym, Outcome, RoomSpec, SessionId, Why};
use meetsync::provider::meetecho::{Meetecho, MeetechoOptions};
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const SECRET: &str = "some secret";
const TOKENS: &str = "/api/v1/auth/ietfservice/tokens";
const FETCH: &str = "/api/v1/meeting/interim/fetchRooms";
const CREATE: &str = "/api/v1/meeting/interim/createRoom";
const DELETE_ROOM: &str = "/api/v1/meeting/interim/deleteRoom";
const MATERIALS: &str = "/api/v1/materials";

fn options(base: &str) -> MeetechoOptions {
    MeetechoOptions {
        api_base: base.parse().expect("a URL"),
        client_id: "datatracker".to_owned(),
        client_secret: SECRET.into(),
        max_in_flight: 4,
        rate: 0.0,
        longest_hold: Duration::from_mins(1),
        request_timeout: Duration::from_secs(10),
        allow_http: false,
    }
}

fn options_of(server: &MockServer) -> MeetechoOptions {
    options(&format!("{}/api/v1", server.uri()))
}

fn client_of(server: &MockServer) -> Meetecho {
    Meetecho::live(options_of(server)).expect("loopback")
}

fn group(acronym: &str) -> GroupAcronym {
    GroupAcronym::new(acronym)
}

fn deck(id: i64) -> Deck {
    let url = format!("https://example.com/decks/{id}");
    Deck { id: DeckId(id), title: "A Slide Deck".to_owned(), url, rev: "00".to_owned(), order: 0 }
}

fn room(id: i64) -> RoomSpec {
    RoomSpec {
        room_id: SessionId(id),
        description: "interim-2021-wgname-01".to_owned(),
        start: "2021-09-14T10:00:00Z".parse().expect("a time"),
        duration_min: 130,
    }
}

fn listed(id: i64, token: &str) -> Value {
    json!({
        "room": {"id": id, "start_time": "2021-09-14 10:00:00", "duration": 130, "description": "interim-2021-wgname-01"},
        "url": format!("https://meetings.conf.meetecho.com/interim/?short={id}"),
        "deletion_token": token,
    })
}

/// Gives each group the token `GROUP-token`.
async fn give_tokens(server: &MockServer) {
    Mock::given(path(TOKENS))
        .respond_with(|request: &Request| {
            let body: Value = request.body_json().expect("JSON");
            let groups = body["wgs"].as_array().expect("a list").iter().filter_map(Value::as_str);
            let tokens: BTreeMap<_, _> = groups.map(|g| (g, format!("{g}-token"))).collect();
            ResponseTemplate::new(200).set_body_json(json!({ "tokens": tokens }))
        })
        .mount(server)
        .await;
}

async fn server_with_tokens() -> MockServer {
    let server = MockServer::start().await;
    give_tokens(&server).await;
    server
}

async fn answer(server: &MockServer, at: &str, template: ResponseTemplate) {
    Mock::given(path(at)).respond_with(template).mount(server).await;
}

/// The first request only; those after it get what [`answer`] says.
async fn answer_once(server: &MockServer, at: &str, template: ResponseTemplate) {
    Mock::given(path(at)).respond_with(template).up_to_n_times(1).with_priority(1).mount(server).await;
}

/// Only requests with this authorization; others get what [`answer`] says.
async fn answer_bearer(server: &MockServer, authorization: &str, at: &str, template: ResponseTemplate) {
    Mock::given(path(at))
        .and(wiremock::matchers::header("authorization", authorization))
        .respond_with(template)
        .with_priority(1)
        .mount(server)
        .await;
}

async fn received(server: &MockServer, at: &str) -> Vec<Request> {
    let all = server.received_requests().await.expect("recording is on");
    all.into_iter().filter(|request| request.url.path() == at).collect()
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name).map(|value| value.to_str().expect("ASCII"))
}

fn fault<T>(outcome: &Outcome<T>) -> (&'static str, Why, &str) {
    let fault = outcome.fault().expect("something went wrong");
    (outcome.word(), fault.why, &fault.words)
}
