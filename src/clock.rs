//! The one clock. Everything that decides takes `now` as an argument; commands take it from the source's snapshot.

use chrono::{DateTime, Utc};

#[expect(clippy::disallowed_methods, reason = "this is the one home of the clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
