//! What a pass found, as it is kept in the ledger for people: `status` reads it there, and so says of sessions what the
//! planner said, and not what the rows alone would make one think.
//!
//! It is written with every pass, so of very many different matters it names the first ones, and counts the rest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::world::World;
use crate::model::{Kind, LedgerView, Mode, Remembered, SessionId, Why};
use crate::plan::{self, Plan, Refusal, RoomsAsked, Summary, Wait, counted};

/// So many different matters are kept word by word; the rest is one more.
const MOST: usize = 100;

/// The plan in numbers, and what of it is not in the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassSummary {
    #[serde(flatten)]
    pub sums: Summary,
    /// Of the worker whose pass it was.
    #[serde(default)]
    pub mode: Option<Mode>,
    #[serde(default)]
    pub in_step_sessions: Option<BTreeSet<SessionId>>,
    /// What was refused, and is not so by the settings.
    #[serde(default)]
    pub needs_a_person: Vec<Need>,
    /// Of subjects of which something is open: of each of them, for `status` goes by this where nothing is to be done.
    #[serde(default)]
    pub waits: Vec<Wait>,
    /// By what a room that a look found to be wrong may be right by now; None where it is not known.
    #[serde(default)]
    pub rooms_asked: Option<RoomsAsked>,
}

/// Something that only a person can put right; what is alike is told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Null where the provider said no, and why is in its words; or where this stands for many.
    pub rule: Option<Why>,
    /// Null where it is about no subject.
    pub kind: Option<Kind>,
    pub sessions: BTreeSet<SessionId>,
    pub detail: String,
    /// The exact command or setting that goes on.
    pub way_on: String,
}

impl PassSummary {
    pub(super) fn of_pass(world: &World, plan: &Plan) -> Self {
        let mode = world.policy.scope.mode;
        Self { rooms_asked: plan::rooms_asked(world.inputs()), ..Self::of(plan, &world.ledger, mode) }
    }

    fn of(plan: &Plan, ledger: &LedgerView, mode: Mode) -> Self {
        let is_open = |row: &Remembered| {
            row.timing.burst.is_some() || row.doubt_since.is_some() || row.last_error.is_some()
        };
        // What this very pass saw first has no row yet, and of what is held none is made.
        let is_new = |wait: &Wait| matches!(wait.reason, Why::Settling | Why::Held | Why::WindowClosedUnsent);
        let open =
            plan.waits.iter().filter(|wait| is_new(wait) || ledger.get(wait.subject).is_some_and(is_open));
        Self {
            sums: plan.summary,
            mode: Some(mode),
            in_step_sessions: Some(plan.in_step.clone()),
            needs_a_person: needs_of(&plan.refusals),
            waits: open.cloned().collect(),
            rooms_asked: None,
        }
    }
}

fn needs_of(refusals: &[Refusal]) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    let (mut more, mut sessions_of_more) = (0, BTreeSet::new());
    for refusal in refusals.iter().filter(|refusal| !refusal.rule.is_as_set()) {
        let Refusal { subject, session, rule, detail, way_on, .. } = refusal;
        let kind = subject.map(|subject| subject.kind);
        let is_same = |need: &&mut Need| {
            need.rule == Some(*rule) && need.kind == kind && need.detail == *detail && need.way_on == *way_on
        };
        if let Some(need) = needs.iter_mut().find(is_same) {
            need.sessions.extend(session);
        } else if needs.len() < MOST {
            needs.push(Need {
                rule: Some(*rule),
                kind,
                sessions: session.iter().copied().collect(),
                detail: detail.clone(),
                way_on: way_on.clone(),
            });
        } else {
            more += 1;
            sessions_of_more.extend(session);
        }
    }
    if more > 0 {
        needs.push(Need {
            rule: None,
            kind: None,
            sessions: sessions_of_more,
            detail: counted(more, "more refusal", "more refusals"),
            way_on: "all of them: meetsync plan; those of one session: meetsync explain ID".to_owned(),
        });
    }
    needs
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{SubjectKey, Timing};

    const MANY: i64 = 250;

    fn plan(refusals: &[Value], waits: &[Value]) -> Plan {
        let plan = json!({
            "version": 1, "as_of": "2026-11-17T03:00:00Z", "hash": "", "changes": [], "refusals": refusals, "waits": waits,
            "summary": { "sessions": MANY, "in_window": 0, "in_step": 0, "to_change": 0, "in_doubt": 0, "held": 0,
                         "refused": refusals.len(), "requests": 0 }
        });
        serde_json::from_value(plan).unwrap()
    }

    /// What a pass leaves, as `status` reads it.
    fn left(plan: &Plan, ledger: &LedgerView) -> PassSummary {
        serde_json::from_value(json!(PassSummary::of(plan, ledger, Mode::Act))).unwrap()
    }

    /// Else `status` would call a failure of before something that is tried again, where nothing is to be done.
    #[test]
    fn why_a_session_waits_is_kept_of_each_that_has_something_open() {
        let mut ledger = LedgerView::default();
        let failed =
            Remembered { last_error: Some("429".into()), timing: Timing::default(), ..Remembered::default() };
        let waits: Vec<Value> = (1..=MANY)
            .map(|id| {
                let key = SubjectKey::decks(SessionId(id));
                if id != 7 {
                    ledger.subjects.insert(key, failed.clone());
                }
                json!({ "subject": key, "session": id, "reason": "cancelled", "until": null })
            })
            .collect();
        let kept = left(&plan(&[], &waits), &ledger).waits;
        let kept: Vec<i64> = kept.iter().map(|wait| wait.session.0).collect();
        assert_eq!(kept, (1..=MANY).filter(|id| *id != 7).collect::<Vec<_>>());
    }

    #[test]
    fn of_very_many_matters_the_last_ones_are_told_as_one() {
        let conflict = |id: i64| {
            json!({ "subject": SubjectKey::room(SessionId(id)), "session": id, "rule": "room_conflict",
                    "detail": format!("a second room: https://x/{id}"), "way_on": "look", "operations": [] })
        };
        let refusals: Vec<Value> = (1..=MANY).map(conflict).collect();
        let needs = left(&plan(&refusals, &[]), &LedgerView::default()).needs_a_person;
        let sessions: BTreeSet<i64> =
            needs.iter().flat_map(|need| need.sessions.iter().map(|id| id.0)).collect();
        assert_eq!(sessions, (1..=MANY).collect(), "each of them needs a person");
        let rest = needs.last().unwrap();
        assert_eq!((needs.len(), rest.sessions.len()), (101, 150), "{rest:?}");
        assert!(rest.detail.starts_with("150 more"), "{rest:?}");
        assert_eq!(left(&plan(&refusals[..100], &[]), &LedgerView::default()).needs_a_person.len(), 100);
    }
}
