//! `meetsync hold`: stops the automatic steps of sessions, or of all, until a time.

use chrono::{DateTime, TimeDelta, Utc};

use super::args::HoldArgs;
use super::exit::Exit;
use super::output;
use super::which::refuse_excluded;
use super::{CliError, Context};
use crate::app::{self, LedgerNeed};
use crate::clock;
use crate::database::chain;
use crate::datatracker::ReadError;
use crate::ledger::Ledger;
use crate::model::{Hold, Scope, Session, SessionId, Snapshot};
use crate::plan::{Page, Paint, Style, exact, when};
use crate::reconcile::ReconcileError;
use crate::reconcile::operate::{self, HoldOn};
use crate::settings::{Environment, Settings};

/// Longer ones belong elsewhere: it is shown in one line.
const LONGEST_REASON: usize = 500;
/// What is to rest for longer is no longer meant to be in step, and better left out by `[scope]`.
const LONGEST: TimeDelta = TimeDelta::days(366);
/// A command to copy names no more sessions.
const MOST_NAMED: usize = 8;

pub(super) async fn run(context: &Context, args: &HoldArgs) -> Result<Exit, CliError> {
    let reason = args.reason.trim();
    refuse(args, reason)?;
    let settings = context.settings()?;
    let scope = args.which.scope(&args.bare, &settings).await?;
    let ledger = open(context, &settings).await?;
    let now = ledger.clock().await?;
    let (on, snapshot) = held_by(&settings, &ledger, args.all, &scope, now).await?;
    let hold = Hold {
        until: args.until.moment(now),
        by: who(&Environment::of_process(), &app::host_name()),
        reason: reason.to_owned(),
    };
    let placed = operate::hold(&ledger, &on, &hold, now).await?;
    output::text(&held_text(&hold, &placed, snapshot.as_ref(), now))?;
    say_if_rehearsed(&ledger);
    Ok(Exit::Done)
}

/// What is wrong with the arguments alone.
fn refuse(args: &HoldArgs, reason: &str) -> Result<(), CliError> {
    let now = clock::now();
    if !args.all && args.which.names_nothing(&args.bare) {
        return Err(CliError::Usage(
            "hold needs a session, group or meeting (meetsync hold SESSION ...), or --all".into(),
        ));
    }
    if reason.is_empty() {
        return Err(CliError::Usage(
            "say why it is held: --reason TEXT; whoever wonders why nothing is sent will read it".into(),
        ));
    }
    if reason.chars().count() > LONGEST_REASON {
        return Err(CliError::Usage(format!("the reason is longer than {LONGEST_REASON} characters")));
    }
    let until = args.until.moment(now);
    if until <= now {
        return Err(CliError::Usage(format!(
            "{} UTC is not in the future: a hold until then would be over already",
            exact(until)
        )));
    }
    if until - now > LONGEST {
        return Err(CliError::Usage(format!(
            "{} UTC is too far ahead: a hold lasts {} days at most, and can be put on again",
            exact(until),
            LONGEST.num_days()
        )));
    }
    Ok(())
}

/// The ledger to write a hold into, or to rehearse on.
pub(super) async fn open(context: &Context, settings: &Settings) -> Result<Ledger, CliError> {
    let is_debug = context.backend(settings, true).is_debug();
    Ok(app::ledger(settings, LedgerNeed::Required, is_debug).await?)
}

pub(super) fn say_if_rehearsed(ledger: &Ledger) {
    if ledger.is_rehearsal() {
        output::note("meetsync: rehearsed only (debug backend): the ledger is unchanged");
    }
}

/// What the arguments name; and the sessions as the datatracker has them, which is not asked about `--all`.
pub(super) async fn held_by(
    settings: &Settings,
    ledger: &Ledger,
    all: bool,
    scope: &Scope,
    now: DateTime<Utc>,
) -> Result<(HoldOn, Option<Snapshot>), CliError> {
    if all {
        return Ok((HoldOn::Everything, None));
    }
    let datatracker = app::datatracker(settings)?;
    let read = operate::sessions_of(&datatracker, ledger, &settings.policy(), scope, now).await;
    let mut snapshot = match read {
        Err(ReconcileError::Read(error)) if needs_nobody(scope, &error) => {
            output::note(&format!(
                "meetsync: whether these sessions exist could not be asked: {}",
                chain(&error)
            ));
            return Ok((HoldOn::Sessions(scope.sessions.clone()), None));
        }
        read => read?,
    };
    refuse_excluded(scope, &snapshot)?;
    snapshot.sessions.retain(|session| scope.includes(session));
    if !snapshot.complete {
        return Err(CliError::Other(
            "the read of the datatracker was not complete, so it is not known which sessions are meant; run it again"
                .into(),
        ));
    }
    if snapshot.sessions.is_empty() {
        return Err(CliError::Other(
            "no session that is scheduled from yesterday on answers to this; name one by its id all the same"
                .into(),
        ));
    }
    let ids = snapshot.sessions.iter().map(|session| session.id).collect();
    Ok((HoldOn::Sessions(ids), Some(snapshot)))
}

/// Sessions that are named by their ids are known without the datatracker, where it can't be read.
fn needs_nobody(scope: &Scope, error: &ReadError) -> bool {
    let is_unread = !matches!(error, ReadError::Unknown(_));
    is_unread && !scope.sessions.is_empty() && scope.groups.is_empty() && scope.meetings.is_empty()
}

/// Who holds, so that people know whom to ask: `anna@host`. Under `sudo` it is whoever called that.
fn who(environment: &Environment, host: &str) -> String {
    let names = ["SUDO_USER", "LOGNAME", "USER"].into_iter().filter_map(|name| environment.get(name));
    let name = names.map(str::trim).find(|name| !name.is_empty());
    format!("{}@{host}", name.unwrap_or("somebody"))
}

/// A hold in words: `until ..., by ...: ...`.
pub(super) fn in_words(hold: &Hold) -> String {
    format!("until {} UTC, by {}: {}", exact(hold.until), hold.by, hold.reason)
}

/// A session with its group and time, as far as they are known.
pub(super) fn named(id: SessionId, snapshot: Option<&Snapshot>, now: DateTime<Utc>) -> String {
    let session: Option<&Session> = snapshot.and_then(|snapshot| snapshot.session(id));
    let Some(session) = session else { return format!("session {id}") };
    let slot =
        session.slot.map_or_else(|| "not scheduled".into(), |slot| when(slot, &session.time_zone, now));
    format!("session {id} {}  {slot}", session.group)
}

fn held_text(
    hold: &Hold,
    placed: &[(Option<SessionId>, Option<Hold>)],
    snapshot: Option<&Snapshot>,
    now: DateTime<Utc>,
) -> String {
    let mut page = Page::new(&Style::default());
    let is_everything = placed.iter().any(|(session, _)| session.is_none());
    let what = if is_everything { "Everything is held" } else { "Held" };
    page.line(Paint::Bold, format!("{what} {}", in_words(hold)));
    for (session, before) in placed {
        let who = session.map_or_else(|| "everything".to_owned(), |id| named(id, snapshot, now));
        let instead = before.as_ref().map(|before| format!("instead of {}", in_words(before)));
        match (session, instead) {
            (Some(_), Some(instead)) => page.line(Paint::Plain, format!("  {who}; {instead}")),
            (Some(_), None) => page.line(Paint::Plain, format!("  {who}")),
            (None, Some(instead)) => page.line(Paint::Plain, format!("  {instead}")),
            (None, None) => {}
        }
    }
    let ids: Vec<String> =
        placed.iter().filter_map(|(session, _)| session.map(|id| id.to_string())).collect();
    let ends = match ids.len() {
        _ if is_everything => "--all".to_owned(),
        1..=MOST_NAMED => ids.join(" "),
        _ => "with the same choice of sessions".to_owned(),
    };
    page.line(
        Paint::Plain,
        format!("Nothing is sent by itself until then; meetsync push still sends. To end it: meetsync release {ends}"),
    );
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_signed_by_a_person_at_a_machine() {
        let signed = |variables: &[(&str, &str)]| who(&variables.iter().copied().collect(), "desk");
        assert_eq!(signed(&[("SUDO_USER", "anna"), ("LOGNAME", "root"), ("USER", "root")]), "anna@desk");
        assert_eq!(signed(&[("SUDO_USER", " "), ("USER", "ben")]), "ben@desk");
        assert_eq!(signed(&[]), "somebody@desk");
    }

    #[test]
    fn what_is_held_and_what_that_replaced() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        let now = at("2026-11-21T12:00:00Z");
        let hold =
            |until: &str, reason: &str| Hold { until: at(until), by: "anna".into(), reason: reason.into() };
        let new = hold("2026-11-21T14:00:00Z", "the chairs\nasked");
        let old = hold("2026-11-21T13:00:00Z", "before");
        insta::assert_snapshot!(
            held_text(&new, &[(Some(SessionId(7)), None), (Some(SessionId(8)), Some(old.clone()))], None, now),
            @r"
        Held until Sat 2026-11-21 14:00:00 UTC, by anna: the chairs asked
          session 7
          session 8; instead of until Sat 2026-11-21 13:00:00 UTC, by anna: before
        Nothing is sent by itself until then; meetsync push still sends. To end it: meetsync release 7 8
        ");
        insta::assert_snapshot!(held_text(&new, &[(None, Some(old))], None, now), @r"
        Everything is held until Sat 2026-11-21 14:00:00 UTC, by anna: the chairs asked
          instead of until Sat 2026-11-21 13:00:00 UTC, by anna: before
        Nothing is sent by itself until then; meetsync push still sends. To end it: meetsync release --all
        ");
    }
}
