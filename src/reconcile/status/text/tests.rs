//! What the person on duty reads. The snapshots are the review.

use std::time::Duration;

use serde_json::json;

use super::super::SlotEnds;
use super::*;
use crate::ledger::{Attempt, LastPass, Standing, StandingHold, State, SubjectStanding, WorkedOn};
use crate::model::{Hold, SessionId};

const POLL: Duration = Duration::from_secs(2);

fn now() -> DateTime<Utc> {
    "2026-11-17T03:00:00Z".parse().expect("a time")
}

fn ago(seconds: i64) -> DateTime<Utc> {
    now() - TimeDelta::seconds(seconds)
}

fn pass(ended: i64) -> LastPass {
    LastPass {
        as_of: ago(ended),
        ended_at: ago(ended),
        asked_at: now(),
        took: Duration::from_millis(25),
        who: "run@one/7".into(),
        summary: json!({ "refused": 0 }),
    }
}

fn subject(key: SubjectKey, state: State) -> SubjectStanding {
    SubjectStanding {
        subject: key,
        state,
        doubt_since: None,
        confirm_at: None,
        not_before: None,
        tries: 0,
        last_error: None,
        changed_at: ago(60),
    }
}

fn decks(id: i64, state: State) -> SubjectStanding {
    subject(SubjectKey::decks(SessionId(id)), state)
}

fn quiet(subjects: Vec<SubjectStanding>) -> Standing {
    Standing {
        asked_at: now(),
        last_pass: Some(pass(2)),
        subjects,
        replicas: vec![Replica {
            name: "run@one/7".into(),
            version: "0.1.0".into(),
            started: ago(90_000),
            seen: ago(2),
            provider: "answers".into(),
        }],
        leases: Vec::new(),
        holds: Vec::new(),
        attempts: Vec::new(),
    }
}

/// The slots of sessions from 70 on are over.
fn ends() -> SlotEnds {
    let end = |id: i64| (SubjectKey::decks(SessionId(id)), if id < 70 { ago(-60) } else { ago(60) });
    (1..80).map(end).collect()
}

fn told(standing: Standing) -> String {
    status_text(&Status::of(standing, &ends(), POLL), &Style::default())
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
    standing.last_pass = Some(LastPass { summary: json!({ "refused": 3 }), ..pass(11_000) });
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
    for (seen, is_told) in [(30, true), (31, false)] {
        let mut standing = quiet(Vec::new());
        standing.replicas[0].provider = "down".into();
        standing.replicas[0].seen = ago(seen);
        assert_eq!(told(standing).contains("Meetecho is down, as run@one/7 sees it"), is_told);
    }
}

#[test]
fn before_the_first_pass() {
    let mut standing = quiet(Vec::new());
    standing.last_pass = None;
    standing.replicas.clear();
    let status = Status::of(standing.clone(), &ends(), POLL);
    assert!(!status.healthy && status.last_complete_pass.is_none() && status.last_pass_ms.is_none());
    insta::assert_snapshot!(told(standing));
}

#[test]
fn a_pass_may_be_five_polls_and_thirty_seconds_old() {
    for (age, poll, healthy) in
        [(40, 2, true), (41, 2, false), (330, 60, true), (331, 60, false), (-5, 2, true)]
    {
        let standing = Standing { last_pass: Some(pass(age)), ..quiet(Vec::new()) };
        assert_eq!(
            Status::of(standing, &ends(), Duration::from_secs(poll)).healthy,
            healthy,
            "{age} s, poll {poll} s"
        );
    }
}

#[test]
fn each_session_is_counted_once_and_as_its_worst() {
    use State::{InDoubt, Parked, Settled, Waiting};
    let of = |states: &[(i64, State)]| {
        let subjects = states.iter().map(|(id, state)| decks(*id, *state)).collect();
        sum(Status::of(quiet(subjects), &ends(), POLL).sessions)
    };
    assert_eq!(
        of(&[(1, Settled), (1, Waiting), (2, Settled)]),
        "1 session is in step, 1 is waiting, none needs you."
    );
    assert_eq!(
        of(&[(1, InDoubt), (1, Parked), (2, InDoubt), (3, Parked)]),
        "0 sessions are in step, 1 is in doubt, 2 need you."
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
