//! What a worker says of itself: a pass that panicked, settings that it can't use, a pause that it was asked for.

use super::*;
use crate::ledger::RefusedSettings;
use crate::reconcile::ReconcileError;

/// Its databases are well, and so is all else that a person could look at.
#[test]
fn a_pass_that_panicked_is_a_defect_and_said_to_be_one() {
    let mut standing = quiet(Vec::new());
    let words = ReconcileError::Panicked.to_string();
    standing.replicas[0].failing = Some(Failing { words, since: ago(4), passes: 3 });
    let told = told(standing);
    assert!(told.starts_with("PASSES FAIL: of run@one/7 3 in a row, for 4 s"), "{told}");
    assert!(
        told.contains("! passes fail: a pass panicked; this is a defect of meetsync")
            && told.contains("report it with what the worker's log says"),
        "{told}"
    );
    assert!(!told.contains("meetsync check"), "{told}");
}

/// Whoever changed them may think that they count.
#[test]
fn settings_that_could_not_be_used_need_a_person() {
    let mut standing = quiet(vec![decks(1, State::Settled)]);
    let words = "meetsync.toml:12: [rooms] policy: expected full, no-delete or observe".to_owned();
    standing.replicas[0].refused_settings = Some(RefusedSettings { words, since: ago(600) });
    let text = told(standing.clone());
    let first = text.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("The worker's last pass was 2 s ago.") && first.ends_with("1 needs you."),
        "{text}"
    );
    let need = "  ! run@one/7 goes on with its settings of before, since Tue 2026-11-17 02:50:00 UTC: the new ones can't \
                be used: meetsync.toml:12: [rooms] policy: expected full, no-delete or observe\n      put them right \
                (meetsync check), and send a hangup (kill -HUP) to run@one/7\n";
    assert!(text.contains(need), "{text}");
    assert!(text.contains("02:00 UTC; goes on with its settings of before\n"), "{text}");
    // One that was killed since goes on with none.
    standing.replicas[0].seen = ago(60);
    assert!(!told(standing).contains("settings of before"));
}

#[test]
fn a_pause_that_was_asked_for_is_of_all() {
    let failed = SubjectStanding {
        doubt_since: Some(ago(9)),
        last_error: Some("no answer within 3.01 s".into()),
        not_before: Some(ago(-2)),
        tries: 1,
        ..decks(3, State::InDoubt)
    };
    let mut standing = quiet(vec![failed, decks(4, State::Waiting)]);
    standing.replicas[0].quiet_until = Some(ago(-40));
    let told_one = told(standing.clone());
    let line = "Meetecho asked run@one/7 to leave it alone until 03:00:40 UTC (for 40 s more): nothing is sent by it before that.\n";
    assert!(told_one.contains(line) && told_one.contains("; tried again in 40 s"), "{told_one}");
    assert_eq!(status(standing.clone()).quiet_until, Some(ago(-40)));
    // Another one may go on; of both, the first that may.
    let other = Replica { name: "run@two/9".into(), quiet_until: None, ..standing.replicas[0].clone() };
    standing.replicas.push(other);
    assert_eq!(status(standing.clone()).quiet_until, None);
    let told_two = told(standing.clone());
    assert!(told_two.contains(line) && told_two.contains("; tried again in 2 s"), "{told_two}");
    standing.replicas[1].quiet_until = Some(ago(-10));
    assert_eq!(status(standing.clone()).quiet_until, Some(ago(-10)));
    // Over, or of one that was killed since.
    standing.replicas[1].quiet_until = Some(ago(1));
    assert_eq!(status(standing.clone()).quiet_until, None);
    standing.replicas[1].seen = ago(60);
    assert_eq!(status(standing).quiet_until, Some(ago(-40)));
}

#[test]
fn of_the_workers_that_went_the_last_three_are_told() {
    let mut standing = quiet(Vec::new());
    let there = standing.replicas[0].clone();
    let gone =
        (1..=6).map(|age| Replica { name: format!("run@x/{age}"), seen: ago(age * 60), ..there.clone() });
    standing.replicas.extend(gone);
    let told = told(standing);
    let names: Vec<&str> = told.lines().filter_map(|line| line.trim().strip_suffix(" ago)")).collect();
    assert_eq!(names.len(), 3, "{told}");
    assert!(names.iter().zip(1..).all(|(line, age)| line.starts_with(&format!("run@x/{age}, "))), "{told}");
}

/// At once, and not only when its last pass is old.
#[test]
fn a_worker_whose_passes_fail_says_why() {
    let mut standing = quiet(vec![decks(1, State::Settled)]);
    standing.replicas[0].failing = Some(Failing {
        words: "the datatracker's tables can't be read: absent in schema `public`: meeting_timeslot.time"
            .into(),
        since: ago(4),
        passes: 3,
    });
    assert_eq!(status(standing.clone()).failing.map(|failing| failing.passes), Some(3));
    insta::assert_snapshot!(told(standing.clone()));
    // Long after, it is still the better advice.
    standing.last_pass = Some(pass(4_000));
    let late = told(standing.clone());
    assert!(late.contains("NOT HEALTHY") && !late.contains("see whether the worker runs"), "{late}");
    // One that was killed since says nothing.
    standing.replicas[0].seen = ago(60);
    let gone = status(standing.clone());
    assert_eq!(serde_json::to_value(&gone).expect("plain")["failing"], serde_json::Value::Null);
    assert!(told(standing).contains("no worker is at work"));
}

/// By its own pace: one that looks once a minute says that it is there every ten seconds.
#[test]
fn a_worker_that_was_not_seen_for_a_while_is_not_at_work() {
    for (beat_ms, seen, is_there) in
        [(2_000, 9, true), (2_000, 10, false), (10_000, 33, true), (10_000, 34, false)]
    {
        let mut standing = quiet(Vec::new());
        standing.replicas[0].beat_ms = beat_ms;
        standing.replicas[0].seen = ago(seen);
        let told = told(standing);
        assert_eq!(told.contains("At work\n  nobody"), !is_there, "{told}");
        assert_eq!(told.contains("Gone without a word\n  run@one/7, last seen at "), !is_there, "{told}");
    }
}

#[test]
fn a_worker_that_only_observes_is_said_to_do_so() {
    let mut standing = quiet(vec![decks(1, State::Waiting)]);
    assert_eq!(
        (status(standing.clone()).mode, told(standing.clone()).contains("only observes")),
        (Some(Mode::Act), false)
    );
    standing.last_pass = Some(LastPass { summary: found(&[], &json!({ "mode": "observe" })), ..pass(2) });
    let status = status(standing.clone());
    assert_eq!(serde_json::to_value(&status).expect("plain")["mode"], "observe");
    assert!(told(standing).contains("The worker only observes"));
    assert_eq!(status.mode, Some(Mode::Observe));
}
