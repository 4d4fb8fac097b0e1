//! The number of statements does not depend on the number of sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel_async::AsyncConnection as _;
use meetsync::datatracker::{Datatracker, Look, Range};

use super::{connect, options, own};
use crate::support::TestDatabase;

/// 4,000 sessions in 40 IETF weeks and 1,000 interims of two sessions, three decks each, starting a day apart.
const MANY: &str = r"
SELECT pg_temp.add_meeting(id, 'm-' || id, CASE WHEN id % 26 = 0 THEN 'ietf' ELSE 'interim' END, 'UTC'),
       pg_temp.add_schedule(id * 10, id, NULL, true), pg_temp.add_schedule(id * 10 + 1, id, NULL, false)
  FROM generate_series(1000, 2039) id;
SELECT pg_temp.add_session(id, 1000 + id % 1040, 1, '', ''),
       pg_temp.add_timeslot(id, 1000 + id % 1040, now() + (id - 12000) * interval '1 hour', '1 hour', 'regular'),
       pg_temp.assign(id, id, id, (1000 + id % 1040) * 10), pg_temp.assign(100000 + id, id, id, (1000 + id % 1040) * 10 + 1),
       pg_temp.add_event(100000 + id, id, now(), 'sched')
  FROM generate_series(10000, 13999) id;
SELECT pg_temp.add_document(id, 'slides-' || id, 'Deck ' || id, '00', 'slides', '', ''),
       pg_temp.link(id, 10000 + id % 4000, id, 1 + id % 3, NULL)
  FROM generate_series(10000, 21999) id;
ANALYZE;
";

/// Counts the statements that go over one connection.
struct Counter(Arc<AtomicUsize>);

impl Instrumentation for Counter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// (statements, sessions) of one reading.
async fn cost(database: &TestDatabase, look: &Look) -> (usize, usize) {
    let pool = connect(database.url());
    let datatracker = Datatracker::new(pool.clone(), options(None));
    let count = Arc::new(AtomicUsize::new(0));
    pool.connection().await.unwrap().set_instrumentation(Counter(Arc::clone(&count)));
    datatracker.snapshot(&Look::default()).await.unwrap();
    // The pool looks whether a connection is alive before it gives it away; that statement counts every time.
    count.store(0, Ordering::Relaxed);
    let snapshot = datatracker.snapshot(look).await.unwrap();
    (count.load(Ordering::Relaxed), snapshot.sessions.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_statements_does_not_grow() {
    let (few, many) = (TestDatabase::with_sample_now().await, own().await);
    let helpers =
        super::OWN.split("SELECT pg_temp.add_group").next().unwrap().split_once("CREATE FUNCTION").unwrap().1;
    many.run(&format!("CREATE FUNCTION{helpers}{MANY}")).await;
    let around = Range::Around { back: TimeDelta::days(1), ahead: TimeDelta::days(180) };
    let mut costs = Vec::new();
    for (database, least) in [(&few, [0, 5, 15]), (&many, [0, 2000, 4000])] {
        for (range, least) in [Range::OnlyNamed, around, Range::Everything].into_iter().zip(least) {
            let (statements, sessions) = cost(database, &Look { range, ..Look::default() }).await;
            assert!(sessions >= least, "{sessions} sessions");
            costs.push(statements);
        }
    }
    assert!(costs.iter().all(|&cost| cost == costs[0] && cost <= 12), "{costs:?}");
}
