//! A session as people name it: its id, or a URL that they pasted. Which one is meant by the page of a group's sessions at a
//! meeting only the datatracker can say (`which`).

use std::str::FromStr;

use url::Url;

use crate::model::{GroupAcronym, MeetingNumber, SessionId};

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SessionArgument {
    /// `35206`, `https://meetings.conf.meetecho.com/interim/?session=35206`, or the URL of a session's page or materials
    /// in the datatracker with its id in the path.
    Id(SessionId),
    /// The one that a group has at a meeting, as the datatracker's pages name it: `/meeting/127/session/tls`.
    AtMeeting(MeetingNumber, GroupAcronym),
}

impl FromStr for SessionArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.trim().parse() {
            return Ok(Self::Id(SessionId(id)));
        }
        let url = Url::parse(text.trim()).ok();
        let by_id = || url.as_ref().and_then(session_in_url).map(|id| Self::Id(SessionId(id)));
        let by_group = || {
            let (meeting, group) = group_at_meeting(url.as_ref()?)?;
            Some(Self::AtMeeting(meeting, group))
        };
        by_id().or_else(by_group).ok_or_else(|| {
            format!(
                "{text:?} is not a session: expected its id, or a URL with ?session=ID, /session/ID or \
                 /meeting/NUMBER/session/GROUP"
            )
        })
    }
}

/// What `explain` is asked about: a session, or all of a group's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExplainArgument {
    Session(SessionArgument),
    Group(GroupAcronym),
}

impl FromStr for ExplainArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = text.trim();
        if let Some(group) = acronym(word) {
            return Ok(Self::Group(group));
        }
        let session = text.parse();
        session
            .map(Self::Session)
            .map_err(|error: String| error.replace("a session:", "a session, nor a group's acronym:"))
    }
}

fn acronym(word: &str) -> Option<GroupAcronym> {
    let is_acronym = word.chars().any(char::is_alphabetic)
        && word.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'));
    // As the datatracker writes them.
    is_acronym.then(|| GroupAcronym::new(word.to_ascii_lowercase()))
}

/// `/meeting/127/session/tls`, or what follows that.
fn group_at_meeting(url: &Url) -> Option<(MeetingNumber, GroupAcronym)> {
    let mut segments = url.path_segments()?;
    segments.find(|segment| *segment == "meeting")?;
    let meeting = segments.next().filter(|meeting| !meeting.is_empty())?;
    if segments.next()? != "session" {
        return None;
    }
    Some((MeetingNumber::new(meeting), acronym(segments.next()?)?))
}

fn session_in_url(url: &Url) -> Option<i64> {
    let in_query = url.query_pairs().find(|(key, _)| key == "session").and_then(|(_, id)| id.parse().ok());
    in_query.or_else(|| {
        let mut segments = url.path_segments()?;
        segments.find(|segment| *segment == "session")?;
        segments.next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explain_takes_groups_too() {
        let group = |text: &str| Ok(ExplainArgument::Group(GroupAcronym::new(text)));
        for (text, expected) in [
            ("35206", Ok(ExplainArgument::Session(SessionArgument::Id(SessionId(35206))))),
            (
                "https://example.org/?session=7",
                Ok(ExplainArgument::Session(SessionArgument::Id(SessionId(7)))),
            ),
            ("mars", group("mars")),
            ("6MAN", group("6man")),
            ("cfrg-old", group("cfrg-old")),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        for (page, meeting, group) in [
            ("https://datatracker.ietf.org/meeting/127/session/tls", "127", "tls"),
            ("https://datatracker.ietf.org/meeting/127/session/TLS/?x=1", "127", "tls"),
            (
                "https://datatracker.ietf.org/meeting/interim-2026-moq-07/session/moq",
                "interim-2026-moq-07",
                "moq",
            ),
        ] {
            let expected = SessionArgument::AtMeeting(MeetingNumber::new(meeting), GroupAcronym::new(group));
            assert_eq!(page.parse(), Ok(expected.clone()), "{page}");
            assert_eq!(page.parse(), Ok(ExplainArgument::Session(expected)), "{page}");
        }
        let by_id = "https://datatracker.ietf.org/meeting/127/session/36001/materials";
        let expected = ExplainArgument::Session(SessionArgument::Id(SessionId(36001)));
        assert_eq!(by_id.parse(), Ok(expected));
        for bad in [
            "",
            "https://example.org/",
            "a b",
            "-",
            "ä",
            "https://datatracker.ietf.org/meeting/127/agenda/tls",
            "https://datatracker.ietf.org/meeting/127/session/",
        ] {
            assert!(bad.parse::<ExplainArgument>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_and_urls_name_a_session() {
        for text in [
            "35206",
            "https://meetings.conf.meetecho.com/interim/?session=35206",
            "https://meetings.conf.meetecho.com/onsite126/?group=moq&session=35206",
            "https://datatracker.ietf.org/meeting/126/session/35206/materials",
        ] {
            assert_eq!(text.parse(), Ok(SessionArgument::Id(SessionId(35206))), "{text}");
        }
        for bad in ["mars", "", "https://example.org/?session=x", "https://example.org/"] {
            assert!(bad.parse::<SessionArgument>().is_err(), "{bad}");
        }
    }
}
