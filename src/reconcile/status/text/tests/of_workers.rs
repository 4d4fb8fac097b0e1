//! What a worker says of itself: a pass that panicked, settings that it can't use, a pause that it was asked for.

use super::{status, told};
use crate::ledger::{Failing, RefusedSettings, Replica, State, SubjectStanding};
use crate::reconcile::ReconcileError;
use crate::reconcile::status::test_standing::{ago, decks, quiet};

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
