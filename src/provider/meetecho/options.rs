//! Where Meetecho is, who we are there, and how much at once we ask of it.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// How Meetecho is reached; the names are those of section `[meetecho]`.
#[derive(Debug, Clone)]
pub struct MeetechoOptions {
    /// With or without a slash at its end.
    pub api_base: Url,
    pub client_id: String,
    pub client_secret: SecretString,
    /// Requests under way at once, of this process.
    pub max_in_flight: usize,
    /// Requests per second, of this process; 0 = no limit.
    pub rate: f64,
    /// How long a `Retry-After` is honoured; 60 s is the most.
    pub longest_hold: Duration,
    pub request_timeout: Duration,
    pub allow_http: bool,
}

/// A path without it would lose its last part when the calls' names are put on.
pub(super) fn with_slash(mut base: Url) -> Url {
    base.set_query(None);
    base.set_fragment(None);
    if !base.path().ends_with('/') {
        let path = format!("{}/", base.path());
        base.set_path(&path);
    }
    base
}
