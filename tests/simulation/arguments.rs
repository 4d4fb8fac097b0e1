//! The command line.

use super::history::Put;

#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) histories: u64,
    pub(crate) seed: u64,
    /// None = mixed.
    pub(crate) faults: Option<u64>,
    pub(crate) put: Option<Put>,
    pub(crate) threads: usize,
    /// Only this one, told in full.
    pub(crate) only: Option<u64>,
    /// Histories only, without the crashes and the planted bugs.
    pub(crate) histories_only: bool,
    /// One planted bug only, by a part of its name.
    pub(crate) bug: Option<String>,
    pub(crate) help: bool,
}

pub(crate) const HELP: &str = "\
Random histories of edits and faults against the real worker; all must come into step, and stay.

  --histories N     how many (default 100000); with this, nothing but histories is run
  --seed S          the first seed (default 1)
  --faults RATE     10, 30, 60 (per cent of all calls) or mixed (default)
  --put MEANING     replace, upsert or both (default): what PUT of a list does to decks that are not in it
  --threads N       (default: all cores)
  --only SEED       play this one, and tell what happened
  --bug NAME        only the planted bugs with this in their name, and the shortest history that shows each
";

impl Arguments {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut parsed = Self {
            histories: 100_000,
            seed: 1,
            faults: None,
            put: None,
            threads: cores,
            only: None,
            histories_only: false,
            bug: None,
            help: false,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--histories" => {
                    parsed.histories = number(&value()?)?;
                    parsed.histories_only = true;
                }
                "--seed" => parsed.seed = number(&value()?)?,
                "--faults" => {
                    let value = value()?;
                    parsed.faults = if value == "mixed" { None } else { Some(number(&value)?) };
                }
                "--put" => {
                    parsed.put = match value()?.as_str() {
                        "replace" => Some(Put::Replaces),
                        "upsert" => Some(Put::Upserts),
                        "both" => None,
                        other => return Err(format!("--put {other}: expected replace, upsert or both")),
                    }
                }
                "--threads" => parsed.threads = usize::try_from(number(&value()?)?).unwrap_or(1).max(1),
                "--only" => parsed.only = Some(number(&value()?)?),
                "--bug" => parsed.bug = Some(value()?),
                "--help" | "-h" => parsed.help = true,
                // What `cargo test` passes on to every test program, for all of them.
                "--nocapture" | "--no-capture" | "--quiet" | "-q" | "--test" => {}
                other => return Err(format!("{other} is not known; try --help")),
            }
        }
        Ok(parsed)
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| format!("{text} is not a number"))
}
