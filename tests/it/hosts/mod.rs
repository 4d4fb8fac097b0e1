//! The places where meetsync has to live: a standby as its source, a pooler in between, servers that restart, and a
//! database that wakes it.

mod bell;
mod listening;
mod notify;
mod pooled;
mod recovering;
mod standby;

use std::time::Duration;

use meetsync::database::{ConnectOptions, Database, Tls};
use meetsync::datatracker::{Datatracker, DatatrackerOptions, Look, Range, Writer, WriterOptions};
use secrecy::SecretString;

fn connect(url: String, read_only: bool) -> ConnectOptions {
    ConnectOptions {
        what: "the datatracker's database".to_owned(),
        setting: "datatracker.database_url".to_owned(),
        url: SecretString::from(url),
        tls: Tls::Disable,
        read_only,
        statement_timeout: None,
        max_connections: 2,
    }
}

fn reader(url: String, read_only: bool) -> Datatracker {
    let options = DatatrackerOptions {
        schema: None,
        base_url: "https://datatracker.ietf.org".to_owned(),
        archive_url: "https://www.ietf.org/".to_owned(),
        statement_timeout: Duration::from_secs(20),
        lock_timeout: Duration::from_millis(300),
    };
    Datatracker::new(Database::new(connect(url, read_only)).unwrap(), options)
}

fn writer(url: String) -> Writer {
    let options = WriterOptions {
        schema: None,
        statement_timeout: Duration::from_secs(20),
        lock_timeout: Duration::from_millis(300),
    };
    Writer::new(Database::new(connect(url, false)).unwrap(), options)
}

fn everything() -> Look {
    Look { range: Range::Everything, ..Look::default() }
}
