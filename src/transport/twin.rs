//! A far side inside of this process, behind the same pace and the same time limit as the real one: for simulations.
//!
//! What it answers, and when, is its own affair; what is done with an answer (or with its absence) is not, so that a
//! simulation meets the very code that the network meets.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Pace, Request, Response, SendError};

/// An exchange that is under way. Dropped = nobody waits for the answer any more.
pub type Exchange = Pin<Box<dyn Future<Output = Result<Response, SendError>> + Send>>;

/// The other side.
pub trait FarSide: Send + Sync {
    /// Takes a request and answers it, some time.
    fn exchange(&self, request: &Request) -> Exchange;
}

/// Sends to a [`FarSide`].
#[derive(Clone)]
pub struct TwinTransport {
    far_side: Arc<dyn FarSide>,
    limit: Duration,
    pace: Pace,
}

impl fmt::Debug for TwinTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwinTransport").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl TwinTransport {
    /// `limit`: for the whole exchange, as `meetecho.request_timeout`.
    pub fn new(far_side: Arc<dyn FarSide>, limit: Duration, pace: Pace) -> Self {
        Self { far_side, limit, pace }
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(super) async fn send(
        &self,
        request: &Request,
        goes: impl FnOnce() -> bool,
    ) -> Result<Response, SendError> {
        let permit = self.pace.admit().await;
        if !goes() {
            return Err(SendError::Withheld);
        }
        let answer = match timeout(self.limit, self.far_side.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(SendError::Unanswered { words: "timed out".to_owned() }),
        };
        self.pace.note(&answer);
        drop(permit);
        answer
    }
}
