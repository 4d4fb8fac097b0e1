//! The command line: one file per command. Commands wire, call and print; they decide nothing.

mod args;
mod check;
mod completions;
mod demo;
mod doubt;
mod exit;
mod explain;
mod export;
mod grants;
mod hints;
mod hold;
mod migrate;
mod output;
mod plan;
mod push;
mod release;
mod results;
mod resync;
mod rooms;
mod run;
mod scope_arguments;
mod session_argument;
mod sessions;
mod status;
mod stopping;
mod until;
mod which;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use self::args::{Cli, Command, LogFormat};
use self::exit::Exit;
use crate::app::{AppError, Backend, DebugOutput};
use crate::cron::CronError;
use crate::database::{DatabaseError, chain};
use crate::datatracker::{ReadError, WriteError};
use crate::demo::story::StoryError;
use crate::ledger::LedgerError;
use crate::reconcile::ReconcileError;
use crate::settings::{Environment, Settings, SettingsError};
use crate::telemetry;

/// Why a command could not do its work. Its text is for the person who typed it.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Other(String),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Cron(#[from] CronError),
    #[error(transparent)]
    Story(#[from] StoryError),
    #[error("writing the result failed")]
    Output(#[from] std::io::Error),
}

impl CliError {
    fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            _ => Exit::Error,
        }
    }
}

/// Runs one command line. The exit status is the contract's.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse_arguments(&error),
    };
    telemetry::expect(cli.log_format == Some(LogFormat::Json));
    // The worker waits for others nearly all the time: one thread is enough, and holds a fifth less memory than two.
    let mut threads = if matches!(cli.command, Command::Run) {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    // The demo has settings of its own, and what is written for other programs is left as it is.
    let is_for_others = matches!(cli.command, Command::Demo(_) | Command::Completions { .. } | Command::Man);
    if let Some(config) = cli.config.as_deref().filter(|_| !is_for_others) {
        hints::remember(config);
    }
    let runtime = match threads.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            telemetry::last_line(&format!("no async runtime can be started: {error}"));
            return Exit::Error.into();
        }
    };
    let ran = runtime.block_on(run(cli));
    // A name that the resolver still looks for must not hold up the end.
    runtime.shutdown_background();
    match ran {
        Ok(exit) => exit.into(),
        Err(error) => {
            telemetry::last_line(&hints::complete(&chain(&error)));
            error.exit().into()
        }
    }
}

/// Help and version are printed as asked; anything else is one line on stderr and 64.
fn refuse_arguments(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Nobody is left to tell where stdout is closed.
            let _ = error.print();
            Exit::Done.into()
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage.into()
        }
        _ => {
            let text = error.to_string();
            let lines = text
                .lines()
                .map(str::trim)
                .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
            let line = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
            output::note(&format!("meetsync: {}", line.trim_start_matches("error: ")));
            Exit::Usage.into()
        }
    }
}

async fn run(cli: Cli) -> Result<Exit, CliError> {
    let context =
        Context { config: cli.config, log_format: cli.log_format, debug_backend: cli.debug_backend };
    match cli.command {
        Command::Demo(args) => demo::run(&context, args).await,
        Command::Sessions(args) => sessions::run(&context, args).await,
        Command::Run => run::run(&context).await,
        Command::Plan(args) => plan::run(&context, args).await,
        Command::Resync(args) => resync::run(&context, args).await,
        Command::Push(args) => push::run(&context, args).await,
        Command::Rooms(args) => rooms::run(&context, args).await,
        Command::Status(args) => status::run(&context, &args).await,
        Command::Explain(args) => explain::run(&context, &args).await,
        Command::Hold(args) => hold::run(&context, &args).await,
        Command::Release(args) => release::run(&context, &args).await,
        Command::Export(args) => export::run(&context, args).await,
        Command::Check(args) => check::run(&context, args).await,
        Command::Migrate => migrate::run(&context).await,
        Command::Grants(args) => grants::run(&args),
        Command::Completions { shell } => completions::completions(shell),
        Command::Man => completions::man(),
    }
}

/// What stands before the command.
#[derive(Debug)]
struct Context {
    config: Option<std::path::PathBuf>,
    log_format: Option<LogFormat>,
    debug_backend: bool,
}

impl Context {
    /// Reads the settings and sets up logging by them.
    fn settings(&self) -> Result<Settings, CliError> {
        let environment = Environment::of_process();
        let settings = Settings::load(self.config.as_deref(), &environment).inspect_err(|_| {
            let asked = Settings::log_format(self.config.as_deref(), &environment);
            let asked_json = asked == Some(crate::settings::LogFormat::Json);
            telemetry::expect(self.log_format.map_or(asked_json, |format| format == LogFormat::Json));
        })?;
        telemetry::set_up(self.log_json(&settings), &settings.log.filter);
        Ok(settings)
    }

    fn log_json(&self, settings: &Settings) -> bool {
        match self.log_format {
            Some(format) => format == LogFormat::Json,
            None => settings.log.format == crate::settings::LogFormat::Json,
        }
    }

    /// Live, or the debug backend by flag or by `meetecho.debug`.
    fn backend(&self, settings: &Settings, json: bool) -> Backend {
        if !self.debug_backend && !settings.meetecho.debug {
            return Backend::Live;
        }
        let output = if json { DebugOutput::Stderr } else { DebugOutput::Stdout };
        Backend::Debug { output, json_lines: self.log_json(settings) }
    }
}
