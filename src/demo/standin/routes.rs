//! The stand-in's HTTP side: which call a request is, what goes wrong with it, and how an answer is written.

use std::net::SocketAddr;
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

pub(super) async fn serve(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let stopping = Arc::clone(&shared);
    let listener = CuttableListener::new(listener, address, shared.here.subscribe());
    let app = Router::new().fallback(handle).with_state(shared);
    let served = axum::serve(listener, app.into_make_service_with_connect_info::<Wire>())
        .with_graceful_shutdown(async move { stopping.stopped().await });
    if let Err(error) = served.await {
        tracing::error!(%error, "the stand-in Meetecho stopped");
    }
}

/// One request, as far as it matters; its effect may come later than its answer, or without one.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    call: Option<Call>,
    bearer: Option<String>,
    body: Option<Value>,
    /// Its number in the log.
    place: u64,
}

struct Incoming {
    asked: Asked,
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
            took_effect: false,
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
    let incoming = Incoming { asked: Asked { call, bearer, body, place }, wire };
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
    let done = || incoming.asked.perform(shared);
    let finish = |status: u16, headers: &[(HeaderName, String)], body: Vec<u8>| {
        note(shared, incoming.asked.place, |entry| entry.status = Some(status));
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
            shared.lock().held.push(incoming.asked.clone());
            shared.tell();
            std::future::pending().await
        }
        Failure::RejectTokens => {
            shared.lock().world.tokens.clear();
            written(Reply::of(401, json!({"error": "token expired"})))
        }
    }
}

impl Asked {
    pub(super) fn perform(&self, shared: &Shared) -> Reply {
        let reply = match self.call {
            Some(call) => shared.lock().world.perform(call, self.bearer.as_deref(), self.body.as_ref()),
            None => Reply::of(404, json!({"error": "no such call"})),
        };
        let took_effect = (200..300).contains(&reply.status);
        note(shared, self.place, |entry| entry.took_effect = took_effect);
        reply
    }
}

/// The effect outlives its request: the client may hang up long before.
fn land_later(shared: &Arc<Shared>, incoming: &Incoming, after: Duration) {
    let asked = incoming.asked.clone();
    let later = Arc::clone(shared);
    shared.lock().late.spawn(async move {
        tokio::select! {
            () = later.stopped() => {}
            () = tokio::time::sleep(after) => {
                asked.perform(&later);
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
