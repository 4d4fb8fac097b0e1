//! A kind that could not be read: nothing of it is planned, and the other goes on.

use proptest::prelude::*;
use proptest::sample::select;

use super::laws::worlds;
use crate::model::*;
use crate::plan::test_world::*;
use crate::plan::{Change, Plan, explain, groups_to_read};

fn of_kind(plan: &Plan, kind: Kind) -> Vec<&Change> {
    plan.changes.iter().filter(|change| change.subject.kind == kind).collect()
}

/// A live session whose slides were sent, and an interim with its room.
fn settled() -> World {
    let mut world = World::of([with_decks(week(1), decks(&[1, 2])), interim(2)]).has_room(2);
    let plan = world.plan();
    world.apply(&plan);
    assert_eq!(world.plan().summary.in_step, 2, "{}", told(&world.plan()));
    world
}

#[test]
fn decks_that_were_not_read_are_not_gone() {
    let mut world = settled();
    world.cannot_read(Kind::Decks);
    let plan = world.plan();
    assert_eq!(told(&plan), "decks/1! source_incomplete; decks/2? outside_window");
    let refusal = &plan.refusals[0];
    assert!(refusal.detail.contains("the slides of sessions can't be read from the datatracker: no column"));
    assert!(refusal.way_on.contains("meetsync check"), "{refusal:?}");
    assert_eq!(plan.in_step, [SessionId(2)].into());
    world.ask.push = true;
    assert_eq!(told(&world.plan()), "decks/1! source_incomplete; decks/2! source_incomplete");
    // Nobody is woken for a session that is not ours to look after.
    world.ask.push = false;
    world.policy.scope.groups = [GroupAcronym::new("mars")].into();
    assert_eq!(told(&world.plan()), "decks/1! out_of_scope; decks/2? outside_window");
}

#[test]
fn a_link_that_was_not_read_is_not_blank() {
    let mut world = settled();
    world.snapshot.sessions.push(with_decks(interim(3), decks(&[3])));
    world.session(3).remote_instructions = "https://webex.example.org/meet/me".into();
    world.session(3).slot = Some(slot(-10, 60));
    world.snapshot.sessions.push(Session { status: SessionStatus("canceled".into()), ..interim(4) });
    assert_eq!(
        told(&world.plan()),
        "room/3! not_ours; decks/2? outside_window; decks/3? not_on_meetecho; decks/4? cancelled"
    );
    world.cannot_read(Kind::Room);
    // Whether the third meets on Meetecho stands in its link.
    assert_eq!(
        told(&world.plan()),
        "room/2! source_incomplete; room/3! source_incomplete; decks/3! source_incomplete; \
         decks/2? outside_window; decks/4? cancelled"
    );
    assert!(groups_to_read(world.inputs()).is_empty());
    world.session(2).status = SessionStatus("canceled".into());
    assert!(told(&world.plan()).starts_with("room/2! source_incomplete;"), "its room stays");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_planned_of_what_was_not_read(
        world in worlds(),
        kind in select(vec![Kind::Room, Kind::Decks]),
        push in proptest::bool::weighted(0.1),
        force in any::<bool>(),
        resend in proptest::bool::weighted(0.2),
    ) {
        let mut whole = world;
        (whole.ask.push, whole.ask.force, whole.ask.resend) = (push, force, resend);
        let mut part = whole.clone();
        part.cannot_read(kind);
        let (whole, plan) = (whole.plan(), part.plan());
        prop_assert!(of_kind(&plan, kind).is_empty(), "{}", told(&plan));
        let explained = part.snapshot.sessions.iter().map(|session| explain(part.inputs(), &plan, session));
        prop_assert_eq!(explained.count(), part.snapshot.sessions.len());
        // The guards count what is left, so they may let through what they stopped before.
        prop_assume!(!whole.refusals.iter().any(|refusal| refusal.rule.is_guard()));
        match kind {
            Kind::Decks => prop_assert_eq!(of_kind(&plan, Kind::Room), of_kind(&whole, Kind::Room)),
            Kind::Room => {
                let is_of_a_week = |change: &&Change| {
                    part.snapshot.sessions.iter().any(|session| session.id == change.session && !session.is_interim())
                };
                let of_a_week =
                    |plan| of_kind(plan, Kind::Decks).into_iter().filter(is_of_a_week).cloned().collect::<Vec<_>>();
                prop_assert_eq!(of_a_week(&plan), of_a_week(&whole));
            }
        }
    }
}
