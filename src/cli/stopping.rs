//! A command that sends and is asked to stop in the middle: Ctrl-C, a polite kill, or a terminal that is closed.
//!
//! It begins no step any more; what is under way gets `shutdown.grace`, and is then cut off, which leaves doubt and no
//! lease. Asked once more, it ends as it stands.

use std::time::Duration;

use crate::reconcile::worker::Leave;
use crate::reconcile::{SubjectOutcome, SubjectResult};
use crate::shutdown::Signals;

/// What was cut off has so long to write down how far it got.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Works until it is done, or until it has to end at once: then None.
///
/// # Errors
/// Signals can't be listened to.
pub(super) async fn unless_stopped<T>(
    grace: Duration,
    leave: &Leave,
    say: impl Fn(&str),
    work: impl Future<Output = T>,
) -> std::io::Result<Option<T>> {
    let mut signals = Signals::listen()?;
    tokio::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return Ok(Some(done)),
        _ = signals.next() => {}
    }
    say(&format!(
        "meetsync: asked to stop: it begins nothing new, and what is under way has {} s at most (shutdown.grace); asked \
         once more, it ends at once",
        grace.as_secs_f64()
    ));
    leave.ask();
    for span in [grace, LAST_WORDS] {
        tokio::select! {
            biased;
            done = &mut work => return Ok(Some(done)),
            _ = signals.next() => return Ok(None),
            () = tokio::time::sleep(span) => leave.cut(),
        }
    }
    Ok(None)
}

/// What a command that was stopped has done, and what it has not.
pub(super) fn in_order(results: &[SubjectResult]) -> String {
    let count = |is_meant: fn(SubjectOutcome) -> bool| {
        results.iter().filter(|result| is_meant(result.outcome)).count()
    };
    let done = count(|outcome| {
        matches!(outcome, SubjectOutcome::Applied | SubjectOutcome::InStep | SubjectOutcome::Rehearsed)
    });
    let unknown = count(|outcome| outcome == SubjectOutcome::InDoubt);
    let undone = results.len() - done - unknown;
    if done == results.len() {
        return "meetsync: asked to stop, but everything was done by then".to_owned();
    }
    let unknown = match unknown {
        0 => String::new(),
        _ => format!("of {unknown} it is not known what Meetecho made of it, "),
    };
    format!(
        "meetsync: stopped before it was through: {done} of {} done, {unknown}{undone} not done; the same command goes on",
        results.len()
    )
}

/// The same for one that ended without a look at what was under way.
pub(super) fn at_once(done: u64, of: usize) -> String {
    format!(
        "meetsync: ended at once: {done} of {of} done; what was under way is in doubt, and keeps its session until its lease \
         (ledger.lease) is over; the same command goes on then"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SessionId, SubjectKey};

    #[test]
    fn what_is_not_known_is_told_apart_from_what_was_not_done() {
        use SubjectOutcome::{Applied, Failed, InDoubt, InStep, Refused};
        let of = |outcomes: &[SubjectOutcome]| {
            let results: Vec<SubjectResult> = (1..)
                .zip(outcomes)
                .map(|(session, outcome)| SubjectResult {
                    outcome: *outcome,
                    ..SubjectResult::in_step(SubjectKey::decks(SessionId(session)), 0)
                })
                .collect();
            in_order(&results)
        };
        assert!(of(&[Applied, InStep]).ends_with("everything was done by then"));
        assert!(of(&[Applied, Failed, Refused]).contains("1 of 3 done, 2 not done;"));
        let unknown = of(&[InDoubt, Applied, Failed]);
        assert!(
            unknown.contains("1 of 3 done, of 1 it is not known what Meetecho made of it, 1 not done;"),
            "{unknown}"
        );
    }
}
