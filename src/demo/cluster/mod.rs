//! A throwaway PostgreSQL: made for one run, reached through a socket of its own, gone with the process.
//!
//! It never touches a server that is already there, and several of them, of several processes, live side by side.
//! It is not a place to keep anything: nothing is synced to disk, and whoever reaches the socket is trusted.

mod binaries;
mod ground;
mod place;
mod server;
mod sql;

use std::path::{Path, PathBuf};

pub use place::Place;
use server::Server;

/// A running server. Dropped or killed, it takes its directory with it.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
}

/// Why there is no throwaway server, or why a statement on it failed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(
        "no PostgreSQL server binaries (initdb, postgres) found; looked in {looked}. \
         `apt-get install postgresql`, or name their directory in MEETSYNC_PG_BIN"
    )]
    NoBinaries { looked: String },
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor `nobody` in /etc/passwd; \
         run this as an ordinary user"
    )]
    NoUser,
    #[error("{} can't be made or prepared for a throwaway PostgreSQL; MEETSYNC_PG_DIR names another place", dir.display())]
    Directory { dir: PathBuf, source: std::io::Error },
    #[error("{} can't be started", program.display())]
    Spawn { program: PathBuf, source: std::io::Error },
    #[error("initdb could not make a throwaway database cluster: {output}")]
    Init { output: String },
    #[error("the throwaway PostgreSQL in {} did not start; its log ends with:\n{log}", dir.display())]
    NotReady { dir: PathBuf, log: String },
    #[error("the throwaway PostgreSQL's database `{database}` could not be used")]
    Sql { database: String, source: tokio_postgres::Error },
}

impl Cluster {
    /// Makes a cluster and waits until it takes connections: about half a second.
    ///
    /// Blocks. From async code, call it through `tokio::task::spawn_blocking`.
    pub fn start(place: &Place) -> Result<Self, ClusterError> {
        let found = binaries::find(place)?;
        Ok(Self { server: Server::start(place, &found)? })
    }

    /// Stops the server and starts it again with the same data. Every connection is lost. Blocks.
    pub fn restart(&mut self) -> Result<(), ClusterError> {
        self.server.restart()
    }

    /// A hot standby of this server, to which its transactions stream. This one is restarted for it. Blocks.
    pub fn standby(&mut self) -> Result<Self, ClusterError> {
        Ok(Self { server: self.server.standby()? })
    }

    /// The superuser's URL of a database, through the socket.
    pub fn url(&self, database: &str) -> String {
        self.url_as(database, "postgres")
    }

    /// The URL of a database for some other role, through the socket, where everybody is trusted.
    pub fn url_as(&self, database: &str, role: &str) -> String {
        let socket = url::form_urlencoded::byte_serialize(self.server.socket.as_os_str().as_encoded_bytes());
        let socket: String = socket.collect();
        format!("postgres:///{database}?host={socket}&port={}&user={role}", self.server.port)
    }

    /// The URL over TCP, with a password that is checked (SCRAM). None unless [`Place::tcp`] was asked for.
    pub fn tcp_url(&self, database: &str, role: &str, password: &str) -> Option<String> {
        let port = self.server.port;
        self.server.tcp.then(|| format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}"))
    }

    /// What the server has logged since its last start.
    pub fn log(&self) -> Result<String, ClusterError> {
        self.server.log()
    }

    /// Where the socket is.
    pub fn socket_dir(&self) -> &Path {
        &self.server.socket
    }
}

#[cfg(test)]
mod tests;
