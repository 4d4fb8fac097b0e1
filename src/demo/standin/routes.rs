//! The stand-in's HTTP side: which call a request is, what goes wrong with it, and how an answer is written.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, Method, Response, Uri, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::faults::{Failure, Trouble};
use super::listener::{CuttableListener, Wire};
use super::world::Reply;
use super::{LogEntry, Shared};
use crate::provider::meetecho::Call;
use crate::transport::REDACTED;

pub(super) const BASE_PATH: &str = "/api/v1/";

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let stopping = Arc::clone(&shared);
    let app = Router::new().fallback(handle).with_state(shared);
    let served = axum::serve(CuttableListener(listener), app.into_make_service_with_connect_info::<Wire>())
        .with_graceful_shutdown(async move { stopping.stopped().await });
    if let Err(error) = served.await {
        tracing::error!(%error, "the stand-in Meetecho stopped");
    }
}

/// One request, as far as it matters.
struct Incoming {
    call: Option<Call>,
    bearer: Option<String>,
    body: Option<Value>,
    /// Its number in the log.
    place: u64,
    wire: Wire,
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response<Body> {
    let call = Call::ALL.into_iter().find(|call| {
        method.as_str() == call.method().as_str() && uri.path().strip_prefix(BASE_PATH) == Some(call.path())
    });
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let authorization = text(header::AUTHORIZATION);
    let (scheme, bearer) =
        match authorization.as_deref().map(|value| value.split_once(' ').unwrap_or((value, ""))) {
            Some((scheme, bearer)) => (Some(scheme.to_owned()), Some(bearer.to_owned())),
            None => (None, None),
        };
    let body: Option<Value> = serde_json::from_slice(&bytes).ok();
    let (place, latency, failure) = {
        let mut inner = shared.lock();
        inner.requests += 1;
        let seq = inner.requests;
        let entry = LogEntry {
            seq,
            began: shared.began.elapsed(),
            ended: None,
            call,
            method: method.to_string(),
            path: uri.path().to_owned(),
            bearer: bearer.as_deref().map(|bearer| inner.world.bearer_of(bearer)),
            scheme,
            accept: text(header::ACCEPT),
            user_agent: text(header::USER_AGENT),
            content_type: text(header::CONTENT_TYPE),
            content_length: text(header::CONTENT_LENGTH),
            body: body.clone().map(without_secret),
            status: None,
            failure: None,
        };
        inner.world.log.push(entry);
        let failure = next_failure(&mut inner.troubles, call);
        if let Some(entry) = inner.world.log.last_mut() {
            entry.failure.clone_from(&failure);
        }
        (seq, inner.latency, failure)
    };
    shared.tell();
    let _until_it_ends = UnderWay { shared: Arc::clone(&shared), place };
    let incoming = Incoming { call, bearer, body, place, wire };
    tokio::select! {
        // Cut off rather than answered: a stand-in that is stopping has nothing true to say.
        () = shared.stopped() => cut_off(&incoming),
        answer = async {
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            respond(&shared, &incoming, failure).await
        } => answer,
    }
}

/// Notes the end of a request, however it comes: who hangs up has the handler dropped.
struct UnderWay {
    shared: Arc<Shared>,
    place: u64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let ended = self.shared.began.elapsed();
        note(&self.shared, self.place, |entry| entry.ended = Some(ended));
    }
}

fn next_failure(troubles: &mut std::collections::VecDeque<Trouble>, call: Option<Call>) -> Option<Failure> {
    let at = troubles.iter().position(|trouble| trouble.call.is_none() || trouble.call == call)?;
    let trouble = &mut troubles[at];
    let failure = trouble.failure.clone();
    if trouble.left != usize::MAX {
        trouble.left = trouble.left.saturating_sub(1);
    }
    if trouble.left == 0 {
        troubles.remove(at);
    }
    Some(failure)
}

fn without_secret(mut body: Value) -> Value {
    if let Some(secret) = body.get_mut("secret") {
        *secret = REDACTED.into();
    }
    body
}

async fn respond(shared: &Arc<Shared>, incoming: &Incoming, failure: Option<Failure>) -> Response<Body> {
    let json = "application/json";
    let done = || perform(shared, incoming.call, incoming.bearer.as_deref(), incoming.body.as_ref());
    let finish = |status: u16, headers: &[(HeaderName, String)], body: Vec<u8>| {
        note(shared, incoming.place, |entry| entry.status = Some(status));
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(name, value);
        }
        answer.body(Body::from(body)).expect("a status and headers of our own making are well formed")
    };
    let of_type = |kind: &str| [(header::CONTENT_TYPE, kind.to_owned())];
    let written = |reply: Reply| match reply.body {
        Some(body) => finish(reply.status, &of_type(json), body.to_string().into_bytes()),
        None => finish(reply.status, &[], Vec::new()),
    };
    let Some(failure) = failure else { return written(done()) };
    match failure {
        Failure::Status(status) => written(Reply::of(status, json!({"error": "as asked for"}))),
        Failure::StatusAfterEffect(status) => {
            done();
            written(Reply::of(status, json!({"error": "as asked for, and done all the same"})))
        }
        Failure::TooMany { retry_after } => {
            finish(429, &[(header::RETRY_AFTER, retry_after.to_string())], Vec::new())
        }
        Failure::Redirect(location) => finish(302, &[(header::LOCATION, location)], Vec::new()),
        Failure::Html => {
            let page = "<!doctype html><html><head><title>Down for maintenance</title></head></html>";
            finish(200, &of_type("text/html; charset=utf-8"), page.into())
        }
        Failure::TruncatedJson => {
            let reply = done();
            let mut body =
                reply.body.unwrap_or_else(|| json!({"status": "accepted"})).to_string().into_bytes();
            body.truncate((body.len() * 2 / 3).max(1));
            finish(reply.status, &of_type(json), body)
        }
        Failure::BrokenJson => finish(done().status, &of_type(json), b"OK, whatever".to_vec()),
        Failure::Huge => {
            let mut body = b"{\"padding\": \"".to_vec();
            let status = done().status;
            body.resize(10_000_000, b'x');
            body.extend_from_slice(b"\"}");
            finish(status, &of_type(json), body)
        }
        Failure::Delay(by) => {
            let reply = done();
            tokio::time::sleep(by).await;
            written(reply)
        }
        Failure::DropBefore => cut_off(incoming),
        Failure::DropAfter => {
            done();
            cut_off(incoming)
        }
        Failure::Hang => std::future::pending().await,
        Failure::LateLanding(after) => {
            land_later(shared, incoming, after);
            std::future::pending().await
        }
        Failure::Held => {
            let held =
                Held { call: incoming.call, bearer: incoming.bearer.clone(), body: incoming.body.clone() };
            shared.lock().held.push(held);
            shared.tell();
            std::future::pending().await
        }
        Failure::RejectTokens => {
            shared.lock().world.tokens.clear();
            written(Reply::of(401, json!({"error": "token expired"})))
        }
    }
}

/// A request whose effect is still to come.
#[derive(Debug)]
pub(super) struct Held {
    call: Option<Call>,
    bearer: Option<String>,
    body: Option<Value>,
}

impl Held {
    pub(super) fn land(self, shared: &Shared) {
        perform(shared, self.call, self.bearer.as_deref(), self.body.as_ref());
    }
}

fn perform(shared: &Shared, call: Option<Call>, bearer: Option<&str>, body: Option<&Value>) -> Reply {
    let reply = match call {
        Some(call) => shared.lock().world.perform(call, bearer, body),
        None => Reply::of(404, json!({"error": "no such call"})),
    };
    shared.tell();
    reply
}

/// The effect outlives its request: the client may hang up long before.
fn land_later(shared: &Arc<Shared>, incoming: &Incoming, after: Duration) {
    let (call, bearer, body) = (incoming.call, incoming.bearer.clone(), incoming.body.clone());
    let later = Arc::clone(shared);
    shared.lock().late.spawn(async move {
        tokio::select! {
            () = later.stopped() => {}
            () = tokio::time::sleep(after) => {
                perform(&later, call, bearer.as_deref(), body.as_ref());
            }
        }
    });
}

fn note(shared: &Shared, place: u64, what: impl FnOnce(&mut LogEntry)) {
    if let Some(entry) = shared.lock().world.log.iter_mut().rev().find(|entry| entry.seq == place) {
        what(entry);
    }
    shared.tell();
}

fn cut_off(incoming: &Incoming) -> Response<Body> {
    incoming.wire.cut();
    Response::new(Body::empty())
}
