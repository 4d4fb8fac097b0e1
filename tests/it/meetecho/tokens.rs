//! Tokens of groups: asked for in as few calls as can be, kept, and renewed once.

use std::time::Duration;

use meetsync::model::{Outcome, SessionId, Why};
use meetsync::provider::meetecho::Meetecho;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{
    FETCH, MATERIALS, SECRET, TOKENS, answer, answer_bearer, answer_once, client_of, fault, give_tokens,
    group, received, server_with_tokens,
};

#[tokio::test]
async fn tokens_come_in_one_call_and_are_kept() {
    let server = server_with_tokens().await;
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

async fn a_hundred_at_once(client: &Meetecho) -> Vec<Outcome<()>> {
    let mars = group("mars");
    let calls = (0..100).map(|id| client.set_decks(&mars, SessionId(id), &[]));
    futures_util::future::join_all(calls).await
}

#[tokio::test]
async fn a_hundred_at_once_need_one_token_call() {
    let server = server_with_tokens().await;
    answer(&server, MATERIALS, ResponseTemplate::new(202)).await;
    let client = client_of(&server);
    let outcomes = a_hundred_at_once(&client).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied(())));
    assert_eq!((client.token_calls(), client.requests_sent()), (1, 100));
}

#[tokio::test]
async fn a_hundred_at_once_share_a_failure_too() {
    let server = MockServer::start().await;
    answer(&server, TOKENS, ResponseTemplate::new(500)).await;
    let client = client_of(&server);
    let outcomes = a_hundred_at_once(&client).await;
    assert!(
        outcomes.iter().all(|outcome| fault(outcome).0 == "retry" && fault(outcome).1 == Why::ProviderDown)
    );
    assert_eq!((client.token_calls(), client.requests_sent()), (1, 0));
}

#[tokio::test]
async fn an_old_token_is_renewed_once() {
    let server = MockServer::start().await;
    let old = ResponseTemplate::new(200).set_body_json(json!({"tokens": {"mars": "old"}}));
    answer_once(&server, TOKENS, old).await;
    give_tokens(&server).await;
    answer_bearer(&server, "bearer mars-token", MATERIALS, ResponseTemplate::new(202)).await;
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
        let server = server_with_tokens().await;
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
