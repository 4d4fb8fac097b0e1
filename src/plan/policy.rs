//! What the settings allow at all: the scope by which a team dares, and the powers over rooms.
//!
//! Policy removes operations from a change and says so. Doing less is always possible, so "never delete" is one
//! word in the settings.

use std::collections::BTreeSet;

use super::link::leads_to;
use super::types::{Change, Operation, Refusal};
use crate::model::{Kind, Policy, RoomPowers, Session, SubjectKey, Why};

/// What is left of a change, and what was taken out of it.
pub(super) fn restrict(change: Change, session: &Session, policy: &Policy) -> (Option<Change>, Vec<Refusal>) {
    if !is_in_scope(session, policy) {
        return (None, vec![out_of_scope(change.subject, session, change.operations)]);
    }
    if change.subject.kind != Kind::Room {
        return (Some(change), Vec::new());
    }
    match policy.rooms.powers {
        RoomPowers::Full => (Some(change), Vec::new()),
        RoomPowers::NoDelete => without(change, deletes_a_room, |change, taken| {
            let detail = "rooms.policy = \"no-delete\": no room is taken away, and none is moved".to_owned();
            let way_on = format!(
                "set rooms.policy = \"full\", or do it by hand: meetsync rooms delete {}",
                change.session
            );
            refused(change, Why::NoDelete, detail, way_on, taken)
        }),
        RoomPowers::Observe => {
            let detail = "rooms.policy = \"observe\": rooms are only looked at".to_owned();
            let way_on = "set rooms.policy = \"no-delete\" or \"full\"".to_owned();
            (None, vec![refused(&change, Why::ObserveOnly, detail, way_on, change.operations.clone())])
        }
    }
}

/// A guard's refusal of what would not have been done anyway is one of the scope: exit status 3 is for what a
/// person must decide.
pub(super) fn restrict_refusal(refusal: Refusal, session: &Session, policy: &Policy) -> Refusal {
    match refusal.subject {
        Some(subject) if is_about_doing(refusal.rule) && !is_in_scope(session, policy) => {
            out_of_scope(subject, session, refusal.operations)
        }
        _ => refusal,
    }
}

/// Rules that stop what would be done, or might be.
fn is_about_doing(rule: Why) -> bool {
    rule.is_guard() || rule == Why::SourceIncomplete
}

/// Whether a session is one of those that `[scope]` lets us touch.
pub fn is_in_scope(session: &Session, policy: &Policy) -> bool {
    let scope = &policy.scope;
    (scope.groups.is_empty() || scope.groups.contains(&session.group))
        && (scope.meetings.is_empty() || scope.meetings.contains(&session.meeting))
}

fn out_of_scope(subject: SubjectKey, session: &Session, operations: Vec<Operation>) -> Refusal {
    Refusal {
        subject: Some(subject),
        session: Some(session.id),
        groups: BTreeSet::new(),
        rule: Why::OutOfScope,
        detail: format!(
            "{} of meeting {} is outside of [scope] groups and meetings",
            session.group, session.meeting
        ),
        way_on: "add it to scope.groups (and scope.meetings) in the settings".to_owned(),
        operations,
    }
}

pub(super) fn deletes_a_room(operation: &Operation) -> bool {
    matches!(operation, Operation::DeleteRoom { .. } | Operation::RecreateRoom { .. })
}

/// Whether a room is deleted, to be made again or not.
pub fn takes_a_room_away(change: &Change) -> bool {
    change.operations.iter().any(deletes_a_room)
}

pub(super) fn creates_a_room(operation: &Operation) -> bool {
    matches!(operation, Operation::CreateRoom { .. })
}

/// A refusal of some operations of a change.
pub(super) fn refused(
    change: &Change,
    rule: Why,
    detail: String,
    way_on: String,
    operations: Vec<Operation>,
) -> Refusal {
    Refusal {
        subject: Some(change.subject),
        session: Some(change.session),
        groups: BTreeSet::new(),
        rule,
        detail,
        way_on,
        operations,
    }
}

/// Takes the operations that `takes_out` names out of a change, and what cannot be done without them.
pub(super) fn without(
    change: Change,
    takes_out: impl Fn(&Operation) -> bool,
    refuse: impl FnOnce(&Change, Vec<Operation>) -> Refusal,
) -> (Option<Change>, Vec<Refusal>) {
    if !change.operations.iter().any(&takes_out) {
        return (Some(change), Vec::new());
    }
    // Where a move is refused, the old room stays, and its URL is what a blanked link gets back.
    let old = change.operations.iter().find_map(|operation| match operation {
        Operation::RecreateRoom { old, .. } => Some(old.clone()),
        _ => None,
    });
    let mut taken = Vec::new();
    let mut left = Vec::new();
    for operation in change.operations.clone() {
        match operation {
            operation if takes_out(&operation) => taken.push(operation),
            Operation::WriteRoomUrl { from, to: None, .. } => {
                let url = old.as_ref().and_then(|old| {
                    let public_id = old.public_id.as_deref().unwrap_or_default();
                    old.url.clone().filter(|url| !leads_to(from.trim(), url, public_id))
                });
                left.extend(url.map(|url| Operation::write_room_url(from, Some(url))));
            }
            operation => left.push(operation),
        }
    }
    let refusal = refuse(&change, taken);
    let rest = (!left.is_empty()).then_some(Change { operations: left, ..change });
    (rest, vec![refusal])
}
