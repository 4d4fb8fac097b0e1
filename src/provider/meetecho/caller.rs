//! One call over the wire: address, bearer and body become a request, and what went out is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::answers::Answers;
use super::wire::{self, Call};
use crate::model::GroupAcronym;
use crate::transport::{Body, DebugLog, DebugTransport, REDACTED, Request, Response, SendError, Transport};

#[derive(Debug)]
pub(super) struct Caller {
    transport: Transport,
    base: Url,
    client_id: String,
    client_secret: SecretString,
    counted: Counted,
    /// The other side of a rehearsal; None = the real one.
    answers: Option<Arc<Answers>>,
}

/// Requests that may have reached the other side.
#[derive(Debug, Default)]
struct Counted {
    reads: AtomicU64,
    token_calls: AtomicU64,
}

impl Counted {
    /// Where a call is counted; writes by the one who makes them.
    fn of<'a>(&'a self, call: Call, writes: &'a AtomicU64) -> &'a AtomicU64 {
        match call {
            Call::Tokens => &self.token_calls,
            Call::FetchRooms => &self.reads,
            _ => writes,
        }
    }
}

impl Caller {
    pub(super) fn over(
        transport: Transport,
        base: Url,
        client_id: String,
        client_secret: SecretString,
    ) -> Self {
        Self { transport, base, client_id, client_secret, counted: Counted::default(), answers: None }
    }

    pub(super) fn rehearsing(
        log: DebugLog,
        base: Url,
        client_id: String,
        client_secret: SecretString,
    ) -> Self {
        let answers = Arc::new(Answers::default());
        let (known, answering) = (base.clone(), Arc::clone(&answers));
        let answer = move |request: &Request| {
            let call = Call::ALL.into_iter().find(|call| {
                call.method() == request.method && known.join(call.path()).is_ok_and(|url| url == request.url)
            });
            answering.answer(call.expect("only these calls are ever made"), &known, request)
        };
        let transport = Transport::Debug(DebugTransport::new(log, Box::new(answer)));
        let counted = Counted::default();
        Self { transport, base, client_id, client_secret, counted, answers: Some(answers) }
    }

    /// None = this is no rehearsal.
    pub(super) fn answers(&self) -> Option<&Answers> {
        self.answers.as_deref()
    }

    pub(super) fn quiet_for(&self) -> Option<Duration> {
        self.transport.quiet_for()
    }

    pub(super) async fn call(
        &self,
        call: Call,
        bearer: Option<&SecretString>,
        body: Option<Body>,
        writes: &AtomicU64,
    ) -> Result<Response, SendError> {
        self.call_if(call, bearer, body, writes, || true).await
    }

    /// A call that is withheld ([`SendError::Withheld`]) unless it `may_go` when its turn has come.
    pub(super) async fn call_if(
        &self,
        call: Call,
        bearer: Option<&SecretString>,
        body: Option<Body>,
        writes: &AtomicU64,
        may_go: impl FnOnce() -> bool,
    ) -> Result<Response, SendError> {
        let url = self.base.join(call.path()).expect("a relative path fits on every http address");
        let request = Request { method: call.method(), url, bearer: bearer.cloned(), body };
        // Counted as it goes: whoever is cancelled while waiting for the answer has sent it all the same.
        let counter = self.counted.of(call, writes);
        let mut went = false;
        let goes = || {
            went = may_go();
            counter.fetch_add(u64::from(went), Ordering::Relaxed);
            went
        };
        let answer = self.transport.send(&request, goes).await;
        if went && matches!(answer, Err(SendError::NotSent { .. })) {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
        answer
    }

    /// The body that asks for tokens of all these groups at once.
    pub(super) fn tokens_body(&self, groups: &[&GroupAcronym]) -> Body {
        let written = |secret| wire::tokens_body(&self.client_id, secret, groups.iter().copied());
        Body::with_secret(written(self.client_secret.expose_secret()), written(REDACTED))
    }

    pub(super) fn client_secret(&self) -> &SecretString {
        &self.client_secret
    }

    pub(super) fn reads(&self) -> u64 {
        self.counted.reads.load(Ordering::Relaxed)
    }

    pub(super) fn token_calls(&self) -> u64 {
        self.counted.token_calls.load(Ordering::Relaxed)
    }
}
