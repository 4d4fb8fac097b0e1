//! Counts the SQL statements of this process, transactions' BEGIN and COMMIT included.

use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

struct Counter;

impl Instrumentation for Counter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            STATEMENTS.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// On every connection that is made from here on.
pub(crate) fn every_statement() -> diesel::QueryResult<()> {
    set_default_instrumentation(|| Some(Box::new(Counter)))
}

/// So far. The difference between two looks is what ran in between.
pub(crate) fn statements() -> usize {
    STATEMENTS.load(Ordering::Relaxed)
}
