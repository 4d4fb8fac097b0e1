//! An explanation and the plan never disagree; and what a person reads of it.

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::select;

use super::laws::worlds;
use crate::model::*;
use crate::plan::explain::rule_of;
use crate::plan::test_world::*;
use crate::plan::{
    Due, Explained, ExplainedAnswer, Plan, Style, SubjectExplained, Wait, due, explain, explained_text,
};

fn explained(world: &World, id: i64) -> Explained {
    let plan = world.plan();
    let session = world.snapshot.sessions.iter().find(|session| session.id.0 == id).expect("a session");
    explain(world.inputs(), &plan, session)
}

fn told(world: &World, ids: &[i64]) -> String {
    let all: Vec<Explained> = ids.iter().map(|id| explained(world, *id)).collect();
    explained_text(&all, &Style::default())
}

/// Rules that must hold for anything at all to be sent of a subject.
const CONDITIONS: [&str; 15] = [
    "source_up_to_date",
    "burst_over",
    "no_retry_wait",
    "source_complete",
    "mode_act",
    "in_scope",
    "not_a_tombstone",
    "not_cancelled",
    "on_meetecho",
    "window_open",
    "has_decks",
    "link_blank_or_ours",
    "within_horizon",
    "settled",
    "not_held",
];

/// Refused, and tried again later: that comes before doubt.
fn is_parked(world: &World, plan: &Plan, subject: SubjectKey) -> bool {
    let row = world.ledger.get(subject);
    world.policy.scope.mode == Mode::Act
        && row.is_some_and(|row| row.timing.parked)
        && plan.changes.iter().any(|change| change.subject == subject)
        && due(row, &world.policy.slides, plan.as_of) != Due::Now
}

/// What a plan says of a subject, in the words of an explanation.
fn by_the_plan(world: &World, plan: &Plan, subject: SubjectKey) -> ExplainedAnswer {
    use ExplainedAnswer::{InDoubt, InStep, Refused, Waits, WillSend};
    let row = world.ledger.get(subject);
    let is_parked = is_parked(world, plan, subject);
    // Of a session for which nothing is sent, nothing is confirmed either.
    let is_off = |wait: &Wait| wait.subject == subject && wait.reason.is_nothing_to_do();
    let is_left = subject.kind == Kind::Decks && plan.waits.iter().any(is_off);
    let is_owed = |row: &Remembered| row.doubt_since.is_some() || (row.confirming.is_some() && !is_left);
    if !is_parked && row.is_some_and(is_owed) {
        return InDoubt;
    }
    if plan.changes.iter().any(|change| change.subject == subject) {
        return match due(row, &world.policy.slides, plan.as_of) {
            _ if world.policy.scope.mode == Mode::Observe => Refused,
            Due::At(..) if is_parked => Refused,
            Due::At(..) => Waits,
            Due::Now => WillSend,
        };
    }
    let refused = plan.refusals.iter().any(|refusal| refusal.subject == Some(subject));
    let waits = plan.waits.iter().any(|wait| wait.subject == subject);
    let all = plan.refusals.iter().any(|refusal| {
        refusal.subject.is_none()
            && matches!(refusal.rule, Why::SourceIncomplete | Why::SourceLagging | Why::GuardEmptySource)
    });
    let is_unsent = |wait: &Wait| wait.subject == subject && wait.reason == Why::WindowClosedUnsent;
    // A person must push it, or let it be.
    if refused || (all && !waits) || plan.waits.iter().any(is_unsent) {
        Refused
    } else if waits {
        Waits
    } else {
        InStep
    }
}

fn agrees(world: &World, plan: &Plan, told: &SubjectExplained) -> Result<(), TestCaseError> {
    let subject = told.subject;
    let holds = |name: &str| told.rules.iter().find(|rule| rule.rule == name).map(|rule| rule.holds);
    let expected = by_the_plan(world, plan, subject);
    prop_assert_eq!(told.answer, expected, "{:#?}", told);
    prop_assert!(!told.detail.is_empty() && !told.detail.contains("()"), "{told:#?}");
    // Whatever the plan names as its reason is a rule that doesn't hold.
    let named = plan.waits.iter().filter(|wait| wait.subject == subject).map(|wait| wait.reason).chain(
        plan.refusals.iter().filter(|refusal| refusal.subject == Some(subject)).map(|refusal| refusal.rule),
    );
    for why in named.filter(|why| *why != Why::InDoubtConfirming) {
        let rule = rule_of(subject.kind, why);
        prop_assert!(rule.is_some(), "{why} has no rule");
        prop_assert_eq!(rule.and_then(holds), Some(false), "{} of {:#?}", why, told);
    }
    let in_doubt = told.answer == ExplainedAnswer::InDoubt;
    let is_open = holds("no_doubt") == Some(false) || holds("nothing_owed") == Some(false);
    prop_assert_eq!(in_doubt, is_open && !is_parked(world, plan, subject));
    prop_assert_eq!(told.since.is_some(), holds("no_doubt") == Some(false));
    let stops: Vec<&str> = CONDITIONS.into_iter().filter(|name| holds(name) == Some(false)).collect();
    match told.answer {
        ExplainedAnswer::WillSend => {
            let change = plan.changes.iter().find(|change| change.subject == subject).expect("a change");
            let cancels = |name: &&str| *name == "link_blank_or_ours" && subject.kind == Kind::Room;
            let left: Vec<&str> = stops.into_iter().filter(|name| !cancels(name)).collect();
            prop_assert!(left.is_empty(), "sent in spite of {left:?}: {told:#?}");
            prop_assert!(told.detail.starts_with(&change.reason) && told.next == Some(plan.as_of));
            prop_assert_eq!(told.why, None);
        }
        ExplainedAnswer::InStep if subject.kind == Kind::Decks => {
            for name in ["accepted_in_this_window", "as_accepted", "window_open"] {
                prop_assert_eq!(holds(name), Some(true), "{} of {:#?}", name, told);
            }
        }
        ExplainedAnswer::Refused | ExplainedAnswer::Waits => {
            let decisive = told.why.and_then(|why| rule_of(subject.kind, why)).and_then(holds);
            let observes = told.why == Some(Why::ObserveOnly) && holds("mode_act") == Some(false);
            prop_assert!(decisive == Some(false) || observes, "{told:#?}");
        }
        ExplainedAnswer::InDoubt | ExplainedAnswer::InStep => {}
    }
    Ok(())
}

prop_compose! {
    /// More of what may stop a step than the planner's own laws need.
    fn stopped_worlds()(
        world in worlds(),
        holds in proptest::collection::vec((proptest::option::of(1_i64..5), -30_i64..60), 0..2),
        observes in proptest::bool::weighted(0.15),
        refresh in select(vec![0_i64, 0, 1, 60]),
        timing in proptest::collection::vec((1_i64..5, any::<bool>(), -3_i64..5, -3_i64..5), 0..4),
        lags in proptest::bool::weighted(0.05),
        incomplete in proptest::bool::weighted(0.05),
        empty in proptest::bool::weighted(0.05),
        unread in proptest::option::weighted(0.2, select(vec![Kind::Room, Kind::Decks])),
    ) -> World {
        let mut world = world;
        for (session, until) in holds {
            let hold = Hold { until: minutes(until), by: "anna".into(), reason: "asked".into() };
            match session {
                Some(id) => { world.ledger.holds.insert(SessionId(id), hold); }
                None => world.ledger.hold_all = Some(hold),
            }
        }
        if observes {
            world.policy.scope.mode = Mode::Observe;
        }
        for (id, is_room, last, not_before) in timing {
            let id = SessionId(id);
            let row = world.row(if is_room { SubjectKey::room(id) } else { SubjectKey::decks(id) });
            let seconds = |number: i64| now() + TimeDelta::seconds(number);
            row.timing.burst = Some(Burst { first: seconds(-3), last: seconds(last.min(0)) });
            row.timing.not_before = Some(seconds(not_before));
            row.timing.parked = not_before == 4;
        }
        if lags {
            world.snapshot.known_until = minutes(-2);
        }
        world.policy.slides.refresh = TimeDelta::minutes(refresh);
        world.snapshot.complete = !incomplete;
        if let Some(kind) = unread {
            world.cannot_read(kind);
        }
        if empty {
            world.snapshot.in_range = 0;
            for row in world.ledger.subjects.values_mut() {
                row.slot = Some(slot(-10, 60));
            }
        }
        world
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn an_explanation_says_what_the_plan_says(world in stopped_worlds()) {
        let plan = world.plan();
        for session in &world.snapshot.sessions {
            let told = explain(world.inputs(), &plan, session);
            let subjects: Vec<SubjectKey> = told.subjects.iter().map(|subject| subject.subject).collect();
            // Every subject that the plan speaks of is explained.
            let spoken = plan.changes.iter().map(|change| change.subject)
                .chain(plan.waits.iter().map(|wait| wait.subject))
                .chain(plan.refusals.iter().filter_map(|refusal| refusal.subject))
                .filter(|subject| subject.session == session.id);
            for subject in spoken {
                prop_assert!(subjects.contains(&subject), "{subject} is not explained");
            }
            for subject in &told.subjects {
                agrees(&world, &plan, subject)?;
            }
        }
    }

    #[test]
    fn an_explanation_reads_back_and_is_harmless(world in stopped_worlds(), words in "[\\x00-\\x1f\\x7f-\\x9f]{1,4}") {
        let mut world = world;
        for session in &mut world.snapshot.sessions {
            session.remote_instructions.push_str(&words);
            for linked in &mut session.decks {
                linked.deck.title.clone_from(&words);
            }
        }
        let plan = world.plan();
        let all: Vec<Explained> =
            world.snapshot.sessions.iter().map(|session| explain(world.inputs(), &plan, session)).collect();
        let json = serde_json::to_string(&all).expect("plain");
        prop_assert_eq!(&serde_json::from_str::<Vec<Explained>>(&json).expect("own text"), &all);
        let text = explained_text(&all, &Style::default());
        prop_assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
    }
}

fn live(id: i64, ids: &[i64]) -> Session {
    with_decks(week(id), decks(ids))
}

#[test]
fn the_everyday_answers() {
    let mut world = World::of([live(1, &[1, 2]), live(2, &[3]), live(3, &[4]), live(4, &[])]);
    world.apply(&world.plan());
    world.session(2).decks.push(LinkedDeck { deck: deck(9, "00", 2), deleted: true });
    world.session(3).decks.push(LinkedDeck { deck: deck(9, "00", 2), deleted: false });
    insta::assert_snapshot!(told(&world, &[1, 2, 3, 4]));
}

#[test]
fn doubt_comes_before_everything() {
    let mut world = World::of([live(1, &[1]), live(2, &[2]), live(3, &[3])]);
    world.apply(&world.plan());
    for id in [1, 2] {
        let row = world.row(SubjectKey::decks(SessionId(id)));
        row.doubt_since = Some(minutes(-1));
        row.last_error = Some("no answer within 3.01 s".into());
    }
    world.session(2).slot = Some(slot(-100, 60));
    world.row(SubjectKey::decks(SessionId(3))).confirming = Some(Confirming { at: minutes(1) });
    insta::assert_snapshot!(told(&world, &[1, 2, 3]));
}

#[test]
fn rooms_and_what_stops_them() {
    let mut world = World::of((11..=17).map(interim)).has_room(11).has_room(12);
    world.session(12).slot = Some(slot(1500, 60));
    world.session(13).modified = now();
    world.session(14).remote_instructions = "Call the chairs".into();
    world.session(15).status = SessionStatus("notmeet".into());
    world.session(16).tombstone_for = Some(SessionId(11));
    world.policy.rooms.powers = RoomPowers::NoDelete;
    let hold = Hold { until: minutes(90), by: "anna".into(), reason: "the chairs asked".into() };
    world.ledger.holds.insert(SessionId(17), hold);
    insta::assert_snapshot!(told(&world, &[11, 12, 13, 14, 15, 16, 17]));
}

#[test]
fn the_worker_waits_for_the_end_of_a_burst_and_after_failures() {
    let mut world = World::of([live(1, &[1]), live(2, &[2]), live(3, &[3])]);
    let seconds = |number: i64| now() + TimeDelta::seconds(number);
    world.row(SubjectKey::decks(SessionId(1))).timing.burst =
        Some(Burst { first: seconds(-4), last: seconds(-1) });
    let row = world.row(SubjectKey::decks(SessionId(2)));
    row.timing = Timing { not_before: Some(seconds(7)), tries: 3, ..Timing::default() };
    row.last_error = Some("429: slow down".into());
    let row = world.row(SubjectKey::decks(SessionId(3)));
    row.timing = Timing { not_before: Some(seconds(300)), tries: 1, parked: true, ..Timing::default() };
    row.last_error = Some("422: deck 3 has no title".into());
    insta::assert_snapshot!(told(&world, &[1, 2, 3]));
}

#[test]
fn a_hold_that_outlasts_the_window_is_not_waited_for() {
    // The window closes at 13:05 UTC.
    let hold = |until: i64| Hold { until: minutes(until), by: "anna".into(), reason: "asked".into() };
    let headline = |world: &World| {
        let told = explained(world, 1).subjects.remove(0);
        (told.answer, told.why, told.next, told.detail)
    };
    let mut world = World::of([live(1, &[1])]);
    world.ledger.holds.insert(SessionId(1), hold(64));
    let (_, why, next, detail) = headline(&world);
    assert_eq!((why, next), (Some(Why::Held), Some(minutes(64))));
    assert!(!detail.contains("closes"), "{detail}");
    world.ledger.holds.insert(SessionId(1), hold(65));
    let (answer, why, next, detail) = headline(&world);
    assert_eq!((answer, why, next), (ExplainedAnswer::Waits, Some(Why::Held), None));
    assert!(
        detail.ends_with(
            "; the window closes at Tue 2026-11-17 13:05:00 UTC, before the hold ends, and then nothing is sent any more: \
             end the hold (meetsync release 1), or send them now (meetsync push 1)"
        ),
        "{detail}"
    );
    world.ledger.hold_all = Some(hold(90));
    assert!(headline(&world).3.contains("(meetsync release --all)"));
    world.policy.slides.notify = NotifyTime::Always;
    assert_eq!(headline(&world).2, Some(minutes(90)));
}

/// Whoever is told by the status that it was refused must read here what was.
#[test]
fn a_refusal_comes_before_a_send_that_is_owed_and_has_its_own_code_and_way_on() {
    let mut world = World::of([live(1, &[1])]);
    world.apply(&world.plan());
    let seconds = |number: i64| now() + TimeDelta::seconds(number);
    let row = world.row(SubjectKey::decks(SessionId(1)));
    row.confirming = Some(Confirming { at: seconds(-2) });
    row.timing = Timing { not_before: Some(seconds(300)), tries: 1, parked: true, ..Timing::default() };
    for (words, headline, way_on) in [
        (
            "unsupported: Meetecho answered 404",
            "(unsupported): ",
            "404; to try at once: meetsync resync --session 1",
        ),
        (
            "credentials_rejected: Meetecho answered 401",
            "(credentials_rejected): ",
            "ask there what meetecho.client_id may do",
        ),
        ("group_unknown: Meetecho answered 404", "(group_unknown): ", "has to know this group"),
    ] {
        world.row(SubjectKey::decks(SessionId(1))).last_error = Some(words.into());
        let told = told(&world, &[1]);
        let line = told.lines().find(|line| line.starts_with("decks: ")).unwrap_or_default();
        assert!(
            line.starts_with(&format!("decks: refused, tried again Tue 12:05:00 UTC {headline}")),
            "{told}"
        );
        assert!(line.contains("Meetecho answered 40") && line.contains(way_on), "{told}");
        let deciding: Vec<&str> = told.lines().filter(|line| line.starts_with('!')).collect();
        assert!(matches!(deciding.as_slice(), [one] if one.contains("not_parked")), "{told}");
    }
    world.row(SubjectKey::decks(SessionId(1))).doubt_since = Some(minutes(-1));
    assert!(
        told(&world, &[1]).contains("; what is there is in doubt since Tue 2026-11-17 11:59:00 UTC; to try")
    );
}

#[test]
fn nothing_is_sent_while_observing() {
    let mut world = World::of([live(1, &[1])]);
    world.policy.scope.mode = Mode::Observe;
    let decks = &explained(&world, 1).subjects[0];
    assert_eq!(
        (decks.answer, decks.why, decks.next),
        (ExplainedAnswer::Refused, Some(Why::ObserveOnly), None)
    );
}

#[test]
fn a_cancelled_sessions_room_goes_away_only_where_there_is_one() {
    let mut world = World::of([interim(1), interim(2)]).has_room(1);
    for (id, words) in
        [(1, "cancelled, so a room of ours goes away"), (2, "cancelled, and no room of it is there")]
    {
        world.session(id).status = SessionStatus("canceled".into());
        let told = told(&world, &[id]);
        assert!(told.contains(words), "{told}");
    }
}
