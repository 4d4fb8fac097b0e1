//! Who is at work, who is gone without a word, and what was done last.

use super::words::{clock, name, span};
use crate::ledger::{Replica, WorkedOn, is_gone};
use crate::plan::{Page, Paint};
use crate::reconcile::status::Status;

/// The history is cut to so many lines; JSON has more.
const LINES: usize = 10;

pub(super) fn at_work(page: &mut Page, status: &Status) {
    let now = status.as_of;
    page.blank();
    page.line(Paint::Bold, "At work");
    let (there, gone): (Vec<&Replica>, Vec<&Replica>) =
        status.replicas.iter().partition(|replica| replica.is_there(now));
    let is_at_it = |lease: &WorkedOn| !is_gone(&lease.owner, &status.replicas, now);
    if there.is_empty() && !status.leases.iter().any(is_at_it) {
        page.line(Paint::Plain, "  nobody");
    }
    for replica in there {
        let Replica { name, version, .. } = replica;
        let (seen, started) = (span(now - replica.seen), clock(replica.started, now));
        let thinks = match replica.provider.as_str() {
            "down" => "; Meetecho does not answer it",
            "credentials_rejected" => "; Meetecho rejects its credentials",
            // It may not have asked.
            _ => "",
        };
        let settings =
            if replica.refused_settings.is_some() { "; goes on with its settings of before" } else { "" };
        page.line(
            Paint::Plain,
            format!("  {name} (version {version}), seen {seen} ago, there since {started}{thinks}{settings}"),
        );
    }
    for lease in &status.leases {
        let (owner, session, left) = (&lease.owner, lease.session, span(lease.until - now));
        page.line(
            Paint::Plain,
            if is_at_it(lease) {
                format!("  {owner} works on session {session}, for {left} more at most")
            } else {
                format!("  session {session} is left alone for {left} more at most: {owner} worked on it, and is gone")
            },
        );
    }
    if gone.is_empty() {
        return;
    }
    page.blank();
    page.line(Paint::Bold, "Gone without a word");
    for replica in gone {
        let (seen, ago) = (clock(replica.seen, now), span(now - replica.seen));
        page.line(Paint::Plain, format!("  {}, last seen at {seen} ({ago} ago)", replica.name));
    }
}

pub(super) fn history(page: &mut Page, status: &Status) {
    if status.attempts.is_empty() {
        return;
    }
    let now = status.as_of;
    let rows: Vec<Vec<String>> = status
        .attempts
        .iter()
        .take(LINES)
        .map(|attempt| {
            vec![
                clock(attempt.at, now),
                name(attempt.subject),
                attempt.what.clone(),
                attempt.outcome.clone(),
                attempt.who.clone(),
                attempt.words.clone().unwrap_or_default(),
            ]
        })
        .collect();
    page.blank();
    page.table(&["last attempts", "of", "what", "outcome", "by", "words"], &rows);
}
