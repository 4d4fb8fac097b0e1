//! A hot standby as the source: read there, written on the primary, and believed only as far as it goes.

use std::time::{Duration, Instant};

use meetsync::database::DatabaseError;
use meetsync::datatracker::{Look, ReadError, WriteError, grants};
use meetsync::demo::cluster::{Cluster, Place};
use meetsync::demo::sample;
use meetsync::model::{SessionId, Snapshot};

use super::{everything, reader, writer};

const URL: &str = "https://meetings.conf.meetecho.com/interim/?session=1";

/// Reads again and again until something is so. The standby follows in its own time.
async fn until(
    datatracker: &meetsync::datatracker::Datatracker,
    what: &str,
    is_so: impl Fn(&Snapshot) -> bool,
) -> Snapshot {
    let asked = Instant::now();
    loop {
        let snapshot = datatracker.snapshot(&everything()).await.unwrap();
        if is_so(&snapshot) {
            return snapshot;
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "never {what}");
    }
}

fn name_of(snapshot: &Snapshot, id: SessionId) -> &str {
    &snapshot.session(id).unwrap().name
}

/// One test with several checks, because a standby costs a second or two to make.
#[tokio::test(flavor = "multi_thread")]
async fn a_hot_standby_is_read_and_believed_as_far_as_it_goes() {
    let mut primary = Cluster::start(&Place::from_env()).unwrap();
    sample::create(&primary, "week").await.unwrap();
    primary.run_sql("postgres", "CREATE ROLE standby_reader LOGIN").await.unwrap();
    primary.run_sql("week", &grants::statements("standby_reader", None, true)).await.unwrap();
    let standby = tokio::task::block_in_place(|| primary.standby()).unwrap();
    let on_primary = async |sql: &str| primary.run_sql("week", sql).await.unwrap();
    let on_standby = async |sql: &str| standby.run_sql("week", sql).await.unwrap();

    // What it says is what the primary says, to a role that may see no more than it must.
    let source = reader(standby.url_as("week", "standby_reader"), true);
    let expected = reader(primary.url("week"), true).snapshot(&everything()).await.unwrap();
    assert_eq!(expected.known_until, expected.as_of);
    let followed = until(&source, "in step", |snapshot| snapshot.known_until == snapshot.as_of).await;
    assert_eq!(followed.sessions, expected.sessions);
    assert!(source.verify().await.unwrap().is_enough());
    let id = followed.sessions.iter().find(|session| session.remote_instructions.is_empty()).unwrap().id;
    let rename = |name: &str| format!("UPDATE public.meeting_session SET name = '{name}' WHERE id = {id}");

    // Links are written on the primary; a standby says why it can't.
    assert!(writer(standby.url("week")).may_write().await.unwrap().standby);
    let refused = writer(standby.url("week")).write_link(id, "", URL).await.unwrap_err();
    assert!(matches!(&refused, WriteError::Database(DatabaseError::Query { .. })), "{refused:?}");
    let to_primary = writer(primary.url_as("week", "standby_reader"));
    assert!(!to_primary.may_write().await.unwrap().standby);
    assert!(to_primary.write_link(id, "", URL).await.unwrap());
    let link = |snapshot: &Snapshot| snapshot.session(id).unwrap().remote_instructions.clone();
    until(&source, "with the link", |snapshot| link(snapshot) == URL).await;

    // Behind: it is known how old it is, and it grows older.
    on_standby("SELECT pg_wal_replay_pause()").await;
    on_primary(&rename("unseen")).await;
    let behind = until(&source, "behind", |snapshot| snapshot.known_until < snapshot.as_of).await;
    assert_ne!(name_of(&behind, id), "unseen");
    let later = source.snapshot(&everything()).await.unwrap();
    assert!(later.known_until < later.as_of && later.known_until >= behind.known_until, "{later:?}");
    assert!(later.known_until < behind.as_of, "what waits was there before");
    let fresh = reader(standby.url_as("week", "standby_reader"), true);
    let first_look = fresh.snapshot(&everything()).await.unwrap();
    assert!(first_look.known_until <= behind.as_of, "{first_look:?}");
    on_standby("SELECT pg_wal_replay_resume()").await;
    let caught_up = until(&source, "in step again", |snapshot| snapshot.known_until == snapshot.as_of).await;
    assert_eq!(name_of(&caught_up, id), "unseen");

    // A reading that stands in the way of the replay is ended by the standby, and made again.
    on_primary(
        "ALTER TABLE public.group_group RENAME TO groups;
         CREATE VIEW public.group_group AS SELECT id, acronym FROM public.groups, (SELECT pg_sleep(1)) AS slowly;
         GRANT SELECT ON public.group_group TO standby_reader",
    )
    .await;
    standby.run_sql("postgres", "ALTER SYSTEM SET max_standby_streaming_delay = 0").await.unwrap();
    standby.run_sql("postgres", "SELECT pg_reload_conf()").await.unwrap();
    let slow = Look { named: [id].into(), ..Look::default() };
    until_slow(&standby).await;
    let meanwhile = async {
        while standby.query_texts("week", SLEEPING).await.unwrap().is_empty() {}
        on_primary("ALTER TABLE public.meeting_timeslot ADD COLUMN extra int").await;
    };
    let (read, ()) = tokio::join!(source.snapshot(&slow), meanwhile);
    assert_eq!(read.unwrap().sessions.len(), 1);
    let conflicts = "SELECT sum(confl_lock)::text FROM pg_stat_database_conflicts WHERE datname = 'week'";
    let mut counted = standby.query_texts("week", conflicts).await.unwrap();
    let asked = Instant::now();
    while counted == ["0"] && asked.elapsed() < Duration::from_secs(5) {
        counted = standby.query_texts("week", conflicts).await.unwrap();
    }
    assert_eq!(counted, ["1"], "the first reading was not ended");
    on_primary("DROP VIEW public.group_group; ALTER TABLE public.groups RENAME TO group_group").await;

    // A bell can't hang there: it is tried again, and nothing else suffers.
    let deaf = super::bell::Bell::started(standby.url("week"), "meetsync");
    // Cut off: what was known stays known, and nothing newer.
    let known = until(&source, "in step", |snapshot| snapshot.known_until == snapshot.as_of).await;
    drop(primary);
    until(&source, "cut off", |snapshot| snapshot.known_until < snapshot.as_of).await;
    let alone = source.snapshot(&everything()).await.unwrap();
    assert!(alone.known_until >= known.known_until && alone.known_until < alone.as_of, "{alone:?}");
    assert_eq!(alone.sessions, known.sessions);
    assert_eq!(deaf.count(), 0);
    let stranger = reader(standby.url("week"), true).snapshot(&everything()).await.unwrap();
    assert!(stranger.known_until <= known.as_of);
    let error = reader(standby.url("nosuch"), true).snapshot(&everything()).await.unwrap_err();
    assert!(matches!(&error, ReadError::Database(DatabaseError::NoSuchDatabase { .. })), "{error:?}");
}

const SLEEPING: &str = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";

/// The view has come over, and so has the role's right to it.
async fn until_slow(standby: &Cluster) {
    let granted =
        "SELECT 1 WHERE has_table_privilege('standby_reader', to_regclass('public.group_group'), 'SELECT')
        AND EXISTS (SELECT FROM pg_views WHERE viewname = 'group_group')";
    let asked = Instant::now();
    while standby.query_texts("week", granted).await.unwrap().is_empty() {
        assert!(asked.elapsed() < Duration::from_secs(20));
    }
}
