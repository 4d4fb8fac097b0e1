//! `meetsync release`: ends holds before their time.

use chrono::{DateTime, Utc};

use super::args::ReleaseArgs;
use super::exit::Exit;
use super::hold::{held_by, in_words, named, open, say_if_rehearsed};
use super::output;
use super::{CliError, Context};
use crate::ledger::{Ledger, LedgerError};
use crate::model::{Hold, Scope, SessionId, Snapshot};
use crate::plan::{Page, Paint, Style};
use crate::reconcile::operate::{self, HoldOn};

pub(super) async fn run(context: &Context, args: &ReleaseArgs) -> Result<Exit, CliError> {
    if !args.all && args.which.names_nothing(&args.bare) {
        return Err(CliError::Usage(
            "release needs a session, group or meeting (meetsync release SESSION ...), or --all".into(),
        ));
    }
    let settings = context.settings()?;
    let scope = args.which.scope(&args.bare, &settings).await?;
    let ledger = open(context, &settings).await?;
    let now = ledger.clock().await?;
    let (on, snapshot) = match all_held(&ledger, &scope).await? {
        // Nobody else needs asking: a hold can be ended while the datatracker is away, or has lost the session.
        Some(on) => (on, None),
        None => held_by(&settings, &ledger, args.all, &scope, now).await?,
    };
    let released = operate::release(&ledger, &on, now).await?;
    let still: Vec<(Option<SessionId>, Hold)> =
        ledger.holds().await?.into_iter().filter(|(_, hold)| now < hold.until).collect();
    output::text(&released_text(&released, &still, snapshot.as_ref(), now))?;
    say_if_rehearsed(&ledger);
    Ok(Exit::Done)
}

/// The sessions of a scope that names nothing else, where all of them are held.
async fn all_held(ledger: &Ledger, scope: &Scope) -> Result<Option<HoldOn>, LedgerError> {
    if scope.sessions.is_empty() || !scope.groups.is_empty() || !scope.meetings.is_empty() {
        return Ok(None);
    }
    let holds = ledger.holds().await?;
    let is_held = |id: &SessionId| holds.iter().any(|(held, _)| *held == Some(*id));
    Ok(scope.sessions.iter().all(is_held).then(|| HoldOn::Sessions(scope.sessions.clone())))
}

fn released_text(
    released: &[(Option<SessionId>, Option<Hold>)],
    still: &[(Option<SessionId>, Hold)],
    snapshot: Option<&Snapshot>,
    now: DateTime<Utc>,
) -> String {
    let mut page = Page::new(&Style::default());
    for (session, was) in released {
        let who = session.map_or_else(|| "everything".to_owned(), |id| named(id, snapshot, now));
        page.line(
            Paint::Plain,
            match was {
                Some(was) => format!("Released: {who}; it was held {}", in_words(was)),
                None => format!("Not held: {who}"),
            },
        );
    }
    let everything = still.iter().find(|(session, _)| session.is_none());
    let of_sessions = released.iter().any(|(session, _)| session.is_some());
    if let (Some((_, hold)), true) = (everything, of_sessions) {
        page.line(
            Paint::Refused,
            format!(
                "! Still nothing is sent: everything is held {} (meetsync release --all)",
                in_words(hold)
            ),
        );
    }
    if !of_sessions {
        for (id, hold) in still.iter().filter_map(|(session, hold)| Some(((*session)?, hold))) {
            page.line(Paint::Plain, format!("Session {id} has a hold of its own, {}", in_words(hold)));
        }
    }
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_and_what_still_is() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        let now = at("2026-11-21T12:00:00Z");
        let hold = Hold { until: at("2026-11-21T14:00:00Z"), by: "anna".into(), reason: "asked".into() };
        let of = |id: i64| Some(SessionId(id));
        let released = [(of(7), Some(hold.clone())), (of(8), None)];
        insta::assert_snapshot!(released_text(&released, &[(None, hold.clone())], None, now), @r"
        Released: session 7; it was held until Sat 2026-11-21 14:00:00 UTC, by anna: asked
        Not held: session 8
        ! Still nothing is sent: everything is held until Sat 2026-11-21 14:00:00 UTC, by anna: asked (meetsync release --all)
        ");
        insta::assert_snapshot!(released_text(&[(None, None)], &[(of(7), hold)], None, now), @r"
        Not held: everything
        Session 7 has a hold of its own, until Sat 2026-11-21 14:00:00 UTC, by anna: asked
        ");
    }
}
