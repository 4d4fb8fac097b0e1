//! Makes another side's words fit to be shown: no secret of ours in them, no control characters, one short line.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What stands where a secret was.
pub const REDACTED: &str = "[redacted]";

/// How many characters of somebody else's words are kept.
const MAX_WORDS: usize = 300;

/// Knows the secrets that could be echoed.
#[derive(Clone, Default)]
pub struct Scrubber {
    /// Every written form of every secret, the longest first, so that one secret inside another is no trap.
    needles: Vec<String>,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} forms)", self.needles.len())
    }
}

impl Scrubber {
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut needles = Vec::new();
        for secret in secrets {
            let plain = secret.expose_secret();
            if plain.is_empty() {
                continue;
            }
            needles.push(plain.to_owned());
            // An error page may quote what was sent in JSON or in a URL.
            let quoted = Value::from(plain).to_string();
            needles.push(quoted[1..quoted.len() - 1].to_owned());
            needles.push(url::form_urlencoded::byte_serialize(plain.as_bytes()).collect());
        }
        needles.retain(|needle| !needle.is_empty());
        needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        needles.dedup();
        Self { needles }
    }

    /// One line of at most 300 characters without known secrets and without anything that follows `bearer`.
    pub fn words(&self, text: &str) -> String {
        let scrubbed = hide_bearers(&self.scrub(text));
        shorten(&collapse(&scrubbed))
    }

    /// What may be shown of an answer's body: JSON with the values of secret-looking keys hidden, a page's title,
    /// or plain text. Broken JSON is not shown: nobody can tell where a token in it ends.
    pub fn body(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        if text.is_empty() {
            return "(empty)".to_owned();
        }
        if let Ok(mut value) = serde_json::from_str::<Value>(text) {
            self.scrub_json(&mut value, false);
            return shorten(&collapse(&value.to_string()));
        }
        if text.starts_with(['{', '[', '"']) {
            return format!("({} bytes of broken JSON)", body.len());
        }
        if text.starts_with('<') {
            return match page_title(text) {
                Some(title) => format!("(a page: {})", self.words(title)),
                None => "(a page)".to_owned(),
            };
        }
        self.words(text)
    }

    fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for needle in &self.needles {
            if text.contains(needle.as_str()) {
                text = text.replace(needle.as_str(), REDACTED);
            }
        }
        text
    }

    fn scrub_json(&self, value: &mut Value, secret: bool) {
        match value {
            Value::String(text) if secret => REDACTED.clone_into(text),
            Value::Number(_) if secret => *value = Value::from(REDACTED),
            Value::String(text) => *text = hide_bearers(&self.scrub(text)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.scrub_json(item, secret)),
            Value::Object(map) => {
                let old = std::mem::take(map);
                for (key, mut item) in old {
                    self.scrub_json(&mut item, secret || names_a_secret(&key));
                    map.insert(self.scrub(&key), item);
                }
            }
            _ => {}
        }
    }
}

fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["token", "secret", "password", "authorization", "bearer"].iter().any(|word| key.contains(word))
}

/// Hides the word after each `bearer`, whatever the case.
fn hide_bearers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut hide_next = false;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        if hide_next && !word.is_empty() {
            // A sentence may go on after it: `bearer token rejected`. Only what could be a token is hidden.
            let plain_word =
                word.len() < 16 && word.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == ',');
            out.push_str(if plain_word { word } else { REDACTED });
            out.push_str(&piece[word.len()..]);
            hide_next = false;
            continue;
        }
        out.push_str(piece);
        if !word.is_empty() {
            hide_next =
                word.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).eq_ignore_ascii_case("bearer");
        }
    }
    out
}

/// Control characters and runs of white space become one space.
fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || c.is_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_WORDS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

fn page_title(page: &str) -> Option<&str> {
    // ASCII lower-casing keeps byte positions, so they fit the original text.
    let lower = page.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let start = open + lower[open..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(page[start..end].trim()).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubber() -> Scrubber {
        Scrubber::new(&[
            SecretString::from("s3cr3t \"quoted\""),
            SecretString::from("tok"),
            SecretString::from("tok-en-long"),
        ])
    }

    #[test]
    fn known_secrets_go_in_every_written_form() {
        let shown = scrubber()
            .words("a s3cr3t \"quoted\" b s3cr3t \\\"quoted\\\" c s3cr3t+%22quoted%22 d tok-en-long e");
        assert_eq!(shown, "a [redacted] b [redacted] c [redacted] d [redacted] e");
    }

    #[test]
    fn an_unknown_token_goes_by_its_key() {
        let shown = scrubber().body(
            br#"{"error":"no","deletion_token":"zzz","tokens":{"mars":"yyy","n":7},"rooms":[{"x":"tok"}]}"#,
        );
        assert!(!shown.contains("zzz") && !shown.contains("yyy") && !shown.contains("tok\""), "{shown}");
        assert!(shown.contains("\"error\":\"no\""), "{shown}");
        assert_eq!(scrubber().body(br#"{"deletion_token": "zz"#), "(22 bytes of broken JSON)");
    }

    #[test]
    fn bearers_are_hidden_and_sentences_stay() {
        let nothing_known = Scrubber::default();
        let shown = nothing_known.words("Authorization: Bearer abc-123-XYZ was bad");
        assert_eq!(shown, "Authorization: Bearer [redacted] was bad");
        assert_eq!(nothing_known.words("the bearer token was bad"), "the bearer token was bad");
    }

    #[test]
    fn one_short_line() {
        assert_eq!(scrubber().words(" a\r\n\tb\u{1b}[31m c "), "a b [31m c");
        assert_eq!(scrubber().words(&"é".repeat(1000)).chars().count(), MAX_WORDS + 1);
        assert_eq!(scrubber().body(b"<html><head><TITLE>Be right\n back</title>"), "(a page: Be right back)");
        assert_eq!(scrubber().body(b"  "), "(empty)");
    }
}
