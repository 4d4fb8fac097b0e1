//! The worker itself, as a process between a database and the stand-in.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::Standin;
use meetsync::provider::meetecho::Call;
use tempfile::TempDir;

use crate::Anything;
use crate::house::House;

const LOOK: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_mins(2);

/// `meetsync run` with the settings' defaults. Ended when it is dropped.
pub(crate) struct Worker {
    child: Child,
    _directory: TempDir,
}

impl Worker {
    /// `rate`: requests per second, 0 = as many as may be under way at once.
    pub(crate) fn start(
        house: &House,
        database: &str,
        standin: &Standin,
        rate: u32,
    ) -> Result<Self, Anything> {
        use secrecy::ExposeSecret as _;
        let directory = tempfile::tempdir()?;
        let settings = directory.path().join("meetsync.toml");
        let text = format!(
            "[datatracker]\ndatabase_url = \"{}\"\n[scope]\nmode = \"act\"\n[meetecho]\napi_base = \"{}\"\n\
             client_id = \"{}\"\nclient_secret = \"{}\"\nrate = {rate}\n[rooms]\npolicy = \"full\"\nsettle = \"0s\"\n\
             [guard]\nmax_creates = 100000\n[check]\nallow_wide_role = true\n[http]\nlisten = \"\"\n",
            house.url(database),
            standin.base_url,
            standin.options.client_id,
            standin.options.client_secret.expose_secret(),
        );
        fs::write(&settings, text)?;
        let child = Command::new(env!("CARGO_BIN_EXE_meetsync"))
            .env_clear()
            .arg("--config")
            .arg(&settings)
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(directory.path().join("said"))?)
            .spawn()?;
        Ok(Self { child, _directory: directory })
    }

    /// One line of `/proc/PID/status`, in MiB.
    pub(crate) fn memory(&self, line: &str) -> Result<f64, Anything> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let found = status.lines().find_map(|text| text.strip_prefix(line)).ok_or("no such line in /proc")?;
        let kib = found.trim_start_matches(':').trim().trim_end_matches("kB").trim();
        Ok(kib.parse::<f64>()? / 1024.0)
    }

    /// The processor's time that it has used until now, in seconds.
    pub(crate) fn processor(&self) -> Result<f64, Anything> {
        /// Of `/proc`, on every Linux.
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after_the_name = stat.rsplit_once(") ").ok_or("no name in /proc/PID/stat")?.1;
        let ticks: Vec<f64> =
            after_the_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until nothing is owed, and as many sessions as this show decks.
pub(crate) async fn until_in_step(
    house: &House,
    database: &str,
    standin: &Standin,
    with_decks: usize,
) -> Result<(), Anything> {
    let open = "SELECT key FROM meetsync.subject
                WHERE state <> 'settled' OR first_change IS NOT NULL OR confirm_at IS NOT NULL";
    let begun = Instant::now();
    while standin.sessions_with_decks().len() < with_decks || !house.texts(database, open).await?.is_empty() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("{database} is not in step: {:?}", standin.counts()).into());
        }
        tokio::time::sleep(LOOK * 10).await;
    }
    Ok(())
}

/// From the end of an edit's transaction to the request that it causes.
pub(crate) async fn edit_to_request(
    house: &House,
    database: &str,
    standin: &Standin,
    number: usize,
) -> Result<Duration, Anything> {
    let sent = |standin: &Standin| {
        let log = standin.log();
        let about = |entry: &&meetsync::demo::standin::LogEntry| {
            entry.call == Some(Call::SetDecks) && entry.session() == Some(scenes::LIVE)
        };
        log.iter().filter(about).count()
    };
    let before = sent(standin);
    house.run_sql(database, &scenes::add_deck(scenes::LIVE, &format!("Deck {number}")).sql).await?;
    let begun = Instant::now();
    tokio::time::timeout(PATIENCE, standin.until(|standin| sent(standin) > before)).await?;
    Ok(begun.elapsed())
}
