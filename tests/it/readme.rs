//! The README, read as a script: every `$ meetsync` line in it is run, in its order, by the real binary as the role that
//! its own grants make, and must end and print as the README shows.
//!
//! How the README is read:
//! - a `toml` block is the settings; a later one replaces the sections that it names;
//! - in a `console` block a line `$ meetsync ...` is run. It ends with 0, or with
//!   what `# ends with N` behind it says. What stands below is what it prints, line by line, on stdout and then on
//!   stderr, empty lines left out; `…` is anything within a line, and alone any number of lines; nothing: not shown;
//! - times, dates, hashes and the years of interims are compared by their form, since they differ from day to day;
//! - what the grants command prints is then run in the database, as the README asks a person to do;
//! - any other command is a script of this project. What the demo prints is compared too.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::TestDatabase;
use crate::support::stage::{Ended, SECRET, Stage};

mod compare;

use compare::{hash, missing};

/// A block of the README between two fences.
#[derive(Debug, Default, PartialEq, Eq)]
struct Block {
    language: String,
    lines: Vec<String>,
}

/// A command line of a console block, and what is shown below it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    command: String,
    status: i32,
    output: Vec<String>,
}

impl Shown {
    fn complaint(&self, ended: &Ended) -> Option<String> {
        let printed = ended.lines();
        let trouble = if ended.status == self.status {
            format!("not printed there: {}", missing(&self.output, &printed)?)
        } else {
            format!("ends with {}, not with {}", ended.status, self.status)
        };
        Some(format!("$ {}\n{trouble}\nIt prints:\n{}", self.command, printed.join("\n")))
    }
}

impl Ended {
    /// What it printed, first on stdout, then on stderr, without empty lines.
    fn lines(&self) -> Vec<&str> {
        self.stdout.lines().chain(self.stderr.lines()).filter(|line| !line.trim().is_empty()).collect()
    }
}

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in markdown.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                open = Some(Block { language: language.to_owned(), lines: Vec::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    assert_eq!(open, None, "a fence of the README is not closed");
    blocks
}

fn commands(block: &Block) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    for line in &block.lines {
        if let Some(command) = line.strip_prefix("$ ") {
            let (command, note) = command.split_once(" #").unwrap_or((command, ""));
            let status = note.trim().strip_prefix("ends with ").map_or(0, |n| n.parse().expect("a number"));
            commands.push(Shown { command: command.trim().to_owned(), status, output: Vec::new() });
        } else if let Some(last) = commands.last_mut() {
            last.output.push(line.clone());
        }
    }
    commands
}

/// A stage with the settings as the README has them so far.
struct Reader {
    stage: Stage,
    /// By section.
    settings: BTreeMap<String, String>,
    /// The last hash that the README shows, and the real one in its place.
    hashes: Option<(String, String)>,
    complaints: Vec<String>,
}

impl Reader {
    fn settings(&mut self, block: &Block) {
        let mut section = String::new();
        for line in &block.lines {
            if line.starts_with('[') {
                section.clone_from(line);
                self.settings.insert(section.clone(), String::new());
            }
            let text = self.settings.get_mut(&section).expect("a toml block begins with its section");
            text.extend([line, "\n"]);
        }
        let all: String = self.settings.values().map(String::as_str).collect();
        std::fs::write(self.stage.config(), all).unwrap();
    }

    /// The README's hash is of another day: an approval by it means the plan that stood in its place.
    fn of_today(&self, command: &str) -> String {
        let Some((shown, printed)) = &self.hashes else { return command.to_owned() };
        let words = command.split(' ').map(|word| {
            if word.len() >= 8 && shown.starts_with(word) { &printed[..word.len()] } else { word }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    async fn run(&mut self, line: &str) -> Ended {
        let (line, file) = line.split_once(" > ").map_or((line, None), |(line, file)| (line, Some(file)));
        let mut words = words(line);
        assert_eq!(words.remove(0), "meetsync");
        let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = self
            .stage
            .command(&arguments)
            .env("MEETSYNC__DATATRACKER__DATABASE_URL", self.stage.database.url_as("meetsync"))
            .env("MEETSYNC__MEETECHO__API_BASE", self.stage.standin.base_url.as_str())
            .env("MEETSYNC__MEETECHO__RATE", "0")
            .output()
            .await
            .unwrap();
        if let Some(file) = file {
            assert!(!output.stdout.is_empty(), "{line} wrote nothing to {file}");
        }
        Ended {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    async fn follow(&mut self, shown: &Shown) {
        if !shown.command.starts_with("meetsync ") {
            self.complaints.extend(no_script(&shown.command));
            return;
        }
        let ended = self.run(&self.of_today(&shown.command)).await;
        assert!(!format!("{ended:?}").contains(SECRET), "{} tells the secret", shown.command);
        let printed = ended.lines();
        self.complaints.extend(shown.complaint(&ended));
        if let (Some(shown), Some(printed)) = (hash(&shown.output), hash(&printed)) {
            self.hashes = Some((shown, printed));
        }
        if shown.command.starts_with("meetsync grants") {
            self.stage.database.run(&ended.stdout).await;
        }
    }
}

/// As a shell would split it, with double quotes only.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// What is wrong with a command that is not ours: it must be a script of this project that can be run.
fn no_script(command: &str) -> Option<String> {
    let program = command.split(' ').next().unwrap_or_default();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
    let runs = file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0);
    (!runs).then(|| format!("$ {command}\n{program} is no script of this project that can be run"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_as_the_readme_shows() {
    let stage = Stage::not_migrated(TestDatabase::with_week().await).await;
    stage.database.run("CREATE ROLE meetsync LOGIN").await;
    std::fs::write(stage.path().join("meetecho-secret"), SECRET).unwrap();
    let mut reader = Reader { stage, settings: BTreeMap::new(), hashes: None, complaints: Vec::new() };
    let mut run = 0;
    for block in blocks(&readme()) {
        match block.language.as_str() {
            "toml" => reader.settings(&block),
            "console" => {
                for shown in commands(&block) {
                    reader.follow(&shown).await;
                    run += 1;
                }
            }
            _ => {}
        }
    }
    assert!(run >= 20, "only {run} commands found");
    assert!(reader.complaints.is_empty(), "\n{}", reader.complaints.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_tells_what_the_readme_shows() {
    let mut told = 0;
    for shown in blocks(&readme()).iter().flat_map(commands) {
        let Some(arguments) = shown.command.strip_prefix("./scripts/demo") else { continue };
        let mut demo = tokio::process::Command::new(env!("CARGO_BIN_EXE_meetsync"));
        let output = demo.arg("demo").args(words(arguments)).kill_on_drop(true).output().await.unwrap();
        let ended = Ended {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        if let Some(complaint) = shown.complaint(&ended) {
            panic!("{complaint}");
        }
        told += 1;
    }
    assert!(told > 0, "the README shows no demo");
}
