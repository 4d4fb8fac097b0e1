//! A session as people name it: its id, or a URL that they pasted.

use std::str::FromStr;

use url::Url;

use crate::model::{GroupAcronym, SessionId};

/// `35206`, `https://meetings.conf.meetecho.com/interim/?session=35206`, or the URL of a session's page or materials
/// in the datatracker with its id in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionArgument(pub(crate) SessionId);

impl FromStr for SessionArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.trim().parse() {
            return Ok(Self(SessionId(id)));
        }
        Url::parse(text.trim())
            .ok()
            .and_then(|url| session_in_url(&url))
            .map(|id| Self(SessionId(id)))
            .ok_or_else(|| {
                format!(
                    "{text:?} is not a session: expected its id, or a URL with ?session=ID or /session/ID"
                )
            })
    }
}

/// What `explain` is asked about: a session, or all of a group's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExplainArgument {
    Session(SessionId),
    Group(GroupAcronym),
}

impl FromStr for ExplainArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = text.trim();
        let is_acronym = word.chars().any(char::is_alphabetic)
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'));
        if is_acronym {
            // As the datatracker writes them.
            return Ok(Self::Group(GroupAcronym::new(word.to_ascii_lowercase())));
        }
        let session: SessionArgument = text
            .parse()
            .map_err(|error: String| error.replace("a session:", "a session, nor a group's acronym:"))?;
        Ok(Self::Session(session.0))
    }
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
            ("35206", Ok(ExplainArgument::Session(SessionId(35206)))),
            ("https://example.org/?session=7", Ok(ExplainArgument::Session(SessionId(7)))),
            ("mars", group("mars")),
            ("6MAN", group("6man")),
            ("cfrg-old", group("cfrg-old")),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        for bad in ["", "https://example.org/", "a b", "-", "ä"] {
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
            assert_eq!(text.parse(), Ok(SessionArgument(SessionId(35206))), "{text}");
        }
        for bad in ["mars", "", "https://example.org/?session=x", "https://example.org/"] {
            assert!(bad.parse::<SessionArgument>().is_err(), "{bad}");
        }
    }
}
