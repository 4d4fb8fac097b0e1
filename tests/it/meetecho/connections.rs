//! Requests that certainly never arrived, which leave no doubt: refused, sent into a connection that was closed, or
//! still waiting for their turn.

use std::time::Duration;

use meetsync::model::{Outcome, SessionId, Why};
use meetsync::provider::meetecho::{Meetecho, MeetechoOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{fault, group, options, options_of, server_with_tokens};

#[tokio::test]
async fn a_refused_connection_is_no_doubt() {
    // The port has to be one that nobody listens on: a wiremock server that is dropped only goes back to a pool.
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
async fn who_is_cancelled_while_waiting_for_a_turn_has_sent_nothing() {
    let server = server_with_tokens().await;
    // One request each thousand seconds, and the token call has been it.
    let options = MeetechoOptions { rate: 0.001, max_in_flight: 1, ..options_of(&server) };
    let client = Meetecho::live(options).unwrap();
    let mars = group("mars");
    let sent =
        tokio::time::timeout(Duration::from_millis(300), client.set_decks(&mars, SessionId(7), &[])).await;
    assert!(sent.is_err() && server.received_requests().await.unwrap().len() == 1);
    assert_eq!(client.requests_sent(), 0);
}
