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
mod tests;
