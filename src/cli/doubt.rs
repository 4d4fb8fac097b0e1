//! Rooms that an earlier run left in doubt: it was killed, or had no answer, and its request may still take effect.
//!
//! Once that time is over, what is there decides. A command waits for it, so that a resync which was cut off and is
//! run again ends right.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::output;
use crate::app::App;
use crate::clock;
use crate::ledger::Ledger;
use crate::model::{Kind, KindFilter, Scope, SessionId, SubjectKey, Why};
use crate::plan::{Ask, Plan, Wait};
use crate::reconcile::worker::Leave;
use crate::reconcile::{self, ReadRooms, ReconcileError, SubjectOutcome, SubjectResult, World, read_world};

/// Whoever takes over from a process that was killed doubts anew when its lease is over; once more is for a clock.
const ROUNDS: usize = 3;

/// Two readings of one clock are not taken at quite the same moment.
const MARGIN: Duration = Duration::from_millis(250);

/// Waits for the rooms in doubt, of this run and of those before it, and carries out what is then to be done for them.
/// Where the rooms can't be read there is nothing to wait for: a dead Meetecho says so at once; nor where somebody wants us
/// to stop.
pub(super) async fn settle(
    app: &App,
    ledger: &Ledger,
    world: &World,
    plan: &Plan,
    reason: Option<&str>,
    leave: &Leave,
    results: Vec<SubjectResult>,
) -> Result<Vec<SubjectResult>, ReconcileError> {
    let mut results: BTreeMap<SubjectKey, SubjectResult> =
        results.into_iter().map(|result| (result.subject, result)).collect();
    let mut doubtful: BTreeSet<SubjectKey> = in_doubt(plan).map(|wait| wait.subject).collect();
    let mut made_meanwhile = BTreeSet::new();
    for _ in 0..ROUNDS {
        let is_open = |result: &&SubjectResult| result.outcome == SubjectOutcome::InDoubt;
        let of_this_run = results.values().filter(is_open).map(|result| result.subject);
        doubtful.extend(of_this_run.filter(|subject| subject.kind == Kind::Room));
        if doubtful.is_empty() || leave.is_asked() {
            break;
        }
        let sessions = doubtful.iter().map(|subject| subject.session).collect();
        let scope = Scope { sessions, kinds: KindFilter::RoomsOnly, ..Scope::default() };
        let ask = Ask { scope, ..world.ask.clone() };
        let now = read_world(&app.parts, ask.clone(), ReadRooms::Yes, clock::now()).await?;
        if !now.rooms.unread.is_empty() {
            break;
        }
        tokio::select! {
            biased;
            () = leave.asked() => break,
            () = wait_for(app, &now) => {}
        }
        let then = read_world(&app.parts, ask, ReadRooms::Patiently, clock::now()).await?;
        let plan = then.plan();
        let is_about_all = plan.refusals.iter().any(|refusal| refusal.subject.is_none());
        if !then.rooms.unread.is_empty() || is_about_all {
            break;
        }
        let is_settled = |subject: &&SubjectKey| {
            then.ledger.get(**subject).is_none_or(|row| row.doubt_since.is_none())
                && is_as_it_should_be(&plan, **subject)
        };
        for subject in doubtful.iter().filter(is_settled) {
            let requests = results.get(subject).map_or(0, |before| before.requests);
            results.insert(*subject, SubjectResult::in_step(*subject, requests));
        }
        doubtful.retain(|subject| in_doubt(&plan).any(|wait| wait.subject == *subject));
        for mut result in reconcile::resync(&app.parts, ledger, &then, &plan, reason, leave, &|_| ()).await? {
            result.requests += results.get(&result.subject).map_or(0, |before| before.requests);
            if result.outcome == SubjectOutcome::Applied {
                made_meanwhile.insert(result.subject.session);
            }
            results.insert(result.subject, result);
        }
    }
    for mut result in show_in_new_rooms(app, ledger, world, made_meanwhile, reason, leave).await? {
        result.requests += results.get(&result.subject).map_or(0, |before| before.requests);
        results.insert(result.subject, result);
    }
    Ok(results.into_values().collect())
}

/// Slides that were sent before their room was there are sent once more, to be seen in it.
async fn show_in_new_rooms(
    app: &App,
    ledger: &Ledger,
    world: &World,
    sessions: BTreeSet<SessionId>,
    reason: Option<&str>,
    leave: &Leave,
) -> Result<Vec<SubjectResult>, ReconcileError> {
    if leave.is_asked() || sessions.is_empty() || !world.ask.scope.kinds.includes(Kind::Decks) {
        return Ok(Vec::new());
    }
    let scope = Scope { sessions, kinds: KindFilter::SlidesOnly, ..Scope::default() };
    let ask = Ask { scope, ..world.ask.clone() };
    let now = read_world(&app.parts, ask, ReadRooms::No, clock::now()).await?;
    Ok(reconcile::resync(&app.parts, ledger, &now, &now.plan(), reason, leave, &|_| ()).await?)
}

/// An earlier request had its effect after all.
fn is_as_it_should_be(plan: &Plan, subject: SubjectKey) -> bool {
    plan.changes.iter().all(|change| change.subject != subject)
        && plan.waits.iter().all(|wait| wait.subject != subject)
        && plan.refusals.iter().all(|refusal| refusal.subject != Some(subject))
}

fn in_doubt(plan: &Plan) -> impl Iterator<Item = &Wait> {
    let is_room = |wait: &&Wait| wait.subject.kind == Kind::Room;
    plan.waits.iter().filter(|wait| wait.reason == Why::InDoubtConfirming).filter(is_room)
}

/// Until what is under way can no longer take effect.
async fn wait_for(app: &App, world: &World) {
    let plan = world.plan();
    let moments = || in_doubt(&plan).filter_map(|wait| wait.until);
    let Some(until) = moments().max() else { return };
    let Ok(left) = (until - world.now(&app.parts.time)).to_std() else { return };
    let plural = if moments().count() == 1 { "room" } else { "rooms" };
    output::note(&format!(
        "meetsync: waiting until {} UTC: an earlier request for {} {plural} may still take effect",
        until.format("%H:%M:%S"),
        moments().count()
    ));
    tokio::time::sleep(left + MARGIN).await;
}
