//! `[meetecho]`: how Meetecho is spoken to. Names as in the datatracker's `MEETECHO_API_CONFIG`, where it has them.

use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

use super::SettingsError;
use super::secret::secret;
use super::section::Section;
use crate::model::Materials;

pub(super) const KEYS: &[&str] = &[
    "api_base",
    "client_id",
    "client_secret",
    "client_secret_file",
    "request_timeout",
    "debug",
    "allow_http",
    "max_in_flight",
    "rate",
    "materials",
    "late_effect",
    "window",
];

/// The section `[meetecho]`.
#[derive(Debug, Clone)]
pub struct Meetecho {
    /// `api_base`: what every call's address begins with. Always ends with a slash here, however it was written.
    pub api_base: Url,
    pub client_id: String,
    /// `client_secret`: None is fine as long as nobody has to ask for a token.
    pub client_secret: Option<SecretString>,
    /// `request_timeout`: how long an answer is waited for.
    pub request_timeout: Duration,
    /// `debug`: log requests instead of sending them.
    pub debug: bool,
    /// `allow_http`: plain http beyond loopback.
    pub allow_http: bool,
    /// `max_in_flight`: requests at once, per process; 1 or more.
    pub max_in_flight: usize,
    /// `rate`: requests per second and process, in bursts of `max_in_flight`. 0 = no limit.
    pub rate: f64,
    /// `materials`: how a difference between two lists of decks is spoken.
    pub materials: Materials,
    /// `late_effect`: how long a request that was given up may still take effect.
    pub late_effect: Duration,
    /// `window`: how long before a session's start Meetecho itself begins to listen.
    pub window: Duration,
}

impl Meetecho {
    pub(super) fn read(section: &Section) -> Result<Self, SettingsError> {
        let allow_http = section.boolean("allow_http", false)?;
        let materials =
            [("put", Materials::Put), ("calls", Materials::Calls), ("whole_list", Materials::WholeList)];
        Ok(Self {
            api_base: api_base(section, allow_http)?,
            client_id: section.filled("client_id")?.unwrap_or_else(|| "datatracker".to_owned()),
            client_secret: secret(section, "client_secret")?,
            request_timeout: section.duration_from(
                "request_timeout",
                Duration::from_millis(3_010),
                Duration::from_millis(100),
                "no answer comes in less than \"100ms\"",
            )?,
            debug: section.boolean("debug", false)?,
            allow_http,
            max_in_flight: section.whole_up_to("max_in_flight", 4, 1, MOST_AT_ONCE)?,
            rate: section.number("rate", 5.0)?,
            materials: section.choice("materials", &materials)?.unwrap_or_default(),
            late_effect: section.duration("late_effect", Duration::from_secs(30))?,
            window: section.duration("window", Duration::from_mins(15))?,
        })
    }
}

/// Each takes a connection to the ledger's PostgreSQL, which by default has a hundred for all.
const MOST_AT_ONCE: usize = 64;

fn api_base(section: &Section, allow_http: bool) -> Result<Url, SettingsError> {
    let mut url = section.web_address("api_base", "https://meetings.conf.meetecho.com/api/v1/")?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return Err(section.wrong(
            "api_base",
            "must begin with https://, because tokens travel there (plain http is for this machine itself, or \
             with allow_http = true)",
        ));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
