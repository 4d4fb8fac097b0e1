//! What holds in every world: small ones, made at random.

use proptest::prelude::*;
use proptest::sample::select;

use crate::model::*;
use crate::plan::hash::hash_of;
use crate::plan::test_world::*;
use crate::plan::{Operation, Plan};

/// What a session is made of, before its id is known.
type Parts = (
    (bool, Option<(i64, i64)>, &'static str, &'static str),
    (bool, Vec<i64>, i64, i64, Option<i64>),
    (Option<(i64, bool)>, Vec<(i64, &'static str)>, bool),
    (u8, Vec<i64>, bool, Option<i64>),
);

fn parts() -> impl Strategy<Value = Parts> {
    let slots = select(vec![-200_i64, -74, -70, -30, -5, 0, 10, 14, 15, 20, 100, 1440, 300_000]);
    let status = select(vec!["sched", "sched", "sched", "apprw", "canceled", "deleted", "notmeet", ""]);
    let link = select(vec!["", "", "own", "named", "second", "neighbour", "words", "unmatched"]);
    let session = (
        proptest::bool::weighted(0.7),
        proptest::option::weighted(0.9, (slots.clone(), select(vec![30_i64, 60, 90]))),
        status,
        link,
    );
    let ids = || proptest::sample::subsequence(vec![1_i64, 2, 3, 4], 0..=4).prop_shuffle();
    let rest = (
        proptest::bool::weighted(0.1),
        ids(),
        0_i64..2,
        select(vec![-1_i64, 0, -1440]),
        proptest::option::weighted(0.05, 1_i64..3),
    );
    // A record with its time, and rooms that are shown with theirs.
    let record = proptest::option::of((slots.clone(), any::<bool>()));
    let shown = proptest::collection::vec((slots, select(vec!["own", "second", "theirs"])), 0..3);
    let rooms = (record, shown, proptest::bool::weighted(0.2));
    // Nothing sent; sent and the same; sent and another list; another epoch.
    let row = (0_u8..4, ids(), proptest::bool::weighted(0.2), proptest::option::weighted(0.2, -2_i64..3));
    (session, rest, rooms, row)
}

fn add(world: &mut World, id: i64, parts: &Parts) {
    let (
        (is_interim, when, status, link),
        (deleted, ids, rev, modified, tombstone),
        (record, shown, room_doubt),
        (sent, was, deck_doubt, confirming),
    ) = parts;
    let mut session = if *is_interim { interim(id) } else { week(id) };
    session.slot = when.map(|(start, length)| slot(start, length));
    session.status = SessionStatus((*status).to_owned());
    session.modified = minutes(*modified);
    session.tombstone_for = tombstone.map(|other| SessionId(100 + other));
    session.remote_instructions = match *link {
        "own" => format!("{PREFIX}?short=own-{id}"),
        "second" => format!("{PREFIX}?short=second-{id}"),
        "named" => format!("{PREFIX}?session={id}"),
        "neighbour" => format!("{PREFIX}?session={}", id + 1),
        "words" => "Ask the chairs".to_owned(),
        "unmatched" => format!("{PREFIX}?short=nobody"),
        _ => String::new(),
    };
    let list = decks(ids).into_iter().map(|deck| Deck { rev: format!("{rev:02}"), ..deck }).collect();
    session = with_decks(session, list);
    if *deleted && !session.decks.is_empty() {
        session.decks[0].deleted = true;
    }
    let group = session.group.clone();
    let room = |kind: &str, start: i64| SeenRoom {
        room_id: id,
        public_id: format!("{kind}-{id}"),
        url: format!("{PREFIX}?short={kind}-{id}"),
        description: if kind == "theirs" { "private".into() } else { session.meeting.to_string() },
        start: minutes(start),
        duration_min: 60,
    };
    if *is_interim {
        let mut told = Vec::new();
        for (start, kind) in shown {
            if !told.contains(kind) {
                told.push(*kind);
                world.rooms.by_group.entry(group.clone()).or_default().push(room(kind, *start));
            }
        }
        world.rooms.by_group.entry(group.clone()).or_default();
        if let Some((start, adopted)) = record {
            let row = world.row(SubjectKey::room(session.id));
            row.room =
                Some(RoomRecord { adopted: *adopted, ..recorded(&room("own", *start), group.as_str()) });
        }
        if *room_doubt {
            world.row(SubjectKey::room(session.id)).doubt_since = Some(minutes(-1));
        }
    }
    if *sent > 0 {
        let policy = &world.policy.slides;
        let list = if *sent == 1 { crate::desired::wanted_decks(&session, policy) } else { decks(was) };
        let public_id = record.filter(|_| *is_interim).map(|_| format!("own-{id}"));
        let epoch = crate::desired::epoch(session.slot, public_id, policy, now()).to_string();
        let epoch = if *sent == 3 { "another".to_owned() } else { epoch };
        let row = world.row(SubjectKey::decks(session.id));
        row.may_be_there = list.iter().map(|deck| deck.id).collect();
        row.accepted = Some(Accepted { decks: list, at: minutes(-3), epoch });
        row.doubt_since = deck_doubt.then(|| minutes(-1));
        row.confirming = confirming.map(|from_now| Confirming { at: minutes(from_now) });
    }
    world.snapshot.sessions.push(session);
}

prop_compose! {
    pub(super) fn worlds()(
        parts in proptest::collection::vec(parts(), 1..5),
        powers in select(vec![RoomPowers::Full, RoomPowers::Full, RoomPowers::NoDelete, RoomPowers::Observe]),
        materials in select(vec![Materials::Put, Materials::Calls, Materials::WholeList]),
        notify in select(vec![
            NotifyTime::Minutes(15), NotifyTime::Minutes(60), NotifyTime::Minutes(0), NotifyTime::Never, NotifyTime::Always,
        ]),
        write_back in proptest::bool::weighted(0.8),
        small_scope in proptest::bool::weighted(0.1),
        limits in (0_usize..6, 0_usize..6, 0_usize..3),
        force in any::<bool>(),
    ) -> World {
        let mut world = World::of([]);
        world.policy.rooms.powers = powers;
        world.policy.rooms.write_back = write_back;
        world.policy.slides.materials = materials;
        world.policy.slides.notify = notify;
        (world.policy.guard.max_deletes, world.policy.guard.max_creates, world.policy.guard.max_sessions) = limits;
        if small_scope {
            world.policy.scope.groups = [GroupAcronym::new("moq")].into();
        }
        world.ask.force = force;
        for (id, parts) in (1..).zip(&parts) {
            add(&mut world, id, parts);
        }
        world.snapshot.in_range = world.snapshot.sessions.len();
        world
    }
}

/// Whether the session's room may count as ours, told from the words of the design alone.
fn is_ours(world: &World, session: &Session) -> bool {
    let link = session.remote_instructions.as_str();
    let seen = world.rooms.of(&session.group).unwrap_or_default();
    // In doubt: a request of ours may have made it, or may yet do so.
    let row = world.ledger.get(SubjectKey::room(session.id));
    let recorded = row.is_some_and(|row| row.room.is_some() || row.doubt_since.is_some());
    let is_its_room = seen
        .iter()
        .any(|room| room.room_id == session.id.0 && (room.url == link || link.contains(&room.public_id)));
    recorded || is_its_room || link == format!("{PREFIX}?session={}", session.id)
}

/// All the times by which a session's room may be in use.
fn known_times(world: &World, session: &Session, public_id: Option<&str>) -> Vec<RoomTimes> {
    let seen = world.rooms.of(&session.group).unwrap_or_default();
    let shown = seen
        .iter()
        .filter(|room| room.room_id == session.id.0 && Some(room.public_id.as_str()) == public_id)
        .map(SeenRoom::times);
    let row = world.ledger.get(SubjectKey::room(session.id)).filter(|row| row.doubt_since.is_none());
    let record = row.and_then(|row| row.room.as_ref());
    let record = record.filter(|record| Some(record.public_id.as_str()) == public_id);
    shown.chain(record.map(|record| record.sent)).collect()
}

fn operations(plan: &Plan) -> impl Iterator<Item = (SessionId, &Operation)> {
    plan.changes
        .iter()
        .flat_map(|change| change.operations.iter().map(move |operation| (change.session, operation)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_order_of_what_was_read_decides_nothing(world in worlds()) {
        let mut turned = world.clone();
        turned.snapshot.sessions.reverse();
        turned.snapshot.siblings.reverse();
        for rooms in turned.rooms.by_group.values_mut() {
            rooms.reverse();
        }
        prop_assert_eq!(world.plan(), turned.plan());
    }

    #[test]
    fn a_plan_reads_back_from_its_json(world in worlds()) {
        let plan = world.plan();
        let text = serde_json::to_string(&plan).expect("plain");
        let back: Plan = serde_json::from_str(&text).expect("own text");
        prop_assert_eq!(&hash_of(&back.changes, &back.refusals), &plan.hash);
        prop_assert_eq!(back, plan);
    }

    /// Everything in a small world happens at full minutes, or half a minute after; nothing changes in between.
    #[test]
    fn time_alone_changes_no_hash(world in worlds(), seconds in 2_i64..29) {
        let (mut early, mut late) = (world.clone(), world);
        early.snapshot = early.snapshot.carried_to(early.snapshot.as_of + chrono::TimeDelta::seconds(1));
        late.snapshot = late.snapshot.carried_to(late.snapshot.as_of + chrono::TimeDelta::seconds(seconds));
        prop_assert_eq!(early.plan().hash, late.plan().hash);
    }

    #[test]
    fn rooms_are_taken_away_only_where_they_may_be(world in worlds()) {
        for (id, operation) in operations(&world.plan()) {
            let session = world.snapshot.sessions.iter().find(|session| session.id == id).expect("planned");
            let public_id = match operation {
                Operation::DeleteRoom { room, .. } => {
                    prop_assert!(session.status.is_cancelled());
                    prop_assert!(is_ours(&world, session));
                    &room.public_id
                }
                Operation::RecreateRoom { room, was, old, .. } => {
                    prop_assert!(!session.status.is_cancelled());
                    prop_assert!(room.times() != *was, "a room that did not move");
                    // Where it isn't ours yet, the same change adopts it, which asks that it fits.
                    prop_assert!(is_ours(&world, session) || session.remote_instructions.is_empty());
                    &old.public_id
                }
                _ => continue,
            };
            prop_assert!(session.is_interim());
            prop_assert!(matches!(world.policy.rooms.powers, RoomPowers::Full));
            for times in known_times(&world, session, public_id.as_deref()) {
                prop_assert!(!times.span().is_live(now()), "in progress: {times:?}");
            }
        }
    }

    #[test]
    fn a_persons_words_are_never_replaced(world in worlds()) {
        for (id, operation) in operations(&world.plan()) {
            if let Operation::WriteRoomUrl { from, .. } = operation {
                let session = world.snapshot.sessions.iter().find(|session| session.id == id).expect("planned");
                prop_assert_eq!(from, &session.remote_instructions);
                prop_assert!(from.is_empty() || is_ours(&world, session), "{from}");
                prop_assert!(world.policy.rooms.write_back);
            }
        }
    }

    #[test]
    fn nothing_is_sent_for_cancelled_sessions(mut world in worlds(), push in any::<bool>()) {
        world.ask.push = push;
        for change in &world.plan().changes {
            let session = world.snapshot.sessions.iter().find(|session| session.id == change.session);
            let session = session.expect("planned");
            prop_assert!(change.subject.kind == Kind::Room || !session.status.is_cancelled());
        }
    }

    #[test]
    fn the_sums_are_right_and_each_subject_has_one_change(world in worlds()) {
        let plan = world.plan();
        let requests: usize = operations(&plan).map(|(_, operation)| operation.requests()).sum();
        prop_assert_eq!(plan.summary.requests, requests);
        let mut subjects: Vec<SubjectKey> = plan.changes.iter().map(|change| change.subject).collect();
        subjects.sort();
        subjects.dedup();
        prop_assert_eq!(subjects.len(), plan.changes.len());
        prop_assert!(plan.changes.iter().all(|change| !change.operations.is_empty()));
        prop_assert_eq!(plan.summary.sessions, world.snapshot.sessions.len());
        prop_assert!(plan.summary.in_step + plan.summary.to_change <= plan.summary.sessions);
    }

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(mut world in worlds()) {
        let first = world.plan();
        // Of two rooms of a cancelled session one goes, and what is left may be the next plan's.
        let two_rooms = first.refusals.iter().any(|refusal| refusal.rule == Why::RoomConflict);
        prop_assume!(!(two_rooms && first.changes.iter().any(|change| change.subject.kind == Kind::Room)));
        world.apply(&first);
        let second = world.plan();
        prop_assert!(second.changes.is_empty(), "first {}\nthen {}", told(&first), told(&second));
    }

    /// Whatever a world holds, it can be told, and nothing of it reaches the terminal as a command.
    #[test]
    fn every_plan_has_a_text(world in worlds(), title in "\\PC*|[\\x00-\\x1f\\x7f-\\x9f]{1,4}") {
        let mut world = world;
        for session in &mut world.snapshot.sessions {
            session.name.clone_from(&title);
            for linked in &mut session.decks {
                linked.deck.title.clone_from(&title);
            }
        }
        let style = crate::plan::Style::default();
        let text = crate::plan::plan_text(&world.plan(), &world.snapshot, &style);
        prop_assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
    }
}
