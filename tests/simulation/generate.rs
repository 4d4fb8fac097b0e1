//! Draws a history from a seed.

use meetsync::model::{Materials, RoomPowers};

use super::history::{Down, Event, Faults, History, Put, SecondRoom, SessionSetup, Settings, What};
use super::random::Random;

/// What is asked for on the command line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// None = 10, 30 or 60, and sometimes none.
    pub(crate) percent: Option<u64>,
    pub(crate) put: Option<Put>,
    /// A pair of settings that is known not to work.
    pub(crate) unsound: Option<Unsound>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsound {
    /// Whole lists only, to a provider that never takes a deck away by them.
    WholeListUpserts,
}

/// Less than what the fence takes for an old state, and more.
const CLOCK_STEPS: [i64; 8] = [-150_000, -90_000, -20_000, -4000, 4000, 20_000, 90_000, 150_000];

const GROUPS: [&str; 2] = ["ames", "mars"];

pub(crate) fn history(seed: u64, kind: Kind) -> History {
    let mut random = Random::new(seed, 10);
    let storms = random.percent(4);
    let percent =
        if storms { 0 } else { kind.percent.unwrap_or_else(|| random.pick(&[10, 10, 30, 30, 60, 60, 0])) };
    let mut settings = settings(&mut random, kind);
    let mut sessions: Vec<SessionSetup> =
        (0..random.between(1, 3)).map(|place| session(&mut random, place)).collect();
    let calm_at_ms = random.between(15, 55) * 1000;
    let mut events = Vec::new();
    if storms {
        settings.only_observes = false;
        settings.told_percent = 100;
        sessions[0] = SessionSetup {
            is_interim: false,
            start_s: -60,
            minutes: 60,
            decks: vec![1010],
            own_link: false,
            ..sessions[0].clone()
        };
        storm(&mut random, &mut events, calm_at_ms);
    } else {
        let count = random.between(2, 10);
        for _ in 0..count {
            let at_ms = random.between(500, calm_at_ms - 1000);
            event(&mut random, &sessions, &settings, at_ms, &mut events);
        }
    }
    events.retain(|event| event.at_ms < calm_at_ms);
    events.sort_by_key(|event| event.at_ms);
    if events.iter().any(|event| event.what == What::ForgetDecks) {
        settings.refresh_s = 20;
    }
    // Where no link tells of a lost room, only who looked knows of it, and has to wait before it is made again.
    if settings.workers > 1
        && events.iter().any(|event| event.what == What::ForgetRooms)
        && random.percent(60)
    {
        (settings.write_back, settings.settle_s) = (false, 6);
    }
    // Of its own stream, so that all else of a seed stays as it is without.
    settings.has_shadow = settings.workers == 2 && Random::new(seed, 11).percent(15);
    let faults = Faults::Drawn { percent };
    History { seed, settings, sessions, events, faults, calm_at_ms, is_storm: storms, dies_at: None }
}

fn settings(random: &mut Random, kind: Kind) -> Settings {
    let put = kind.put.unwrap_or_else(|| random.pick(&[Put::Replaces, Put::Upserts]));
    let (materials, put, post_doubles) = match kind.unsound {
        Some(Unsound::WholeListUpserts) => (Materials::WholeList, Put::Upserts, false),
        None => {
            let sound = if put == Put::Replaces {
                [Materials::Put, Materials::Put, Materials::Put, Materials::Calls, Materials::WholeList]
            } else {
                [Materials::Put, Materials::Put, Materials::Put, Materials::Calls, Materials::Calls]
            };
            (random.pick(&sound), put, random.percent(50))
        }
    };
    let request_timeout_ms = random.pick(&[1500, 2000, 3010]);
    Settings {
        materials,
        put,
        post_doubles,
        second_room: random.pick(&[
            SecondRoom::Conflict,
            SecondRoom::ServerError,
            SecondRoom::GivesTheFirst,
            SecondRoom::MakesIt,
        ]),
        link_names_session: random.percent(50),
        powers: random.pick(&[
            RoomPowers::Full,
            RoomPowers::Full,
            RoomPowers::Full,
            RoomPowers::Full,
            RoomPowers::NoDelete,
            RoomPowers::Observe,
        ]),
        notify_minutes: random.pick(&[Some(1), Some(2), Some(5), Some(0), None]),
        refresh_s: if random.percent(5) { 20 } else { 0 },
        late_effect_s: random.pick(&[3, 5, 8]),
        settle_s: random.pick(&[1, 3, 6]),
        quiet_before_s: 20,
        poll_ms: if random.percent(4) { 500 } else { random.pick(&[2000, 5000, 8000, 8000]) },
        sweep_s: random.pick(&[30, 60]),
        quiet_ms: random.pick(&[500, 1000, 2000]),
        max_wait_ms: random.pick(&[4000, 6000]),
        lease_s: random.pick(&[12, 15, 20]),
        request_timeout_ms,
        max_in_flight: 4,
        max_deletes: if random.percent(10) { 1 } else { 50 },
        write_back: random.percent(85),
        only_observes: random.percent(2),
        workers: if random.percent(40) { 2 } else { 1 },
        has_shadow: false,
        told_percent: random.pick(&[0, 50, 100]),
        ledger_skew_ms: random.pick(&[0, 0, -4000, 3000, 60_000]),
    }
}

fn session(random: &mut Random, place: u64) -> SessionSetup {
    let is_interim = random.percent(50);
    let id = 101 + i64::try_from(place).expect("few");
    let (start_s, minutes) = if is_interim {
        let start = random.pick(&[-30_i64, 20, 60, 150, 250, 3600]);
        (start, random.pick(&[3_i64, 20, 20]))
    } else {
        (random.pick(&[-200_i64, -30, 10, 70, 130, -60]), random.pick(&[2_i64, 20, 20, 20]))
    };
    let first = 10 * id;
    let decks = (0..random.between(0, 3)).map(|n| first + i64::try_from(n).expect("few")).collect();
    SessionSetup {
        id,
        is_interim,
        group: random.pick(&GROUPS),
        start_s,
        minutes,
        decks,
        own_link: is_interim && random.percent(5),
    }
}

/// Edits of one session that don't stop, without a fault.
fn storm(random: &mut Random, events: &mut Vec<Event>, calm_at_ms: u64) {
    let step = random.pick(&[300, 450]);
    let mut at_ms = 1000;
    while at_ms < calm_at_ms - 1000 && events.len() < 80 {
        events.push(Event { at_ms, what: What::ReviseDeck { session: 0, place: 0 } });
        at_ms += step;
    }
}

fn event(
    random: &mut Random,
    sessions: &[SessionSetup],
    settings: &Settings,
    at_ms: u64,
    events: &mut Vec<Event>,
) {
    let session = random.index(sessions.len());
    let worker = random.index(settings.workers);
    let place = random.index(3);
    let one_or_all = |random: &mut Random| if random.percent(80) { Some(session) } else { None };
    let deck = 10 * sessions[session].id + i64::try_from(random.below(6)).expect("few");
    let what = match random.below(74) {
        0..11 => What::AddDeck { session, deck },
        11..18 => What::RemoveDeck { session, place },
        18..25 => What::ReviseDeck { session, place },
        25..29 => What::RenumberDecks { session, by: random.index(2) + 1 },
        29 => What::MarkDeleted { session, place },
        30 => What::UnlinkAll { session },
        31 => {
            // An edit that cancels out.
            events.push(Event {
                at_ms: at_ms + random.between(100, 3000),
                what: What::RemoveDeck { session, place: 5 },
            });
            What::AddDeck { session, deck }
        }
        32..36 => What::Move { session, by_s: random.pick(&[-120, 60, 90, 120, 600, 3600]) },
        36..39 => {
            if random.percent(50) {
                events.push(Event {
                    at_ms: at_ms + random.between(500, 20_000),
                    what: What::Restore { session },
                });
            }
            What::Cancel { session }
        }
        39 => What::Restore { session },
        40 | 41 => What::BlankLink { session },
        42 => What::OwnLink { session },
        43 => What::Hold { session: one_or_all(random), for_s: random.pick(&[5, 20, 60]) },
        44 => What::Release { session: one_or_all(random) },
        45..49 => {
            What::Crash { worker, for_ms: random.pick(&[0, 100, 3000, 15_000]), in_step: random.percent(60) }
        }
        49 | 50 if settings.workers > 1 => {
            What::Stall { worker, for_ms: random.pick(&[5000, 25_000, 40_000]) }
        }
        51 => What::Replace { worker },
        52 => What::ForgetDecks,
        53 => What::ForgetTokens,
        54 => What::ForeignRoom { group: random.pick(&GROUPS) },
        55 | 56 => What::ProviderDown {
            for_ms: random.pick(&[1000, 8000, 25_000]),
            how: random.pick(&[Down::Refuses, Down::Hangs, Down::Fails, Down::AsksForQuiet]),
        },
        57 => What::LedgerDown { for_ms: random.pick(&[500, 5000, 20_000]) },
        58 => What::SourceDown { for_ms: random.pick(&[500, 5000, 20_000]) },
        60..63 if !settings.only_observes => {
            What::Push { session, killed_after_ms: random.percent(25).then(|| random.between(50, 4000)) }
        }
        63 | 64 => What::Tombstone { session },
        65 | 66 => What::ClockStep { by_ms: random.pick(&CLOCK_STEPS) },
        67 | 68 => What::ForgetRooms,
        69 => What::LinksDown { for_ms: random.pick(&[8000, 30_000]) },
        70 | 71 => What::HoldInStep { session, for_s: random.pick(&[5, 60]), released: random.percent(50) },
        72 => What::ProviderDown { for_ms: random.pick(&[3000, 20_000]), how: Down::GivesNoTokens },
        73 if settings.workers == 1 => What::Replace { worker },
        _ => What::SourceLags { for_ms: random.pick(&[3000, 15_000]) },
    };
    events.push(Event { at_ms, what });
}
