//! The limits beyond which a person must say yes.
//!
//! They count what this plan would do together with what was done within `guard.per`, so that a loop of small
//! plans can't do what one large plan may not. `--force` lifts them for one plan; a refusal names the rule, the
//! numbers, the setting and the exact command. A refusal never holds back other changes.
//!
//! Nothing lifts the guards of a running room; those are decided in [`super::rooms`].

use std::collections::BTreeSet;

use super::inputs::Inputs;
use super::policy::{creates_a_room, deletes_a_room, refused, without};
use super::render::{counted, scope_arguments};
use super::types::{Change, Operation, Refusal};
use crate::desired::is_looked_at;
use crate::model::{KindFilter, Remembered, Scope, SessionId, Why};

/// Rooms deleted and rooms created.
pub(super) fn limit_rooms(inputs: Inputs<'_>, changes: &mut Vec<Change>, refusals: &mut Vec<Refusal>) {
    if inputs.ask.force {
        return;
    }
    let guard = &inputs.policy.guard;
    let recent = &inputs.ledger.recent;
    let per = people_span(guard.per);
    limit(
        inputs,
        changes,
        refusals,
        deletes_a_room,
        &Limit {
            rule: Why::GuardTooManyDeletes,
            before: recent.rooms_deleted,
            most: guard.max_deletes,
            would_be: "would be deleted (a moved one counts)",
            per: per.clone(),
            setting: "guard.max_deletes",
        },
    );
    limit(
        inputs,
        changes,
        refusals,
        creates_a_room,
        &Limit {
            rule: Why::GuardTooManyCreates,
            before: recent.rooms_created,
            most: guard.max_creates,
            would_be: "would be created",
            per,
            setting: "guard.max_creates",
        },
    );
}

/// The command that does what was refused of these sessions, and no more than that: the guards have other things to say
/// of other sessions.
fn go_on(inputs: Inputs<'_>, sessions: BTreeSet<SessionId>, kinds: KindFilter) -> String {
    let scope = scope_of(inputs, sessions, kinds);
    format!("look at them, then: meetsync resync{} --force", scope_arguments(&scope))
}

/// A push goes on as a push, for a resync sends nothing outside of a window. It can't be forced, so it gets a higher limit.
fn push_on(inputs: Inputs<'_>, sessions: BTreeSet<SessionId>, total: usize) -> String {
    let scope = scope_of(inputs, sessions, KindFilter::Both);
    format!(
        "look at them, then: MEETSYNC__GUARD__MAX_SESSIONS={total} meetsync push{} --reason TEXT",
        scope_arguments(&scope)
    )
}

fn scope_of(inputs: Inputs<'_>, sessions: BTreeSet<SessionId>, kinds: KindFilter) -> Scope {
    if sessions.len() <= MOST_NAMED {
        Scope { sessions, kinds, ..Scope::default() }
    } else {
        let of = |id: &SessionId| inputs.snapshot.session(*id).map(|session| session.group.clone());
        let groups = sessions.iter().filter_map(of).collect();
        // Sessions and meetings that were asked for still count.
        Scope { groups, kinds, ..inputs.ask.scope.clone() }
    }
}

/// A command names no more sessions, but their groups.
const MOST_NAMED: usize = 12;

struct Limit {
    rule: Why,
    before: usize,
    most: usize,
    would_be: &'static str,
    per: String,
    setting: &'static str,
}

impl Limit {
    /// `6 rooms would be deleted, and 1 was within the last 1 h: 7 are more than guard.max_deletes = 5`
    fn words(&self, planned: usize) -> String {
        let Self { before, most, would_be, per, setting, .. } = self;
        let rooms = counted(planned, "room", "rooms");
        let total = planned + before;
        let (are, were) = (if total == 1 { "is" } else { "are" }, if *before == 1 { "was" } else { "were" });
        if *before == 0 {
            return format!("{rooms} {would_be}, which {are} more than {setting} = {most} within {per}");
        }
        format!(
            "{rooms} {would_be}, and {before} {were} within the last {per}: {total} {are} more than {setting} = {most}"
        )
    }
}

/// Refuses all operations of one kind where there are more than the limit, and leaves the rest of each change.
fn limit(
    inputs: Inputs<'_>,
    changes: &mut Vec<Change>,
    refusals: &mut Vec<Refusal>,
    counts: impl Fn(&Operation) -> bool + Copy,
    limit: &Limit,
) {
    let planned =
        changes.iter().flat_map(|change| &change.operations).filter(|operation| counts(operation)).count();
    if planned == 0 || planned + limit.before <= limit.most {
        return;
    }
    let refused_changes = changes.iter().filter(|change| change.operations.iter().any(counts));
    let sessions = refused_changes.map(|change| change.session).collect();
    let way_on = go_on(inputs, sessions, KindFilter::RoomsOnly);
    let kept = std::mem::take(changes).into_iter().filter_map(|change| {
        let (change, refused_operations) = without(change, counts, |change, taken| {
            refused(change, limit.rule, limit.words(planned), way_on.clone(), taken)
        });
        refusals.extend(refused_operations);
        change
    });
    *changes = kept.collect();
}

/// More than half of the accepted decks gone, for too many sessions at once: more likely a bad read than a wish.
pub(super) fn limit_emptied_sessions(
    inputs: Inputs<'_>,
    changes: &mut Vec<Change>,
    refusals: &mut Vec<Refusal>,
) {
    if inputs.ask.force {
        return;
    }
    let guard = &inputs.policy.guard;
    let recent = &inputs.ledger.recent.sessions_emptied;
    let planned: Vec<bool> =
        changes.iter().map(|change| empties(inputs.ledger.get(change.subject), change)).collect();
    let now = changes
        .iter()
        .zip(&planned)
        .filter(|(change, empties)| **empties && !recent.contains(&change.session))
        .count();
    let total = now + recent.len();
    if !planned.contains(&true) || total <= guard.max_sessions {
        return;
    }
    let refused_changes = changes.iter().zip(&planned).filter(|(_, empties)| **empties);
    let sessions = refused_changes.map(|(change, _)| change.session).collect();
    let way_on = if inputs.ask.push {
        push_on(inputs, sessions, total)
    } else {
        go_on(inputs, sessions, KindFilter::SlidesOnly)
    };
    let mut index = 0;
    changes.retain(|change| {
        let empties = planned[index];
        index += 1;
        if empties {
            let detail = format!(
                "{total} sessions would lose more than half of their decks, within {}; guard.max_sessions = {}",
                people_span(guard.per),
                guard.max_sessions
            );
            refusals.push(refused(
                change,
                Why::GuardTooManyDeletes,
                detail,
                way_on.clone(),
                change.operations.clone(),
            ));
        }
        !empties
    });
}

/// Whether a deck change takes more than half of the accepted decks away, by what was remembered of its subject.
pub fn empties(before: Option<&Remembered>, change: &Change) -> bool {
    let Some(wanted) = &change.wanted else { return false };
    let Some(accepted) = before.and_then(|row| row.accepted.as_ref()) else { return false };
    let gone = accepted.decks.iter().filter(|deck| wanted.iter().all(|other| other.id != deck.id)).count();
    gone * 2 > accepted.decks.len()
}

/// No session in range while the ledger knows some: the source is empty, not the world.
pub(super) fn empty_source(inputs: Inputs<'_>) -> Option<Refusal> {
    if inputs.ask.force
        || !inputs.ask.scope.is_everything()
        || inputs.snapshot.in_range > 0
        || inputs.ask.push
    {
        return None;
    }
    let now = inputs.now();
    let in_range =
        inputs.ledger.subjects.iter().filter(|(_, row)| is_looked_at(row.slot, inputs.policy, now));
    let known = in_range.map(|(key, _)| key.session).collect::<BTreeSet<SessionId>>().len();
    (known > 0).then(|| Refusal {
        subject: None,
        session: None,
        groups: BTreeSet::new(),
        rule: Why::GuardEmptySource,
        detail: format!(
            "the datatracker shows no session from yesterday on, but the ledger has {known} there"
        ),
        way_on: format!(
            "check datatracker.database_url; if it is really empty: meetsync resync{} --force",
            scope_arguments(&inputs.ask.scope)
        ),
        operations: Vec::new(),
    })
}

fn people_span(span: chrono::TimeDelta) -> String {
    let minutes = span.num_minutes();
    if minutes % 60 == 0 && minutes > 0 { format!("{} h", minutes / 60) } else { format!("{minutes} min") }
}
