//! What looks found of rooms, without what the datatracker contradicts by now: rooms are looked at each hour, and a pass reads
//! the datatracker every few seconds.

use crate::ledger::{RoomFinding, RoomsFound};
use crate::model::Why;
use crate::plan::{MOVED, RoomsAsked};

/// `asked`: the rooms that sessions ask for, by the last pass; None where it has not said.
pub(super) fn still_so(found: Vec<RoomsFound>, asked: Option<&RoomsAsked>) -> Vec<RoomsFound> {
    let Some(asked) = asked else { return found };
    let mut found = found;
    for group in &mut found {
        group.findings.retain(|finding| is_so(finding, asked));
    }
    found.retain(|group| !group.findings.is_empty());
    found
}

fn is_so(finding: &RoomFinding, asked: &RoomsAsked) -> bool {
    let Some(session) = finding.session else { return true };
    let is_asked = asked.sessions.contains(&session);
    match finding.state.as_str() {
        // A second room is one too many, whoever asks for the first.
        "unwanted" => !is_asked || finding.words.starts_with(Why::RoomConflict.code()),
        "not_ours" => !is_asked,
        "wanted" => is_asked,
        "drifted" => is_asked && (!finding.words.starts_with(MOVED) || asked.moved.contains(&session)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GroupAcronym, SessionId};
    use crate::reconcile::status::test_standing::ago;

    fn told(asked: Option<&RoomsAsked>) -> Vec<String> {
        let finding = |id: Option<i64>, state: &str, words: &str| RoomFinding {
            session: id.map(SessionId),
            room_id: 1,
            state: state.into(),
            url: None,
            words: words.into(),
        };
        let of = |group: &str, findings: Vec<RoomFinding>| RoomsFound {
            group: GroupAcronym::new(group),
            looked_at: ago(60),
            who: "run@one/7".into(),
            findings,
        };
        let found = vec![
            of("mars", vec![finding(Some(1), "unwanted", "a person replaced the link")]),
            of(
                "moon",
                vec![
                    finding(Some(2), "unwanted", "room_conflict: a second room with this id"),
                    finding(Some(2), "not_ours", "the link is a person's own"),
                    finding(Some(3), "wanted", "gone from the provider"),
                    finding(Some(4), "drifted", "the session moved (03:00 instead of 04:00)"),
                    finding(Some(5), "drifted", "the provider stores something else than was sent"),
                    finding(None, "not_ours", "no session that was looked at has this id"),
                ],
            ),
        ];
        let found = still_so(found, asked);
        let name = |finding: &RoomFinding| {
            format!("{} {}", finding.session.map_or(0, |session| session.0), finding.state)
        };
        found.iter().flat_map(|group| &group.findings).map(name).collect()
    }

    #[test]
    fn what_the_datatracker_contradicts_is_not_told() {
        let ids = |ids: &[i64]| ids.iter().copied().map(SessionId).collect();
        let asked =
            |sessions: &[i64], moved: &[i64]| RoomsAsked { sessions: ids(sessions), moved: ids(moved) };
        let all =
            ["1 unwanted", "2 unwanted", "2 not_ours", "3 wanted", "4 drifted", "5 drifted", "0 not_ours"];
        assert_eq!(told(None), all, "nobody has said");
        assert_eq!(told(Some(&asked(&[3, 4, 5], &[4]))), all, "as it was when they were looked at");
        assert_eq!(told(Some(&asked(&[1, 2, 4], &[]))), ["2 unwanted", "0 not_ours"], "all is otherwise");
    }
}
