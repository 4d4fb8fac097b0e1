//! The datatracker's own requests, as they were recorded: ours are the same, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime};
use meetsync::model::{Deck, DeckId, GroupAcronym, RoomSpec, SessionId};
use meetsync::provider::meetecho::Meetecho;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{
    CREATE, DELETE_ROOM, FETCH, MATERIALS, TOKENS, answer, group, header, listed, options, received,
    server_with_tokens,
};

struct Recorded {
    method: String,
    path: String,
    bearer: Option<String>,
    content_type: Option<String>,
    content_length: Option<String>,
    raw: Option<String>,
}

fn recorded() -> Vec<Recorded> {
    include_str!("../../fixtures/meetecho/requests.jsonl")
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
            drop(client.delete_room(&group, id, None, &|| DateTime::UNIX_EPOCH).await);
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
    let server = server_with_tokens().await;
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
