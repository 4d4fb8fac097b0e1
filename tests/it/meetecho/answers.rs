//! What each answer becomes, the one that is late, and the one that asks us to wait.

use std::time::Duration;

use meetsync::model::{Outcome, SessionId, Why};
use meetsync::provider::meetecho::Meetecho;
use wiremock::ResponseTemplate;

use super::{
    FETCH, MATERIALS, answer, answer_once, client_of, deck, fault, group, options_of, received,
    server_with_tokens,
};

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
        let server = server_with_tokens().await;
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
    let server = server_with_tokens().await;
    for status in [301, 302, 307, 308] {
        let elsewhere = format!("{}/elsewhere", server.uri());
        let template = ResponseTemplate::new(status).insert_header("location", elsewhere.as_str());
        answer_once(&server, MATERIALS, template).await;
        let outcome = client_of(&server).set_decks(&group("mars"), SessionId(1), &[]).await;
        assert_eq!((outcome.word(), fault(&outcome).1), ("refused", Why::Unsupported));
    }
    assert!(received(&server, "/elsewhere").await.is_empty());
}

#[tokio::test]
async fn a_slow_answer_is_doubt_for_a_write_and_another_try_for_a_read() {
    let server = server_with_tokens().await;
    for at in [MATERIALS, FETCH] {
        answer(&server, at, ResponseTemplate::new(200).set_delay(Duration::from_mins(1))).await;
    }
    let mut options = options_of(&server);
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
async fn retry_after_holds_everybody() {
    let server = server_with_tokens().await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "1");
    answer_once(&server, MATERIALS, limited).await;
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
