//! Which addresses are spoken to, and how long an answer asks us to wait.

use super::*;

fn options(endpoint: &str, allow_http: bool) -> LiveOptions {
    LiveOptions {
        endpoint: endpoint.parse().expect("a URL"),
        request_timeout: Duration::from_secs(1),
        allow_http,
        max_in_flight: 1,
        rate: 0.0,
        longest_hold: Duration::from_mins(1),
    }
}

#[test]
fn plain_http_only_to_the_own_machine() {
    for good in ["http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/"] {
        assert!(Live::new(options(good, false)).is_ok(), "{good}");
    }
    for bad in ["http://meetings.example.org/", "http://10.0.0.1/", "http://localhost.example.org/"] {
        assert!(matches!(Live::new(options(bad, false)), Err(BadEndpoint::PlainHttp(_))), "{bad}");
        assert!(Live::new(options(bad, true)).is_ok(), "{bad}");
    }
    for bad in ["ftp://localhost/", "unix:/run/x", "data:text/plain,x"] {
        assert!(matches!(Live::new(options(bad, true)), Err(BadEndpoint::NotHttp(_))), "{bad}");
    }
}

#[test]
fn a_date_to_come_back_is_read_against_the_answers_own() {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("Wed, 21 Oct 2026 07:28:30 GMT"));
    assert_eq!(retry_after(&headers), None);
    headers.insert(DATE, HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT"));
    assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
    assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn another_host_is_never_spoken_to() {
    let live = Live::new(options("http://127.0.0.1:1/", false)).expect("loopback");
    let url = "http://127.0.0.1:2/x".parse().expect("a URL");
    let request = Request { method: Method::Get, url, bearer: None, body: None };
    let sent = live.send(&request, || panic!("it must not go")).await;
    assert!(matches!(sent, Err(SendError::NotSent { words }) if words.contains("not the provider's")));
}
