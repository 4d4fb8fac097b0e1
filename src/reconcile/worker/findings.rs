//! What a look at rooms found that nobody corrects by himself: a room that the provider stores otherwise than it was
//! sent (never corrected in a loop), one that is gone and may not be made, one that nobody asks for, one of nobody's.
//!
//! Pure. What the plan is about to change is left out, because its step says so; and so are rooms whose time is over.

use std::collections::BTreeMap;

use crate::ledger::RoomFinding;
use crate::model::{GroupAcronym, RoomTimes, SubjectKey};
use crate::plan::{self, Plan, RoomReport, RoomState};
use crate::reconcile::world::World;

/// Of every group whose rooms were seen for this plan, also of those where all is well.
pub(super) fn findings(world: &World, plan: &Plan) -> BTreeMap<GroupAcronym, Vec<RoomFinding>> {
    let mut found: BTreeMap<GroupAcronym, Vec<RoomFinding>> =
        world.rooms.by_group.keys().map(|group| (group.clone(), Vec::new())).collect();
    if found.is_empty() {
        return found;
    }
    for line in plan::report(world.inputs()) {
        if let Some(finding) = finding(world, plan, &line)
            && let Some(findings) = found.get_mut(&line.group)
        {
            findings.push(finding);
        }
    }
    for findings in found.values_mut() {
        findings.sort();
    }
    found
}

fn finding(world: &World, plan: &Plan, line: &RoomReport) -> Option<RoomFinding> {
    let subject = line.session.map(SubjectKey::room);
    let goes_on = subject.is_some_and(|subject| {
        plan.changes.iter().any(|change| change.subject == subject)
            || plan.waits.iter().any(|wait| wait.subject == subject && wait.until.is_some())
    });
    let is_over = line.found.as_ref().is_some_and(|found| found.times.span().is_over(plan.as_of));
    let had_one = || {
        let row = world.ledger.get(subject?)?;
        row.room.as_ref().filter(|room| !room.gone)
    };
    let state = match line.state {
        RoomState::Drifted => "drifted",
        RoomState::Unwanted => "unwanted",
        RoomState::NotOurs if line.found.is_some() => "not_ours",
        RoomState::Wanted if had_one().is_some() => "wanted",
        _ => return None,
    };
    (!goes_on && !is_over).then(|| RoomFinding {
        session: line.session,
        room_id: line.room_id,
        state: state.to_owned(),
        url: line.found.as_ref().map(|found| found.url.clone()),
        words: words(line, state),
    })
}

/// Why, and where it drifted, how. Whoever reads it is told the state before it.
fn words(line: &RoomReport, state: &str) -> String {
    let reason = line.reason.as_deref().unwrap_or_default();
    let stated = reason.strip_prefix(state).and_then(|rest| rest.strip_prefix(": "));
    let reason = stated.unwrap_or(reason).to_owned();
    match (&line.found, line.wanted) {
        (Some(found), Some(wanted)) if found.times != wanted => {
            format!("{reason} ({} instead of {})", in_words(found.times), in_words(wanted))
        }
        _ => reason,
    }
}

fn in_words(times: RoomTimes) -> String {
    format!("{} UTC for {} min", times.start.format("%Y-%m-%d %H:%M:%S"), times.duration_min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_not_told_twice() {
        for (state, reason, expected) in [
            ("not_ours", "not_ours: no session has this id", "no session has this id"),
            ("not_ours", "the link is a person's own", "the link is a person's own"),
            ("unwanted", "room_conflict: a second room", "room_conflict: a second room"),
        ] {
            let line = serde_json::json!({
                "session": null, "room_id": 1, "group": "mars", "state": state, "wanted": null, "found": null,
                "reason": reason
            });
            let line: RoomReport = serde_json::from_value(line).unwrap();
            assert_eq!(words(&line, state), expected);
        }
    }
}
