//! From a file and the environment to one `Section` each, with every name checked before any value is read: a
//! misspelt key is reported as such, and not as the absence of the right one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::env::{self, Environment};
use super::section::{Entry, Given, Origin, Section, one_of};
use super::{
    SettingsError, check, datatracker, guard, http, ledger, log, meetecho, rooms, scope, shutdown, slides,
};

/// The file that is read where none is named.
pub const DEFAULT_FILE: &str = "meetsync.toml";

/// Every section with its keys.
pub(super) const SECTIONS: [(&str, &[&str]); 11] = [
    ("datatracker", datatracker::KEYS),
    ("ledger", ledger::KEYS),
    ("scope", scope::KEYS),
    ("meetecho", meetecho::KEYS),
    ("slides", slides::KEYS),
    ("rooms", rooms::KEYS),
    ("guard", guard::KEYS),
    ("check", check::KEYS),
    ("http", http::KEYS),
    ("log", log::KEYS),
    ("shutdown", shutdown::KEYS),
];

/// What was given, section by section.
#[derive(Debug)]
pub(super) struct Document {
    file: Option<PathBuf>,
    entries: BTreeMap<&'static str, Vec<Entry>>,
}

impl Document {
    /// Reads the file that is named, by `--config` or `MEETSYNC_CONFIG`, else the default one if it is there; then
    /// lays the variables over it.
    pub(super) fn load(path: Option<&Path>, environment: &Environment) -> Result<Self, SettingsError> {
        let named = path.map(Path::to_owned).or_else(|| environment.path(env::CONFIG));
        let path = named.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        let mut document = match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
                if environment.overrides().next().is_none() {
                    return Err(SettingsError::NoFile { path });
                }
                Self { file: None, entries: BTreeMap::new() }
            }
            Err(source) => return Err(SettingsError::Unreadable { path, source }),
        };
        for (name, value) in environment.overrides() {
            document.lay_over(name, value)?;
        }
        Ok(document)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        let (table, mistakes) = DeTable::parse_recoverable(text);
        let offset_of = |mistake: &toml::de::Error| mistake.span().map_or(0, |span| span.start);
        if let Some(first) = mistakes.iter().min_by_key(|mistake| offset_of(mistake)) {
            return Err(SettingsError::NotToml {
                path: path.to_owned(),
                line: line_of(offset_of(first)),
                problem: first.message().replace('\n', ", "),
            });
        }
        let wrong = |offset: usize, what: &str, problem: String| SettingsError::Key {
            place: format!("{}:{}: {what}", path.display(), line_of(offset)),
            problem,
        };
        let mut entries: BTreeMap<&'static str, Vec<Entry>> = BTreeMap::new();
        for (name, value) in table.get_ref() {
            let offset = name.span().start;
            let (section, keys) = section_named(name.get_ref()).ok_or_else(|| {
                if value.get_ref().is_table() {
                    wrong(offset, &format!("[{}]", name.get_ref()), unknown_section())
                } else {
                    wrong(
                        offset,
                        name.get_ref(),
                        "a key must stand below the [section] that it belongs to".into(),
                    )
                }
            })?;
            let DeValue::Table(table) = value.get_ref() else {
                let found =
                    "expected a section, that is [NAME] on a line of its own and its keys below".to_owned();
                return Err(wrong(offset, section, found));
            };
            for (key, value) in table {
                let offset = key.span().start;
                if !keys.contains(&key.get_ref().as_ref()) {
                    let what = format!("[{section}] {}", key.get_ref());
                    return Err(wrong(offset, &what, unknown_key(keys)));
                }
                entries.entry(section).or_default().push(Entry {
                    key: key.get_ref().clone().into_owned(),
                    origin: Origin::Line(line_of(offset)),
                    given: given(value.get_ref()),
                });
            }
        }
        Ok(Self { file: Some(path.to_owned()), entries })
    }

    /// `MEETSYNC__ROOMS__POLICY` takes the place of `policy` in `[rooms]`.
    fn lay_over(&mut self, name: String, value: Option<&str>) -> Result<(), SettingsError> {
        let wrong = |problem: String| SettingsError::Key { place: name.clone(), problem };
        let Some((section, key)) = name.strip_prefix(env::PREFIX).and_then(|rest| rest.split_once("__"))
        else {
            return Err(wrong("expected a name of the form MEETSYNC__SECTION__KEY".to_owned()));
        };
        let Some((section, keys)) = SECTIONS.into_iter().find(|(name, _)| name.to_uppercase() == section)
        else {
            return Err(wrong(unknown_section()));
        };
        let Some(key) = keys.iter().find(|name| name.to_uppercase() == key) else {
            return Err(wrong(unknown_key(keys)));
        };
        let Some(value) = value else {
            return Err(wrong("its value is not valid UTF-8".to_owned()));
        };
        let given = Given::Typed(value.to_owned());
        let entries = self.entries.entry(section).or_default();
        entries.retain(|entry| entry.key != *key);
        entries.push(Entry { key: (*key).to_owned(), origin: Origin::Variable(name), given });
        Ok(())
    }

    pub(super) fn section(&self, name: &'static str) -> Section {
        Section {
            name,
            file: self.file.clone(),
            entries: self.entries.get(name).cloned().unwrap_or_default(),
        }
    }
}

fn section_named(name: &str) -> Option<(&'static str, &'static [&'static str])> {
    SECTIONS.into_iter().find(|(known, _)| *known == name)
}

fn unknown_section() -> String {
    let names: Vec<_> = SECTIONS.iter().map(|(name, _)| *name).collect();
    format!("unknown section (expected {})", one_of(&names))
}

fn unknown_key(keys: &[&str]) -> String {
    format!("unknown key (expected {})", one_of(keys))
}

fn given(value: &DeValue<'_>) -> Given {
    match value {
        DeValue::String(text) => Given::Text(text.clone().into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Given::Other("a number that is far too big"), Given::Integer),
        DeValue::Float(number) => {
            number.as_str().parse().map_or(Given::Other("a number that can't be read"), Given::Float)
        }
        DeValue::Boolean(value) => Given::Boolean(*value),
        DeValue::Datetime(_) => Given::Other("a date or time"),
        DeValue::Array(items) => Given::List(items.iter().map(|item| given(item.get_ref())).collect()),
        DeValue::Table(_) => Given::Other("a table"),
    }
}
