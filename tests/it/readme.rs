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

/// What is the same every day: `0` for the digits of times, dates and interims' names, no names of days, `HASH` for a
/// hash, one blank for many.
fn form(line: &str) -> String {
    let words = line.split_whitespace().map(|word| hashless(&dayless(word)));
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    // What is left where a day's name or a date was taken out.
    words.join(" ").replace(" 0000-00-00", "").replace("0000-00-00 ", "").replace("( ", "(")
}

/// A word without its day's name, and with `0` for digits that depend on the day.
fn dayless(word: &str) -> String {
    let zeros: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let day = zeros.trim_start_matches('(');
    if ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&day) {
        return zeros.replace(day, "");
    }
    if zeros.contains("00:00") || zeros.contains("0000-00-00") || zeros.contains("interim-0000-") {
        return zeros;
    }
    word.to_owned()
}

fn hashless(word: &str) -> String {
    if is_hash(word) { "HASH".into() } else { word.to_owned() }
}

fn is_hash(word: &str) -> bool {
    matches!(word.len(), 12 | 64) && word.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'))
}

/// Whether a shown line, with `…` for anything, is the printed one.
fn fits(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (form(shown), form(printed));
    let mut parts: Vec<&str> = shown.split('…').map(str::trim).collect();
    let last = parts.pop().expect("a split has a part");
    let Some((first, between)) = parts.split_first() else { return shown == printed };
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The first shown line that does not come where it should, or what to say of the end.
fn missing<'a>(shown: &'a [String], printed: &[&str]) -> Option<&'a str> {
    let shown: Vec<&str> = shown.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    if shown.is_empty() {
        return None;
    }
    let mut furthest = 0;
    if comes(&shown, printed, 0, &mut furthest) {
        return None;
    }
    Some(shown.get(furthest).copied().unwrap_or("(the end: more is printed than shown)"))
}

/// Whether all of `shown` from `at` on is what is printed; `…` may stand for more or fewer lines.
fn comes(shown: &[&str], printed: &[&str], at: usize, furthest: &mut usize) -> bool {
    *furthest = at.max(*furthest);
    match (shown.get(at), printed) {
        (None, rest) => rest.is_empty(),
        (Some(&"…"), rest) => {
            (0..=rest.len()).any(|skipped| comes(shown, &rest[skipped..], at + 1, furthest))
        }
        (Some(line), [first, rest @ ..]) => fits(line, first) && comes(shown, rest, at + 1, furthest),
        (Some(_), []) => false,
    }
}

/// The hash that a text tells at its end.
fn hash(lines: &[impl AsRef<str>]) -> Option<String> {
    let mut words = lines.iter().rev().flat_map(|line| line.as_ref().split_whitespace());
    words.find(|word| is_hash(word)).map(str::to_owned)
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

#[test]
fn what_the_readme_shows_is_compared_and_not_only_looked_at() {
    let line = "tls  Sat 03:33-05:03 (Fri 11:33-13:03 UTC)  interim-2026-tls-01  session 36001";
    for printed in [
        "tls Mon 2027-01-04 23:00-00:30 (07:00-08:30 UTC) interim-2027-tls-02 session 36001",
        "tls 23:00-00:30 (07:00-08:30 UTC) interim-2027-tls-02 session 36001",
    ] {
        assert!(fits(line, printed), "{} / {}", form(line), form(printed));
    }
    assert!(!fits(line, "tls Mon 23:00-00:30 (07:00-08:30 UTC) interim-2027-tls-02 session 36002"));
    for (shown, printed, same) in [
        ("5 decks: a (00), …", "5 decks: a (00), b (01)", true),
        ("5 decks: a (00), …", "6 decks: a (00), b (01)", false),
        ("… takes our credentials", "http://x takes our credentials", true),
        ("… takes our credentials", "http://x refuses our credentials", false),
        ("PUT …/materials", "PUT http://x/materials", true),
        ("a … b", "a", false),
        ("a", "a b", false),
    ] {
        assert_eq!(fits(shown, printed), same, "{shown} / {printed}");
    }
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let printed = ["one", "two", "three"];
    for (text, missed) in [
        ("one\ntwo\nthree", None),
        ("…\nthree", None),
        ("one\n…", None),
        ("", None),
        ("one\nthree", Some("three")),
        ("…\nfour", Some("four")),
        ("…\ntwo", Some("(the end: more is printed than shown)")),
        ("…\ntwo\n…\nthree", None),
        ("…\nthree\n…\none", Some("one")),
    ] {
        assert_eq!(missing(&shown(text), &printed), missed, "{text}");
    }
}
