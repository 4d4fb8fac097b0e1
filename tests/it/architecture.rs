//! The house keeps its walls: which room may use which, where `reqwest` and `diesel` may be named, and how long a file
//! may get. It reads the sources as text, so it holds for code that this build leaves out too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each room may use of ours. A room is a directory or a file right below `src`; `*` = everything.
const ROOMS: [(&str, &[&str]); 23] = [
    ("model", &[]),
    ("planted", &[]),
    ("database", &["model"]),
    ("schedule", &["model", "planted"]),
    ("datatracker", &["model", "database"]),
    ("ledger", &["model", "schedule", "database", "planted"]),
    ("transport", &["schedule"]),
    ("provider", &["transport", "model", "planted"]),
    ("desired", &["model", "planted"]),
    ("plan", &["model", "desired", "planted"]),
    (
        "reconcile",
        &[
            "model",
            "datatracker",
            "ledger",
            "desired",
            "plan",
            "schedule",
            "provider",
            "transport",
            "database",
            "planted",
        ],
    ),
    ("settings", &["model", "schedule", "database"]),
    ("clock", &["model"]),
    ("cron", &["schedule"]),
    ("shutdown", &[]),
    ("systemd", &[]),
    ("telemetry", &["model"]),
    ("demo", &["*"]),
    ("cli", &["*"]),
    ("app", &["*"]),
    ("lib", &["*"]),
    // The program is a caller of the library, and nothing more.
    ("main", &[]),
    ("bin", &[]),
];

/// A package, and the rooms or files that may name it.
const PACKAGES: [(&str, &[&str]); 7] = [
    ("reqwest", &["transport/live.rs"]),
    ("diesel", &["datatracker/", "ledger/", "database/"]),
    ("diesel_async", &["datatracker/", "ledger/", "database/"]),
    ("diesel_migrations", &["ledger/"]),
    ("tokio_cron_scheduler", &["cron.rs"]),
    ("croner", &["schedule/cron.rs"]),
    ("sd_notify", &["systemd.rs"]),
];

/// More lines than this do more than one thing.
const LONGEST: usize = 400;

/// What is wrong with one source file, one line each.
fn complaints(path: &str, text: &str) -> Vec<String> {
    let room = path.split('/').next().unwrap().trim_end_matches(".rs");
    let mut found = BTreeSet::new();
    let Some((_, may_use)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!(
            "{path}: the room `{room}` has no row in the table of tests/it/architecture.rs"
        )];
    };
    let code = without_comments(text);
    for used in rooms_used(path, &code) {
        let borrowed = used == "demo" && is_test(path);
        if used != room && !borrowed && !may_use.contains(&"*") && !may_use.contains(&used.as_str()) {
            found.insert(format!("{path}: `{room}` may not use `{used}`"));
        }
    }
    for (package, homes) in PACKAGES {
        if names_package(&code, package) && !homes.iter().any(|home| path.starts_with(home)) {
            found.insert(format!("{path}: `{package}` belongs to {}", homes.join(", ")));
        }
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        found.insert(format!("{path}: {lines} lines are too many ({LONGEST} at most)"));
    }
    found.into_iter().collect()
}

/// A file of unit tests. Those of any room may borrow the throwaway cluster and the sample from `demo`.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The code without lines of comment, whose links may point anywhere.
fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The rooms that the code names, as `crate::room`, `crate::{room, ...}`, or by climbing up with `super::`.
fn rooms_used(path: &str, code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for rest in after(code, "crate::") {
        used.extend(heads(rest));
    }
    let climb = "super::".repeat(depth(path));
    for rest in after(code, &climb) {
        // Further up it is only an inner module that climbs.
        let mut rest = rest;
        while let Some(higher) = rest.strip_prefix("super::") {
            rest = higher;
        }
        used.extend(heads(rest));
    }
    used.retain(|name| ROOMS.iter().any(|(room, _)| room == name));
    used
}

/// How many modules deep a file is: `model/mod.rs` is one, `model/deck.rs` two.
fn depth(path: &str) -> usize {
    path.split('/').filter(|part| *part != "mod.rs").count()
}

/// What follows each place where `needle` stands as a path of its own.
fn after<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(needle).filter_map(move |(at, _)| {
        let joined = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
        (!joined).then(|| &code[at + needle.len()..])
    })
}

/// The first names of a path: one, or those in braces.
fn heads(rest: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut begins = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && !c.is_whitespace() => {
                names.push(word(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn names_package(code: &str, package: &str) -> bool {
    after(code, package)
        .any(|rest| rest.starts_with("::") || rest.starts_with(';') || rest.starts_with(" as "))
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_room_keeps_to_its_row_of_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    assert!(files.len() > 20, "the sources are not where they are looked for");
    let complaints: Vec<_> = files
        .iter()
        .flat_map(|file| {
            let path = file.strip_prefix(&root).unwrap().to_str().unwrap();
            complaints(path, &std::fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The table in the crate's documentation: room, and what it may use.
fn map_of_the_house(documentation: &str) -> Vec<(String, Vec<String>)> {
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    documentation
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .map(|row| row.split('|').collect::<Vec<_>>())
        .filter_map(|cells| {
            let room = names(cells[0]).pop()?;
            let uses = if cells[2].trim() == "everything" { vec!["*".to_owned()] } else { names(cells[2]) };
            Some((room, uses))
        })
        .collect()
}

#[test]
fn the_map_in_the_documentation_is_this_table() {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let map = map_of_the_house(&std::fs::read_to_string(lib).unwrap());
    let table: Vec<(String, Vec<String>)> = ROOMS
        .iter()
        .filter(|(room, _)| !["lib", "main", "bin"].contains(room))
        .map(|(room, uses)| ((*room).to_owned(), uses.iter().map(|used| (*used).to_owned()).collect()))
        .collect();
    assert_eq!(map, table);
}

#[test]
fn a_planted_violation_is_found() {
    for (path, text, expected) in [
        ("model/deck.rs", "use crate::ledger::Row;", "model/deck.rs: `model` may not use `ledger`"),
        ("plan/mod.rs", "fn f() { crate::settings::load() }", "plan/mod.rs: `plan` may not use `settings`"),
        (
            "transport/mod.rs",
            "use crate::{\n    schedule::{Bucket, X},\n    model::Deck,\n};",
            "transport/mod.rs: `transport` may not use `model`",
        ),
        ("ledger/row.rs", "use super::super::provider::X;", "ledger/row.rs: `ledger` may not use `provider`"),
        ("ledger/mod.rs", "use super::provider::X;", "ledger/mod.rs: `ledger` may not use `provider`"),
        ("plan/diff.rs", "use crate::demo::X;", "plan/diff.rs: `plan` may not use `demo`"),
        ("main.rs", "use crate::cli::run;", "main.rs: `main` may not use `cli`"),
        (
            "cellar/mod.rs",
            "",
            "cellar/mod.rs: the room `cellar` has no row in the table of tests/it/architecture.rs",
        ),
        (
            "provider/meetecho/api.rs",
            "use reqwest::Client;",
            "provider/meetecho/api.rs: `reqwest` belongs to transport/live.rs",
        ),
        (
            "plan/mod.rs",
            "use diesel::prelude::*;",
            "plan/mod.rs: `diesel` belongs to datatracker/, ledger/, database/",
        ),
    ] {
        assert_eq!(complaints(path, text), [expected], "{text}");
    }
    let long = "\n".repeat(LONGEST + 1);
    assert_eq!(complaints("model/deck.rs", &long), ["model/deck.rs: 401 lines are too many (400 at most)"]);
}

#[test]
fn what_is_allowed_is_let_pass() {
    for (path, text) in [
        (
            "model/deck.rs",
            "//! As [`crate::plan`] has it.\nuse super::ids::DeckId;\nuse crate::model::Session;",
        ),
        ("settings/http.rs", "use super::ledger::X; use crate::model::Mode; use crate::database::Tls;"),
        ("transport/live.rs", "use reqwest::Client;"),
        ("ledger/mod.rs", "use diesel::prelude::*; macro_rules! m { () => { $crate::nothing } }"),
        ("database/tests.rs", "use crate::demo::cluster::Cluster;"),
        ("cli/mod.rs", "use crate::{ledger, plan::Plan};"),
        ("main.rs", "fn main() { meetsync::cli::run() }"),
        ("schedule/mod.rs", "#[cfg(test)]\nmod tests { use super::*; }"),
    ] {
        assert_eq!(complaints(path, text), [""; 0], "{text}");
    }
}
