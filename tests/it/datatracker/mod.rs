//! The datatracker's rows, read from a real PostgreSQL.

mod grants;
mod reading;
mod speed;
mod verifying;
mod writing;

use std::time::Duration;

use meetsync::database::{ConnectOptions, Database, Tls};
use meetsync::datatracker::{Datatracker, DatatrackerOptions, Look, Range, Writer, WriterOptions};
use meetsync::demo::sample;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::support::TestDatabase;

const OWN: &str = include_str!("../../fixtures/datatracker/own.sql");
const OWN_EXPECTED: &str = include_str!("../../fixtures/datatracker/own_expected.json");

/// Moves all tables where production has them.
const TO_DATATRACKER: &str = "CREATE SCHEMA datatracker; DO $$ DECLARE t text; BEGIN
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER TABLE public.%I SET SCHEMA datatracker', t);
  END LOOP; END $$";

/// The second fixture.
async fn own() -> TestDatabase {
    static TEMPLATE: OnceCell<()> = OnceCell::const_new();
    TestDatabase::from_template("template_own", &TEMPLATE, &[sample::SCHEMA, OWN]).await
}

fn connect(url: String) -> Database {
    Database::new(ConnectOptions {
        what: "the datatracker's database".to_owned(),
        setting: "datatracker.database_url".to_owned(),
        url: SecretString::from(url),
        tls: Tls::Disable,
        read_only: false,
        statement_timeout: None,
        max_connections: 1,
    })
    .unwrap()
}

fn options(schema: Option<&str>) -> DatatrackerOptions {
    DatatrackerOptions {
        schema: schema.map(str::to_owned),
        base_url: "https://datatracker.ietf.org".to_owned(),
        archive_url: "https://www.ietf.org/".to_owned(),
        statement_timeout: Duration::from_secs(20),
        lock_timeout: Duration::from_secs(5),
    }
}

fn reader(url: String) -> Datatracker {
    Datatracker::new(connect(url), options(None))
}

fn writer(url: String) -> Writer {
    let options = WriterOptions {
        schema: None,
        statement_timeout: Duration::from_secs(20),
        lock_timeout: Duration::from_millis(200),
    };
    Writer::new(connect(url), options)
}

fn everything() -> Look {
    Look { range: Range::Everything, ..Look::default() }
}
