//! Whose link is it? An interim's `remote_instructions` decide what we may touch.
//!
//! Blank means that a room was asked for and is missing; a link of ours is the room; anything else is a person's
//! own words. The forms `?session=`, `?short=` and `?group=` have all been seen on Meetecho's host, so a link
//! with our prefix that no room answers to is a case of its own: shown, never replaced.

use url::Url;

use crate::model::{Digest, RoomRecord, SeenRoom, SessionId, digest_of};

/// What a session's link is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Blank,
    Ours,
    /// Our prefix, but nothing ties it to this session.
    Unmatched,
    /// A person's words, or another session's room.
    Foreign,
}

/// What is needed to tell whose a link is.
#[derive(Debug, Clone, Copy)]
pub(super) struct LinkKnowledge<'a> {
    pub session: SessionId,
    /// The room that the ledger wrote or adopted for this session.
    pub record: Option<&'a RoomRecord>,
    /// The rooms of the session's group, where they were read.
    pub seen: &'a [SeenRoom],
    /// `rooms.link_prefix`.
    pub prefix: &'a str,
}

pub(super) fn classify(link: &str, know: LinkKnowledge<'_>) -> Link {
    let link = link.trim();
    if link.is_empty() {
        return Link::Blank;
    }
    if know.record.is_some_and(|record| record.url == link || record.former_url.as_deref() == Some(link)) {
        return Link::Ours;
    }
    // A sentence may contain a link; it is a person's all the same.
    let is_one_word = !link.contains(char::is_whitespace);
    let named = is_one_word.then(|| session_in(link)).flatten();
    if is_one_word {
        if let Some(room) = know.seen.iter().find(|room| shows(link, room)) {
            return if room.room_id == know.session.0 { Link::Ours } else { Link::Foreign };
        }
        if link.starts_with(know.prefix) && named == Some(know.session) {
            return Link::Ours;
        }
    }
    match named {
        None if link.starts_with(know.prefix) => Link::Unmatched,
        Some(_) | None => Link::Foreign,
    }
}

fn shows(link: &str, room: &SeenRoom) -> bool {
    leads_to(link, &room.url, &room.public_id)
}

/// Whether the link is a room's URL or holds its public id.
pub fn leads_to(link: &str, url: &str, public_id: &str) -> bool {
    link == url || (!public_id.is_empty() && link.contains(public_id))
}

/// The session that a link names: `?session=35206`.
pub(super) fn session_in(link: &str) -> Option<SessionId> {
    let url = Url::parse(link).ok()?;
    url.query_pairs().find(|(key, _)| key == "session").and_then(|(_, id)| id.parse().ok()).map(SessionId)
}

/// A link that may leave the house: what is not ours becomes `other:` and eight digits of its hash, so that an
/// export carries no person's words and still plans the same.
pub fn sanitised(link: &str, is: Link, prefix: &str) -> String {
    let Digest(hash) = digest_of(link);
    let token = format!("other:{}", hash.get(..8).unwrap_or_default());
    match is {
        Link::Blank | Link::Ours => link.to_owned(),
        Link::Unmatched => format!("{prefix}{token}"),
        Link::Foreign => token,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    const PREFIX: &str = "https://meetings.conf.meetecho.com/interim/";

    fn room(id: i64, public_id: &str) -> SeenRoom {
        SeenRoom {
            room_id: id,
            public_id: public_id.into(),
            url: format!("{PREFIX}?short={public_id}"),
            description: String::new(),
            start: DateTime::UNIX_EPOCH,
            duration_min: 60,
        }
    }

    #[test]
    fn every_form_that_was_seen() {
        let seen = [room(7, "3d55bce0-aaaa"), room(8, "99999999-bbbb")];
        let know = LinkKnowledge { session: SessionId(7), record: None, seen: &seen, prefix: PREFIX };
        for (link, expected) in [
            ("", Link::Blank),
            ("  \n", Link::Blank),
            ("https://meetings.conf.meetecho.com/interim/?session=7", Link::Ours),
            ("https://meetings.conf.meetecho.com/interim/?session=77", Link::Foreign),
            ("https://meetings.conf.meetecho.com/interim/?short=3d55bce0-aaaa", Link::Ours),
            ("https://meetings.conf.meetecho.com/interim/?group=mars&short=3d55bce0-aaaa", Link::Ours),
            ("https://meetings.conf.meetecho.com/interim/?short=99999999-bbbb", Link::Foreign),
            ("https://meetings.conf.meetecho.com/interim/?short=00000000-cccc", Link::Unmatched),
            ("https://meetings.conf.meetecho.com/interim/?group=mars", Link::Unmatched),
            ("https://webex.example.org/meet/mars?session=7", Link::Foreign),
            ("Join https://meetings.conf.meetecho.com/interim/?short=3d55bce0-aaaa, pin 12", Link::Foreign),
            ("https://meetings.conf.meetecho.com/interim/?session=7 or dial in", Link::Unmatched),
        ] {
            assert_eq!(classify(link, know), expected, "{link}");
        }
    }

    #[test]
    fn a_sanitised_link_is_classified_as_before_and_holds_no_words() {
        let know = LinkKnowledge { session: SessionId(7), record: None, seen: &[], prefix: PREFIX };
        for link in ["", "Ask Karen for the pin", "https://meetings.conf.meetecho.com/interim/?group=mars"] {
            let clean = sanitised(link, classify(link, know), PREFIX);
            assert_eq!(classify(&clean, know), classify(link, know), "{link} -> {clean}");
            assert!(!clean.contains("Karen") && !clean.contains("mars"));
        }
    }
}
