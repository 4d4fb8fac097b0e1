//! What is to be sent, and is not yet: since edits may go on, or since nothing is sent at all.

use serde_json::json;

use super::told;
use crate::ledger::{LastPass, Standing, StandingHold, State, SubjectStanding};
use crate::model::{Burst, Hold};
use crate::reconcile::status::test_standing::{ago, decks, found, pass, quiet, status};

/// Edits that may still go on are told with the moment at which they are sent in any case.
#[test]
fn what_waits_for_edits_to_stop_is_told_with_its_moments() {
    let edited = |id: i64, first: i64, last: i64| SubjectStanding {
        burst: Some(Burst { first: ago(first), last: ago(last) }),
        ..decks(id, State::Waiting)
    };
    let line = |standing: &Standing| {
        let text = told(standing.clone());
        text.lines().find(|line| line.contains("session 1 decks: ")).unwrap_or_default().to_owned()
    };
    // slides.quiet is 2 s, slides.max_wait 10 s.
    let one = |first, last| quiet(vec![edited(1, first, last)]);
    assert!(
        line(&one(5, 1)).ends_with("slides.quiet): sent at 03:00:01 UTC, or at 03:00:05 UTC at the latest"),
        "{}",
        line(&one(5, 1))
    );
    assert!(line(&one(9, 0)).ends_with("slides.quiet): sent at 03:00:01 UTC at the latest"));
    assert!(line(&one(30, 29)).ends_with("session 1 decks: was to be sent at 02:59:33 UTC, and is next"));
    let json = serde_json::to_value(status(one(5, 1))).expect("plain");
    assert_eq!(
        json["pending"],
        json!([{ "subject": "meetecho/session/1/decks", "at": ago(-1), "latest": ago(-5) }])
    );

    // What is told otherwise, or is not sent at all, is not told here.
    let mut failed = one(5, 1);
    failed.subjects[0].last_error = Some("429".into());
    assert!(line(&failed).contains("failed 1 time"));
    let mut held = one(5, 1);
    let of_all = Hold { until: ago(-600), by: "anna".into(), reason: "asked".into() };
    held.holds = vec![StandingHold { session: None, hold: of_all, since: ago(60) }];
    let mut waits = one(5, 1);
    let wait = json!([{ "subject": "meetecho/session/1/decks", "session": 1, "reason": "outside_window", "until": null }]);
    waits.last_pass = Some(LastPass { summary: found(&[], &json!({ "waits": wait })), ..pass(2) });
    let mut needs = one(5, 1);
    let need = json!([{ "rule": "guard_too_many_deletes", "kind": "decks", "sessions": [1], "detail": "x", "way_on": "y" }]);
    needs.last_pass = Some(LastPass { summary: found(&[], &json!({ "needs_a_person": need })), ..pass(2) });
    for standing in [failed, held, waits, needs] {
        assert!(status(standing).pending.is_empty());
    }
}

#[test]
fn who_only_observes_counts_as_the_plan_does() {
    let mut standing =
        quiet(vec![decks(1, State::Settled), decks(2, State::Waiting), decks(3, State::Waiting)]);
    let more = json!({ "mode": "observe", "to_change": 7, "requests": 9 });
    standing.last_pass = Some(LastPass { summary: found(&[1, 2, 4], &more), ..pass(2) });
    let text = told(standing);
    // A row that waits is of the days when it acted.
    assert!(
        text.lines()
            .next()
            .unwrap()
            .ends_with(" 3 sessions are in step, 7 would be changed, none needs you."),
        "{text}"
    );
    assert!(text.contains("7 sessions would be changed with 9 requests, and 3 are in step"), "{text}");
}
