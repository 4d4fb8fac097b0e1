//! Commands that a text names for a person to copy: with the `--config` that this one was given, or they would read other
//! settings, or none.
//!
//! Whoever writes a sentence writes `meetsync plan`; what goes out to a person passes here. JSON does not: a script has
//! its own way to call us. Nor do the worker's log and what is left in the ledger, which others read from elsewhere.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use clap::CommandFactory as _;

use super::args::Cli;

/// This process's, as it is typed into a shell.
static HINTS: OnceLock<Hints> = OnceLock::new();

#[derive(Debug)]
struct Hints {
    config: String,
    commands: BTreeSet<String>,
}

/// Remembers the file that was named on the command line, for as long as the process lasts.
pub(super) fn remember(config: &Path) {
    let config = shell_word(&config.display().to_string());
    let commands = Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    // One process runs one command line.
    HINTS.get_or_init(|| Hints { config, commands });
}

/// The text as it goes out to a person.
pub(super) fn complete(text: &str) -> Cow<'_, str> {
    HINTS.get().map_or(Cow::Borrowed(text), |hints| Cow::Owned(hints.complete(text)))
}

/// As it is typed into a shell, to which a `?` or `&` of a URL means something.
pub(super) fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

const NAME: &str = "meetsync ";

impl Hints {
    fn complete(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(NAME) {
            let (before, after) = rest.split_at(at + NAME.len());
            let is_whole =
                !rest[..at].ends_with(|letter: char| letter.is_alphanumeric() || "-_./@".contains(letter));
            out.push_str(before);
            if is_whole && self.begins_with_a_command(after) {
                out.extend(["--config ", &self.config, " "]);
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn begins_with_a_command(&self, text: &str) -> bool {
        let is_of_word = |letter: char| letter.is_alphanumeric() || "-_".contains(letter);
        self.commands.contains(text.split(|letter: char| !is_of_word(letter)).next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_completed_and_nothing_else() {
        let commands = ["push", "plan", "rooms"].map(str::to_owned).into();
        let hints = Hints { config: shell_word("/etc/meet sync.toml"), commands };
        for (text, expected) in [
            ("meetsync push 1", "meetsync --config '/etc/meet sync.toml' push 1"),
            (
                "X=1 meetsync plan, or: meetsync rooms",
                "X=1 meetsync --config '/etc/meet sync.toml' plan, or: meetsync --config '/etc/meet sync.toml' rooms",
            ),
            ("(meetsync plan)", "(meetsync --config '/etc/meet sync.toml' plan)"),
            ("what meetsync needs", "what meetsync needs"),
            ("meetsync: plan", "meetsync: plan"),
            ("meetsync plans", "meetsync plans"),
            ("meetsync --config x plan", "meetsync --config x plan"),
            ("/opt/meetsync plan", "/opt/meetsync plan"),
            ("meetsync ", "meetsync "),
            ("", ""),
        ] {
            assert_eq!(hints.complete(text), expected);
        }
    }

    #[test]
    fn a_word_stays_one_in_a_shell() {
        for (word, expected) in
            [("a/b-c_d.e:1", "a/b-c_d.e:1"), ("", "''"), ("it's", "'it'\\''s'"), ("a?b&c", "'a?b&c'")]
        {
            assert_eq!(shell_word(word), expected);
        }
    }
}
