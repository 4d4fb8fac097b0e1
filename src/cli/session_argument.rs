//! A session as people name it: its id, or a URL that they pasted.

use std::str::FromStr;

use url::Url;

use crate::model::SessionId;

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
