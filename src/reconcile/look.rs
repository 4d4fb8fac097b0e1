//! Reads the rooms of many groups, as far as Meetecho lets itself be read.
//!
//! A group that can't be read is named with its fault, and is not empty. A provider that is dead is noticed: after
//! a few failures in a row that took their time, with no success between them, the other groups are not asked.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::{Instant, sleep};

use super::dead::{Pulse, is_down};
use super::edges::Conference;
use crate::model::{Fault, GroupAcronym, Outcome, RoomsSeen, Why};
use crate::schedule::backoff;

/// Whoever is read patiently is given up after this long all the same.
const PATIENCE: Duration = Duration::from_secs(4);

/// All of these groups once.
pub(super) async fn rooms_of(
    meetecho: &impl Conference,
    groups: BTreeSet<GroupAcronym>,
    at_once: usize,
) -> RoomsSeen {
    let mut seen = RoomsSeen::default();
    read_into(&mut seen, meetecho, groups, at_once).await;
    seen
}

/// The same, and those that may well be read a moment later up to three times.
pub(super) async fn rooms_of_patiently(
    meetecho: &impl Conference,
    groups: BTreeSet<GroupAcronym>,
    at_once: usize,
) -> RoomsSeen {
    let begun = Instant::now();
    let mut seen = RoomsSeen::default();
    let mut missing = groups;
    let mut tries = 0;
    while !missing.is_empty() {
        let after = read_into(&mut seen, meetecho, std::mem::take(&mut missing), at_once).await;
        tries += 1;
        let again: BTreeSet<_> =
            seen.unread.iter().filter(|(_, fault)| is_down(fault)).map(|(group, _)| group.clone()).collect();
        match backoff::one_shot(tries, after) {
            Some(pause) if !again.is_empty() && begun.elapsed() + pause < PATIENCE => {
                sleep(pause).await;
                seen.unread.retain(|group, _| !again.contains(group));
                missing = again;
            }
            _ => break,
        }
    }
    seen
}

/// How long the provider asked to be left alone, if it did.
async fn read_into(
    seen: &mut RoomsSeen,
    meetecho: &impl Conference,
    groups: BTreeSet<GroupAcronym>,
    at_once: usize,
) -> Option<Duration> {
    let pulse = Pulse::new(at_once);
    meetecho.prefetch_tokens(&groups).await;
    let reads = stream::iter(groups).map(|group| async {
        if pulse.is_gone() {
            return (group, Outcome::Retry { after: None, fault: not_asked() });
        }
        let outcome = meetecho.fetch_rooms(&group).await;
        pulse.note(outcome.fault());
        (group, outcome)
    });
    let mut longest = None;
    for (group, outcome) in reads.buffer_unordered(at_once).collect::<Vec<_>>().await {
        match outcome {
            Outcome::Applied(rooms) => {
                seen.by_group.insert(group, rooms);
            }
            Outcome::Retry { after, fault } => {
                longest = longest.max(after);
                seen.unread.insert(group, fault);
            }
            Outcome::Refused(fault) | Outcome::InDoubt(fault) => {
                seen.unread.insert(group, fault);
            }
        }
    }
    longest
}

fn not_asked() -> Fault {
    Fault::new(Why::ProviderDown, "not asked for: Meetecho failed several times in a row just now")
}
