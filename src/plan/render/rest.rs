//! What would not be done: refusals with their way on, and waits, grouped and counted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::page::{Page, Paint};
use super::words::{counted, moment};
use crate::model::{Kind, Session, SessionId, Why};
use crate::plan::types::{Plan, Refusal, Wait};

/// A list of sessions names so many of them, and counts the others.
const NAMED_SESSIONS: usize = 8;

type Sessions<'a> = BTreeMap<SessionId, &'a Session>;

/// Refusals that say the same are told once, with all their sessions. Links that are not ours are only counted:
/// nothing is wrong with them.
pub(super) fn refusals(page: &mut Page, plan: &Plan, sessions: &Sessions<'_>) {
    let (not_ours, told): (Vec<&Refusal>, Vec<&Refusal>) =
        plan.refusals.iter().partition(|refusal| refusal.rule == Why::NotOurs);
    if plan.refusals.is_empty() {
        return;
    }
    page.blank();
    let mut alike: Vec<(&Refusal, BTreeSet<SessionId>)> = Vec::new();
    for refusal in told {
        let same = |other: &Refusal| {
            other.rule == refusal.rule && other.detail == refusal.detail && other.way_on == refusal.way_on
        };
        let place = alike.iter().position(|(first, _)| same(first)).unwrap_or_else(|| {
            alike.push((refusal, BTreeSet::new()));
            alike.len() - 1
        });
        alike[place].1.extend(refusal.session);
    }
    for (refusal, which) in alike {
        let about = if which.is_empty() { String::new() } else { format!("  {}", named(&which, sessions)) };
        page.line(Paint::Refused, format!("! {}{about}", refusal.rule));
        page.line(Paint::Plain, format!("    {}", refusal.detail));
        page.line(Paint::Plain, format!("    way on: {}", refusal.way_on));
    }
    if !not_ours.is_empty() {
        let links = counted(not_ours.len(), "interim has", "interims have");
        page.line(
            Paint::Plain,
            format!("{links} a link of a person's own; such links are not touched (not_ours)"),
        );
    }
}

/// One line per reason.
pub(super) fn waits(page: &mut Page, plan: &Plan, sessions: &Sessions<'_>) {
    let mut groups: BTreeMap<(Why, bool, Kind), Vec<&Wait>> = BTreeMap::new();
    for wait in &plan.waits {
        let depends_on_kind = matches!(wait.reason, Why::OutsideWindow | Why::InDoubtConfirming);
        let kind = if depends_on_kind { wait.subject.kind } else { Kind::Room };
        groups.entry((wait.reason, wait.until.is_none(), kind)).or_default().push(wait);
    }
    if groups.is_empty() {
        return;
    }
    page.blank();
    for ((reason, _, kind), waits) in groups {
        let which: BTreeSet<SessionId> = waits.iter().map(|wait| wait.session).collect();
        let next = waits
            .iter()
            .filter_map(|wait| wait.until.map(|until| (until, wait.session)))
            .min()
            .map(|(until, session)| Next { until, session });
        let (paint, text) = words(reason, kind, &which, next, plan.as_of, sessions);
        page.line(paint, text);
    }
}

/// The first of a group's moments.
#[derive(Clone, Copy)]
struct Next {
    until: DateTime<Utc>,
    session: SessionId,
}

fn words(
    reason: Why,
    kind: Kind,
    which: &BTreeSet<SessionId>,
    next: Option<Next>,
    now: DateTime<Utc>,
    sessions: &Sessions<'_>,
) -> (Paint, String) {
    let number = which.len();
    let plain = |text: String| (Paint::Plain, text);
    let count = |one: &str, many: &str| counted(number, one, many);
    let until = |verb: &str| {
        next.map_or_else(String::new, |next| {
            format!("; {verb} {} ({})", moment(next.until, now), name(next.session, sessions))
        })
    };
    let all = || named(which, sessions);
    match (reason, kind, next) {
        (Why::OutsideWindow, Kind::Decks, Some(_)) => plain(format!(
            "{}{}",
            count("waits for its window", "wait for their window"),
            until("the next opens")
        )),
        (Why::OutsideWindow, Kind::Decks, None) => {
            plain(count("has its window behind it", "have their window behind them"))
        }
        (Why::OutsideWindow, Kind::Room, _) => plain(format!(
            "{} made{}",
            count("room is too far ahead to be", "rooms are too far ahead to be"),
            until("the next is looked at from")
        )),
        (Why::WindowClosedUnsent, _, _) => (
            Paint::Refused,
            format!("! {} before all was sent: {}", count("window closed", "windows closed"), all()),
        ),
        (Why::InDoubtConfirming, Kind::Decks, Some(next)) => plain(format!(
            "{}; the next at {} UTC ({})",
            count("confirming send is owed", "confirming sends are owed"),
            next.until.format("%H:%M:%S"),
            name(next.session, sessions)
        )),
        (Why::InDoubtConfirming, _, _) => plain(format!(
            "{}{}: {}",
            count("room is in doubt", "rooms are in doubt"),
            until("looked at again at"),
            all()
        )),
        (Why::Held, _, _) => plain(format!(
            "{}{}",
            count(
                "is held, and a change waits for that to end",
                "are held, and changes wait for that to end"
            ),
            until("the next until")
        )),
        (Why::Settling, _, _) => plain(format!(
            "{} for the datatracker's own call to go first{}",
            count("room waits", "rooms wait"),
            until("the next is due at")
        )),
        (Why::NotScheduled, _, _) => plain(count("is not scheduled", "are not scheduled")),
        (Why::Cancelled, _, _) => plain(count("is cancelled", "are cancelled")),
        (Why::NoDecks, _, _) => plain(count("has no decks", "have no decks")),
        (Why::NotificationsOff, _, _) => {
            plain(format!("{} sent: slides_notify_time = \"never\"", count("is not", "are not")))
        }
        (Why::Tombstone, _, _) => plain(count(
            "only marks the place it was moved from",
            "only mark the places they were moved from",
        )),
        (Why::NotOnMeetecho, _, _) => plain(count("interim meets elsewhere", "interims meet elsewhere")),
        (Why::WriteBackOff, _, _) => plain(format!(
            "{} not written back (datatracker.write_back = false): {}",
            count("link is", "links are"),
            all()
        )),
        (other, _, _) => plain(format!("{} ({other}){}", count("waits", "wait"), until("the next until"))),
    }
}

fn named(which: &BTreeSet<SessionId>, sessions: &Sessions<'_>) -> String {
    let first: Vec<String> = which.iter().take(NAMED_SESSIONS).map(|id| name(*id, sessions)).collect();
    let first = first.join(", ");
    match which.len() {
        number if number > NAMED_SESSIONS => format!("{first} and {} more", number - NAMED_SESSIONS),
        _ => first,
    }
}

fn name(id: SessionId, sessions: &Sessions<'_>) -> String {
    match sessions.get(&id) {
        Some(session) => format!("session {id} {}", session.group),
        None => format!("session {id}"),
    }
}
