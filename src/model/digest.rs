//! SHA-256 over a value's JSON: equal values have equal digests, on any machine and in any release that did not
//! change the value's shape.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub String);

impl Digest {
    /// The first twelve digits: enough to name a plan.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The digest of a value's JSON text. Struct fields keep their declared order, so nothing else decides it.
pub fn digest_of<T: Serialize + ?Sized>(value: &T) -> Digest {
    let json = serde_json::to_vec(value).expect("plain data with text keys always has a JSON form");
    let hash = Sha256::digest(&json);
    let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("half a byte");
    Digest(hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}
