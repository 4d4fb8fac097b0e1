//! Plants one bug after the other, and counts the histories until it is found.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::generate::{Kind, Unsound, history};
use super::mutants::{self, ALL, Mutant};
use super::play::play;

/// A bug that lives longer means that the simulation is too weak.
const MOST: u64 = 20_000;

/// Whether every bug was found.
pub(crate) fn every_one(threads: usize, only: Option<&str>, seed: u64) -> bool {
    println!("\nPlanted bugs:");
    let sound = Kind { percent: None, put: None, unsound: None };
    let mut hunts: Vec<(&str, Option<Mutant>, Kind)> =
        ALL.iter().map(|(mutant, name)| (*name, Some(*mutant), sound)).collect();
    let unsound = |unsound| Kind { unsound: Some(unsound), ..sound };
    hunts.push(("whole_list where PUT only adds", None, unsound(Unsound::WholeListUpserts)));
    hunts.retain(|(name, ..)| only.is_none_or(|part| name.contains(part)));
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some((_, mutant, kind)) = hunts.get(place) else { break };
                    mutants::plant(*mutant);
                    let how = (1..=MOST).find_map(|number| {
                        let played = play(&history(seed + number - 1, *kind), false);
                        played.verdict.map(|verdict| (number, verdict))
                    });
                    mutants::plant(None);
                    found.lock().expect("not poisoned").push((place, how));
                }
            });
        }
    });
    let mut found = found.into_inner().expect("not poisoned");
    found.sort_by_key(|(place, _)| *place);
    for (place, how) in &found {
        let name = hunts[*place].0;
        match how {
            Some((histories, verdict)) => println!("  {name:<55} found by history {histories:>5}: {verdict}"),
            None => println!("  {name:<55} LIVES after {MOST} histories"),
        }
    }
    found.iter().all(|(_, how)| how.is_some())
}
