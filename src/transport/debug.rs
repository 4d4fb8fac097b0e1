//! A rehearsal's transport: it writes each request down, sends nothing, and answers as the provider's own rehearsal says.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::{REDACTED, Request, Response, SendError};

/// Where a rehearsal is written, and in which form.
#[derive(Clone)]
pub struct DebugLog {
    writer: Arc<Mutex<dyn Write + Send>>,
    json_lines: bool,
}

impl DebugLog {
    /// `json_lines`: one JSON object per line instead of a block for people.
    pub fn new(writer: Arc<Mutex<dyn Write + Send>>, json_lines: bool) -> Self {
        Self { writer, json_lines }
    }

    fn write(&self, request: &Request) -> std::io::Result<()> {
        let text = if self.json_lines { as_line(request) } else { as_block(request) };
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(text.as_bytes())?;
        writer.flush()
    }
}

impl fmt::Debug for DebugLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DebugLog").field("json_lines", &self.json_lines).finish_non_exhaustive()
    }
}

/// What the provider would have answered.
pub type Answer = Box<dyn Fn(&Request) -> Response + Send + Sync>;

/// Logs instead of sending.
pub struct DebugTransport {
    log: DebugLog,
    answer: Answer,
}

impl fmt::Debug for DebugTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DebugTransport").field(&self.log).finish()
    }
}

impl DebugTransport {
    pub fn new(log: DebugLog, answer: Answer) -> Self {
        Self { log, answer }
    }

    pub(super) fn send(&self, request: &Request) -> Result<Response, SendError> {
        // A rehearsal that nobody can read is worth nothing: better to stop than to go on in silence.
        self.log.write(request).map_err(|error| SendError::NotSent {
            words: format!("the request log can't be written: {error}"),
        })?;
        Ok((self.answer)(request))
    }
}

fn as_block(request: &Request) -> String {
    let mut text = format!("{} {}\n", request.method, request.url);
    if request.bearer.is_some() {
        text += "Authorization: bearer ";
        text += REDACTED;
        text.push('\n');
    }
    if let Some(body) = &request.body {
        text += body.shown();
        text.push('\n');
    }
    text.push('\n');
    text
}

fn as_line(request: &Request) -> String {
    let body = request.body.as_ref().map_or(Value::Null, |body| {
        serde_json::from_str(body.shown()).unwrap_or_else(|_| Value::from(body.shown()))
    });
    let authorization = request.bearer.as_ref().map(|_| format!("bearer {REDACTED}"));
    let line = json!({
        "method": request.method.as_str(),
        "url": request.url.as_str(),
        "authorization": authorization,
        "body": body,
    });
    format!("{line}\n")
}
