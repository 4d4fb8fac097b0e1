//! The one writer of stdout. With `--json` exactly one document goes out; nothing else is ever on stdout.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::hints;
use crate::model::Scope;
use crate::plan::Style;

/// Where a command's result goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Colour only on a terminal, never in a pipe.
    fn colour(self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// How a text for people is laid out here.
    pub(crate) fn style(self, scope: Scope) -> Style {
        Style { colour: self.colour(), width: width(), scope, is_under_way: false }
    }
}

/// The terminal's columns; None in a pipe, where nothing is shortened.
fn width() -> Option<usize> {
    let terminal = console::Term::stdout();
    terminal.is_term().then(|| usize::from(terminal.size().1))
}

/// A JSON list, an item a line, written as it is made: all sessions of ten years are large.
pub(crate) fn json_list<T: Serialize>(items: impl IntoIterator<Item = T>) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut first = true;
    for item in items {
        if let Err(error) = list_item(&mut out, first, &item) {
            return quiet_pipe(Err(error));
        }
        first = false;
    }
    quiet_pipe(out.write_all(if first { b"[]\n" } else { b"]\n" }).and_then(|()| out.flush()))
}

/// Text, as it is. A reader that went away (`| head`) is no error.
pub(crate) fn text(text: &str) -> io::Result<()> {
    quiet_pipe(io::stdout().lock().write_all(hints::complete(text).as_bytes()))
}

/// One JSON document and a line's end, written as it is made: it can be large.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = serde_json::to_writer(&mut out, value).map_err(io::Error::from);
    quiet_pipe(written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()))
}

fn list_item<T: Serialize>(out: &mut impl Write, first: bool, item: &T) -> io::Result<()> {
    out.write_all(if first { b"[" } else { b",\n " })?;
    serde_json::to_writer(out, item).map_err(io::Error::from)
}

/// A line for the person at the terminal, on stderr.
pub(crate) fn note(line: &str) {
    // Nothing is left to tell anybody if stderr is gone.
    let _ = writeln!(io::stderr().lock(), "{}", hints::complete(line));
}

fn quiet_pipe(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
