//! Meetecho's client against a server that plays a script: bytes on the wire, and what each answer becomes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use meetsync::model::{Deck, DeckId, GroupAcronym, Outcome, RoomSpec, SessionId, Why};
use meetsync::provider::meetecho::{Meetecho, MeetechoOptions};
use meetsync::transport::DebugLog;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wiremock::matchers::{method, path};
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

fn client_of(server: &MockServer) -> Meetecho {
    Meetecho::live(options(&format!("{}/api/v1", server.uri()))).expect("loopback")
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

async fn answer(server: &MockServer, at: &str, template: ResponseTemplate) {
    Mock::given(path(at)).respond_with(template).mount(server).await;
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

// ---- the datatracker's own requests, byte for byte

struct Recorded {
    method: String,
    path: String,
    bearer: Option<String>,
    content_type: Option<String>,
    content_length: Option<String>,
    raw: Option<String>,
}

fn recorded() -> Vec<Recorded> {
    include_str!("../fixtures/meetecho/requests.jsonl")
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let text = |key: &str| line[key].as_str().map(str::to_owned);
            Recorded {
                method: text("method").expect("always there"),
                path: text("path").expect("always there"),
                bearer: text("authorization"),
                content_type: text("content_type"),
                content_length: text("content_length"),
                raw: text("raw"),
            }
        })
        .collect()
}

fn parse_decks(list: &Value) -> Vec<Deck> {
    let text = |deck: &Value, key: &str| deck[key].as_str().expect("text").to_owned();
    let list = list.as_array().expect("a list").iter();
    list.map(|deck| Deck {
        id: DeckId(deck["id"].as_i64().expect("a number")),
        title: text(deck, "title"),
        url: text(deck, "url"),
        rev: text(deck, "rev"),
        order: i32::try_from(deck["order"].as_i64().expect("a number")).expect("small"),
    })
    .collect()
}

/// Makes the same call with what the recorded body says.
async fn repeat(client: &Meetecho, call: &Recorded) {
    let body: Value = call.raw.as_deref().map_or(Value::Null, |raw| serde_json::from_str(raw).expect("JSON"));
    let group = call
        .bearer
        .as_deref()
        .and_then(|bearer| bearer.strip_prefix("bearer "))
        .and_then(|token| token.strip_suffix("-token"))
        .map_or_else(|| group("mars"), group);
    let session = SessionId(body["session"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default());
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", TOKENS) => {
            let groups: BTreeSet<_> = body["wgs"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(Value::as_str)
                .map(GroupAcronym::new)
                .collect();
            client.prefetch_tokens(&groups).await;
        }
        ("GET", FETCH) => drop(client.fetch_rooms(&group).await),
        ("POST", CREATE) => {
            let start = body["start_time"].as_str().expect("text");
            let spec = RoomSpec {
                room_id: SessionId(body["room_id"].as_i64().expect("a number")),
                description: body["description"].as_str().expect("text").to_owned(),
                start: NaiveDateTime::parse_from_str(start, "%Y-%m-%d %H:%M:%S").expect("a time").and_utc(),
                duration_min: body["duration"].as_i64().expect("a number"),
            };
            drop(client.create_room(&group, &spec).await);
        }
        ("POST", DELETE_ROOM) => {
            let token = call.bearer.as_deref().expect("always there");
            let id = token.strip_prefix("bearer del-").and_then(|id| id.parse().ok()).expect("a number");
            drop(client.delete_room(&group, id, None).await);
        }
        ("POST", MATERIALS) => {
            let decks = parse_decks(&json!([body]));
            drop(client.add_deck(&group, session, &decks[0]).await);
        }
        ("DELETE", MATERIALS) => {
            drop(client.delete_deck(&group, session, DeckId(body["id"].as_i64().expect("a number"))).await);
        }
        ("PUT", MATERIALS) => drop(client.set_decks(&group, session, &parse_decks(&body["decks"])).await),
        other => panic!("a call that nobody knows: {other:?}"),
    }
}

/// What the datatracker never sends but its manager class could: a message for Meetecho's staff.
fn has_extra_words(call: &Recorded) -> bool {
    call.raw.as_deref().is_some_and(|raw| raw.contains("message for staff"))
}

/// The client behind a recorded token call, and its groups in the order in which we ask.
fn as_we_ask(raw: &str) -> (String, String, String) {
    let mut body: Value = serde_json::from_str(raw).expect("JSON");
    let mut groups: Vec<String> = serde_json::from_value(body["wgs"].take()).expect("a list of text");
    groups.sort();
    let (client, secret) = (body["client"].as_str().expect("text"), body["secret"].as_str().expect("text"));
    let list = groups.iter().map(|group| format!("\"{group}\"")).collect::<Vec<_>>().join(", ");
    let raw = format!(r#"{{"client": "{client}", "secret": "{secret}", "wgs": [{list}]}}"#);
    (client.to_owned(), secret.to_owned(), raw)
}

#[tokio::test]
async fn every_recorded_request_is_repeated_byte_for_byte() {
    let calls = recorded();
    assert_eq!(calls.len(), 59);
    let server = MockServer::start().await;
    give_tokens(&server).await;
    let ids = [9001, 9002, 8, 9, 10, 11];
    let rooms: BTreeMap<_, _> = ids.map(|id| (id.to_string(), listed(id, &format!("del-{id}")))).into();
    answer(&server, FETCH, ResponseTemplate::new(200).set_body_json(json!({ "rooms": rooms }))).await;
    answer(&server, CREATE, ResponseTemplate::new(409)).await;
    answer(&server, DELETE_ROOM, ResponseTemplate::new(200)).await;
    answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
    let mut compared = 0;
    for call in calls.iter().filter(|call| !has_extra_words(call)) {
        let mut expected = call.raw.clone();
        let mut options = options(&format!("{}/api/v1/", server.uri()));
        if call.path == TOKENS {
            let (client, secret, raw) = as_we_ask(call.raw.as_deref().expect("a body"));
            (options.client_id, options.client_secret, expected) = (client, secret.into(), Some(raw));
        }
        let client = Meetecho::live(options).expect("loopback");
        let before = received(&server, &call.path).await.len();
        repeat(&client, call).await;
        let requests = received(&server, &call.path).await;
        assert_eq!(requests.len(), before + 1, "{} {}", call.method, call.path);
        let request = &requests[before];
        assert_eq!(request.method.as_str(), call.method);
        assert_eq!(header(request, "authorization"), call.bearer.as_deref());
        assert_eq!(header(request, "accept"), Some("application/json"));
        assert_eq!(header(request, "content-type"), call.content_type.as_deref());
        assert_eq!(
            header(request, "content-length"),
            call.content_length.as_deref(),
            "{} {}",
            call.method,
            call.path
        );
        assert_eq!(std::str::from_utf8(&request.body).expect("ASCII"), expected.unwrap_or_default());
        compared += 1;
    }
    assert_eq!(compared, 58);
}

// ---- the datatracker's own test vectors

#[tokio::test]
async fn tokens_come_in_one_call_and_are_kept() {
    let server = MockServer::start().await;
    give_tokens(&server).await;
    answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
    let client = client_of(&server);
    client.prefetch_tokens(&["beta", "acro", "gamma"].map(group).into()).await;
    for acronym in ["acro", "beta", "gamma", "acro"] {
        assert_eq!(client.set_decks(&group(acronym), SessionId(1), &[]).await, Outcome::Applied(()));
    }
    let calls = received(&server, TOKENS).await;
    assert_eq!(calls.len(), 1);
    let body: Value = calls[0].body_json().expect("JSON");
    assert_eq!(body, json!({"client": "datatracker", "secret": SECRET, "wgs": ["acro", "beta", "gamma"]}));
    assert_eq!((client.token_calls(), client.requests_sent(), client.reads()), (1, 4, 0));
}

#[tokio::test]
async fn a_created_room_is_read_from_the_answer() {
    let server = MockServer::start().await;
    give_tokens(&server).await;
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
    let server = MockServer::start().await;
    give_tokens(&server).await;
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
    let server = MockServer::start().await;
    give_tokens(&server).await;
    let rooms = json!({"rooms": {"a": listed(18, "delete-this-meeting-please")}});
    answer(&server, FETCH, ResponseTemplate::new(200).set_body_json(rooms)).await;
    answer(&server, DELETE_ROOM, ResponseTemplate::new(200).set_body_json(json!({}))).await;
    let client = client_of(&server);
    assert_eq!(client.delete_room(&group("acro"), 18, Some("a")).await, Outcome::Applied(()));
    let requests = received(&server, DELETE_ROOM).await;
    assert_eq!(header(&requests[0], "authorization"), Some("bearer delete-this-meeting-please"));
    assert_eq!(header(&requests[0], "content-length"), Some("0"));
    assert_eq!(requests[0].headers.get_all("content-length").iter().count(), 1);
    assert!(requests[0].body.is_empty());
    // Another room of the same id is nobody's business here.
    assert_eq!(client.delete_room(&group("acro"), 18, Some("b")).await, Outcome::Applied(()));
    // Not listed is done, without a request.
    assert_eq!(client.delete_room(&group("acro"), 19, None).await, Outcome::Applied(()));
    assert_eq!((client.requests_sent(), client.reads()), (1, 3));
}

#[tokio::test]
async fn of_two_rooms_with_one_id_only_the_one_that_is_named_goes() {
    let server = MockServer::start().await;
    give_tokens(&server).await;
    let rooms = json!({"rooms": {"a": listed(18, "del-a"), "b": listed(18, "del-b")}});
    answer(&server, FETCH, ResponseTemplate::new(200).set_body_json(rooms)).await;
    answer(&server, DELETE_ROOM, ResponseTemplate::new(200)).await;
    let client = client_of(&server);
    for unclear in [None, Some("c")] {
        let outcome = client.delete_room(&group("acro"), 18, unclear).await;
        assert_eq!(fault(&outcome).1, Why::RoomConflict);
    }
    assert_eq!(client.requests_sent(), 0);
    assert_eq!(client.delete_room(&group("acro"), 18, Some("b")).await, Outcome::Applied(()));
    assert_eq!(header(&received(&server, DELETE_ROOM).await[0], "authorization"), Some("bearer del-b"));
}

// ---- answers

#[tokio::test]
async fn each_answer_becomes_what_the_judge_says() {
    use ResponseTemplate as T;
    let cases = [
        (T::new(200).set_body_raw("OK", "text/plain"), "applied"),
        (T::new(202), "applied"),
        (T::new(201), "in_doubt"),
        (T::new(204), "in_doubt"),
        (T::new(200).set_body_raw("<html>down", "text/html"), "in_doubt"),
        (T::new(200).set_body_raw("{\"ok\": tr", "application/json"), "in_doubt"),
        (T::new(200).set_body_raw(vec![b'x'; 10_000_000], "text/plain"), "in_doubt"),
        (T::new(409).set_body_raw(vec![b'x'; 10_000_000], "text/plain"), "refused"),
        (T::new(500), "in_doubt"),
        (T::new(503).insert_header("retry-after", "x"), "in_doubt"),
        (T::new(400), "refused"),
        (T::new(408), "retry"),
        (T::new(425), "retry"),
        (T::new(429), "retry"),
    ];
    for (template, expected) in cases {
        let server = MockServer::start().await;
        give_tokens(&server).await;
        answer(&server, MATERIALS, template).await;
        let outcome = client_of(&server).set_decks(&group("mars"), SessionId(1), &[deck(17)]).await;
        assert_eq!(outcome.word(), expected, "{outcome}");
        assert_eq!(received(&server, MATERIALS).await.len(), 1, "never twice");
        if let Some(fault) = outcome.fault() {
            assert!(fault.words.starts_with("Meetecho ") && fault.words.contains("PUT materials"), "{fault}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let server = MockServer::start().await;
    give_tokens(&server).await;
    for status in [301, 302, 307, 308] {
        let elsewhere = format!("{}/elsewhere", server.uri());
        let template = ResponseTemplate::new(status).insert_header("location", elsewhere.as_str());
        Mock::given(path(MATERIALS)).respond_with(template).up_to_n_times(1).mount(&server).await;
        let outcome = client_of(&server).set_decks(&group("mars"), SessionId(1), &[]).await;
        assert_eq!((outcome.word(), fault(&outcome).1), ("refused", Why::Unsupported));
    }
    assert!(received(&server, "/elsewhere").await.is_empty());
}

#[tokio::test]
async fn a_slow_answer_is_doubt_for_a_write_and_another_try_for_a_read() {
    let server = MockServer::start().await;
    give_tokens(&server).await;
    for at in [MATERIALS, FETCH] {
        answer(&server, at, ResponseTemplate::new(200).set_delay(Duration::from_mins(1))).await;
    }
    let mut options = options(&format!("{}/api/v1", server.uri()));
    options.request_timeout = Duration::from_millis(300);
    let client = Meetecho::live(options).expect("loopback");
    let outcome = client.set_decks(&group("mars"), SessionId(1), &[]).await;
    assert_eq!(
        fault(&outcome),
        ("in_doubt", Why::ProviderDown, "Meetecho gave no answer: timed out (PUT materials)")
    );
    let outcome = client.fetch_rooms(&group("mars")).await;
    assert_eq!((fault(&outcome).0, fault(&outcome).1), ("retry", Why::ProviderDown));
    assert_eq!((client.requests_sent(), client.reads()), (1, 1));
}

#[tokio::test]
async fn a_refused_connection_is_no_doubt() {
    let server = MockServer::start().await;
    give_tokens(&server).await;
    answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
    let client = client_of(&server);
    client.prefetch_tokens(&[group("mars")].into()).await;
    // A wiremock server goes back to a pool when it is dropped, so the port has to be one that nobody listens on.
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let down = Meetecho::live(options(&format!("http://{free}/api/v1/"))).expect("loopback");
    let outcome = down.set_decks(&group("mars"), SessionId(1), &[]).await;
    let (word, why, words) = fault(&outcome);
    assert_eq!((word, why), ("retry", Why::ProviderDown));
    assert!(words.contains("could not be reached") && words.contains("refused"), "{words}");
    assert_eq!((down.requests_sent(), down.token_calls()), (0, 0), "nothing has reached anybody");
}

/// Answers each connection's first request, then closes it without having said so.
async fn closing_server(listener: TcpListener, closed: tokio::sync::mpsc::UnboundedSender<()>) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        let whole = |request: &[u8]| {
            let text = String::from_utf8_lossy(request);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            body.len() >= length.unwrap_or(0)
        };
        while !whole(&request) {
            stream.read_buf(&mut request).await.expect("a request");
        }
        let body = r#"{"tokens": {"mars": "mars-token"}}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.expect("somebody reads");
        stream.shutdown().await.expect("still open");
        // The client has closed its side too: only now has it certainly seen ours.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.expect("the end");
        closed.send(()).expect("the test waits");
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_no_doubt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}/api/v1/", listener.local_addr().expect("an address"));
    let (closed, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let mut servers = tokio::task::JoinSet::new();
    servers.spawn(closing_server(listener, closed));
    let client = Meetecho::live(options(&base)).expect("loopback");
    client.prefetch_tokens(&[group("mars")].into()).await;
    for _ in 0..20 {
        seen.recv().await.expect("the connection is closed");
        assert_eq!(client.set_decks(&group("mars"), SessionId(1), &[]).await, Outcome::Applied(()));
    }
}

#[tokio::test]
async fn retry_after_holds_everybody() {
    let server = MockServer::start().await;
    give_tokens(&server).await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "1");
    Mock::given(path(MATERIALS)).respond_with(limited).up_to_n_times(1).with_priority(1).mount(&server).await;
    answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
    let client = client_of(&server);
    let outcome = client.set_decks(&group("mars"), SessionId(1), &[]).await;
    assert!(
        matches!(&outcome, Outcome::Retry { after: Some(after), fault }
        if *after == Duration::from_secs(1) && fault.why == Why::RateLimited),
        "{outcome}"
    );
    let began = std::time::Instant::now();
    assert_eq!(client.set_decks(&group("ames"), SessionId(2), &[]).await, Outcome::Applied(()));
    assert!(began.elapsed() >= Duration::from_millis(900));
}

// ---- tokens

#[tokio::test]
async fn a_hundred_at_once_need_one_token_call() {
    let server = MockServer::start().await;
    give_tokens(&server).await;
    answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
    let client = client_of(&server);
    let calls = (0..100).map(|id| {
        let client = client.clone();
        async move { client.set_decks(&group("mars"), SessionId(id), &[]).await }
    });
    let outcomes = futures_util::future::join_all(calls).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied(())));
    assert_eq!((client.token_calls(), client.requests_sent()), (1, 100));
}

#[tokio::test]
async fn a_hundred_at_once_share_a_failure_too() {
    let server = MockServer::start().await;
    answer(&server, TOKENS, ResponseTemplate::new(500)).await;
    let client = client_of(&server);
    let calls = (0..100).map(|id| {
        let client = client.clone();
        async move { client.set_decks(&group("mars"), SessionId(id), &[]).await }
    });
    let outcomes = futures_util::future::join_all(calls).await;
    assert!(
        outcomes.iter().all(|outcome| fault(outcome).0 == "retry" && fault(outcome).1 == Why::ProviderDown)
    );
    assert_eq!((client.token_calls(), client.requests_sent()), (1, 0));
}

#[tokio::test]
async fn an_old_token_is_renewed_once() {
    let server = MockServer::start().await;
    Mock::given(path(TOKENS))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"tokens": {"mars": "old"}})))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    give_tokens(&server).await;
    Mock::given(path(MATERIALS))
        .and(wiremock::matchers::header("authorization", "bearer mars-token"))
        .respond_with(ResponseTemplate::new(202))
        .with_priority(1)
        .mount(&server)
        .await;
    answer(&server, MATERIALS, ResponseTemplate::new(401)).await;
    let client = client_of(&server);
    assert_eq!(client.set_decks(&group("mars"), SessionId(1), &[]).await, Outcome::Applied(()));
    assert_eq!((client.token_calls(), client.requests_sent()), (2, 2));
    assert_eq!(client.set_decks(&group("mars"), SessionId(1), &[]).await, Outcome::Applied(()));
    assert_eq!((client.token_calls(), client.requests_sent()), (2, 3));
}

#[tokio::test]
async fn a_token_that_never_counts_is_renewed_only_once() {
    for status in [401, 403] {
        let server = MockServer::start().await;
        give_tokens(&server).await;
        answer(&server, MATERIALS, ResponseTemplate::new(status).set_body_string("bearer mars-token is bad"))
            .await;
        answer(&server, FETCH, ResponseTemplate::new(status)).await;
        let client = client_of(&server);
        let outcome = client.set_decks(&group("mars"), SessionId(1), &[]).await;
        let (word, why, words) = fault(&outcome);
        assert_eq!((word, why), ("refused", Why::CredentialsRejected));
        assert!(words.contains(&status.to_string()) && !words.contains("mars-token"), "{words}");
        assert_eq!((client.token_calls(), client.requests_sent()), (2, 2));
        assert_eq!(fault(&client.fetch_rooms(&group("mars")).await).1, Why::CredentialsRejected);
    }
}

#[tokio::test]
async fn a_rejected_deletion_token_is_read_again() {
    let server = MockServer::start().await;
    give_tokens(&server).await;
    let rooms =
        |token: &str| ResponseTemplate::new(200).set_body_json(json!({"rooms": {"a": listed(18, token)}}));
    Mock::given(path(FETCH))
        .respond_with(rooms("old"))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    answer(&server, FETCH, rooms("new")).await;
    Mock::given(path(DELETE_ROOM))
        .and(wiremock::matchers::header("authorization", "bearer new"))
        .respond_with(ResponseTemplate::new(200))
        .with_priority(1)
        .mount(&server)
        .await;
    answer(&server, DELETE_ROOM, ResponseTemplate::new(403)).await;
    let client = client_of(&server);
    assert_eq!(client.delete_room(&group("mars"), 18, None).await, Outcome::Applied(()));
    assert_eq!((client.token_calls(), client.reads(), client.requests_sent()), (1, 2, 2));
}

/// Refuses every token call that names one of these groups.
async fn refuse_groups(server: &MockServer, bad: &'static [&'static str], status: u16) {
    Mock::given(path(TOKENS))
        .and(move |request: &Request| {
            let body: Value = request.body_json().expect("JSON");
            body["wgs"].as_array().expect("a list").iter().any(|g| bad.contains(&g.as_str().expect("text")))
        })
        .respond_with(ResponseTemplate::new(status))
        .with_priority(1)
        .mount(server)
        .await;
}

#[tokio::test]
async fn one_bad_group_does_not_stop_the_other_nine() {
    for status in [400, 401, 403, 404] {
        let server = MockServer::start().await;
        refuse_groups(&server, &["a-bad"], status).await;
        give_tokens(&server).await;
        answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
        let client = client_of(&server);
        let good: Vec<_> = (0..9).map(|n| group(&format!("g{n}"))).collect();
        let all: BTreeSet<_> = good.iter().cloned().chain([group("a-bad")]).collect();
        client.prefetch_tokens(&all).await;
        assert_eq!(client.token_calls(), 1, "whoever needs one asks for it, and waits for no other group");
        for good in &good {
            assert_eq!(client.set_decks(good, SessionId(1), &[]).await, Outcome::Applied(()));
        }
        let outcome = client.set_decks(&group("a-bad"), SessionId(2), &[]).await;
        let (word, why, words) = fault(&outcome);
        assert_eq!((word, why), ("refused", Why::GroupUnknown), "{words}");
        assert!(words.contains("a-bad") && words.contains(&status.to_string()), "{words}");
        // One for another group showed that it is not about us. From now on it is left out of common calls.
        client.prefetch_tokens(&all).await;
        assert_eq!(client.token_calls(), 12);
    }
}

/// Also where it is the first that is asked for, and where the credentials counted a moment ago.
#[tokio::test]
async fn a_refusal_is_the_groups_or_ours_whatever_came_before() {
    for status in [400, 401, 403, 404] {
        let server = MockServer::start().await;
        refuse_groups(&server, &["a-bad"], status).await;
        give_tokens(&server).await;
        answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
        let client = client_of(&server);
        let all: BTreeSet<_> = ["a-bad", "b", "c"].map(group).into();
        client.prefetch_tokens(&all).await;
        let outcome = client.set_decks(&group("a-bad"), SessionId(2), &[]).await;
        assert_eq!((fault(&outcome).0, fault(&outcome).1), ("refused", Why::GroupUnknown));
        assert_eq!(client.set_decks(&group("b"), SessionId(1), &[]).await, Outcome::Applied(()));
        assert!(!client.rejects_us());

        server.reset().await;
        answer(&server, TOKENS, ResponseTemplate::new(status)).await;
        let outcome = client.set_decks(&group("c"), SessionId(3), &[]).await;
        let (word, why, words) = fault(&outcome);
        assert_eq!((word, why), ("retry", Why::CredentialsRejected), "{status}: {words}");
        assert!(client.rejects_us());
    }
}

#[tokio::test]
async fn a_group_that_the_answer_leaves_out_is_named() {
    let server = MockServer::start().await;
    answer(&server, TOKENS, ResponseTemplate::new(200).set_body_json(json!({"tokens": []}))).await;
    let client = client_of(&server);
    let outcome = client.fetch_rooms(&group("mars")).await;
    let (word, why, words) = fault(&outcome);
    assert_eq!((word, why), ("refused", Why::GroupUnknown));
    assert!(words.contains("mars"), "{words}");
}

#[tokio::test]
async fn a_wrong_secret_stops_after_three() {
    for status in [401, 400] {
        let server = MockServer::start().await;
        answer(&server, TOKENS, ResponseTemplate::new(status)).await;
        let client = client_of(&server);
        let groups: BTreeSet<_> = (0..10).map(|n| group(&format!("g{n}"))).collect();
        client.prefetch_tokens(&groups).await;
        let sending = groups.iter().map(|group| client.set_decks(group, SessionId(1), &[]));
        for outcome in futures_util::future::join_all(sending).await {
            let (word, why, words) = fault(&outcome);
            assert_eq!((word, why), ("retry", Why::CredentialsRejected), "nobody's own trouble");
            assert!(words.contains("client_secret") && !words.contains(SECRET), "{words}");
        }
        client.prefetch_tokens(&groups).await;
        assert_eq!((client.token_calls(), client.requests_sent()), (1 + 3, 0));
    }
}

/// Once it is known, one call shows whether it was put right.
#[tokio::test]
async fn a_wrong_secret_is_tried_with_one_call_and_not_more_than_once_in_a_second() {
    let server = MockServer::start().await;
    answer(&server, TOKENS, ResponseTemplate::new(403)).await;
    answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
    let client = client_of(&server);
    let groups: BTreeSet<_> = (0..10).map(|n| group(&format!("g{n}"))).collect();
    client.prefetch_tokens(&groups).await;
    let send = async || client.set_decks(&group("g5"), SessionId(1), &[]).await;
    assert_eq!(fault(&send().await).1, Why::CredentialsRejected);
    for again in 1..=2 {
        tokio::time::sleep(Duration::from_millis(1050)).await;
        client.prefetch_tokens(&groups).await;
        for _ in 0..3 {
            assert_eq!(fault(&send().await).1, Why::CredentialsRejected);
        }
        assert_eq!(client.token_calls(), 4 + again);
    }
    server.reset().await;
    give_tokens(&server).await;
    answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(send().await, Outcome::Applied(()));
    assert!(!client.rejects_us());
    client.prefetch_tokens(&groups).await;
    let asked = received(&server, TOKENS).await.len();
    assert!(asked <= 2, "{asked}");
}

/// A group whose token nobody gets an answer for holds up no other group's.
#[tokio::test]
async fn a_group_that_somebody_is_asking_for_is_left_to_him() {
    let server = MockServer::start().await;
    Mock::given(path(TOKENS))
        .and(wiremock::matchers::body_partial_json(json!({"wgs": ["slow"]})))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(8)))
        .with_priority(1)
        .mount(&server)
        .await;
    give_tokens(&server).await;
    let client = client_of(&server);
    let slow = [group("slow")].into();
    let others = async {
        while received(&server, TOKENS).await.is_empty() {
            tokio::task::yield_now().await;
        }
        client.prefetch_tokens(&["mars", "slow", "tls"].map(group).into()).await;
        assert!(client.has_token(&group("mars")) && client.has_token(&group("tls")));
    };
    tokio::select! {
        () = client.prefetch_tokens(&slow) => panic!("the others were held up"),
        () = others => {}
    }
}

#[tokio::test]
async fn a_token_call_that_fails_is_no_write() {
    use ResponseTemplate as T;
    for (template, expected) in [
        (T::new(500), "retry"),
        (T::new(503), "retry"),
        (T::new(429), "retry"),
        (T::new(201), "retry"),
        (T::new(200).set_body_raw("<html>", "text/html"), "retry"),
        (T::new(200).set_body_raw("{\"tok", "application/json"), "retry"),
        (T::new(302), "retry"),
    ] {
        let server = MockServer::start().await;
        answer(&server, TOKENS, template).await;
        let client = client_of(&server);
        let outcome = client.set_decks(&group("mars"), SessionId(1), &[]).await;
        assert_eq!(outcome.word(), expected, "{outcome}");
        assert_eq!(client.requests_sent(), 0);
    }
}

#[tokio::test]
async fn credentials_can_be_checked_with_one_call() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(wiremock::matchers::body_partial_json(json!({"secret": SECRET})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"tokens": {"mars": "t"}})))
        .with_priority(1)
        .mount(&server)
        .await;
    answer(&server, TOKENS, ResponseTemplate::new(401)).await;
    let client = client_of(&server);
    assert_eq!(client.check_credentials(Some(&group("mars"))).await, Outcome::Applied(()));
    assert_eq!(client.check_credentials(None).await, Outcome::Applied(()));
    assert_eq!(client.token_calls(), 2);
    let mut wrong = options(&format!("{}/api/v1", server.uri()));
    wrong.client_secret = "another one".into();
    let wrong = Meetecho::live(wrong).expect("loopback");
    for group in [None, Some(&group("mars"))] {
        assert_eq!(fault(&wrong.check_credentials(group).await).1, Why::CredentialsRejected);
    }
}

// ---- the rehearsal

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panics").clone()).expect("UTF-8")
    }
}

fn rehearsal(json_lines: bool) -> (Meetecho, Shared) {
    let written = Shared::default();
    let log = DebugLog::new(Arc::new(Mutex::new(written.clone())), json_lines);
    let client =
        Meetecho::debug(options("https://meetings.conf.meetecho.com/api/v1"), log).expect("an address");
    (client, written)
}

#[tokio::test]
async fn a_rehearsed_room_lives_and_no_secret_is_written() {
    for json_lines in [false, true] {
        let (client, written) = rehearsal(json_lines);
        let mars = group("mars");
        client.prefetch_tokens(&[mars.clone(), group("ames")].into()).await;
        assert_eq!(client.fetch_rooms(&mars).await, Outcome::Applied(vec![]));
        let Outcome::Applied(made) = client.create_room(&mars, &room(18)).await else { panic!("made") };
        assert_eq!(made.times(), room(18).times());
        assert_eq!(made.url, "https://meetings.conf.meetecho.com/interim/?session=18");
        assert_eq!(client.fetch_rooms(&mars).await, Outcome::Applied(vec![made.clone()]));
        assert_eq!(client.fetch_rooms(&group("ames")).await, Outcome::Applied(vec![]));
        assert_eq!(client.create_room(&mars, &room(18)).await.word(), "refused");
        assert_eq!(client.set_decks(&mars, SessionId(18), &[deck(1)]).await, Outcome::Applied(()));
        assert_eq!(client.add_deck(&mars, SessionId(18), &deck(2)).await, Outcome::Applied(()));
        assert_eq!(client.delete_deck(&mars, SessionId(18), DeckId(2)).await, Outcome::Applied(()));
        assert_eq!(client.delete_room(&mars, 18, Some(&made.public_id)).await, Outcome::Applied(()));
        assert_eq!(client.fetch_rooms(&mars).await, Outcome::Applied(vec![]));

        let text = written.text();
        for secret in [SECRET, "rehearsal-token", "rehearsal-deletion-token"] {
            assert!(!text.contains(secret), "{secret} in\n{text}");
        }
        assert!(text.contains("[redacted]") && text.contains("A Slide Deck"), "{text}");
        if json_lines {
            let lines: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).expect("one object per line")).collect();
            assert_eq!(lines.len() as u64, client.token_calls() + client.reads() + client.requests_sent());
            assert_eq!(lines[0]["body"]["secret"], "[redacted]");
            assert!(lines.iter().all(|line| line["method"].is_string() && line["url"].is_string()));
        } else {
            assert!(
                text.starts_with(
                    "POST https://meetings.conf.meetecho.com/api/v1/auth/ietfservice/tokens\n\
                 {\"client\": \"datatracker\", \"secret\": \"[redacted]\", \"wgs\": [\"ames\", \"mars\"]}\n\n"
                ),
                "{text}"
            );
        }
    }
}

#[test]
fn nothing_shows_a_secret_by_accident() {
    let options = options("https://meetings.conf.meetecho.com/api/v1");
    let shown =
        format!("{options:?} {:?}", Meetecho::live(options.clone()).map_err(|error| error.to_string()));
    assert!(!shown.contains(SECRET), "{shown}");
}

#[tokio::test]
async fn who_is_cancelled_while_waiting_for_a_turn_has_sent_nothing() {
    let server = MockServer::start().await;
    give_tokens(&server).await;
    // One request each thousand seconds, and the token call has been it.
    let options =
        MeetechoOptions { rate: 0.001, max_in_flight: 1, ..options(&format!("{}/api/v1", server.uri())) };
    let client = Meetecho::live(options).unwrap();
    let mars = group("mars");
    let sent =
        tokio::time::timeout(Duration::from_millis(300), client.set_decks(&mars, SessionId(7), &[])).await;
    assert!(sent.is_err() && server.received_requests().await.unwrap().len() == 1);
    assert_eq!(client.requests_sent(), 0);
}
