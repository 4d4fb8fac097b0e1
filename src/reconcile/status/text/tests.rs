//! What the person on duty reads. The snapshots are the review.

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::ledger::{
    Attempt, Failing, LastPass, Replica, Standing, StandingHold, State, SubjectStanding, WorkedOn,
};
use crate::model::{Hold, Mode, SessionId, SubjectKey, Why};
use crate::plan::Wait;
use crate::reconcile::status::test_standing::{ago, decks, found, pass, quiet, status, subject};

mod not_sent_yet;
mod of_workers;
mod refused_and_held;

fn told(standing: Standing) -> String {
    status_text(&status(standing), &Style::default())
}

fn needing(standing: Standing) -> usize {
    status(standing).needs_a_person.len()
}

fn first_line(standing: Standing) -> String {
    told(standing).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_quiet_night() {
    insta::assert_snapshot!(told(quiet(vec![decks(1, State::Settled), decks(2, State::Settled)])));
}

#[test]
fn a_bad_night() {
    let mut standing = quiet(vec![
        subject(SubjectKey::room(SessionId(1)), State::Settled),
        decks(1, State::Settled),
        SubjectStanding {
            last_error: Some("422: deck 7 has no title\u{1b}[2J".into()),
            tries: 1,
            ..decks(2, State::Parked)
        },
        SubjectStanding {
            doubt_since: Some(ago(75)),
            not_before: Some(ago(-12)),
            last_error: Some("no answer within 3.01 s".into()),
            tries: 4,
            ..decks(3, State::InDoubt)
        },
        SubjectStanding { doubt_since: Some(ago(1)), ..decks(4, State::InDoubt) },
        SubjectStanding { confirm_at: Some(ago(-20)), ..decks(5, State::Settled) },
        SubjectStanding {
            last_error: Some("429".into()),
            not_before: Some(ago(-3_700)),
            tries: 3,
            ..decks(6, State::Waiting)
        },
        subject(SubjectKey::room(SessionId(7)), State::Waiting),
    ]);
    let refused = json!([
        { "rule": "guard_too_many_deletes", "kind": "room", "sessions": (20..31).collect::<Vec<_>>(),
          "detail": "11 rooms would be deleted", "way_on": "look at them, then: meetsync resync --group mars --rooms-only --force" },
        { "rule": "room_conflict", "kind": "room", "sessions": [31], "detail": "a second room with the id 31: https://x/31",
          "way_on": "if nobody needs it: meetsync rooms delete https://x/31" },
        { "rule": "credentials_rejected", "kind": null, "sessions": [],
          "detail": "the rooms of mars could not be read: Meetecho rejects our credentials",
          "way_on": "put meetecho.client_id and client_secret right, then: meetsync check" }
    ]);
    let settling = Wait {
        subject: SubjectKey::room(SessionId(7)),
        session: SessionId(7),
        reason: Why::Settling,
        until: Some(ago(-40)),
    };
    let more = json!({ "needs_a_person": refused, "waits": [settling] });
    standing.last_pass = Some(LastPass { summary: found(&[1, 8, 9, 20], &more), ..pass(11_000) });
    standing.replicas.push(Replica { name: "run@two/9".into(), ..standing.replicas[0].clone() });
    standing.leases = vec![WorkedOn {
        session: SessionId(4),
        provider: "meetecho".into(),
        owner: "run@two/9".into(),
        until: ago(-25),
    }];
    let hold = |until: i64| Hold { until: ago(until), by: "anna".into(), reason: "the chairs\nasked".into() };
    standing.holds = vec![
        StandingHold { session: None, hold: hold(-600), since: ago(60) },
        StandingHold { session: Some(SessionId(9)), hold: hold(-200_000), since: ago(60) },
    ];
    let attempt = |id: i64, seconds: i64, outcome: &str, words: Option<&str>| Attempt {
        at: ago(seconds),
        subject: SubjectKey::decks(SessionId(id)),
        who: "run@one/7".into(),
        what: "add_deck".into(),
        reason: "a deck was added".into(),
        requests: 1,
        outcome: outcome.into(),
        words: words.map(str::to_owned),
        took_ms: 40,
    };
    standing.attempts = vec![
        attempt(3, 72, "in_doubt", Some("no answer within 3.01 s")),
        attempt(1, 14_000, "applied", None),
    ];
    standing.attempts.extend((0..20).map(|_| attempt(1, 15_000, "applied", None)));
    insta::assert_snapshot!(told(standing));
}

#[test]
fn what_its_window_closed_on_does_not_go_on_by_itself() {
    let failed = SubjectStanding {
        last_error: Some("429".into()),
        not_before: Some(ago(-3_700)),
        tries: 3,
        ..decks(71, State::Waiting)
    };
    let mut standing = quiet(vec![
        SubjectStanding { doubt_since: Some(ago(75)), ..decks(70, State::InDoubt) },
        failed,
        decks(72, State::Waiting),
        SubjectStanding { confirm_at: Some(ago(20)), ..decks(73, State::Settled) },
        decks(74, State::Settled),
        decks(75, State::Parked),
        SubjectStanding { doubt_since: Some(ago(1)), ..decks(76, State::InDoubt) },
    ]);
    let until = ago(-25);
    let owner = "run@one/7".to_owned();
    standing.leases = vec![WorkedOn { session: SessionId(76), provider: "meetecho".into(), owner, until }];
    standing.replicas[0].provider = "down".into();
    insta::assert_snapshot!(told(standing));
}

#[test]
fn only_a_worker_that_is_there_says_that_meetecho_is_down() {
    for (seen, is_told) in [(15, true), (16, false)] {
        let failed = SubjectStanding { not_before: Some(ago(-12)), tries: 4, ..decks(3, State::Waiting) };
        let mut standing = quiet(vec![failed]);
        standing.replicas.push(Replica { name: "run@two/9".into(), ..standing.replicas[0].clone() });
        standing.replicas[0].provider = "down".into();
        standing.replicas[0].seen = ago(seen);
        let status = status(standing.clone());
        assert_eq!(status.provider, is_told.then_some("down"));
        let told = told(standing);
        assert_eq!(told.contains("Meetecho does not answer, as run@one/7 sees it"), is_told, "{told}");
        // Nobody knows when that will be.
        assert_eq!(told.contains("tried again when Meetecho answers"), is_told, "{told}");
        assert_eq!(told.contains("tried again in 12 s"), !is_told, "{told}");
    }
}

/// After several timeouts: what is being sent is not as old as the doubt, and the words of the last try still count.
#[test]
fn what_is_being_sent_has_its_doubt_told_beside_it() {
    let mut standing = quiet(vec![SubjectStanding {
        doubt_since: Some(ago(22)),
        last_error: Some("no answer within 3.01 s".into()),
        tries: 5,
        ..decks(3, State::InDoubt)
    }]);
    let owner = "run@one/7".to_owned();
    standing.leases =
        vec![WorkedOn { session: SessionId(3), provider: "meetecho".into(), owner, until: ago(-25) }];
    let by_whom = told(standing.clone());
    let doubt = "in doubt since 02:59:38 UTC (22 s ago): no answer within 3.01 s";
    assert!(
        by_whom.contains(&format!("session 3 decks: being sent now, by run@one/7; {doubt}\n")),
        "{by_whom}"
    );
    assert!(by_whom.contains("run@one/7 works on session 3"), "{by_whom}");

    // Killed, or ended and its row is gone: the lease outlives it, and nobody is sending.
    let killed = Standing {
        replicas: vec![Replica { seen: ago(60), ..standing.replicas[0].clone() }],
        ..standing.clone()
    };
    let ended = Standing { replicas: Vec::new(), ..standing.clone() };
    for standing in [killed, ended] {
        let told = told(standing.clone());
        let line = "session 3 decks: was cut off; another worker may go on at 03:00:25 UTC (in 25 s)";
        assert!(told.contains(&format!("{line}; {doubt}\n")), "{told}");
        assert!(told.contains("run@one/7 worked on it, and is gone"), "{told}");
        assert!(!told.contains("being sent") && !told.contains("works on"), "{told}");
        let json = serde_json::to_value(status(standing)).expect("plain");
        assert_eq!(json["in_doubt"][0]["under_way"], false);
        assert_eq!(json["in_doubt"][0]["cut_off_until"], "2026-11-17T03:00:25Z");
    }
    // Nobody knows of a one-shot whether it is there.
    standing.leases[0].owner = "resync@two/9".into();
    assert!(told(standing).contains("being sent now, by resync@two/9;"));
}

#[test]
fn a_confirmation_that_is_owed_is_told_once_and_in_time() {
    let owed = |seconds: i64| SubjectStanding { confirm_at: Some(ago(seconds)), ..decks(3, State::Settled) };
    for (seconds, when) in [(-20, "at 03:00:20 UTC"), (4, "since 02:59:56 UTC")] {
        let told = told(quiet(vec![owed(seconds)]));
        assert!(told.contains(&format!("one more send, to confirm it, is owed {when}")), "{told}");
    }
    // The last pass said that nothing is sent for it as it is now.
    for (reason, is_owed) in [("notifications_off", false), ("in_doubt_confirming", true)] {
        let waits = json!([{ "subject": SubjectKey::decks(SessionId(3)), "session": 3, "reason": reason, "until": null }]);
        let mut standing = quiet(vec![owed(4)]);
        standing.last_pass = Some(LastPass { summary: found(&[], &json!({ "waits": waits })), ..pass(2) });
        let status = status(standing);
        assert_eq!(
            (status.confirming.len(), status.sessions.in_doubt),
            (usize::from(is_owed), usize::from(is_owed))
        );
    }
    let again = SubjectStanding {
        doubt_since: Some(ago(2)),
        last_error: Some("500".into()),
        state: State::InDoubt,
        ..owed(4)
    };
    let told = told(quiet(vec![again]));
    assert_eq!(told.matches("session 3 decks").count(), 1, "{told}");
    assert!(told.contains("in doubt since") && !told.contains("accepted"), "{told}");
}

/// Healthy is what the last pass's age says; nothing goes on all the same.
#[test]
fn without_a_worker_nothing_is_said_to_go_on_by_itself() {
    let failed = SubjectStanding { not_before: Some(ago(-12)), tries: 4, ..decks(3, State::Waiting) };
    let standing = Standing { replicas: Vec::new(), ..quiet(vec![failed]) };
    let status = status(standing.clone());
    assert!(status.healthy && !serde_json::to_value(&status).expect("plain")["needs_a_person"][0].is_null());
    insta::assert_snapshot!(told(standing.clone()));
    // Whatever is told to need a person is counted above, and is in the JSON.
    for age in [2, 4_000] {
        let standing = Standing { last_pass: Some(pass(age)), ..standing.clone() };
        let (first, json) = (first_line(standing.clone()), needing(standing));
        assert!(first.ends_with("1 needs you.") && json == 1, "{first}");
    }
    let late = Standing { last_pass: Some(pass(4_000)), ..quiet(Vec::new()) };
    let told = told(late.clone());
    assert!(told.contains("see whether the worker runs") && told.contains("1 needs you."), "{told}");
    assert_eq!(needing(late), 1);
}

#[test]
fn what_waits_behind_a_hold_is_told_with_it() {
    let waits_held = |id: i64| json!({ "subject": SubjectKey::decks(SessionId(id)), "session": id, "reason": "held", "until": null });
    let mut standing = quiet(vec![decks(3, State::Settled)]);
    standing.last_pass = Some(LastPass {
        summary: found(&[], &json!({ "waits": [waits_held(3), waits_held(4)] })),
        ..pass(2)
    });
    let hold = Hold { until: ago(-60), by: "anna".into(), reason: "x".into() };
    let of = |session: Option<i64>| StandingHold {
        session: session.map(SessionId),
        hold: hold.clone(),
        since: ago(60),
    };
    standing.holds = vec![of(None), of(Some(3)), of(Some(5))];
    let told = told(standing);
    assert!(
        told.contains("everything: held until 03:01:00 UTC, by anna: x; 2 changes wait for its end\n"),
        "{told}"
    );
    assert!(
        told.contains("session 3: held until 03:01:00 UTC, by anna: x; a change waits for its end (decks)\n"),
        "{told}"
    );
    assert!(told.contains("session 5: held until 03:01:00 UTC, by anna: x\n"), "{told}");
}

#[test]
fn rejected_credentials_are_not_waited_for_by_the_clock() {
    let failed = SubjectStanding {
        last_error: Some("401".into()),
        not_before: Some(ago(-35)),
        tries: 4,
        ..decks(3, State::Waiting)
    };
    let mut standing = quiet(vec![failed]);
    standing.replicas[0].provider = "credentials_rejected".into();
    let told = told(standing);
    assert!(told.contains("; tried again when Meetecho takes our credentials"), "{told}");
    assert!(!told.contains("tried again in") && told.contains("rejects its credentials"), "{told}");
}

/// As `plan` counts for the same state.
#[test]
fn what_the_planner_does_not_call_in_step_is_not_in_step() {
    let mut standing = quiet((1..=4).map(|id| decks(id, State::Settled)).collect());
    // The others were cancelled, left behind, or are over.
    standing.last_pass = Some(LastPass { summary: found(&[1, 2], &json!({})), ..pass(2) });
    let hold = Hold { until: ago(-60), by: "anna@desk".into(), reason: "x".into() };
    standing.holds = vec![StandingHold { session: Some(SessionId(2)), hold, since: ago(60) }];
    assert!(first_line(standing.clone()).ends_with("1 session is in step, 1 is held, none needs you."));
    standing.subjects[0].confirm_at = Some(ago(-20));
    assert!(
        first_line(standing.clone())
            .ends_with("0 sessions are in step, 1 is held, 1 is in doubt, none needs you.")
    );
    // Nobody has said what is in step.
    standing.last_pass = None;
    assert!(first_line(standing).contains("By the ledger alone, nothing is open for 2 sessions, 1 is held"));
}

#[test]
fn before_the_first_pass() {
    let mut standing = quiet(Vec::new());
    standing.last_pass = None;
    standing.replicas.clear();
    let status = status(standing.clone());
    assert!(!status.healthy && status.last_complete_pass.is_none() && status.last_pass_ms.is_none());
    insta::assert_snapshot!(told(standing));
}

#[test]
fn each_session_is_counted_once_and_as_its_worst() {
    use State::{InDoubt, Parked, Settled, Waiting};
    let of = |states: &[(i64, State)]| {
        let subjects = states.iter().map(|(id, state)| decks(*id, *state)).collect();
        sum(&Status { healthy: true, ..status(quiet(subjects)) })
    };
    assert_eq!(
        of(&[(1, Settled), (1, Waiting), (2, Settled)]),
        "8 sessions are in step, 1 is waiting, none needs you."
    );
    assert_eq!(
        of(&[(1, InDoubt), (1, Parked), (2, InDoubt), (3, Parked)]),
        "6 sessions are in step, 1 is in doubt, 2 need you."
    );
}

#[test]
fn spans_are_told_in_their_largest_units() {
    for (seconds, text) in [
        (-3, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (250, "4 min 10 s"),
        (11_100, "3 h 5 min"),
        (90_000, "1 day"),
    ] {
        assert_eq!(span(TimeDelta::seconds(seconds)), text);
    }
}
