//! That a throwaway server goes with the process that started it, however that ends.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use meetsync::demo::cluster::{Cluster, Place};

const PLACE_MARK: &str = "the socket is in ";

/// This very test runs once more as a process of its own, with this argument (a filter that finds nothing), and is killed.
const VICTIM: &str = "the-victim";

#[test]
fn sigkill_leaves_neither_server_nor_files() {
    if std::env::args().any(|argument| argument == VICTIM) {
        let cluster = Cluster::start(&Place::from_env()).unwrap();
        println!("{PLACE_MARK}{}", cluster.socket_dir().display());
        loop {
            std::thread::park();
        }
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cluster_ends::sigkill_leaves_neither_server_nor_files", VICTIM, "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let socket = lines.find_map(|line| line.split_once(PLACE_MARK).map(|(_, path)| PathBuf::from(path)));
    let socket = socket.expect("the victim says where its server is");
    let pid = std::fs::read_to_string(socket.join("../data/postmaster.pid")).unwrap();
    let server = PathBuf::from("/proc").join(pid.lines().next().unwrap());
    assert!(server.exists());

    victim.kill().unwrap();
    victim.wait().unwrap();
    let killed = Instant::now();
    while socket.exists() || server.join("exe").read_link().is_ok() {
        assert!(
            killed.elapsed() < Duration::from_secs(20),
            "{} or {} is still there",
            socket.display(),
            server.display()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
