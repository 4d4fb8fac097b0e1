//! Plants one bug after the other, and counts the histories until it is found.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::generate::{Kind, Unsound, history};
use super::histories::tell;
use super::mutants::{self, ALL, Mutant, Planted};
use super::play::play;
use super::shorten::shorten;

/// A bug that lives longer means that the simulation is too weak.
const MOST: u64 = 20_000;

/// What is looked for, and in which histories.
struct Hunt {
    name: &'static str,
    words: &'static str,
    mutant: Option<Mutant>,
    kind: Kind,
}

/// Whether every bug was found. It prints the table as the documents show it.
pub(crate) fn every_one(threads: usize, only: Option<&str>, seed: u64) -> bool {
    let hunts: Vec<Hunt> = hunts().filter(|hunt| only.is_none_or(|part| hunt.name.contains(part))).collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(hunt) = hunts.get(place) else { break };
                    mutants::plant(hunt.mutant);
                    let how = (1..=MOST).find_map(|number| {
                        let history = history(seed + number - 1, hunt.kind);
                        play(&history, false).verdict.map(|verdict| (number, history, verdict))
                    });
                    // Who asks for one wants to see how it shows.
                    let shown = how.as_ref().filter(|_| only.is_some());
                    let story = shown.map(|(_, history, _)| shorten(history));
                    mutants::plant(None);
                    found.lock().expect("not poisoned").push((place, how, story));
                }
            });
        }
    });
    let mut found = found.into_inner().expect("not poisoned");
    found.sort_by_key(|(place, ..)| *place);
    println!("\n| planted bug | what is wrong | found by history | how it shows |\n|---|---|---|---|");
    for (place, how, _) in &found {
        let Hunt { name, words, .. } = &hunts[*place];
        let (number, verdict) = match how {
            Some((number, _, verdict)) => (number.to_string(), verdict.as_str()),
            None => ("NONE".to_owned(), "it lives"),
        };
        println!("| {name} | {words} | {number} | {verdict} |");
    }
    let alive = found.iter().filter(|(_, how, _)| how.is_none()).count();
    println!("\n{} of {} planted bugs found (seeds from {seed} on)", found.len() - alive, found.len());
    for (history, played) in found.iter().filter_map(|(.., story)| story.as_ref()) {
        println!();
        tell(history, played);
    }
    alive == 0 && !found.is_empty()
}

fn hunts() -> impl Iterator<Item = Hunt> {
    let sound = Kind { percent: None, put: None, unsound: None };
    let whole_list = Hunt {
        name: "whole_list where PUT only adds",
        words: "a pair of settings that can't work",
        mutant: None,
        kind: Kind { unsound: Some(Unsound::WholeListUpserts), ..sound },
    };
    let planted = ALL.iter().map(move |planted| {
        let Planted { mutant, name, words } = planted;
        Hunt { name, words, mutant: Some(*mutant), kind: sound }
    });
    planted.chain([whole_list])
}
