//! What an answer means. Pure: (call, answer or its absence) to [`Outcome`].
//!
//! The rule behind the table: *Retry* is only said where the request was provably not processed (or changes nothing
//! anyway), *Applied* only where Meetecho itself said so. A maintenance page with status 200 is not Meetecho.

use serde_json::Value;

use super::wire::Call;
use crate::model::{Fault, Outcome, Why};
use crate::planted::{self, Bug};
use crate::transport::{Response, Scrubber, SendError};

/// For calls whose answer holds nothing that is needed.
pub(super) fn acknowledged(
    call: Call,
    answer: Result<Response, SendError>,
    scrubber: &Scrubber,
) -> Outcome<()> {
    let success = match successful(call, answer, scrubber) {
        Ok(Success::Body(success)) => success,
        Ok(Success::AlreadyGone) => return Outcome::Applied(()),
        Err(outcome) => return outcome,
    };
    let unusable = |what: &str| unusable(call, &format!("answered {} with {what}", success.status));
    let kind = media_type(&success);
    // PHP calls everything text/html unless told otherwise, an empty answer and JSON too. No page is a JSON map or list.
    let taken = match serde_json::from_slice(&success.body) {
        Ok(Value::Object(_) | Value::Array(_)) => true,
        Ok(_) => !kind.is_html,
        Err(_) => success.body.trim_ascii().is_empty(),
    };
    if taken {
        return Outcome::Applied(());
    }
    if kind.is_html || success.body.trim_ascii().starts_with(b"<") {
        return unusable("a web page");
    }
    if kind.is_json { unusable("broken JSON") } else { Outcome::Applied(()) }
}

/// For calls whose answer holds what we came for. `parse` says what is wrong in words that follow "answered 200 that".
pub(super) fn with_data<T>(
    call: Call,
    answer: Result<Response, SendError>,
    scrubber: &Scrubber,
    parse: impl FnOnce(&Value) -> Result<T, String>,
) -> Outcome<T> {
    let success = match successful(call, answer, scrubber) {
        Ok(Success::Body(success)) => success,
        Ok(Success::AlreadyGone) => return unusable(call, "answered 404"),
        Err(outcome) => return outcome,
    };
    let status = success.status;
    if let Ok(value) = serde_json::from_slice::<Value>(&success.body) {
        return match parse(&value) {
            Ok(data) => Outcome::Applied(data),
            Err(what) => {
                unusable(call, &scrubber.words(&format!("answered {status}, but the answer {what}")))
            }
        };
    }
    let what = match media_type(&success) {
        _ if success.body.trim_ascii().is_empty() => "nothing",
        kind if kind.is_html => "a web page",
        _ if success.body.trim_ascii().starts_with(b"<") => "a web page",
        kind if kind.is_json => "broken JSON",
        _ => "something that is not JSON",
    };
    unusable(call, &format!("answered {status} with {what}"))
}

enum Success {
    Body(Response),
    /// A removal of what is not there.
    AlreadyGone,
}

/// Sorts out everything but 200 and 202.
fn successful<T>(
    call: Call,
    answer: Result<Response, SendError>,
    scrubber: &Scrubber,
) -> Result<Success, Outcome<T>> {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return Err(without_answer(call, &error, scrubber)),
    };
    let status = response.status;
    let fault = |why| Fault::new(why, refusal_words(call, &response, scrubber));
    let after = response.retry_after;
    Err(match status {
        200 | 202 => return Ok(Success::Body(response)),
        404 if call.removes() && !planted::is(Bug::GoneIsFailure) => return Ok(Success::AlreadyGone),
        401 | 403 => Outcome::Refused(fault(Why::CredentialsRejected)),
        429 => Outcome::Retry { after, fault: fault(Why::RateLimited) },
        408 | 425 => Outcome::Retry { after, fault: fault(Why::ProviderDown) },
        // Another address: about none of the groups.
        300..=399 if call == Call::Tokens => Outcome::Retry { after, fault: fault(Why::ProviderDown) },
        400..=499 if call == Call::Tokens => Outcome::Refused(fault(Why::GroupUnknown)),
        300..=499 => Outcome::Refused(fault(Why::Unsupported)),
        // Other successes, 5xx, and whatever has no meaning at all.
        _ if call.is_write() => Outcome::InDoubt(fault(Why::ProviderDown)),
        _ => Outcome::Retry { after, fault: fault(Why::ProviderDown) },
    })
}

fn without_answer<T>(call: Call, error: &SendError, scrubber: &Scrubber) -> Outcome<T> {
    let words = scrubber.words(&format!("Meetecho {error} ({})", name(call)));
    let fault = Fault::new(Why::ProviderDown, words);
    match error {
        SendError::Unanswered { .. } | SendError::TooLarge { .. } if call.is_write() => {
            Outcome::InDoubt(fault)
        }
        _ => Outcome::Retry { after: None, fault },
    }
}

/// A success that does not say what it must. A write may have taken effect all the same; a read may be read again.
fn unusable<T>(call: Call, what: &str) -> Outcome<T> {
    let fault = Fault::new(Why::ProviderDown, format!("Meetecho {what} ({})", name(call)));
    if call.is_write() { Outcome::InDoubt(fault) } else { Outcome::Retry { after: None, fault } }
}

/// `Meetecho answered 409 to POST meeting/interim/createRoom: {"error":"exists"}`. What a success holds is not
/// quoted: tokens are found there.
fn refusal_words(call: Call, response: &Response, scrubber: &Scrubber) -> String {
    let status = response.status;
    let mut words = format!("Meetecho answered {status} to {}", name(call));
    if !(200..300).contains(&status) && !response.body.trim_ascii().is_empty() {
        words += ": ";
        words += &scrubber.body(&response.body);
    }
    words
}

fn name(call: Call) -> String {
    format!("{} {}", call.method(), call.path())
}

#[derive(Clone, Copy)]
struct MediaType {
    is_html: bool,
    is_json: bool,
}

fn media_type(response: &Response) -> MediaType {
    let text = response.content_type.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = text.split(';').next().unwrap_or_default().trim_end();
    MediaType {
        is_html: matches!(kind, "text/html" | "application/xhtml+xml"),
        is_json: kind.starts_with("application/json") || kind.ends_with("+json") || kind == "text/json",
    }
}

#[cfg(test)]
mod tests {
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
            with_data(call, answer, &scrubber, |v| if v == 1 { Ok(()) } else { Err("is not 1".into()) })
                .word()
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
                assert_eq!(
                    word(call, Ok(response(status, "application/json", "1"))),
                    other,
                    "{call:?} {status}"
                );
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
            for status in
                [301, 302, 303, 307, 308, 400, 401, 403, 405, 406, 409, 410, 413, 415, 422, 451, 499]
            {
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
}
