//! What may be typed: commands, flags and the SCOPE. Nothing here does anything.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::session_argument::SessionArgument;
use crate::model::{GroupAcronym, KindFilter, MeetingNumber, Scope};

/// Keeps remote conference systems in step with the IETF datatracker.
#[derive(Debug, Parser)]
#[command(name = "meetsync", version, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 in step or done, 1 error, 2 changes pending or drift, 3 refused by a guard or by --plan, \
                        4 some failed or in doubt, 64 bad arguments."
)]
pub(crate) struct Cli {
    /// The settings file
    #[arg(
        long,
        help = "The settings file [default: $MEETSYNC_CONFIG, else meetsync.toml]",
        global = true,
        value_name = "FILE"
    )]
    pub(crate) config: Option<PathBuf>,
    /// How log lines look on stderr [default: log.format of the settings]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Log every request in full instead of sending it; the provider's answers are made up, the ledger is only read
    #[arg(long, global = true)]
    pub(crate) debug_backend: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole job on your machine: a throwaway database, a sample datatracker, a stand-in Meetecho
    Demo(DemoArgs),
    /// What the datatracker says, as meetsync reads it
    Sessions(SessionsArgs),
    /// What a resync would do now; changes nothing anywhere
    Plan(PlanArgs),
    /// Makes everything in scope right, once
    Resync(ResyncArgs),
    /// Sends whole deck lists now, whatever the window says
    Push(PushArgs),
    /// Rooms: wanted, present, adopted, drifted, unwanted, not ours
    Rooms(RoomsArgs),
    /// Writes what a plan is made from to a file, without secrets or people's words
    Export(ExportArgs),
    /// Settings, databases, columns, privileges, ledger, credentials: can everything work?
    Check(CheckArgs),
    /// Creates or updates the ledger's tables
    Migrate,
    /// Prints the least-privilege statements for a database role
    Grants(GrantsArgs),
    /// Prints completions for a shell
    Completions { shell: Shell },
    /// Prints the manual page
    Man,
}

/// Which sessions. Several of one kind mean "or", different kinds mean "and"; none means all.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ScopeArgs {
    /// A session, by its id or by the URL of its page or room; may be repeated
    #[arg(long = "session", value_name = "ID")]
    pub(crate) sessions: Vec<SessionArgument>,
    /// All sessions of a group, by its acronym; may be repeated
    #[arg(long = "group", value_name = "ACRONYM")]
    pub(crate) groups: Vec<String>,
    /// All sessions of a meeting, by its number; may be repeated
    #[arg(long = "meeting", value_name = "NUMBER")]
    pub(crate) meetings: Vec<String>,
    /// Slides only, no rooms
    #[arg(long, conflicts_with = "rooms_only")]
    pub(crate) slides_only: bool,
    /// Rooms only, no slides
    #[arg(long)]
    pub(crate) rooms_only: bool,
}

impl ScopeArgs {
    pub(crate) fn scope(&self) -> Scope {
        self.scope_with(&[])
    }

    /// The scope with sessions that were named without `--session`.
    pub(crate) fn scope_with(&self, bare: &[SessionArgument]) -> Scope {
        let kinds = match (self.slides_only, self.rooms_only) {
            (true, _) => KindFilter::SlidesOnly,
            (_, true) => KindFilter::RoomsOnly,
            _ => KindFilter::Both,
        };
        Scope {
            sessions: self.sessions.iter().chain(bare).map(|argument| argument.0).collect(),
            groups: self.groups.iter().map(GroupAcronym::new).collect::<BTreeSet<_>>(),
            meetings: self.meetings.iter().map(MeetingNumber::new).collect(),
            kinds,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Run the story once and end; not 0 if the two sides differ at the end
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
    /// One JSON document on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// One JSON document on stdout
    #[arg(long)]
    pub(crate) json: bool,
    /// Don't read the rooms at the provider; the ledger's record stands in
    #[arg(long)]
    pub(crate) offline: bool,
    /// Plan from a file that `meetsync export` wrote; needs no settings, database or network
    #[arg(long, value_name = "EXPORT")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ResyncArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// One JSON document on stdout
    #[arg(long)]
    pub(crate) json: bool,
    /// Only if the plan still has this hash (or begins with it); otherwise nothing is sent
    #[arg(long, value_name = "HASH")]
    pub(crate) plan: Option<String>,
    /// Lift the guards that count, for this one plan
    #[arg(long)]
    pub(crate) force: bool,
    /// Trust no record: after the provider lost data, or the ledger came from a backup
    #[arg(long)]
    pub(crate) resend: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// Sessions, by id or URL
    #[arg(value_name = "SESSION")]
    pub(crate) bare: Vec<SessionArgument>,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Why; required outside of the notify window
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// One JSON document on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RoomsArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// One JSON document on stdout
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) by_hand: Option<RoomsByHand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoomsByHand {
    /// Makes a session's room now, or adopts the one that is there
    Create { session: SessionArgument },
    /// Takes a room away, by its session or by its URL; asks first
    Delete {
        /// A session's id, or the URL of a room
        #[arg(value_name = "SESSION|URL")]
        room: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
    /// Writes the URL of a session's room into the session again; a person's own words stay
    Relink { session: SessionArgument },
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// The file to write
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Without the provider: no token call
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GrantsArgs {
    /// The database role that meetsync will connect as
    pub(crate) role: String,
    /// The schema of the datatracker's tables [default: the statements find it]
    #[arg(long)]
    pub(crate) schema: Option<String>,
    /// Without the right to write room links
    #[arg(long, help = "Without the right to write room links (datatracker.write_back = false)")]
    pub(crate) no_write_back: bool,
}
