//! The one place that touches the network: a request goes in, an answer or the reason for its absence comes out.
//!
//! It does not know what a room or a deck is, judges no answer and tries nothing twice. What it does know is
//! the difference that everything above depends on: a request that certainly never reached the other side
//! ([`SendError::NotSent`]) against one that may have ([`SendError::Unanswered`]).

mod debug;
mod live;
mod pace;
mod redaction;
mod twin;

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

pub use debug::{Answer, DebugLog, DebugTransport};
pub use live::{BadEndpoint, Live, LiveOptions};
pub use pace::{Pace, Permit};
pub use redaction::{REDACTED, Scrubber};
pub use twin::{Exchange, FarSide, TwinTransport};

/// The methods that are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A JSON body: what is sent, and what may be shown of it.
#[derive(Clone)]
pub struct Body {
    bytes: Vec<u8>,
    shown: String,
}

impl Body {
    /// A body without secrets.
    pub fn open(text: String) -> Self {
        Self { bytes: text.clone().into_bytes(), shown: text }
    }

    /// A body that holds a secret; `shown` is the same text with `[redacted]` in its place.
    pub fn with_secret(text: String, shown: String) -> Self {
        Self { bytes: text.into_bytes(), shown }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text for logs and for people.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// One request. `Debug` shows neither the bearer nor a secret in the body.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub bearer: Option<SecretString>,
    pub body: Option<Body>,
}

/// One complete answer, with at most 1 MiB of body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub content_type: Option<String>,
    /// `Retry-After`, in seconds or as a date compared with the answer's own `Date`. As the server sent it.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// Why there is no usable answer. The words complete the sentence "Meetecho ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Provably not processed: no connection was made.
    #[error("could not be reached: {words}")]
    NotSent { words: String },
    /// Not sent: by the time its turn came, whoever wanted it did not want it any more.
    #[error("was not asked: it was too late for that when the request's turn came")]
    Withheld,
    /// The request may have been processed: it was sent (or might have been), and no whole answer came back.
    #[error("gave no answer: {words}")]
    Unanswered { words: String },
    /// A success with more body than anybody wants.
    #[error("answered {status} with more than {limit} bytes")]
    TooLarge { status: u16, limit: usize },
}

/// Live, a rehearsal, or a simulation.
#[derive(Debug)]
pub enum Transport {
    Live(Live),
    Debug(DebugTransport),
    Twin(TwinTransport),
}

impl Transport {
    /// How long the other side asked to be left alone from now on, if it did.
    pub fn quiet_for(&self) -> Option<Duration> {
        match self {
            Self::Live(live) => live.pace().quiet_for(),
            Self::Debug(_) => None,
            Self::Twin(twin) => twin.pace().quiet_for(),
        }
    }

    /// Sends one request once. `goes` is called when its turn has come, right before it may reach the other side: who
    /// is cancelled before that has sent nothing. Where it says no, nothing is sent either.
    pub async fn send(&self, request: &Request, goes: impl FnOnce() -> bool) -> Result<Response, SendError> {
        match self {
            Self::Live(live) => live.send(request, goes).await,
            Self::Debug(debug) => {
                if goes() {
                    debug.send(request)
                } else {
                    Err(SendError::Withheld)
                }
            }
            Self::Twin(twin) => twin.send(request, goes).await,
        }
    }
}
