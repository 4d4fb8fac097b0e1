//! Makes a failing history as short as it gets: takes out whatever it fails without.

use std::time::{Duration, Instant};

use super::history::{Faults, History};
use super::play::{Played, play};

/// Nobody waits longer for it.
const LONGEST: Duration = Duration::from_secs(40);

/// The shortest history found that still fails, and how it was played.
pub(crate) fn shorten(history: &History) -> (History, Played) {
    let began = Instant::now();
    let played = play(history, false);
    let mut shortest = History { faults: Faults::Listed(played.struck.clone()), ..history.clone() };
    let mut last = play(&shortest, false);
    if last.verdict.is_none() {
        return (history.clone(), play(history, true));
    }
    loop {
        let before = size(&shortest);
        for part in [Part::Events, Part::Faults, Part::Sessions, Part::Workers] {
            without(&mut shortest, &mut last, part, began);
        }
        sooner(&mut shortest, &mut last);
        if size(&shortest) == before || began.elapsed() > LONGEST {
            break;
        }
    }
    let played = play(&shortest, true);
    (shortest, played)
}

fn is_panic(played: &Played) -> bool {
    played.verdict.as_ref().is_some_and(|verdict| verdict.starts_with("panicked"))
}

#[derive(Clone, Copy)]
enum Part {
    Events,
    Faults,
    Sessions,
    Workers,
}

fn faults(history: &mut History) -> &mut Vec<super::history::Struck> {
    match &mut history.faults {
        Faults::Listed(listed) => listed,
        Faults::Drawn { .. } => unreachable!("they were listed before"),
    }
}

fn size(history: &History) -> usize {
    let faults = if let Faults::Listed(listed) = &history.faults { listed.len() } else { 0 };
    history.events.len() + faults + history.sessions.len() + history.settings.workers
}

fn length(history: &mut History, part: Part) -> usize {
    match part {
        Part::Events => history.events.len(),
        Part::Faults => faults(history).len(),
        Part::Sessions => history.sessions.len() - 1,
        Part::Workers => history.settings.workers - 1,
    }
}

/// Takes out halves, then quarters, then single ones.
fn without(shortest: &mut History, last: &mut Played, part: Part, began: Instant) {
    let mut chunk = length(shortest, part).next_power_of_two();
    while chunk > 0 {
        let mut from = 0;
        while from < length(shortest, part) && began.elapsed() < LONGEST {
            let to = (from + chunk).min(length(shortest, part));
            let mut shorter = shortest.clone();
            match part {
                Part::Events => drop(shorter.events.drain(from..to)),
                Part::Faults => drop(faults(&mut shorter).drain(from..to)),
                // The first ones stay, since events name sessions by their place.
                Part::Sessions => shorter.sessions.truncate(from + 1),
                Part::Workers => shorter.settings.workers = from + 1,
            }
            let played = play(&shorter, false);
            // A history may be cut so short that it makes no sense; that is not what was looked for.
            if played.verdict.is_some() && is_panic(&played) == is_panic(last) {
                (*shortest, *last) = (shorter, played);
            } else {
                from = to;
            }
        }
        chunk /= 2;
    }
}

/// The calm begins right after the last event.
fn sooner(shortest: &mut History, last: &mut Played) {
    let end = shortest.events.last().map_or(0, |event| event.at_ms);
    for after in [1000, 5000, 15_000, 30_000] {
        let calm_at_ms = end + after;
        if calm_at_ms < shortest.calm_at_ms {
            let shorter = History { calm_at_ms, ..shortest.clone() };
            let played = play(&shorter, false);
            if played.verdict.is_some() {
                (*shortest, *last) = (shorter, played);
                return;
            }
        }
    }
}
