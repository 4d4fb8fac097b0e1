//! One section of the settings while it is being read: what was given for each key, and where.
//!
//! The readers here know kinds of values (a choice, a span, a list) and nothing about any one key. A value from the
//! environment is text that may stand for any kind; a value from the file has the kind that TOML gave it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use super::SettingsError;
use super::duration::{EXPECTED as EXPECTED_DURATION, parse_duration};

/// Where a value stands.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    Line(usize),
    Variable(String),
}

/// What was given.
#[derive(Debug, Clone)]
pub(super) enum Given {
    /// From the environment: text that may stand for anything.
    Typed(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    List(Vec<Given>),
    /// A kind that no key has, by its name.
    Other(&'static str),
}

impl Given {
    fn kind(&self) -> &'static str {
        match self {
            Self::Typed(_) | Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Other(name) => name,
        }
    }
}

/// A key that was set.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) origin: Origin,
    pub(super) given: Given,
}

/// The keys of one section that were set, by file or environment.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) file: Option<PathBuf>,
    pub(super) entries: Vec<Entry>,
}

type Read<T> = Result<T, SettingsError>;

impl Section {
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// An error about a key: at the place where it was set, or where it would be.
    pub(super) fn wrong(&self, key: &str, problem: impl Into<String>) -> SettingsError {
        SettingsError::Key { place: self.place(key), problem: problem.into() }
    }

    /// `meetsync.toml:12: [rooms] policy`, or the variable's name.
    pub(super) fn place(&self, key: &str) -> String {
        let file = self.file.as_deref().map(Path::display);
        match (self.entry(key).map(|entry| &entry.origin), file) {
            (Some(Origin::Variable(name)), _) => name.clone(),
            (Some(Origin::Line(line)), Some(file)) => format!("{file}:{line}: [{}] {key}", self.name),
            (_, Some(file)) => format!("{file}: [{}] {key}", self.name),
            (_, None) => format!("MEETSYNC__{}__{}", self.name, key).to_uppercase(),
        }
    }

    /// The directory that a relative path in this key is relative to: the settings file's own, or for a variable
    /// the current one.
    pub(super) fn base(&self, key: &str) -> PathBuf {
        match self.entry(key).map(|entry| &entry.origin) {
            Some(Origin::Line(_)) => {
                self.file.as_deref().and_then(Path::parent).map(Path::to_owned).unwrap_or_default()
            }
            _ => PathBuf::new(),
        }
    }

    fn kind_error(&self, key: &str, expected: &str, given: &Given) -> SettingsError {
        self.wrong(key, format!("expected {expected}, found {}", given.kind()))
    }

    pub(super) fn text(&self, key: &str) -> Read<Option<String>> {
        match self.entry(key).map(|entry| &entry.given) {
            None => Ok(None),
            Some(Given::Typed(text) | Given::Text(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.kind_error(key, "text", other)),
        }
    }

    /// Text that says something, if the key is set at all.
    pub(super) fn filled(&self, key: &str) -> Read<Option<String>> {
        let text = self.text(key)?;
        if text.as_deref().is_some_and(|text| text.trim().is_empty()) {
            return Err(self.wrong(key, "must not be blank (leave the key out for its default)"));
        }
        Ok(text)
    }

    pub(super) fn boolean(&self, key: &str, default: bool) -> Read<bool> {
        match self.entry(key).map(|entry| &entry.given) {
            None => Ok(default),
            Some(Given::Boolean(value)) => Ok(*value),
            Some(Given::Typed(text)) => text.trim().parse().map_err(|_| {
                self.wrong(key, format!("expected true or false, found \"{}\"", text.escape_debug()))
            }),
            Some(other) => Err(self.kind_error(key, "true or false", other)),
        }
    }

    /// As [`Section::whole`], with an upper end.
    pub(super) fn whole_up_to(&self, key: &str, default: usize, least: usize, most: usize) -> Read<usize> {
        let number = self.whole(key, default, least)?;
        if number > most {
            return Err(
                self.wrong(key, format!("expected a whole number from {least} to {most}, found {number}"))
            );
        }
        Ok(number)
    }

    /// A whole number of `least` or more.
    pub(super) fn whole<T>(&self, key: &str, default: T, least: T) -> Read<T>
    where
        T: TryFrom<i64> + FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let expected = format!("a whole number, {least} or more");
        let wrong = |found: String| self.wrong(key, format!("expected {expected}, found {found}"));
        let number = match self.entry(key).map(|entry| &entry.given) {
            None => return Ok(default),
            Some(Given::Integer(number)) => T::try_from(*number).map_err(|_| wrong(number.to_string()))?,
            Some(Given::Typed(text)) => {
                text.trim().parse().map_err(|_| wrong(format!("\"{}\"", text.escape_debug())))?
            }
            Some(other) => return Err(self.kind_error(key, &expected, other)),
        };
        if number < least {
            return Err(wrong(number.to_string()));
        }
        Ok(number)
    }

    /// A finite number, zero or more.
    pub(super) fn number(&self, key: &str, default: f64) -> Read<f64> {
        let expected = "a number, 0 or more";
        let number = match self.entry(key).map(|entry| &entry.given) {
            None => return Ok(default),
            Some(Given::Integer(number)) => i32::try_from(*number).map_or(f64::NAN, f64::from),
            Some(Given::Float(number)) => *number,
            Some(Given::Typed(text)) => text.trim().parse().unwrap_or(f64::NAN),
            Some(other) => return Err(self.kind_error(key, expected, other)),
        };
        if number.is_finite() && number >= 0.0 {
            return Ok(number);
        }
        Err(self.wrong(key, format!("expected {expected}, found {}", self.shown(key))))
    }

    pub(super) fn duration(&self, key: &str, default: Duration) -> Read<Duration> {
        let span = match self.entry(key).map(|entry| &entry.given) {
            None => return Ok(default),
            Some(Given::Integer(seconds)) => parse_duration(&seconds.to_string()),
            Some(Given::Float(seconds)) => parse_duration(&seconds.to_string()),
            Some(Given::Typed(text) | Given::Text(text)) => parse_duration(text),
            Some(other) => return Err(self.kind_error(key, EXPECTED_DURATION, other)),
        };
        span.ok_or_else(|| {
            self.wrong(key, format!("expected {EXPECTED_DURATION}, found {}", self.shown(key)))
        })
    }

    /// A span that isn't shorter than `least`; `why` ends the sentence.
    pub(super) fn duration_from(
        &self,
        key: &str,
        default: Duration,
        least: Duration,
        why: &str,
    ) -> Read<Duration> {
        let span = self.duration(key, default)?;
        if span < least {
            return Err(self.wrong(key, format!("{} is too short: {why}", self.shown(key))));
        }
        Ok(span)
    }

    /// The items of a list, in the order given: each is text that says something.
    pub(super) fn list(&self, key: &str) -> Read<Option<Vec<String>>> {
        let expected = "a list of texts, such as [\"one\", \"two\"]";
        match self.entry(key).map(|entry| &entry.given) {
            None => Ok(None),
            Some(Given::Typed(text)) => Ok(Some(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
            )),
            Some(Given::List(items)) => items
                .iter()
                .map(|item| match item {
                    Given::Text(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
                    Given::Text(_) => Err(self.wrong(key, format!("expected {expected}, found a blank one"))),
                    other => {
                        Err(self
                            .wrong(key, format!("expected {expected}, found {} in the list", other.kind())))
                    }
                })
                .collect::<Read<Vec<_>>>()
                .map(Some),
            Some(other) => Err(self.kind_error(key, expected, other)),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Read<Option<T>> {
        let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let expected = one_of(&words);
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let (Given::Typed(text) | Given::Text(text)) = &entry.given else {
            return Err(self.kind_error(key, &expected, &entry.given));
        };
        match choices.iter().find(|(word, _)| word == text) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                Err(self
                    .wrong(key, format!("unknown value \"{}\" (expected {expected})", text.escape_debug())))
            }
        }
    }

    /// A web address without a password, query or fragment. `example` shows the shape.
    pub(super) fn web_address(&self, key: &str, default: &str) -> Read<Url> {
        let text = self.filled(key)?.unwrap_or_else(|| default.to_owned());
        let expected = format!("expected a web address such as \"{default}\"");
        let url = Url::parse(&text).map_err(|problem| self.wrong(key, format!("{expected}: {problem}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(self.wrong(key, format!("{expected}, beginning with https:// (or http://)")));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(self.wrong(key, format!("{expected}, without a user name or password in it")));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(self.wrong(key, format!("{expected}, without anything after ? or #")));
        }
        Ok(url)
    }

    /// What was given, as a person would recognise it. Never for a secret.
    pub(super) fn shown(&self, key: &str) -> String {
        match self.entry(key).map(|entry| &entry.given) {
            None => "nothing".to_owned(),
            Some(Given::Typed(text) | Given::Text(text)) => format!("\"{}\"", text.escape_debug()),
            Some(Given::Integer(number)) => number.to_string(),
            Some(Given::Float(number)) => number.to_string(),
            Some(other) => other.kind().to_owned(),
        }
    }
}

/// `a, b or c`.
pub(super) fn one_of(words: &[impl AsRef<str>]) -> String {
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let joint = match index {
            0 => "",
            _ if index + 1 == words.len() => " or ",
            _ => ", ",
        };
        let _ = write!(text, "{joint}{}", word.as_ref());
    }
    text
}
