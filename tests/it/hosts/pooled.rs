//! Behind a transaction pooler (`pooled = true`): no statement may leave anything behind in a connection that the next
//! transaction, anybody's, may get.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use meetsync::demo::cluster::{Cluster, Place};
use meetsync::demo::sample;
use meetsync::model::SessionId;

use super::{everything, reader, writer};
use crate::support::stage::Stage;

/// Everything that a worker or a person has it do.
const COMMANDS: [(&[&str], i32); 12] = [
    (&["migrate"], 0),
    (&["migrate"], 0),
    (&["check", "--offline"], 0),
    (&["sessions", "--json"], 0),
    (&["plan"], 2),
    (&["--debug-backend", "resync"], 0),
    (&["resync"], 0),
    (&["resync"], 0),
    (&["plan", "--json"], 0),
    (&["rooms", "--json"], 0),
    (&["push", "36001", "--reason", "a test"], 0),
    (&["export", "world.json"], 0),
];

async fn stage(url: &str) -> Stage {
    let mut stage = Stage::with_week().await;
    let own = stage.database.url();
    stage.change_settings(
        &format!("database_url = \"{own}\""),
        &format!("pooled = true\ndatabase_url = \"{url}\""),
    );
    stage
}

async fn run_all(stage: &Stage) {
    for (command, status) in COMMANDS {
        stage.meetsync(command).await.expect(status);
    }
}

/// One statement of the server's log.
fn statements(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter_map(|line| {
        let (_, said) = line.split_once("LOG:  ")?;
        let said = said.strip_prefix("statement: ").or_else(|| {
            said.strip_prefix("execute ").and_then(|said| said.split_once(": ")).map(|(_, sql)| sql)
        });
        said.map(str::trim)
    })
}

/// What outlives a transaction. Two settings that our library makes at every log-in are those that a pooler keeps per
/// client by itself, and they are everybody's values.
fn outlives(statement: &str) -> bool {
    let text = statement.to_lowercase();
    let text = text.as_str();
    let at_log_in = ["set time zone 'utc'", "set client_encoding to 'utf8'"].contains(&text);
    let starts =
        ["set ", "reset ", "listen", "unlisten", "prepare ", "deallocate", "discard", "declare", "load "];
    let holds = ["pg_advisory_lock", "pg_try_advisory_lock", "pg_notify_queue", "create temp", " with hold"];
    let lasting_setting = text.contains("set_config(") && text.contains(", false)");
    !at_log_in
        && !text.starts_with("set local ")
        && !text.starts_with("set transaction")
        && (starts.iter().any(|start| text.starts_with(start))
            || lasting_setting
            || holds.iter().any(|hold| text.contains(hold)))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_leaves_anything_behind() {
    let cluster = Cluster::start(&Place::from_env()).unwrap();
    sample::create(&cluster, "week").await.unwrap();
    cluster.run_sql("postgres", "ALTER SYSTEM SET log_statement = 'all'").await.unwrap();
    cluster.run_sql("postgres", "SELECT pg_reload_conf()").await.unwrap();
    run_all(&stage(&cluster.url("week")).await).await;
    let log = cluster.log().unwrap();
    let found: Vec<_> = statements(&log).filter(|statement| outlives(statement)).collect();
    assert_eq!(found, Vec::<&str>::new());
    assert!(statements(&log).count() > 200, "the log is not what was looked for");
    assert!(statements(&log).any(|statement| statement.contains("meetsync.subject")), "{log}");

    // The look itself can see.
    assert!(!outlives("SELECT 1") && outlives("LISTEN meetsync") && outlives("SELECT pg_advisory_lock(1)"));
    assert!(outlives("SET statement_timeout = 5") && outlives("SELECT set_config('a.b', 'c', false)"));
}

/// A pooler of one server connection per user and database, in front of a cluster. Needs a `pgbouncer` of 1.21 or newer.
struct PgBouncer {
    process: Child,
    directory: tempfile::TempDir,
}

impl PgBouncer {
    fn before(cluster: &Cluster, program: &PathBuf) -> Self {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        use std::os::unix::process::CommandExt as _;

        let directory = tempfile::tempdir().unwrap();
        let socket = cluster.socket_dir();
        let at = directory.path().display();
        std::fs::write(
            directory.path().join("ini"),
            format!(
                "[databases]\n* = host={} port=5432\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {at}\n\
                 auth_type = trust\nauth_file = {at}/users\npool_mode = transaction\nmax_prepared_statements = 100\n\
                 default_pool_size = 1\nlogfile = {at}/log\n",
                socket.display()
            ),
        )
        .unwrap();
        std::fs::write(directory.path().join("users"), "\"postgres\" \"\"\n").unwrap();
        let owner = std::fs::metadata(socket).unwrap();
        let ours = std::fs::metadata(directory.path()).unwrap().uid();
        let mut command = Command::new(program);
        command
            .arg(directory.path().join("ini"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if ours != owner.uid() {
            chown(directory.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
            std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
            command.uid(owner.uid()).gid(owner.gid());
        }
        let bouncer = Self { process: command.spawn().unwrap(), directory };
        let asked = Instant::now();
        while !bouncer.directory.path().join(".s.PGSQL.6432").exists() {
            let log = || std::fs::read_to_string(bouncer.directory.path().join("log")).unwrap_or_default();
            assert!(asked.elapsed() < Duration::from_secs(10), "{}", log());
            std::thread::yield_now();
        }
        bouncer
    }

    fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&port=6432&user=postgres", self.directory.path().display())
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Everything through a real pooler with one server connection, which all clients share in turn. Where there is none
/// (`MEETSYNC_PGBOUNCER` names the program), the test above must do.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a test asks for a program that few machines have")]
async fn everything_works_through_pgbouncer() {
    let Some(program) = std::env::var_os("MEETSYNC_PGBOUNCER").map(PathBuf::from) else {
        println!("MEETSYNC_PGBOUNCER names no pgbouncer, so nothing was tried");
        return;
    };
    let cluster = Cluster::start(&Place::from_env()).unwrap();
    sample::create(&cluster, "week").await.unwrap();
    let bouncer = PgBouncer::before(&cluster, &program);
    let url = bouncer.url("week");
    run_all(&stage(&url).await).await;

    // Readers, and somebody else with settings of their own, on the one connection.
    let sources = [reader(url.clone(), false), reader(url.clone(), false), reader(url.clone(), false)];
    let of = async |source: usize| sources[source].snapshot(&everything()).await.unwrap().sessions;
    let before = of(0).await;
    for round in 0..10 {
        let (one, two, three) = tokio::join!(of(0), of(1), of(2));
        assert_eq!((&one, &two), (&two, &three), "{round}");
    }
    // A migration breaks what the pooler has prepared, and it prepares the same text nowhere else.
    for (table, change) in [
        ("meeting_session", "ALTER COLUMN name TYPE varchar(500)"),
        ("doc_document", "ALTER COLUMN title TYPE text"),
        ("meeting_session", "ALTER COLUMN name TYPE text"),
    ] {
        cluster.run_sql("week", &format!("ALTER TABLE public.{table} {change}")).await.unwrap();
        for source in 0..3 {
            assert_eq!(of(source).await, before, "{change}");
        }
    }
    let session = before.iter().find(|session| session.remote_instructions.is_empty()).unwrap().id;
    let writer = writer(url);
    for (seen, link) in [("", "https://one.example"), ("https://one.example", "")] {
        assert!(writer.write_link(session, seen, link).await.unwrap());
        assert!(!writer.write_link(SessionId(-1), seen, link).await.unwrap());
    }
    let server = cluster
        .query_texts("postgres", "SELECT count(*)::text FROM pg_stat_activity WHERE datname = 'week'")
        .await
        .unwrap();
    assert_eq!(server, ["1"], "all went over one connection");
}
