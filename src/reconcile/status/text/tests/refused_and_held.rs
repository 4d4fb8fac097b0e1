//! What was refused, and what is held for longer than its window is open.

use serde_json::json;

use super::told;
use crate::ledger::{LastPass, StandingHold, State, SubjectStanding};
use crate::model::{Hold, SessionId, SubjectKey};
use crate::reconcile::status::test_standing::{ago, decks, found, pass, quiet};

#[test]
fn what_was_refused_is_told_once_and_when_it_is_tried_again() {
    let refused = SubjectStanding {
        confirm_at: Some(ago(5)),
        doubt_since: Some(ago(9)),
        not_before: Some(ago(-250)),
        last_error: Some("unsupported: 404".into()),
        ..decks(3, State::Parked)
    };
    let over = SubjectStanding { slot: decks(75, State::Parked).slot, ..refused.clone() };
    let owed = SubjectStanding { doubt_since: None, ..refused.clone() };
    for (standing, words) in [
        (refused, "404; tried again in 4 min 10 s\n"),
        (owed, "404; tried again in 4 min 10 s\n"),
        (over, "unsupported: 404\n"),
    ] {
        let told = told(quiet(vec![standing]));
        assert!(told.contains(words), "{told}");
        assert!(!told.contains("Goes on by itself"), "{told}");
    }
}

#[test]
fn a_hold_that_outlasts_the_window_says_so() {
    let waits = json!([{ "subject": SubjectKey::decks(SessionId(3)), "session": 3, "reason": "held", "until": null }]);
    // The window closes 16 min from now, at 03:16.
    for (until, session, words) in [
        (-959, Some(3), "a change waits for its end (decks)\n"),
        (
            -960,
            Some(3),
            "a change waits for its end (decks); the window of session 3 closes at 03:16:00 UTC, before that: meetsync \
             release 3, or meetsync push 3\n",
        ),
        (-960, None, "before that: meetsync release --all, or meetsync push 3\n"),
    ] {
        let mut standing = quiet(vec![decks(3, State::Waiting)]);
        standing.last_pass = Some(LastPass { summary: found(&[], &json!({ "waits": waits })), ..pass(2) });
        let hold = Hold { until: ago(until), by: "anna".into(), reason: "x".into() };
        standing.holds = vec![StandingHold { session: session.map(SessionId), hold, since: ago(60) }];
        let told = told(standing);
        assert!(told.contains(words), "{told}");
    }
}
