//! `meetsync check`: can everything work? Settings, databases, columns, privileges, ledger, credentials.
//!
//! Every line is looked at, even after one failed, so that one run shows all that is to be mended.

use super::args::CheckArgs;
use super::exit::Exit;
use super::output;
use super::which::unknown_in_scope;
use super::{CliError, Context};
use crate::app;
use crate::database::chain;
use crate::datatracker::{Datatracker, Look, Range, ReadError};
use crate::desired::LOOK_BACK;
use crate::ledger::Ledger;
use crate::model::{GroupAcronym, Mode, Outcome};
use crate::settings::Settings;

/// What was found, line by line.
#[derive(Debug, Default)]
struct Findings {
    lines: Vec<String>,
    failed: bool,
}

impl Findings {
    fn good(&mut self, what: &str, words: impl std::fmt::Display) {
        self.lines.push(format!("  ok    {what:<12} {words}"));
    }

    fn bad(&mut self, what: &str, words: impl std::fmt::Display) {
        self.lines.push(format!("! fails {what:<12} {words}"));
        self.failed = true;
    }

    fn doubtful(&mut self, what: &str, words: impl std::fmt::Display) {
        self.lines.push(format!("! warns {what:<12} {words}"));
    }

    fn told(&mut self, what: &str, words: impl std::fmt::Display) {
        self.lines.push(format!("  note  {what:<12} {words}"));
    }
}

pub(super) async fn run(context: &Context, args: CheckArgs) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let mut findings = Findings::default();
    findings.good("settings", "read and understood");
    match settings.scope.mode {
        Mode::Observe => {
            findings.told("scope", "mode = \"observe\": nothing is sent, by no command, until it is \"act\"");
        }
        Mode::Act => findings.good("scope", "mode = \"act\": what is planned is sent"),
    }
    let group = match app::datatracker(&settings) {
        Ok(datatracker) => check_datatracker(&settings, &datatracker, &mut findings).await,
        Err(error) => {
            findings.bad("datatracker", chain(&error));
            None
        }
    };
    if settings.datatracker.write_back {
        check_writer(&settings, &mut findings).await;
    } else {
        findings.told("links", "datatracker.write_back = false: room links are never written");
    }
    check_ledger(&settings, &mut findings).await;
    if args.offline {
        findings.told("meetecho", "not asked (--offline)");
    } else {
        check_provider(context, &settings, group.as_ref(), &mut findings).await;
    }
    output::text(&format!("{}\n", findings.lines.join("\n")))?;
    Ok(if findings.failed { Exit::Error } else { Exit::Done })
}

/// Columns and privileges, then a real read; a group to ask a token for.
async fn check_datatracker(
    settings: &Settings,
    datatracker: &Datatracker,
    findings: &mut Findings,
) -> Option<GroupAcronym> {
    match datatracker.verify().await {
        Ok(report) => {
            if report.is_enough() {
                findings.good("columns", &report);
            } else {
                findings.bad("columns", &report);
            }
            if report.is_wide() {
                let tables = if report.superuser {
                    "everything (a superuser)".to_owned()
                } else {
                    report.wide.join(", ")
                };
                let words = format!("role {} can read {tables}; meetsync needs none of that", report.role);
                if settings.check.allow_wide_role {
                    findings.told("role", format!("{words} (allowed by check.allow_wide_role)"));
                } else {
                    findings.bad("role", format!(
                        "{words}: use a role made from `meetsync grants ROLE`, or set check.allow_wide_role = true"
                    ));
                }
            } else {
                findings.good("role", format!("{} can read no table of persons or passwords", report.role));
            }
            if !report.is_enough() {
                return None;
            }
        }
        Err(error) => {
            findings.bad("datatracker", chain(&error));
            return None;
        }
    }
    // Where it can't be known, what follows says why.
    if let Ok(Some(words)) = unknown_in_scope(datatracker, settings).await {
        findings.doubtful("scope", words);
    }
    let look = Look {
        range: Range::Around { back: LOOK_BACK, ahead: chrono::TimeDelta::days(180) },
        ..Look::default()
    };
    match datatracker.snapshot(&look).await {
        Ok(snapshot) => {
            findings.good("datatracker", format!("{} sessions from yesterday on", snapshot.in_range));
            snapshot.sessions.first().map(|session| session.group.clone())
        }
        Err(error @ ReadError::Empty) => {
            findings.bad("datatracker", error);
            None
        }
        Err(error) => {
            findings.bad("datatracker", chain(&error));
            None
        }
    }
}

async fn check_writer(settings: &Settings, findings: &mut Findings) {
    let report = match app::writer(settings) {
        Ok(writer) => writer.may_write().await.map_err(|error| chain(&error)),
        Err(error) => Err(chain(&error)),
    };
    match report {
        Ok(report) if report.standby => findings.bad(
            "links",
            "datatracker.write_url leads to a standby, where no room link can be written: set it to the primary, or write_back = false",
        ),
        Ok(report) if report.is_enough() => findings.good("links", "room links can be written"),
        Ok(report) => findings.bad("links", format!("{report}; or set datatracker.write_back = false")),
        Err(words) => findings.bad("links", words),
    }
}

async fn check_ledger(settings: &Settings, findings: &mut Findings) {
    let opened = match app::ledger_database(settings, true) {
        Ok(database) => Ledger::open(database).await.map_err(|error| chain(&error)),
        Err(error) => Err(chain(&error)),
    };
    match opened {
        Ok(_) => findings.good("ledger", "there, and of a version that this release works with"),
        Err(words) => findings.bad("ledger", words),
    }
}

async fn check_provider(
    context: &Context,
    settings: &Settings,
    group: Option<&GroupAcronym>,
    findings: &mut Findings,
) {
    let backend = context.backend(settings, true);
    let meetecho = match app::meetecho(settings, backend) {
        Ok(meetecho) => meetecho,
        Err(error) => return findings.bad("meetecho", chain(&error)),
    };
    if backend.is_debug() {
        return findings.told("meetecho", "the debug backend is on: nothing is sent");
    }
    match meetecho.check_credentials(group).await {
        Outcome::Applied(()) => {
            findings.good("meetecho", format!("{} takes our credentials", settings.meetecho.api_base));
        }
        Outcome::Retry { fault, .. } | Outcome::Refused(fault) | Outcome::InDoubt(fault) => {
            findings.bad("meetecho", format!("{}: {fault}", fault.why));
        }
    }
}
