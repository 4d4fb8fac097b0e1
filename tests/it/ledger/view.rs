//! What the planner is given, what is recorded, and how many statements that takes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use meetsync::ledger::{
    AttemptRow, CountsAs, LeasedStep, Ledger, Memory, RoomFinding, Settled, StepAsk, StepEnd, Wish,
};
use meetsync::model::{GroupAcronym, Hold, LedgerView, SessionId, SubjectKey, digest_of};
use serde_json::json;

use super::{
    PER, accepted, at, attempt, begin, connect, decks, decks_of, finish, ids, list_of, live, ready,
    rehearsal, room, room_of, span,
};
use crate::support::{TestDatabase, cluster};

const DAY: i64 = 86_400;

pub(super) fn wish(
    key: SubjectKey,
    ids: impl IntoIterator<Item = i64>,
    slot: Option<(i64, i64)>,
    when: i64,
) -> Wish {
    let decks = decks(ids);
    Wish {
        key,
        desired: json!(decks),
        digest: digest_of(&decks),
        epoch: Some("first".to_owned()),
        slot: slot.map(|(start, end)| span(start, end)),
        at: at(when),
    }
}

fn hold(until: i64) -> Hold {
    Hold { until: at(until), by: "a person".to_owned(), reason: "a test of the room".to_owned() }
}

fn sessions(ids: impl IntoIterator<Item = i64>) -> BTreeSet<SessionId> {
    ids.into_iter().map(SessionId).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_the_same_again_writes_nothing() {
    let database = ready().await;
    for ledger in [live(&database).await, rehearsal(&database).await] {
        let mut wishes = vec![wish(decks_of(1), [1, 2], Some((0, 60)), 0), wish(room_of(1), [], None, 0)];
        assert_eq!(ledger.record(&wishes).await.unwrap(), 2);
        for wish in &mut wishes {
            wish.at = at(5);
        }
        assert_eq!(ledger.record(&wishes).await.unwrap(), 0);
        assert_eq!(ledger.record(&[]).await.unwrap(), 0);
        // Another list, another slot, another epoch: each is a new wish.
        wishes[0] = wish(decks_of(1), [2, 1], Some((0, 60)), 6);
        assert_eq!(ledger.record(&wishes).await.unwrap(), 1);
        wishes[0].slot = Some(span(0, 120));
        assert_eq!(ledger.record(&wishes).await.unwrap(), 1);
        wishes[0].epoch = None;
        assert_eq!(ledger.record(&wishes).await.unwrap(), 1);
        // Of two for one subject the last counts.
        let twice = [wish(decks_of(2), [1], None, 7), wish(decks_of(2), [2], None, 7)];
        assert_eq!(ledger.record(&twice).await.unwrap(), 1);
        let view = ledger.view_of(&sessions([1]), PER, at(10)).await.unwrap();
        assert_eq!(view.get(decks_of(1)).unwrap().slot, Some(span(0, 120)));
        if !ledger.is_rehearsal() {
            let row = "SELECT concat_ws('|', generation, extract(epoch FROM first_change - '2026-11-21 09:00Z')::int,
                extract(epoch FROM last_change - '2026-11-21 09:00Z')::int, state, desired->0->>'id')
                FROM meetsync.subject WHERE session = 1 AND kind = 'decks'";
            assert_eq!(database.texts(row).await, ["4|0|6|waiting|2"]);
            database.run("DELETE FROM meetsync.subject").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_holds_what_may_matter_and_what_was_asked_for() {
    let database = ready().await;
    let ledger = live(&database).await;
    let old = Some((-10 * DAY, -9 * DAY));
    // 2 and 5 have lost their slot: whether their time is over is not known.
    let slot = |session| old.filter(|_| ![2, 5].contains(&session));
    let mut wishes: Vec<_> =
        (1..=8).map(|session| wish(decks_of(session), [session], slot(session), 0)).collect();
    wishes.push(wish(decks_of(9), [9], Some((-DAY, -DAY + 60)), 0));
    wishes.push(wish(decks_of(10), [10], Some((DAY, DAY + 60)), 0));
    ledger.record(&wishes).await.unwrap();
    // 2: in doubt. 3: a room that is yet to come, whatever the slot says. 4: one that is over. 5: a confirming send.
    // 6: held. 7: asked for. 1 and 8: settled long ago.
    let _left = begin(&ledger, decks_of(2), [2], at(0)).await;
    for (session, start) in [(3, DAY), (4, -9 * DAY)] {
        let (lease, begun) = begin(&ledger, room_of(session), [], at(0)).await;
        let end = StepEnd::RoomIs { record: room(session, at(start)), at: at(1), confirming: None };
        finish(&ledger, lease, begun, &end, attempt("applied", at(1))).await;
    }
    let (lease, begun) = begin(&ledger, decks_of(5), [5], at(0)).await;
    let accepted = list_of([5], at(1));
    let confirming = begun.confirming(at(1), chrono::TimeDelta::seconds(30), true);
    let end = StepEnd::DecksAccepted { accepted: accepted.clone(), deleted: BTreeSet::new(), confirming };
    finish(&ledger, lease, begun, &end, attempt("applied", at(1))).await;
    ledger.hold(Some(SessionId(6)), &hold(50), at(0)).await.unwrap();
    ledger.hold(None, &hold(70), at(0)).await.unwrap();

    let view = ledger.view(&sessions([7]), PER, at(10)).await.unwrap();
    let seen: Vec<_> = view.subjects.keys().copied().collect();
    let expected =
        [decks_of(2), room_of(3), decks_of(5), decks_of(6), decks_of(7), decks_of(9), decks_of(10)];
    assert_eq!(seen, expected);
    assert_eq!(view.get(decks_of(5)).unwrap().accepted.as_ref(), Some(&accepted));
    assert_eq!(view.hold_of(SessionId(6), at(10)), Some(&hold(70)), "the longer one");
    assert_eq!(view.hold_of(SessionId(6), at(70)), None);

    assert_eq!(ledger.open_sessions(at(10)).await.unwrap(), sessions([2, 3, 5, 6]));
    assert_eq!(ledger.open_sessions(at(50)).await.unwrap(), sessions([2, 3, 5]));
    assert_eq!(ledger.open_sessions(at(2 * DAY)).await.unwrap(), sessions([2, 5]));

    ledger.hold(Some(SessionId(6)), &hold(99), at(20)).await.unwrap();
    assert_eq!(ledger.view(&sessions([]), PER, at(10)).await.unwrap().holds[&SessionId(6)], hold(99));
    assert!(ledger.release_hold(Some(SessionId(6))).await.unwrap());
    assert!(!ledger.release_hold(Some(SessionId(6))).await.unwrap());
    assert!(ledger.release_hold(None).await.unwrap());
    let view = ledger.view(&sessions([]), PER, at(10)).await.unwrap();
    assert_eq!((view.holds.len(), view.hold_all), (0, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn emptied_sessions_are_counted_once_each() {
    let database = ready().await;
    for ledger in [live(&database).await, rehearsal(&database).await] {
        for (session, when) in [(1, 0), (1, 10), (2, 20), (3, -4000)] {
            let (lease, begun) = begin(&ledger, decks_of(session), [1], at(when)).await;
            let row = AttemptRow { counts_as: Some(CountsAs::DecksEmptied), ..attempt("applied", at(when)) };
            finish(&ledger, lease, begun, &accepted([1], at(when)), row).await;
        }
        let recent = ledger.view(&sessions([]), PER, at(30)).await.unwrap().recent;
        assert_eq!(recent.sessions_emptied, sessions([1, 2]));
        database.run("DELETE FROM meetsync.attempt").await;
    }
}

/// The statements that one connection ran while `work` did, from the server's own log.
async fn statements(database: &TestDatabase, work: impl AsyncFnOnce(&Ledger)) -> Vec<String> {
    let log = cluster()
        .query_texts("postgres", "SELECT setting FROM pg_settings WHERE name = 'data_directory'")
        .await;
    let log = std::path::Path::new(&log.unwrap()[0]).with_file_name("log");
    let name = database.texts("SELECT current_database()").await.remove(0);
    database.run(&format!("ALTER DATABASE {name} SET log_statement = 'all'")).await;
    let ledger = Ledger::open(connect(database.url(), 1, false)).await.unwrap();
    let pid = "SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'meetsync'";
    let pid = database.texts(pid).await.remove(0);
    let mark = std::fs::read(&log).unwrap().len();
    work(&ledger).await;
    let text = String::from_utf8(std::fs::read(&log).unwrap().split_off(mark)).unwrap();
    let mine = format!("[{pid}] LOG:  ");
    let said = text.lines().filter_map(|line| line.split_once(&mine)).map(|(_, said)| said.to_owned());
    // The pool's own "are you there" is not ours.
    said.filter(|said| said != "statement: SELECT 1").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_takes_as_many_statements_for_one_session_as_for_many() {
    let database = ready().await;
    let mut counts = Vec::new();
    for many in [1, 300] {
        let found = statements(&database, async |ledger| {
            let wishes: Vec<_> = (1..=many).map(|id| wish(decks_of(id), [id], Some((0, 60)), many)).collect();
            ledger.record(&wishes).await.unwrap();
            let view = ledger.view(&sessions(1..=many), PER, at(0)).await.unwrap();
            assert_eq!(view.subjects.len(), usize::try_from(many).unwrap());
        });
        counts.push(found.await);
    }
    assert_eq!(counts[0].len(), counts[1].len(), "{counts:#?}");
    // One to record; begin, four reads and commit to view.
    assert_eq!(counts[1].len(), 7, "{counts:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_in_many_groups_rooms_is_one_statement() {
    let database = ready().await;
    let finding = |id: i64, words: &str| RoomFinding {
        session: Some(SessionId(id)),
        room_id: id,
        state: "drifted".to_owned(),
        url: None,
        words: words.to_owned(),
    };
    let groups = || (1..=300).map(|id| (GroupAcronym::new(format!("group{id:03}")), id));
    let all = groups().map(|(group, id)| (group, vec![finding(id, "an hour late")])).collect();
    let some = groups().take(299).map(|(group, id)| {
        let found = if id == 1 { vec![finding(1, "two hours late"), finding(2, "gone")] } else { Vec::new() };
        (group, found)
    });
    let some = some.collect();
    let found = statements(&database, async |ledger| {
        ledger.record_found("one", &all).await.unwrap();
        ledger.record_found("two", &some).await.unwrap();
        ledger.record_found("three", &BTreeMap::new()).await.unwrap();
    });
    let found = found.await;
    assert_eq!(found.len(), 2, "{found:#?}");
    let read = live(&database).await.rooms_found().await.unwrap();
    let read: Vec<_> =
        read.into_iter().map(|read| (read.group.to_string(), read.who, read.findings)).collect();
    let expected = [
        ("group001".to_owned(), "two".to_owned(), some[&GroupAcronym::new("group001")].clone()),
        ("group300".to_owned(), "one".to_owned(), vec![finding(300, "an hour late")]),
    ];
    assert_eq!(read, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_two_statements() {
    let database = ready().await;
    let found = statements(&database, async |ledger| {
        let (lease, begun) = begin(ledger, decks_of(1), [1], at(0)).await;
        finish(ledger, lease, begun, &accepted([1], at(1)), attempt("applied", at(1))).await;
    });
    let found = found.await;
    assert_eq!(found.len(), 2, "{found:#?}");
}

/// What nobody can do anything about any more must not be looked at for ever; what never had a slot stays.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_doubt_is_forgotten_two_days_after_the_session() {
    let database = ready().await;
    let ledger = live(&database).await;
    let mut memory = Memory::default();
    for key in [decks_of(7), room_of(8), decks_of(9)] {
        let slot = (key != decks_of(9)).then_some((0, 60));
        ledger.record(&[wish(key, [1], slot, 0)]).await.unwrap();
        let (lease, begun) = begin(&ledger, key, [1], at(10)).await;
        let end = StepEnd::InDoubt { words: "no answer".to_owned(), sent: ids([1]) };
        finish(&ledger, lease, begun, &end, attempt("in_doubt", at(12))).await;
        memory.record(&[wish(key, [1], slot, 0)]);
        let will_send = ids([1]);
        let ask = StepAsk::new(key, "test", Duration::from_mins(1), &will_send, at(10));
        let LeasedStep::Begun(lease, begun) = memory.lease_and_begin(&ask, at(10)).unwrap() else {
            panic!("it is ours")
        };
        let settled = memory.settle_and_release(&lease, &begun, &end, attempt("in_doubt", at(12)));
        assert_eq!(settled, Settled::Done);
    }
    let two_days = 2 * DAY;
    for (second, expected) in [(59 + two_days, vec![7, 8, 9]), (60 + two_days, vec![9])] {
        let expected: BTreeSet<SessionId> = expected.into_iter().map(SessionId).collect();
        assert_eq!(ledger.open_sessions(at(second)).await.unwrap(), expected);
        let rehearsed = rehearsal(&database).await.open_sessions(at(second)).await.unwrap();
        assert_eq!(rehearsed, expected);
        assert_eq!(memory.open_sessions(at(second)), expected);
        let sessions =
            |view: LedgerView| view.subjects.keys().map(|key| key.session).collect::<BTreeSet<_>>();
        let view = ledger.view(&BTreeSet::new(), PER, at(second)).await.unwrap();
        assert_eq!(sessions(view), expected);
        assert_eq!(sessions(memory.view(&BTreeSet::new(), PER, at(second)).unwrap()), expected);
    }
}
