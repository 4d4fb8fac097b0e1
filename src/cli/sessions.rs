//! `meetsync sessions`: what the datatracker says, as we read it. All linked slides, deleted ones too.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::args::SessionsArgs;
use super::exit::Exit;
use super::output::{self, Output};
use super::{CliError, Context};
use crate::app;
use crate::datatracker::{Look, Range};
use crate::desired::{Window, window};
use crate::model::{
    DeckId, GroupAcronym, LinkedDeck, MeetingNumber, NotifyTime, Provider, Session, SessionId, SessionStatus,
};
use crate::plan::sessions_text;

/// One session, with the keys that scripts rely on.
#[derive(Debug, Serialize)]
struct SessionLine<'a> {
    session: SessionId,
    meeting: &'a MeetingNumber,
    meeting_type: &'a str,
    group: &'a GroupAcronym,
    name: &'a str,
    status: &'a SessionStatus,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    time_zone: &'a str,
    remote_instructions: &'a str,
    provider: Provider,
    window: Window,
    decks: Vec<DeckLine<'a>>,
}

#[derive(Debug, Serialize)]
struct DeckLine<'a> {
    id: DeckId,
    title: &'a str,
    url: &'a str,
    rev: &'a str,
    order: i32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
}

impl<'a> DeckLine<'a> {
    fn of(linked: &'a LinkedDeck) -> Self {
        let deck = &linked.deck;
        Self {
            id: deck.id,
            title: &deck.title,
            url: &deck.url,
            rev: &deck.rev,
            order: deck.order,
            deleted: linked.deleted,
        }
    }
}

impl<'a> SessionLine<'a> {
    fn of(session: &'a Session, notify: NotifyTime, now: DateTime<Utc>) -> Self {
        Self {
            session: session.id,
            meeting: &session.meeting,
            meeting_type: &session.meeting_type,
            group: &session.group,
            name: &session.name,
            status: &session.status,
            start: session.slot.map(|slot| slot.start),
            end: session.slot.map(|slot| slot.end),
            time_zone: &session.time_zone,
            remote_instructions: &session.remote_instructions,
            provider: Provider::Meetecho,
            window: window(session, notify, now),
            decks: session.decks.iter().map(DeckLine::of).collect(),
        }
    }
}

pub(super) async fn run(context: &Context, args: SessionsArgs) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let output = Output::new(args.json);
    let scope = args.scope.scope(&settings).await?;
    let range = if scope.sessions.is_empty() { Range::Everything } else { Range::OnlyNamed };
    let look = Look { range, named: scope.sessions.clone(), must_exist: scope.clone(), ..Look::default() };
    let mut snapshot = app::datatracker(&settings)?.snapshot(&look).await?;
    snapshot.sessions.retain(|session| scope.includes(session));
    let notify = settings.slides.notify;
    if output.is_json() {
        let lines = snapshot.sessions.iter().map(|session| SessionLine::of(session, notify, snapshot.as_of));
        output::json_list(lines)?;
    } else {
        let style = output.style(scope);
        output::text(&sessions_text(&snapshot.sessions, notify, snapshot.as_of, &style))?;
    }
    Ok(Exit::Done)
}
