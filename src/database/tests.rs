use std::error::Error as _;
use std::net::TcpListener;
use std::sync::Arc;

use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};

use tokio::sync::watch;

use super::listen::Patience;
use super::*;
use crate::demo::cluster::{Cluster, Place};

#[path = "../../tests/it/support/silent.rs"]
mod silent;
use silent::SilentWay;

fn options(url: &str) -> ConnectOptions {
    ConnectOptions {
        what: "the test's database".to_owned(),
        setting: "datatracker.database_url".to_owned(),
        url: SecretString::from(url.to_owned()),
        tls: Tls::Prefer,
        read_only: false,
        statement_timeout: None,
        max_connections: 2,
    }
}

async fn failure(url: &str) -> DatabaseError {
    Database::new(options(url)).expect("a good URL").connection().await.err().expect("must fail")
}

#[test]
fn a_bad_url_is_never_repeated() {
    for bad in [
        "mysql://me:hunter2@host/db",
        "postgres://me:hun@ter2@host/db",
        "postgres://me:hunter2@host:port/db",
        "postgres://me:hunter2@host/db?sslmode=verify-full",
        "postgres://me:hunter2@host/db?hunter2=x",
        "postgres://me:hunter2%zz@host/db?hunter2",
        "",
    ] {
        let error = Database::new(options(bad)).expect_err(bad);
        let text = format!("{error} {error:?}");
        assert!(text.contains("datatracker.database_url") && !text.contains("ter2"), "{bad}: {text}");
    }
    let said = Database::new(options("postgres://me@host/db?sslmode=verify-full")).unwrap_err().to_string();
    assert!(said.contains("`tls`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_names_the_place_and_never_the_password() {
    let free =
        TcpListener::bind(("127.0.0.1", 0)).expect("a free port").local_addr().expect("it is bound").port();
    let error = failure(&format!("postgres://me:hunter2@127.0.0.1:{free}/db")).await;
    assert!(matches!(error, DatabaseError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{free} (database db, user me)")), "{error}");
    assert!(error.source().expect("it has a cause").to_string().contains("refused"), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));

    let error = failure("postgres:///db?host=/nowhere&user=me").await;
    assert!(error.to_string().contains("socket /nowhere/.s.PGSQL.5432"), "{error}");
    let error = failure("postgres://me:hunter2@no-such-host.invalid/db").await;
    assert!(matches!(error, DatabaseError::Unreachable { .. }) && error.is_passing(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let error = failure(&format!("postgres://me@{}/db", silent.local_addr().expect("it is bound"))).await;
    assert!(matches!(error, DatabaseError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.source().expect("it has a cause").to_string(), "no answer within 5 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_is_told_apart() {
    let cluster = Cluster::start(&Place { tcp: true, ..Place::from_env() }).expect("a throwaway server");
    let run = async |sql: &str| cluster.run_sql("postgres", sql).await.expect("the server takes it");
    run("CREATE ROLE reader LOGIN PASSWORD 'right'; CREATE TABLE public.kept (id int)").await;
    let url =
        |database: &str, password: &str| cluster.tcp_url(database, "reader", password).expect("it listens");

    let rejected = failure(&url("postgres", "hunter2")).await;
    assert!(matches!(rejected, DatabaseError::LoginRejected { .. }), "{rejected:?}");
    assert!(!format!("{rejected} {rejected:?}").contains("hunter2"));
    let without = failure(&url("postgres", "").replace("reader:@", "reader@")).await;
    assert!(matches!(without, DatabaseError::LoginRejected { .. }), "{without:?}");
    let absent = failure(&url("not_there", "right")).await;
    assert!(matches!(absent, DatabaseError::NoSuchDatabase { .. }), "{absent:?}");
    let strict = ConnectOptions { tls: Tls::Require, ..options(&url("postgres", "right")) };
    let plain = Database::new(strict).expect("a good URL").connection().await.err().expect("must fail");
    assert!(
        matches!(&plain, DatabaseError::Tls { setting, .. } if setting == "datatracker.tls"),
        "{plain:?}"
    );

    let database = Database::new(options(&url("postgres", "right"))).expect("a good URL");
    let mut connection = database.connection().await.expect("it lets us in");
    let mut fail = async |sql: &str| {
        let error = connection.batch_execute(sql).await.expect_err(sql);
        DatabaseError::from_diesel(database.what(), "reading the sessions", error)
    };
    let denied = fail("SELECT * FROM public.kept").await;
    assert!(matches!(denied, DatabaseError::PermissionDenied { .. }), "{denied:?}");
    for sql in ["SELECT * FROM public.gone", "SELECT gone FROM pg_catalog.pg_class"] {
        let missing = fail(sql).await;
        assert!(matches!(missing, DatabaseError::Missing { .. }), "{missing:?}");
    }
    let slow = fail("SET statement_timeout = 20; SELECT pg_sleep(10)").await;
    assert!(matches!(slow, DatabaseError::TimedOut { .. }) && slow.is_passing(), "{slow:?}");
    fail("SET SESSION statement_timeout = 0; SELECT 1/0").await;
    let broken_by_a_migration = "CREATE TEMP TABLE t (a int); PREPARE p AS SELECT * FROM t; EXECUTE p; ALTER TABLE t ADD b int; EXECUTE p";
    let outdated = fail(broken_by_a_migration).await;
    assert!(matches!(outdated, DatabaseError::Outdated { .. }) && outdated.is_passing(), "{outdated:?}");
    let other = fail("SELECT 1/0").await;
    assert_eq!(other.to_string(), "the test's database failed at reading the sessions");
    assert_eq!(other.source().expect("it has a cause").to_string(), "division by zero");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_refuses_writes_and_a_broken_connection_is_replaced() {
    let cluster = Cluster::start(&Place::from_env()).expect("a throwaway server");
    let read_only =
        ConnectOptions { read_only: true, max_connections: 1, ..options(&cluster.url("postgres")) };
    let database = Database::new(read_only).expect("a good URL");
    let mut connection = database.connection().await.expect("it lets us in");
    let refused = connection.batch_execute("CREATE TABLE public.t (id int)").await.unwrap_err();
    assert!(refused.to_string().contains("read-only transaction"), "{refused}");
    let pid = backend(&mut connection).await;
    drop(connection);

    cluster
        .run_sql("postgres", &format!("SELECT pg_terminate_backend({pid}, 5000)"))
        .await
        .expect("the server takes it");
    let mut again = database.connection().await.expect("it lets us in");
    assert_ne!(backend(&mut again).await, pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_fell_silent_is_noticed_and_made_again() {
    let cluster = Cluster::start(&Place { tcp: true, ..Place::from_env() }).expect("a throwaway server");
    let run = async |sql: &str| cluster.run_sql("postgres", sql).await.expect("the server takes it");
    run("CREATE ROLE reader LOGIN PASSWORD 'right'").await;
    let url = cluster.tcp_url("postgres", "reader", "right").expect("it listens");
    let way = SilentWay::to(&url).await;

    let (sender, mut rung) = watch::channel(0);
    let ringing = Arc::new(move || sender.send_modify(|rung| *rung += 1));
    let patience = Patience { between_beats: Duration::from_millis(200), answer: Duration::from_millis(500) };
    let _listener =
        Listener::start_with(options(&way.url), "changes", ringing, patience).expect("a good URL");
    let mut heard = async |count| {
        let heard = tokio::time::timeout(Duration::from_secs(10), rung.wait_for(|rung| *rung >= count)).await;
        assert_eq!(*heard.expect("it rings").expect("nobody let go of the bell"), count);
    };
    heard(1).await;
    run("NOTIFY changes").await;
    heard(2).await;
    way.fall_silent();
    heard(3).await;
    run("NOTIFY changes").await;
    heard(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_at_rest_that_fell_silent_cost_their_time_once() {
    let cluster = Cluster::start(&Place { tcp: true, ..Place::from_env() }).expect("a throwaway server");
    cluster
        .run_sql("postgres", "CREATE ROLE reader LOGIN PASSWORD 'right'")
        .await
        .expect("the server takes it");
    let way = SilentWay::to(&cluster.tcp_url("postgres", "reader", "right").expect("it listens")).await;
    let database =
        Database::new(ConnectOptions { max_connections: 8, ..options(&way.url) }).expect("a good URL");
    let mut used = Vec::new();
    for _ in 0..8 {
        used.push(database.connection().await.expect("it lets us in"));
    }
    drop(used);
    way.fall_silent();
    let begun = std::time::Instant::now();
    let mut connection = database.connection().await.expect("a new one is made");
    assert!(backend(&mut connection).await > 0);
    assert!(begun.elapsed() < 2 * ALIVE_LIMIT + CONNECT_LIMIT, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_ends_what_takes_too_long() {
    let cluster = Cluster::start(&Place::from_env()).expect("a throwaway server");
    let limit = Duration::from_millis(50);
    let limited = ConnectOptions {
        statement_timeout: Some(limit),
        read_only: true,
        ..options(&cluster.url("postgres"))
    };
    let mut connection =
        Database::new(limited).expect("a good URL").connection().await.expect("it lets us in");
    let slow = connection.batch_execute("SELECT pg_sleep(60)").await.unwrap_err();
    assert!(slow.to_string().contains("statement timeout"), "{slow}");
    assert!(connection.batch_execute("CREATE TABLE public.t (id int)").await.is_err(), "both options hold");
}

async fn backend(connection: &mut Connection) -> i32 {
    let select = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("pg_backend_pid()"));
    select.get_result(connection).await.expect("one row")
}
