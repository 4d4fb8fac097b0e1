//! The real network, and the only file that names reqwest.
//!
//! One client per provider: no redirects, no proxy from the environment, no second try of its own, HTTP/1.1 as
//! the datatracker speaks it, and only ever to the one host it was made for.

use std::error::Error as _;
use std::sync::Once;
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use secrecy::ExposeSecret;
use url::{Host, Url};

use super::{Method, Pace, Request, Response, SendError};

/// More than any honest answer holds: a group's rooms are some hundred bytes each.
const MAX_ANSWER: usize = 1 << 20;

/// Servers commonly drop an idle connection after 5 s. We drop it first, since a request on a connection that is
/// just being closed would read as doubt.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

/// By so much the limit for the whole exchange lies behind the one for connecting, so that a connection that is
/// never made is always told from an answer that never comes.
const AFTER_CONNECT_LIMIT: Duration = Duration::from_millis(100);

/// What a live transport must know.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// Requests go to this scheme, host and port only.
    pub endpoint: Url,
    /// For making a connection, and for the whole exchange on a connection that is there.
    pub request_timeout: Duration,
    /// Plain http beyond the loopback addresses.
    pub allow_http: bool,
    pub max_in_flight: usize,
    /// Requests per second; 0 = no limit.
    pub rate: f64,
    /// How long a `Retry-After` is honoured; 60 s is the most.
    pub longest_hold: Duration,
}

/// The address can't be used, or no client could be made for it.
#[derive(Debug, thiserror::Error)]
pub enum BadEndpoint {
    #[error(
        "{0} would send secrets in plain text: use https, or set meetecho.allow_http = true if the way there is safe"
    )]
    PlainHttp(Url),
    #[error("{0} is not an address to send to: an https URL is expected")]
    NotHttp(Url),
    #[error("no client for https could be set up (are the system's CA certificates installed?)")]
    Client(#[source] reqwest::Error),
}

/// Sends for real.
#[derive(Debug, Clone)]
pub struct Live {
    client: reqwest::Client,
    endpoint: Url,
    limit: Duration,
    pace: Pace,
}

impl Live {
    pub fn new(options: LiveOptions) -> Result<Self, BadEndpoint> {
        let LiveOptions { endpoint, request_timeout, allow_http, max_in_flight, rate, longest_hold } =
            options;
        if endpoint.host().is_none() {
            return Err(BadEndpoint::NotHttp(endpoint));
        }
        let encrypted = match endpoint.scheme() {
            "https" => true,
            "http" if allow_http || is_loopback(&endpoint) => false,
            "http" => return Err(BadEndpoint::PlainHttp(endpoint)),
            _ => return Err(BadEndpoint::NotHttp(endpoint)),
        };
        install_crypto_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("meetsync/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(request_timeout)
            .pool_idle_timeout(IDLE_CONNECTION)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .http1_only();
        builder = if encrypted {
            builder.https_only(true)
        } else {
            // Never used, and so the machine's CA certificates need not be there.
            builder.tls_certs_only([])
        };
        let client = builder.build().map_err(BadEndpoint::Client)?;
        Ok(Self {
            client,
            endpoint,
            limit: request_timeout.saturating_add(AFTER_CONNECT_LIMIT),
            pace: Pace::patient(max_in_flight, rate, longest_hold),
        })
    }

    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(super) async fn send(
        &self,
        request: &Request,
        goes: impl FnOnce() -> bool,
    ) -> Result<Response, SendError> {
        if request.url.origin() != self.endpoint.origin() {
            return Err(SendError::NotSent { words: "the address is not the provider's".to_owned() });
        }
        let prepared = prepare(request)?;
        let permit = self.pace.admit().await;
        if !goes() {
            return Err(SendError::Withheld);
        }
        let deadline = tokio::time::Instant::now() + self.limit;
        let answer = tokio::time::timeout_at(deadline, self.client.execute(prepared)).await;
        let answer = match answer {
            Err(_) => Err(SendError::Unanswered { words: "timed out".to_owned() }),
            Ok(Err(error)) => Err(classify(error)),
            Ok(Ok(answer)) => read(answer, deadline).await,
        };
        // Before the place is given up: the next one must already see the hold.
        self.pace.note(&answer);
        drop(permit);
        answer
    }
}

fn prepare(request: &Request) -> Result<reqwest::Request, SendError> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut prepared = reqwest::Request::new(method, request.url.clone());
    let headers = prepared.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(bearer) = &request.bearer {
        let mut value =
            HeaderValue::from_str(&format!("bearer {}", bearer.expose_secret())).map_err(|_| {
                SendError::NotSent { words: "the token holds characters that no header may hold".to_owned() }
            })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    match &request.body {
        Some(body) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *prepared.body_mut() = Some(body.bytes().to_vec().into());
        }
        None if request.method != Method::Get => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        None => {}
    }
    Ok(prepared)
}
/// Reads the body up to the cap. An answer that says no is a no, however its body ends; a success counts only whole.
async fn read(mut answer: reqwest::Response, deadline: tokio::time::Instant) -> Result<Response, SendError> {
    let status = answer.status().as_u16();
    let must_be_whole = answer.status().is_success();
    let text = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let content_type = text(CONTENT_TYPE).map(str::to_owned);
    let retry_after = retry_after(answer.headers());
    let mut body = Vec::new();
    loop {
        let broken = match tokio::time::timeout_at(deadline, answer.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                body.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER + 1 - body.len())]);
                if body.len() <= MAX_ANSWER {
                    continue;
                }
                SendError::TooLarge { status, limit: MAX_ANSWER }
            }
            Ok(Ok(None)) => break,
            Ok(Err(error)) => SendError::Unanswered {
                words: format!("{status}, and then the answer broke off ({})", chain(&error.without_url())),
            },
            Err(_) => SendError::Unanswered { words: format!("{status}, and then timed out") },
        };
        if must_be_whole {
            return Err(broken);
        }
        break;
    }
    Ok(Response { status, content_type, retry_after, body })
}

/// Only an error before there was a connection proves that nothing was processed.
fn classify(error: reqwest::Error) -> SendError {
    let error = error.without_url();
    let words = if error.is_timeout() { "timed out".to_owned() } else { chain(&error) };
    if error.is_builder() {
        SendError::NotSent { words }
    } else if error.is_connect() {
        let words = if error.is_timeout() { "connecting timed out".to_owned() } else { words };
        SendError::NotSent { words }
    } else {
        SendError::Unanswered { words }
    }
}

/// The last two causes: the outer ones only say "error sending request".
fn chain(error: &reqwest::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if causes.last() != Some(&words) {
            causes.push(words);
        }
        next = cause.source();
    }
    match causes.as_slice() {
        [] => error.to_string(),
        [one] => one.clone(),
        [.., before, last] if before.contains(last.as_str()) => before.clone(),
        [.., before, last] => format!("{before}: {last}"),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // A date is compared with the answer's own, so that our clock does not matter.
    let until = DateTime::parse_from_rfc2822(asked).ok()?;
    let sent = DateTime::parse_from_rfc2822(text(DATE)?).ok()?;
    Some((until - sent).to_std().unwrap_or(Duration::ZERO))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// rustls wants to be told once per process which cryptography to use.
fn install_crypto_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that somebody was first, with the same one: nothing else is linked.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests;
