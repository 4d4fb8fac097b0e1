//! What may be typed: the commands and their flags. Nothing here does anything.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::scope_arguments::{ScopeArgs, WhichArgs};
use super::session_argument::{ExplainArgument, SessionArgument};
use super::until::Until;

/// Keeps Meetecho in step with the IETF datatracker: slides of sessions, rooms of interim meetings.
#[derive(Debug, Parser)]
#[command(name = "meetsync", version, arg_required_else_help = true)]
#[command(
    after_help = "Nothing is sent, by no command, until the settings say mode = \"act\" under [scope].\n\n\
                  Exit status:\n   \
                  0  in step, or done\n   \
                  1  error: nothing could be done\n   \
                  2  changes are pending, or the two sides have drifted apart\n   \
                  3  refused by a guard, or the plan is not the one of --plan\n   \
                  4  some of it failed, or is still in doubt\n  \
                  64  bad arguments"
)]
pub(crate) struct Cli {
    /// The settings file
    #[arg(
        long,
        help = "The settings file [default: $MEETSYNC_CONFIG, else meetsync.toml]",
        global = true,
        value_name = "FILE",
        help_heading = EVERYWHERE
    )]
    pub(crate) config: Option<PathBuf>,
    /// How log lines look on stderr [default: log.format of the settings]
    #[arg(long, global = true, value_enum, value_name = "FORMAT", help_heading = EVERYWHERE)]
    pub(crate) log_format: Option<LogFormat>,
    /// Log every request instead of sending it, and answer it as Meetecho would; writes nothing
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) debug_backend: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where help lists what every command takes, after the command's own.
const EVERYWHERE: &str = "With every command";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the whole job on this machine, against a made-up datatracker and a stand-in Meetecho
    Demo(DemoArgs),
    /// Lists sessions, their times and numbers of decks, as the datatracker has them
    Sessions(SessionsArgs),
    /// Works until it is ended: keeps Meetecho in step with the datatracker
    #[command(
        after_help = "SIGTERM or Ctrl-C: it begins nothing new, what is under way gets shutdown.grace, and it ends with 0.\n\
                      A second one: it ends at once, with 4 where something was cut off (it is in doubt), else with 0.\n\
                      SIGHUP: it reads its settings again."
    )]
    Run,
    /// Shows what a resync would do now, and why; changes nothing anywhere
    Plan(PlanArgs),
    /// Makes Meetecho have what it should, once: sends what a plan shows
    Resync(ResyncArgs),
    /// Sends the whole list of a session's decks now, whatever its window says
    Push(PushArgs),
    /// Compares rooms with Meetecho's; makes, deletes or links one by hand
    Rooms(RoomsArgs),
    /// Tells how the worker is and what needs a person; ends with 2 where no pass was completed lately
    Status(StatusArgs),
    /// Tells, rule by rule, why a session's room and slides are sent or not
    Explain(ExplainArgs),
    /// Stops all automatic steps of sessions until a time; a push still goes through
    Hold(HoldArgs),
    /// Ends a hold before its time
    Release(ReleaseArgs),
    /// Writes what a plan is made from to a file, without secrets or people's words
    Export(ExportArgs),
    /// Checks settings, databases, privileges, ledger and credentials; changes nothing
    Check(CheckArgs),
    /// Creates or updates meetsync's own tables, the ledger; safe to run again
    Migrate,
    /// Prints the SQL that gives a database role what meetsync needs, and no more
    Grants(GrantsArgs),
    /// Prints completions for a shell
    Completions { shell: Shell },
    /// Prints the manual page, for man(1)
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End after the story; the status is not 0 if the two sides differ then
    #[arg(long)]
    pub(crate) once: bool,
    /// Where the stand-in Meetecho listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Print one JSON document, for scripts
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Print one JSON document, for scripts
    #[arg(long)]
    pub(crate) json: bool,
    /// Don't ask Meetecho for its rooms; go by what the ledger has on record
    #[arg(long)]
    pub(crate) offline: bool,
    /// Plan from a file that `meetsync export` wrote, without settings, database or network
    #[arg(long, value_name = "EXPORT")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ResyncArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Print one JSON document, for scripts
    #[arg(long)]
    pub(crate) json: bool,
    /// Send only if the plan still has this hash; its first 8 characters or more will do
    #[arg(long, value_name = "HASH")]
    pub(crate) plan: Option<String>,
    /// Say yes to what a guard would stop for its number: many rooms made or deleted, many decks gone
    #[arg(long)]
    pub(crate) force: bool,
    /// Trust no record and send whole lists: after Meetecho lost data, or the ledger came from a backup
    #[arg(long)]
    pub(crate) resend: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// Sessions, each by its id or the URL of a page; instead of these, or besides, the choices below
    #[arg(value_name = "SESSION")]
    pub(crate) bare: Vec<SessionArgument>,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Why; required outside of the session's window, and kept in the ledger
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Print one JSON document, for scripts
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RoomsArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Print one JSON document, for scripts
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) by_hand: Option<RoomsByHand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoomsByHand {
    /// Makes a session's room now, or takes over the one that is there
    Create {
        /// A session's id, or the URL of its page
        session: SessionArgument,
    },
    /// Deletes a room at Meetecho; asks first
    Delete {
        /// A session's id, or the URL of a room
        #[arg(value_name = "SESSION|URL")]
        room: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
    /// Writes the link of a session's room into the datatracker again; a person's own link stays
    Relink {
        /// A session's id, or the URL of its page
        session: SessionArgument,
    },
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Print one JSON document, for scripts
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A session's id, the URL of its page or room or of its group's page at a meeting, or a group's acronym: then each
    /// of its sessions
    #[arg(value_name = "SESSION|GROUP")]
    pub(crate) what: ExplainArgument,
    /// Print one JSON document, for scripts: an object; a list of them where a group has several sessions
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    /// Sessions, each by its id or the URL of a page; instead of these, or besides, the choices below
    #[arg(value_name = "SESSION")]
    pub(crate) bare: Vec<SessionArgument>,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Everything, whatever session it is about
    #[arg(long, conflicts_with_all = ["bare", "sessions", "groups", "meetings"])]
    pub(crate) all: bool,
    /// Until when: a span from now (90m, 2h, 1d) or a time (2026-11-21T14:00:00Z)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Until,
    /// Why; everybody who asks is told
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// Sessions, each by its id or the URL of a page; instead of these, or besides, the choices below
    #[arg(value_name = "SESSION")]
    pub(crate) bare: Vec<SessionArgument>,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// The hold on everything; those on single sessions stay
    #[arg(long, conflicts_with_all = ["bare", "sessions", "groups", "meetings"])]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// The file to write; plan from it with `meetsync plan --from FILE`
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Don't ask Meetecho for a token
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GrantsArgs {
    /// The database role that meetsync will connect as
    pub(crate) role: String,
    /// The schema of the datatracker's tables [default: found by the statements]
    #[arg(long)]
    pub(crate) schema: Option<String>,
    /// Without the right to write room links, for `datatracker.write_back = false`
    #[arg(long)]
    pub(crate) no_write_back: bool,
}
