//! A crash between every two calls: a handful of stories, each played once for every place at which it can be cut.

use meetsync::model::{Materials, RoomPowers};
use meetsync::provider::meetecho::Call;

use super::history::{
    Edge, Event, Fault, Faults, History, Put, SecondRoom, SessionSetup, Settings, Struck, What,
};
use super::play::play;

/// One story with nothing random in it.
fn stories() -> Vec<(&'static str, History)> {
    let slides = |events: Vec<(u64, What)>| story(false, -30, vec![1010, 1011], events);
    let room = |events: Vec<(u64, What)>| story(true, 1200, vec![1010], events);
    let with_fault = |mut history: History, fault: Fault| {
        let edge = Edge::Provider(Call::SetDecks);
        history.faults = Faults::Listed(vec![Struck { worker: 0, edge, number: 1, fault }]);
        history
    };
    let session = 0;
    let added = || slides(vec![(20_000, What::AddDeck { session, deck: 1012 })]);
    vec![
        ("first push, as the window opens", story(false, 80, vec![1010, 1011], Vec::new())),
        ("a deck is added", added()),
        (
            "a deck is removed, another revised",
            slides(vec![
                (20_000, What::RemoveDeck { session, place: 0 }),
                (20_100, What::ReviseDeck { session, place: 0 }),
            ]),
        ),
        ("a room is made, and its link written", room(Vec::new())),
        ("a room is moved", room(vec![(20_000, What::Move { session, by_s: 3600 })])),
        ("a room goes with its session", room(vec![(20_000, What::Cancel { session })])),
        ("Meetecho loses a room", {
            let mut lost = room(vec![(45_000, What::ForgetRooms)]);
            (lost.settings.write_back, lost.settings.settle_s, lost.settings.poll_ms) = (false, 6, 5000);
            lost
        }),
        (
            "a push by hand beside the worker",
            slides(vec![
                (20_000, What::AddDeck { session, deck: 1012 }),
                (21_000, What::Push { session, killed_after_ms: None }),
            ]),
        ),
        ("a confirming send is owed", with_fault(added(), Fault::ReplyLost)),
        ("a request lands late", with_fault(added(), Fault::LandsLate { by_ms: 2500 })),
    ]
}

fn story(is_interim: bool, start_s: i64, decks: Vec<i64>, events: Vec<(u64, What)>) -> History {
    let sessions = vec![SessionSetup {
        id: 101,
        is_interim,
        group: "mars",
        start_s,
        minutes: 60,
        decks,
        own_link: false,
    }];
    let settings = Settings {
        materials: Materials::Put,
        put: Put::Upserts,
        post_doubles: false,
        second_room: SecondRoom::MakesIt,
        link_names_session: false,
        powers: RoomPowers::Full,
        notify_minutes: Some(if is_interim { 60 } else { 1 }),
        refresh_s: 0,
        late_effect_s: 3,
        settle_s: 2,
        quiet_before_s: 20,
        poll_ms: 3000,
        sweep_s: 30,
        quiet_ms: 1000,
        max_wait_ms: 4000,
        lease_s: 12,
        request_timeout_ms: 2000,
        max_in_flight: 4,
        max_deletes: 50,
        write_back: true,
        only_observes: false,
        workers: 1,
        has_shadow: false,
        told_percent: 100,
        ledger_skew_ms: 0,
    };
    let events = events.into_iter().map(|(at_ms, what)| Event { at_ms, what }).collect();
    History {
        seed: 7,
        settings,
        sessions,
        events,
        faults: Faults::Listed(Vec::new()),
        calm_at_ms: 60_000,
        is_storm: false,
        dies_at: None,
    }
}

/// Plays each story with a crash at each place; whether all came into step.
pub(crate) fn every_one() -> bool {
    println!("\nA crash between every two calls:");
    let mut all_well = true;
    for (name, story) in stories() {
        for workers in [1, 2] {
            let mut story = story.clone();
            story.settings.workers = workers;
            let whole = play(&story, false);
            let mut failed = whole.verdict.clone().map(|verdict| (0, verdict));
            let mut crashes = 0;
            while failed.is_none() && crashes < whole.boundaries {
                crashes += 1;
                story.dies_at = Some(crashes);
                failed = play(&story, false).verdict.map(|verdict| (crashes, verdict));
            }
            let replicas = if workers == 1 { "alone" } else { "beside another" };
            println!("  {name:<40} {replicas:<15} {crashes:>5} crashes");
            if let Some((place, verdict)) = failed {
                all_well = false;
                println!("  NOT IN STEP after a crash at boundary {place}: {verdict}\n{story}");
                for line in play(&story, true).told {
                    println!("{line}");
                }
            }
        }
    }
    all_well
}
