//! A history in words that a person can follow.

use std::fmt;

use meetsync::model::{Materials, RoomPowers};

use super::history::{
    Down, Edge, Fault, Faults, History, Put, SecondRoom, SessionSetup, Struck, What, seconds,
};

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in of_settings(self) {
            writeln!(f, "  {line}")?;
        }
        for session in &self.sessions {
            writeln!(f, "  {}", of_session(session))?;
        }
        if let Some(boundary) = self.dies_at {
            writeln!(f, "  worker 0 is killed between two calls, at the place numbered {boundary}")?;
        }
        writeln!(f, "  what is done to it:")?;
        for event in &self.events {
            writeln!(f, "  {:>8.3} s  {}", seconds(event.at_ms), of_event(self, event.what))?;
        }
        match &self.faults {
            Faults::Drawn { percent } => {
                writeln!(f, "             {percent} % of all calls fail, by the seed")?;
            }
            Faults::Listed(struck) if struck.is_empty() => writeln!(f, "             no call fails")?,
            Faults::Listed(struck) => {
                for Struck { worker, edge, number, fault } in struck {
                    let (who, call, fault) = (of_worker(self, *worker), of_edge(*edge), of_fault(*fault));
                    writeln!(f, "             {who}: {call}, call {}: {fault}", number + 1)?;
                }
            }
        }
        writeln!(f, "  {:>8.3} s  nothing is done and nothing fails from here on", seconds(self.calm_at_ms))
    }
}

/// Who makes a call.
pub(crate) fn of_worker(history: &History, worker: usize) -> String {
    if worker == history.settings.workers {
        "the push by hand".to_owned()
    } else {
        format!("worker {worker}")
    }
}

fn of_settings(history: &History) -> Vec<String> {
    let s = &history.settings;
    let materials = match s.materials {
        Materials::Put => "put",
        Materials::Calls => "calls",
        Materials::WholeList => "whole_list",
    };
    let window =
        s.notify_minutes.map_or("always".to_owned(), |minutes| format!("{minutes} min around the slot"));
    let put = match s.put {
        Put::Replaces => "PUT replaces the whole list",
        Put::Upserts => "PUT takes no deck away",
    };
    let doubles = if s.post_doubles {
        "POST of a deck that is there shows it twice"
    } else {
        "POST of a deck that is there replaces it"
    };
    let second = match s.second_room {
        SecondRoom::Conflict => "is refused with 409",
        SecondRoom::ServerError => "fails with 500",
        SecondRoom::GivesTheFirst => "gives the first one",
        SecondRoom::MakesIt => "is made",
    };
    let powers = match s.powers {
        RoomPowers::Full => "full",
        RoomPowers::NoDelete => "no-delete",
        RoomPowers::Observe => "observe",
    };
    let mut lines = vec![
        format!(
            "{} worker{}; materials = {materials}, window = {window}, poll {} ms, quiet {} ms, max_wait {} ms, \
             refresh {} s, late_effect {} s",
            s.workers,
            if s.workers == 1 { "" } else { "s" },
            s.poll_ms,
            s.quiet_ms,
            s.max_wait_ms,
            s.refresh_s,
            s.late_effect_s,
        ),
        format!(
            "rooms: policy = {powers}, settle {} s, quiet_before {} s, a sweep every {} s, links are {}, at most {} \
             deletions an hour",
            s.settle_s,
            s.quiet_before_s,
            s.sweep_s,
            if s.write_back { "written" } else { "never written" },
            s.max_deletes,
        ),
        format!(
            "lease {} s, request_timeout {} ms; {} % of the edits are told by NOTIFY; the ledger's clock is {} ms off",
            s.lease_s, s.request_timeout_ms, s.told_percent, s.ledger_skew_ms,
        ),
        format!(
            "Meetecho: {put}; {doubles}; a second room of one id {second}; a link names {}",
            if s.link_names_session { "its session" } else { "its room" },
        ),
    ];
    if s.has_shadow {
        lines.push("worker 1 only observes, and never sends slides by its settings".to_owned());
    }
    if s.only_observes {
        lines.push("scope.mode = observe: nothing may be sent".to_owned());
    }
    lines
}

fn of_session(session: &SessionSetup) -> String {
    let SessionSetup { id, is_interim, group, start_s, minutes, decks, own_link } = session;
    let kind = if *is_interim { "an interim" } else { "a session" };
    let begins =
        if *start_s < 0 { format!("began {} s ago", -start_s) } else { format!("begins in {start_s} s") };
    let decks: Vec<String> = decks.iter().map(ToString::to_string).collect();
    let link = if *own_link { ", with a person's own link" } else { "" };
    format!(
        "session {id}: {kind} of {group}, {begins} and lasts {minutes} min, decks [{}]{link}",
        decks.join(" ")
    )
}

fn span(ms: u64) -> String {
    format!("{} s", seconds(ms))
}

/// What is done, or happens.
pub(crate) fn of_event(history: &History, what: What) -> String {
    let id = |session: usize| history.sessions.get(session).map_or(0, |session| session.id);
    let one_or_all = |session: Option<usize>| {
        session.map_or("everything".to_owned(), |session| format!("session {}", id(session)))
    };
    match what {
        What::AddDeck { session, deck } => format!("deck {deck} is added to session {}", id(session)),
        What::RemoveDeck { session, place } => {
            format!("session {} loses its deck at place {place}", id(session))
        }
        What::ReviseDeck { session, place } => {
            format!("session {}: a new revision of its deck at place {place}", id(session))
        }
        What::RenumberDecks { session, by } => {
            format!("session {}: its decks are put in another order (by {by})", id(session))
        }
        What::MarkDeleted { session, place } => {
            format!("session {}: its deck at place {place} is marked deleted, or no longer so", id(session))
        }
        What::UnlinkAll { session } => format!("session {} loses all its decks", id(session)),
        What::Move { session, by_s } => format!("session {} is moved by {by_s} s", id(session)),
        What::Cancel { session } => format!("session {} is cancelled", id(session)),
        What::Restore { session } => format!("session {} is on again", id(session)),
        What::BlankLink { session } => format!("the link of session {} is blanked", id(session)),
        What::OwnLink { session } => {
            format!("a person writes a link of their own into session {}", id(session))
        }
        What::Tombstone { session } => {
            format!("session {} only marks the place of another from now on", id(session))
        }
        What::Hold { session, for_s } => format!("{} is held for {for_s} s", one_or_all(session)),
        What::HoldInStep { session, for_s, released } => {
            let end = if released { ", and released before the step ends" } else { "" };
            format!("session {} is held for {for_s} s when its next step has begun{end}", id(session))
        }
        What::Release { session } => format!("{} is released", one_or_all(session)),
        What::Crash { worker, for_ms, in_step } => {
            let when = if in_step { " in the middle of its next step" } else { "" };
            format!("worker {worker} is killed{when}, and starts again {} later", span(for_ms))
        }
        What::Stall { worker, for_ms } => format!("worker {worker} does nothing for {}", span(for_ms)),
        What::Replace { worker } => format!("worker {worker} is asked to stop, and another takes its place"),
        What::Push { session, killed_after_ms } => {
            let end = killed_after_ms.map_or(String::new(), |ms| format!(", and killed after {}", span(ms)));
            format!("session {} is pushed by hand{end}", id(session))
        }
        What::ForgetDecks => "Meetecho forgets all decks".to_owned(),
        What::ForgetRooms => "Meetecho forgets all rooms".to_owned(),
        What::ForgetTokens => "Meetecho forgets all tokens".to_owned(),
        What::ForeignRoom { group } => format!("somebody makes a room of {group}"),
        What::ProviderDown { for_ms, how } => {
            let how = match how {
                Down::Refuses => "refuses connections",
                Down::Hangs => "hangs",
                Down::Fails => "answers 503",
                Down::AsksForQuiet => "answers 429, and asks for quiet",
                Down::GivesNoTokens => "forgets all tokens, and answers 401 to who asks for one",
            };
            format!("Meetecho {how}, for {}", span(for_ms))
        }
        What::LedgerDown { for_ms } => format!("the ledger is away for {}", span(for_ms)),
        What::SourceDown { for_ms } => format!("the datatracker's database is away for {}", span(for_ms)),
        What::SourceLags { for_ms } => {
            format!("the datatracker's standby stops to follow for {}", span(for_ms))
        }
        What::LinksDown { for_ms } => format!("no link can be written for {}", span(for_ms)),
        What::ClockStep { by_ms } => format!("the datatracker's clock is set by {by_ms} ms"),
    }
}

/// A kind of call.
pub(crate) fn of_edge(edge: Edge) -> String {
    match edge {
        Edge::Source => "reading the datatracker".to_owned(),
        Edge::LedgerRead => "reading the ledger".to_owned(),
        Edge::LedgerPass => "recording a pass or wishes".to_owned(),
        Edge::LedgerTurn => "taking the turn of a sweep".to_owned(),
        Edge::LedgerLease => "taking a lease".to_owned(),
        Edge::LedgerNote => "putting a room on record".to_owned(),
        Edge::LedgerSettle => "writing down how a step ended".to_owned(),
        Edge::Provider(call) => format!("{} {}", call.method(), call.path()),
        Edge::Link => "writing a link".to_owned(),
    }
}

/// What goes wrong with a call.
pub(crate) fn of_fault(fault: Fault) -> String {
    match fault {
        Fault::FailsBefore => "fails, and nothing was done".to_owned(),
        Fault::FailsAfter => "is done, and its answer is lost".to_owned(),
        Fault::Incomplete => "is cut short, and says so".to_owned(),
        Fault::Empty => "finds nothing at all".to_owned(),
        Fault::Stale { by_ms } => format!("sees the state of {} ago", span(by_ms)),
        Fault::Slow { by_ms } => format!("takes {}", span(by_ms)),
        Fault::RefusesConnection => "the connection is refused".to_owned(),
        Fault::RequestLost => "the request is lost".to_owned(),
        Fault::ReplyLost => "takes effect, and the answer is lost".to_owned(),
        Fault::LandsLate { by_ms } => format!("no answer; it takes effect {} after we gave up", span(by_ms)),
        Fault::AnswersLate => "takes effect, and is never answered".to_owned(),
        Fault::Status { status } => format!("is answered {status}, without effect"),
        Fault::StatusAfterEffect { status } => format!("takes effect, and is answered {status}"),
        Fault::TooMany { retry_after_s } => format!("is answered 429, Retry-After {retry_after_s} s"),
        Fault::Html { after_effect: true } => "takes effect, and is answered with a page of HTML".to_owned(),
        Fault::Html { after_effect: false } => "is answered with a page of HTML, without effect".to_owned(),
        Fault::Truncated => "takes effect, and its answer is cut off".to_owned(),
        Fault::TokensExpire => "all tokens are rejected from here on".to_owned(),
    }
}
