//! `meetsync completions` and `meetsync man`: made from the command line's own definition.

use clap::CommandFactory as _;
use clap_complete::Shell;

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

/// The manual page of the whole, then one section per command.
pub(super) fn man() -> Result<Exit, CliError> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text)?;
    output::text(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
