//! What a server needs before it can start: directories of its own, a user that may run it, programs that this user can
//! reach, and its first data.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ClusterError;
use super::binaries::Found;

/// A socket's path must fit in 108 bytes; PostgreSQL refuses to start where it does not.
const SOCKET_PATH_LIMIT: usize = 100;

/// The socket's directory keeps strangers out, so the socket asks nobody; over TCP, a password is needed.
pub(super) const WHO_MAY_CONNECT: &str = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// The user that the server's programs run as, where we are root and they refuse to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct User {
    uid: u32,
    gid: u32,
}

/// Where a copy of the server's programs goes, should one be needed.
pub(super) fn copy_dir(dir: &Path) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push("-server");
    std::env::temp_dir().join(name)
}

/// Beside the data, or under /tmp where that path is too long for a socket.
pub(super) fn socket_dir(dir: &Path, name: &str) -> PathBuf {
    let beside = dir.join("socket");
    let longest = beside.join(".s.PGSQL.65535.lock");
    if longest.as_os_str().len() < SOCKET_PATH_LIMIT { beside } else { Path::new("/tmp").join(name) }
}

/// Makes both directories for nobody but the server's user, and says who that is.
pub(super) fn make_dirs(dir: &Path, socket: &Path) -> Result<Option<User>, ClusterError> {
    let failed = |dir: &Path| {
        let dir = dir.to_owned();
        move |source| ClusterError::Directory { dir, source }
    };
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder.create(dir).map_err(failed(dir))?;
    builder.create(socket).map_err(failed(socket))?;
    // What we make belongs to root exactly where we are root.
    let root = std::fs::metadata(dir).map_err(failed(dir))?.uid() == 0;
    let user = if root { Some(unprivileged_user().ok_or(ClusterError::NoUser)?) } else { None };
    if let Some(user) = user {
        for made in [dir, socket] {
            chown(made, Some(user.uid), Some(user.gid)).map_err(failed(made))?;
        }
    }
    Ok(user)
}

fn unprivileged_user() -> Option<User> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(User { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    })
}

/// The programs' directory, or one in a copy of the installation where the server's user can't reach it (a checkout in
/// root's home, say).
pub(super) fn reachable(
    found: &Found,
    copy: &Path,
    dir: &Path,
    user: Option<User>,
) -> Result<PathBuf, ClusterError> {
    let spawned = |bin: &Path| {
        let program = bin.join("postgres");
        let probe = as_user(&program, dir, user).arg("--version").output();
        probe.map_err(|source| ClusterError::Spawn { program, source })
    };
    match spawned(&found.bin) {
        Ok(_) => return Ok(found.bin.clone()),
        Err(ClusterError::Spawn { source, .. })
            if user.is_some() && source.kind() == std::io::ErrorKind::PermissionDenied => {}
        Err(error) => return Err(error),
    }
    let in_copy = |source| ClusterError::Directory { dir: copy.to_owned(), source };
    DirBuilder::new().mode(0o755).create(copy).map_err(in_copy)?;
    run_quietly(Command::new("cp").arg("-R").arg(found.installation.join(".")).arg(copy)).map_err(in_copy)?;
    run_quietly(Command::new("chmod").args(["-R", "go+rX"]).arg(copy)).map_err(in_copy)?;
    let inside =
        found.bin.strip_prefix(&found.installation).expect("the programs are inside of their installation");
    let bin = copy.join(inside);
    spawned(&bin).map(|_| bin)
}

/// What it says is only looked at where it fails.
pub(super) fn run_quietly(command: &mut Command) -> std::io::Result<()> {
    let done = command.output()?;
    let said = || std::io::Error::other(String::from_utf8_lossy(&done.stderr).into_owned());
    if done.status.success() { Ok(()) } else { Err(said()) }
}

pub(super) fn init(bin: &Path, dir: &Path, user: Option<User>) -> Result<(), ClusterError> {
    let program = bin.join("initdb");
    let output = as_user(&program, dir, user)
        .arg("-D")
        .arg(dir.join("data"))
        .args(["-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"])
        .args(["--auth=trust"])
        .output()
        .map_err(|source| ClusterError::Spawn { program, source })?;
    if !output.status.success() {
        return Err(ClusterError::Init { output: String::from_utf8_lossy(&output.stderr).trim().to_owned() });
    }
    std::fs::write(dir.join("data/pg_hba.conf"), WHO_MAY_CONNECT)
        .map_err(|source| ClusterError::Directory { dir: dir.to_owned(), source })
}

/// A program of the server's, under its user, with nothing in its environment that could lead it elsewhere.
pub(super) fn as_user(program: &Path, dir: &Path, user: Option<User>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env("LC_ALL", "C").env("HOME", dir);
    for variable in ["PGDATA", "PGPORT", "PGHOST", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGTZ"] {
        command.env_remove(variable);
    }
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}
