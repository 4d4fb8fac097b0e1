//! Health, and what a closed window makes of what is open.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::Status;
use super::test_standing::{POLL, ago, decks, found, pass, quiet, slides};
use crate::ledger::{LastPass, Standing, State, SubjectStanding};
use crate::model::{NotifyTime, Span};

#[test]
fn a_window_closes_by_the_settings_and_the_planner_has_the_last_word() {
    let over = |end: i64| {
        let end = ago(end);
        SubjectStanding {
            slot: Some(Span { start: end - TimeDelta::hours(1), end }),
            ..decks(1, State::Waiting)
        }
    };
    let closed = |end: i64, notify, waits: Value| {
        let mut standing = quiet(vec![over(end)]);
        standing.last_pass = Some(LastPass { summary: found(&[], &json!({ "waits": waits })), ..pass(2) });
        let status = Status::of(standing, POLL, &slides(notify));
        (status.window_closed.len(), status.needs_a_person.len(), status.sessions.waiting)
    };
    let quarter = NotifyTime::Minutes(15);
    assert_eq!(closed(15 * 60 - 1, quarter, json!([])), (0, 0, 1), "within the margin it goes on");
    assert_eq!(closed(15 * 60, quarter, json!([])), (1, 1, 0));
    assert_eq!(closed(60, NotifyTime::Minutes(0), json!([])), (1, 1, 0));
    assert_eq!(closed(15 * 60, NotifyTime::Always, json!([])), (0, 0, 1));
    let says = |reason: &str| json!([{ "subject": "meetecho/session/1/decks", "session": 1, "reason": reason, "until": null }]);
    assert_eq!(closed(15 * 60, quarter, says("window_closed_unsent")), (1, 1, 0));
    assert_eq!(closed(15 * 60, quarter, says("outside_window")), (0, 0, 0), "out of scope");
    assert_eq!(closed(15 * 60, quarter, says("cancelled")), (0, 0, 0));
}

#[test]
fn a_pass_may_be_five_polls_and_thirty_seconds_old() {
    for (age, poll, healthy) in
        [(40, 2, true), (41, 2, false), (330, 60, true), (331, 60, false), (-5, 2, true)]
    {
        let standing = Standing { last_pass: Some(pass(age)), ..quiet(Vec::new()) };
        assert_eq!(
            Status::of(standing, Duration::from_secs(poll), &slides(NotifyTime::Always)).healthy,
            healthy,
            "{age} s, poll {poll} s"
        );
    }
}
