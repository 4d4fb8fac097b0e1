//! `meetsync demo`, as somebody types it on a fresh machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use meetsync::demo::cluster::{Cluster, Place};

/// Far more than the story takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The binary with nothing in its environment but where PostgreSQL may be.
fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meetsync"));
    command.env_clear().arg("demo").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let place = Place::from_env();
    let variables = [
        ("PATH", place.path),
        ("MEETSYNC_PG_BIN", place.bin.map(Into::into)),
        ("MEETSYNC_PG_DIR", place.dir.map(Into::into)),
    ];
    for (name, value) in variables {
        command.envs(value.map(|value| (name, value)));
    }
    command
}

struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

async fn ended(mut command: Command) -> Ended {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Tokens, deletion tokens and the demo's secret are all 32 hexadecimal digits in a row; nothing else in it is.
fn credentials_in(text: &str) -> Vec<&str> {
    let is_digit = |letter: char| letter.is_ascii_digit() || ('a'..='f').contains(&letter);
    text.split(|letter| !is_digit(letter)).filter(|run| run.len() == 32).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_is_told_to_a_good_end_and_shows_no_credential() {
    let ended = ended(demo(&["--once"])).await;
    let Ended { status, stdout, stderr } = &ended;
    assert_eq!(*status, Some(0), "{stdout}\n{stderr}");
    assert_eq!(stderr, "");
    let landmarks = [
        "1. What the datatracker says",
        "$ meetsync sessions",
        "$ meetsync plan",
        "nothing that changes anything",
        "$ meetsync run",
        "ietf.webex.com",
        "Three more passes have found nothing to do",
        "A chair adds a deck",
        "the list of 6 decks           202",
        "6. Late news (rev 00)",
        "A chair revises a deck",
        "A chair changes the order",
        "1. Late news (rev 00)",
        "A chair removes a deck",
        "DELETE",
        "Six edits in a row are one request",
        "the list of 6 decks",
        "Edits that cancel out send nothing",
        "nothing that changes anything",
        "$ meetsync hold",
        "held until",
        "$ meetsync release",
        "$ meetsync push 36001",
        "1 applied. 1 request.",
        "Meetecho is gone",
        "Connection refused",
        "Meetecho is back",
        "A request gets stuck",
        "in doubt since",
        "no answer (still on its way somewhere)",
        "The request that was stuck arrives after all",
        "killed in the middle of a request",
        "first worker",
        "An interim is moved",
        "500 (but it was done)",
        "An interim is cancelled",
        "no room",
        "An edit blanks a link, and it comes back",
        "The datatracker still calls Meetecho by itself: slides",
        "202  <- the datatracker itself",
        "The datatracker still calls Meetecho by itself: a room",
        "200  <- the datatracker itself",
        "Somebody saves that interim's form again",
        "409  <- the datatracker itself",
        "What the killed worker had begun is taken over",
        "applied  by the second worker",
        "guard_too_many_deletes",
        "The mistake is put right",
        "Are both sides the same?",
        "Both sides are the same.",
    ];
    let mut rest = stdout.as_str();
    for landmark in landmarks {
        let at = rest.find(landmark);
        let at = at.unwrap_or_else(|| panic!("{landmark:?} does not follow in\n{stdout}"));
        rest = &rest[at + landmark.len()..];
    }
    assert!(!stdout.contains("not as it should be"), "{stdout}");
    assert_eq!(credentials_in(stdout), Vec::<&str>::new());
    assert!(!stdout.contains('\u{1b}'), "no colours in a pipe");
    let lines = stdout.lines().count();
    assert!(lines < 600, "{lines} lines are more than anybody reads");
}

/// A demo that runs on, read up to the line that says where its settings are.
struct Running {
    child: Child,
    config: PathBuf,
    database: String,
    text: String,
    /// What it says from there on.
    lines: Lines<BufReader<ChildStdout>>,
}

async fn running(arguments: &[&str]) -> Running {
    let mut child = demo(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut text = String::new();
    let told = async {
        let (mut config, mut database) = (None, None);
        while let Some(line) = lines.next_line().await.unwrap() {
            text.push_str(&line);
            text.push('\n');
            if let Some(path) = line.trim().strip_prefix("settings ") {
                config = Some(PathBuf::from(path.trim()));
            }
            if let Some(url) = line.trim().strip_prefix("datatracker ") {
                database = Some(url.trim().to_owned());
            }
            if line.contains("What the worker sends is told here") {
                break;
            }
        }
        config.zip(database).expect("it says where its settings and its database are")
    };
    let (config, database) = tokio::time::timeout(PATIENCE, told).await.expect("the story ends");
    Running { child, config, database, text, lines }
}

async fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it still runs").to_string();
    let sent = Command::new("kill").arg(format!("-{name}")).arg(id).status().await.unwrap();
    assert!(sent.success());
}

async fn meetsync(config: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meetsync"));
    command.env_clear().arg("--config").arg(config).args(arguments).stdin(Stdio::null());
    ended(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_on_for_a_person_and_takes_everything_along_when_it_is_ended() {
    use std::os::unix::fs::PermissionsExt as _;

    let Running { mut child, config, database, text, mut lines } =
        running(&["--listen", "127.0.0.1:0"]).await;
    let mode = std::fs::metadata(&config).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let settings = std::fs::read_to_string(&config).unwrap();
    let secret = settings.split("client_secret = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(!text.contains(secret));

    for (arguments, status) in
        [(&["plan", "--json"][..], 0), (&["check"], 0), (&["resync"], 0), (&["rooms"], 0), (&["sessions"], 0)]
    {
        let ended = meetsync(&config, arguments).await;
        assert_eq!(ended.status, Some(status), "{arguments:?}\n{}\n{}", ended.stdout, ended.stderr);
        for output in [&ended.stdout, &ended.stderr] {
            assert!(!output.contains(secret), "{arguments:?} shows the secret");
        }
    }

    let status = meetsync(&config, &["status"]).await;
    let at_work =
        status.stdout.split("At work").nth(1).unwrap_or_default().lines().nth(1).unwrap_or_default();
    assert!(at_work.starts_with("  second worker") && at_work.contains(" (version "), "{}", status.stdout);
    assert_eq!(status.status, Some(0), "{}", status.stdout);

    // Somebody plays the chair.
    let (chair, connection) = tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
    let edit = async move {
        chair.batch_execute("UPDATE doc_document SET title = 'Renamed' WHERE id = 150001").await.unwrap();
    };
    let line = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if !line.is_empty() {
                return line;
            }
        }
        panic!("it ended");
    };
    let (sent, (), ended) = tokio::join!(tokio::time::timeout(PATIENCE, line), edit, connection);
    ended.unwrap();
    let sent = sent.expect("the worker follows");
    assert!(sent.contains("PUT") && sent.contains("session 36001"), "{sent}");

    signal(&child, "TERM").await;
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(0));
    let mut last_words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut last_words).await.unwrap();
    assert!(last_words.contains("everything of it is removed"), "{last_words}");
    assert!(!config.exists());
    assert!(!config.parent().unwrap().exists(), "the server's directory is gone too");
}

/// Whoever asked for a verdict did not get one.
#[tokio::test(flavor = "multi_thread")]
async fn a_story_that_is_interrupted_does_not_end_well() {
    let mut child = demo(&["--once"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let in_the_middle = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("A chair adds a deck") {
                return;
            }
        }
        panic!("the story never came that far");
    };
    tokio::time::timeout(PATIENCE, in_the_middle).await.expect("in time");
    signal(&child, "INT").await;
    let rest = async { while lines.next_line().await.unwrap().is_some() {} };
    let (status, ()) = tokio::join!(child.wait(), rest);
    assert_eq!(status.unwrap().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_starting_is_one_clear_sentence() {
    let mut without = demo(&["--once"]);
    without.env("MEETSYNC_PG_BIN", "/nowhere/at/all");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (command, status, words) in [
        (without, 1, "no PostgreSQL server binaries"),
        (demo(&["--once", "--listen", &address]), 1, "the stand-in Meetecho can't listen on 127.0.0.1:"),
        (demo(&["--once", "--debug-backend"]), 64, "leave out --debug-backend"),
    ] {
        let ended = ended(command).await;
        assert_eq!(ended.status, Some(status), "{}\n{}", ended.stdout, ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    // Only to say that the others failed by what was taken from them.
    assert!(Cluster::start(&Place::from_env()).is_ok());
}
