//! `meetsync completions` and `meetsync man`: made from the command line's own definition.

use std::io;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::CliError;
use super::args::Cli;
use super::exit::Exit;
use super::output;

pub(super) fn completions(shell: Shell) -> Result<Exit, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "meetsync", &mut text);
    output::text(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}

/// One manual page: the whole, then a section per command.
pub(super) fn man() -> Result<Exit, CliError> {
    output::text(&page()?)?;
    Ok(Exit::Done)
}

fn page() -> io::Result<String> {
    let whole = Man::new(Cli::command());
    let mut text = Vec::new();
    whole.render_title(&mut text)?;
    whole.render_name_section(&mut text)?;
    whole.render_synopsis_section(&mut text)?;
    whole.render_description_section(&mut text)?;
    whole.render_options_section(&mut text)?;
    let mut page = String::from_utf8_lossy(&text).into_owned();
    for command in Cli::command().get_subcommands() {
        page.push_str(&sections(command, "meetsync")?);
    }
    let mut notes = Vec::new();
    whole.render_extra_section(&mut notes)?;
    page.push_str(&String::from_utf8_lossy(&notes).replacen(".SH EXTRA", ".SH NOTES", 1));
    Ok(page)
}

/// A command and those below it, each as one section. The options of every command are not repeated.
fn sections(command: &Command, parent: &str) -> io::Result<String> {
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone().bin_name(&name));
    let mut parts = Vec::new();
    man.render_synopsis_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    let parts = String::from_utf8_lossy(&parts);
    // What are sections of a page by themselves are parts of one here; a line that begins with a dot is an order.
    let parts: Vec<String> = parts
        .lines()
        .filter(|line| !line.starts_with(".ie") && !line.starts_with(".el"))
        .map(|line| line.strip_prefix(".SH ").map_or_else(|| line.to_owned(), |title| format!(".SS {title}")))
        .collect();
    let mut text = format!(".SH \"{}\"\n{}\n{}\n", name.to_uppercase(), escaped(&about), parts.join("\n"));
    for below in command.get_subcommands() {
        text.push_str(&sections(below, &name)?);
    }
    Ok(text)
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_manual_has_every_command_with_its_own_options_and_names_no_other_page() {
        let page = page().expect("a page in memory");
        for words in [
            ".SH \"MEETSYNC PLAN\"",
            ".SH \"MEETSYNC ROOMS DELETE\"",
            "\\-\\-offline",
            "\\-\\-reason",
            "\\-\\-yes",
            "Exit status",
        ] {
            assert!(page.contains(words), "{words}\n{page}");
        }
        assert!(!page.contains("meetsync\\-plan(1)"));
        assert_eq!(
            page.matches("\\-\\-debug\\-backend").count(),
            1 + 1,
            "in the synopsis, and once explained"
        );
    }
}
