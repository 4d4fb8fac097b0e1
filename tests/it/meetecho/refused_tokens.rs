//! No token: whether that is about one group, or about our own credentials.

use std::collections::BTreeSet;
use std::time::Duration;

use meetsync::model::{GroupAcronym, Outcome, SessionId, Why};
use meetsync::provider::meetecho::Meetecho;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{
    MATERIALS, SECRET, TOKENS, answer, client_of, fault, give_tokens, group, options_of, received,
    server_with_tokens,
};

fn ten_groups() -> BTreeSet<GroupAcronym> {
    (0..10).map(|n| group(&format!("g{n}"))).collect()
}

/// Whoever asks for the token of `a-bad`, alone or with others, gets this status; all else is well.
async fn with_a_bad_group(status: u16) -> MockServer {
    let server = server_with_tokens().await;
    Mock::given(path(TOKENS))
        .and(|request: &Request| {
            let body: Value = request.body_json().expect("JSON");
            body["wgs"].as_array().expect("a list").contains(&json!("a-bad"))
        })
        .respond_with(ResponseTemplate::new(status))
        .with_priority(1)
        .mount(&server)
        .await;
    answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
    server
}

#[tokio::test]
async fn one_bad_group_does_not_stop_the_other_nine() {
    for status in [400, 401, 403, 404] {
        let server = with_a_bad_group(status).await;
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
        let server = with_a_bad_group(status).await;
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
        let groups = ten_groups();
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
    let groups = ten_groups();
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
    let mut wrong = options_of(&server);
    wrong.client_secret = "another one".into();
    let wrong = Meetecho::live(wrong).expect("loopback");
    for group in [None, Some(&group("mars"))] {
        assert_eq!(fault(&wrong.check_credentials(group).await).1, Why::CredentialsRejected);
    }
}
