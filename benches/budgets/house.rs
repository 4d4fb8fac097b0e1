//! What every part needs: a database server, the settings' values, and the objects of a one-shot over them.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use meetsync::database::{ConnectOptions, Database, Tls};
use meetsync::datatracker::{Datatracker, DatatrackerOptions, Writer, WriterOptions};
use meetsync::demo::cluster::{Cluster, Place};
use meetsync::demo::sample;
use meetsync::demo::standin::Standin;
use meetsync::ledger::{self, Ledger};
use meetsync::model::{
    GuardPolicy, Materials, Mode, NotifyTime, Policy, RoomPowers, RoomsPolicy, ScopePolicy, SlidesPolicy,
};
use meetsync::provider::meetecho::{Meetecho, MeetechoOptions};
use meetsync::reconcile::{Parts, RealTime};
use secrecy::SecretString;

use crate::Anything;

/// Of requests to Meetecho, as the settings' default.
pub(crate) const MAX_IN_FLIGHT: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct House {
    cluster: Cluster,
}

impl House {
    pub(crate) fn open() -> Result<Self, Anything> {
        Ok(Self { cluster: Cluster::start(&Place::from_env())? })
    }

    /// A database of that name, with the datatracker's tables, these rows in them, and an empty ledger.
    pub(crate) async fn fill(&self, name: &str, rows: &str) -> Result<(), Anything> {
        self.cluster.create_database(name).await?;
        self.cluster.run_sql(name, sample::SCHEMA).await?;
        self.cluster.run_sql(name, rows).await?;
        ledger::migrate(&self.database(name, false)?).await?;
        Ok(())
    }

    pub(crate) async fn copy(&self, name: &str, of: &str) -> Result<(), Anything> {
        Ok(self.cluster.create_database_from(name, of).await?)
    }

    pub(crate) async fn run_sql(&self, name: &str, sql: &str) -> Result<(), Anything> {
        Ok(self.cluster.run_sql(name, sql).await?)
    }

    /// The first column of every row, as text.
    pub(crate) async fn texts(&self, name: &str, sql: &str) -> Result<Vec<String>, Anything> {
        Ok(self.cluster.query_texts(name, sql).await?)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        self.cluster.url(name)
    }

    fn database(&self, name: &str, read_only: bool) -> Result<Database, Anything> {
        Ok(Database::new(ConnectOptions {
            what: "the benchmark's database".into(),
            setting: "datatracker.database_url".into(),
            url: SecretString::from(self.url(name)),
            tls: Tls::Prefer,
            read_only,
            statement_timeout: None,
            max_connections: MAX_IN_FLIGHT + 2,
        })?)
    }

    pub(crate) fn datatracker(&self, name: &str) -> Result<Datatracker, Anything> {
        let options = DatatrackerOptions {
            schema: None,
            base_url: "https://datatracker.ietf.org".into(),
            archive_url: "https://www.ietf.org".into(),
            statement_timeout: TIMEOUT,
            lock_timeout: TIMEOUT,
        };
        Ok(Datatracker::new(self.database(name, true)?, options))
    }

    /// Everything that a one-shot has, between a database and a stand-in.
    pub(crate) async fn parts(&self, name: &str, standin: &Standin) -> Result<Parts, Anything> {
        let links = WriterOptions { schema: None, statement_timeout: TIMEOUT, lock_timeout: TIMEOUT };
        Ok(Parts {
            datatracker: self.datatracker(name)?,
            ledger: Some(Ledger::open(self.database(name, false)?).await?),
            meetecho: meetecho(standin, MAX_IN_FLIGHT)?,
            links: Some(Writer::new(self.database(name, false)?, links)),
            time: RealTime::default(),
            policy: policy(),
            who: "benchmark".into(),
            lease: Duration::from_mins(1),
            max_in_flight: MAX_IN_FLIGHT,
        })
    }
}

pub(crate) fn meetecho(standin: &Standin, max_in_flight: usize) -> Result<Meetecho, Anything> {
    Ok(Meetecho::live(MeetechoOptions {
        api_base: standin.base_url.clone(),
        client_id: standin.options.client_id.clone(),
        client_secret: standin.options.client_secret.clone(),
        max_in_flight,
        rate: 0.0,
        request_timeout: Duration::from_millis(3010),
        allow_http: true,
        longest_hold: Duration::from_secs(10),
    })?)
}

/// The settings' defaults, with all powers and no limits.
pub(crate) fn policy() -> Policy {
    Policy {
        scope: ScopePolicy { mode: Mode::Act, groups: BTreeSet::new(), meetings: BTreeSet::new() },
        slides: SlidesPolicy {
            notify: NotifyTime::Minutes(15),
            include_deleted: false,
            materials: Materials::Put,
            provider_window: TimeDelta::minutes(15),
            refresh: TimeDelta::zero(),
            late_effect: TimeDelta::seconds(30),
            quiet: TimeDelta::seconds(2),
            max_wait: TimeDelta::seconds(10),
        },
        rooms: RoomsPolicy {
            powers: RoomPowers::Full,
            statuses: ["apprw", "appr", "scheda", "sched"].map(str::to_owned).into(),
            horizon: TimeDelta::days(180),
            settle: TimeDelta::seconds(60),
            quiet_before: TimeDelta::minutes(15),
            link_prefix: "https://meetings.conf.meetecho.com/interim/".into(),
            description: "{meeting}".into(),
            write_back: true,
            late_effect: TimeDelta::seconds(30),
        },
        guard: GuardPolicy {
            max_deletes: usize::MAX,
            max_creates: usize::MAX,
            max_sessions: usize::MAX,
            per: TimeDelta::hours(1),
        },
    }
}
