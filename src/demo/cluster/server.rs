//! The server's processes and files, from `initdb` to the last `rm`.

use std::fs::File;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::binaries::Found;
use super::ground::{
    User, WHO_MAY_CONNECT, as_user, copy_dir, init, make_dirs, reachable, run_quietly, socket_dir,
};
use super::{ClusterError, Place};

const SOCKET_PORT: u16 = 5432;
const START_LIMIT: Duration = Duration::from_mins(1);
const START_POLL: Duration = Duration::from_millis(5);

/// Waits on its standard input. Its end means that we are gone, in whatever way: the server is stopped and the
/// directories are removed. Each line before is a server's process id, the last one counts.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM
cd /
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
    kill -QUIT "$pid" 2>/dev/null
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ $tries -lt 200 ]; do sleep 0.02; tries=$((tries + 1)); done
fi
for again in 1 2 3 4 5; do rm -rf "$@" 2>/dev/null && break; sleep 0.2; done
"#;

/// Options that trade safety for speed, because nothing here outlives the process.
const OPTIONS: [&str; 15] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "jit=off",
    "max_connections=200",
    "dynamic_shared_memory_type=mmap",
    "huge_pages=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",
    "logging_collector=off",
    "password_encryption=scram-sha-256",
];

#[derive(Debug)]
pub(super) struct Server {
    pub(super) socket: PathBuf,
    pub(super) port: u16,
    pub(super) tcp: bool,
    process: Option<Child>,
    watchdog: Child,
    bin: PathBuf,
    dir: PathBuf,
    user: Option<User>,
    /// Others may follow it, or it follows another.
    replicated: bool,
}

impl Server {
    pub(super) fn start(place: &Place, found: &Found) -> Result<Self, ClusterError> {
        let mut server = Self::prepare(&place.base(), place.tcp)?;
        let server_copy = copy_dir(&server.dir);
        server.bin = reachable(found, &server_copy, &server.dir, server.user)?;
        init(&server.bin, &server.dir, server.user)?;
        server.run()?;
        Ok(server)
    }

    /// Stops it as an administrator would, and starts it again with the same data. Every connection is lost.
    pub(super) fn restart(&mut self) -> Result<(), ClusterError> {
        self.stop()?;
        self.run()
    }

    /// A second server that follows this one. This one is restarted for it.
    pub(super) fn standby(&mut self) -> Result<Self, ClusterError> {
        if !self.replicated {
            // Once with the log that a standby needs, so that the copy below begins with it.
            self.replicated = true;
            let failed = |source| ClusterError::Directory { dir: self.dir.clone(), source };
            let access = format!("{WHO_MAY_CONNECT}local replication all trust\n");
            std::fs::write(self.dir.join("data/pg_hba.conf"), access).map_err(failed)?;
            self.restart()?;
        }
        self.stop()?;
        let base = self.dir.parent().unwrap_or(Path::new("/")).to_owned();
        let mut standby = Self::prepare(&base, false)?;
        (standby.bin, standby.replicated) = (self.bin.clone(), true);
        let failed = |source| ClusterError::Directory { dir: standby.dir.clone(), source };
        let mut copy = as_user(Path::new("cp"), &standby.dir, standby.user);
        copy.arg("-R").arg(self.dir.join("data")).arg(standby.dir.join("data"));
        run_quietly(&mut copy).map_err(failed)?;
        let primary = self.socket.display().to_string().replace('\'', "''");
        let follow = format!("primary_conninfo = 'host={primary} port={} user=postgres'\n", self.port);
        std::fs::write(standby.dir.join("data/postgresql.auto.conf"), follow).map_err(failed)?;
        std::fs::write(standby.dir.join("data/standby.signal"), "").map_err(failed)?;
        self.run()?;
        standby.run()?;
        Ok(standby)
    }

    pub(super) fn log(&self) -> Result<String, ClusterError> {
        let failed = |source| ClusterError::Directory { dir: self.dir.clone(), source };
        std::fs::read_to_string(self.dir.join("log")).map_err(failed)
    }

    /// Directories and a watchdog, and nothing in them yet.
    fn prepare(base: &Path, tcp: bool) -> Result<Self, ClusterError> {
        let name = format!("meetsync-{}", &uuid::Uuid::new_v4().simple().to_string()[..10]);
        let dir = base.join(&name);
        let socket = socket_dir(&dir, &name);
        // The watchdog comes first: from here on, nothing is left behind whenever we are killed.
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh"])
            .args([&dir, &socket, &copy_dir(&dir)])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|source| ClusterError::Spawn { program: PathBuf::from("sh"), source })?;
        let mut server = Self {
            socket,
            port: SOCKET_PORT,
            tcp,
            process: None,
            watchdog,
            bin: PathBuf::new(),
            dir,
            user: None,
            replicated: false,
        };
        server.user = make_dirs(&server.dir, &server.socket)?;
        Ok(server)
    }

    fn stop(&mut self) -> Result<(), ClusterError> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let failed = |source| ClusterError::Spawn { program: PathBuf::from("kill"), source };
        // SIGINT is PostgreSQL's fast shutdown: it waits for nobody.
        Command::new("kill").args(["-INT", &process.id().to_string()]).status().map_err(failed)?;
        process.wait().map_err(failed)?;
        Ok(())
    }

    /// Starts the server; a port that another process took in between costs another try.
    fn run(&mut self) -> Result<(), ClusterError> {
        let tries = if self.tcp { 5 } else { 1 };
        let mut last = None;
        for _ in 0..tries {
            if self.tcp {
                self.port = free_port()
                    .map_err(|source| ClusterError::Directory { dir: self.dir.clone(), source })?;
            }
            match self.run_once() {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("at least one try was made"))
    }

    fn run_once(&mut self) -> Result<(), ClusterError> {
        let (bin, dir, user) = (&self.bin, &self.dir, self.user);
        let in_dir = |source| ClusterError::Directory { dir: dir.clone(), source };
        let log = File::create(dir.join("log")).map_err(in_dir)?;
        let program = bin.join("postgres");
        let mut command = as_user(&program, dir, user);
        command
            .arg("-D")
            .arg(dir.join("data"))
            .arg("-k")
            .arg(&self.socket)
            .arg("-p")
            .arg(self.port.to_string());
        command.args(["-c", if self.tcp { "listen_addresses=127.0.0.1" } else { "listen_addresses=" }]);
        for option in OPTIONS {
            command.args(["-c", option]);
        }
        if self.replicated {
            // The last one counts.
            command.args(["-c", "wal_level=replica", "-c", "max_wal_senders=5"]);
        }
        // A group of its own: Ctrl-C is for us, and the server goes when we do.
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(in_dir)?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(|source| ClusterError::Spawn { program, source })?;
        let process = self.process.insert(process);
        let watchdog = self.watchdog.stdin.as_mut().expect("it was piped");
        writeln!(watchdog, "{}", process.id()).map_err(in_dir)?;
        wait_until_ready(process, dir)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing its input is what the watchdog waits for; the rest is reaping.
        drop(self.watchdog.stdin.take());
        if let Some(process) = &mut self.process {
            process.wait().ok();
        }
        self.watchdog.wait().ok();
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The eighth line of `postmaster.pid` says `ready` when connections are taken.
fn wait_until_ready(process: &mut Child, dir: &Path) -> Result<(), ClusterError> {
    let asked = Instant::now();
    loop {
        let status = std::fs::read_to_string(dir.join("data/postmaster.pid")).unwrap_or_default();
        if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        let ended = process.try_wait().ok().flatten().is_some();
        if ended || asked.elapsed() > START_LIMIT {
            if !ended {
                process.kill().ok();
                process.wait().ok();
            }
            return Err(ClusterError::NotReady { dir: dir.to_owned(), log: end_of_log(dir) });
        }
        std::thread::sleep(START_POLL);
    }
}

fn end_of_log(dir: &Path) -> String {
    let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
