//! One request, and its answer. A connection for each; the datatracker keeps its own only for one web request too.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::provider::meetecho::Call;

/// How the datatracker's client calls itself.
pub const USER_AGENT: &str = "python-requests/2.34.2";

/// `request_timeout`, as it is when nobody sets it.
const PATIENCE: Duration = Duration::from_millis(3010);

/// An answer; its body is null where there is none, or no JSON.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// Sends one request. None = no connection, or no answer in time.
pub(super) async fn send(
    base: &Url,
    call: Call,
    bearer: Option<&SecretString>,
    body: Option<&Value>,
) -> Option<Answer> {
    let request = request(base, call, bearer, body)?;
    let address = (base.host_str()?, base.port_or_known_default()?);
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(request.expose_secret().as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        read(&answer)
    };
    timeout(PATIENCE, exchange).await.ok()?
}

fn request(
    base: &Url,
    call: Call,
    bearer: Option<&SecretString>,
    body: Option<&Value>,
) -> Option<SecretString> {
    let url = base.join(call.path()).ok()?;
    let method = call.method();
    let body = body.map(Value::to_string);
    let mut lines = vec![
        format!("{} {} HTTP/1.1", method.as_str(), url.path()),
        format!("Host: {}", url.host_str()?),
        format!("User-Agent: {USER_AGENT}"),
        "Accept: application/json".to_owned(),
        "Connection: close".to_owned(),
    ];
    if let Some(bearer) = bearer {
        lines.push(format!("Authorization: bearer {}", bearer.expose_secret()));
    }
    if body.is_some() {
        lines.push("Content-Type: application/json".to_owned());
    }
    if call != Call::FetchRooms {
        lines.push(format!("Content-Length: {}", body.as_ref().map_or(0, String::len)));
    }
    Some(format!("{}\r\n\r\n{}", lines.join("\r\n"), body.unwrap_or_default()).into())
}

fn read(answer: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: serde_json::from_str(body).unwrap_or_default() })
}
