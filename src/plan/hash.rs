//! The plan's hash: an approval (`resync --plan HASH`) holds for exactly these changes and refusals.
//!
//! Not in it: the time, waits, reasons and details in words, the summary. Two plans made a minute apart from the
//! same world have the same hash, and an export plans to the same hash as the database it came from.

use super::types::{Change, Operation, Refusal};
use crate::model::{Digest, SubjectKey, Why, digest_of};

pub(super) fn hash_of(changes: &[Change], refusals: &[Refusal]) -> Digest {
    let mut lines: Vec<(Option<SubjectKey>, Option<Why>, Vec<String>)> = changes
        .iter()
        .map(|change| (Some(change.subject), None, operations(&change.operations)))
        .chain(
            refusals
                .iter()
                .map(|refusal| (refusal.subject, Some(refusal.rule), operations(&refusal.operations))),
        )
        .collect();
    lines.sort();
    digest_of(&lines)
}

/// Each operation as its JSON text, in which the count of requests says nothing.
fn operations(operations: &[Operation]) -> Vec<String> {
    let text = |operation: &Operation| {
        serde_json::to_string(&operation.clone().uncounted()).expect("an operation is plain data")
    };
    operations.iter().map(text).collect()
}
