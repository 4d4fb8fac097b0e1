//! Each answer, for each kind of call.

use std::time::Duration;

use super::*;

const WRITES: [Call; 5] =
    [Call::CreateRoom, Call::DeleteRoom, Call::AddDeck, Call::DeleteDeck, Call::SetDecks];
const ACKNOWLEDGED: [Call; 4] = [Call::DeleteRoom, Call::AddDeck, Call::DeleteDeck, Call::SetDecks];
const WITH_DATA: [Call; 3] = [Call::Tokens, Call::FetchRooms, Call::CreateRoom];

fn response(status: u16, content_type: &str, body: &str) -> Response {
    let content_type = Some(content_type.to_owned()).filter(|text| !text.is_empty());
    Response { status, content_type, retry_after: None, body: body.into() }
}

/// The outcome's word, whatever kind of call it is; data is "usable" if it is the number 1.
fn word(call: Call, answer: Result<Response, SendError>) -> &'static str {
    let scrubber = Scrubber::default();
    if ACKNOWLEDGED.contains(&call) {
        acknowledged(call, answer, &scrubber).word()
    } else {
        with_data(call, answer, &scrubber, |v| if v == 1 { Ok(()) } else { Err("is not 1".into()) }).word()
    }
}

#[test]
fn success_is_200_or_202_and_nothing_else() {
    for call in Call::ALL {
        for status in [200, 202] {
            assert_eq!(word(call, Ok(response(status, "application/json", "1"))), "applied", "{call:?}");
        }
        let other = if call.is_write() { "in_doubt" } else { "retry" };
        for status in [201, 203, 204, 206, 207, 226] {
            assert_eq!(word(call, Ok(response(status, "application/json", "1"))), other, "{call:?} {status}");
        }
    }
}

#[test]
fn where_nothing_is_needed_almost_anything_will_do() {
    for call in ACKNOWLEDGED {
        for (kind, body) in [
            ("", ""),
            ("application/json", ""),
            ("text/html", ""),
            ("text/html", " \n"),
            ("application/json; charset=utf-8", "{}"),
            ("application/json", "null"),
            ("", "{\"ok\": true}"),
            ("text/html; charset=UTF-8", "{}"),
            ("text/plain", "OK"),
            ("", "Accepted"),
        ] {
            assert_eq!(word(call, Ok(response(202, kind, body))), "applied", "{call:?} {kind} {body}");
        }
        for (kind, body) in [
            ("text/html", "<html>down</html>"),
            ("Text/HTML; charset=utf-8", "We are down"),
            ("text/html", "\"We are down\""),
            ("text/plain", "<!DOCTYPE html><p>down"),
            ("", "\n <html>"),
            ("application/json", "{\"ok\": tr"),
            ("application/json", "OK"),
            ("application/problem+json", "{"),
        ] {
            assert_eq!(word(call, Ok(response(200, kind, body))), "in_doubt", "{call:?} {kind} {body}");
        }
    }
}

#[test]
fn where_data_is_needed_and_unusable_a_creation_is_in_doubt_and_a_read_is_not() {
    for call in WITH_DATA {
        let expected = if call == Call::CreateRoom { "in_doubt" } else { "retry" };
        for (kind, body) in [
            ("", ""),
            ("application/json", ""),
            ("application/json", "{"),
            ("application/json", "2"),
            ("text/html", "<html>"),
            ("text/plain", "OK"),
        ] {
            assert_eq!(word(call, Ok(response(200, kind, body))), expected, "{call:?} {kind} {body}");
        }
    }
}

#[test]
fn no_means_no() {
    for call in Call::ALL {
        for status in [301, 302, 303, 307, 308, 400, 401, 403, 405, 406, 409, 410, 413, 415, 422, 451, 499] {
            let elsewhere = call == Call::Tokens && status < 400;
            let expected = if elsewhere { "retry" } else { "refused" };
            assert_eq!(word(call, Ok(response(status, "", "x"))), expected, "{call:?} {status}");
        }
        for status in [408, 425, 429] {
            assert_eq!(word(call, Ok(response(status, "", "x"))), "retry", "{call:?} {status}");
        }
        let gone = if call.removes() { "applied" } else { "refused" };
        assert_eq!(word(call, Ok(response(404, "text/html", "<html>"))), gone, "{call:?}");
        let broken = if call.is_write() { "in_doubt" } else { "retry" };
        for status in [500, 502, 503, 504, 599, 600, 100] {
            assert_eq!(word(call, Ok(response(status, "", "x"))), broken, "{call:?} {status}");
        }
    }
}

#[test]
fn silence_after_a_write_is_doubt_and_a_refused_connection_is_not() {
    for call in Call::ALL {
        assert_eq!(word(call, Err(SendError::NotSent { words: "refused".into() })), "retry");
        let doubt = if call.is_write() { "in_doubt" } else { "retry" };
        assert_eq!(word(call, Err(SendError::Unanswered { words: "timed out".into() })), doubt);
        assert_eq!(word(call, Err(SendError::TooLarge { status: 200, limit: 1 })), doubt);
    }
    assert_eq!(WRITES.iter().filter(|call| call.is_write()).count(), 5);
}

#[test]
fn the_codes_and_the_words() {
    let fault = |call, status| {
        let outcome = acknowledged(
            call,
            Ok(response(status, "", r#"{"m": "no", "token": "t0k"}"#)),
            &Scrubber::default(),
        );
        outcome.fault().cloned().expect("not applied")
    };
    assert_eq!(fault(Call::SetDecks, 401).why, Why::CredentialsRejected);
    assert_eq!(fault(Call::SetDecks, 403).why, Why::CredentialsRejected);
    assert_eq!(fault(Call::SetDecks, 409).why, Why::Unsupported);
    assert_eq!(fault(Call::SetDecks, 302).why, Why::Unsupported);
    assert_eq!(fault(Call::SetDecks, 429).why, Why::RateLimited);
    assert_eq!(fault(Call::SetDecks, 500).why, Why::ProviderDown);
    assert_eq!(fault(Call::Tokens, 404).why, Why::GroupUnknown);
    assert_eq!(
        fault(Call::SetDecks, 500).words,
        r#"Meetecho answered 500 to PUT materials: {"m":"no","token":"[redacted]"}"#
    );
    // A success is never quoted.
    assert_eq!(fault(Call::SetDecks, 201).words, "Meetecho answered 201 to PUT materials");
}

#[test]
fn the_time_to_wait_is_handed_on() {
    let mut limited = response(429, "", "");
    limited.retry_after = Some(Duration::from_secs(9));
    let outcome = acknowledged(Call::AddDeck, Ok(limited), &Scrubber::default());
    assert!(matches!(outcome, Outcome::Retry { after: Some(after), .. } if after.as_secs() == 9));
}
