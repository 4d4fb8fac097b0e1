//! What went over the wire, one short line per request. No token and no secret is ever in a log to begin with.

use serde_json::Value;

use crate::demo::second_sender::USER_AGENT;
use crate::demo::standin::{Failure, LogEntry};
use crate::provider::meetecho::Call;

/// The requests that change something, at most `most` of them, and how many others there were.
pub(super) fn lines(log: &[LogEntry], most: usize) -> Vec<String> {
    let is_read = |entry: &&LogEntry| matches!(entry.call, Some(Call::Tokens | Call::FetchRooms));
    let (reads, writes): (Vec<&LogEntry>, Vec<&LogEntry>) = log.iter().partition(is_read);
    let shown = if writes.len() > most { most - 1 } else { writes.len() };
    let mut lines: Vec<String> = writes.iter().take(shown).map(|entry| line(entry)).collect();
    if writes.len() > shown {
        lines.push(format!("and {} more like these", writes.len() - shown));
    }
    if writes.is_empty() {
        lines.push("nothing that changes anything".into());
    }
    let tokens = reads.iter().filter(|entry| entry.call == Some(Call::Tokens)).count();
    let beside = [(reads.len() - tokens, "fetchRooms"), (tokens, "token call")];
    let beside: Vec<String> = beside
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} x {what}"))
        .collect();
    if !beside.is_empty() {
        lines.push(format!("(beside it: {})", beside.join(", ")));
    }
    lines
}

/// Whether the datatracker sent it by itself.
pub(super) fn is_from_the_datatracker(entry: &LogEntry) -> bool {
    entry.user_agent.as_deref() == Some(USER_AGENT)
}

/// One request.
pub(super) fn line(entry: &LogEntry) -> String {
    let status = entry.status.map_or_else(|| "no answer".into(), |status| status.to_string());
    let trouble = entry.failure.as_ref().map_or("", trouble);
    let who = if is_from_the_datatracker(entry) { "  <- the datatracker itself" } else { "" };
    format!("{:<6} {:<34} {:<44} {status}{trouble}{who}", entry.method, entry.path, about(entry))
}

/// The body in words.
fn about(entry: &LogEntry) -> String {
    let body = entry.body.as_ref().unwrap_or(&Value::Null);
    let text = |key: &str| match &body[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match entry.call {
        Some(Call::SetDecks) => {
            let number = body["decks"].as_array().map_or(0, Vec::len);
            format!("session {}, the list of {number} decks", text("session"))
        }
        Some(Call::AddDeck | Call::DeleteDeck) => {
            format!("session {}, deck {}", text("session"), text("id"))
        }
        Some(Call::CreateRoom) => {
            format!("room {}, {}, {} min", text("room_id"), text("start_time"), text("duration"))
        }
        // The log says what the token is for, never what it is.
        Some(Call::DeleteRoom) => {
            let bearer = entry.bearer.as_deref().unwrap_or_default();
            bearer.strip_prefix("deletes ").unwrap_or("a room").to_owned()
        }
        _ => String::new(),
    }
}

fn trouble(failure: &Failure) -> &'static str {
    match failure {
        Failure::Status(_) => " (nothing was done)",
        Failure::StatusAfterEffect(_) => " (but it was done)",
        Failure::Html => " (a maintenance page)",
        Failure::DropAfter => " (it was done, and the answer got lost)",
        Failure::Held | Failure::LateLanding(_) => " (still on its way somewhere)",
        _ => " (went wrong)",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn entry(call: Call, body: &Value, status: Option<u16>) -> LogEntry {
        LogEntry {
            seq: 1,
            began: Duration::ZERO,
            ended: None,
            call: Some(call),
            method: call.method().as_str().to_owned(),
            path: format!("/api/v1/{}", call.path()),
            bearer: Some("deletes room 8".into()),
            scheme: Some("bearer".into()),
            accept: None,
            user_agent: None,
            content_type: None,
            content_length: None,
            body: Some(body.clone()),
            status,
            took_effect: false,
            failure: None,
        }
    }

    #[test]
    fn a_request_is_one_line_in_plain_words() {
        let put = entry(Call::SetDecks, &json!({"session": "7", "decks": [{}, {}]}), Some(202));
        let delete = entry(Call::DeleteDeck, &json!({"session": "7", "id": 4}), Some(404));
        let room = json!({"room_id": 8, "start_time": "2026-12-01 16:00:00", "duration": 60});
        let create = LogEntry { failure: Some(Failure::Held), ..entry(Call::CreateRoom, &room, None) };
        let gone = entry(Call::DeleteRoom, &Value::Null, Some(200));
        let squeezed: Vec<String> = lines(&[put, delete, create, gone], 9)
            .iter()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            squeezed,
            [
                "PUT /api/v1/materials session 7, the list of 2 decks 202",
                "DELETE /api/v1/materials session 7, deck 4 404",
                "POST /api/v1/meeting/interim/createRoom room 8, 2026-12-01 16:00:00, 60 min no answer (still on its way somewhere)",
                "POST /api/v1/meeting/interim/deleteRoom room 8 200",
            ]
        );
    }

    #[test]
    fn many_requests_are_counted_and_reads_too() {
        let mut log = vec![entry(Call::SetDecks, &json!({"session": "7", "decks": []}), Some(202)); 7];
        log.push(entry(Call::FetchRooms, &Value::Null, Some(200)));
        let lines = lines(&log, 5);
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[4..], ["and 3 more like these", "(beside it: 1 x fetchRooms)"]);
    }
}
