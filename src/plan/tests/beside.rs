//! What an explanation says of others: a worker that is there, somebody who has the session, a provider that is down.

use chrono::TimeDelta;

use crate::model::*;
use crate::plan::test_world::*;
use crate::plan::{
    AtWork, Explained, ExplainedAnswer, ProviderIs, Style, SubjectExplained, Taken, View, explain,
    explained_text,
};

fn live(id: i64) -> Session {
    with_decks(week(id), decks(&[id]))
}

fn beside(world: &World, id: i64, at_work: &AtWork, is_left_by_record: bool) -> Explained {
    let plan = world.plan();
    let session = world.snapshot.session(SessionId(id)).expect("a session");
    let mut explained = explain(world.inputs(), &plan, session);
    explained.beside(at_work, |_| is_left_by_record);
    explained
}

fn rule(subject: &SubjectExplained, name: &str) -> bool {
    subject.rules.iter().find(|rule| rule.rule == name).expect("a rule").holds
}

fn in_doubt() -> World {
    let mut world = World::of([live(1), live(2)]);
    world.row(SubjectKey::decks(SessionId(1))).doubt_since = Some(minutes(-1));
    world.ask.by_worker = true;
    world
}

#[test]
fn who_works_on_it_and_until_when() {
    let until = now() + TimeDelta::seconds(25);
    let taken = Taken { by: "run@two/9".to_owned(), until, is_cut_off: false };
    let mut at_work = AtWork {
        workers: vec!["run@two/9".into()],
        leases: [(SessionId(1), taken)].into(),
        ..AtWork::default()
    };
    let told = beside(&in_doubt(), 1, &at_work, false);
    let decks = &told.subjects[0];
    assert_eq!((decks.answer, decks.next), (ExplainedAnswer::InDoubt, Some(until)));
    assert!(!rule(decks, "nobody_at_it"));
    let text = explained_text(&[told], &Style::default());
    assert!(
        text.contains("run@two/9 works on this session, until") && !text.contains("tried again now"),
        "{text}"
    );
    // The rule that decides is marked, of doubt as of all else.
    assert!(text.lines().any(|line| line.starts_with("! no   no_doubt")), "{text}");
    let other = beside(&in_doubt(), 2, &at_work, false);
    assert!(rule(&other.subjects[0], "nobody_at_it"));
    assert_eq!((other.subjects[0].answer, other.subjects[0].next), (ExplainedAnswer::WillSend, Some(now())));
    // Of a worker that was killed, nobody says any more that it is at it.
    at_work.leases.get_mut(&SessionId(1)).expect("it has one").is_cut_off = true;
    let told = beside(&in_doubt(), 1, &at_work, false);
    let decks = &told.subjects[0];
    assert!(!rule(decks, "nobody_at_it") && decks.next == Some(until), "{decks:#?}");
    assert!(
        decks.detail.contains("was cut off; another worker may go on at")
            && !decks.detail.contains("works on"),
        "{decks:#?}"
    );
}

#[test]
fn a_provider_that_is_down_has_no_moment() {
    let at_work =
        AtWork { workers: vec!["run@one/7".into()], provider: ProviderIs::Down, ..AtWork::default() };
    let mut world = in_doubt();
    let row = world.row(SubjectKey::decks(SessionId(2)));
    row.timing = Timing { not_before: Some(now() + TimeDelta::seconds(7)), tries: 3, ..Timing::default() };
    for id in [1, 2] {
        let told = beside(&world, id, &at_work, false);
        let decks = &told.subjects[0];
        assert_eq!(decks.next, None, "{decks:#?}");
        assert!(
            !rule(decks, "provider_answers") && decks.detail.contains("waits until it answers"),
            "{decks:#?}"
        );
        let up = beside(&world, id, &AtWork::default(), false);
        assert!(up.subjects[0].next.is_some() && rule(&up.subjects[0], "provider_answers"), "{up:#?}");
    }
}

/// Also those that were not tried since: nothing goes out before the end of the pause.
#[test]
fn a_pause_that_was_asked_for_is_waited_for_by_all() {
    let until = now() + TimeDelta::seconds(40);
    let at_work = AtWork { workers: vec!["run@one/7".into()], quiet_until: Some(until), ..AtWork::default() };
    let timing = |timing: Timing| {
        let mut world = in_doubt();
        world.row(SubjectKey::decks(SessionId(2))).timing = timing;
        world
    };
    let burst = Some(Burst { first: now(), last: now() });
    let soon = Some(now() + TimeDelta::seconds(7));
    let late = Some(now() + TimeDelta::seconds(50));
    for (world, id, answer, why, next) in [
        (in_doubt(), 2, ExplainedAnswer::Waits, Why::RateLimited, until),
        (in_doubt(), 1, ExplainedAnswer::InDoubt, Why::InDoubtConfirming, until),
        (timing(Timing { burst, ..Timing::default() }), 2, ExplainedAnswer::Waits, Why::RateLimited, until),
        (
            timing(Timing { not_before: soon, tries: 1, ..Timing::default() }),
            2,
            ExplainedAnswer::Waits,
            Why::RateLimited,
            until,
        ),
        (
            timing(Timing { not_before: late, tries: 1, ..Timing::default() }),
            2,
            ExplainedAnswer::Waits,
            Why::RetryWait,
            now() + TimeDelta::seconds(50),
        ),
    ] {
        let told = beside(&world, id, &at_work, false);
        let decks = &told.subjects[0];
        assert_eq!((decks.answer, decks.why, decks.next), (answer, Some(why), Some(next)), "{decks:#?}");
        assert!(!rule(decks, "no_pause_asked") && rule(decks, "provider_answers"), "{decks:#?}");
        let text = explained_text(std::slice::from_ref(&told), &Style::default());
        assert!(!text.contains("will be sent now") && !text.contains("tried again now"), "{text}");
        if why != Why::RetryWait {
            assert!(decks.detail.starts_with("Meetecho asked to be left alone until "), "{decks:#?}");
            assert!(!decks.detail.contains("by hand"), "it would be against that: {decks:#?}");
        }
        // The rule that decides is marked.
        let marked = |line: &str| line.starts_with("! no   no_pause_asked");
        assert_eq!(text.lines().any(marked), why == Why::RateLimited, "{text}");
    }
    // What is not sent at all waits for nobody.
    let mut world = in_doubt();
    world.snapshot.sessions[1].slot = None;
    let told = beside(&world, 2, &at_work, false);
    assert_eq!((told.subjects[0].why, told.subjects[0].next), (Some(Why::NotScheduled), None), "{told:#?}");
    // Where it is asked one thing at a time after that, nobody knows when the turn of this one comes.
    let down = AtWork { provider: ProviderIs::Down, ..at_work };
    let told = beside(&in_doubt(), 2, &down, false);
    assert!(told.subjects[0].next.is_none(), "{told:#?}");
    assert!(told.subjects[0].detail.contains("asked to be left alone until"), "{told:#?}");
}

/// It is not down: a person has to do something, and is told what.
#[test]
fn a_provider_that_rejects_us_answers_and_needs_a_person() {
    let rejecting = ProviderIs::RejectingUs(vec!["run@one/7".into(), "run@two/9".into()]);
    let at_work = AtWork { workers: vec!["run@one/7".into()], provider: rejecting, ..AtWork::default() };
    let mut world = in_doubt();
    let row = world.row(SubjectKey::decks(SessionId(2)));
    row.timing = Timing { not_before: Some(now() + TimeDelta::seconds(7)), tries: 3, ..Timing::default() };
    let waits = beside(&world, 2, &AtWork::default(), false);
    assert!(waits.subjects[0].detail.contains("by hand doesn't wait"), "{waits:#?}");
    for id in [1, 2] {
        let told = beside(&world, id, &at_work, false);
        let decks = &told.subjects[0];
        assert_eq!(decks.next, None, "{decks:#?}");
        assert!(!decks.detail.contains("by hand"), "that would be rejected, too: {decks:#?}");
        assert!(rule(decks, "provider_answers") && !rule(decks, "credentials_accepted"), "{decks:#?}");
        for words in [
            "rejects our credentials",
            "client_id and client_secret right",
            "(kill -HUP) to run@one/7 and run@two/9",
        ] {
            assert!(decks.detail.contains(words), "{words}: {decks:#?}");
        }
        assert!(!explained_text(&[told], &Style::default()).contains("does not answer"));
    }
}

/// The worker's passes don't ask Meetecho for its rooms.
#[test]
fn a_room_that_is_gone_is_made_after_the_next_sweep() {
    let mut world = World::of([interim(1)]).has_room(1);
    world.rooms.by_group.values_mut().for_each(Vec::clear);
    let at_work = AtWork { next_sweep: Some(minutes(40)), ..AtWork::default() };
    for (by_worker, is_left, answer, next) in [
        (true, true, ExplainedAnswer::Waits, minutes(40)),
        (true, false, ExplainedAnswer::WillSend, now()),
        (false, true, ExplainedAnswer::WillSend, now()),
    ] {
        world.ask.by_worker = by_worker;
        let told = beside(&world, 1, &at_work, is_left);
        let room = &told.subjects[0];
        assert_eq!((room.answer, room.next), (answer, Some(next)), "{room:#?}");
    }
}

#[test]
fn it_says_whose_next_step_it_tells() {
    let mut world = World::of([live(1)]);
    for (by_worker, view, word, words) in [
        (true, View::Worker, "will be sent now", "the worker at work"),
        (false, View::Resync, "will be sent by a resync", "No worker is at work"),
    ] {
        world.ask.by_worker = by_worker;
        let told = beside(&world, 1, &AtWork::default(), false);
        assert_eq!(told.view, view);
        let text = explained_text(&[told], &Style::default());
        assert!(text.contains(word) && text.contains(words), "{text}");
    }
}
