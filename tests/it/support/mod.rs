//! A database for each test, copied from a template that is filled once.

pub(crate) mod running;
pub(crate) mod silent;
pub(crate) mod stage;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use meetsync::demo::cluster::{Cluster, Place};
use meetsync::demo::sample;
use tokio::sync::OnceCell;

/// When the sample was made: its slots lie around this moment (`base` in `sample_expected.json`).
pub(crate) const SAMPLE_BASE: &str = "2026-11-21T08:42:18Z";

const SAMPLE: &str = include_str!("../../fixtures/datatracker/sample.sql");

/// The one server of this test binary. A static is never dropped: the cluster's watchdog ends it with the process.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&Place::from_env()).expect("the tests need a throwaway PostgreSQL"))
}

/// A database of this test alone, gone when dropped.
pub(crate) struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// Nothing in it at all.
    pub(crate) async fn bare() -> Self {
        let database = Self::named();
        cluster().create_database(&database.name).await.expect("a fresh name");
        database
    }

    /// The datatracker's tables, without a row.
    pub(crate) async fn empty_schema() -> Self {
        static TEMPLATE: OnceCell<()> = OnceCell::const_new();
        Self::from_template("template_schema", &TEMPLATE, &[sample::SCHEMA]).await
    }

    /// The demo's IETF week, around now: its slots move on with the template's age.
    pub(crate) async fn with_week() -> Self {
        static TEMPLATE: OnceCell<()> = OnceCell::const_new();
        static MADE: OnceLock<Instant> = OnceLock::new();
        let made = *MADE.get_or_init(Instant::now);
        let database = Self::from_template("template_week", &TEMPLATE, &[sample::SCHEMA, sample::WEEK]).await;
        let age = made.elapsed().as_secs();
        let shift = format!(r#"UPDATE public.meeting_timeslot SET "time" = "time" + interval '{age} s'"#);
        database.run(&shift).await;
        database
    }

    /// The sample datatracker, with its slots where they were at [`SAMPLE_BASE`].
    pub(crate) async fn with_sample() -> Self {
        static TEMPLATE: OnceCell<()> = OnceCell::const_new();
        Self::from_template("template_sample", &TEMPLATE, &[sample::SCHEMA, SAMPLE]).await
    }

    /// The sample datatracker, moved so that [`SAMPLE_BASE`] is this moment.
    pub(crate) async fn with_sample_now() -> Self {
        let database = Self::with_sample().await;
        let shift = format!(
            r#"UPDATE public.meeting_timeslot SET "time" = "time" + (now() - '{SAMPLE_BASE}'::timestamptz)"#
        );
        database.run(&shift).await;
        database
    }

    /// A template of the caller's own: `statements` are run once in this process, in a fresh database.
    pub(crate) async fn from_template(template: &str, filled: &OnceCell<()>, statements: &[&str]) -> Self {
        filled
            .get_or_init(async || {
                cluster().create_database(template).await.expect("a template's name is used once");
                for sql in statements {
                    cluster()
                        .run_sql(template, sql)
                        .await
                        .unwrap_or_else(|error| panic!("{template}: {error:?}"));
                }
            })
            .await;
        let database = Self::named();
        cluster().create_database_from(&database.name, template).await.expect("the template is there");
        database
    }

    fn named() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        Self { name: format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed)) }
    }

    /// The superuser's URL.
    pub(crate) fn url(&self) -> String {
        cluster().url(&self.name)
    }

    pub(crate) fn url_as(&self, role: &str) -> String {
        cluster().url_as(&self.name, role)
    }

    /// Runs statements as the superuser.
    pub(crate) async fn run(&self, sql: &str) {
        cluster().run_sql(&self.name, sql).await.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
    }

    /// The first column of every row, as text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        cluster().query_texts(&self.name, sql).await.unwrap_or_else(|error| panic!("{error:?}\n{sql}"))
    }
}

impl Drop for TestDatabase {
    /// Many tests of one run would fill a RAM disk. A thread, because a test's own runtime can't wait here.
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let drop_it = move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(cluster().run_sql("postgres", &sql)).ok();
        };
        std::thread::spawn(drop_it).join().ok();
    }
}
